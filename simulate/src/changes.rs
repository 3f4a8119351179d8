//! What people changed meanwhile: roll-outs, deploys, configuration, models, experiments, holidays.
//!
//! Most are innocent. Many incidents have one that caused them, a few minutes before and in an overlapping slice.

use chrono::{DateTime, Utc};
use rand::RngExt;
use rand_distr::Exp1;
use serde::Serialize;

use crate::config::{Config, DAY_MS, MINUTE_MS};
use crate::incidents::Family;
use crate::plan::Planned;
use crate::population::{CLUSTERS, FEATURES, LOCALES, PLATFORMS};
use crate::random::{Random, Stream, between, one_of, stream};
use crate::request::{Dimension, Stage};
use crate::rhythm::{Holiday, holidays_between};
use crate::rollouts::RolloutStage;
use crate::slice::{Names, Slice, SliceNames};
use crate::traffic::Traffic;
use crate::truth::utc;

/// Innocent changes a day; the stages of the roll-outs come on top and make it about three.
const INNOCENT_PER_DAY: f64 = 2.0;
/// Share of incidents whose cause is on record.
const CAUSE_SHARE: f64 = 0.75;
/// How long a cause takes to bite.
const CAUSE_MINUTES: (f64, f64) = (2.0, 20.0);

/// One line of changes.ndjson, as POST /api/v1/changes takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeRecord {
    pub time: DateTime<Utc>,
    pub kind: ChangeKind,
    pub title: String,
    pub slice: SliceNames,
    pub url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Deploy,
    Config,
    Model,
    Experiment,
    Holiday,
}

/// What gets changed, and the stage it runs in; none is the way of the events themselves.
const SUBJECTS: [(ChangeKind, Option<Stage>, &str); 18] = [
    (ChangeKind::Deploy, Some(Stage::Network), "edge-gateway"),
    (ChangeKind::Config, Some(Stage::Network), "TLS session cache, revision"),
    (ChangeKind::Config, Some(Stage::Network), "Anycast weights, revision"),
    (ChangeKind::Model, Some(Stage::Asr), "Acoustic model"),
    (ChangeKind::Deploy, Some(Stage::Asr), "recognizer"),
    (ChangeKind::Config, Some(Stage::Asr), "Recognizer beam width, revision"),
    (ChangeKind::Model, Some(Stage::Nlu), "Intent model"),
    (ChangeKind::Deploy, Some(Stage::Nlu), "parser-service"),
    (ChangeKind::Experiment, Some(Stage::Nlu), "Two-pass ranking, experiment"),
    (ChangeKind::Deploy, Some(Stage::Fulfil), "domain-services"),
    (ChangeKind::Config, Some(Stage::Fulfil), "Provider retries, revision"),
    (ChangeKind::Experiment, Some(Stage::Fulfil), "Richer answers, experiment"),
    (ChangeKind::Model, Some(Stage::Tts), "Neural voice"),
    (ChangeKind::Deploy, Some(Stage::Tts), "vocoder"),
    (ChangeKind::Experiment, Some(Stage::Tts), "Streaming speech, experiment"),
    (ChangeKind::Deploy, None, "event-collector"),
    (ChangeKind::Config, None, "Client sampling, revision"),
    (ChangeKind::Config, None, "Event routing, revision"),
];

/// All changes by time. Incidents whose cause is among them learn its title.
pub(crate) fn changes(config: &Config, traffic: &Traffic, planned: &mut [Planned], names: &Names) -> Vec<ChangeRecord> {
    let mut random = stream(config.seed, Stream::Changes);
    let mut records = rollouts(config, traffic, names);
    records.extend(holidays(config, names));
    // One number for each, so that titles are unique.
    let mut number = random.random_range(300..900);
    for (time_ms, slice) in innocents(config, &mut random) {
        let (kind, _, what) = one_of(&mut random, &SUBJECTS);
        number += 1;
        records.push(record(time_ms, *kind, format!("{what} {number}"), &slice, names));
    }
    for planned in planned {
        if planned.incident.family == Family::MixShift || random.random::<f64>() >= CAUSE_SHARE {
            continue;
        }
        number += 1;
        let cause = cause(planned, number, &mut random, names);
        planned.cause_title = Some(cause.title.clone());
        records.push(cause);
    }
    records.sort_by(|one, other| (one.time, &one.title).cmp(&(other.time, &other.title)));
    records
}

