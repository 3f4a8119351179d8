//! The same events give the same columns from every kind of file, and reading can be taken up again at any chunk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod damage;
mod write;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, TimestampSecondArray};
use arrow_ipc::CompressionType;
use hark_ingest::{Chunk, Column, EventFile, Events, FileError, Format, Reader, Rejected, UserKey, decode};
use hark_query::{FieldKind, Fields};
use tempfile::TempDir;

use crate::write::{Event, Texts, Times, batch, csv, events, ndjson, write_arrow, write_arrow_stream, write_parquet};

fn fields() -> Fields {
    let mut fields = Fields::default();
    let kinds = [
        ("platform", FieldKind::Text),
        ("build", FieldKind::Text),
        ("outcome", FieldKind::Text),
        ("total_ms", FieldKind::Number),
        ("cached", FieldKind::Flag),
        ("never_sent", FieldKind::Number),
    ];
    kinds.into_iter().for_each(|(name, kind)| fields.add(name, kind).unwrap());
    fields
}

const USERS: UserKey = UserKey::new([7; 16]);

fn read(path: &Path, from: u64) -> Result<Vec<Chunk>, FileError> {
    let fields = fields();
    let reader = Reader { fields: &fields, users: &USERS };
    EventFile::open(path)?.chunks(reader, from)?.collect()
}

/// Times, ids, users, and columns by name with each value as text: the order of the codes is of no matter.
type Shown = (Vec<i64>, Vec<Option<u64>>, Vec<Option<u64>>, Vec<(String, Vec<String>)>);

fn shown(events: &Events) -> Shown {
    let columns = events.columns.iter().map(|named| {
        let values: Vec<String> = match &named.column {
            Column::Text { codes, values } => codes
                .iter()
                .map(|&code| code.checked_sub(1).map_or("-", |at| &values[at as usize]).to_owned())
                .collect(),
            Column::Number(numbers) => numbers.iter().map(|number| format!("{:?}", number.get())).collect(),
            Column::Flag(flags) => flags.iter().map(|flag| format!("{flag:?}")).collect(),
        };
        (named.name.clone(), values)
    });
    let times = events.times.iter().map(|time| time.millis()).collect();
    let hashes = |hashes: &[Option<std::num::NonZeroU64>]| hashes.iter().map(|hash| hash.map(u64::from)).collect();
    (times, hashes(&events.ids), hashes(&events.users), columns.collect())
}

fn expected(events: &[Event]) -> Shown {
    let fields = fields();
    let decoded =
        decode(Format::Ndjson, ndjson(events).as_bytes(), &Reader { fields: &fields, users: &USERS }).unwrap();
    assert_eq!(decoded.rejected, []);
    shown(&decoded.events)
}

fn in_folder(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

#[track_caller]
fn assert_one_chunk(path: &Path, wanted: &Shown) {
    let chunks = read(path, 0).unwrap();
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].decoded.rejected, []);
    let found = shown(&chunks[0].decoded.events);
    assert!(found.0 == wanted.0 && found.1 == wanted.1 && found.2 == wanted.2, "times, ids or users differ");
    for (found, wanted) in found.3.iter().zip(&wanted.3) {
        assert_eq!(found.0, wanted.0);
        assert_eq!(found.1, wanted.1, "{}", wanted.0);
    }
    assert_eq!(found.3.len(), wanted.3.len());
    assert_eq!(chunks[0].done, std::fs::metadata(path).unwrap().len());
}

