//! Log records of every shape, whole and broken.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;

use crate::builder::ROWS_MAX;
use crate::wire::trial::{self, NANOS, edited, edits, shown};
use crate::wire::{Format, WireError};

const PROTOBUF: Format = Format::OtlpLogs { json: false };
const JSON: Format = Format::OtlpLogs { json: true };

fn holding(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(holding(value)), ..KeyValue::default() }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn record(attributes: Vec<KeyValue>) -> LogRecord {
    LogRecord { time_unix_nano: NANOS, attributes, ..LogRecord::default() }
}

fn request(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let resource = Resource {
        attributes: vec![
            pair("service.name", text("kitchen")),
            pair("outcome", text("of the resource")),
            pair("id", text("not of an event")),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope { attributes: vec![pair("level", text("scope"))], ..Default::default() };
    let scope_logs = ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() };
    let resource_logs = ResourceLogs { resource: Some(resource), scope_logs: vec![scope_logs], ..Default::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource_logs] }
}

/// Records with everything that can be in one.
fn rich() -> ExportLogsServiceRequest {
    let nested = Value::KvlistValue(KeyValueList { values: vec![pair("x", Value::IntValue(1))] });
    let entries = KeyValueList { values: vec![pair("total_ms", Value::DoubleValue(12.5)), pair("user", text("u"))] };
    request(vec![
        record(vec![
            pair("outcome", text("ok")),
            pair("total_ms", Value::IntValue(7)),
            pair("ok", Value::BoolValue(true)),
            pair("log.record.uid", text("a")),
            pair("enduser.id", Value::IntValue(31188)),
            pair("free", nested.clone()),
            pair("bytes", Value::BytesValue(vec![1, 2, 3])),
            pair("nan", Value::DoubleValue(f64::NAN)),
        ]),
        LogRecord {
            time_unix_nano: 0,
            observed_time_unix_nano: NANOS,
            severity_number: 17,
            event_name: "turn".to_owned(),
            trace_id: (0xa0..0xb0).collect(),
            span_id: vec![7; 8],
            body: Some(holding(Value::KvlistValue(entries))),
            ..LogRecord::default()
        },
        LogRecord {
            severity_text: "warning".to_owned(),
            body: Some(holding(text("the lamp is off"))),
            ..record(vec![pair("time", Value::IntValue(1_800_000_000_124)), pair("level", text("record"))])
        },
        record(vec![pair("total_ms", nested)]),
        record(vec![pair("total_ms", Value::ArrayValue(ArrayValue { values: vec![holding(text("fast"))] }))]),
        record(vec![pair("total_ms", text("fast"))]),
        record(vec![pair("time", text("noon"))]),
        record(vec![pair("user", Value::BoolValue(true))]),
        LogRecord::default(),
    ])
}

#[test]
fn records_become_events_and_those_that_cannot_are_named() {
    let decoded = trial::decode(PROTOBUF, &rich().encode_to_vec()).unwrap();
    assert_eq!(
        shown(&decoded),
        [
            "id user level=scope ok=true outcome=ok service_name=kitchen total_ms=7.0000",
            "user event_name=turn level=scope outcome=of the resource service_name=kitchen severity=ERROR span_id=0707070707070707 total_ms=12.5000 trace_id=a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
            "at 1 level=record message=the lamp is off outcome=of the resource service_name=kitchen severity=warning",
            "no 4: `total_ms` is an object; the metrics read it as a number, for events are flat",
            "no 5: `total_ms` is a list; the metrics read it as a number, for events are flat",
            "no 6: `total_ms` is text; the metrics read it as a number",
            "no 7: `noon` is not a time; write RFC 3339 such as 2026-05-01T12:00:00Z, or epoch milliseconds",
            "no 8: `user` is a flag; it must be a text or a whole number",
            "no 9: `time` is missing; every event needs it, as RFC 3339 or epoch milliseconds",
        ]
    );
}

#[test]
fn the_user_as_sent_is_nowhere() {
    let decoded = trial::decode(PROTOBUF, &rich().encode_to_vec()).unwrap();
    assert!(!format!("{:?}", decoded.events).contains("31188"));
}

