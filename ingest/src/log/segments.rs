//! The log on this machine's disk: append-only files of framed records, one sync a group.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::{Damage, IngestLog, LogError};

/// A new file is begun once the newest has grown to this; whole files are what truncation removes.
const SEGMENT_BYTES: u64 = 128 * 1024 * 1024;
/// First bytes of each file; the digits are the format's version.
const FILE_MAGIC: &[u8; 8] = b"harklog1";
/// First bytes of each frame, so that reading can go on behind a damaged one.
const FRAME_MAGIC: [u8; 4] = [0xf1, b'h', b'r', 0x9c];
/// Magic, length of the record, offset, checksum of all that and the record.
const HEADER_BYTES: usize = 4 + 4 + 8 + 8;
/// A longer record is damage: bodies are far below.
const RECORD_BYTES_MAX: usize = 1 << 30;

pub struct SegmentLog {
    folder: PathBuf,
    /// First offset of each file, oldest first.
    segments: Vec<u64>,
    file: File,
    /// Bytes of the newest file that are whole records.
    length: u64,
    next: u64,
    damage: Vec<Damage>,
    segment_bytes: u64,
}

impl SegmentLog {
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        Self::open_with(folder, SEGMENT_BYTES)
    }

    fn open_with(folder: &Path, segment_bytes: u64) -> Result<Self, LogError> {
        let fail = |source| LogError::Open { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(fail)?;
        let mut segments = Vec::new();
        for entry in fs::read_dir(folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let first = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".log")?.parse::<u64>().ok());
            segments.push(first.ok_or_else(|| LogError::Foreign {
                path,
                problem: "its name is not that of a file of the log; move it elsewhere".to_owned(),
            })?);
        }
        segments.sort_unstable();
        let first = segments.last().copied();
        if first.is_none() {
            segments.push(0);
        }
        let newest = first.unwrap_or(0);
        let path = segment_path(folder, newest);
        let mut file = begin(&path).map_err(fail)?;
        sync_folder(folder).map_err(fail)?;
        let mut damage = Vec::new();
        let (next, length) = scan(&path, newest, true, &mut damage, &mut |_, _| {})?;
        // What follows the last whole record was never acknowledged, and must not lie between two that are.
        file.set_len(length).and_then(|()| file.sync_all()).map_err(fail)?;
        file.seek(SeekFrom::End(0)).map_err(fail)?;
        Ok(Self { folder: folder.to_owned(), segments, file, length, next, damage, segment_bytes })
    }

    fn roll(&mut self) -> io::Result<()> {
        let file = begin(&segment_path(&self.folder, self.next))?;
        sync_folder(&self.folder)?;
        self.file = file;
        self.length = FILE_MAGIC.len() as u64;
        self.segments.push(self.next);
        Ok(())
    }
}

impl IngestLog for SegmentLog {
    fn next_offset(&self) -> u64 {
        self.next
    }

    fn append(&mut self, records: &[Vec<u8>]) -> Result<(), LogError> {
        if self.length >= self.segment_bytes {
            self.roll().map_err(|source| LogError::Write { source })?;
        }
        let bytes: usize = records.iter().map(|record| record.len() + HEADER_BYTES).sum();
        let mut frames = Vec::with_capacity(bytes);
        for (offset, record) in (self.next..).zip(records) {
            push_frame(&mut frames, offset, record);
        }
        if let Err(source) = self.file.write_all(&frames) {
            // Part of it may be in the file. Unless that can be taken back, nothing may follow it.
            let taken_back = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::End(0)));
            return Err(match taken_back {
                Ok(_) => LogError::Write { source },
                Err(source) => LogError::Sync { source },
            });
        }
        // After a failed sync the kernel may have dropped the pages and a second sync would find nothing wrong.
        self.file.sync_data().map_err(|source| LogError::Sync { source })?;
        self.length += frames.len() as u64;
        self.next += records.len() as u64;
        Ok(())
    }

    fn read_from(&mut self, offset: u64, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), LogError> {
        let start = self.segments.partition_point(|first| *first <= offset).saturating_sub(1);
        let newest = self.segments.len() - 1;
        for (at, &first) in self.segments.iter().enumerate().skip(start) {
            let path = segment_path(&self.folder, first);
            let mut found = Vec::new();
            let mut take = |at: u64, record: &[u8]| {
                if at >= offset {
                    each(at, record);
                }
            };
            let (next, _) = scan(&path, first, at == newest, &mut found, &mut take)?;
            if let Some(&following) = self.segments.get(at + 1).filter(|&&following| following > next) {
                let byte = fs::metadata(&path).map_or(0, |file| file.len());
                found.push(Damage { file: path, byte, offsets: (next, following), is_torn_end: false });
            }
            self.damage.extend(found.into_iter().filter(|damage| !damage.is_torn_end));
        }
        self.damage.sort_by_key(|damage| damage.offsets);
        self.damage.dedup();
        Ok(())
    }

    fn truncate_before(&mut self, offset: u64) -> Result<(), LogError> {
        // The newest file stays, so that offsets go on from it after a restart.
        while self.segments.get(1).is_some_and(|second| *second <= offset) {
            let path = segment_path(&self.folder, self.segments[0]);
            fs::remove_file(&path).map_err(|source| LogError::Read { path, source })?;
            self.segments.remove(0);
        }
        sync_folder(&self.folder).map_err(|source| LogError::Sync { source })
    }

    fn damage(&self) -> &[Damage] {
        &self.damage
    }
}

