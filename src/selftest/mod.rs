//! Whether detection works, tested on itself at every step: copies of watches are fed changed copies of their cells.
//!
//! A trial takes a quiet watch as it stands, puts a regression, an improvement or nothing into the steps that come, and
//! hands them to the very code that judges the real ones. Nothing of it touches a real watch. A fixed number of trials
//! runs at a time, so what it costs does not grow with the series.

mod health;
mod ladder;
mod report;
mod trial;

use std::collections::{BTreeMap, VecDeque};

use hark_detectors::{Injection, Mutant, Shape, Watch};
use hark_ingest::{ClosedCell, Fold, SliceIndex};
use hark_model::{Better, Cell, Direction, Metric, MetricKind, Slice, Step};
use hark_query::Plan;
use serde::{Deserialize, Serialize};

use health::Health;
use ladder::Ladder;
use trial::{Aim, Key, Now, Outcome, Trial};

/// Trials that run at a time.
const STRONG: usize = 6;
const IMPROVEMENTS: usize = 4;
const NORMALS: usize = 4;
const LADDERS: usize = 10;
/// Of a metric's slices those with the most traffic take turns with the strong changes, and more often with the ladder.
const WIDEST: usize = 8;
/// Series that the ladder remembers; beyond them only those it knows get a turn.
const SERIES_MAX: usize = 2000;
/// Series looked at for one that a trial can begin with.
const LOOKS_MAX: usize = 16;
/// Every third turn of a series is a drift.
const DRIFT_EVERY: u32 = 3;
/// The share of hits before is taken from half a day.
const BEFORE_STEPS: i64 = 144;
const STEPS_PER_HOUR: i64 = 12;
const STEPS_PER_DAY: i64 = 24 * STEPS_PER_HOUR;
/// With fewer requests an hour of a series may not be learned.
const BUSY_REQUESTS: u64 = 40;
/// After so many busy hours something must be expected of a metric: four days.
const BUSY_HOURS_TO_LEARN: u32 = 96;
/// Alerts are counted over four weeks.
const AUDIT_STEPS: i64 = 28 * STEPS_PER_DAY;
const AUDIT_ALERTS_MAX: usize = 10_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SelfTest {
    is_on: bool,
    trials: Vec<Trial>,
    ladders: BTreeMap<Key, Ladders>,
    /// All metrics together, and each.
    pooled: Health,
    metrics: Vec<OfMetric>,
    /// Whose turn is next.
    turns: Turns,
    /// The first step of all, and the last.
    span: Option<(Step, Step)>,
    log_threshold: f64,
    /// When alerts opened, one entry each.
    alerts: VecDeque<Step>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Ladders {
    steps: Ladder,
    drifts: Ladder,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct OfMetric {
    health: Health,
    /// Requests by slice, of this hour and half of what it was before.
    traffic: Vec<u64>,
    widest: Vec<SliceIndex>,
    busy_hours: u32,
    /// It had its time to learn and expects nothing of its widest slices.
    is_unlearned: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Turns {
    strong: usize,
    improvement: usize,
    normal: usize,
    ladder: usize,
    wide: usize,
    all: usize,
}

/// A closed step as detection saw it.
pub struct World<'a> {
    pub plan: &'a Plan,
    pub fold: &'a Fold,
    pub step: Step,
    pub cells: &'a [ClosedCell],
    /// What each metric's series have to show.
    pub log_thresholds: &'a [f64],
    /// Watches in which a regression was found in this step, whatever became of it.
    pub opened: &'a [Key],
    /// Alerts that opened in this step.
    pub alerts: u64,
    pub watch_of: &'a dyn Fn(Key) -> Option<&'a Watch>,
    pub is_rest_day: &'a dyn Fn(Step, &Slice) -> bool,
}

impl World<'_> {
    fn cell(&self, (metric, slice): Key) -> Option<&Cell> {
        let first = self.cells.partition_point(|closed| closed.metric < metric);
        let closed = self.cells.get(first + slice.0)?;
        (closed.metric == metric && closed.slice == slice).then_some(&closed.cell)
    }

    fn metric(&self, (metric, _): Key) -> &Metric {
        &self.plan.metrics[metric].metric
    }

    fn rests(&self, (metric, slice): Key, step: Step) -> bool {
        (self.is_rest_day)(step, self.fold.cells(metric).slice(slice))
    }
}

impl SelfTest {
    pub fn new(plan: &Plan) -> Self {
        Self {
            is_on: true,
            trials: Vec::new(),
            ladders: BTreeMap::new(),
            pooled: Health::default(),
            metrics: plan.metrics.iter().map(|_| OfMetric::default()).collect(),
            turns: Turns::default(),
            span: None,
            log_threshold: 0.0,
            alerts: VecDeque::new(),
        }
    }

    /// Under other definitions: what was found of metrics that stay is kept. `carried` says which one each was.
    pub fn adopt(&mut self, carried: &[Option<usize>]) {
        let now_at = |old: usize| carried.iter().position(|carried| *carried == Some(old));
        let mut metrics: Vec<Option<OfMetric>> = std::mem::take(&mut self.metrics).into_iter().map(Some).collect();
        let take = |old: &Option<usize>| old.and_then(|old| metrics[old].take()).unwrap_or_default();
        self.metrics = carried.iter().map(take).collect();
        let ladders = std::mem::take(&mut self.ladders).into_iter();
        self.ladders = ladders.filter_map(|((old, slice), tried)| Some(((now_at(old)?, slice), tried))).collect();
        self.trials.retain_mut(|trial| match now_at(trial.key.0) {
            Some(now) => {
                trial.key.0 = now;
                true
            }
            None => false,
        });
    }

    /// Turned off it costs nothing and says nothing.
    pub fn set_on(&mut self, is_on: bool) {
        self.is_on = is_on;
        self.trials.retain(|_| is_on);
    }

    /// The copies are broken like what they are copies of.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.trials.iter_mut().for_each(|trial| trial.watch.set_mutant(mutant));
    }

    /// Feeds every trial, takes what has ended, and begins new ones.
    pub fn step(&mut self, world: &World<'_>) {
        if !self.is_on {
            return;
        }
        self.span = Some((self.span.map_or(world.step, |(first, _)| first), world.step));
        self.log_threshold = world.log_thresholds.iter().copied().fold(f64::INFINITY, f64::min);
        self.audit(world);
        self.rank(world);
        let trials = std::mem::take(&mut self.trials);
        for mut trial in trials {
            match feed(&mut trial, world) {
                Fed::GoesOn => self.trials.push(trial),
                Fed::Ended(outcome) => self.note(trial.key, trial.aim, outcome),
                Fed::Dropped => {}
            }
        }
        self.refill(world);
    }

    fn audit(&mut self, world: &World<'_>) {
        self.alerts.extend((0..world.alerts).map(|_| world.step));
        while self.alerts.len() > AUDIT_ALERTS_MAX
            || self.alerts.front().is_some_and(|opened| world.step.0 - opened.0 >= AUDIT_STEPS)
        {
            self.alerts.pop_front();
        }
    }

    /// Once an hour: which slices are the widest, and whether anything is expected of them.
    fn rank(&mut self, world: &World<'_>) {
        for closed in world.cells {
            let traffic = &mut self.metrics[closed.metric].traffic;
            if traffic.len() <= closed.slice.0 {
                traffic.resize(closed.slice.0 + 1, 0);
            }
            traffic[closed.slice.0] += closed.cell.count();
        }
        if world.step.next().0 % STEPS_PER_HOUR != 0 {
            return;
        }
        for (metric, of_metric) in self.metrics.iter_mut().enumerate() {
            let mut order: Vec<usize> = (0..of_metric.traffic.len()).collect();
            let by_traffic = |at: &usize| (std::cmp::Reverse(of_metric.traffic[*at]), *at);
            if order.len() > WIDEST {
                order.select_nth_unstable_by_key(WIDEST, by_traffic);
                order.truncate(WIDEST);
            }
            order.sort_by_key(by_traffic);
            of_metric.widest = order.into_iter().map(SliceIndex).collect();
            let Some(first) = of_metric.widest.first() else { continue };
            of_metric.busy_hours += u32::from(of_metric.traffic[first.0] >= BUSY_REQUESTS);
            let expects = |slice: &SliceIndex| {
                let key = (metric, *slice);
                (world.watch_of)(key)
                    .is_some_and(|watch| watch.expected(world.step, world.rests(key, world.step)).is_some())
            };
            // On a holiday nothing is expected of traffic.
            let may_rest = world.rests((metric, *first), world.step);
            if !may_rest {
                of_metric.is_unlearned =
                    of_metric.busy_hours >= BUSY_HOURS_TO_LEARN && !of_metric.widest.iter().any(expects);
            }
            of_metric.traffic.iter_mut().for_each(|requests| *requests /= 2);
        }
    }

    fn note(&mut self, key: Key, aim: Aim, outcome: Outcome) {
        let caught_after = match outcome {
            Outcome::Caught { after_steps } => Some(after_steps),
            _ => None,
        };
        let metric = &mut self.metrics[key.0].health;
        match aim {
            Aim::Strong => {
                self.pooled.note_strong(outcome);
                metric.note_strong(outcome);
            }
            Aim::Improvement => {
                self.pooled.note_improvement(outcome);
                metric.note_improvement(outcome);
            }
            Aim::Normal => {
                self.pooled.note_normal(outcome);
                metric.note_normal(outcome);
            }
            Aim::Step { rung } => self.ladders.entry(key).or_default().steps.note(rung, caught_after),
            Aim::Drift { rung } => self.ladders.entry(key).or_default().drifts.note(rung, caught_after),
        }
    }

    fn refill(&mut self, world: &World<'_>) {
        let running = |of: fn(&Aim) -> bool, trials: &[Trial]| trials.iter().filter(|trial| of(&trial.aim)).count();
        // One a step: a strong change is caught within minutes, and a copy of a watch costs more than its steps.
        if running(|aim| *aim == Aim::Strong, &self.trials) < STRONG {
            self.begin_wide(world, Aim::Strong);
        }
        // An improvement begins with an hour, so that after twelve steps exactly that hour has been learned. The first
        // hour of a day brings a new fit instead.
        let next = world.step.next().start();
        let begins_hour = world.step.next().0 % STEPS_PER_HOUR == 0 && next.hour_of_day() >= 1.0;
        if begins_hour {
            for _ in running(|aim| *aim == Aim::Improvement, &self.trials)..IMPROVEMENTS {
                self.begin_wide(world, Aim::Improvement);
            }
        }
        for _ in running(|aim| *aim == Aim::Normal, &self.trials)..NORMALS {
            let key = next_of_all(&mut self.turns.normal, world, |key| is_fit(&self.trials, world, key, Aim::Normal));
            self.trials.extend(key.and_then(|key| begin(world, key, Aim::Normal)));
        }
        let is_ladder = |aim: &Aim| matches!(aim, Aim::Step { .. } | Aim::Drift { .. });
        for _ in running(is_ladder, &self.trials)..LADDERS {
            self.turns.ladder = self.turns.ladder.wrapping_add(1);
            self.begin_ladder(world, self.turns.ladder.is_multiple_of(2));
        }
    }

    /// The widest slices take turns, a metric at a time.
    fn begin_wide(&mut self, world: &World<'_>, aim: Aim) {
        for _ in 0..LOOKS_MAX {
            let turn = match aim {
                Aim::Strong => &mut self.turns.strong,
                _ => &mut self.turns.improvement,
            };
            let Some(key) = nth_wide(&self.metrics, *turn) else { return };
            *turn = turn.wrapping_add(1);
            if is_fit(&self.trials, world, key, aim) {
                self.trials.extend(begin(world, key, aim));
                return;
            }
        }
    }

    fn begin_ladder(&mut self, world: &World<'_>, is_wide: bool) {
        let is_known = |key: &Key| self.ladders.len() < SERIES_MAX || self.ladders.contains_key(key);
        let is_ready = |key| is_known(&key) && is_fit(&self.trials, world, key, Aim::Step { rung: 0 });
        let key = if is_wide {
            let first = self.turns.wide;
            let looked = (first..first.saturating_add(LOOKS_MAX)).map(|turn| (turn, nth_wide(&self.metrics, turn)));
            let found = looked.filter_map(|(turn, key)| Some((turn, key?))).find(|(_, key)| is_ready(*key));
            self.turns.wide = found.map_or(first.wrapping_add(LOOKS_MAX), |(turn, _)| turn + 1);
            found.map(|(_, key)| key)
        } else {
            next_of_all(&mut self.turns.all, world, is_ready)
        };
        let Some(key) = key else { return };
        let known = self.ladders.get(&key).cloned().unwrap_or_default();
        let aim = if (known.steps.tries + known.drifts.tries + 1) % DRIFT_EVERY == 0 {
            Aim::Drift { rung: known.drifts.rung() }
        } else {
            Aim::Step { rung: known.steps.rung() }
        };
        self.trials.extend(begin(world, key, aim));
    }
}