#[test]
fn json_gives_the_same_events() {
    let json = serde_json::to_vec(&rich()).unwrap();
    let decoded = trial::decode(JSON, &json).unwrap();
    assert_eq!(shown(&decoded), shown(&trial::decode(PROTOBUF, &rich().encode_to_vec()).unwrap()));
}

#[test]
fn what_is_around_a_record_may_come_after_it() {
    let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"ok","value":{"boolValue":true}}],
        "timeUnixNano":"1800000000123000000"}],"scope":{"attributes":[{"value":{"intValue":3},"key":"n"}]}}],
        "resource":{"attributes":[{"key":"outcome","value":{"stringValue":"ok"}}]},"unheardOf":[{}]}]}"#;
    assert_eq!(shown(&trial::decode(JSON, json.as_bytes()).unwrap()), ["n=3.0000 ok=true outcome=ok"]);
}

#[test]
fn a_broken_body_is_refused_whole() {
    let body = rich().encode_to_vec();
    let refused = |format, body: &[u8]| trial::decode(format, body).unwrap_err().to_string();
    assert_eq!(refused(PROTOBUF, &body[..body.len() - 1]), "the body is not valid Protocol Buffers: it is cut short");
    assert_eq!(
        refused(JSON, br#"{"resourceLogs":[{"scopeLogs":7}]}"#),
        "the body is not valid OTLP JSON: invalid type: integer `7`, expected a list of objects at line 1 column 31"
    );
    assert!(refused(JSON, b"{\"resourceLogs\":[]} x").contains("trailing characters"));
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    assert!(refused(JSON, format!(r#"{{"resourceLogs":{deep}}}"#).as_bytes()).contains("recursion limit"));
}

/// Two bytes a record: a small body could otherwise hold millions.
#[test]
fn records_are_bounded_whether_they_are_taken_or_not() {
    let records = [0x12, 0].repeat(ROWS_MAX + 1);
    let wrap = |tag: u8, message: &[u8]| {
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(message.len() as u64, &mut bytes);
        bytes.extend_from_slice(message);
        bytes
    };
    let body = |records: &[u8]| wrap(0x0a, &wrap(0x12, records));
    assert!(matches!(trial::decode(PROTOBUF, &body(&records)), Err(WireError::TooMany { limit: ROWS_MAX, .. })));
    let decoded = trial::decode(PROTOBUF, &body(&records[2..])).unwrap();
    assert_eq!((decoded.events.len(), decoded.rejected.len()), (0, ROWS_MAX));
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,12}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (-1e300..1e300).prop_map(Value::DoubleValue),
        Just(Value::ArrayValue(ArrayValue::default())),
        Just(Value::KvlistValue(KeyValueList::default())),
    ]
}

fn records() -> impl Strategy<Value = Vec<LogRecord>> {
    let keys = prop::sample::select(vec!["outcome", "total_ms", "ok", "id", "user.id", "time", "a.b", "c", ""]);
    let attributes = prop::collection::vec((keys, values()), 0..8);
    let body = prop::option::of(values());
    let record = (attributes, body, prop::sample::select(vec![0, 1, NANOS, u64::MAX]));
    let record = record.prop_map(|(attributes, body, time_unix_nano)| LogRecord {
        time_unix_nano,
        attributes: attributes.into_iter().map(|(key, value)| pair(key, value)).collect(),
        body: body.map(holding),
        ..LogRecord::default()
    });
    prop::collection::vec(record, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_record_is_taken_or_named(records in records()) {
        let sent = records.len();
        let request = request(records);
        let decoded = trial::decode(PROTOBUF, &request.encode_to_vec()).unwrap();
        prop_assert_eq!(decoded.events.len() + decoded.rejected.len(), sent);
        let from_json = trial::decode(JSON, &serde_json::to_vec(&request).unwrap()).unwrap();
        prop_assert_eq!(shown(&from_json), shown(&decoded));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), json: bool) {
        let _ = trial::decode(Format::OtlpLogs { json }, &bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(records in records(), edits in edits()) {
        let request = request(records);
        let _ = trial::decode(PROTOBUF, &edited(&request.encode_to_vec(), &edits));
        let _ = trial::decode(JSON, &edited(&serde_json::to_vec(&request).unwrap(), &edits));
    }
}
