//! From what somebody sent to a record for the log: who sent it, how much of it may come, what is in it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hark_dashboard::{Delivery, Door, IngestError, Written};
use hark_ingest::{
    Decoded, Encoding, EventsRecord, FileChunk, Format, Reader, Record, Rejected, RemoteWrite, UnpackError, UserKey,
    WireError, decode, decode_remote_write, hash_id, unpack,
};
use hark_model::Timestamp;
use hark_query::Plan;

/// A body may grow to this when unpacked.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bodies, as they were sent, that are being read or wait for the log; more are told to come again. Read they take
/// some three times as much.
pub(super) const BYTES_IN_FLIGHT_MAX: usize = 128 * 1024 * 1024;
const SOURCE_BYTES_MAX: usize = 64;
/// Sources whose rate is measured; those beyond share one quota.
const SOURCES_MAX: usize = 1024;
const RETRY_AFTER_SECONDS: u32 = 1;
/// A source may send so many seconds' worth at once.
const BURST_SECONDS: f64 = 10.0;

/// What the door lets through, all senders together and each of them.
pub(super) struct Doorkeeper {
    users: UserKey,
    in_flight: Arc<AtomicUsize>,
    /// Bytes a second that each source may send; `None` is no bound.
    quota: Option<f64>,
    spent: Mutex<BTreeMap<String, Bucket>>,
}

/// A token bucket, in bytes.
struct Bucket {
    left: f64,
    filled: Timestamp,
}

/// The bytes of one body, counted while it is on its way.
pub(super) struct InFlight {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// A body read and ready for the log.
pub(super) struct Admitted {
    pub record: EventsRecord,
    pub encoded: Vec<u8>,
    pub rejected: Vec<Rejected>,
    /// What the sender of a remote write wants to be told was taken.
    pub written: Option<Written>,
    pub in_flight: InFlight,
    /// The part of a file that it is: then the log points there.
    pub chunk: Option<FileChunk>,
}

impl Doorkeeper {
    pub(super) fn new(users: UserKey, quota_bytes_per_second: Option<u64>) -> Self {
        let quota = quota_bytes_per_second.map(|quota| quota as f64);
        Self { users, in_flight: Arc::default(), quota, spent: Mutex::default() }
    }

    /// Whether a body may come in now. Cheap: it comes before any work on the body.
    pub(super) fn admit(&self, delivery: &Delivery, now: Timestamp) -> Result<InFlight, IngestError> {
        let bytes = delivery.body.len();
        let in_flight = InFlight { bytes, all: Arc::clone(&self.in_flight) };
        if self.in_flight.fetch_add(bytes, Ordering::AcqRel) + bytes > BYTES_IN_FLIGHT_MAX {
            return Err(IngestError::Busy { retry_after_seconds: RETRY_AFTER_SECONDS });
        }
        self.spend(&delivery.source, bytes, now)?;
        Ok(in_flight)
    }

    pub(super) fn bytes_in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    fn spend(&self, source: &str, bytes: usize, now: Timestamp) -> Result<(), IngestError> {
        let Some(quota) = self.quota else { return Ok(()) };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let source = source_name(source);
        let source = if spent.contains_key(&source) || spent.len() < SOURCES_MAX { source } else { String::new() };
        let full = quota * BURST_SECONDS;
        let bucket = spent.entry(source).or_insert(Bucket { left: full, filled: now });
        let seconds = (now.millis() - bucket.filled.millis()).max(0) as f64 / 1000.0;
        bucket.left = (bucket.left + seconds * quota).min(full);
        bucket.filled = now;
        if bucket.left <= 0.0 {
            let wait = (-bucket.left / quota).ceil().max(1.0);
            return Err(IngestError::Busy { retry_after_seconds: wait as u32 });
        }
        // A body may overdraw what is left; the source then waits until that is made good.
        bucket.left -= bytes as f64;
        Ok(())
    }

