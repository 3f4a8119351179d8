//! Damaged files, and files that are something else, come to a sentence and never to a panic.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_ipc::CompressionType;
use arrow_schema::{DataType, Field};
use proptest::prelude::*;

use crate::write::{Texts, Times, batch, csv, events, ndjson, write_arrow, write_arrow_stream, write_parquet};
use crate::{in_folder, read};

/// What opening and reading `name` with these bytes in it comes to.
fn sentence(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = in_folder(name);
    std::fs::write(&path, bytes).unwrap();
    let error = read(&path, 0).expect_err(name);
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_wrong_with_a_file_is_one_sentence() {
    let events = events(100);
    let (folder, path) = in_folder("e.parquet");
    write_parquet(&path, &batch(&events, Texts::Plain, Times::Millis), 1000);
    let parquet = std::fs::read(&path).unwrap();
    write_arrow(&path, &batch(&events, Texts::Plain, Times::Millis), 1000, None);
    let arrow = std::fs::read(&path).unwrap();
    write_parquet(&path, &batch(&events, Texts::Plain, Times::Millis).project(&[1, 2, 3]).unwrap(), 1000);
    let timeless = std::fs::read(&path).unwrap();
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["iOS"]));
    let nested = StructArray::from(vec![(Arc::new(Field::new("name", DataType::Utf8, true)), inner)]);
    let time: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let with = |name, column: ArrayRef| {
        write_parquet(&path, &RecordBatch::try_from_iter([("time", Arc::clone(&time)), (name, column)]).unwrap(), 10);
        std::fs::read(&path).unwrap()
    };
    let nested = with("platform", Arc::new(nested));
    let flagged = with("user", Arc::new(BooleanArray::from(vec![true])));
    let lines = ndjson(&events).into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&lines).unwrap();
    let gzip = gzip.finish().unwrap();
    let long = [b"{\"time\":1}\n".as_slice(), &vec![b'x'; 10 << 20], b"\n"].concat();
    let unclosed = [b"time,note\n1,\"".as_slice(), &b"2,b\n".repeat(3 << 20)].concat();
    let mut sentences = vec![
        sentence("cut.parquet", &parquet[..parquet.len() / 2]),
        sentence("shifted.parquet", &[&parquet[..100], &parquet[200..]].concat()),
        sentence("tiny.parquet", b"PAR1"),
        sentence("text.parquet", b"time,id\n1,2\n"),
        sentence("parquet.csv", &parquet),
        sentence("parquet.arrow", &parquet),
        sentence("cut.arrow", &arrow[..arrow.len() / 2]),
        sentence("tiny.arrow", b"ARROW1\0\0"),
        sentence("timeless.parquet", &timeless),
        sentence("nested.parquet", &nested),
        sentence("flagged.parquet", &flagged),
        sentence("timeless.csv", b"Timestamp,id\n1,2\n"),
        sentence("broken-name.csv", b"\"ti\nme\",id\n1,2\n"),
        sentence("latin.csv", b"time,ger\xe4t\n1,2\n"),
        sentence("unclosed.csv", &unclosed),
        sentence("utf16.csv", b"\xff\xfet\0i\0m\0e\0"),
        sentence("list.json", b" [{\"time\":1}]"),
        sentence("long.ndjson", &long),
        sentence("cut.ndjson.gz", &gzip[..gzip.len() / 2]),
        sentence("cut.ndjson.zst", &zstd::encode_all(lines.as_slice(), 1).unwrap()[..200]),
        sentence("plain.ndjson.gz", &lines),
        sentence("gzip.ndjson", &gzip),
        sentence("empty.csv", b""),
        sentence("events.xlsx", b"PK\x03\x04"),
    ];
    for odd in [folder.path().to_owned(), folder.path().join("missing.csv")] {
        let error = read(&odd, 0).unwrap_err().to_string();
        sentences.push(error.replace(&folder.path().display().to_string(), "FOLDER"));
    }
    insta::assert_snapshot!(sentences.join("\n"), @r#"
    cut.parquet is damaged or cut short: Parquet error: Invalid Parquet file. Corrupt footer; copy it again, or write it again
    shifted.parquet is damaged or cut short: External: snappy: corrupt input (expected valid offset but got offset 760; dst position: 598); copy it again, or write it again
    tiny.parquet is damaged or cut short: EOF: Parquet file too small. Size is 4 but need 8; copy it again, or write it again
    text.parquet is not Parquet, as its name says: it begins with "time,id\n1,2\n"; give it the ending of what it is
    parquet.csv is not CSV, as its name says: it is a Parquet file: let its name end in .parquet
    parquet.arrow is not Arrow IPC, as its name says: it is a Parquet file: let its name end in .parquet
    cut.arrow is damaged or cut short: it does not end as an Arrow file ends; copy it again, or write it again
    tiny.arrow is damaged or cut short: a message goes on past the end of the file; copy it again, or write it again
    timeless.parquet has no column `time`, which every event needs; it has id, user, platform: rename the one that holds the time
    column `platform` of nested.parquet is Struct("name": Utf8), but the metrics read it as text, for events are flat; write the file with another type for it
    column `user` of flagged.parquet is Boolean, but `user` is to be text or whole numbers; write the file with another type for it
    timeless.csv has no column `time`, which every event needs; it has Timestamp, id: rename the one that holds the time
    broken-name.csv has no column `time`, which every event needs; it has ti\nme, id: rename the one that holds the time
    latin.csv is not CSV, as its name says: its first line, which should name the columns, is not UTF-8; write it again
    line 2 of unclosed.csv is longer than 8388608 bytes; is this CSV, with every quote closed?
    utf16.csv is not CSV, as its name says: it is UTF-16 text: write it as UTF-8
    list.json is not NDJSON, as its name says: it is one JSON list; write one object a line, as `jq -c '.[]'` does
    line 2 of long.ndjson is longer than 8388608 bytes; is this NDJSON, one object a line?
    cut.ndjson.gz cannot be read on: incomplete deflate stream; if it was cut short, copy it again
    cut.ndjson.zst cannot be read on: incomplete frame; if it was cut short, copy it again
    plain.ndjson.gz is not gzip, as its name says: it begins with "{\"time\":17776368"; give it the ending of what it is
    gzip.ndjson is not NDJSON, as its name says: it is packed with gzip: let its name end in .gz
    empty.csv is empty; leave it out, or write it again
    events.xlsx: its name does not say what it is; let it end in .ndjson or .csv (then perhaps .gz or .zst), .parquet or .arrow
    FOLDER is not a file; name the files in it one by one
    FOLDER/missing.csv cannot be opened: No such file or directory (os error 2); see that the path is right and may be read
    "#);
}

