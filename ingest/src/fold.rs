//! The deterministic fold: events in, each counted once, closed steps out.
//!
//! Single-threaded and without a clock of its own. The same events in the same order give the same cells to the bit,
//! however they are cut into batches: that is what makes a replay of the log a recovery.

use arrow_array::{Array, BooleanArray, Float64Array};
use hark_model::{Cell, DIMENSIONS_MAX, Metric, MetricKind, Sketch, Step, Timestamp};
use hark_query::{Measure, Plan, QueryError};
use serde::{Deserialize, Serialize};

use crate::cells::{MetricCells, SliceIndex};
use crate::clock::Clock;
use crate::dictionary::Dictionary;
use crate::events::{Column, Events};
use crate::leaf_store::LeafStore;
use crate::seen::Seen;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fold {
    clock: Clock,
    seen: Seen,
    counts: Counts,
    /// The next step to close.
    next: Option<Step>,
    /// Closed steps that late events have changed since the last one closed.
    corrected: Vec<Step>,
    /// Whether a column of the plan's schema ever had a value.
    seen_columns: Vec<bool>,
    /// One a column of the plan's schema; those of numbers stay empty.
    dictionaries: Vec<Dictionary>,
    metrics: Vec<MetricFold>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct MetricFold {
    cells: MetricCells,
    leaves: LeafStore,
}

/// Since the beginning. Each event is in `events` once, late ones within the horizon among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub events: u64,
    pub duplicates: u64,
    pub late: u64,
    pub rejected: u64,
    /// Values that a metric could not use: a negative latency.
    pub unusable: u64,
}

/// What became of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    pub accepted: u64,
    pub duplicates: u64,
    pub late: u64,
    /// Among the late ones: so late that their cells are gone.
    pub beyond_horizon: u64,
    /// So far ahead of the stream that their clock must be wrong; they count as rejected.
    pub too_far_ahead: u64,
}

/// A step that the watermark has passed, with the cell of every slice known so far.
#[derive(Debug)]
pub struct Closed<'a> {
    pub step: Step,
    pub cells: Vec<ClosedCell>,
    /// Steps closed earlier whose cells late events have since corrected.
    pub corrected: Vec<(usize, SliceIndex, Step)>,
    pub fold: &'a Fold,
}

#[derive(Debug)]
pub struct ClosedCell {
    /// Position in the plan's metrics.
    pub metric: usize,
    pub slice: SliceIndex,
    pub cell: Cell,
}

/// What the expressions of one metric gave for a batch.
enum Reading {
    Values(Float64Array),
    Hits(BooleanArray),
    Nothing,
}

impl Fold {
    pub fn new(plan: &Plan) -> Self {
        let metric = |plan: &hark_query::MetricPlan| {
            MetricCells::new(&plan.metric)
                .map(|cells| MetricFold { cells, leaves: LeafStore::new(plan.metric.dimensions.len()) })
        };
        Self {
            clock: Clock::default(),
            seen: Seen::default(),
            counts: Counts::default(),
            next: None,
            corrected: Vec::new(),
            seen_columns: vec![false; plan.schema.fields().len()],
            dictionaries: vec![Dictionary::new(); plan.schema.fields().len()],
            metrics: plan.metrics.iter().filter_map(metric).collect(),
        }
    }