    /// Unpacks and decodes: work for a processor, not for the threads that answer requests. `received` is the wall
    /// clock, where the events are live.
    pub(super) fn read(
        &self,
        delivery: &Delivery,
        in_flight: InFlight,
        received: Option<Timestamp>,
        plan: &Plan,
    ) -> Result<Admitted, IngestError> {
        let encoding = match delivery.encoding.as_str() {
            "" | "identity" => Encoding::Plain,
            "gzip" => Encoding::Gzip,
            "zstd" => Encoding::Zstd,
            other => {
                let problem = format!("Content-Encoding `{other}` is not known; use gzip, zstd or none");
                return Err(IngestError::Unreadable(problem));
            }
        };
        let body = unpack(&delivery.body, encoding, UNPACKED_BYTES_MAX).map_err(|error| match error {
            UnpackError::TooLarge { .. } => IngestError::TooLarge(error.to_string()),
            UnpackError::Broken { .. } => IngestError::Unreadable(error.to_string()),
        })?;
        let reader = Reader { fields: &plan.fields, users: &self.users };
        let (decoded, written) = decode_any(delivery.door, &body, &reader).map_err(|error| match error {
            WireError::TooLarge { .. } | WireError::TooMany { .. } => IngestError::TooLarge(error.to_string()),
            WireError::Broken { .. } => IngestError::Unreadable(error.to_string()),
        })?;
        // Formats without ids of their own: the very same body again is a repetition.
        let id = (delivery.door != Door::Events).then(|| hash_id(&body));
        let rejected = decoded.rejected.len() as u64;
        let source = source_name(&delivery.source);
        let record = EventsRecord { source, received, id, rejected, events: decoded.events };
        let encoded = record.encode();
        Ok(Admitted { encoded, record, rejected: decoded.rejected, written, in_flight, chunk: None })
    }

    /// A part of a file, whose size its reader bounds.
    pub(super) fn wave_through(&self, chunk: FileChunk, decoded: Decoded) -> Admitted {
        let in_flight = InFlight { bytes: 0, all: Arc::clone(&self.in_flight) };
        let (encoded, record) = (Record::Chunk(chunk.clone()).encode(), chunk.record(decoded));
        Admitted { encoded, record, rejected: Vec::new(), written: None, in_flight, chunk: Some(chunk) }
    }

    pub(super) fn users(&self) -> &UserKey {
        &self.users
    }
}

fn decode_any(door: Door, body: &[u8], reader: &Reader<'_>) -> Result<(Decoded, Option<Written>), WireError> {
    let format = match door {
        Door::Events => Format::Ndjson,
        Door::OtlpLogs { json } => Format::OtlpLogs { json },
        Door::OtlpMetrics { json } => Format::OtlpMetrics { json },
        Door::RemoteWrite { version } => {
            let version = if version == 1 { RemoteWrite::V1 } else { RemoteWrite::V2 };
            let (decoded, written) = decode_remote_write(version, body, reader)?;
            let hark_ingest::Written { samples, histograms, exemplars } = written;
            return Ok((decoded, Some(Written { samples, histograms, exemplars })));
        }
    };
    decode(format, body, reader).map(|decoded| (decoded, None))
}

/// Senders name themselves, so what they say is cut to something that can be shown.
fn source_name(said: &str) -> String {
    let shown: String = said.chars().filter(char::is_ascii_graphic).take(SOURCE_BYTES_MAX).collect();
    if shown.is_empty() { Delivery::DEFAULT_SOURCE.to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(source: &str, bytes: usize) -> Delivery {
        Delivery { door: Door::Events, encoding: String::new(), source: source.to_owned(), body: vec![b' '; bytes] }
    }

    fn doorkeeper(quota: Option<u64>) -> Doorkeeper {
        Doorkeeper::new(UserKey::new([0; 16]), quota)
    }

    #[test]
    fn bytes_in_flight_are_bounded_and_given_back() {
        let doorkeeper = doorkeeper(None);
        let now = Timestamp::from_millis(0);
        let first = doorkeeper.admit(&delivery("a", BYTES_IN_FLIGHT_MAX), now);
        assert!(matches!(doorkeeper.admit(&delivery("b", 1), now), Err(IngestError::Busy { .. })));
        drop(first);
        assert!(doorkeeper.admit(&delivery("b", 1), now).is_ok());
    }

    #[test]
    fn a_source_over_its_quota_waits_and_the_others_do_not() {
        let doorkeeper = doorkeeper(Some(100));
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert!(doorkeeper.admit(&delivery("greedy", 3000), at(0)).is_ok());
        let refused = doorkeeper.admit(&delivery("greedy", 1), at(0)).err();
        assert_eq!(refused, Some(IngestError::Busy { retry_after_seconds: 20 }));
        assert!(doorkeeper.admit(&delivery("modest", 1), at(0)).is_ok());
        assert!(doorkeeper.admit(&delivery("greedy", 1), at(21)).is_ok());
    }
}
