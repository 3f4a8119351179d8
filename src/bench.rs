//! `hark bench detect`: simulated weeks with known truth through the real pipeline, scored, beside rules that are dumb
//! on purpose. The seeds that judge are not those that anything was tuned on.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use hark_model::{Alert, Change, Definitions, Slice, Statistic, Step, Timestamp};
use hark_query::Plan;
use hark_simulate::{Expectation, Simulation};

use crate::detection::Budget;
use crate::replay::{self, Replay};
use crate::series::{SeriesKey, coarsen};

/// An alert answers an incident if it opens while it lasts or within this time after.
const GRACE_MINUTES: i64 = 60;
const MINUTES_PER_BATCH: usize = 60;
const STEPS_PER_HOUR: usize = 12;

pub struct Request {
    pub seeds: std::ops::RangeInclusive<u64>,
    pub days: u32,
    pub rate: f64,
    pub incidents: u32,
}

/// What somebody said at an instant about some traffic.
struct Claim {
    at: Timestamp,
    slice: Slice,
}

struct Incident {
    slice: Slice,
    start: Timestamp,
    end: Timestamp,
    is_strong: bool,
    is_silent: bool,
}

#[derive(Default)]
struct Score {
    strong: u64,
    found: u64,
    exact: u64,
    delays_minutes: Vec<i64>,
    silent: u64,
    kept_silent: u64,
    claims: u64,
    answers: u64,
}

pub fn detect(request: &Request) -> Result<()> {
    let weeks = request.seeds.clone().count() as f64 * f64::from(request.days) / 7.0;
    let mut rules: [(&str, Score); 4] =
        ["hark", "never fires", "fires every hour", "3 sigma, hourly, total"].map(|name| (name, Score::default()));
    let (mut events, mut simulating, mut replaying) = (0, 0.0, 0.0);
    for seed in request.seeds.clone() {
        let run = Run::new(request, seed)?;
        events += run.events;
        simulating += run.simulating_s;
        replaying += run.replaying_s;
        let hours = (0..i64::from(request.days) * 24).map(|hour| run.start.plus_minutes(60 * hour));
        let always = hours.map(|at| Claim { at, slice: Slice::total() }).collect();
        for ((_, score), claims) in rules.iter_mut().zip([run.claims, Vec::new(), always, run.three_sigma]) {
            score.add(&claims, &run.incidents);
        }
        eprintln!("seed {seed} done");
    }
    let Request { seeds, days, rate, incidents } = request;
    println!(
        "seeds {} to {}, {days} days each, {rate} events a minute, {incidents} incidents",
        seeds.start(),
        seeds.end()
    );
    for (name, score) in &mut rules {
        println!("\n{name}");
        score.print(weeks);
    }
    println!("\nspeed, one thread, {events} events");
    println!("  simulate   {:>10.0} events/s", events as f64 / simulating);
    println!("  replay     {:>10.0} events/s, detection and explanations included", events as f64 / replaying);
    Ok(())
}

/// One simulated stretch through the pipeline.
struct Run {
    start: Timestamp,
    incidents: Vec<Incident>,
    claims: Vec<Claim>,
    three_sigma: Vec<Claim>,
    events: u64,
    simulating_s: f64,
    replaying_s: f64,
}

impl Run {
    fn new(request: &Request, seed: u64) -> Result<Self> {
        let Request { days, rate, incidents, .. } = *request;
        let start_ms = hark_simulate::Config::DEFAULT_START_MS;
        let mut simulation = Simulation::new(hark_simulate::Config { seed, start_ms, days, rate, incidents })?;
        let incidents = simulation.truth().incidents.iter().map(Incident::new).collect();
        let plan = Arc::new(Plan::compile(&Definitions::built_in())?);
        let mut replay = Replay::new(plan, changes(&simulation)?, Budget { false_alarms_per_week: 1.0 });
        let (mut simulating_s, mut replaying_s) = (0.0, 0.0);
        let mut body = Vec::new();
        loop {
            let watch = stopwatch();
            let made = (0..MINUTES_PER_BATCH).take_while(|_| simulation.next_minute(&mut body).is_some()).count();
            simulating_s += watch.elapsed().as_secs_f64();
            if made == 0 {
                break;
            }
            let watch = stopwatch();
            replay.take(&body)?;
            replaying_s += watch.elapsed().as_secs_f64();
            body.clear();
        }
        replay.finish();
        let three_sigma = three_sigma(&replay)?;
        let outcome = replay.outcome();
        Ok(Self {
            start: Timestamp::from_millis(start_ms),
            incidents,
            claims: outcome.alerts.iter().map(Claim::new).collect(),
            three_sigma,
            events: outcome.ingested.events,
            simulating_s,
            replaying_s,
        })
    }
}