/// Reads the records of a log that somebody else writes, oldest first, until `each` says no. What is damaged or being
/// written is passed over; what is forgotten meanwhile is no longer there.
pub fn read_log(folder: &Path, mut each: impl FnMut(&[u8]) -> bool) -> Result<(), LogError> {
    let fail = |source| LogError::Read { path: folder.to_owned(), source };
    let mut segments: Vec<u64> = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        segments.extend(name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok()));
    }
    segments.sort_unstable();
    let mut goes_on = true;
    for first in segments {
        let path = segment_path(folder, first);
        let mut take = |_: u64, record: &[u8]| goes_on = goes_on && each(record);
        match scan(&path, first, true, &mut Vec::new(), &mut take) {
            Err(LogError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            scanned => drop(scanned?),
        }
        if !goes_on {
            break;
        }
    }
    Ok(())
}

fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// Opens a file of the log, and writes its first bytes where it is new.
fn begin(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    if file.metadata()?.len() < FILE_MAGIC.len() as u64 {
        file.set_len(0)?;
        file.write_all(FILE_MAGIC)?;
        file.sync_all()?;
    }
    Ok(file)
}

/// A file is there after a crash only if the folder that names it was synced too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn push_frame(frames: &mut Vec<u8>, offset: u64, record: &[u8]) {
    let length = (record.len() as u32).to_le_bytes();
    frames.extend_from_slice(&FRAME_MAGIC);
    frames.extend_from_slice(&length);
    frames.extend_from_slice(&offset.to_le_bytes());
    frames.extend_from_slice(&checksum(length, offset, record).to_le_bytes());
    frames.extend_from_slice(record);
}

fn checksum(length: [u8; 4], offset: u64, record: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&length);
    hasher.update(&offset.to_le_bytes());
    hasher.update(record);
    hasher.digest()
}

/// The record at the start of `bytes` with its offset, if a whole and undamaged one is there.
fn frame(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let length: [u8; 4] = header[4..8].try_into().ok()?;
    let offset = u64::from_le_bytes(header[8..16].try_into().ok()?);
    let expected = u64::from_le_bytes(header[16..24].try_into().ok()?);
    let size = u32::from_le_bytes(length) as usize;
    let record = rest.get(..size).filter(|_| size <= RECORD_BYTES_MAX && header[..4] == FRAME_MAGIC)?;
    (checksum(length, offset, record) == expected).then_some((offset, record))
}

