//! OpenTelemetry's own SDK sends logs and metrics: every instrument, over HTTP and gRPC, as deltas and as totals.

use std::fs;

use serde_json::{Value, json};

use super::{free_port, printed, script};
use crate::support::Server;

const METRICS: &str = "
metrics:
  - {name: turns, kind: count, where: event_name = 'assistant.turn'}
  - {name: turn_time, kind: latency, value: total_ms, where: event_name = 'assistant.turn', unit: ms}
  - {name: asked, kind: count, where: metric = 'client.asked'}
  - {name: asked_in_vain, kind: ratio, numerator: outcome = 'error', where: metric = 'client.asked'}
  - {name: seen, kind: count, where: metric = 'client.seen' and kind = 'lamp'}
  - {name: client_latency, kind: latency, value: value, where: metric = 'client.latency', unit: ms}
  - {name: client_wait, kind: latency, value: value, where: metric = 'client.wait', unit: ms}
  - {name: volume, kind: gauge, value: value, where: metric = 'client.volume'}
  - {name: level, kind: gauge, value: value, where: metric = 'client.level'}
";
/// Buckets of the sketch in one doubling.
const SCALE: f64 = 64.0;
/// The SDK puts the values of `client.wait`, 1 to 2000, into at most 160 exponential buckets: eight to a doubling. A
/// value is off by half of one there and half of one in the sketch: 2^(1/16 + 1/128) - 1.
const WAIT_TOLERANCE: f64 = 0.05;

#[test]
fn deltas_over_http() {
    sends("http", "delta", "none", false);
}

#[test]
fn totals_over_http() {
    sends("http", "cumulative", "gzip", false);
}

#[test]
fn deltas_over_grpc_on_a_port_of_its_own() {
    sends("grpc", "delta", "gzip", true);
}

#[test]
fn totals_over_grpc_on_the_main_port() {
    sends("grpc", "cumulative", "none", false);
}