#[test]
fn ndjson_and_csv_give_the_same_events_packed_or_not() {
    let events = events(1000);
    let wanted = expected(&events);
    let names: Vec<&str> = wanted.3.iter().map(|(name, _)| name.as_str()).collect();
    let (read, free) = names.split_at(6);
    assert_eq!(read, ["build", "cached", "never_sent", "outcome", "platform", "total_ms"]);
    assert_eq!(free, ["error", "retries", "beta"]);
    let marked = format!("\u{feff}{}", csv(&events).replace('\n', "\r\n").replace("watchOS\r\n", "watchOS\n"));
    for (name, text) in [("e.ndjson", ndjson(&events)), ("e.csv", csv(&events)), ("marked.csv", marked)] {
        let (_folder, path) = in_folder(name);
        std::fs::write(&path, &text).unwrap();
        assert_one_chunk(&path, &wanted);
        let (_folder, path) = in_folder(&format!("{name}.gz"));
        let mut gzip = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
        assert_one_chunk(&path, &wanted);
        let (_folder, path) = in_folder(&format!("{name}.zst"));
        std::fs::write(&path, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        assert_one_chunk(&path, &wanted);
    }
}

#[test]
fn parquet_gives_the_same_events_whatever_its_types() {
    let events = events(1000);
    let mut wanted = expected(&events);
    for texts in [Texts::Plain, Texts::Large, Texts::View, Texts::Coded] {
        for times in [Times::Millis, Times::Micros, Times::Nanos, Times::EpochMillis, Times::Text] {
            let (_folder, path) = in_folder("e.parquet");
            write_parquet(&path, &batch(&events, texts, times), 65_536);
            assert_one_chunk(&path, &wanted);
        }
    }
    wanted.0.iter_mut().for_each(|time| *time -= *time % 1000);
    let (_folder, path) = in_folder("e.parquet");
    write_parquet(&path, &batch(&events, Texts::Plain, Times::Seconds), 65_536);
    assert_one_chunk(&path, &wanted);
}

#[test]
fn arrow_gives_the_same_events_whatever_its_types_and_packing() {
    let events = events(1000);
    let wanted = expected(&events);
    for texts in [Texts::Plain, Texts::Large, Texts::View, Texts::Coded] {
        for packed in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
            let (_folder, path) = in_folder("e.arrow");
            write_arrow(&path, &batch(&events, texts, Times::Micros), 65_536, packed);
            assert_one_chunk(&path, &wanted);
        }
        let (_folder, path) = in_folder("e.ipc");
        write_arrow_stream(&path, &batch(&events, texts, Times::Millis), 65_536);
        assert_one_chunk(&path, &wanted);
    }
}

/// Reading from any chunk on gives what reading from the start gives from there.
#[track_caller]
fn assert_resumes(path: &Path, events: &[Event], chunks_min: usize) {
    let all = read(path, 0).unwrap();
    assert!(all.len() >= chunks_min, "{} chunks", all.len());
    assert_eq!(all.iter().map(|chunk| chunk.number).collect::<Vec<_>>(), (0..all.len() as u64).collect::<Vec<_>>());
    assert!(all.iter().map(|chunk| chunk.done).is_sorted());
    let times: Vec<i64> = all.iter().flat_map(|chunk| &chunk.decoded.events.times).map(|time| time.millis()).collect();
    assert_eq!(times, events.iter().filter_map(|event| event.time).collect::<Vec<_>>());
    let missing = events.iter().filter(|event| event.time.is_none()).count();
    assert_eq!(all.iter().map(|chunk| chunk.decoded.rejected.len()).sum::<usize>(), missing);
    for from in 0..=all.len() {
        let rest = read(path, from as u64).unwrap();
        assert!(rest == all[from..], "from chunk {from}");
    }
    assert_eq!(read(path, u64::MAX).unwrap(), []);
}

#[test]
fn reading_goes_on_where_it_stopped() {
    let mut few = events(1000);
    few[777].time = None;
    let (_folder, path) = in_folder("e.parquet");
    write_parquet(&path, &batch(&few, Texts::Coded, Times::Millis), 300);
    assert_resumes(&path, &few, 4);
    let (_folder, path) = in_folder("e.arrow");
    write_arrow(&path, &batch(&few, Texts::Plain, Times::Millis), 300, None);
    assert_resumes(&path, &few, 4);
    let (_folder, path) = in_folder("stream.arrow");
    write_arrow_stream(&path, &batch(&few, Texts::Coded, Times::Millis), 300);
    assert_resumes(&path, &few, 4);
}

