//! Every kind of metric in both temporalities, whole and broken.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;

use super::{CUMULATIVE, DELTA};
use crate::builder::ROWS_MAX;
use crate::wire::Format;
use crate::wire::trial::{self, NANOS, edited, edits, shown, streams};

const PROTOBUF: Format = Format::OtlpMetrics { json: false };
/// A minute before the points.
const START: u64 = NANOS - 60_000_000_000;

fn pair(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn request(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let resource = Resource { attributes: vec![pair("service.name", "kitchen")], ..Resource::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}

fn metric(name: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: "ms".to_owned(), data: Some(data), ..Metric::default() }
}

fn number(value: number_data_point::Value, outcome: &str) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![pair("outcome", outcome), pair("id", "passed over")],
        start_time_unix_nano: START,
        time_unix_nano: NANOS,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn int(value: i64) -> NumberDataPoint {
    number(number_data_point::Value::AsInt(value), "ok")
}

fn double(value: f64) -> NumberDataPoint {
    number(number_data_point::Value::AsDouble(value), "ok")
}

fn sum(data_points: Vec<NumberDataPoint>, temporality: u64, is_monotonic: bool) -> Data {
    Data::Sum(Sum { data_points, aggregation_temporality: temporality as i32, is_monotonic })
}

fn histogram(counts: &[u64], bounds: &[f64], temporality: u64) -> Data {
    let point = HistogramDataPoint {
        start_time_unix_nano: START,
        time_unix_nano: NANOS,
        count: counts.iter().sum(),
        sum: Some(40.0),
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: temporality as i32 })
}

fn exponential(scale: i32, offset: i32, counts: &[u64], temporality: u64) -> Data {
    let point = ExponentialHistogramDataPoint {
        start_time_unix_nano: START,
        time_unix_nano: NANOS,
        scale,
        zero_count: 2,
        positive: Some(Buckets { offset, bucket_counts: counts.to_vec() }),
        ..ExponentialHistogramDataPoint::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![point],
        aggregation_temporality: temporality as i32,
    })
}

