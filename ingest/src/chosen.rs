//! The rows of a batch that are looked at, once buckets of histograms have become rows that count requests.

use hark_model::Timestamp;

use crate::events::{Column, Events, NamedColumn, Packed, Weight};
use crate::numbered::Numbered;

/// The field that holds what a data point measured.
pub(crate) const VALUE: &str = "value";

pub(crate) struct Chosen<'a> {
    events: &'a Events,
    /// Whether some rows only say what others are made of; without them a batch is looked at as it is.
    has_parts: bool,
    rows: Vec<u32>,
    made: Vec<Made>,
}

/// A row that has everything but this from the row it is made like.
struct Made {
    at: usize,
    time: Timestamp,
    value: f64,
    requests: u64,
}

impl<'a> Chosen<'a> {
    pub(crate) fn new(events: &'a Events) -> Self {
        let is_part = |weight: &Weight| matches!(weight, Weight::Bucket { .. } | Weight::UnlessBuckets { .. });
        let has_parts = events.weights.iter().any(is_part);
        Self { events, has_parts, rows: Vec::new(), made: Vec::new() }
    }

    /// Where a row of the batch is found among those looked at.
    pub(crate) fn keep(&mut self, row: usize) -> usize {
        if !self.has_parts {
            return row;
        }
        self.rows.push(row as u32);
        self.rows.len() - 1
    }

    /// Adds a row of requests that all had this value.
    pub(crate) fn make(&mut self, like: usize, time: Timestamp, value: f64, requests: u64) -> usize {
        let at = self.keep(like);
        self.made.push(Made { at, time, value, requests });
        at
    }

    /// `None` where the batch is looked at as it is.
    pub(crate) fn finish(self) -> Option<Events> {
        if !self.has_parts {
            return None;
        }
        let mut events = self.events.select(&self.rows);
        for &Made { at, time, requests, .. } in &self.made {
            events.times[at] = time;
            events.weights[at] = Weight::Requests(requests);
        }
        match events.columns.iter_mut().find(|named| named.name == VALUE) {
            Some(named) => put(&mut named.column, &self.made),
            None => {
                let mut column = Column::Number(vec![Packed::ABSENT; events.times.len()]);
                put(&mut column, &self.made);
                events.columns.push(NamedColumn { name: VALUE.to_owned(), column });
            }
        }
        Some(events)
    }
}

fn put(column: &mut Column, made: &[Made]) {
    match column {
        Column::Number(numbers) => made.iter().for_each(|made| numbers[made.at] = Packed::new(made.value)),
        Column::Text { codes, values } => {
            let mut texts = Numbered::of(std::mem::take(values));
            made.iter().for_each(|made| codes[made.at] = texts.code(&made.value.to_string()));
            *values = texts.into_values();
        }
        // Metrics read it as a flag, and the door lets no bucket in that a number cannot stand for.
        Column::Flag(_) => {}
    }
}
