//! The deterministic fold: events in, each counted once, closed steps out.
//!
//! Single-threaded and without a clock of its own. The same events in the same order give the same cells to the bit,
//! however they are cut into batches: that is what makes a replay of the log a recovery.

use std::borrow::Cow;
use std::num::NonZeroU64;

use hark_model::{Cell, MetricKind, Minute, Slice, Step, Timestamp};
use hark_query::{MetricPlan, Plan};
use serde::{Deserialize, Serialize};

use crate::cells::{Counted, MetricCells, MinuteCell, SliceIndex};
use crate::chosen::Chosen;
use crate::clock::{Clock, SourceState, Ticking};
use crate::dictionary::Dictionary;
use crate::events::{Column, Events, Weight};
use crate::grain::Grain;
use crate::leaf_store::LeafStore;
use crate::projection::{numbers, project, to_record_batch};
use crate::run::{self, Reading, Run};
use crate::scrapes::{self, Scrapes, Through};
use crate::seen::Seen;
use crate::signatures::{Signature, Signatures};
use crate::slice_set::SliceSet;
use crate::tagged_leaves::TaggedLeaves;
use crate::totals::{self, Totals};

/// The field that holds an error's free text.
const ERROR_FIELD: &str = "error";
/// Ids are looked up so many at a time: what that fetches stays near until it is asked for.
const SEEN_AHEAD: usize = 256;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fold {
    pub(crate) clock: Clock,
    pub(crate) seen: Seen,
    pub(crate) totals: Totals,
    pub(crate) scrapes: Scrapes,
    pub(crate) counts: Counts,
    /// The next step to close.
    pub(crate) next: Option<Step>,
    /// Whether a column of the plan's schema ever had a value.
    pub(crate) seen_columns: Vec<bool>,
    /// One a column of the plan's schema; those of numbers stay empty.
    pub(crate) dictionaries: Vec<Dictionary>,
    /// Every set of dimensions that some metric watches, and every list of them that some metric keeps leaves of.
    pub(crate) sets: Vec<SliceSet>,
    pub(crate) grains: Vec<Grain>,
    pub(crate) metrics: Vec<MetricFold>,
    pub(crate) signatures: Signatures,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MetricFold {
    pub(crate) cells: MetricCells,
    pub(crate) leaves: LeafStore,
    /// Of a latency: its stages by class.
    pub(crate) stages: Option<TaggedLeaves>,
    /// Of a ratio: what failed, by error signature.
    pub(crate) failures: Option<TaggedLeaves>,
    /// Position among the fold's grains.
    pub(crate) grain: usize,
}

/// Since the beginning. Each event is in `events` once, late ones within the horizon among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub events: u64,
    pub duplicates: u64,
    pub late: u64,
    pub rejected: u64,
    /// Values that a metric could not use: a negative latency, a word where its expression casts to a number; and
    /// scrapes of a histogram that make none.
    pub unusable: u64,
}

/// The source of a batch without events: nobody has sent anything until its time. In the log like any other, so that who
/// folds it again sees the same.
pub const SILENCE: &str = "(silence)";

/// Events on their way into the fold, and what is known of how they came.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub events: &'a Events,
    /// Who sent them: sources have clocks of their own.
    pub source: &'a str,
    /// The wall clock when they came in; `None` in a replay, which has none.
    pub received: Option<Timestamp>,
    /// Names the whole batch where its format has no ids of its own: the same batch counts once.
    pub id: Option<NonZeroU64>,
    /// Lines that came with them and could not be taken.
    pub rejected: u64,
}

/// What became of one batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Applied {
    pub accepted: u64,
    pub duplicates: u64,
    pub late: u64,
    /// Among the late ones: so late that their cells are gone.
    pub beyond_horizon: u64,
    /// So far ahead of the stream that their clock must be wrong; they count as rejected.
    pub too_far_ahead: u64,
    /// The rows that history keeps: all but repetitions and wrong clocks.
    pub rows: Vec<u32>,
    /// What these are rows of, where that is not the batch as it came: buckets have become requests.
    pub events: Option<Events>,
    /// Scrapes of histograms that could not be counted, the first hundred of them by name, and all in number.
    pub refused: Vec<String>,
    pub refused_total: u64,
}

/// A batch of which is known what becomes of it, and which is in no cell yet.
#[must_use = "what is admitted and not added is in no cell"]
pub struct Admitted<'a> {
    applied: Applied,
    /// `None` for a batch that adds nothing.
    taken: Option<Taken<'a>>,
    /// The first step that is open behind it.
    next: Step,
}