#[test]
fn reading_goes_on_within_a_row_group_and_between_lines() {
    let mut many = events(140_000);
    many[70_001].time = None;
    let (_folder, path) = in_folder("e.parquet");
    write_parquet(&path, &batch(&many, Texts::Plain, Times::Millis), 1_000_000);
    assert_resumes(&path, &many, 3);
    let (_folder, path) = in_folder("e.arrow");
    write_arrow(&path, &batch(&many, Texts::Plain, Times::Millis), 100_000, None);
    assert_resumes(&path, &many, 3);
    let (_folder, path) = in_folder("e.csv");
    std::fs::write(&path, csv(&many)).unwrap();
    assert_resumes(&path, &many, 3);
    let (_folder, path) = in_folder("e.ndjson");
    many.truncate(60_000);
    std::fs::write(&path, ndjson(&many)).unwrap();
    assert_resumes(&path, &many, 3);
}

#[test]
fn a_chunk_of_short_lines_ends_all_the_same() {
    let (_folder, path) = in_folder("e.csv");
    std::fs::write(&path, format!("time\n{}", "1777636800123\n".repeat(70_000))).unwrap();
    let chunks = read(&path, 0).unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.decoded.events.len()).collect::<Vec<_>>(), [65_536, 4_464]);
    assert_eq!(read(&path, 1).unwrap(), chunks[1..]);
}

