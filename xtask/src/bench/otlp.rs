//! The same events as OTLP over HTTP: log records, and delta points as an SDK would have aggregated them.

use serde_json::Value;

use crate::bench::definitions::DIMENSIONS;
use crate::bench::events::time_ms;
use crate::bench::protobuf::Message;

/// Log records or data points of one request: what the Collector's batches are about.
const RECORDS_PER_BODY: usize = 1_000;
/// Events behind one histogram: a stream by eight attributes is thin.
const EVENTS_PER_POINT: usize = 4;
/// 32 buckets in one doubling: what an SDK with its usual 160 buckets comes down to between 100 ms and 3 s.
const SCALE: i32 = 5;
const DELTA: u64 = 1;
const INFO: u64 = 9;
const INTERVAL_NANOS: u64 = 10_000_000_000;

/// Bodies, and how much is in them.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) bodies: Vec<Vec<u8>>,
    /// Log records or data points.
    pub(crate) records: u64,
    /// What hark counts as events: a histogram is one for each bucket that is filled.
    pub(crate) rows: u64,
}

/// Each event a log record with all of its fields as attributes, 17 where there was no error.
pub(crate) fn logs(events: impl Iterator<Item = Value>) -> Bodies {
    let mut bodies = Bodies::default();
    let mut records = Vec::with_capacity(RECORDS_PER_BODY);
    for event in events {
        records.push(log_record(&event));
        bodies.rows += 1;
        bodies.records += 1;
        if records.len() == RECORDS_PER_BODY {
            bodies.bodies.push(request(&std::mem::take(&mut records)));
        }
    }
    bodies.bodies.extend((!records.is_empty()).then(|| request(&records)));
    bodies
}

/// Of every few events one exponential histogram of their latency and one sum of their number, with the attributes of
/// the first.
pub(crate) fn metrics(events: impl Iterator<Item = Value>) -> Bodies {
    let mut bodies = Bodies::default();
    let (mut histograms, mut sums) = (Message::new(), Message::new());
    let (mut group, mut inside) = (Vec::with_capacity(EVENTS_PER_POINT), 0);
    let finish = |histograms: Message, sums: Message| {
        let histograms = histograms.varint(2, DELTA);
        let sums = sums.varint(2, DELTA).varint(3, 1);
        let latency = Message::new().text(1, "assistant.response_time").text(3, "ms").message(10, &histograms);
        let requests = Message::new().text(1, "assistant.requests").text(3, "{request}").message(7, &sums);
        request(&[latency, requests])
    };
    for event in events {
        group.push(event);
        if group.len() < EVENTS_PER_POINT {
            continue;
        }
        let (histogram, filled) = histogram_point(&group);
        histograms = histograms.message(1, &histogram);
        sums = sums.message(1, &sum_point(&group));
        group.clear();
        inside += 2;
        bodies.records += 2;
        bodies.rows += filled + 1;
        if inside >= RECORDS_PER_BODY {
            bodies.bodies.push(finish(std::mem::take(&mut histograms), std::mem::take(&mut sums)));
            inside = 0;
        }
    }
    bodies.bodies.extend((inside > 0).then(|| finish(histograms, sums)));
    bodies
}

/// A request of logs and one of metrics have the same frame: resource, scope, records.
fn request(records: &[Message]) -> Vec<u8> {
    let resource = Message::new().message(1, &attribute("service.name", &text("assistant")));
    let scope = records
        .iter()
        .fold(Message::new().message(1, &Message::new().text(1, "bench")), |scope, record| scope.message(2, record));
    let of_resource = Message::new().message(1, &resource).message(2, &scope);
    Message::new().message(1, &of_resource).into_bytes()
}

fn log_record(event: &Value) -> Message {
    let nanos = nanos(event);
    let record = Message::new().fixed64(1, nanos).varint(2, INFO).text(3, "INFO");
    let fields = event.as_object().into_iter().flatten().filter(|(key, _)| *key != "time");
    let attributes = fields.filter_map(|(key, value)| Some(attribute(key, &any_value(value)?)));
    attributes.fold(record, |record, attribute| record.message(6, &attribute)).fixed64(11, nanos)
}

fn sum_point(group: &[Value]) -> Message {
    let first = &group[0];
    let point = times(Message::new(), first).fixed64(6, group.len() as u64);
    let keys = DIMENSIONS.into_iter().chain(["outcome"]);
    attributes(first, keys).fold(point, |point, attribute| point.message(7, &attribute))
}