enum Fed {
    GoesOn,
    Ended(Outcome),
    Dropped,
}

fn feed(trial: &mut Trial, world: &World<'_>) -> Fed {
    let key = trial.key;
    let (Some(cell), Some(real)) = (world.cell(key), (world.watch_of)(key)) else { return Fed::Dropped };
    // What happens in a real regression says nothing of what was put in. A copy of what is expected has no such trouble.
    if trial.aim != Aim::Normal && (real.is_open() || world.opened.contains(&key)) {
        return Fed::Dropped;
    }
    let now = Now {
        step: world.step,
        cell,
        is_rest_day: world.rests(key, world.step),
        log_threshold: world.log_thresholds[key.0],
        statistic: world.metric(key).headline(),
        real,
    };
    let cells = world.fold.cells(key.0);
    trial.feed(&now, |step| cells.step_cell(key.1, step)).map_or(Fed::GoesOn, Fed::Ended)
}

/// The turn's metric, and the turn's slice of its widest.
fn nth_wide(metrics: &[OfMetric], turn: usize) -> Option<Key> {
    let metric = turn % metrics.len().max(1);
    let widest = &metrics.get(metric)?.widest;
    let slice = widest.get((turn / metrics.len()) % widest.len().max(1))?;
    Some((metric, *slice))
}