    pub fn watermark(&self) -> Option<Timestamp> {
        self.clock.watermark()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn cells(&self, metric: usize) -> &MetricCells {
        &self.metrics[metric].cells
    }

    pub fn leaves(&self, metric: usize) -> &LeafStore {
        &self.metrics[metric].leaves
    }

    /// The dictionary of a column of the plan's schema.
    pub fn dictionary(&self, column: usize) -> &Dictionary {
        &self.dictionaries[column]
    }

    /// Whether any event had a value in this column of the plan's schema.
    pub fn has_seen(&self, column: usize) -> bool {
        self.seen_columns[column]
    }

    pub fn count_rejected(&mut self, lines: u64) {
        self.counts.rejected += lines;
    }

    /// Adds a batch and hands out each step that it closes.
    pub fn apply(
        &mut self,
        plan: &Plan,
        events: &Events,
        mut on_close: impl FnMut(Closed<'_>),
    ) -> Result<Applied, QueryError> {
        let mut applied = Applied::default();
        if events.is_empty() {
            return Ok(applied);
        }
        let batch = events.to_record_batch(&plan.schema);
        let readings = plan.metrics.iter().map(|metric| read(metric, &batch)).collect::<Result<Vec<_>, _>>()?;
        let codes = self.global_codes(events);
        for (seen, column) in self.seen_columns.iter_mut().zip(&events.columns) {
            *seen = *seen || column.has_any();
        }
        self.clock.start(&events.times);
        for row in 0..events.len() {
            let time = events.times[row];
            if let Some(is_late) = self.admit(time, events.ids[row], &mut applied) {
                for (at, (metric, (filter, reading))) in plan.metrics.iter().zip(&readings).enumerate() {
                    let passes = filter.as_ref().is_none_or(|filter| filter.is_valid(row) && filter.value(row));
                    if passes {
                        self.add_row(at, metric, reading, row, time, &codes);
                    }
                }
                if is_late {
                    self.note_correction(time);
                }
            }
            self.close_passed(&mut on_close);
        }
        Ok(applied)
    }

    /// Closes everything that is still open: the input has ended.
    pub fn finish(&mut self, mut on_close: impl FnMut(Closed<'_>)) {
        let Some(watermark) = self.clock.watermark() else { return };
        let end = watermark.plus_minutes(crate::DISORDER_MINUTES).step();
        while let Some(step) = self.next.filter(|step| *step < end) {
            self.close(step, &mut on_close);
        }
    }

    /// Whether the event counts, and if so whether it is late. Counts it either way.
    fn admit(&mut self, time: Timestamp, id: Option<u64>, applied: &mut Applied) -> Option<bool> {
        if self.clock.is_too_far_ahead(time) {
            applied.too_far_ahead += 1;
            self.counts.rejected += 1;
            return None;
        }
        if self.clock.is_beyond_horizon(time) {
            applied.beyond_horizon += 1;
            applied.late += 1;
            self.counts.late += 1;
            return None;
        }
        let watermark = self.clock.watermark().unwrap_or(time);
        if id.is_some_and(|id| !self.seen.insert(id, watermark)) {
            applied.duplicates += 1;
            self.counts.duplicates += 1;
            return None;
        }
        let is_late = self.clock.is_closed(time.minute());
        applied.accepted += 1;
        applied.late += u64::from(is_late);
        self.counts.events += 1;
        self.counts.late += u64::from(is_late);
        self.clock.observe(time);
        self.next.get_or_insert(time.step());
        Some(is_late)
    }

    fn add_row(
        &mut self,
        at: usize,
        plan: &hark_query::MetricPlan,
        reading: &Reading,
        row: usize,
        time: Timestamp,
        codes: &[Vec<u16>],
    ) {
        let Some((class, measure)) = measure(&plan.metric, reading, row, &mut self.counts) else { return };
        let minute = time.minute();
        let is_closed = self.next.is_some_and(|next| minute.step() < next);
        let mut row_codes = [0_u16; DIMENSIONS_MAX];
        let row_codes = &mut row_codes[..plan.dimensions.len()];
        for (code, &column) in row_codes.iter_mut().zip(&plan.dimensions) {
            *code = codes[column][row];
        }
        let metric = &mut self.metrics[at];
        let values: [&Dictionary; DIMENSIONS_MAX] =
            std::array::from_fn(|d| &self.dictionaries[plan.dimensions.get(d).copied().unwrap_or(0)]);
        metric.cells.add(minute, is_closed, row_codes, &values, |cell| add(cell, measure));
        metric.leaves.add(minute.step(), is_closed, row_codes, class);
    }

    /// Late events correct the cells of a step that detectors have seen; whoever keeps points wants to know.
    fn note_correction(&mut self, time: Timestamp) {
        let step = time.step();
        if self.next.is_some_and(|next| step < next) && !self.corrected.contains(&step) {
            self.corrected.push(step);
        }
    }

    fn close_passed(&mut self, on_close: &mut impl FnMut(Closed<'_>)) {
        let Some(watermark) = self.clock.watermark() else { return };
        while let Some(step) = self.next.filter(|step| step.end() <= watermark) {
            self.close(step, on_close);
        }
    }

    fn close(&mut self, step: Step, on_close: &mut impl FnMut(Closed<'_>)) {
        let mut cells = Vec::new();
        for (at, metric) in self.metrics.iter_mut().enumerate() {
            metric.cells.close(step);
            metric.leaves.close(step);
            for (slice, _) in metric.cells.slices() {
                cells.push(ClosedCell { metric: at, slice, cell: metric.cells.step_cell(slice, step) });
            }
        }
        self.seen.forget_before(step.end());
        self.next = Some(step.next());
        let corrected = std::mem::take(&mut self.corrected).into_iter().flat_map(|step| self.cells_of(step)).collect();
        on_close(Closed { step, cells, corrected, fold: self });
    }

    fn cells_of(&self, step: Step) -> Vec<(usize, SliceIndex, Step)> {
        let slices = |(at, metric): (usize, &MetricFold)| {
            metric.cells.slices().map(move |(slice, _)| (at, slice, step)).collect::<Vec<_>>()
        };
        self.metrics.iter().enumerate().flat_map(slices).collect()
    }

    /// The batch's own codes translated to those that hold for the whole stream.
    fn global_codes(&mut self, events: &Events) -> Vec<Vec<u16>> {
        let columns = events.columns.iter().zip(&mut self.dictionaries);
        columns
            .map(|(column, dictionary)| match column {
                Column::Text { codes, dictionary: local } => {
                    let global: Vec<u16> = local.iter().map(|value| dictionary.code(value)).collect();
                    codes.iter().map(|code| code.map_or(0, |code| global[code as usize])).collect()
                }
                _ => Vec::new(),
            })
            .collect()
    }
}

fn read(
    plan: &hark_query::MetricPlan,
    batch: &arrow_array::RecordBatch,
) -> Result<(Option<BooleanArray>, Reading), QueryError> {
    let filter = plan.filter.as_ref().map(|filter| filter.evaluate(batch)).transpose()?;
    let reading = match &plan.measure {
        Measure::Value(value) => Reading::Values(value.evaluate(batch)?),
        Measure::Hit(hit) => Reading::Hits(hit.evaluate(batch)?),
        Measure::Nothing => Reading::Nothing,
    };
    Ok((filter, reading))
}

#[derive(Debug, Clone, Copy)]
enum Measured {
    Value(f64),
    Hit(bool),
    One,
}

/// The class that the leaf counts and what the cells add; `None` where the event has nothing for this metric.
fn measure(metric: &Metric, reading: &Reading, row: usize, counts: &mut Counts) -> Option<(i16, Measured)> {
    match reading {
        Reading::Nothing => Some((0, Measured::One)),
        Reading::Hits(hits) => {
            let hit = hits.is_valid(row) && hits.value(row);
            Some((i16::from(hit), Measured::Hit(hit)))
        }
        Reading::Values(values) => {
            let value = values.is_valid(row).then(|| values.value(row))?;
            let is_latency = matches!(metric.kind, MetricKind::Latency { .. });
            if !value.is_finite() || (is_latency && value < 0.0) {
                counts.unusable += 1;
                return None;
            }
            let class = if is_latency && value > 0.0 { Sketch::bucket_of(value) } else { i16::MIN };
            Some((class, Measured::Value(value)))
        }
    }
}

fn add(cell: &mut Cell, measured: Measured) {
    match (cell, measured) {
        (Cell::Latency(sketch), Measured::Value(value)) => sketch.insert(value),
        (Cell::Gauge { count, sum_thousandths }, Measured::Value(value)) => {
            *count += 1;
            *sum_thousandths = sum_thousandths.saturating_add((value * 1000.0).round() as i64);
        }
        (Cell::Ratio { count, hits }, Measured::Hit(hit)) => {
            *count += 1;
            *hits += u64::from(hit);
        }
        (Cell::Count(count), Measured::One) => *count += 1,
        (cell, measured) => unreachable!("{measured:?} does not go into {cell:?}: both come from the metric's kind"),
    }
}
