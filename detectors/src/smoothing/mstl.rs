//! `mstl`: seasons taken off by repeated smoothing (Bandara, Hyndman & Bergmeir, "MSTL", 2021), and exponential smoothing
//! of what is left.

use augurs_core::Fit;
use augurs_mstl::MSTLModel;

use super::ets::Ets;
use super::watch::{Smoothing, detector};
use crate::list::{Entry, Family, Judges, Unmoved};

pub const MSTL: Entry = Entry {
    name: "mstl",
    looks_for: "values far from the forecast of seasons of any shape and exponential smoothing of what they leave",
    family: Family::Forecast,
    unmoved_by: Unmoved { shift: false, scale: true },
    judges: Judges::Series(detector::<Mstl>),
};

/// A season is taken off once it has come so often.
const PERIODS_MIN: usize = 3;
const PERIOD_ROWS_MIN: usize = 2;

#[derive(Debug)]
pub(super) struct Mstl {
    seasons: Vec<Season>,
    rest: Ets,
    /// Of the next row, from the first row of the series on.
    position: usize,
}

/// The newest one that was seen.
#[derive(Debug)]
struct Season {
    values: Vec<f64>,
    /// Of the row that the first value is of, or one of whole periods away.
    phase: usize,
}

impl Smoothing for Mstl {
    const KNOWS_SEASONS: bool = true;

    fn fit(values: &[f64], periods_rows: &[usize], position: usize) -> Option<Self> {
        let has_come = |period: &usize| *period >= PERIOD_ROWS_MIN && values.len() >= PERIODS_MIN * period;
        let periods: Vec<usize> = periods_rows.iter().copied().filter(has_come).collect();
        if periods.is_empty() {
            return Some(Self { seasons: Vec::new(), rest: Ets::fit(values, &[], position)?, position });
        }
        let fitted = MSTLModel::naive(periods.clone()).fit(values).ok()?;
        // augurs works in single precision, so that what is left is taken from the values themselves.
        let mut left = values.to_vec();
        for season in fitted.fit().seasonal() {
            left.iter_mut().zip(season).for_each(|(left, season)| *left -= f64::from(*season));
        }
        let newest = |(season, period): (&Vec<f32>, &usize)| Season {
            values: season[season.len().saturating_sub(*period)..].iter().map(|value| f64::from(*value)).collect(),
            phase: position % period,
        };
        let seasons: Vec<Season> = fitted.fit().seasonal().iter().zip(&periods).map(newest).collect();
        let is_sound = seasons.iter().flat_map(|season| &season.values).all(|value| value.is_finite());
        let rest = Ets::fit(&left, &[], position).filter(|_| is_sound)?;
        Some(Self { seasons, rest, position })
    }

    fn expected(&self) -> f64 {
        self.season() + self.rest.expected()
    }

    fn deviation(&self) -> f64 {
        self.rest.deviation()
    }

    fn take(&mut self, value: Option<f64>) {
        let season = self.season();
        self.rest.take(value.map(|value| value - season));
        self.position += 1;
    }

    fn rewind(&mut self) {
        self.position = 0;
        self.rest.rewind();
    }
}

impl Mstl {
    fn season(&self) -> f64 {
        self.seasons.iter().map(|season| season.at(self.position)).sum()
    }
}

impl Season {
    fn at(&self, position: usize) -> f64 {
        let period = self.values.len();
        self.values[(position % period + period - self.phase) % period]
    }
}
