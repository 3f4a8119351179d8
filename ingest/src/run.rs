//! Rows that are added together: those between two closings of a step, set by set and metric by metric.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, RecordBatchOptions};
use arrow_select::dictionary::garbage_collect_any_dictionary;
use hark_model::{Better, Cell, DIMENSIONS_MAX, Magnitude, Metric, MetricKind, Minute, Step, UserMark};
use hark_query::{Measure, MetricPlan, Predicate, Value};

use crate::cells::{Counted, Rows};
use crate::dictionary::Dictionary;
use crate::events::Column;
use crate::fold::MetricFold;
use crate::grain::Grain;
use crate::groups::{Groups, Slots};
use crate::signatures::{NO_TEXT, Signatures};
use crate::slice_set::SliceSet;
use crate::tagged_leaves::{SUMS_MAX, TaggedLeaves};

/// Before the stages come requests and the value.
pub(crate) const STAGE_SUMS: usize = 2;

/// What the expressions of one metric gave for a batch.
pub(crate) struct Reading {
    filter: Option<BooleanArray>,
    values: Values,
    /// Rows that an expression failed on.
    pub(crate) failed: u64,
}

enum Values {
    Numbers(Float64Array),
    Hits(BooleanArray),
    Nothing,
}

impl Reading {
    pub(crate) fn new(plan: &MetricPlan, batch: &RecordBatch) -> Self {
        let mut failed = 0;
        let filter = plan.filter.as_ref().map(|filter| flags(filter, batch, &mut failed));
        let values = match &plan.measure {
            Measure::Value(value) => Values::Numbers(numbers(value, batch, &mut failed)),
            Measure::Hit(hit) => Values::Hits(flags(hit, batch, &mut failed)),
            Measure::Nothing => Values::Nothing,
        };
        Self { filter, values, failed }
    }
}

/// An expression may fail on a value that its author did not think of, such as a cast of a word to a number. That costs
/// the metric this row, and neither its other rows nor any other metric.
fn numbers(value: &Value, batch: &RecordBatch, failed: &mut u64) -> Float64Array {
    match value.evaluate(batch) {
        Ok(numbers) => numbers,
        Err(_) if batch.num_rows() <= 1 => {
            *failed += 1;
            Float64Array::new_null(batch.num_rows())
        }
        Err(_) => {
            let [left, right] = halves(batch).map(|half| numbers(value, &half, failed));
            left.iter().chain(right.iter()).collect()
        }
    }
}

fn flags(predicate: &Predicate, batch: &RecordBatch, failed: &mut u64) -> BooleanArray {
    match predicate.evaluate(batch) {
        Ok(flags) => flags,
        Err(_) if batch.num_rows() <= 1 => {
            *failed += 1;
            BooleanArray::new_null(batch.num_rows())
        }
        Err(_) => {
            let [left, right] = halves(batch).map(|half| flags(predicate, &half, failed));
            left.iter().chain(right.iter()).collect()
        }
    }
}

/// A cast works on a dictionary's values whether a row has them or not, so each half keeps only its own.
fn halves(batch: &RecordBatch) -> [RecordBatch; 2] {
    let half = batch.num_rows() / 2;
    [(0, half), (half, batch.num_rows() - half)].map(|(start, rows)| {
        let part = batch.slice(start, rows);
        let column = |column: &ArrayRef| {
            let dictionary = column.as_any_dictionary_opt();
            dictionary
                .and_then(|codes| garbage_collect_any_dictionary(codes).ok())
                .unwrap_or_else(|| Arc::clone(column))
        };
        let columns = part.columns().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(part.schema(), columns, &options).unwrap_or(part)
    })
}

/// What one row adds to a cell of one metric.
#[derive(Debug, Clone, Copy)]
enum Measured {
    Nothing,
    Latency(Magnitude),
    Value(f64),
    Hit(bool),
    One,
}

/// Columns over the rows of the run; a position is an index into these.
pub(crate) struct Run {
    rows: Vec<u32>,
    minutes: Vec<Minute>,
    requests: Vec<u64>,
    users: Vec<Option<UserMark>>,
    /// By set: the number of each row's slice.
    numbers: Vec<Vec<u32>>,
    /// By set: the open rows in order of their cells, where many share one.
    groups: Vec<Option<Groups>>,
    /// By grain: the number of each row's leaf; meaningless for late rows.
    leaves: Vec<Vec<u32>>,
    steps: Vec<Step>,
    /// The first step that is still open.
    next: Step,
    measured: Vec<Measured>,
    positions: Vec<u32>,
    is_counted: Vec<bool>,
    /// The number of each row's error signature; empty where no row has an error text.
    signatures: Vec<u32>,
}

