//! Prometheus scrapes itself and writes to hark: hark has to count what Prometheus itself says it has.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Background, free_port, program, wait_for};
use crate::support::Server;

/// Scrapes to wait for, one a second.
const SCRAPES: u64 = 10;
/// A scrape of what the test looks at is some eighty samples, and a histogram is nine buckets.
const WHOLE: &str = "max_samples_per_send: 2000";
const IN_PARTS: &str = "max_samples_per_send: 3, min_shards: 4";
const METRICS: &str = "
metrics:
  - name: scrapes
    kind: count
    where: metric = 'prometheus_http_requests_total' and handler = '/metrics'
  - name: scrape_size
    kind: latency
    value: value
    where: metric = 'prometheus_http_response_size_bytes' and handler = '/metrics'
    unit: bytes
";
/// The version that speaks 2.0 first.
const SPEAKS_2: (u32, u32) = (2, 54);

#[test]
fn what_prometheus_writes_is_what_hark_counts() {
    let Some(about) = program("prometheus", "--version") else { return };
    writes("prometheus.WriteRequest", false, WHOLE);
    writes("prometheus.WriteRequest", false, IN_PARTS);
    let version = version(&about);
    if version < SPEAKS_2 {
        eprintln!("skipped: remote write 2.0, which Prometheus {version:?} does not speak");
        return;
    }
    writes("io.prometheus.write.v2.Request", true, IN_PARTS);
}

fn version(about: &str) -> (u32, u32) {
    let word = about.split_once("version ").unwrap().1;
    let mut numbers = word.split(|letter: char| !letter.is_ascii_digit()).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn writes(message: &str, is_named: bool, queue: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("metrics.yaml"), METRICS).unwrap();
    let server = Server::start_with(&folder.path().join("data"), &["--metrics", &path("metrics.yaml")]);
    let address = format!("127.0.0.1:{}", free_port());
    fs::write(path("prometheus.yml"), configuration(&server, &address, is_named.then_some(message), queue)).unwrap();
    let arguments = [
        format!("--config.file={}", path("prometheus.yml")),
        format!("--storage.tsdb.path={}", path("tsdb")),
        format!("--web.listen-address={address}"),
        "--enable-feature=metadata-wal-records".to_owned(),
    ];
    // Older versions know nothing of the last one.
    let arguments = if is_named { &arguments[..] } else { &arguments[..3] };
    let prometheus = Background::start("prometheus", arguments, &folder.path().join("log"));

    // Before the first sample `events` has no columns to ask for.
    wait_for("samples", || (server.get("/api/v1/status")["events"].as_u64()? > 0).then_some(()));
    wait_for("scrapes of Prometheus", || {
        let scrapes = &server.query("select count(*) from events where metric = 'up'")[0][0];
        (scrapes.as_u64()? >= SCRAPES).then_some(())
    });
    let up =
        "select min(value), max(value), count(distinct source), min(source), min(job) from events where metric = 'up'";
    assert_eq!(server.query(up), [[1.0.into(), 1.0.into(), 1.into(), Value::from("Prometheus"), "self".into()]]);

    let counted = counted(&server, "prometheus_http_requests_total", "scrapes");
    assert_eq!(counted.0, increase(&address, "prometheus_http_requests_total", &counted.1), "{message}");
    let later = wait_for("a minute's cell to grow", || {
        let later = self::counted(&server, "prometheus_http_requests_total", "scrapes");
        (later.0 > counted.0).then_some(later)
    });
    assert_eq!(later.0, increase(&address, "prometheus_http_requests_total", &later.1), "{message}");

    // A classic histogram is many series. The buckets of a first scrape are waited for; after that each request counts.
    wait_for("more scrapes", || {
        let scrapes = &server.query("select count(*) from events where metric = 'up'")[0][0];
        (scrapes.as_u64()? >= 3 * SCRAPES).then_some(())
    });
    let sizes = "prometheus_http_response_size_bytes";
    // Before its first row the histogram has no time to ask for.
    let is_there = format!("select count(*) from events where metric = '{sizes}' and handler = '/metrics'");
    wait_for("a histogram", || (server.query(&is_there)[0][0].as_u64()? > 5).then_some(()));
    let (counted, at) = self::counted(&server, sizes, "scrape_size");
    let exact = increase(&address, "prometheus_http_response_size_bytes_count", &at);
    assert_eq!(counted, exact, "{message}, {queue}");
    eprintln!("{message}, {queue}: {} scrapes counted, {counted} requests of the histogram", later.0);

    let status = server.get("/api/v1/status");
    assert_eq!([&status["rejected"], &status["unusable"]], [0, 0], "{status}");
    assert_eq!(server.get("/api/v1/status")["duplicates"], 0);
    drop(prometheus);
    assert_eq!(server.stop(), Some(0), "{}", log(folder.path()));
}

fn configuration(server: &Server, address: &str, message: Option<&str>, queue: &str) -> String {
    let message = message.map(|message| format!("    protobuf_message: {message}\n")).unwrap_or_default();
    format!(
        "global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: self, static_configs: [{{targets: ['{address}']}}]}}]
remote_write:
  - url: {}/api/v1/write
    queue_config: {{{queue}, batch_send_deadline: 1s}}
    write_relabel_configs: [{{source_labels: [__name__], regex: 'up|prometheus_http_.*', action: keep}}]
{message}",
        server.url
    )
}

/// What the cells of a metric hold, and the time of the last sample that is in them: both as of the same moment.
fn counted(server: &Server, sent: &str, metric: &str) -> (u64, String) {
    let sql = format!(
        "select (select sum(count) from cells_minute where metric = '{metric}' and slice = 'total'),
                (select max(time) from events where metric = '{sent}' and handler = '/metrics')"
    );
    let rows = server.query(&sql);
    (rows[0][0].as_u64().unwrap_or(0), rows[0][1].as_str().unwrap().to_owned())
}

/// How much a counter grew from its first sample until `time`, as Prometheus has it. What it had counted before the
/// first sample hark cannot know.
fn increase(address: &str, counter: &str, time: &str) -> u64 {
    let mut answer = ureq::get(format!("http://{address}/api/v1/query"))
        .query("query", format!("{counter}{{handler=\"/metrics\"}}[1h]"))
        .query("time", time)
        .call()
        .unwrap();
    let answer: Value = answer.body_mut().read_json().unwrap();
    let samples = answer["data"]["result"][0]["values"].as_array().unwrap();
    let value = |sample: &Value| sample[1].as_str().unwrap().parse::<u64>().unwrap();
    value(samples.last().unwrap()) - value(&samples[0])
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}