fn rows(metrics: Vec<Metric>) -> Vec<String> {
    let request = request(metrics);
    let decoded = trial::decode(PROTOBUF, &request.encode_to_vec()).unwrap();
    // The generated types write NaN as null, which is absent; the specification writes it as a text.
    let json = serde_json::to_string(&request).unwrap().replace(r#""asDouble":null"#, r#""asDouble":"NaN""#);
    let from_json = trial::decode(Format::OtlpMetrics { json: true }, json.as_bytes()).unwrap();
    assert_eq!(from_json, decoded);
    shown(&decoded)
}

#[test]
fn gauges_are_values() {
    let gauge = Data::Gauge(Gauge { data_points: vec![int(-3), double(2.5), double(f64::NAN)] });
    assert_eq!(
        rows(vec![metric("queue.length", gauge), metric("pool", sum(vec![int(4)], CUMULATIVE, false))]),
        [
            "metric=queue.length outcome=ok service_name=kitchen unit=ms value=-3.0000",
            "metric=queue.length outcome=ok service_name=kitchen unit=ms value=2.5000",
            "metric=pool outcome=ok service_name=kitchen unit=ms value=4.0000",
        ]
    );
}

fn exemplar(value: f64, trace: u8) -> Exemplar {
    Exemplar {
        filtered_attributes: vec![pair("user", "left out")],
        time_unix_nano: NANOS,
        trace_id: vec![trace; 16],
        span_id: vec![trace; 8],
        value: Some(exemplar::Value::AsDouble(value)),
    }
}

#[test]
fn an_exemplar_adds_its_trace_to_the_row_that_counts_it() {
    let exemplars = || vec![exemplar(7.0, 1), exemplar(8.5, 0xab), exemplar(200.0, 3), exemplar(f64::NAN, 4)];
    let mut explicit = histogram(&[1, 4, 0], &[5.0, 10.0], DELTA);
    let mut exponential = exponential(0, 2, &[4, 8], DELTA);
    let mut counter = int(3);
    counter.exemplars = vec![exemplar(1.0, 0), exemplar(1.0, 9)];
    counter.exemplars[1].span_id = vec![1, 2, 3];
    if let (Data::Histogram(explicit), Data::ExponentialHistogram(exponential)) = (&mut explicit, &mut exponential) {
        explicit.data_points[0].exemplars = exemplars();
        exponential.data_points[0].exemplars = [exemplars(), vec![exemplar(0.0, 5)]].concat();
    }
    let data = [explicit, exponential, sum(vec![counter], DELTA, true)];
    let rows = rows(data.into_iter().map(|data| metric("m", data)).collect());
    let short =
        |row: &String| row.replace("service_name=kitchen ", "").replace("metric=m ", "").replace("unit=ms ", "");
    assert!(rows[1].contains("exemplar_time=2027-01-15T08:00:00.123Z "), "{}", rows[1]);
    let short = |row: &String| short(row).replace("exemplar_time=2027-01-15T08:00:00.123Z ", "");
    assert_eq!(
        rows.iter().map(short).collect::<Vec<_>>(),
        [
            "1 x value=2.5000",
            "4 x exemplar_value=8.5000 span_id=abababababababab trace_id=abababababababababababababababab value=7.0711",
            "2 x exemplar_value=0.0000 span_id=0505050505050505 trace_id=05050505050505050505050505050505 value=0.0000",
            "4 x exemplar_value=7.0000 span_id=0101010101010101 trace_id=01010101010101010101010101010101 value=5.6263",
            "8 x exemplar_value=8.5000 span_id=abababababababab trace_id=abababababababababababababababab value=11.2526",
            "3 x exemplar_value=1.0000 outcome=ok trace_id=09090909090909090909090909090909 unit=ms",
        ]
    );
}

#[test]
fn counters_count() {
    let points = || vec![int(12), double(3.0), double(0.25), int(0), int(-1)];
    assert_eq!(
        rows(vec![metric("asked", sum(points(), DELTA, true))]),
        [
            "12 x metric=asked outcome=ok service_name=kitchen unit=ms",
            "3 x metric=asked outcome=ok service_name=kitchen unit=ms",
            "1 x metric=asked outcome=ok service_name=kitchen unit=ms value=0.2500",
            "no 5: `asked`: it is a counter, and -1 is below zero",
        ]
    );
    assert_eq!(
        rows(vec![metric("asked", sum(points(), CUMULATIVE, true))]),
        [
            "12 in 0 from -60000: metric=asked outcome=ok service_name=kitchen unit=ms",
            "3 in 0 from -60000: metric=asked outcome=ok service_name=kitchen unit=ms",
            "1 x metric=asked outcome=ok service_name=kitchen unit=ms value=0.2500",
            "0 in 0 from -60000: metric=asked outcome=ok service_name=kitchen unit=ms",
            "no 5: `asked`: it is a counter, and -1 is below zero",
        ]
    );
}

#[test]
fn histograms_are_values_with_counts() {
    assert_eq!(
        rows(vec![
            metric("delta", histogram(&[0, 2, 0, 5], &[0.0, 4.0, 16.0], DELTA)),
            metric("total", histogram(&[1, 0, 3, 0], &[0.0, 4.0, 16.0], CUMULATIVE)),
            metric("empty", histogram(&[0, 0], &[1.0], DELTA)),
            metric("still", histogram(&[0, 0], &[1.0], CUMULATIVE)),
            metric("mean", histogram(&[4], &[], DELTA)),
        ]),
        [
            "2 x metric=delta service_name=kitchen unit=ms value=2.0000",
            "5 x metric=delta service_name=kitchen unit=ms value=16.0000",
            "1 in 0 from -60000: metric=total service_name=kitchen unit=ms value=0.0000",
            "3 in 2 from -60000: metric=total service_name=kitchen unit=ms value=8.0000",
            "0 in - from -60000: metric=still service_name=kitchen unit=ms value=0.0000",
            "4 x metric=mean service_name=kitchen unit=ms value=10.0000",
        ]
    );
}

#[test]
fn exponential_histograms_fall_into_the_sketchs_own_buckets() {
    assert_eq!(
        rows(vec![
            metric("same", exponential(6, 64, &[3, 0, 4], DELTA)),
            metric("finer", exponential(8, 256, &[1, 1, 1, 1, 5], CUMULATIVE)),
            metric("coarser", exponential(5, 32, &[7], CUMULATIVE)),
        ]),
        [
            "2 x metric=same service_name=kitchen unit=ms value=0.0000",
            "3 x metric=same service_name=kitchen unit=ms value=2.0109",
            "4 x metric=same service_name=kitchen unit=ms value=2.0549",
            "2 in - from -60000: metric=finer service_name=kitchen unit=ms value=0.0000",
            "4 in 64 from -60000: metric=finer service_name=kitchen unit=ms value=2.0109",
            "5 in 65 from -60000: metric=finer service_name=kitchen unit=ms value=2.0328",
            "2 in - from -60000: metric=coarser service_name=kitchen unit=ms value=0.0000",
            "7 in 64 from -60000: metric=coarser service_name=kitchen unit=ms value=2.0109",
        ]
    );
}

#[test]
fn what_cannot_be_counted_is_named() {
    let summary = Data::Summary(Summary { data_points: vec![SummaryDataPoint::default()] });
    let mut negative = exponential(6, 0, &[1], DELTA);
    if let Data::ExponentialHistogram(histogram) = &mut negative {
        histogram.data_points[0].negative = Some(Buckets { offset: 0, bucket_counts: vec![1] });
    }
    let no_value = Data::Gauge(Gauge { data_points: vec![NumberDataPoint { value: None, ..int(1) }] });
    let no_time = Data::Gauge(Gauge { data_points: vec![NumberDataPoint { time_unix_nano: 0, ..int(1) }] });
    let nothing = Data::Gauge(Gauge { data_points: vec![NumberDataPoint { flags: 1, value: None, ..int(1) }] });
    assert_eq!(
        rows(vec![
            metric("a", summary),
            metric("b", negative),
            metric("c", no_value),
            metric("d", no_time),
            metric("e", nothing),
            metric("f", sum(vec![int(1)], 0, true)),
            metric("g", histogram(&[1, 1, 1], &[1.0], DELTA)),
        ]),
        [
            "no 1: `a`: it is a summary, whose quantiles cannot be merged; send a histogram",
            "no 2: `b`: it counts values below zero, which no sketch holds",
            "no 3: `c`: it has no value",
            "no 4: `d`: `time` is missing; every event needs it, as RFC 3339 or epoch milliseconds",
            "no 6: `f`: it does not say whether it is delta or cumulative",
            "no 7: `g`: it has 1 bounds and 3 buckets; there is one bucket more",
        ]
    );
}

#[test]
fn a_stream_is_told_by_its_name_its_resource_its_attributes_and_the_shape_of_its_buckets() {
    let point = |outcome| number(number_data_point::Value::AsInt(1), outcome);
    let metrics = vec![
        metric("a", sum(vec![point("ok"), point("ok"), point("error")], CUMULATIVE, true)),
        metric("b", sum(vec![point("ok")], CUMULATIVE, true)),
        metric("c", histogram(&[1, 1], &[1.0], CUMULATIVE)),
        metric("c", histogram(&[1, 1], &[2.0], CUMULATIVE)),
        metric("d", exponential(5, 0, &[1], CUMULATIVE)),
        metric("d", exponential(4, 0, &[1], CUMULATIVE)),
        metric("d", exponential(7, 0, &[1], CUMULATIVE)),
        metric("d", exponential(6, 0, &[1], CUMULATIVE)),
    ];
    let mut request = request(metrics);
    let mut elsewhere = request.resource_metrics[0].clone();
    elsewhere.resource.as_mut().unwrap().attributes[0] = pair("service.name", "hall");
    elsewhere.scope_metrics[0].metrics.truncate(1);
    request.resource_metrics.push(elsewhere);
    let decoded = trial::decode(PROTOBUF, &request.encode_to_vec()).unwrap();
    let mut known = Vec::new();
    let numbered = streams(&decoded).into_iter().map(|stream| {
        known.iter().position(|known| *known == stream).unwrap_or_else(|| {
            known.push(stream);
            known.len() - 1
        })
    });
    assert_eq!(numbered.collect::<Vec<_>>(), [0, 0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 7, 8, 8, 9]);
}

#[test]
fn attributes_in_another_order_are_the_same_stream() {
    let mut point = int(1);
    let there = sum(vec![point.clone()], CUMULATIVE, true);
    point.attributes.reverse();
    let back = sum(vec![point], CUMULATIVE, true);
    let decoded =
        trial::decode(PROTOBUF, &request(vec![metric("a", there), metric("a", back)]).encode_to_vec()).unwrap();
    let streams = streams(&decoded);
    assert_eq!(streams[0], streams[1]);
}

#[test]
fn a_point_gives_all_of_its_rows_or_none() {
    let counts = vec![1; 2000];
    let points = ROWS_MAX / counts.len() + 1;
    let metrics = (0..points).map(|_| metric("wide", exponential(6, -600, &counts, DELTA))).collect();
    let decoded = trial::decode(PROTOBUF, &request(metrics).encode_to_vec()).unwrap();
    // Each has a row of zeros besides.
    assert_eq!(decoded.events.len() % 2001, 0);
    assert_eq!(decoded.events.len() / 2001 + decoded.rejected.len(), points);
    assert!(decoded.rejected[0].reason.ends_with("send smaller batches"));
}

fn metrics() -> impl Strategy<Value = Vec<Metric>> {
    let counts = || prop::collection::vec(prop_oneof![0_u64..5, any::<u64>()], 0..6);
    let bounds = || prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e6, any::<f64>()], 0..6);
    let ints = || prop::collection::vec(any::<i64>().prop_map(int), 0..3);
    let temporality = || 0_u64..4;
    let data = prop_oneof![
        ints().prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (ints(), temporality(), any::<bool>()).prop_map(|(points, time, is_monotonic)| sum(points, time, is_monotonic)),
        (counts(), bounds(), temporality()).prop_map(|(counts, bounds, time)| {
            // Their sum is sent as the count, and must not overflow here.
            let counts: Vec<u64> = counts.iter().map(|count| count >> 8).collect();
            histogram(&counts, &bounds, time)
        }),
        (any::<i32>(), any::<i32>(), counts(), temporality())
            .prop_map(|(scale, offset, counts, time)| exponential(scale, offset, &counts, time)),
    ];
    prop::collection::vec(data.prop_map(|data| metric("m", data)), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_metrics_give_usable_rows_or_reasons(metrics in metrics()) {
        trial::decode(PROTOBUF, &request(metrics).encode_to_vec()).unwrap();
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), json: bool) {
        let _ = trial::decode(Format::OtlpMetrics { json }, &bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(metrics in metrics(), edits in edits()) {
        let request = request(metrics);
        let _ = trial::decode(PROTOBUF, &edited(&request.encode_to_vec(), &edits));
        let json = serde_json::to_vec(&request).unwrap();
        let _ = trial::decode(Format::OtlpMetrics { json: true }, &edited(&json, &edits));
    }
}

/// A point: whether it is a sum, the numbers of its keys and values, and what it counts.
type Mixed = (bool, Vec<(usize, usize)>, u32);

/// With attributes in any order, some of them twice.
fn mixed_points() -> impl Strategy<Value = Vec<Mixed>> {
    prop::collection::vec((any::<bool>(), prop::collection::vec((0..5_usize, 0..3_usize), 0..5), 0..9_u32), 1..8)
}

fn mixed(points: &[Mixed], temporality: u64) -> Vec<Metric> {
    let of_point = |(is_sum, attributes, value): &Mixed| {
        let keys = ["outcome", "service.name", "a.b", "", "id"];
        let attributes = attributes.iter().map(|(key, value)| pair(keys[*key], ["ok", "failed", ""][*value]));
        let attributes: Vec<KeyValue> = attributes.collect();
        if *is_sum {
            return metric(
                "some",
                sum(vec![NumberDataPoint { attributes, ..int(i64::from(*value)) }], temporality, true),
            );
        }
        let mut data = exponential(3, 4, &[u64::from(*value), 0, 300, 0, 1], temporality);
        if let Data::ExponentialHistogram(histogram) = &mut data {
            histogram.data_points[0].attributes = attributes;
        }
        metric("some", data)
    };
    points.iter().map(of_point).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Alone in its body a point has nobody before it.
    #[test]
    fn a_point_is_the_same_whatever_came_before(points in mixed_points(), is_cumulative: bool) {
        let temporality = if is_cumulative { CUMULATIVE } else { DELTA };
        let decode = |points: &[_]| {
            trial::decode(PROTOBUF, &request(mixed(points, temporality)).encode_to_vec()).unwrap()
        };
        let all = decode(&points);
        let alone: Vec<_> = points.iter().map(|point| decode(std::slice::from_ref(point))).collect();
        prop_assert_eq!(shown(&all), alone.iter().flat_map(shown).collect::<Vec<_>>());
        prop_assert_eq!(streams(&all), alone.iter().flat_map(streams).collect::<Vec<_>>());
    }
}