impl Run {
    pub(crate) fn new(sets: usize, grains: usize) -> Self {
        Self {
            rows: Vec::new(),
            minutes: Vec::new(),
            requests: Vec::new(),
            users: Vec::new(),
            numbers: vec![Vec::new(); sets],
            groups: Vec::new(),
            leaves: vec![Vec::new(); grains],
            steps: Vec::new(),
            next: Step(i64::MIN),
            measured: Vec::new(),
            positions: Vec::new(),
            is_counted: Vec::new(),
            signatures: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: usize, minute: Minute, requests: u64, user: Option<NonZeroU64>) {
        self.rows.push(row as u32);
        self.minutes.push(minute);
        self.requests.push(requests);
        self.users.push(user.map(|user| UserMark::of(user.get())));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Looks up the slices and leaves that each row lies in. `next` is the first step that is still open.
    pub(crate) fn number(
        &mut self,
        sets: &mut [SliceSet],
        grains: &mut [Grain],
        codes: &[Vec<u16>],
        dictionaries: &[Dictionary],
        next: Step,
    ) {
        for (set, numbers) in sets.iter_mut().zip(&mut self.numbers) {
            set.number(&self.rows, codes, dictionaries, numbers);
        }
        self.next = next;
        self.steps.clear();
        self.steps.extend(self.minutes.iter().map(|minute| minute.step()));
        let slots = Slots::of(&self.minutes, |position| self.steps[position] >= next);
        let group = |numbers: &Vec<u32>| slots.as_ref().and_then(|slots| slots.group(numbers));
        self.groups = self.numbers.iter().map(group).collect();
        for (grain, leaves) in grains.iter_mut().zip(&mut self.leaves) {
            grain.number(&self.rows, &self.steps, codes, next, leaves);
        }
    }

    /// Looks up the error signature of each row. A text that the run has had is masked once.
    pub(crate) fn sign(&mut self, signatures: &mut Signatures, errors: Option<&Column>) {
        self.signatures.clear();
        let Some(Column::Text { codes, values }) = errors else { return };
        let mut known: Vec<Option<u32>> = vec![None; values.len()];
        for (&row, &step) in self.rows.iter().zip(&self.steps) {
            let code = codes[row as usize].checked_sub(1).map(|code| code as usize);
            self.signatures.push(match code {
                None => NO_TEXT,
                Some(code) => match known[code] {
                    Some(id) => {
                        signatures.count(id, step);
                        id
                    }
                    None => *known[code].insert(signatures.number(&values[code], step)),
                },
            });
        }
    }

    /// Adds the rows that a metric counts to its cells and leaves. Says how many values it could not use.
    pub(crate) fn add_to(
        &mut self,
        metric: &mut MetricFold,
        plan: &MetricPlan,
        reading: &Reading,
        codes: &[Vec<u16>],
        stages: &[Option<Cow<'_, Column>>],
    ) -> u64 {
        let unusable = self.measure(&plan.metric, reading);
        self.positions.clear();
        self.is_counted.clear();
        self.is_counted.resize(self.rows.len(), false);
        for (position, measured) in self.measured.iter().enumerate() {
            let Some(class) = measured.class().filter(|_| self.requests[position] > 0) else { continue };
            if self.steps[position] < self.next {
                let times = times_of(self.requests[position]);
                let row = self.rows[position] as usize;
                let mut own = [0_u16; DIMENSIONS_MAX];
                own.iter_mut().zip(&plan.dimensions).for_each(|(code, &column)| *code = codes[column][row]);
                let minute = self.minutes[position];
                metric.cells.add_late(position, &self.numbers, minute, |counted, at| self.count(counted, at));
                let own = &own[..plan.dimensions.len()];
                metric.leaves.add_late(self.steps[position], own, class, times);
                self.tag(metric, plan, stages, position, |tagged, step, tag, sums| {
                    tagged.add_late(step, own, tag, sums);
                });
            } else {
                self.positions.push(position as u32);
                self.is_counted[position] = true;
            }
        }
        let leaves = &self.leaves[metric.grain];
        metric.leaves.add(self.positions.iter().filter_map(|&position| {
            let position = position as usize;
            let class = self.measured[position].class()?;
            Some((self.steps[position], leaves[position], class, times_of(self.requests[position])))
        }));
        if metric.stages.is_some() || metric.failures.is_some() {
            for &position in &self.positions {
                let leaf = self.leaves[metric.grain][position as usize];
                let add = |tagged: &mut TaggedLeaves, step, tag, sums: &_| tagged.add(step, leaf, tag, sums);
                self.tag(metric, plan, stages, position as usize, add);
            }
        }
        let Self { positions, numbers, minutes, groups, is_counted, .. } = &*self;
        let rows = Rows { positions, numbers, minutes, groups, is_counted };
        metric.cells.add(&rows, |counted, at| self.count(counted, at));
        unusable
    }

    /// Adds a row to the stages of a latency, or to the failures of a ratio.
    #[inline]
    fn tag(
        &self,
        metric: &mut MetricFold,
        plan: &MetricPlan,
        columns: &[Option<Cow<'_, Column>>],
        position: usize,
        mut add: impl FnMut(&mut TaggedLeaves, Step, u32, &[u64]),
    ) {
        let (step, requests) = (self.steps[position], self.requests[position]);
        match (self.measured[position], &mut metric.stages, &mut metric.failures) {
            (Measured::Latency(value), Some(stages), _) => {
                let mut sums = [0; SUMS_MAX];
                (sums[0], sums[1]) = (requests, value.thousandths().saturating_mul(requests));
                let row = self.rows[position] as usize;
                for (sum, column) in sums[STAGE_SUMS..].iter_mut().zip(columns) {
                    // What a request did not go through took it no time.
                    let took = match column.as_deref() {
                        Some(Column::Number(numbers)) => numbers[row].get().and_then(Magnitude::new),
                        _ => None,
                    };
                    *sum = took.map_or(0, Magnitude::thousandths).saturating_mul(requests);
                }
                add(stages, step, stage_class(value), &sums[..STAGE_SUMS + columns.len()]);
            }
            // What fails is a miss where hits are what is wanted.
            (Measured::Hit(hit), _, Some(failures)) if hit == (plan.metric.better == Better::Lower) => {
                let signature = self.signatures.get(position).copied().unwrap_or(NO_TEXT);
                add(failures, step, signature, &[requests]);
            }
            _ => {}
        }
    }

    fn count(&self, counted: &mut Counted, position: usize) {
        add(&mut counted.cell, self.measured[position], self.requests[position]);
        counted.count_user(self.users[position]);
    }

    fn measure(&mut self, metric: &Metric, reading: &Reading) -> u64 {
        let is_latency = matches!(metric.kind, MetricKind::Latency { .. });
        let mut unusable = 0;
        self.measured.clear();
        for &row in &self.rows {
            let row = row as usize;
            let passes = reading.filter.as_ref().is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            let measured = match &reading.values {
                _ if !passes => Measured::Nothing,
                Values::Nothing => Measured::One,
                Values::Hits(hits) => Measured::Hit(hits.is_valid(row) && hits.value(row)),
                Values::Numbers(values) if !values.is_valid(row) => Measured::Nothing,
                Values::Numbers(values) if is_latency => Magnitude::new(values.value(row)).map_or_else(
                    || {
                        unusable += 1;
                        Measured::Nothing
                    },
                    Measured::Latency,
                ),
                Values::Numbers(values) if values.value(row).is_finite() => Measured::Value(values.value(row)),
                Values::Numbers(_) => {
                    unusable += 1;
                    Measured::Nothing
                }
            };
            self.measured.push(measured);
        }
        unusable
    }
}

impl Measured {
    /// The class that the leaf counts; `None` where the metric does not count the row.
    fn class(self) -> Option<i16> {
        match self {
            Self::Nothing => None,
            Self::Latency(value) => Some(value.class()),
            Self::Value(_) => Some(i16::MIN),
            Self::Hit(hit) => Some(i16::from(hit)),
            Self::One => Some(0),
        }
    }
}

/// Sixteen buckets of the sketch together, four classes an octave: 19 % wide. In the order of their values, zero first.
fn stage_class(value: Magnitude) -> u32 {
    const BUCKETS_PER_CLASS: i32 = 16;
    /// The sketch begins forty classes below 1.
    const BELOW_ONE: i32 = 40;
    if value.class() == i16::MIN {
        return 0;
    }
    (i32::from(value.class()).div_euclid(BUCKETS_PER_CLASS) + BELOW_ONE + 1).max(1).cast_unsigned()
}

/// A leaf counts in 32 bits.
fn times_of(requests: u64) -> u32 {
    u32::try_from(requests).unwrap_or(u32::MAX)
}

fn add(cell: &mut Cell, measured: Measured, requests: u64) {
    match (cell, measured) {
        (Cell::Latency(sketch), Measured::Latency(value)) => sketch.add(value, requests),
        (Cell::Gauge { count, sum_thousandths, sum_squares }, Measured::Value(value)) => {
            let thousandths = (value * 1000.0).round() as i64;
            let times = i64::try_from(requests).unwrap_or(i64::MAX);
            let square = u128::from(thousandths.unsigned_abs()).pow(2);
            *count += requests;
            *sum_thousandths = sum_thousandths.saturating_add(thousandths.saturating_mul(times));
            *sum_squares = sum_squares.saturating_add(square.saturating_mul(u128::from(requests)));
        }
        (Cell::Ratio { count, hits }, Measured::Hit(hit)) => {
            *count += requests;
            *hits += if hit { requests } else { 0 };
        }
        (Cell::Count(count), Measured::One) => *count += requests,
        (cell, measured) => unreachable!("{measured:?} does not go into {cell:?}: both come from the metric's kind"),
    }
}