/// The point, and how many of its buckets are filled.
fn histogram_point(group: &[Value]) -> (Message, u64) {
    let values: Vec<f64> = group.iter().filter_map(|event| event["total_ms"].as_f64()).collect();
    let zeros = values.iter().filter(|value| **value <= 0.0).count() as u64;
    let buckets: Vec<i64> = values.iter().filter(|value| **value > 0.0).map(|value| bucket_of(*value)).collect();
    let offset = buckets.iter().min().copied().unwrap_or_default();
    let mut counts = vec![0_u64; buckets.iter().max().map_or(0, |last| (last - offset + 1) as usize)];
    buckets.iter().for_each(|bucket| counts[(bucket - offset) as usize] += 1);
    let filled = counts.iter().filter(|count| **count > 0).count() as u64 + u64::from(zeros > 0);
    let first = &group[0];
    let point = attributes(first, DIMENSIONS).fold(Message::new(), |point, attribute| point.message(1, &attribute));
    let positive = Message::new().zigzag(1, offset).packed_varints(2, &counts);
    let point = times(point, first)
        .fixed64(4, values.len() as u64)
        .double(5, values.iter().sum())
        .zigzag(6, i64::from(SCALE))
        .fixed64(7, zeros)
        .message(8, &positive)
        .double(12, values.iter().copied().fold(f64::INFINITY, f64::min))
        .double(13, values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    (point, filled)
}

/// Bucket `i` holds `(2^(i/2^scale), 2^((i+1)/2^scale)]`.
fn bucket_of(value: f64) -> i64 {
    (value.log2() * f64::from(1 << SCALE)).ceil() as i64 - 1
}

fn times(point: Message, event: &Value) -> Message {
    let nanos = nanos(event);
    point.fixed64(2, nanos.saturating_sub(INTERVAL_NANOS)).fixed64(3, nanos)
}

fn nanos(event: &Value) -> u64 {
    time_ms(event).unwrap_or_default().cast_unsigned() * 1_000_000
}

fn attributes<'a>(event: &'a Value, keys: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = Message> {
    keys.into_iter().filter_map(|key| Some(attribute(key, &any_value(&event[key])?)))
}

fn attribute(key: &str, value: &Message) -> Message {
    Message::new().text(1, key).message(2, value)
}

fn text(value: &str) -> Message {
    Message::new().text(1, value)
}

/// `None` for null, which is absent.
fn any_value(value: &Value) -> Option<Message> {
    match value {
        Value::String(value) => Some(text(value)),
        Value::Number(value) => Some(Message::new().double(4, value.as_f64()?)),
        Value::Bool(value) => Some(Message::new().varint(2, u64::from(*value))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(total_ms: f64) -> Value {
        json!({"time": "1970-01-01T00:01:00.000Z", "id": "a", "platform": "iOS", "error": null, "total_ms": total_ms})
    }

    #[test]
    fn a_log_record_has_the_bytes_of_its_description() {
        let one = json!({"time": "1970-01-01T00:00:00.001Z", "a": "b", "error": null});
        let bytes = log_record(&one).into_bytes();
        let nanos = 1_000_000_u64.to_le_bytes();
        let expected = [
            &[0x09][..],
            &nanos,
            &[0x10, 9, 0x1a, 4],
            b"INFO",
            // attributes { key: "a", value { string_value: "b" } }
            &[0x32, 8, 0x0a, 1],
            b"a",
            &[0x12, 3, 0x0a, 1],
            b"b",
            &[0x59],
            &nanos,
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_request_wraps_resource_scope_and_records() {
        // What opentelemetry-proto for Python writes.
        let bytes = request(&[Message::new().varint(2, 1)]);
        let resource =
            [&[0x0a, 29, 0x0a, 27, 0x0a, 12][..], b"service.name", &[0x12, 11, 0x0a, 9], b"assistant"].concat();
        let expected =
            [&[0x0a, 46][..], &resource, &[0x12, 13, 0x0a, 7, 0x0a, 5], b"bench", &[0x12, 2, 0x10, 1]].concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn values_lie_in_their_buckets() {
        assert_eq!([1.0, 1.0001, 2.0, 2.0001, 1024.0].map(bucket_of), [-1, 0, 31, 32, 319]);
        let (_, filled) = histogram_point(&[event(100.0), event(100.01), event(900.0), event(0.0)]);
        assert_eq!(filled, 3);
    }

    #[test]
    fn everything_is_sent_and_counted() {
        let events = |count: usize| (0..count).map(|at| event(100.0 + at as f64));
        let logs = logs(events(2_500));
        assert_eq!((logs.bodies.len(), logs.records, logs.rows), (3, 2_500, 2_500));
        let metrics = metrics(events(2_400));
        assert_eq!((metrics.bodies.len(), metrics.records), (2, 1_200));
        assert!(metrics.rows > 1_200 && metrics.rows <= 600 * 5, "{}", metrics.rows);
    }
}