#[test]
fn rows_that_cannot_be_taken_are_named_alike_and_leave_no_trace() {
    let mut events = events(10);
    events[3].time = None;
    events[5].time = Some(1_777_636_800);
    events[7].platform = Some("x".repeat(257));
    let rejected = |chunks: Vec<Chunk>, first: u64| -> Vec<(u64, String)> {
        let rejected = chunks.into_iter().flat_map(|chunk| chunk.decoded.rejected);
        rejected.map(|Rejected { line, reason }| (line - first, reason)).collect()
    };
    let (folder, path) = in_folder("e.ndjson");
    std::fs::write(&path, ndjson(&events)).unwrap();
    let wanted = rejected(read(&path, 0).unwrap(), 1);
    assert_eq!(wanted.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [3, 5, 7]);
    insta::assert_snapshot!(wanted.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>().join("\n"), @r"
    `time` is missing; every event needs it, as RFC 3339 or epoch milliseconds
    `time` is 1970-01-21T13:47:16.800Z, outside 2000 to 2100; epoch times are in milliseconds
    `platform` is longer than 256 bytes
    ");
    for texts in [Texts::Plain, Texts::Coded, Texts::View] {
        let path = folder.path().join("e.parquet");
        write_parquet(&path, &batch(&events, texts, Times::Millis), 4);
        assert_eq!(rejected(read(&path, 0).unwrap(), 1), wanted);
        let path = folder.path().join("e.arrow");
        write_arrow(&path, &batch(&events, texts, Times::Millis), 65_536, None);
        let chunks = read(&path, 0).unwrap();
        let kept = [0, 1, 2, 4, 6, 8, 9].map(|at| events[at].clone());
        assert_eq!(shown(&chunks[0].decoded.events), expected(&kept));
        assert_eq!(rejected(chunks, 1), wanted);
    }
    // A platform here and there takes up two lines.
    events.iter_mut().for_each(|event| event.platform = event.platform.take().map(|text| text.replace('\n', " ")));
    let path = folder.path().join("e.csv");
    std::fs::write(&path, csv(&events)).unwrap();
    assert_eq!(rejected(read(&path, 0).unwrap(), 2), wanted);
}

#[test]
fn csv_lines_that_do_not_fit_are_named_and_the_rest_is_taken() {
    let (_folder, path) = in_folder("e.csv");
    let mut text = b"time,platform,total_ms,cached,price,on,code\n\
        2026-05-01T12:00:00Z,iOS,517.5,true,1.5,true,7\n\
        \n\
        1777636800123,iOS,fast,1,2,FALSE,x\n\
        1777636800123,iOS,3\n\
        1777636800123,\"two\nlines\",NaN,false,,,\n\
        1777636800123,iOS,1,maybe,3,,x\n\
        noon,iOS,1,,3,,x\n\
        1777636800123,\xff,1,,3,,x\n\
        1777636800123,last,1,,3,,\"x\n"
        .to_vec();
    text.extend(b"and so on");
    std::fs::write(&path, text).unwrap();
    let chunks = read(&path, 0).unwrap();
    let decoded = &chunks[0].decoded;
    let reasons: Vec<String> = decoded.rejected.iter().map(|one| format!("{}: {}", one.line, one.reason)).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r"
    4: `total_ms` is text; the metrics read it as a number
    5: it has 3 cells, and the first line names 7 columns
    8: `cached` is text; the metrics read it as true or false
    9: `noon` is not a time; write RFC 3339 such as 2026-05-01T12:00:00Z, or epoch milliseconds
    10: not valid UTF-8 from byte 15 on
    11: a quote is opened and never closed
    ");
    // A free column holds what all of its cells can be, those of rejected rows too.
    let columns = shown(&decoded.events).3.into_iter().map(|(name, values)| format!("{name}: {values:?}"));
    insta::assert_snapshot!(columns.collect::<Vec<_>>().join("\n"), @r#"
    build: ["-", "-"]
    cached: ["Some(true)", "Some(false)"]
    never_sent: ["None", "None"]
    outcome: ["-", "-"]
    platform: ["iOS", "two\nlines"]
    total_ms: ["Some(517.5)", "None"]
    price: ["Some(1.5)", "None"]
    on: ["Some(true)", "None"]
    code: ["7", "-"]
    "#);
}

#[test]
fn odd_types_find_their_place() {
    use arrow_array::{Date32Array, Decimal128Array, FixedSizeBinaryArray, Float32Array, Int8Array, NullArray};
    let uuid = *b"\x55\x0e\x84\x00\xe2\x9b\x41\xd4\xa7\x16\x44\x66\x55\x44\x00\x00";
    let decimals = Decimal128Array::from(vec![Some(51_750), None]).with_precision_and_scale(10, 2).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(Float64Array::from(vec![1_777_636_800_123.0, 0.5]))),
        ("id", Arc::new(FixedSizeBinaryArray::try_from_iter([uuid, uuid].into_iter()).unwrap())),
        ("user", Arc::new(Float64Array::from(vec![Some(31_188.0), None]))),
        ("total_ms", Arc::new(decimals)),
        ("build", Arc::new(Int8Array::from(vec![23, 24]))),
        ("platform", Arc::new(NullArray::new(2))),
        ("day", Arc::new(Date32Array::from(vec![20_574, 20_574]))),
        ("seen", Arc::new(TimestampSecondArray::from(vec![1_777_636_800, 1]))),
        ("share", Arc::new(Float32Array::from(vec![0.5, f32::NAN]))),
        ("cached", Arc::new(BooleanArray::from(vec![true, false]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let (_folder, path) = in_folder("e.parquet");
    write_parquet(&path, &batch, 100);
    let decoded = read(&path, 0).unwrap().remove(0).decoded;
    assert_eq!(
        decoded.rejected,
        [Rejected { line: 2, reason: "`time` is 0.5, and is to be a whole number".to_owned() }]
    );
    let line = r#"{"time":1777636800123,"id":"550e8400-e29b-41d4-a716-446655440000","user":31188,"total_ms":517.5,"build":23,
        "day":"2026-05-01","seen":"2026-05-01T12:00:00Z","share":0.5,"cached":true}"#;
    let fields = fields();
    let same = decode(Format::Ndjson, line.replace('\n', " ").as_bytes(), &Reader { fields: &fields, users: &USERS });
    assert_eq!(shown(&decoded.events), shown(&same.unwrap().events));
}

#[test]
fn a_fingerprint_tells_files_apart_and_not_their_names() {
    let (folder, path) = in_folder("e.ndjson");
    let fingerprint = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        EventFile::open(&folder.path().join(name)).unwrap().fingerprint()
    };
    let text = ndjson(&events(2000));
    let one = fingerprint("e.ndjson", &text);
    assert_eq!(EventFile::open(&path).unwrap().size(), text.len() as u64);
    assert_eq!(one, fingerprint("copy.json", &text));
    assert_ne!(one, fingerprint("longer.ndjson", &text.replacen("\"retries\":1", "\"retries\":10", 500)));
    assert_ne!(one, fingerprint("other.ndjson", &text.replacen("01J9000000", "01J9999999", 1)));
}
