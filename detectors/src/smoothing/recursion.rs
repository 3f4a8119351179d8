//! How a fitted ETS model goes on from row to row.
//!
//! augurs shows neither parameters nor state of a model, but what it expected of each row it was fitted to. Let f be what
//! is expected of a row, d by how much that moved and e the surprise. With smoothing a of the level and b of the trend, and
//! damping p, the equations of ETS without a season (Hyndman and others, "Forecasting with exponential smoothing", 2008,
//! section 2.5) come down to
//!
//!     d[t+1] = p d[t] + (a + p b) e[t] - p a e[t-1]
//!
//! so that three coefficients, linear in what augurs shows, are all that is needed. They are solved for, and taken only if
//! the recursion then says of every row what augurs said.

/// The trend of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    None,
    Straight,
    Damped,
}

/// The recursion has to agree with augurs to so much of a deviation of surprises.
const AGREES: f64 = 1e-6;
/// Values are in deviations of the series: behind one without noise there is rounding, and no surprise is smaller than it.
const VARIANCE_MIN: f64 = 1e-12;
/// Between these augurs looks for the damping.
const DAMPING: [f64; 2] = [0.8, 0.98];
/// Rows that coefficients are solved from at least.
const ROWS_MIN: usize = 12;

#[derive(Debug, Clone, Copy)]
pub(super) struct Recursion {
    coefficients: Coefficients,
    start: State,
    now: State,
    /// Of surprises.
    variance: f64,
    missed: Missed,
}

#[derive(Debug, Clone, Copy, Default)]
struct Coefficients {
    moved: f64,
    surprise: f64,
    surprise_before: f64,
}

/// Before a row: what is expected of it.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    expected: f64,
    moved: f64,
    surprise_before: f64,
}

/// Rows without a value, since the last one with one: how far a surprise in the first of them has moved the expectation.
#[derive(Debug, Clone, Copy, Default)]
struct Missed {
    rows: usize,
    moved: f64,
    sum: f64,
    variances: f64,
}

impl Coefficients {
    fn after(&self, state: State, surprise: f64) -> State {
        let moved = self.moved * state.moved + self.surprise * surprise + self.surprise_before * state.surprise_before;
        State { expected: state.expected + moved, moved, surprise_before: surprise }
    }
}

impl Recursion {
    /// From values, what was expected of each, and what is expected of the next; it stands before the latter.
    pub(super) fn read(values: &[f64], expected: &[f64], next: f64, trend: Trend) -> Option<Self> {
        if values.len() < ROWS_MIN || values.len() != expected.len() {
            return None;
        }
        let surprises: Vec<f64> = values.iter().zip(expected).map(|(value, expected)| value - expected).collect();
        let variance = surprises.iter().map(|one| one * one).sum::<f64>() / surprises.len() as f64;
        if !next.is_finite() || !variance.is_finite() {
            return None;
        }
        let variance = variance.max(VARIANCE_MIN);
        let afterwards = expected[1..].iter().chain([&next]);
        let moved: Vec<f64> = expected.iter().zip(afterwards).map(|(before, after)| after - before).collect();
        let equation = |at: usize| [moved[at - 1], surprises[at], surprises[at - 1], moved[at]];
        let equations: Vec<[f64; 4]> = (1..values.len()).map(equation).collect();
        let solve = |damping: Option<f64>| solve(&equations, damping, trend != Trend::None);
        let coefficients = match trend {
            Trend::None => solve(Some(0.0)),
            Trend::Straight => solve(Some(1.0)),
            Trend::Damped => solve(None).and_then(|free| {
                let within = free.moved.clamp(DAMPING[0], DAMPING[1]);
                if within == free.moved { Some(free) } else { solve(Some(within)) }
            }),
        }?;
        // The move into the first row is the one that makes the move out of it what it was.
        let into = if coefficients.moved == 0.0 {
            0.0
        } else {
            (moved[0] - coefficients.surprise * surprises[0]) / coefficients.moved
        };
        let start = State { expected: expected[0], moved: into, surprise_before: 0.0 };
        let mut now = start;
        for (value, expected) in values.iter().zip(expected) {
            let agrees = (now.expected - expected).abs() <= AGREES * variance.sqrt();
            if !agrees {
                return None;
            }
            now = coefficients.after(now, value - now.expected);
        }
        Some(Self { coefficients, start, now, variance, missed: Missed::default() })
    }

    pub(super) fn expected(&self) -> f64 {
        self.now.expected
    }

    /// What is expected of a row as the level and the trend, which add up to it.
    pub(super) fn level_and_trend(&self) -> [f64; 2] {
        let State { expected, moved, surprise_before } = self.now;
        let Coefficients { moved: damping, surprise_before: before, .. } = self.coefficients;
        if damping == 0.0 {
            return [expected, 0.0];
        }
        // The last move is that of the level by the last surprise, a e, and the trend, of which damping times a is known.
        let trend = moved + before / damping * surprise_before;
        [expected - trend, trend]
    }

    /// Of the next value from what is expected; wider behind missing ones (section 6.1 of the same book).
    pub(super) fn deviation(&self) -> f64 {
        (self.variance * (1.0 + self.missed.variances)).sqrt()
    }

    pub(super) fn take(&mut self, value: Option<f64>) {
        let surprise = value.map_or(0.0, |value| value - self.now.expected);
        self.now = self.coefficients.after(self.now, surprise);
        match value {
            Some(_) => self.missed = Missed::default(),
            None => self.missed.one_more(self.coefficients),
        }
    }

