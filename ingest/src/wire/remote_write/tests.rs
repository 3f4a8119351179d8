//! Samples and histograms of both versions, whole and broken.

use proptest::prelude::*;
use prost::Message;

use crate::events::Weight;
use crate::wire::trial::{self, TIME, edited, edits, shown, streams};
use crate::wire::{Format, Reader, RemoteWrite, WireError, Written, decode_remote_write};

const V1: Format = Format::RemoteWrite(RemoteWrite::V1);
const V2: Format = Format::RemoteWrite(RemoteWrite::V2);

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series1>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata1>,
}

#[derive(Clone, PartialEq, Message)]
struct Series1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar1>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata1 {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(string, tag = "2")]
    family: String,
}

#[derive(Clone, PartialEq, Message)]
struct Request2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<Series2>,
}

#[derive(Clone, PartialEq, Message)]
struct Series2 {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<Exemplar2>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata2>,
    #[prost(int64, tag = "6")]
    created_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar2 {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata2 {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint32, tag = "4")]
    unit_ref: u32,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
    #[prost(int64, tag = "3")]
    start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, tag = "6")]
    zero_count: u64,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(uint32, tag = "14")]
    reset_hint: u32,
    #[prost(int64, tag = "15")]
    timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
    #[prost(int64, tag = "17")]
    start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

fn packed(message: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap()
}

/// `name{key="value"}` and a sample at [`TIME`].
fn series(name: &str, labels: &[(&str, &str)], value: f64) -> Series1 {
    let labels = std::iter::once(("__name__", name)).chain(labels.iter().copied());
    let samples = vec![Sample { value, timestamp: TIME.millis(), start_timestamp: 0 }];
    Series1 { labels: labels.map(label).collect(), samples, exemplars: vec![], histograms: vec![] }
}

fn label((name, value): (&str, &str)) -> Label {
    Label { name: name.to_owned(), value: value.to_owned() }
}

/// One request, so many milliseconds before [`TIME`].
fn exemplar(labels: &[(&str, &str)], value: f64, before: i64) -> Exemplar1 {
    Exemplar1 { labels: labels.iter().copied().map(label).collect(), value, timestamp: TIME.millis() - before }
}

fn native(name: &str, histogram: Histogram) -> Series1 {
    let histogram = Histogram { timestamp: TIME.millis(), ..histogram };
    Series1 { samples: vec![], histograms: vec![histogram], ..series(name, &[], 0.0) }
}

fn rows(timeseries: Vec<Series1>) -> Vec<String> {
    shown(&trial::decode(V1, &packed(&WriteRequest { timeseries, metadata: vec![] })).unwrap())
}

fn second(symbols: &[&str], timeseries: Vec<Series2>) -> Vec<u8> {
    packed(&Request2 { symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(), timeseries })
}

fn written(version: RemoteWrite, body: &[u8]) -> Written {
    let (fields, users) = (hark_query::Fields::default(), crate::UserKey::new([1; 16]));
    decode_remote_write(version, body, &Reader { fields: &fields, users: &users }).unwrap().1
}

#[test]
fn counters_count_and_the_rest_are_values() {
    assert_eq!(
        rows(vec![
            series("asked_total", &[("outcome", "ok"), ("user", "31188"), ("id", "x")], 12.0),
            series("cpu_seconds_total", &[], 0.5),
            series("rpc_seconds_count", &[], 3.0),
            series("rpc_seconds_sum", &[], 7.5),
            series("rpc_seconds", &[("quantile", "0.99")], 2.5),
            series("up", &[], -1.0),
            series("gone_total", &[], f64::from_bits(0x7ff0_0000_0000_0002)),
            series("asked_total", &[], -1.0),
            Series1::default(),
        ]),
        [
            "12 in 0: user metric=asked_total outcome=ok",
            "1 x metric=cpu_seconds_total value=0.5000",
            "3 in 0: metric=rpc_seconds_count",
            "1 x metric=rpc_seconds quantile=0.99 value=2.5000",
            "1 x metric=up value=-1.0000",
            "1 unless it has buckets: metric=rpc_seconds_sum value=7.5000",
            "no 8: `asked_total`: it is a counter, and -1 is below zero",
            "no 9: it has no label `__name__`",
        ]
    );
}