impl Admitted<'_> {
    /// What may be answered: all but the rows for history.
    pub fn applied(&self) -> &Applied {
        &self.applied
    }
}

/// What the columns of a batch say.
struct Read<'a> {
    /// By metric.
    readings: &'a [Reading],
    /// By metric and stage; none where no row has the field.
    stages: &'a [Vec<Option<Cow<'a, Column>>>],
    /// By column of the plan's schema, and good for the whole stream.
    codes: &'a [Vec<u16>],
    /// Error texts, where events have any.
    errors: Option<&'a Column>,
}

/// What the rows of a batch come to.
struct Taken<'a> {
    chosen: Chosen<'a>,
    /// The steps that close, each with the rows before that.
    closing: Vec<(Step, Run)>,
    run: Run,
    through: Vec<Through>,
}

/// A step that the watermark has passed, with the cell of every slice known so far.
#[derive(Debug)]
pub struct Closed<'a> {
    pub step: Step,
    pub cells: Vec<ClosedCell>,
    /// Steps closed earlier whose cells late events have since corrected.
    pub corrected: Vec<(usize, SliceIndex, Step)>,
    /// By metric: the minutes of the step, and what came late for earlier ones. Added up they are the whole stream.
    pub minutes: Vec<Vec<MinuteCell>>,
    pub fold: &'a Fold,
}

#[derive(Debug)]
pub struct ClosedCell {
    /// Position in the plan's metrics.
    pub metric: usize,
    pub slice: SliceIndex,
    pub cell: Cell,
}

impl Applied {
    fn refuse(&mut self, events: &Events, row: usize, time: Timestamp, reason: &str) {
        const NAMED_MAX: u64 = 100;
        self.refused_total += 1;
        if self.refused_total <= NAMED_MAX {
            let name = match events.column("metric") {
                Some(Column::Text { codes, values }) => {
                    codes[row].checked_sub(1).map(|at| values[at as usize].as_str())
                }
                _ => None,
            };
            let name: String = name.unwrap_or_default().chars().take(100).collect();
            self.refused.push(format!("`{name}`: {reason} (scrape of {time})"));
        }
    }
}

impl Fold {
    pub fn new(plan: &Plan) -> Self {
        let mut sets: Vec<SliceSet> = Vec::new();
        let mut grains: Vec<Grain> = Vec::new();
        let mut metrics = Vec::new();
        for metric in &plan.metrics {
            let watched = metric.metric.watch.iter().map(|names| set_of(&mut sets, names, metric)).collect::<Vec<_>>();
            let grain = grains.iter().position(|grain| grain.is_of(&metric.dimensions)).unwrap_or_else(|| {
                grains.push(Grain::new(metric.dimensions.clone()));
                grains.len() - 1
            });
            let cells = MetricCells::new(&metric.metric, watched);
            let dimensions = metric.dimensions.len();
            let leaves = LeafStore::new(dimensions);
            let stages = &metric.metric.stages;
            let stages = (!stages.is_empty()).then(|| TaggedLeaves::new(dimensions, run::STAGE_SUMS + stages.len()));
            let is_ratio = matches!(metric.metric.kind, MetricKind::Ratio { .. });
            let failures = is_ratio.then(|| TaggedLeaves::new(dimensions, 1));
            metrics.extend(cells.map(|cells| MetricFold { cells, leaves, stages, failures, grain }));
        }
        Self {
            clock: Clock::default(),
            seen: Seen::default(),
            totals: Totals::default(),
            scrapes: Scrapes::default(),
            counts: Counts::default(),
            next: None,
            seen_columns: vec![false; plan.schema.fields().len()],
            dictionaries: vec![Dictionary::new(); plan.schema.fields().len()],
            sets,
            grains,
            metrics,
            signatures: Signatures::default(),
        }
    }

