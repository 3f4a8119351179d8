//! What the tests of the formats share: a reader, rows shown as lines, and bodies broken in every way.

use hark_model::Timestamp;
use hark_query::{FieldKind, Fields};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::events::{Column, Decoded, Events, Weight};
use crate::user_key::UserKey;
use crate::wire::{Format, Reader, WireError};

pub(super) const TIME: Timestamp = Timestamp::from_millis(1_800_000_000_123);
pub(super) const NANOS: u64 = 1_800_000_000_123_000_000;

/// Decodes with metrics that read a text, a number and a flag.
pub(super) fn decode(format: Format, body: &[u8]) -> Result<Decoded, WireError> {
    let mut fields = Fields::default();
    for (name, kind) in [("outcome", FieldKind::Text), ("total_ms", FieldKind::Number), ("ok", FieldKind::Flag)] {
        fields.add(name, kind).unwrap();
    }
    let users = UserKey::new([7; 16]);
    let decoded = super::decode(format, body, &Reader { fields: &fields, users: &users })?;
    check(&decoded.events);
    Ok(decoded)
}

/// Every column is as long as the batch, and every code is in its dictionary.
fn check(events: &Events) {
    let rows = events.len();
    assert_eq!((events.ids.len(), events.users.len()), (rows, rows));
    assert!(events.weights.is_empty() || events.weights.len() == rows);
    for named in &events.columns {
        let length = match &named.column {
            Column::Text { codes, values } => {
                assert!(codes.iter().all(|code| *code as usize <= values.len()));
                codes.len()
            }
            Column::Number(numbers) => numbers.len(),
            Column::Flag(flags) => flags.len(),
        };
        assert_eq!(length, rows, "{}", named.name);
    }
}

/// One line a row: how many requests it stands for, then its fields; then the rejected records.
pub(super) fn shown(decoded: &Decoded) -> Vec<String> {
    let events = &decoded.events;
    let rows = (0..events.len()).map(|row| {
        let mut line = match events.weights.get(row) {
            None => String::new(),
            Some(Weight::Requests(requests)) => format!("{requests} x "),
            Some(Weight::Total { part, start, total, .. }) => {
                let from = start.map_or(String::new(), |start| format!(" from {}", start.millis() - TIME.millis()));
                let part = if *part == i32::MIN { "-".to_owned() } else { part.to_string() };
                format!("{total} in {part}{from}: ")
            }
            Some(Weight::Bucket { bound, total, .. }) => format!("{total} up to {}: ", bound.get()),
            Some(Weight::UnlessBuckets { .. }) => "1 unless it has buckets: ".to_owned(),
        };
        if events.times[row] != TIME {
            line += &format!("at {} ", events.times[row].millis() - TIME.millis());
        }
        line += events.ids[row].map_or("", |_| "id ");
        line += events.users[row].map_or("", |_| "user ");
        let mut fields: Vec<String> = Vec::new();
        for named in &events.columns {
            let value = match &named.column {
                Column::Text { codes, values } => codes[row].checked_sub(1).map(|at| values[at as usize].clone()),
                Column::Number(numbers) => numbers[row].get().map(|number| format!("{number:.4}")),
                Column::Flag(flags) => flags[row].map(|flag| flag.to_string()),
            };
            fields.extend(value.map(|value| format!("{}={value}", named.name)));
        }
        fields.sort();
        line + &fields.join(" ")
    });
    let rejected = decoded.rejected.iter().map(|rejected| format!("no {}: {}", rejected.line, rejected.reason));
    rows.chain(rejected).collect()
}

/// The streams of the rows, as far as they are running totals.
pub(super) fn streams(decoded: &Decoded) -> Vec<(u64, u64)> {
    let stream = |weight: &Weight| match weight {
        Weight::Total { stream, shape, .. } => Some((*stream, *shape)),
        Weight::Bucket { stream, .. } | Weight::UnlessBuckets { stream } => Some((*stream, 0)),
        Weight::Requests(_) => None,
    };
    decoded.events.weights.iter().filter_map(stream).collect()
}

/// What becomes of one byte.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    CutAt(Index),
    Repeat(Index, Index),
}

pub(super) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<Index>;
    let edit = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (at(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        at().prop_map(Edit::Remove),
        at().prop_map(Edit::CutAt),
        (at(), at()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ];
    prop::collection::vec(edit, 1..6)
}

pub(super) fn edited(body: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match edit {
            Edit::Set(at, byte) => bytes[at.index(length)] = *byte,
            Edit::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Edit::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Edit::Remove(at) => {
                bytes.remove(at.index(length));
            }
            Edit::CutAt(at) => bytes.truncate(at.index(length)),
            Edit::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(from..from, piece);
            }
        }
    }
    bytes
}
