//! `otlp-logs`, `otlp-metrics` and `remote-write`: the doors of other systems.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bench::load::{Load, SENDERS};
use crate::bench::otlp::{self, Bodies};
use crate::bench::server::Server;
use crate::bench::statistics::median;
use crate::bench::trial::{Trial, per_second, speed};
use crate::bench::{Line, Run, definitions, remote_write as samples};

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
const SNAPPY: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
    X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
/// Series of a remote write; they share the samples.
const SERIES: usize = 20_000;

pub(in crate::bench) fn otlp_logs(run: &mut Run) -> Result<()> {
    let events = run.events()?;
    let duplicates = events.count.lines - events.count.distinct;
    let bodies = otlp::logs(events.parsed());
    otlp(run, "/v1/logs", "log records", &definitions::of_events(), &bodies, duplicates)
}

pub(in crate::bench) fn otlp_metrics(run: &mut Run) -> Result<()> {
    let events = run.events()?;
    let bodies = otlp::metrics(events.parsed());
    otlp(run, "/v1/metrics", "data points", &definitions::of_otlp_metrics(), &bodies, 0)
}

fn otlp(run: &mut Run, path: &str, what: &str, yaml: &str, bodies: &Bodies, duplicates: u64) -> Result<()> {
    let Bodies { bodies, records, rows } = bodies;
    let slices: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    let metrics = run.definitions(yaml)?;
    let load = Load { path, headers: PROTOBUF, bodies: &slices, senders: SENDERS };
    let expected = rows - duplicates;
    let trials =
        run.trials(|run| run.hark(&metrics), &load, &|run, server| run.check_status(server, expected, duplicates))?;
    let [by_core, by_clock, whole] = speed("hark", what, *records, &trials);
    run.add(by_core.asked(">= 250,000"));
    run.add(by_clock);
    run.add(whole);
    if rows != records {
        let by_row = per_second(&trials, *rows, |trial| trial.processor_seconds);
        let note = format!("{records} points are {rows} rows: each filled bucket of a histogram is one");
        run.add(Line::new("hark, rows a core", "/CPU-s", by_row).note(note));
    }
    Ok(())
}

pub(in crate::bench) fn remote_write(run: &mut Run) -> Result<()> {
    let scrapes = (run.about_events / SERIES as u64).max(2);
    let count = SERIES as u64 * scrapes;
    let bodies = samples::bodies(SERIES, scrapes)?;
    let slices: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    let load = Load { path: "/api/v1/write", headers: SNAPPY, bodies: &slices, senders: SENDERS };
    let metrics = run.definitions(&definitions::of_remote_write())?;
    let check = move |run: &mut Run, server: &Server| run.check_status(server, count, 0);
    let trials = run.trials(|run| run.hark(&metrics), &load, &check)?;
    for line in speed("hark", "samples", count, &trials) {
        run.add(line);
    }
    if let Some(why) = run.peers.lacks_victoria() {
        run.missing("VictoriaMetrics", &why);
        return Ok(());
    }
    let start = |run: &Run| Server::victoria(&run.peers.victoria, &run.folder.fresh("victoria")?);
    let peers = run.trials(start, &load, &move |run: &mut Run, server: &Server| {
        run.check("rows that VictoriaMetrics took", victoria_took(&server.get("/metrics")?)?, count);
        Ok(Value::Null)
    })?;
    let [by_core, by_clock, whole] = speed("VictoriaMetrics", "samples", count, &peers);
    run.add(by_core.note("answers before anything is on disk: no fsync"));
    run.add(by_clock);
    run.add(whole);
    let ratio = |seconds: fn(&Trial) -> f64| {
        let of = |trials: &[Trial]| median(&per_second(trials, count, seconds));
        of(&trials).zip(of(&peers)).map(|(ours, theirs)| ours / theirs).into_iter().collect()
    };
    run.add(Line::new("hark / VictoriaMetrics, a core", "x", ratio(|trial| trial.processor_seconds)));
    let whole = ratio(|trial| trial.whole_processor_seconds);
    run.add(Line::new("hark / VictoriaMetrics, a core, all in all", "x", whole));
    Ok(())
}

/// Of Prometheus' text format, the one counter of its remote write door.
fn victoria_took(metrics: &str) -> Result<u64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(r#"vm_rows_inserted_total{type="promremotewrite"}"#));
    value.and_then(|value| value.trim().parse().ok()).context("VictoriaMetrics does not say how many rows it took")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_counter_is_found_among_others() {
        let metrics =
            "vm_rows_inserted_total{type=\"csvimport\"} 7\nvm_rows_inserted_total{type=\"promremotewrite\"} 12\n";
        assert_eq!(victoria_took(metrics).unwrap(), 12);
        assert!(victoria_took("").is_err());
    }
}
