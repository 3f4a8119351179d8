//! The doors that exporters and Prometheus send to, as they meet them: formats, answers, refusals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod recorder;

use std::io::{Read, Write};
use std::net::TcpStream;

use hark_dashboard::{Door, IngestAnswer, IngestError, RejectedLine, Written};
use prost::Message;
use recorder::{Answer, Doors};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// `ExportLogsServiceResponse` and `ExportMetricsServiceResponse`
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

fn partly() -> Answer {
    let rejected = vec![RejectedLine { line: 2, reason: "`time` is missing".to_owned() }];
    Ok(IngestAnswer { accepted: 4, rejected, rejected_total: 3, ..IngestAnswer::default() })
}

fn busy() -> Answer {
    Err(IngestError::Busy { retry_after_seconds: 7 })
}

#[test]
fn each_address_and_format_is_a_door_of_its_own() {
    let doors = Doors::open(Ok(IngestAnswer::default()));
    let sent = [
        ("/v1/logs", PROTOBUF, Door::OtlpLogs { json: false }),
        ("/v1/logs", "application/json; charset=utf-8", Door::OtlpLogs { json: true }),
        ("/v1/metrics", PROTOBUF, Door::OtlpMetrics { json: false }),
        ("/v1/metrics", JSON, Door::OtlpMetrics { json: true }),
        ("/api/v1/write", PROTOBUF, Door::RemoteWrite { version: 1 }),
        ("/api/v1/write", "application/x-protobuf;proto=prometheus.WriteRequest", Door::RemoteWrite { version: 1 }),
        (
            "/api/v1/write",
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            Door::RemoteWrite { version: 2 },
        ),
    ];
    for (path, content_type, door) in sent {
        let reply = doors.post(path, &[("content-type", content_type)], b"body");
        assert!(reply.status == 200 || reply.status == 204, "{path} {content_type}: {}", reply.status);
        let delivery = doors.last_delivery();
        assert_eq!((delivery.door, delivery.body.as_slice()), (door, b"body".as_slice()), "{path} {content_type}");
    }
}

#[test]
fn the_packing_and_the_sender_are_passed_on() {
    let doors = Doors::open(Ok(IngestAnswer::default()));
    let agent = ("user-agent", "OTel-OTLP-Exporter-Python/1.45.0");
    doors.post("/v1/logs", &[("content-type", JSON), ("content-encoding", "zstd"), agent], b"");
    assert_eq!(
        (doors.last_delivery().encoding, doors.last_delivery().source.as_str()),
        ("zstd".to_owned(), "OTel-OTLP-Exporter-Python")
    );
    doors.post("/v1/logs", &[("content-type", JSON), agent, ("x-hark-source", "kitchen")], b"");
    assert_eq!(doors.last_delivery().source, "kitchen");
    doors.post("/api/v1/write", &[("content-type", PROTOBUF), ("content-encoding", "snappy")], b"");
    assert_eq!(doors.last_delivery().encoding, "", "Snappy is part of the format");
}

#[test]
fn what_was_rejected_is_told_in_the_format_of_the_request() {
    let doors = Doors::open(partly());
    let message = "2: `time` is missing; 2 more";
    for path in ["/v1/logs", "/v1/metrics"] {
        let reply = doors.post(path, &[("content-type", PROTOBUF)], b"");
        assert_eq!((reply.status, reply.header("content-type")), (200, PROTOBUF));
        let partial_success = Some(PartialSuccess { rejected: 3, error_message: message.to_owned() });
        assert_eq!(ExportResponse::decode(reply.body.as_slice()).unwrap(), ExportResponse { partial_success });
    }
    for (path, name) in [("/v1/logs", "rejectedLogRecords"), ("/v1/metrics", "rejectedDataPoints")] {
        let reply = doors.post(path, &[("content-type", JSON)], b"");
        assert_eq!((reply.status, reply.header("content-type")), (200, JSON));
        let expected = serde_json::json!({ "partialSuccess": { name: "3", "errorMessage": message } });
        assert_eq!(reply.json(), expected);
    }
}

#[test]
fn an_answer_without_rejections_is_empty() {
    let doors = Doors::open(Ok(IngestAnswer { accepted: 5, ..IngestAnswer::default() }));
    assert_eq!(doors.post("/v1/logs", &[("content-type", PROTOBUF)], b"").body, b"");
    assert_eq!(doors.post("/v1/metrics", &[("content-type", JSON)], b"").body, b"{}");
}

