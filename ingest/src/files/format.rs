//! What a file is: its name tells, and its first bytes must agree.

use std::path::Path;

use crate::files::FileError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Ndjson,
    Csv,
    Parquet,
    Arrow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// First bytes that tell what a file is, and what to call it.
const MAGIC: [(&[u8], &str); 9] = [
    (b"PAR1", "a Parquet file: let its name end in .parquet"),
    (b"PARE", "an encrypted Parquet file: write it without encryption"),
    (b"ARROW1", "an Arrow file: let its name end in .arrow"),
    (b"FEA1", "a Feather file of version 1: write it as version 2, which is Arrow IPC"),
    (&[0x1f, 0x8b], "packed with gzip: let its name end in .gz"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "packed with zstd: let its name end in .zst"),
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (&[0xff, 0xfe], "UTF-16 text: write it as UTF-8"),
    (&[0xfe, 0xff], "UTF-16 text: write it as UTF-8"),
];

pub(super) fn by_name(path: &Path) -> Result<(Format, Packing), FileError> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (name, packing) = match name.rsplit_once('.') {
        Some((inner, "gz")) => (inner, Packing::Gzip),
        Some((inner, "zst")) => (inner, Packing::Zstd),
        _ => (name.as_str(), Packing::Plain),
    };
    let format = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("ndjson" | "jsonl" | "json") => Format::Ndjson,
        Some("csv") => Format::Csv,
        // These pack their own pages: a file packed once more could not be read from its end.
        Some("parquet") if packing == Packing::Plain => Format::Parquet,
        Some("arrow" | "feather" | "ipc") if packing == Packing::Plain => Format::Arrow,
        _ => return Err(FileError::UnknownFormat { path: path.to_owned() }),
    };
    Ok((format, packing))
}

/// Holds the first bytes of the file as it lies on the disk against its name.
pub(super) fn check_magic(path: &Path, format: Format, packing: Packing, head: &[u8]) -> Result<(), FileError> {
    let (expected, fits) = match (packing, format) {
        (Packing::Gzip, _) => ("gzip", head.starts_with(&[0x1f, 0x8b])),
        // A zstd file may begin with a frame to be skipped, 0x184D2A50 to 5F.
        (Packing::Zstd, _) => {
            ("zstd", matches!(head, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]))
        }
        (Packing::Plain, Format::Parquet) => ("Parquet", head.starts_with(b"PAR1")),
        // Arrow's stream form has no magic, but each message of it begins so.
        (Packing::Plain, Format::Arrow) => ("Arrow IPC", head.starts_with(b"ARROW1") || head.starts_with(&[0xff; 4])),
        (Packing::Plain, Format::Ndjson | Format::Csv) => return check_text(path, format, head),
    };
    if fits { Ok(()) } else { Err(not_as_named(path, expected, head)) }
}

/// Holds the first bytes of unpacked text against what it should be.
pub(super) fn check_text(path: &Path, format: Format, head: &[u8]) -> Result<(), FileError> {
    let expected = if format == Format::Csv { "CSV" } else { "NDJSON" };
    if MAGIC.iter().any(|(magic, _)| head.starts_with(magic)) || head.contains(&0) {
        return Err(not_as_named(path, expected, head));
    }
    if format == Format::Ndjson && head.trim_ascii_start().starts_with(b"[") {
        let found = "it is one JSON list; write one object a line, as `jq -c '.[]'` does".to_owned();
        return Err(FileError::NotAsNamed { path: path.to_owned(), expected, found });
    }
    Ok(())
}

fn not_as_named(path: &Path, expected: &'static str, head: &[u8]) -> FileError {
    let known = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| format!("it is {what}"));
    let found = known.unwrap_or_else(|| match std::str::from_utf8(&head[..head.len().min(16)]) {
        Ok(text) => format!("it begins with {text:?}; give it the ending of what it is"),
        Err(_) => "its first bytes are of no format that hark reads; write it again".to_owned(),
    });
    FileError::NotAsNamed { path: path.to_owned(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format() {
        let format = |name: &str| by_name(Path::new(name)).ok();
        assert_eq!(format("a/May.NDJSON.gz"), Some((Format::Ndjson, Packing::Gzip)));
        assert_eq!(format("events.jsonl"), Some((Format::Ndjson, Packing::Plain)));
        assert_eq!(format("events.csv.zst"), Some((Format::Csv, Packing::Zstd)));
        assert_eq!(format("events.2026.parquet"), Some((Format::Parquet, Packing::Plain)));
        assert_eq!(format("events.feather"), Some((Format::Arrow, Packing::Plain)));
        for unknown in ["events", "events.gz", "events.parquet.gz", "events.xlsx", ".csv.", ""] {
            assert_eq!(format(unknown), None, "{unknown}");
        }
    }
}
