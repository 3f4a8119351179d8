//! `ack` and `fresh`: how long a sender waits for its answer, and anybody for the event.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::disk;
use super::ndjson::{HEADERS, LINES_PER_BODY, PATH, events_per_second};
use crate::bench::http::Connection;
use crate::bench::load::{Load, SENDERS};
use crate::bench::server::Server;
use crate::bench::statistics::{median, percentile};
use crate::bench::synthetic::{MINUTE_MS, START_MS};
use crate::bench::trial::count;
use crate::bench::{Line, Run, definitions};
use crate::clock::Stopwatch;

/// Small bodies: waiting is what is measured.
const LINES_PER_SMALL_BODY: usize = 500;
/// Longer shows nothing more.
const PACED_SECONDS: f64 = 20.0;
const MARKED: usize = 20;
/// An event that is not to be found within this will never be.
const FOUND_WITHIN: Duration = Duration::from_secs(30);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(5);

pub(in crate::bench) fn ack(run: &mut Run) -> Result<()> {
    if run.fsync_p99_ms.is_none() {
        disk::fsync(run)?;
    }
    let fsync_p99_ms = run.fsync_p99_ms.unwrap_or_default();
    let rate = events_per_second(run)? / 2.0;
    let events = run.events()?;
    let all = events.bodies(LINES_PER_SMALL_BODY);
    let bodies_per_second = rate / LINES_PER_SMALL_BODY as f64;
    let bodies = &all[..all.len().min((bodies_per_second * PACED_SECONDS) as usize)];
    let metrics = run.definitions(&definitions::of_events())?;
    let load = Load { path: PATH, headers: HEADERS, bodies, senders: SENDERS };
    let lines = bodies.concat().iter().filter(|&&byte| byte == b'\n').count() as u64;
    let mut each = Vec::new();
    for _ in 0..run.runs {
        let server = run.hark(&metrics)?;
        each.push(load.send_every(Duration::from_secs_f64(1.0 / bodies_per_second), server.address())?.answer_ms);
        let status = server.status()?;
        let found = count(&status, "events")? + count(&status, "duplicates")?;
        run.check("events and duplicates in /api/v1/status", found, lines);
        server.stop(run.processor)?;
    }
    let of = |share: f64| each.iter().map(|times| percentile(times, share)).collect::<Vec<f64>>();
    let note = format!(
        "{rate:.0} events/s, {LINES_PER_SMALL_BODY} a body, {SENDERS} senders, {} bodies; from when a body was due",
        bodies.len()
    );
    let of_fsync = median(&of(0.99)).map(|p99| p99 / fsync_p99_ms);
    run.add(Line::new("answer at half load, p50", "ms", of(0.5)).note(note));
    let asked = format!("<= {:.1} ms", 3.0 * fsync_p99_ms);
    run.add(Line::new("answer at half load, p99", "ms", of(0.99)).asked(asked).note("3 x the p99 of fsync"));
    run.add(Line::new("answer p99 / fsync p99", "x", of_fsync.into_iter().collect()).asked("<= 3 x"));
    Ok(())
}

pub(in crate::bench) fn fresh(run: &mut Run) -> Result<()> {
    let events = run.events()?;
    let bodies = events.bodies(LINES_PER_BODY);
    let metrics = run.definitions(&definitions::of_events())?;
    let load = Load { path: PATH, headers: HEADERS, bodies: &bodies, senders: SENDERS };
    // At the end of the simulated day, where the stream stands.
    let time = START_MS + run.minutes * MINUTE_MS - 1;
    let mut each = Vec::new();
    for _ in 0..run.runs {
        let server = run.hark(&metrics)?;
        load.send(server.address())?;
        each.push((0..MARKED).map(|marker| found_after_ms(&server, time, marker)).collect::<Result<Vec<_>>>()?);
        server.stop(run.processor)?;
    }
    let of = |share: f64| each.iter().map(|times| percentile(times, share)).collect::<Vec<f64>>();
    let note = format!("from sending one event to SQL that finds it among {}, {MARKED} times", events.count.lines);
    run.add(Line::new("event to queryable, p50", "ms", of(0.5)).note(note));
    run.add(Line::new("event to queryable, p99", "ms", of(0.99)).asked("<= 1,000 ms"));
    Ok(())
}

fn found_after_ms(server: &Server, time: u64, marker: usize) -> Result<f64> {
    let mut connection = Connection::open(server.address())?;
    let event =
        json!({ "time": time, "id": format!("marker-{marker}"), "marker": format!("m{marker}"), "total_ms": 1 });
    let sql = format!("select count(*) from events where marker = 'm{marker}'");
    let question = json!({ "sql": sql }).to_string();
    let watch = Stopwatch::start();
    let answer = connection.post(PATH, HEADERS, event.to_string().as_bytes())?;
    if !answer.is_good() {
        bail!("an event was refused: {}", answer.said());
    }
    loop {
        let answer = connection.post("/api/v1/query", "Content-Type: application/json\r\n", question.as_bytes())?;
        if answer.is_good() && counted(&answer.body)? > 0 {
            return Ok(watch.elapsed().as_secs_f64() * 1000.0);
        }
        if watch.elapsed() > FOUND_WITHIN {
            bail!("an acknowledged event was not found; the last answer was {}", answer.said());
        }
        sleep(BETWEEN_QUESTIONS);
    }
}

fn counted(answer: &[u8]) -> Result<u64> {
    let answer: Value = serde_json::from_slice(answer).context("an answer to SQL is no JSON")?;
    answer["rows"][0][0].as_u64().context("an answer to count(*) has no number")
}