    pub fn watermark(&self) -> Option<Timestamp> {
        self.clock.watermark()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn sources(&self) -> Vec<SourceState> {
        self.clock.sources()
    }

    /// Ids that came in since this instant are known, so that a repetition of them is noticed.
    pub fn ids_since(&self) -> Option<Timestamp> {
        self.seen.since()
    }

    pub fn cells(&self, metric: usize) -> &MetricCells {
        &self.metrics[metric].cells
    }

    pub fn leaves(&self, metric: usize) -> &LeafStore {
        &self.metrics[metric].leaves
    }

    /// What the stages of a metric took: the tag is the class of latency (four an octave), the sums are
    /// requests, the value and each stage, in thousandths.
    pub fn stages(&self, metric: usize) -> Option<&TaggedLeaves> {
        self.metrics[metric].stages.as_ref()
    }

    /// What failed of a ratio: the tag is the number of the error signature, the sum is requests.
    pub fn failures(&self, metric: usize) -> Option<&TaggedLeaves> {
        self.metrics[metric].failures.as_ref()
    }

    /// What the tag of a failure stands for.
    pub fn signature(&self, number: u32) -> Signature {
        self.signatures.signature(number)
    }

    /// The minutes of a metric that no closed step has handed out yet.
    pub fn unclosed(&self, metric: usize) -> impl Iterator<Item = (&Slice, Minute, &Counted)> {
        let cells = self.metrics[metric].cells.unclosed();
        cells.map(|(set, number, minute, counted)| (self.sets[set].slice(number), minute, counted))
    }

    /// The dictionary of a column of the plan's schema.
    pub fn dictionary(&self, column: usize) -> &Dictionary {
        &self.dictionaries[column]
    }

    /// Whether any event had a value in this column of the plan's schema.
    pub fn has_seen(&self, column: usize) -> bool {
        self.seen_columns[column]
    }

    /// Adds a batch and hands out each step that it closes.
    pub fn apply(&mut self, plan: &Plan, batch: &Batch<'_>, on_close: impl FnMut(Closed<'_>)) -> Applied {
        let admitted = self.admit(batch);
        self.add(plan, batch, admitted, on_close)
    }

