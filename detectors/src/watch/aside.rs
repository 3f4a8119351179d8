//! A step that is set aside: it was an incident that somebody entered, and says nothing of what is usual.

use hark_model::{Cell, Point, Step};

use super::{Observed, State, Watch, candidate};
use crate::evidence::Evidence;
use crate::track::value;

impl Watch {
    /// Shows a step without making anything of it. What was seen leaves no trace: the watch is afterwards as if it had been
    /// shown anything else. A suspicion and its evidence are dropped, since they may be of the same incident; an open
    /// regression stays open until steps after it tell.
    pub fn set_aside(&mut self, step: Step, cell: &Cell, is_rest_day: bool) -> Observed {
        let points = self.tracks.iter().map(|track| {
            let mut point = Point {
                step,
                value: value(track.statistic, cell),
                count: cell.count(),
                expected: track.expected(step, is_rest_day),
                low: None,
                high: None,
            };
            if let (Some(expected), Some(_)) = (point.expected, point.value) {
                let band = track.band(cell, expected);
                (point.low, point.high) = (Some(band.0), Some(band.1));
            }
            (track.statistic, point)
        });
        let points = points.collect();
        let before = self.state;
        if !self.is_open() {
            self.state = State::Quiet;
            self.tracks.iter_mut().for_each(|track| track.evidence = Evidence::new());
            // What is found later did not begin in it.
            self.recovered = step.next();
        }
        self.gathered.skip();
        Observed { points, transition: None, candidate: candidate(before, self.state), log_evidence: f64::NEG_INFINITY }
    }
}
