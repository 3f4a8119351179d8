//! `hark replay`: a file through the very pipeline that `serve` runs; what would have been alerted, and when.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use hark_dashboard::{Delivery, FunnelQuestion, FunnelReport, SelfTestVerdict};
use hark_detectors::Mutant;
use hark_ingest::{EventsRecord, Format, IngestLog, Reader, SegmentLog, UserKey, decode};
use hark_model::{Alert, AlertId, Change, Timestamp};
use hark_query::Plan;
use hark_simulate::Simulation;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::config;
use crate::detection::Budget;
use crate::funnel;
use crate::in_time::InTime;
use crate::pipeline::Pipeline;

/// So many bytes are read at a time and cut at the last line end: the batches of a replay.
const CHUNK_BYTES: u64 = 4 * 1024 * 1024;
/// A line longer than this ends the replay: it is not NDJSON.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Rejected lines that are shown; the rest are counted.
const REJECTED_SHOWN_MAX: usize = 10;

pub struct Request {
    pub events: PathBuf,
    pub metrics: Option<PathBuf>,
    pub changes: Option<PathBuf>,
    pub out: PathBuf,
    pub explain_funnel: bool,
    pub budget: Budget,
    /// A way to break the detector, for a drill.
    pub mutant: Option<Mutant>,
    pub self_test: bool,
}

#[derive(Debug, Serialize)]
pub struct Outcome {
    pub alerts: Vec<Alert>,
    pub ingested: Ingested,
    pub watermark: Option<Timestamp>,
    /// Where everything ended that there was evidence for.
    pub funnel: FunnelReport,
}

#[derive(Debug, Serialize)]
pub struct Ingested {
    pub events: u64,
    pub duplicates: u64,
    pub late: u64,
    pub rejected: u64,
}

pub fn replay(request: &Request) -> Result<()> {
    let plan = Arc::new(Plan::compile(&config::definitions(request.metrics.as_deref())?)?);
    let changes = request.changes.as_deref().map(read_changes).transpose()?.unwrap_or_default();
    let bar = progress_bar(&request.events)?;
    let mut reader = open(&request.events, &bar)?;
    // The result's place is tried before the work and not after it.
    let mut out = File::create(&request.out)
        .with_context(|| format!("the result cannot be written to {}", request.out.display()))?;
    let mut replay = Replay::new(plan, changes, request.budget.clone());
    replay.pipeline.set_mutant(request.mutant);
    replay.pipeline.set_self_test(request.self_test);
    replay.read(reader.as_mut()).with_context(|| format!("{} cannot be replayed", request.events.display()))?;
    replay.finish();
    bar.finish_and_clear();
    replay.report(request.explain_funnel);
    let outcome = replay.outcome();
    let mut json = serde_json::to_vec_pretty(&outcome).context("the result cannot be written as JSON")?;
    json.push(b'\n');
    out.write_all(&json).with_context(|| format!("the result cannot be written to {}", request.out.display()))?;
    let count = outcome.alerts.len();
    eprintln!("{} events, {count} alerts -> {}", outcome.ingested.events, request.out.display());
    Ok(())
}

/// A pipeline and what it said so far.
pub struct Replay {
    pub pipeline: Pipeline,
    changes: InTime,
    alerts: BTreeMap<AlertId, Alert>,
    lines: u64,
    rejected: Vec<(u64, String)>,
    /// Where what was folded is kept as well, for a demo.
    log: Option<SegmentLog>,
}

/// Of the candidates that were dropped, so many are told why on the command line.
const DROPPED_SHOWN: usize = 20;

impl Replay {
    pub fn new(plan: Arc<Plan>, changes: Vec<Change>, budget: Budget) -> Self {
        Self { changes: InTime::new(changes), ..Self::resume(Pipeline::new(plan, budget)) }
    }

    /// Goes on from a state, without any more changes.
    pub fn resume(pipeline: Pipeline) -> Self {
        Self {
            pipeline,
            changes: InTime::new(Vec::new()),
            alerts: BTreeMap::new(),
            lines: 0,
            rejected: Vec::new(),
            log: None,
        }
    }

    /// From here on every batch goes to this log too.
    pub fn keep_raw(&mut self, log: SegmentLog) {
        self.log = Some(log);
    }

    /// The offset that the next record would have.
    pub fn next_offset(&self) -> u64 {
        self.log.as_ref().map_or(0, IngestLog::next_offset)
    }

    /// Reads to the end in batches of whole lines. The cuts depend on the content alone, so a replay repeats exactly.
    fn read(&mut self, reader: &mut dyn Read) -> Result<()> {
        let mut carried = Vec::new();
        loop {
            let read = reader.take(CHUNK_BYTES).read_to_end(&mut carried)?;
            if read == 0 {
                return self.take(&carried);
            }
            match carried.iter().rposition(|&byte| byte == b'\n') {
                Some(end) => {
                    self.take(&carried[..=end])?;
                    carried.drain(..=end);
                }
                None if carried.len() > LINE_BYTES_MAX => {
                    let line = self.lines + 1;
                    return Err(anyhow!("line {line} is longer than {LINE_BYTES_MAX} bytes; is this NDJSON?"));
                }
                None => {}
            }
        }
    }