/// Reads a file to its end. Says which offset comes next and where the last whole record ends.
fn scan(
    path: &Path,
    first: u64,
    is_newest: bool,
    damage: &mut Vec<Damage>,
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<(u64, u64), LogError> {
    let mut bytes = Vec::new();
    let mut read = || File::open(path)?.read_to_end(&mut bytes);
    read().map_err(|source| LogError::Read { path: path.to_owned(), source })?;
    if !bytes.starts_with(FILE_MAGIC) {
        let problem = "its first bytes are wrong; was it written by a newer hark, or by another program?".to_owned();
        return Err(LogError::Foreign { path: path.to_owned(), problem });
    }
    let (mut next, mut at) = (first, FILE_MAGIC.len());
    while at < bytes.len() {
        if let Some((offset, record)) = frame(&bytes[at..]) {
            each(offset, record);
            next = offset + 1;
            at += HEADER_BYTES + record.len();
            continue;
        }
        // Damaged or torn. What follows is taken up again where the next whole frame begins.
        let following = (at + 1..bytes.len()).filter(|&start| bytes[start..].starts_with(&FRAME_MAGIC));
        let found =
            following.filter_map(|start| Some((start, frame(&bytes[start..])?.0))).find(|(_, offset)| *offset >= next);
        let (resume, offset) = found.unwrap_or((bytes.len(), next + u64::from(!is_newest)));
        let is_torn_end = found.is_none() && is_newest;
        let end = if is_torn_end { next + 1 } else { offset };
        damage.push(Damage { file: path.to_owned(), byte: at as u64, offsets: (next, end), is_torn_end });
        if is_torn_end {
            return Ok((next, at as u64));
        }
        next = next.max(offset);
        at = resume;
    }
    Ok((next, bytes.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
        range.map(|number| format!("record {number}").into_bytes()).collect()
    }

    fn read(log: &mut SegmentLog, from: u64) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        log.read_from(from, &mut |offset, bytes| found.push((offset, String::from_utf8(bytes.to_vec()).unwrap())))
            .unwrap();
        found
    }

    fn expected(range: impl IntoIterator<Item = u64>) -> Vec<(u64, String)> {
        range.into_iter().map(|number| (number, format!("record {number}"))).collect()
    }

    /// A log of ten records in files of some three each.
    fn ten(folder: &Path) -> SegmentLog {
        let mut log = SegmentLog::open_with(folder, 90).unwrap();
        (0..10).for_each(|number| log.append(&records(number..number + 1)).unwrap());
        log
    }

    #[test]
    fn what_was_appended_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        drop(ten(folder.path()));
        let mut log = SegmentLog::open_with(folder.path(), 90).unwrap();
        assert_eq!((log.next_offset(), log.segments.len()), (10, 4));
        assert_eq!(read(&mut log, 4), expected(4..10));
        assert_eq!(log.damage(), []);
    }

    #[test]
    fn truncating_removes_whole_files_and_keeps_the_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = ten(folder.path());
        log.truncate_before(7).unwrap();
        assert_eq!(read(&mut log, 0).first().unwrap().0, 6);
        log.truncate_before(99).unwrap();
        drop(log);
        let mut log = SegmentLog::open_with(folder.path(), 90).unwrap();
        assert_eq!(log.next_offset(), 10);
        log.append(&records(10..12)).unwrap();
        assert_eq!(read(&mut log, 10), expected(10..12));
    }

    #[test]
    fn a_torn_end_is_cut_off_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = segment_path(folder.path(), 0);
        let mut log = SegmentLog::open(folder.path()).unwrap();
        log.append(&records(0..3)).unwrap();
        let whole = log.length;
        log.append(&records(3..4)).unwrap();
        drop(log);
        let bytes = fs::read(&path).unwrap();
        for length in whole as usize..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let mut log = SegmentLog::open(folder.path()).unwrap();
            assert_eq!(log.damage().len(), usize::from(length as u64 > whole), "{length}");
            log.append(&records(3..5)).unwrap();
            assert_eq!(read(&mut log, 0), expected(0..5), "{length}");
        }
    }

    #[test]
    fn any_flipped_byte_loses_one_record_at_most_names_it_and_serves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = segment_path(folder.path(), 0);
        let mut log = SegmentLog::open(folder.path()).unwrap();
        log.append(&records(0..6)).unwrap();
        drop(log);
        let bytes = fs::read(&path).unwrap();
        let frame_bytes = (bytes.len() - FILE_MAGIC.len()) / 6;
        for at in FILE_MAGIC.len()..bytes.len() - frame_bytes {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged).unwrap();
            let mut log = SegmentLog::open(folder.path()).unwrap();
            let lost = ((at - FILE_MAGIC.len()) / frame_bytes) as u64;
            assert_eq!(read(&mut log, 0), expected((0..6).filter(|number| *number != lost)), "byte {at}");
            assert_eq!(log.damage().iter().map(|damage| damage.offsets).collect::<Vec<_>>(), [(lost, lost + 1)]);
            assert_eq!(log.next_offset(), 6);
        }
    }

    #[test]
    fn a_file_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(segment_path(folder.path(), 0), b"something else").unwrap();
        let problem = SegmentLog::open(folder.path()).err().unwrap().to_string();
        assert!(problem.contains("its first bytes are wrong"), "{problem}");
        fs::write(folder.path().join("notes.txt"), b"").unwrap();
        let problem = SegmentLog::open(folder.path()).err().unwrap().to_string();
        assert!(problem.contains("notes.txt"), "{problem}");
    }
}