#[test]
fn metadata_say_what_a_name_does_not() {
    let request = WriteRequest {
        timeseries: vec![series("asked", &[], 1.0), series("files_total", &[], 2.0)],
        metadata: vec![
            Metadata1 { kind: 1, family: "asked".to_owned() },
            Metadata1 { kind: 2, family: "files_total".to_owned() },
        ],
    };
    assert_eq!(
        shown(&trial::decode(V1, &packed(&request)).unwrap()),
        ["1 in 0: metric=asked", "1 x metric=files_total value=2.0000"]
    );
}

fn classic(name: &str, counts: &[(&str, f64)]) -> Vec<Series1> {
    let bucket =
        |&(le, count): &(&str, f64)| series(&format!("{name}_bucket"), &[("le", le), ("outcome", "ok")], count);
    counts.iter().map(bucket).collect()
}

#[test]
fn classic_buckets_are_rows_for_the_fold_to_put_together() {
    let mut all = classic("rpc_ms", &[("4.0", 2.0), ("0.0", 1.0), ("+Inf", 9.4), ("16", f64::NAN)]);
    all.insert(0, series("rpc_ms_sum", &[("outcome", "ok")], 99.0));
    all.push(series("rpc_ms_bucket", &[("outcome", "ok")], 3.0));
    assert_eq!(
        rows(all.clone()),
        [
            "2 up to 4: metric=rpc_ms outcome=ok value=0.0000",
            "1 up to 0: metric=rpc_ms outcome=ok value=0.0000",
            "9 up to inf: metric=rpc_ms outcome=ok value=0.0000",
            "1 x metric=rpc_ms_bucket outcome=ok value=3.0000",
            "1 unless it has buckets: metric=rpc_ms_sum outcome=ok value=99.0000",
        ]
    );
    let body = packed(&WriteRequest { timeseries: all, metadata: vec![] });
    assert_eq!(written(RemoteWrite::V1, &body), Written { samples: 6, ..Written::default() });
    let streams = streams(&trial::decode(V1, &body).unwrap());
    assert_eq!(streams.len(), 4);
    assert!(streams.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn buckets_that_no_histogram_has_are_named() {
    let mut all = classic("odd", &[("much", 3.0), ("NaN", 3.0), ("1", -1.0)]);
    all.extend(classic("huge", &[("1", 1e300)]));
    let gauge = Metadata1 { kind: 2, family: "level".to_owned() };
    all.extend(classic("level", &[("1", 4.0)]));
    let request = WriteRequest { timeseries: all, metadata: vec![gauge] };
    assert_eq!(
        shown(&trial::decode(V1, &packed(&request)).unwrap()),
        [
            "le=1 metric=level_bucket outcome=ok value=4.0000",
            "no 1: `odd_bucket`: its label `le` is not a number",
            "no 2: `odd_bucket`: its label `le` is not a number",
            "no 3: `odd_bucket`: it counts -1",
            "no 4: `huge_bucket`: it counts 18446744073709551615; more than 9007199254740992 cannot be right",
        ]
    );
}

#[test]
fn native_histograms_fall_into_the_sketchs_own_buckets() {
    let spans = vec![Span { offset: 65, length: 2 }, Span { offset: 1, length: 1 }];
    let whole = Histogram { schema: 6, zero_count: 1, positive_deltas: vec![3, -1, 4], ..Histogram::default() };
    let whole = Histogram { positive_spans: spans.clone(), ..whole };
    let fractions = Histogram { positive_deltas: vec![], positive_counts: vec![2.6, 0.0, 1.0], ..whole.clone() };
    let coarse = Histogram { schema: 3, ..whole.clone() };
    let custom = Histogram {
        schema: -53,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        positive_deltas: vec![5, 1],
        custom_values: vec![4.0, 16.0],
        ..Histogram::default()
    };
    assert_eq!(
        rows(vec![native("whole", whole), native("parts", fractions), native("coarse", coarse), native("own", custom)]),
        [
            "1 in -: metric=whole value=0.0000",
            // Prometheus' bucket 65 at this scale ends at 2^(65/64).
            "3 in 64: metric=whole value=2.0109",
            "2 in 65: metric=whole value=2.0328",
            "6 in 67: metric=whole value=2.0773",
            "1 in -: metric=parts value=0.0000",
            "3 in 64: metric=parts value=2.0109",
            "1 in 67: metric=parts value=2.0773",
            "1 in -: metric=coarse value=0.0000",
            "3 in 515: metric=coarse value=265.8903",
            "2 in 523: metric=coarse value=289.9555",
            "6 in 539: metric=coarse value=344.8171",
            "5 in 1: metric=own value=8.0000",
            "6 in 2: metric=own value=16.0000",
        ]
    );
}

#[test]
fn native_histograms_that_cannot_be_counted_are_named() {
    let one = Histogram {
        schema: 6,
        positive_spans: vec![Span { offset: 0, length: 1 }],
        positive_deltas: vec![1],
        ..Histogram::default()
    };
    let negative = Histogram { negative_spans: one.positive_spans.clone(), negative_deltas: vec![1], ..one.clone() };
    assert_eq!(
        rows(vec![
            native("gauge", Histogram { reset_hint: 3, ..one.clone() }),
            native("schema", Histogram { schema: 9, ..one.clone() }),
            native("more", Histogram { positive_deltas: vec![1, 1], ..one.clone() }),
            native("fewer", Histogram { positive_deltas: vec![], ..one.clone() }),
            native("minus", Histogram { positive_deltas: vec![-1], ..one.clone() }),
            native("negative", negative),
            native("beyond", Histogram { schema: -53, ..one.clone() }),
            native("gone", Histogram { sum: f64::from_bits(0x7ff0_0000_0000_0002), ..one }),
        ]),
        [
            "1 in 0: metric=beyond value=0.0000",
            "no 1: `gauge`: it is a gauge histogram, which counts what is there and not what happened",
            "no 2: `schema`: its schema 9 is not known",
            "no 3: `more`: its runs of buckets and their counts do not match",
            "no 4: `fewer`: its runs of buckets and their counts do not match",
            "no 5: `minus`: a bucket counts less than nothing",
            "no 6: `negative`: it counts values below zero, which no sketch holds",
        ]
    );
}

#[test]
fn symbols_metadata_and_starts_of_the_second_version_are_read() {
    let sample = |start_timestamp| Sample { value: 5.0, timestamp: TIME.millis(), start_timestamp };
    let counter = Series2 {
        labels_refs: vec![1, 2, 3, 4],
        samples: vec![sample(TIME.millis() - 60_000)],
        metadata: Some(Metadata2 { kind: 1, unit_ref: 5 }),
        ..Series2::default()
    };
    let created = Series2 { samples: vec![sample(0)], created_timestamp: TIME.millis() - 1000, ..counter.clone() };
    let gauge = Series2 { metadata: Some(Metadata2 { kind: 2, unit_ref: 0 }), ..counter.clone() };
    let lost = Series2 { labels_refs: vec![1, 99], ..counter.clone() };
    let odd = Series2 { labels_refs: vec![1, 2, 3], ..counter.clone() };
    let body =
        second(&["", "__name__", "asked", "outcome", "ok", "requests"], vec![counter, created, gauge, lost, odd]);
    assert_eq!(
        shown(&trial::decode(V2, &body).unwrap()),
        [
            "5 in 0 from -60000: metric=asked outcome=ok unit=requests",
            "5 in 0 from -1000: metric=asked outcome=ok unit=requests",
            "1 x metric=asked outcome=ok value=5.0000",
            "no 4: it cannot be read: it refers to a symbol that is not there",
            "no 5: it cannot be read: a label has no value",
        ]
    );
    assert_eq!(written(RemoteWrite::V2, &body), Written { samples: 3, ..Written::default() });
}

/// Prometheus sends them so: each in a series that has nothing else.
#[test]
fn an_exemplar_alone_is_a_row_that_counts_nothing() {
    let alone = |name: &str, labels: &[(&str, &str)], exemplars: Vec<Exemplar1>| Series1 {
        samples: vec![],
        exemplars,
        ..series(name, labels, 0.0)
    };
    let bucket = [("le", "16"), ("outcome", "ok")];
    let trace = [("trace_id", "5b8efff798038103"), ("span_id", "eee19b7e"), ("user", "31188")];
    let all = vec![
        alone("rpc_ms_bucket", &bucket, vec![exemplar(&trace, 7.25, 4000), exemplar(&[("traceID", "b")], 8.0, 5000)]),
        alone("asked_total", &[("outcome", "ok")], vec![exemplar(&[("TraceID", "c")], 1.0, 0)]),
        alone("up", &[], vec![exemplar(&[], f64::NAN, 0), exemplar(&[], 3.0, TIME.millis())]),
        alone("odd_bucket", &[("le", "much")], vec![exemplar(&trace, 1.0, 0)]),
    ];
    let body = packed(&WriteRequest { timeseries: all, metadata: vec![] });
    assert_eq!(
        shown(&trial::decode(V1, &body).unwrap()),
        [
            "0 x at -5000 exemplar_time=2027-01-15T07:59:55.123Z exemplar_value=8.0000 metric=rpc_ms outcome=ok \
             trace_id=b value=8.0000",
            "0 x at -4000 exemplar_time=2027-01-15T07:59:56.123Z exemplar_value=7.2500 metric=rpc_ms outcome=ok \
             span_id=eee19b7e trace_id=5b8efff798038103 value=7.2500",
            "0 x exemplar_time=2027-01-15T08:00:00.123Z exemplar_value=1.0000 metric=asked_total outcome=ok trace_id=c",
            "no 4: `odd_bucket`: its label `le` is not a number",
        ]
    );
    assert_eq!(written(RemoteWrite::V1, &body), Written { exemplars: 4, ..Written::default() });
}

#[test]
fn an_exemplar_beside_the_sample_that_counts_it_is_in_that_row() {
    let sample = |before, value| Sample { value, timestamp: TIME.millis() - before, start_timestamp: 0 };
    let exemplar =
        |trace, value, before| Exemplar2 { labels_refs: vec![5, trace], value, timestamp: TIME.millis() - before };
    let counter = Series2 {
        labels_refs: vec![1, 2],
        samples: vec![sample(1000, 5.0), sample(0, 9.0)],
        // Of two that one sample counts the last is kept; one that no sample counts yet is alone.
        exemplars: vec![exemplar(6, 1.0, 1500), exemplar(7, 1.0, 10), exemplar(8, 1.0, 5), exemplar(6, 1.0, -5)],
        ..Series2::default()
    };
    let histogram = Histogram {
        schema: 6,
        positive_spans: vec![Span { offset: 65, length: 2 }],
        positive_deltas: vec![3, -1],
        timestamp: TIME.millis(),
        ..Histogram::default()
    };
    let native = Series2 {
        labels_refs: vec![1, 3],
        histograms: vec![histogram],
        exemplars: vec![exemplar(7, 2.03, 20), exemplar(8, 2.015, 30)],
        ..Series2::default()
    };
    let lost = Series2 { exemplars: vec![exemplar(99, 1.0, 0)], ..native.clone() };
    let symbols = ["", "__name__", "asked_total", "rpc_ms", "", "trace_id", "a", "b", "c"];
    let body = second(&symbols, vec![counter, native, lost]);
    let rows = shown(&trial::decode(V2, &body).unwrap());
    let short =
        |row: &String| row.split(' ').filter(|word| !word.starts_with("exemplar_time")).collect::<Vec<_>>().join(" ");
    assert_eq!(
        rows.iter().map(short).collect::<Vec<_>>(),
        [
            "5 in 0: at -1000 exemplar_value=1.0000 metric=asked_total trace_id=a",
            "9 in 0: exemplar_value=1.0000 metric=asked_total trace_id=c",
            "0 x at 5 exemplar_value=1.0000 metric=asked_total trace_id=a",
            "3 in 64: exemplar_value=2.0150 metric=rpc_ms trace_id=c value=2.0109",
            "2 in 65: exemplar_value=2.0300 metric=rpc_ms trace_id=b value=2.0328",
            "no 3: `rpc_ms`: it cannot be read: it refers to a symbol that is not there",
        ]
    );
    assert_eq!(written(RemoteWrite::V2, &body), Written { samples: 2, histograms: 1, exemplars: 6 });
}

#[test]
fn a_body_is_bounded_before_it_is_unpacked() {
    // Snappy writes the unpacked length first.
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    assert!(matches!(trial::decode(V1, &huge), Err(WireError::TooLarge { .. })));
    assert!(trial::decode(V1, b"plain").unwrap_err().to_string().starts_with("the body is not valid Snappy: "));
    let symbols = Request2 { symbols: vec![String::new(); super::SYMBOLS_MAX + 1], timeseries: vec![] };
    assert!(matches!(trial::decode(V2, &packed(&symbols)), Err(WireError::TooMany { what: "symbols", .. })));
}

fn histograms() -> impl Strategy<Value = Histogram> {
    let spans = || prop::collection::vec((any::<i32>(), 0_u32..4), 0..3);
    let near = || prop::collection::vec((-3_i32..9, 0_u32..4), 0..3);
    let counts = prop::collection::vec(prop_oneof![-3_i64..9, any::<i64>()], 0..6);
    let schema = prop_oneof![-4_i32..=8, Just(-53), any::<i32>()];
    (prop_oneof![spans(), near()], counts, schema, prop::collection::vec(any::<f64>(), 0..3), any::<bool>()).prop_map(
        |(spans, deltas, schema, custom_values, is_whole)| {
            let fractions = deltas.iter().map(|delta| *delta as f64 / 3.0);
            Histogram {
                schema,
                positive_spans: spans.into_iter().map(|(offset, length)| Span { offset, length }).collect(),
                positive_counts: if is_whole { vec![] } else { fractions.collect() },
                positive_deltas: if is_whole { deltas } else { vec![] },
                timestamp: TIME.millis(),
                custom_values,
                ..Histogram::default()
            }
        },
    )
}

fn requests() -> impl Strategy<Value = (WriteRequest, Request2)> {
    let names = prop::sample::select(vec!["a_total", "a_bucket", "a_sum", "a", ""]);
    let les = prop::sample::select(vec!["", "1", "+Inf", "NaN", "-5"]);
    let times = prop::sample::select(vec![TIME.millis(), TIME.millis() + 1, i64::MIN, i64::MAX]);
    let traces = prop::collection::vec((prop::sample::select(vec!["trace_id", "spanID", "user"]), ".{0,40}"), 0..3);
    let exemplars = prop::collection::vec((traces, prop_oneof![0.0..9.0, any::<f64>()], times.clone()), 0..3);
    let histograms = prop::option::of(histograms());
    let one = (names, les, prop_oneof![0.0..9.0, any::<f64>()], times, histograms, 0_u32..9, exemplars);
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let mut request1 = WriteRequest::default();
        let mut request2 =
            Request2 { symbols: vec![String::new(), "__name__".to_owned(), "le".to_owned()], ..Default::default() };
        for (name, le, value, timestamp, histogram, kind, exemplars) in all {
            let mut series = series(name, &[("le", le)], value);
            series.samples[0].timestamp = timestamp;
            series.histograms = histogram.into_iter().collect();
            // Some come beside no sample.
            series.samples.truncate(usize::from(kind < 7));
            let mut exemplars2 = Vec::new();
            for (labels, value, timestamp) in exemplars {
                let first = request2.symbols.len() as u32;
                let labels_refs = (first..first + 2 * labels.len() as u32).collect();
                request2.symbols.extend(labels.iter().flat_map(|(name, text)| [(*name).to_owned(), text.clone()]));
                let labels = labels.iter().map(|(name, text)| label((name, text))).collect();
                series.exemplars.push(Exemplar1 { labels, value, timestamp });
                exemplars2.push(Exemplar2 { labels_refs, value, timestamp });
            }
            let at = request2.symbols.len() as u32;
            request2.symbols.extend([name.to_owned(), le.to_owned()]);
            request2.timeseries.push(Series2 {
                labels_refs: vec![1, at, 2, at + 1],
                samples: series.samples.clone(),
                histograms: series.histograms.clone(),
                exemplars: exemplars2,
                metadata: Some(Metadata2 { kind, unit_ref: kind }),
                created_timestamp: timestamp,
            });
            request1.timeseries.push(series);
        }
        (request1, request2)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_series_give_usable_rows_or_reasons((first, second) in requests()) {
        trial::decode(V1, &packed(&first)).unwrap();
        trial::decode(V2, &packed(&second)).unwrap();
    }

    /// Whatever the exemplars of a body are, the rows count the same as without them.
    #[test]
    fn exemplars_change_no_count((first, _) in requests()) {
        let counted = |request: &WriteRequest| {
            let decoded = trial::decode(V1, &packed(request)).unwrap();
            let weights = decoded.events.weights.into_iter().chain(std::iter::repeat(Weight::Requests(1)));
            let counted = weights.zip(decoded.events.times).filter(|(weight, _)| *weight != Weight::Requests(0)).collect::<Vec<_>>();
            (counted, decoded.rejected)
        };
        let mut without = first.clone();
        without.timeseries.iter_mut().for_each(|series| series.exemplars.clear());
        prop_assert_eq!(counted(&first), counted(&without));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
        for format in [V1, V2] {
            let _ = trial::decode(format, &bytes);
            let _ = trial::decode(format, &packed);
        }
    }

    #[test]
    fn no_damage_makes_it_panic((first, second) in requests(), edits in edits()) {
        for (format, plain) in [(V1, first.encode_to_vec()), (V2, second.encode_to_vec())] {
            let pack = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).unwrap();
            let _ = trial::decode(format, &pack(&edited(&plain, &edits)));
            let _ = trial::decode(format, &edited(&pack(&plain), &edits));
        }
    }
}