fn rollouts(config: &Config, traffic: &Traffic, names: &Names) -> Vec<ChangeRecord> {
    let stages = traffic.rollouts().stages_between(config.start_ms, config.end_ms());
    let record_of = |stage: &RolloutStage| {
        let platform = usize::from(stage.platform);
        let version = usize::from(stage.version);
        let slice = Slice::of(Dimension::Platform, platform).and(Dimension::OsVersion, version);
        let percent = stage.share * 100.0;
        let name = PLATFORMS[platform].name;
        let title = format!("{name} {} offered to {percent:.0} %", names.of(Dimension::OsVersion, version));
        record(stage.time_ms, ChangeKind::Deploy, title, &slice, names)
    };
    stages.iter().map(record_of).collect()
}

fn holidays(config: &Config, names: &Names) -> Vec<ChangeRecord> {
    let record_of = |(time_ms, holiday, locale): (i64, &Holiday, usize)| {
        let title = format!("{} ({})", holiday.title, names.of(Dimension::Locale, locale));
        record(time_ms, ChangeKind::Holiday, title, &Slice::of(Dimension::Locale, locale), names)
    };
    holidays_between(config.start_ms, config.end_ms()).into_iter().map(record_of).collect()
}

/// When and where things change without harm: a Poisson process.
fn innocents(config: &Config, random: &mut Random) -> Vec<(i64, Slice)> {
    let mut found = Vec::new();
    let mut time_ms = config.start_ms;
    loop {
        let pause_days: f64 = random.sample::<f64, _>(Exp1) / INNOCENT_PER_DAY;
        time_ms += (pause_days * DAY_MS as f64) as i64 / 1000 * 1000;
        if time_ms >= config.end_ms() {
            return found;
        }
        found.push((time_ms, innocent_slice(random)));
    }
}

/// A slice for a change that has nothing to do with any incident.
fn innocent_slice(random: &mut Random) -> Slice {
    match random.random_range(0..5) {
        0 => Slice::of(Dimension::Cluster, random.random_range(0..CLUSTERS.len())),
        1 => Slice::of(Dimension::Locale, random.random_range(0..LOCALES.len())),
        2 => Slice::of(Dimension::Feature, random.random_range(0..FEATURES.len())),
        3 => Slice::of(Dimension::Platform, random.random_range(0..PLATFORMS.len())),
        _ => Slice::all(),
    }
}

fn cause(planned: &Planned, number: u32, random: &mut Random, names: &Names) -> ChangeRecord {
    let incident = &planned.incident;
    let fitting: Vec<&(ChangeKind, Option<Stage>, &str)> =
        SUBJECTS.iter().filter(|(_, stage, _)| *stage == incident.stage()).collect();
    let (kind, _, what) = **one_of(random, &fitting);
    let before_ms = (between(random, CAUSE_MINUTES.0, CAUSE_MINUTES.1) * MINUTE_MS as f64) as i64 / 1000 * 1000;
    // People note all of the slice, or one side of it.
    let conditions = incident.slice.dimensions().count();
    let slice = if conditions > 1 && random.random::<f64>() < 0.4 {
        incident.slice.only(random.random_range(0..conditions))
    } else {
        incident.slice.clone()
    };
    record(incident.course.start_ms - before_ms, kind, format!("{what} {number}"), &slice, names)
}

fn record(time_ms: i64, kind: ChangeKind, title: String, slice: &Slice, names: &Names) -> ChangeRecord {
    let path: String = title.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '.').collect();
    let url = format!("https://changes.example.com/{time_ms}/{path}");
    ChangeRecord { time: utc(time_ms), kind, title, slice: slice.names(names), url }
}