/// Every row is taken or named, or the file is refused in a sentence; it never comes to a panic.
fn assert_no_panic(name: &str, bytes: &[u8]) {
    let (_folder, path) = in_folder(name);
    std::fs::write(&path, bytes).unwrap();
    match read(&path, 0) {
        Ok(chunks) => drop(read(&path, chunks.len() as u64 / 2)),
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}

fn damaged(whole: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = whole.len();
    let changes = prop::collection::vec((0..length, any::<u8>()), 0..6);
    // Half of the damage is done near the end, where Parquet and Arrow keep what says how to read the rest.
    let near_end = prop::collection::vec((length.saturating_sub(2000)..length, any::<u8>()), 0..6);
    (changes, near_end, prop::option::weighted(0.3, 0..length)).prop_map(move |(changes, near_end, cut)| {
        let mut bytes = whole.clone();
        changes.iter().chain(&near_end).for_each(|&(at, byte)| bytes[at] = byte);
        bytes.truncate(cut.unwrap_or(length));
        bytes
    })
}

fn small(name: &str, write: impl Fn(&Path, &RecordBatch)) -> Vec<u8> {
    let (_folder, path) = in_folder(name);
    write(
        &path,
        &batch(&events(50), if name.starts_with("coded") { Texts::Coded } else { Texts::View }, Times::Micros),
    );
    std::fs::read(&path).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_parquet_never_panics(bytes in damaged(small("e.parquet", |path, batch| write_parquet(path, batch, 20)))) {
        assert_no_panic("e.parquet", &bytes);
    }

    #[test]
    fn damaged_arrow_never_panics(bytes in damaged(small("e.arrow", |path, batch| write_arrow(path, batch, 20, None)))) {
        assert_no_panic("e.arrow", &bytes);
    }

    #[test]
    fn damaged_packed_arrow_never_panics(
        bytes in damaged(small("coded", |path, batch| write_arrow(path, batch, 50, Some(CompressionType::LZ4_FRAME))))
    ) {
        assert_no_panic("e.arrow", &bytes);
    }

    #[test]
    fn damaged_arrow_streams_never_panic(bytes in damaged(small("coded", |path, batch| write_arrow_stream(path, batch, 20)))) {
        assert_no_panic("e.arrow", &bytes);
    }

    #[test]
    fn damaged_text_never_panics(bytes in damaged(csv(&events(20)).into_bytes())) {
        assert_no_panic("e.csv", &bytes);
        assert_no_panic("e.ndjson", &bytes);
    }
}