    /// The first half of [`Self::apply`]: which events count, and which steps they close. Several batches may be admitted
    /// before the first is added; they are added in the same order.
    pub fn admit<'a>(&mut self, batch: &Batch<'a>) -> Admitted<'a> {
        let mut applied = Applied::default();
        self.counts.rejected += batch.rejected;
        let mut taken = None;
        let is_silence = batch.source == SILENCE && batch.events.is_empty();
        if is_silence || (!batch.events.is_empty() && !self.is_repeated(batch, &mut applied)) {
            let run = Run::new(self.sets.len(), self.grains.len());
            let taken =
                taken.insert(Taken { chosen: Chosen::new(batch.events), closing: vec![], run, through: vec![] });
            if is_silence { self.pass(batch, taken) } else { self.take(batch, taken, &mut applied) }
        }
        Admitted { applied, taken, next: self.next.unwrap_or(Step(i64::MIN)) }
    }

    /// The second half: what was admitted goes into the cells, and each step that it closes is handed out.
    pub fn add(
        &mut self,
        plan: &Plan,
        batch: &Batch<'_>,
        admitted: Admitted<'_>,
        mut on_close: impl FnMut(Closed<'_>),
    ) -> Applied {
        let Admitted { mut applied, taken, next } = admitted;
        let Some(Taken { chosen, closing, run: mut rest, .. }) = taken else { return applied };
        applied.events = chosen.finish();
        let events = applied.events.as_ref().unwrap_or(batch.events);
        let columns = project(plan, events);
        let record_batch = to_record_batch(plan, &columns, events.len());
        let readings: Vec<Reading> = plan.metrics.iter().map(|metric| Reading::new(metric, &record_batch)).collect();
        self.counts.unusable += readings.iter().map(|reading| reading.failed).sum::<u64>();
        let codes = self.global_codes(&columns);
        for (seen, column) in self.seen_columns.iter_mut().zip(&columns) {
            *seen = *seen || column.has_any();
        }
        let stages_of = |metric: &MetricPlan| -> Vec<Option<Cow<'_, Column>>> {
            metric.metric.stages.iter().map(|name| numbers(events, name)).collect()
        };
        let stages: Vec<_> = plan.metrics.iter().map(stages_of).collect();
        let read = Read { readings: &readings, codes: &codes, stages: &stages, errors: events.column(ERROR_FIELD) };
        for (step, mut run) in closing {
            self.add_run(plan, &read, &mut run, step);
            self.close(step, &mut on_close);
        }
        self.add_run(plan, &read, &mut rest, next);
        applied
    }

    /// Closes what the wall clock has passed while nothing came.
    fn pass(&mut self, batch: &Batch<'_>, taken: &mut Taken<'_>) {
        let Some(now) = batch.received else { return };
        self.clock.pass(now);
        self.close_until(self.clock.watermark(), taken);
    }

    fn close_until(&mut self, watermark: Option<Timestamp>, taken: &mut Taken<'_>) {
        while let Some(step) = self.next.filter(|step| Some(step.end()) <= watermark) {
            let next = Run::new(self.sets.len(), self.grains.len());
            taken.closing.push((step, std::mem::replace(&mut taken.run, next)));
            self.forget_before(step.end());
            self.next = Some(step.next());
        }
    }

    /// Goes through the rows in their order: which of them count, for how many requests, and which steps they close.
    fn take(&mut self, batch: &Batch<'_>, taken: &mut Taken<'_>, applied: &mut Applied) {
        let events = batch.events;
        let mut clock = std::mem::take(&mut self.clock);
        let mut source = clock.source(batch.source, batch.received, &events.times);
        for row in 0..events.len() {
            if row % SEEN_AHEAD == 0 {
                self.seen.fetch(&events.ids[row..events.len().min(row + SEEN_AHEAD)]);
            }
            let time = events.times[row];
            let is_in_time = self.admit_event(&mut source, time, events.ids[row], applied);
            if let Some(is_in_time) = is_in_time {
                self.take_row(source.clock(), batch, row, is_in_time, taken, applied);
            }
            self.close_until(source.clock().watermark(), taken);
        }
        drop(source);
        self.clock = clock;
    }

    /// How many requests a row stands for, or those of a whole histogram that it is the last part of.
    fn take_row(
        &mut self,
        clock: &Clock,
        batch: &Batch<'_>,
        row: usize,
        is_in_time: bool,
        taken: &mut Taken<'_>,
        applied: &mut Applied,
    ) {
        let events = batch.events;
        let (time, user) = (events.times[row], events.users[row]);
        let received = batch.received.unwrap_or(time);
        let requests = match events.weights.get(row).copied().unwrap_or(Weight::Requests(1)) {
            Weight::Requests(requests) => requests,
            Weight::UnlessBuckets { stream } if self.scrapes.is_value(stream, time, received) => 1,
            Weight::UnlessBuckets { .. } => return,
            Weight::Total { stream, shape, part, start, total } if is_in_time => {
                let sample = totals::Sample { stream, shape, part, start, time, total };
                self.totals.since(&sample).unwrap_or_else(|| {
                    self.counts.unusable += 1;
                    0
                })
            }
            Weight::Total { .. } => 0,
            Weight::Bucket { stream, bound, total } => {
                if is_in_time {
                    let sample = scrapes::Sample { stream, bound, time, total, received };
                    self.scrapes.add(&sample, &mut taken.through);
                }
                for Through { time, counted } in taken.through.drain(..) {
                    match counted {
                        Ok(buckets) => {
                            for bucket in buckets {
                                let at = taken.chosen.make(row, time, bucket.value, bucket.count);
                                applied.rows.push(at as u32);
                                if !clock.is_beyond_horizon(time) {
                                    taken.run.push(at, time.minute(), bucket.count, user);
                                }
                            }
                        }
                        Err(reason) => {
                            self.counts.unusable += 1;
                            applied.refuse(events, row, time, &reason);
                        }
                    }
                }
                return;
            }
        };
        let at = taken.chosen.keep(row);
        applied.rows.push(at as u32);
        if is_in_time {
            taken.run.push(at, time.minute(), requests, user);
        }
    }

    /// Closes everything that is still open: the input has ended.
    pub fn finish(&mut self, mut on_close: impl FnMut(Closed<'_>)) {
        let Some(watermark) = self.clock.watermark() else { return };
        let end = watermark.plus_minutes(crate::DISORDER_MINUTES).step();
        while let Some(step) = self.next.filter(|step| *step < end) {
            self.next = Some(step.next());
            self.forget_before(step.end());
            self.close(step, &mut on_close);
        }
    }

    /// Whether this very batch has come before.
    fn is_repeated(&mut self, batch: &Batch<'_>, applied: &mut Applied) -> bool {
        let newest = batch.events.times.iter().max().copied().unwrap_or_default();
        let watermark = self.clock.watermark().unwrap_or(newest);
        let is_repeated = batch.id.is_some_and(|id| !self.seen.insert(id, watermark));
        if is_repeated {
            applied.duplicates = batch.events.len() as u64;
            self.counts.duplicates += applied.duplicates;
        }
        is_repeated
    }

    /// Whether the event counts, and in time to be in a cell. Its time then moves the clock.
    fn admit_event(
        &mut self,
        source: &mut Ticking<'_>,
        time: Timestamp,
        id: Option<NonZeroU64>,
        applied: &mut Applied,
    ) -> Option<bool> {
        if source.is_too_far_ahead(time) {
            applied.too_far_ahead += 1;
            self.counts.rejected += 1;
            return None;
        }
        if source.clock().is_beyond_horizon(time) {
            applied.beyond_horizon += 1;
            applied.late += 1;
            self.counts.late += 1;
            return Some(false);
        }
        let watermark = source.clock().watermark().unwrap_or(time);
        if id.is_some_and(|id| !self.seen.insert(id, watermark)) {
            applied.duplicates += 1;
            self.counts.duplicates += 1;
            return None;
        }
        let is_late = source.clock().is_closed(time.minute());
        applied.accepted += 1;
        applied.late += u64::from(is_late);
        self.counts.events += 1;
        self.counts.late += u64::from(is_late);
        source.observe(time);
        self.next.get_or_insert(time.step());
        Some(true)
    }

    /// Adds rows that came while `next` was the first step that is open.
    fn add_run(&mut self, plan: &Plan, read: &Read<'_>, run: &mut Run, next: Step) {
        if run.is_empty() {
            return;
        }
        run.number(&mut self.sets, &mut self.grains, read.codes, &self.dictionaries, next);
        if self.metrics.iter().any(|metric| metric.failures.is_some()) {
            run.sign(&mut self.signatures, read.errors);
        }
        let read_by_metric = read.readings.iter().zip(read.stages);
        for ((metric, plan), (reading, stages)) in self.metrics.iter_mut().zip(&plan.metrics).zip(read_by_metric) {
            self.counts.unusable += run.add_to(metric, plan, reading, read.codes, stages);
        }
    }

    fn forget_before(&mut self, end: Timestamp) {
        self.seen.forget_before(end);
        self.totals.forget_before(end);
        self.scrapes.forget_before(end);
    }

    fn close(&mut self, step: Step, on_close: &mut impl FnMut(Closed<'_>)) {
        let mut cells = Vec::new();
        let mut minutes = Vec::with_capacity(self.metrics.len());
        let mut corrected = Vec::new();
        for (at, metric) in self.metrics.iter_mut().enumerate() {
            let mut closed = Vec::new();
            let merged = metric.cells.close(step, &self.sets, &mut closed);
            let grain = &self.grains[metric.grain];
            metric.leaves.close(step, grain);
            metric.stages.iter_mut().chain(&mut metric.failures).for_each(|tagged| tagged.close(step, grain));
            let of_slice = |(slice, cell)| ClosedCell { metric: at, slice: SliceIndex(slice), cell };
            cells.extend(merged.into_iter().enumerate().map(of_slice));
            let late = closed.iter().filter(|minute| minute.minute.step() < step);
            corrected.extend(late.map(|minute| (at, minute.slice, minute.minute.step())));
            minutes.push(closed);
        }
        corrected.sort_unstable();
        corrected.dedup();
        self.grains.iter_mut().for_each(|grain| grain.close(step));
        self.signatures.close(step);
        on_close(Closed { step, cells, corrected, minutes, fold: self });
    }

    /// The batch's own codes translated to those that hold for the whole stream.
    fn global_codes(&mut self, columns: &[Cow<'_, Column>]) -> Vec<Vec<u16>> {
        let columns = columns.iter().zip(&mut self.dictionaries);
        columns
            .map(|(column, dictionary)| match column.as_ref() {
                Column::Text { codes, values } => {
                    let mut global = vec![0];
                    global.extend(values.iter().map(|value| dictionary.code(value)));
                    codes.iter().map(|&code| global[code as usize]).collect()
                }
                _ => Vec::new(),
            })
            .collect()
    }
}

/// The position of a watched set among all of them; it is added where no metric before watched the same dimensions.
fn set_of(sets: &mut Vec<SliceSet>, names: &[String], metric: &MetricPlan) -> usize {
    let column = |name: &String| {
        metric.metric.dimensions.iter().position(|dimension| dimension == name).map(|at| metric.dimensions[at])
    };
    let columns: Vec<usize> = names.iter().filter_map(column).collect();
    sets.iter().position(|set| set.is_of(&columns)).unwrap_or_else(|| {
        sets.push(SliceSet::new(names.to_vec(), columns));
        sets.len() - 1
    })
}