/// The next series in order that is ready; few are looked at, so that many that are not cost little.
fn next_of_all(turn: &mut usize, world: &World<'_>, is_ready: impl Fn(Key) -> bool) -> Option<Key> {
    for _ in 0..LOOKS_MAX {
        let closed = world.cells.get(*turn % world.cells.len().max(1))?;
        *turn = turn.wrapping_add(1);
        let key = (closed.metric, closed.slice);
        if is_ready(key) {
            return Some(key);
        }
    }
    None
}

/// Whether a trial can begin: the watch can judge, nothing is going on in it, and no trial like it is running.
fn is_fit(trials: &[Trial], world: &World<'_>, key: Key, aim: Aim) -> bool {
    let is_ladder = |aim: Aim| matches!(aim, Aim::Step { .. } | Aim::Drift { .. });
    let is_alike = |other: Aim| other == aim || (is_ladder(other) && is_ladder(aim));
    let next = world.step.next();
    let is_busy = world.cell(key).is_some_and(|cell| !cell.is_empty());
    let can_judge =
        |watch: &Watch| watch.is_settled(next, world.rests(key, next)) && (aim == Aim::Normal || watch.is_quiet());
    is_busy
        && (world.watch_of)(key).is_some_and(can_judge)
        && !trials.iter().any(|trial| trial.key == key && is_alike(trial.aim))
}

