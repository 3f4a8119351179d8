//! One server from its start to its end, with one load on it in between.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bench::load::Load;
use crate::bench::processor::Memory;
use crate::bench::server::Server;
use crate::bench::{Line, Run};

/// What a load cost.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    /// From the first byte to the last answer.
    pub(super) seconds: f64,
    /// Of the server, in that time.
    pub(super) processor_seconds: f64,
    /// Of the server from its start to a clean stop, with all that it writes behind the answers' back.
    pub(super) whole_processor_seconds: f64,
    /// Of this process, which sends.
    pub(super) load_processor_seconds: f64,
    pub(super) retries: u64,
    pub(super) memory: Memory,
    /// Of the server until the last answer, by thread.
    pub(super) threads: Vec<(String, f64)>,
    /// What the server says of itself after the load.
    pub(super) status: Value,
}

/// Asks a server after the load what it took, and complains where that is not what was sent.
pub(super) type Check<'a> = &'a dyn Fn(&mut Run, &Server) -> Result<Value>;

impl Run {
    /// Starts hark in an empty folder under these definitions.
    pub(super) fn hark(&self, definitions: &Path) -> Result<Server> {
        Server::hark(&self.binary, &self.folder.fresh("hark")?, definitions)
    }

    pub(super) fn trial(&mut self, server: Server, load: &Load<'_>, check: Check<'_>) -> Result<Trial> {
        let processor = self.processor;
        let (server_before, load_before) = (server.processor_seconds(processor)?, processor.own()?);
        let sent = load.send(server.address())?;
        let processor_seconds = server.processor_seconds(processor)? - server_before;
        let load_processor_seconds = processor.own()? - load_before;
        let threads = server.threads(processor)?;
        let memory = server.memory()?;
        let status = check(self, &server)?;
        let whole_processor_seconds = server.stop(processor)?;
        Ok(Trial {
            seconds: sent.seconds,
            processor_seconds,
            whole_processor_seconds,
            load_processor_seconds,
            retries: sent.retries,
            memory,
            threads,
            status,
        })
    }

    /// As many trials as there are runs.
    pub(super) fn trials(
        &mut self,
        server: impl Fn(&Self) -> Result<Server>,
        load: &Load<'_>,
        check: Check<'_>,
    ) -> Result<Vec<Trial>> {
        (0..self.runs).map(|_| server(self).and_then(|server| self.trial(server, load, check))).collect()
    }

    /// The counters of hark's status against what was sent. Repetitions count as such.
    pub(super) fn check_status(&mut self, server: &Server, events: u64, duplicates: u64) -> Result<Value> {
        let status = server.status()?;
        for (key, expected) in [("events", events), ("duplicates", duplicates), ("rejected", 0), ("set_aside", 0)] {
            self.check(&format!("{key} in /api/v1/status"), count(&status, key)?, expected);
        }
        Ok(status)
    }
}

pub(super) fn count(status: &Value, key: &str) -> Result<u64> {
    status[key].as_u64().with_context(|| format!("hark's status says nothing of {key}"))
}

/// So much of something for each trial's seconds of some kind.
pub(super) fn per_second(trials: &[Trial], much: u64, seconds: impl Fn(&Trial) -> f64) -> Vec<f64> {
    trials.iter().map(|trial| much as f64 / seconds(trial)).collect()
}

/// Where the processor time of the last trial went.
fn busiest(trials: &[Trial]) -> String {
    const SHOWN_MAX: usize = 3;
    let threads = trials.last().map_or(&[][..], |trial| &trial.threads);
    threads.iter().take(SHOWN_MAX).map(|(name, seconds)| format!("; {name} {seconds:.2} s")).collect()
}

/// The lines that every load has: by the core, by the clock, and all in all.
pub(super) fn speed(who: &str, what: &str, much: u64, trials: &[Trial]) -> [Line; 3] {
    let retries: u64 = trials.iter().map(|trial| trial.retries).sum();
    let load: f64 = trials.iter().map(|trial| trial.load_processor_seconds / trial.seconds).sum();
    let load = load / trials.len().max(1) as f64;
    [
        Line::new(format!("{who}, {what} a core"), "/CPU-s", per_second(trials, much, |trial| trial.processor_seconds))
            .note(format!("until the last answer{}", busiest(trials))),
        Line::new(format!("{who}, {what} by the clock"), "/s", per_second(trials, much, |trial| trial.seconds))
            .note(format!("{retries} bodies sent again; the load itself took {load:.2} of a core")),
        Line::new(
            format!("{who}, {what} a core, all in all"),
            "/CPU-s",
            per_second(trials, much, |trial| trial.whole_processor_seconds),
        )
        .note("from the server's start to its clean stop, everything written"),
    ]
}