    /// Before the first row that it was fitted to.
    pub(super) fn rewind(&mut self) {
        (self.now, self.missed) = (self.start, Missed::default());
    }
}

impl Missed {
    fn one_more(&mut self, coefficients: Coefficients) {
        self.rows = self.rows.saturating_add(1);
        self.moved = match self.rows {
            1 => coefficients.surprise,
            2 => coefficients.moved * self.moved + coefficients.surprise_before,
            _ => coefficients.moved * self.moved,
        };
        self.sum += self.moved;
        self.variances += self.sum * self.sum;
    }
}

/// Least squares of equations that hold exactly: the last number from the first three.
fn solve(equations: &[[f64; 4]], damping: Option<f64>, has_trend: bool) -> Option<Coefficients> {
    let unknown: &[usize] = match (damping, has_trend) {
        (None, _) => &[0, 1, 2],
        (Some(_), true) => &[1, 2],
        (Some(_), false) => &[1],
    };
    let known = damping.unwrap_or(0.0);
    let n = unknown.len();
    let mut matrix = [[0.0; 4]; 3];
    for equation in equations {
        let right = equation[3] - known * equation[0];
        for (row, own) in matrix.iter_mut().zip(unknown) {
            for (cell, other) in row.iter_mut().zip(unknown) {
                *cell += equation[*own] * equation[*other];
            }
            row[3] += equation[*own] * right;
        }
    }
    // Gauss and Jordan's way, by the largest pivot.
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        let by = matrix[column][column];
        if by == 0.0 || !by.is_finite() {
            return None;
        }
        let own = matrix[column];
        for (at, row) in matrix.iter_mut().enumerate().take(n) {
            if at != column {
                let times = row[column] / by;
                row.iter_mut().zip(&own).for_each(|(cell, own)| *cell -= times * own);
            }
        }
    }
    let mut found = [known, 0.0, 0.0];
    for (at, which) in unknown.iter().enumerate() {
        found[*which] = matrix[at][3] / matrix[at][at];
    }
    let [moved, surprise, surprise_before] = found;
    found.iter().all(|one| one.is_finite()).then_some(Coefficients { moved, surprise, surprise_before })
}

#[cfg(test)]
mod tests {
    use augurs_core::Predict;
    use augurs_ets::model::{ErrorComponent, Model, ModelType, SeasonalComponent, TrendComponent, Unfit};

    use super::*;
    use crate::draws::Draws;

    const TRENDS: [Trend; 3] = [Trend::None, Trend::Straight, Trend::Damped];

    fn series(key: u64, drift: f64) -> Vec<f64> {
        let mut draws = Draws::of(&[key]);
        let (mut level, mut slope) = (0.0, drift);
        (0..300)
            .map(|_| {
                slope += 0.02 * draws.bell();
                level += slope + 0.3 * draws.bell();
                level + draws.bell()
            })
            .collect()
    }

    fn fitted(values: &[f64], trend: Trend) -> Model {
        let of_model = if trend == Trend::None { TrendComponent::None } else { TrendComponent::Additive };
        let season = SeasonalComponent::None;
        let kind = ModelType { error: ErrorComponent::Additive, trend: of_model, season };
        Unfit::new(kind).damped(trend == Trend::Damped).fit(values).unwrap()
    }

    fn read(values: &[f64], model: &Model, trend: Trend) -> Recursion {
        let inside = model.predict_in_sample(None::<f64>).unwrap().point;
        let next = model.predict(1, None::<f64>).unwrap().point[0];
        Recursion::read(values, &inside, next, trend).unwrap()
    }

    /// What augurs says of rows ahead follows from the recursion, expectation and interval, for each kind of trend.
    #[test]
    fn it_goes_on_as_augurs_does() {
        for trend in TRENDS {
            let values = series(5, 0.2);
            let model = fitted(&values, trend);
            let mut recursion = read(&values, &model, trend);
            let ahead = model.predict(6, 0.9).unwrap();
            let intervals = ahead.intervals.unwrap();
            let wide = |at: usize| intervals.upper[at] - intervals.lower[at];
            let first = recursion.deviation();
            for at in 0..6 {
                // augurs damps a second step like the first, which its equations from row to row do not.
                if at == 0 || trend != Trend::Damped {
                    assert!((recursion.expected() - ahead.point[at]).abs() < 1e-6, "{trend:?} {at}");
                }
                let (ours, theirs) = (recursion.deviation() / first, wide(at) / wide(0));
                assert!((ours - theirs).abs() < 1e-6, "{trend:?} {at}: {ours} {theirs}");
                recursion.take(None);
            }
        }
    }

    #[test]
    fn from_the_start_it_says_the_same_again() {
        for trend in TRENDS {
            let values = series(9, 0.1);
            let model = fitted(&values, trend);
            let mut recursion = read(&values, &model, trend);
            recursion.rewind();
            for (value, expected) in values.iter().zip(model.predict_in_sample(None::<f64>).unwrap().point) {
                assert!((recursion.expected() - expected).abs() < 1e-5);
                recursion.take(Some(*value));
            }
        }
    }

    #[test]
    fn what_no_such_model_can_have_said_is_refused() {
        let values = series(7, 0.0);
        let expected: Vec<f64> = values.iter().map(|value| value.sin()).collect();
        assert!(Recursion::read(&values, &expected, 0.0, Trend::Damped).is_none());
        assert!(Recursion::read(&values[..8], &expected[..8], 0.0, Trend::None).is_none());
        assert!(Recursion::read(&values, &values, 0.0, Trend::None).is_none());
    }
}
