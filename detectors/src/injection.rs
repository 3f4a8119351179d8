//! Changes put into copies of cells, so that it is known what a detector should see: the self-test's material.

use hark_model::{Cell, Direction, Statistic, Step};
use serde::{Deserialize, Serialize};

use crate::draws::Draws;

/// A drift reaches its size after three hours.
const DRIFT_STEPS: f64 = 36.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// All at once, and it stays.
    Step,
    /// Little by little over three hours, and it stays.
    Drift,
}

/// A move of one series from a step on: every request of a latency by the same factor, a share of the requests of a
/// ratio from good to bad, a share of the traffic gone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Injection {
    pub shape: Shape,
    pub direction: Direction,
    /// Share of the value: 0.05 is five percent.
    pub size: f64,
    pub start: Step,
    /// Hits of a ratio per request, as they were before: what comes on top does not come in bursts where hits did.
    pub rate: f64,
}

impl Injection {
    /// `before` is what the series was like until now.
    pub fn new(shape: Shape, direction: Direction, size: f64, start: Step, before: &Cell) -> Self {
        Self { shape, direction, size, start, rate: before.value(Statistic::Rate).unwrap_or(0.0) }
    }

    /// The cell as it would have been.
    #[must_use]
    pub fn apply(&self, step: Step, cell: &Cell) -> Cell {
        let size = self.size_at(step);
        if size == 0.0 {
            return cell.clone();
        }
        // Parts of a request are rounded up as often as they are large, over many steps.
        let rounding = Draws::of(&[self.start.0 as u64, step.0 as u64]).unit();
        let whole = |share: f64| (share + rounding).floor() as u64;
        let factor = match self.direction {
            Direction::Up => 1.0 + size,
            Direction::Down => (1.0 - size).max(0.0),
        };
        match cell {
            Cell::Latency(sketch) => Cell::Latency(sketch.scaled(factor, rounding)),
            Cell::Ratio { count, hits } => {
                let hits = match self.direction {
                    Direction::Up => hits.saturating_add(whole(size * self.rate * *count as f64)).min(*count),
                    Direction::Down => hits.saturating_sub(whole(size * *hits as f64)),
                };
                Cell::Ratio { count: *count, hits }
            }
            Cell::Count(count) => Cell::Count(match self.direction {
                Direction::Up => count.saturating_add(whole(size * *count as f64)),
                Direction::Down => count.saturating_sub(whole(size * *count as f64)),
            }),
            Cell::Gauge { count, sum_thousandths, sum_squares } => {
                // Every value moves by the same distance, so that a gauge below zero moves the same way.
                let n = (*count).max(1) as f64;
                let (sum, squares) = (*sum_thousandths as f64, *sum_squares as f64);
                let distance = (factor - 1.0) * sum.abs() / n;
                let moved = squares + 2.0 * distance * sum + n * distance * distance;
                Cell::Gauge {
                    count: *count,
                    sum_thousandths: (sum + n * distance).round() as i64,
                    sum_squares: moved.round().max(0.0) as u128,
                }
            }
        }
    }

    fn size_at(&self, step: Step) -> f64 {
        let age = step.0 - self.start.0;
        match self.shape {
            _ if age < 0 => 0.0,
            Shape::Step => self.size,
            Shape::Drift => self.size * ((age + 1) as f64 / DRIFT_STEPS).min(1.0),
        }
    }
}

/// How loudly a step speaks for what was put into it, to somebody who knows both: the expected logarithm of the
/// likelihood ratio (Kullback & Leibler) of the statistic's own tail, share, mean or count. Owes nothing to a detector.
pub fn evidence_between(real: &Cell, injected: &Cell, statistic: Statistic) -> f64 {
    let n = real.count() as f64;
    match (real, injected) {
        (Cell::Latency(before), Cell::Latency(after)) => {
            // The mean is judged by its middle.
            let q = statistic.quantile().unwrap_or(0.5);
            before.quantile(q).map_or(0.0, |value| n * divergence(after.count_above(value) / n, 1.0 - q))
        }
        (Cell::Ratio { count, hits }, Cell::Ratio { hits: after, .. }) if *count > 0 => {
            // Half a hit and half a miss keep what was not seen from being impossible.
            let share = |hits: u64| (hits as f64 + 0.5) / (n + 1.0);
            n * divergence(share(*after), share(*hits))
        }
        (Cell::Count(before), Cell::Count(after)) => {
            let (before, after) = (*before as f64 + 0.5, *after as f64 + 0.5);
            after * (after / before).ln() - after + before
        }
        (Cell::Gauge { sum_thousandths, sum_squares, .. }, Cell::Gauge { sum_thousandths: sum_after, .. })
            if n > 0.0 =>
        {
            let mean = *sum_thousandths as f64 / n;
            let variance = *sum_squares as f64 / n - mean * mean;
            let distance = *sum_after as f64 / n - mean;
            if variance > 0.0 { n * distance * distance / (2.0 * variance) } else { 0.0 }
        }
        _ => 0.0,
    }
}