#[test]
fn refusals_are_statuses_in_the_format_of_the_request() {
    let problem = || "nothing is right".to_owned();
    let refusals = [
        (IngestError::Unreadable(problem()), 400, 3),
        (IngestError::TooLarge(problem()), 413, 3),
        (IngestError::Busy { retry_after_seconds: 7 }, 429, 8),
        (IngestError::Stopped(problem()), 503, 14),
        (IngestError::NoRoom(problem()), 503, 14),
    ];
    for (error, http, code) in refusals {
        let doors = Doors::open(Err(error.clone()));
        let expected = RpcStatus { code, message: error.to_string() };
        let reply = doors.post("/v1/logs", &[("content-type", PROTOBUF)], b"");
        assert_eq!((reply.status, reply.header("content-type")), (http, PROTOBUF), "{error}");
        assert_eq!(RpcStatus::decode(reply.body.as_slice()).unwrap(), expected);
        let reply = doors.post("/v1/metrics", &[("content-type", JSON)], b"");
        assert_eq!(reply.status, http);
        assert_eq!(reply.json(), serde_json::json!({ "code": code, "message": error.to_string() }));
        let waits = matches!(error, IngestError::Busy { .. });
        assert_eq!(reply.header("retry-after") == "7", waits, "{error}");
    }
}

#[test]
fn other_formats_and_other_signals_are_refused() {
    let doors = Doors::open(Ok(IngestAnswer::default()));
    let reply = doors.post("/v1/logs", &[("content-type", "text/plain")], b"");
    assert_eq!((reply.status, reply.header("content-type")), (415, "application/problem+json"));
    assert_eq!(doors.post("/v1/traces", &[("content-type", PROTOBUF)], b"").status, 404);
    let wrong = [
        vec![],
        vec![("content-type", JSON)],
        vec![("content-type", PROTOBUF), ("content-encoding", "gzip")],
        vec![("content-type", "application/x-protobuf;proto=unheard.Of")],
    ];
    for headers in wrong {
        let reply = doors.post("/api/v1/write", &headers, b"");
        assert_eq!(reply.status, 415, "{headers:?}");
        assert!(reply.text().contains("io.prometheus.write.v2.Request"), "{}", reply.text());
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let doors = Doors::open(Ok(IngestAnswer::default()));
    let body = vec![0; 16 * 1024 * 1024 + 1];
    for (path, headers) in [("/v1/logs", [("content-type", JSON)]), ("/api/v1/write", [("content-type", PROTOBUF)])] {
        let reply = doors.post(path, &headers, &body);
        assert_eq!(reply.status, 413);
        assert!(reply.text().contains("at most 16777216 bytes"), "{}", reply.text());
    }
}

#[test]
fn remote_write_is_told_what_was_written() {
    let written = Some(Written { samples: 3, histograms: 1, exemplars: 2 });
    let v2 = [("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")];
    let counts = |reply: &recorder::Reply| {
        ["samples", "histograms", "exemplars"]
            .map(|what| reply.header(&format!("x-prometheus-remote-write-{what}-written")).to_owned())
    };

    let whole = Doors::open(Ok(IngestAnswer { accepted: 9, written, ..IngestAnswer::default() }));
    let reply = whole.post("/api/v1/write", &v2, b"");
    assert_eq!((reply.status, counts(&reply)), (204, ["3", "1", "2"].map(str::to_owned)));
    let reply = whole.post("/api/v1/write", &[("content-type", PROTOBUF)], b"");
    assert_eq!((reply.status, counts(&reply)), (204, ["", "", ""].map(str::to_owned)));

    let parts = Doors::open(partly().map(|answer| IngestAnswer { written, ..answer }));
    let reply = parts.post("/api/v1/write", &v2, b"");
    assert_eq!((reply.status, counts(&reply)), (400, ["3", "1", "2"].map(str::to_owned)));
    assert_eq!(reply.text(), "some series were not taken: 2: `time` is missing; 2 more\n");

    // Prometheus drops what is answered with 429.
    let reply = Doors::open(busy()).post("/api/v1/write", &v2, b"");
    assert_eq!((reply.status, reply.header("retry-after")), (503, "7"));
    assert_eq!(counts(&reply), ["0", "0", "0"].map(str::to_owned));
}

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const GRPC: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

/// A message as gRPC frames it, unpacked.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

#[test]
fn grpc_takes_logs_and_metrics() {
    let doors = Doors::open(partly());
    for (path, door) in [(LOGS, Door::OtlpLogs { json: false }), (METRICS, Door::OtlpMetrics { json: false })] {
        let reply = doors.post(path, &GRPC, &framed(b"a request"));
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/grpc"));
        let response = ExportResponse::decode(&reply.body[5..]).unwrap();
        assert_eq!(response.partial_success.unwrap().rejected, 3);
        let delivery = doors.last_delivery();
        assert_eq!(
            (delivery.door, delivery.encoding.as_str(), delivery.body.as_slice()),
            (door, "", b"a request".as_slice())
        );
    }
}

#[test]
fn grpc_unpacks_gzip() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a request").unwrap();
    let mut frame = framed(&packed.finish().unwrap());
    frame[0] = 1;
    let doors = Doors::open(Ok(IngestAnswer::default()));
    doors.post(LOGS, &[GRPC[0], GRPC[1], ("grpc-encoding", "gzip")], &frame);
    assert_eq!(doors.last_delivery().body, b"a request");
}

