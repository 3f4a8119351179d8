//! What the log holds: batches of events in columns, and changes.

use std::num::NonZeroU64;

use hark_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::events::{Decoded, Events};
use crate::fold::Batch;

/// The first byte of a record: its version.
const VERSION: u8 = 1;
/// About so many bytes a row takes, and so many more a value: room for a record is made at once.
const ROW_BYTES: usize = 16;
const CELL_BYTES: usize = 4;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    Events(EventsRecord),
    /// A change as JSON.
    Change(Vec<u8>),
    /// Events that lie in a file, which is not repeated here.
    Chunk(FileChunk),
}

/// A part of a file of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChunk {
    /// From the root on.
    pub path: String,
    /// Tells whether the file is still the one that was read, whatever lies there now.
    pub fingerprint: u64,
    pub number: u64,
    /// Whether detection judges its events, and does not only learn from them.
    pub is_judged: bool,
}

/// A batch of events as it waits to be folded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EventsRecord {
    pub source: String,
    pub received: Option<Timestamp>,
    pub id: Option<NonZeroU64>,
    pub rejected: u64,
    pub events: Events,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    #[error("it is of a kind that this hark does not know ({0}); it was written by a newer one")]
    Unknown(u8),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl EventsRecord {
    /// As [`Record::Events`], without a copy.
    pub fn encode(&self) -> Vec<u8> {
        // The layout of an enum in postcard: the variant's number, then its content.
        const EVENTS: u8 = 0;
        let mut begun = Vec::with_capacity(self.events.len() * (ROW_BYTES + CELL_BYTES * self.events.columns.len()));
        begun.extend([VERSION, EVENTS]);
        serialised(self, begun)
    }

    pub fn batch(&self) -> Batch<'_> {
        let Self { source, received, id, rejected, events } = self;
        Batch { events, source, received: *received, id: *id, rejected: *rejected }
    }
}

impl FileChunk {
    /// Under this name its events are folded, so that they count once, also where a stopped import reads it again.
    pub fn id(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.fingerprint ^ (self.number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Its events as they are folded.
    pub fn record(&self, decoded: Decoded) -> EventsRecord {
        let rejected = decoded.rejected.len() as u64;
        let source = Self::SOURCE.to_owned();
        EventsRecord { source, received: None, id: self.id(), rejected, events: decoded.events }
    }

    const SOURCE: &str = "import";
}

impl Record {
    pub fn encode(&self) -> Vec<u8> {
        serialised(self, vec![VERSION])
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((&VERSION, body)) => {
                postcard::from_bytes(body).map_err(|error| RecordError::Unreadable(error.to_string()))
            }
            other => Err(RecordError::Unknown(other.map_or(0, |(&version, _)| version))),
        }
    }
}

fn serialised(value: &impl Serialize, begun: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, begun)
        .unwrap_or_else(|error| unreachable!("a record is plain values, which always serialise: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::events::{Column, NamedColumn, Packed, Weight};

    fn record() -> Record {
        let time = Timestamp::from_millis(1_777_636_800_123);
        let text = Column::Text { codes: vec![1, 0], values: vec!["iOS".to_owned()] };
        let column = |name: &str, column| NamedColumn { name: name.to_owned(), column };
        let total = Weight::Total { stream: 1, shape: 2, part: -3, start: None, total: 9 };
        let events = Events {
            times: vec![time, time],
            ids: vec![NonZeroU64::new(5), None],
            users: vec![None, NonZeroU64::new(6)],
            weights: vec![Weight::Requests(1), total],
            columns: vec![
                column("platform", text),
                column("ms", Column::Number(vec![Packed::new(1.5), Packed::ABSENT])),
                column("test", Column::Flag(vec![Some(true), None])),
            ],
        };
        let source = "phones".to_owned();
        Record::Events(EventsRecord { source, received: Some(time), id: None, rejected: 3, events })
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let path = "/tmp/month.parquet".to_owned();
        let chunk = Record::Chunk(FileChunk { path, fingerprint: 1 << 63, number: 7, is_judged: false });
        for record in [record(), Record::Change(b"{}".to_vec()), chunk] {
            assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
        let Record::Events(events) = record() else { panic!("these are events") };
        assert_eq!(events.encode(), record().encode());
        assert_eq!(Record::decode(b"\x09"), Err(RecordError::Unknown(9)));
    }

    /// What is in a log was written by any hark before this one.
    #[test]
    fn records_are_written_and_read_as_ever() {
        const WRITTEN: &[&str] = &[
            "01000670686f6e657301f6d9c7b6bc67000302f6d9c7b6bc67f6d9c7b6bc670201050002000106020001010102",
            "0500090308706c6174666f726d000201000103694f53026d730102000000000000f83f000000000000f87f0474",
            "6573740202010100",
        ];
        let hex: String = record().encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, WRITTEN.concat());
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
        }
    }
}