    /// Takes one batch of whole lines. A change is known to the pipeline from its time on, as it would have been live.
    pub fn take(&mut self, body: &[u8]) -> Result<()> {
        let plan = Arc::clone(self.pipeline.plan());
        // Nothing of a replay is kept, so any key will do, and the same one each time gives the same bytes.
        let reader = Reader { fields: &plan.fields, users: &UserKey::new([0; 16]) };
        let decoded = decode(Format::Ndjson, body, &reader)?;
        if let Some(newest) = decoded.events.times.iter().max() {
            self.changes.until(*newest).into_iter().for_each(|change| self.pipeline.add_change(change));
        }
        let rejected = decoded.rejected.len() as u64;
        let source = Delivery::DEFAULT_SOURCE.to_owned();
        let record = EventsRecord { source, rejected, events: decoded.events, ..EventsRecord::default() };
        self.pipeline.take(&record.batch());
        if let Some(log) = &mut self.log {
            log.append(&[record.encode()])?;
        }
        let shown = REJECTED_SHOWN_MAX.saturating_sub(self.rejected.len());
        let named = decoded.rejected.into_iter().take(shown);
        self.rejected.extend(named.map(|one| (self.lines + one.line, one.reason)));
        self.lines += body.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.collect();
        Ok(())
    }

    /// The input has ended: closes what is open.
    pub fn finish(&mut self) {
        self.pipeline.finish();
        self.collect();
    }

    fn collect(&mut self) {
        for alert in self.pipeline.take_changed() {
            self.alerts.insert(alert.id.clone(), alert);
        }
    }

    fn report(&self, explain_funnel: bool) {
        let counts = self.pipeline.counts();
        for (line, reason) in &self.rejected {
            eprintln!("line {line} was not taken: {reason}");
        }
        let more = counts.rejected.saturating_sub(self.rejected.len() as u64);
        if more > 0 {
            eprintln!("… and {more} more lines");
        }
        if counts.unusable > 0 {
            eprintln!(
                "{} values could not be used, such as a negative latency or a word in place of a number",
                counts.unusable
            );
        }
        for field in self.pipeline.unseen_fields() {
            eprintln!("no event has the field `{field}`, which the metrics read; is its name right?");
        }
        self.report_self_test();
        if explain_funnel {
            let report = self.pipeline.funnel(&FunnelQuestion::default());
            eprintln!("{}{}", funnel::table(&report), funnel::dropped(&report, DROPPED_SHOWN));
        }
    }

    /// In one line, whatever there is to say; a fault is said even if nobody asked.
    fn report_self_test(&self) {
        let report = self.pipeline.self_test();
        let SelfTestVerdict { state, sentence } = &report.verdict;
        eprintln!("self-test: {state}: {sentence}");
        // The headline series of each metric: that with the most traffic.
        for metric in self.pipeline.plan().metrics.iter().map(|metric| &metric.metric.name) {
            if let Some(widest) = report.sensitivities.iter().find(|one| one.metric == *metric) {
                eprintln!("  {metric}, {}: {}", widest.slice, widest.sentence);
            }
        }
    }

    /// The pipeline as it stands, and every alert so far.
    pub fn into_parts(self) -> (Pipeline, Vec<Alert>) {
        (self.pipeline, self.alerts.into_values().collect())
    }

    /// Alerts in the order in which they opened.
    pub fn outcome(self) -> Outcome {
        let funnel = self.pipeline.funnel(&FunnelQuestion::default());
        let counts = self.pipeline.counts();
        let watermark = self.pipeline.watermark();
        let mut alerts: Vec<Alert> = self.alerts.into_values().collect();
        alerts.sort_by(|a, b| a.opened_at.cmp(&b.opened_at).then_with(|| a.id.cmp(&b.id)));
        let ingested = Ingested {
            events: counts.events,
            duplicates: counts.duplicates,
            late: counts.late,
            rejected: counts.rejected,
        };
        Outcome { alerts, ingested, watermark, funnel }
    }
}

/// Changes as NDJSON, one a line.
pub fn read_changes(path: &Path) -> Result<Vec<Change>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("the changes in {shown} cannot be read"))?;
    parse_changes(&text).with_context(|| format!("the changes in {shown} cannot be taken"))
}

pub fn parse_changes(text: &str) -> Result<Vec<Change>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line)| {
        let change: Change = serde_json::from_str(line).map_err(|error| {
            anyhow!("line {}: {error}; a change is {{\"time\",\"kind\",\"title\",\"slice\"}}", at + 1)
        })?;
        change.check().map_err(|problem| anyhow!("line {}: {problem}", at + 1))?;
        Ok(change)
    };
    lines.map(parse).collect()
}

/// The changes of a simulation in the product's own type.
pub fn simulated_changes(simulation: &Simulation) -> Result<Vec<Change>> {
    let lines = simulation.changes().iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    parse_changes(&lines.context("a simulated change is no JSON")?.join("\n"))
}

fn open(path: &Path, bar: &ProgressBar) -> Result<Box<dyn Read>> {
    let file = File::open(path).with_context(|| format!("the events in {} cannot be read", path.display()))?;
    let file = bar.wrap_read(file);
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => {
            let decoder = zstd::Decoder::new(file);
            Box::new(decoder.with_context(|| format!("{} is not valid zstd", path.display()))?)
        }
        _ => Box::new(file),
    })
}

fn progress_bar(path: &Path) -> Result<ProgressBar> {
    let size =
        std::fs::metadata(path).with_context(|| format!("the events in {} cannot be read", path.display()))?.len();
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta} left")
        .context("the progress bar's template is wrong")?;
    Ok(ProgressBar::new(size).with_style(style))
}