/// The simulated changes in the product's own type.
pub fn changes(simulation: &Simulation) -> Result<Vec<Change>> {
    let lines = simulation.changes().iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    replay::parse_changes(&lines.context("a simulated change is no JSON")?.join("\n"))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// What a first rule by hand would be: an hour's total beyond three deviations of all hours before it.
fn three_sigma(replay: &Replay) -> Result<Vec<Claim>> {
    const HOURS_TO_LEARN: usize = 48;
    let watched = [
        ("response_time", Statistic::P95, 1.0),
        ("failure_rate", Statistic::Rate, 1.0),
        ("requests", Statistic::Count, -1.0),
    ];
    let mut claims = Vec::new();
    for (metric, statistic, bad) in watched {
        let key = SeriesKey { metric: metric.to_owned(), statistic, slice: Slice::total() };
        let series = replay.pipeline.series();
        let id = series.find(&key).context("the total has a series")?;
        let (mut count, mut sum, mut squares) = (0, 0.0, 0.0);
        for hour in coarsen(&series.range(id, Step(0), Step(i64::MAX)), STEPS_PER_HOUR) {
            let Some(value) = hour.value else { continue };
            let mean = sum / f64::from(count.max(1));
            let deviation = (squares / f64::from(count.max(1)) - mean * mean).max(0.0).sqrt();
            if count as usize >= HOURS_TO_LEARN && bad * (value - mean) > 3.0 * deviation {
                claims.push(Claim { at: hour.step.start().plus_minutes(60), slice: Slice::total() });
            }
            count += 1;
            sum += value;
            squares += value * value;
        }
    }
    Ok(claims)
}

impl Claim {
    fn new(alert: &Alert) -> Self {
        Self { at: alert.opened_at, slice: alert.slice.clone() }
    }
}

impl Incident {
    fn new(truth: &hark_simulate::IncidentTruth) -> Self {
        let slice = truth.slice.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self {
            slice,
            start: Timestamp::from_millis(truth.start.timestamp_millis()),
            end: Timestamp::from_millis(truth.end.timestamp_millis()),
            is_strong: truth.strong,
            is_silent: truth.expect == Expectation::Silent,
        }
    }

    fn is_answered_by(&self, claim: &Claim) -> bool {
        (self.start..=self.end.plus_minutes(GRACE_MINUTES)).contains(&claim.at) && self.slice.overlaps(&claim.slice)
    }
}

impl Score {
    fn add(&mut self, claims: &[Claim], incidents: &[Incident]) {
        for incident in incidents {
            let answers: Vec<&Claim> = claims.iter().filter(|claim| incident.is_answered_by(claim)).collect();
            if incident.is_silent {
                self.silent += 1;
                self.kept_silent += u64::from(answers.is_empty());
            } else if incident.is_strong {
                self.strong += 1;
                if let Some(first) = answers.first() {
                    self.found += 1;
                    self.exact += u64::from(answers.iter().any(|claim| claim.slice == incident.slice));
                    self.delays_minutes.push(first.at.minutes_since(incident.start));
                }
            }
        }
        let is_answer = |claim: &&Claim| incidents.iter().any(|one| !one.is_silent && one.is_answered_by(claim));
        self.claims += claims.len() as u64;
        self.answers += claims.iter().filter(is_answer).count() as u64;
    }

    fn print(&mut self, weeks: f64) {
        self.delays_minutes.sort_unstable();
        print_share("strong incidents found", self.found, self.strong);
        print_share("  with exactly their slice", self.exact, self.strong);
        if let Some(median) = self.delays_minutes.get(self.delays_minutes.len() / 2) {
            println!("  median delay              {median:>6} min");
        }
        print_share("alerts that answer one", self.answers, self.claims);
        print_share("mix shifts left silent", self.kept_silent, self.silent);
        let false_alarms = (self.claims - self.answers) as f64;
        // 95 % interval of a Poisson count by the square-root transform.
        let [low, high] = [-0.98, 0.98].map(|half| ((false_alarms + 0.375).sqrt() + half).max(0.0).powi(2) / weeks);
        println!("false alarms a week         {:>6.2}   [{low:.2}, {high:.2}]", false_alarms / weeks);
    }
}

/// The 95 % interval of a share, as Wilson has it.
pub(crate) fn wilson(part: u64, whole: u64) -> [f64; 2] {
    let (n, p, z) = (whole as f64, part as f64 / whole as f64, 1.96_f64);
    let center = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    [(center - half).max(0.0), (center + half).min(1.0)]
}

fn print_share(what: &str, part: u64, whole: u64) {
    if whole == 0 {
        println!("{what:<26}  none of 0");
        return;
    }
    let [low, high] = wilson(part, whole);
    let percent = [part as f64 / whole as f64, low, high].map(|share| 100.0 * share);
    println!("{what:<26}  {part:>4} of {whole:<4} {:>5.1} % [{:.1}, {:.1}]", percent[0], percent[1], percent[2]);
}

/// `101-110`, or one number.
pub fn parse_seeds(text: &str) -> Result<std::ops::RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => bail!("`{text}` is no range of seeds; write one such as 101-110"),
    }
}