fn begin(world: &World<'_>, key: Key, aim: Aim) -> Option<Trial> {
    let definition = world.metric(key);
    let bad = match definition.better {
        Better::Lower => Direction::Up,
        Better::Higher => Direction::Down,
    };
    let sizes = ladder::sizes(&definition.kind);
    let (shape, direction, size) = match aim {
        Aim::Strong => (Shape::Step, bad, strong(&definition.kind)),
        Aim::Step { rung } => (Shape::Step, bad, sizes[rung]),
        Aim::Drift { rung } => (Shape::Drift, bad, sizes[rung]),
        Aim::Improvement => (Shape::Step, bad.opposite(), improvement(&definition.kind)),
        Aim::Normal => (Shape::Step, bad, 0.0),
    };
    let size = if direction == Direction::Down { size.min(DOWN_MAX) } else { size };
    let before = before(world, key)?;
    let injection = Injection::new(shape, direction, size, world.step.next(), &before);
    Some(Trial::new(key, aim, injection, (world.watch_of)(key)?))
}

/// Nothing can become less by more than all of it.
const DOWN_MAX: f64 = 0.9;

/// What any working detector must see.
fn strong(kind: &MetricKind) -> f64 {
    match kind {
        MetricKind::Ratio { .. } => 8.0,
        MetricKind::Count => DOWN_MAX,
        _ => 1.0,
    }
}

fn improvement(kind: &MetricKind) -> f64 {
    match kind {
        MetricKind::Ratio { .. } => 0.8,
        MetricKind::Count => 1.0,
        _ => 0.5,
    }
}

/// What a series was like until now: only the share of a ratio's hits is asked for.
fn before(world: &World<'_>, key: Key) -> Option<Cell> {
    let cell = world.cell(key)?;
    if !matches!(cell, Cell::Ratio { .. }) {
        return Some(cell.clone());
    }
    let cells = world.fold.cells(key.0);
    (0..BEFORE_STEPS).map(|back| cells.step_cell(key.1, Step(world.step.0 - back))).reduce(|mut all, cell| {
        all.merge(&cell);
        all
    })
}