/// Of one request that is a hit with the chance `p`, where `q` was thought.
fn divergence(p: f64, q: f64) -> f64 {
    const EDGE: f64 = 1e-9;
    let (p, q) = (p.clamp(EDGE, 1.0 - EDGE), q.clamp(EDGE, 1.0 - EDGE));
    p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln()
}

#[cfg(test)]
mod tests {
    use hark_model::Sketch;

    use super::*;

    fn latency(count: u32) -> Cell {
        let mut sketch = Sketch::default();
        (0..count).for_each(|at| sketch.insert(200.0 * (f64::from(at * 37 % count) / f64::from(count) * 2.0).exp()));
        Cell::Latency(sketch)
    }

    fn injection(direction: Direction, size: f64, before: &Cell) -> Injection {
        Injection::new(Shape::Step, direction, size, Step(1000), before)
    }

    #[test]
    fn a_slowdown_moves_every_quantile_by_the_size_asked_within_the_sketchs_error() {
        let before = latency(500);
        for size in [0.03, 0.05, 0.1, 0.2, 0.5, 1.0] {
            let after = injection(Direction::Up, size, &before).apply(Step(1004), &before);
            assert_eq!(after.count(), before.count());
            for statistic in [Statistic::P50, Statistic::P95] {
                let moved = after.value(statistic).unwrap() / before.value(statistic).unwrap() - 1.0;
                assert!((moved - size).abs() < 2.0 * Sketch::RELATIVE_ERROR, "{size}: {statistic} moved by {moved}");
            }
        }
    }

    #[test]
    fn over_a_day_the_share_and_the_count_move_by_the_size_asked() {
        for (size, direction, sign) in
            [(0.05, Direction::Up, 1.0), (0.2, Direction::Up, 1.0), (0.2, Direction::Down, -1.0)]
        {
            let (ratio, count) = (Cell::Ratio { count: 40, hits: 2 }, Cell::Count(9));
            let (of_ratio, of_count) = (injection(direction, size, &ratio), injection(direction, size, &count));
            let (mut hits, mut requests, mut traffic) = (0.0, 0, 0.0);
            for step in 1000..1288 {
                let Cell::Ratio { count: after, hits: bad } = of_ratio.apply(Step(step), &ratio) else {
                    unreachable!()
                };
                hits += bad as f64;
                requests += after;
                traffic += of_count.apply(Step(step), &count).count() as f64;
            }
            assert_eq!(requests, 40 * 288, "requests turn bad, none comes or goes");
            // A draw of nothing or one a step has a standard error of at most half over 17.
            assert!((hits / (2.0 * 288.0) - 1.0 - sign * size).abs() < 4.0 * 0.5 / 17.0 / 2.0, "{size}: {hits}");
            assert!((traffic / (9.0 * 288.0) - 1.0 - sign * size).abs() < 4.0 * 0.5 / 17.0 / 9.0, "{size}: {traffic}");
        }
    }

    #[test]
    fn a_gauge_below_zero_gets_worse_the_same_way_and_keeps_its_variance() {
        let cell = Cell::Gauge { count: 4, sum_thousandths: -8000, sum_squares: 20_000_000 };
        let up = injection(Direction::Up, 0.5, &cell).apply(Step(1000), &cell);
        assert_eq!(up, Cell::Gauge { count: 4, sum_thousandths: -4000, sum_squares: 8_000_000 });
    }

    #[test]
    fn a_drift_grows_and_nothing_moves_before_its_start() {
        let before = latency(2000);
        let drift = Injection { shape: Shape::Drift, ..injection(Direction::Up, 0.5, &before) };
        let median = |step| drift.apply(Step(step), &before).value(Statistic::P50).unwrap();
        assert_eq!(drift.apply(Step(999), &before), before);
        assert!(median(1000) < median(1017) && median(1017) < median(1035));
        assert!((median(1035) / median(1200) - 1.0).abs() < Sketch::RELATIVE_ERROR);
    }

    #[test]
    fn what_was_put_in_speaks_louder_the_larger_it_is_and_not_at_all_where_it_is_nothing() {
        let kinds = [
            (latency(400), Statistic::P50),
            (Cell::Ratio { count: 400, hits: 20 }, Statistic::Rate),
            (Cell::Count(400), Statistic::Count),
            (Cell::Gauge { count: 400, sum_thousandths: 400_000, sum_squares: 800_000_000 }, Statistic::Mean),
        ];
        for (cell, statistic) in kinds {
            let of = |size| {
                evidence_between(&cell, &injection(Direction::Down, size, &cell).apply(Step(1000), &cell), statistic)
            };
            assert!(of(0.0).abs() < 1e-3 && of(0.3) > 1.0 && of(0.8) > of(0.3), "{statistic}");
        }
    }
}