fn sends(protocol: &str, temporality: &str, compression: &str, has_own_port: bool) {
    let Some(mut client) = script("otlp_client.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let own = format!("127.0.0.1:{}", free_port());
    fs::write(path("metrics.yaml"), METRICS).unwrap();
    fs::write(path("hark.toml"), if has_own_port { format!("[ingest]\ngrpc = \"{own}\"\n") } else { String::new() })
        .unwrap();
    let arguments = ["--metrics", &path("metrics.yaml"), "--config", &path("hark.toml")];
    let server = Server::start_with(&folder.path().join("data"), &arguments);
    let endpoint = match (protocol, has_own_port) {
        ("grpc", true) => &own,
        ("grpc", false) => server.url.trim_start_matches("http://"),
        _ => &server.url,
    };
    client.arg(endpoint).args(["--protocol", protocol, "--temporality", temporality, "--compression", compression]);
    let sent = printed(&mut client);
    logs(&server, &sent["logs"]);
    counters(&server, &sent["metrics"]);
    gauges(&server, &sent["metrics"]);
    histograms(&server, &sent["metrics"]);
    let status = server.get("/api/v1/status");
    assert_eq!((&status["rejected"], &status["duplicates"], &status["late"]), (&0.into(), &0.into(), &0.into()));
}

fn logs(server: &Server, sent: &Value) {
    let sql = r#"select outcome, count(*), count(distinct id), round(sum(total_ms), 3) from events
                 where event_name = 'assistant.turn' and platform_name = 'kitchen' and service_name = 'otlp-client'
                 group by outcome order by outcome"#;
    let of = |outcome: &str| {
        let (count, sum) = (&sent["outcomes"][outcome], &sent["total_ms"][outcome]);
        json!([outcome, count, count, sum])
    };
    assert_eq!(json!(server.query(sql)), json!([of("error"), of("ok")]));
    // Half of the records say it as attributes beside a text, half in a structured body.
    let sql = r#"select count(distinct turn), count(distinct "user"), count(message), count(distinct severity)
                 from events where event_name = 'assistant.turn'"#;
    let half = sent["count"].as_u64().unwrap() / 2;
    assert_eq!(json!(server.query(sql)), json!([[sent["count"], sent["users"], half, 2]]));
    assert_eq!(cells(server, "turns"), json!([sent["count"], null]));
    let sum = sent["total_ms"].as_object().unwrap().values().map(|sum| sum.as_f64().unwrap()).sum::<f64>();
    assert_eq!(cells(server, "turn_time"), json!([sent["count"], (sum * 1000.0).round() as u64]));
}

fn counters(server: &Server, sent: &Value) {
    let asked = &sent["client.asked"];
    assert_eq!(cells(server, "asked"), json!([asked["count"], null]));
    assert_eq!(cells(server, "seen"), json!([sent["client.seen"]["count"], null]));
    let hits = "select sum(count), sum(hits) from cells_minute where metric = 'asked_in_vain' and slice = 'total'";
    assert_eq!(json!(server.query(hits)), json!([[asked["count"], asked["outcomes"]["error"]]]));
}

/// What is no count is a value for each time it was sent: gauges, sums that also shrink, sums that are not whole.
fn gauges(server: &Server, sent: &Value) {
    for (name, metric) in [("client.volume", "volume"), ("client.level", "level")] {
        let values = server.query(&format!("select value from events where metric = '{name}' order by time"));
        let values: Vec<f64> = values.iter().map(|row| row[0].as_f64().unwrap()).collect();
        let wanted: Vec<f64> = serde_json::from_value(sent[name]["values"].clone()).unwrap();
        assert_eq!(values, wanted, "{name}");
        let sum = wanted.iter().map(|value| value * 1000.0).sum::<f64>() as u64;
        assert_eq!(cells(server, metric), json!([wanted.len(), sum]));
    }
    let points =
        "select metric, count(*) from events where metric in ('client.queue', 'client.sessions', 'client.spent')
                  group by metric order by metric";
    let of = |name: &str| json!([name, sent[name]["points"]]);
    assert_eq!(json!(server.query(points)), json!([of("client.queue"), of("client.sessions"), of("client.spent")]));
}

fn histograms(server: &Server, sent: &Value) {
    let recorded = |name: &str| {
        let mut values: Vec<f64> = serde_json::from_value(sent[name]["values"].clone()).unwrap();
        values.sort_by(f64::total_cmp);
        values
    };
    // Between two bounds there are as many as were recorded there.
    let (found, latencies) = (buckets(server, "client_latency"), recorded("client.latency"));
    let bounds: Vec<f64> = serde_json::from_value(sent["client.latency"]["bounds"].clone()).unwrap();
    let edges = [&[0.0], &bounds[..], &[f64::INFINITY]].concat();
    for edge in edges.windows(2) {
        let is_within = |value: f64| edge[0] < value && value <= edge[1];
        let wanted = latencies.iter().filter(|&&value| is_within(value)).count() as u64;
        let found: u64 = found.iter().filter(|(value, _)| is_within(*value)).map(|(_, count)| count).sum();
        assert_eq!(found, wanted, "client.latency in {edge:?}");
    }
    // An exponential histogram keeps the values themselves, to within a bucket.
    let (found, waits) = (buckets(server, "client_wait"), recorded("client.wait"));
    let found: Vec<f64> = found.iter().flat_map(|&(value, count)| vec![value; count as usize]).collect();
    assert_eq!(found.len(), waits.len(), "client.wait");
    for (found, wait) in found.iter().zip(&waits) {
        assert!((found / wait - 1.0).abs() < WAIT_TOLERANCE, "client.wait: {found} for {wait}");
    }
}

/// Count and sum, in thousandths, of a metric over all minutes.
fn cells(server: &Server, metric: &str) -> Value {
    let sql = format!(
        "select sum(count), sum(sum_thousandths) from cells_minute where metric = '{metric}' and slice = 'total'"
    );
    json!(server.query(&sql)[0])
}

/// The middles of the buckets of a latency with their counts, in order.
fn buckets(server: &Server, metric: &str) -> Vec<(f64, u64)> {
    let sql = format!(
        "select bucket, sum(times) from
             (select unnest(buckets) as bucket, unnest(counts) as times from cells_minute
              where metric = '{metric}' and slice = 'total')
         group by bucket order by bucket"
    );
    let middle = |bucket: &Value| 2_f64.powf((bucket.as_f64().unwrap() + 0.5) / SCALE);
    server.query(&sql).iter().map(|row| (middle(&row[0]), row[1].as_u64().unwrap())).collect()
}
