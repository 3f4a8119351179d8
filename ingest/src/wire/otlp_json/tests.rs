//! The rewritten JSON, held against what the generated types read and write.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;

use super::*;

#[test]
fn the_specifications_example_reads_as_the_generated_types_read_it() {
    let json = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},
        "scopeLogs":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[
        {"key":"my.scope.attribute","value":{"stringValue":"some scope attribute"}}]},
        "logRecords":[{"timeUnixNano":"1544712660300000000","observedTimeUnixNano":"1544712660300000000",
        "severityNumber":10,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","severityText":"Information","body":{"stringValue":"Example log record"},
        "attributes":[{"key":"string.attribute","value":{"stringValue":"some \"string\" \u00e4"}},
        {"key":"boolean.attribute","value":{"boolValue":true}},{"key":"int.attribute","value":{"intValue":"10"}},
        {"key":"double.attribute","value":{"doubleValue":637.704}},
        {"key":"map.attribute","value":{"kvlistValue":{"values":[{"key":"k","value":{"intValue":-3}}]}}}]}]}]}]}"#;
    let read = ExportLogsServiceRequest::decode(to_protobuf(json.as_bytes(), &LOGS).unwrap().as_slice()).unwrap();
    assert_eq!(read, serde_json::from_str::<ExportLogsServiceRequest>(json).unwrap());
}

#[test]
fn metrics_read_as_the_generated_types_read_them() {
    let json = r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"metrics":[
        {"name":"a","unit":"1","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[
            {"asDouble":5.5,"startTimeUnixNano":"1544712660300000000","timeUnixNano":"1544712660300000000"},
            {"asInt":"-7","timeUnixNano":"1544712660300000000","flags":1,
             "exemplars":[{"timeUnixNano":"1544712660200000000","asInt":"4","traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174"}]}]}},
        {"name":"b","histogram":{"aggregationTemporality":2,"dataPoints":[
            {"timeUnixNano":"1544712660300000000","count":2,"sum":2,"bucketCounts":["1","1"],"explicitBounds":[1.5],
             "min":0,"max":2}]}},
        {"name":"c","exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[
            {"timeUnixNano":"1544712660300000000","count":"3","sum":10,"scale":-1,"zeroCount":"1","zeroThreshold":0.5,
             "positive":{"offset":-4,"bucketCounts":["0","2"]},"negative":{"offset":0,"bucketCounts":[]}}]}}]}]}]}"#;
    let bytes = to_protobuf(json.as_bytes(), &METRICS).unwrap();
    let read = ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(read, serde_json::from_str::<ExportMetricsServiceRequest>(json).unwrap());
}

fn point(value: &str) -> Result<Vec<u8>, WireError> {
    to_protobuf(value.as_bytes(), &NUMBER_POINT)
}

#[test]
fn numbers_may_be_written_in_many_ways() {
    assert_eq!(point(r#"{"asInt":-1}"#).unwrap(), point(r#"{"asInt":"-1"}"#).unwrap());
    assert_eq!(point(r#"{"asInt":3.0}"#).unwrap(), point(r#"{"asInt":"3"}"#).unwrap());
    assert_eq!(point(r#"{"asDouble":3}"#).unwrap(), point(r#"{"asDouble":"3.0"}"#).unwrap());
    assert_eq!(point(r#"{"asDouble":"-Infinity"}"#).unwrap()[1..], f64::NEG_INFINITY.to_le_bytes());
    assert!(point(r#"{"asDouble":"NaN"}"#).is_ok());
    assert!(point(r#"{"asDouble":null,"unheardOf":{"a":[1]}}"#).unwrap().is_empty());
    for wrong in [r#"{"asInt":3.5}"#, r#"{"asInt":true}"#, r#"{"asInt":[1]}"#, r#"{"asDouble":"much"}"#, "[]", "3"] {
        assert!(point(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_body_grows_at_most_five_times() {
    let body = format!(r#"{{"bucketCounts":[{}0]}}"#, "0,".repeat(10_000));
    assert!(to_protobuf(body.as_bytes(), &HISTOGRAM_POINT).unwrap().len() < 5 * body.len());
    let body = format!(r#"{{"logRecords":[{}{{}}]}}"#, "{},".repeat(10_000));
    assert!(to_protobuf(body.as_bytes(), &SCOPE_LOGS).unwrap().len() < 5 * body.len());
}