#[test]
fn grpc_refuses_with_a_code() {
    let problem = || "nothing is right".to_owned();
    let refusals = [
        (IngestError::Unreadable(problem()), "3"),
        (IngestError::TooLarge(problem()), "3"),
        (IngestError::Busy { retry_after_seconds: 7 }, "8"),
        (IngestError::Stopped(problem()), "14"),
        (IngestError::NoRoom(problem()), "14"),
    ];
    for (error, code) in refusals {
        let reply = Doors::open(Err(error.clone())).post(LOGS, &GRPC, &framed(b""));
        assert_eq!(reply.header("grpc-status"), code, "{error}");
        // Exporters send again after "exhausted" only if it says when.
        assert_eq!(reply.header("grpc-status-details-bin").is_empty(), code != "8", "{error}");
    }
    let doors = Doors::open(Ok(IngestAnswer::default()));
    let mut huge = framed(b"");
    huge[1..5].copy_from_slice(&(64_u32 * 1024 * 1024 + 1).to_be_bytes());
    assert_eq!(doors.post(LOGS, &GRPC, &huge).header("grpc-status"), "11");
    let traces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(doors.post_to_grpc_port(traces, &GRPC, &framed(b"")).header("grpc-status"), "12");
}

/// One HTTP/2 frame of stream `stream`.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

/// The data that an HTTP/2 server answers, spoken to without asking first.
fn over_http2(address: std::net::SocketAddr, path: &str, body: &[u8]) -> Vec<u8> {
    let (data_kind, headers_kind, settings_kind) = (0, 1, 4);
    let (end_stream, end_headers) = (1, 4);
    let mut fields = Vec::new();
    let sent = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "hark"), GRPC[0], GRPC[1]];
    for (name, value) in sent {
        // Literally, and not to be remembered (RFC 7541, section 6.2.2).
        fields.push(0);
        for text in [name, value] {
            fields.push(u8::try_from(text.len()).unwrap());
            fields.extend_from_slice(text.as_bytes());
        }
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(settings_kind, 0, 0, &[])).unwrap();
    stream.write_all(&frame(headers_kind, end_headers, 1, &fields)).unwrap();
    stream.write_all(&frame(data_kind, end_stream, 1, body)).unwrap();
    let mut data = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).unwrap();
        if head[3] == data_kind {
            data.extend_from_slice(&payload);
        }
        // The trailers end the stream.
        if head[3] == headers_kind && head[4] & end_stream != 0 {
            return data;
        }
    }
}

#[test]
fn both_ports_speak_http2_unasked() {
    let doors = Doors::open(partly());
    for (address, path) in [(doors.main, LOGS), (doors.main, METRICS), (doors.grpc, LOGS), (doors.grpc, METRICS)] {
        let answer = over_http2(address, path, &framed(b"a request"));
        assert_eq!(ExportResponse::decode(&answer[5..]).unwrap().partial_success.unwrap().rejected, 3);
    }
    assert_eq!(doors.last_delivery().body, b"a request");
}
