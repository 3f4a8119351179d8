//! One statistic of one series: what it should be, how noisy it is, and the evidence that it moved.

use hark_model::{Cell, Direction, Point, STEP_MINUTES, Statistic, Step, Timestamp};
use serde::{Deserialize, Serialize};

use crate::creep::Creep;
use crate::dispersion::Dispersion;
use crate::evidence::{Evidence, log_one_plus};
use crate::gathered::FullHour;
use crate::recent::{Past, Recent};
use crate::season::Season;
use crate::tally::Tally;

/// Fewer requests in an hour say too little of its quantile.
const HOUR_COUNT_MIN: u64 = 20;
/// Half-life, in steps, of the calibration and of the band: three days.
const CALIBRATION_HALF_LIFE: f64 = 864.0;
/// Half of the calibration is of no fewer expected hits: three days of a thin series would leave it near the prior, and
/// an expectation that few requests an hour make too low would pass for a regression after some months.
const CALIBRATION_HITS: f64 = 100.0;
/// How far the calibration may pull a chance from what the expectation says.
const CALIBRATION_RANGE: (f64, f64) = (0.1, 10.0);
/// The calibration starts as if so many expected hits had been seen.
const CALIBRATION_PRIOR: f64 = 10.0;
/// No effect is taken for too small beyond this.
const MARGIN_MAX: f64 = 0.5;
/// How bad it is at present is read off the last hour.
const PRESENT_STEPS: usize = 12;
/// A new level is set from little: for three hours it is only learned.
const SETTLING_STEPS: u32 = 36;
/// How noisy a series is, and how biased its expectation, is known after half a day of judging it.
const SETTLED_STEPS: usize = 144;
/// Odds changed by less say nothing of a recovery.
const LOG_FACTOR_MIN: f64 = 0.14;
/// A band wider than from half to double says nothing; a step of three requests would draw one.
const LOG_BAND_MAX: f64 = std::f64::consts::LN_2;
/// The weeks that are remembered.
const WEEKS_BEFORE: i64 = 4;
/// Half of chi-square with one degree of freedom: steps whose likelihood is no lower than the best by more are within
/// the 95 % interval.
const LOG_LIKELIHOOD_DROP: f64 = 1.92;
/// Nothing is taken for certain, nor for impossible.
pub(crate) const CHANCE_MIN: f64 = 1e-6;
pub(crate) const CHANCE_MAX: f64 = 0.95;
/// The band holds 99 % of a normal series.
pub(crate) const BAND_DEVIATIONS: f64 = 2.58;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Track {
    pub(crate) statistic: Statistic,
    /// Half of the smallest effect that counts, as a share.
    margin: f32,
    season: Season,
    dispersion: Dispersion,
    pub(crate) evidence: Evidence,
    calibration: Calibration,
    /// Mean square of (value - expected) times the requests behind it, on the season's scale.
    spread: f64,
    recovery: Recovery,
    /// Steps during which a level that was just moved is not yet judged by.
    settling: u32,
    /// How far it had crept when that was told, on the season's scale; zero where it was not.
    crept: f32,
    /// To find the onset in and to measure the effect on.
    recent: Recent,
}

/// Hits seen over hits expected, so that the chance is right on average whatever the expectation's bias.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Calibration {
    seen: f32,
    expected: f32,
}

/// The way back from a regression.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Recovery {
    /// Logarithm of the worst factor by which the odds were changed, in the direction of the regression; of a noisy hour
    /// what is sure of it, or the worst of many would make half of it look like usual.
    worst: f32,
    /// Logarithm of the evidence that it is over.
    evidence: f32,
}

/// The most likely first step of a change, and the steps that are nearly as likely.
pub(crate) struct Onset {
    pub(crate) step: Step,
    pub(crate) earliest: Step,
    pub(crate) latest: Step,
}

impl Track {
    pub(crate) fn new(statistic: Statistic, min_effect: f64) -> Self {
        Self {
            statistic,
            margin: (min_effect / 2.0).min(MARGIN_MAX) as f32,
            season: if statistic == Statistic::Count { Season::weekly() } else { Season::daily() },
            dispersion: Dispersion::new(),
            evidence: Evidence::new(),
            calibration: Calibration { seen: CALIBRATION_PRIOR as f32, expected: CALIBRATION_PRIOR as f32 },
            spread: 0.0,
            recovery: Recovery::default(),
            settling: 0,
            crept: 0.0,
            recent: Recent::default(),
        }
    }

    /// Judges a step by what was known before it, and adds it to the evidence.
    pub(crate) fn judge(&mut self, step: Step, cell: &Cell, is_rest_day: bool) -> Point {
        let expected = self.expected(step, is_rest_day);
        let value = value(self.statistic, cell);
        let mut point = Point { step, value, count: cell.count(), expected, low: None, high: None };
        let Some(expected) = expected else { return point };
        let Some(tally) = self.tally(cell, expected, 1.0) else { return point };
        // Evidence is for a move that somebody wants to hear of: half the smallest such effect is no evidence yet.
        // Before a series knows its week, only a drastic move counts.
        let margin = if self.season.lacks_the_week() { MARGIN_MAX } else { f64::from(self.margin) };
        let up = self.tally(cell, expected, 1.0 + margin).unwrap_or(tally);
        let down = match tally {
            // Less than a request an hour is the half that keeps a logarithm finite: nobody is missing.
            Tally::Count { mean, .. } if expected < 1.0 / 60.0 => Tally::Count { count: mean, mean },
            _ => self.tally(cell, expected, 1.0 - margin).unwrap_or(tally),
        };
        if self.settling > 0 {
            self.settling -= 1;
        } else {
            self.evidence.add(up, down, self.power());
        }
        let band = self.band(cell, expected);
        (point.low, point.high) = (Some(band.0), Some(band.1));
        let weight = if matches!(cell, Cell::Count(_)) { 1.0 } else { cell.count() as f64 };
        self.recent.push(Past { step, tally, expected, weight });
        point
    }

    /// Learns from a step that is not part of a regression; `value` is that of its point.
    pub(crate) fn learn(&mut self, step: Step, value: Option<f64>) {
        let decay = (-1.0 / CALIBRATION_HALF_LIFE).exp2();
        if let Some(past) = self.recent.of(step) {
            self.dispersion.learn(past.tally.z());
            let (seen, expected) = past.tally.observed_and_expected();
            self.calibration.learn(seen, expected / self.calibration.factor());
            if let Some(value) = value.and_then(|value| self.to_scale(value)) {
                let residual = value - self.to_scale(past.expected).unwrap_or(value);
                let square = residual * residual * past.weight;
                let gain = if self.spread > 0.0 { 1.0 - decay } else { 1.0 };
                /// A wild step widens the band no more than one nine times as far out as usual would.
                const WILD: f64 = 9.0;
                let square = if self.spread > 0.0 { square.min(WILD * self.spread) } else { square };
                self.spread += gain * (square - self.spread);
            }
        }
    }

    /// Once a day it is looked whether the level creeps. Traffic does so with the time of year, and that of a version with the
    /// next one: it is only followed.
    pub(crate) fn learn_hour(&mut self, hour: &FullHour, is_rest_day: bool) -> Option<Creep> {
        let value = self.hourly_value(&hour.cell)?;
        let is_due = self.season.learn(hour.start, value, is_rest_day);
        if is_due && self.statistic != Statistic::Count { self.season.creep() } else { None }
    }

    /// What it should be is from now on what it was before it crept.
    pub(crate) fn undo(&mut self, creep: &Creep) {
        self.season.undo(creep);
        self.crept = creep.moved as f32;
        (self.evidence, self.recent) = (Evidence::new(), Recent::default());
    }

    /// Whether it is told to have crept.
    pub(crate) fn has_crept(&self) -> bool {
        self.crept != 0.0
    }

    /// It was all right to creep that far.
    pub(crate) fn accept(&mut self) {
        self.season.rebase(f64::from(std::mem::take(&mut self.crept)));
        (self.evidence, self.recent) = (Evidence::new(), Recent::default());
    }

    /// It is over that it had crept.
    pub(crate) fn forget_creep(&mut self) {
        self.crept = 0.0;
    }

    /// A value as it would be, had it not moved by so much on the season's scale.
    pub(crate) fn without(&self, value: f64, moved: f64) -> Option<f64> {
        self.to_scale(value).map(|scaled| self.off_scale(scaled - moved))
    }

    pub(crate) fn forget_since(&mut self, onset: Timestamp) {
        self.season.forget_since(onset);
    }

    /// What it has beyond its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.season.heap_bytes() + self.recent.heap_bytes()
    }

    /// Takes the steps since `onset` for the new normal, though nobody may be told of it.
    pub(crate) fn rebase_since(&mut self, onset: Step, after: f64, is_untold: bool) {
        const HOUR_MS: i64 = 3_600_000;
        let before = self.expected_over(onset, Step(i64::MAX));
        if let (Some(before), Some(after)) = (before.and_then(|v| self.to_scale(v)), self.to_scale(after)) {
            if is_untold {
                self.season.rebase_untold(after - before, onset.start().millis().div_euclid(HOUR_MS));
            } else {
                self.season.rebase(after - before);
            }
            self.settling = SETTLING_STEPS;
        }
        self.evidence = Evidence::new();
    }

    /// One over the dispersion: evidence is raised to this power.
    pub(crate) fn power(&self) -> f64 {
        1.0 / self.dispersion.factor()
    }

    pub(crate) fn dispersion(&self) -> f64 {
        self.dispersion.factor()
    }

    /// Where a change by `factor` began: the start of the run of steps that speaks loudest for it, with the other
    /// starts whose likelihood is within the 95 % interval. None lies before `earliest`, when another change ended.
    pub(crate) fn onset(&self, factor: f64, earliest: Step) -> Option<Onset> {
        let power = self.power();
        let mut sum = 0.0;
        let mut sums = Vec::new();
        for past in self.recent.iter().rev().take_while(|past| past.step >= earliest) {
            sum += power * past.tally.evidence_for(factor);
            sums.push((past.step, sum));
        }
        let (step, best) = sums.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let near = || sums.iter().filter(|(_, sum)| *sum >= best - LOG_LIKELIHOOD_DROP).map(|(step, _)| *step);
        Some(Onset { step, earliest: near().min().unwrap_or(step), latest: near().max().unwrap_or(step) })
    }

    /// The last step so far of a regression that is open since `onset`: the end of the run of steps that speaks loudest
    /// for its being at least half of what it was. It is `now` unless the steps since then surely speak against it.
    pub(crate) fn bad_until(&self, onset: Step, now: Step) -> Step {
        let worst = f64::from(self.recovery.worst);
        if worst.abs() < LOG_FACTOR_MIN {
            return now;
        }
        let half = (worst / 2.0).exp();
        let power = self.power();
        // The sum from the end of an entry on: how loudly the rest says that it is over.
        let (mut rest, mut after) = (0.0, now.next());
        let mut end = (-LOG_LIKELIHOOD_DROP, now);
        for past in self.recent.iter().rev().take_while(|past| past.step >= onset) {
            if rest < end.0 {
                end = (rest, Step(after.0 - 1));
            }
            rest += power * past.tally.evidence_for(half);
            after = past.step;
        }
        end.1
    }

    /// What came of the steps since `onset`, as far as they are known.
    pub(crate) fn since(&self, onset: Step) -> impl Iterator<Item = Past> {
        self.recent.iter().filter(move |past| past.step >= onset)
    }

    /// The expectation over the steps from `onset` to `step`, weighted by requests.
    pub(crate) fn expected_over(&self, onset: Step, step: Step) -> Option<f64> {
        let since = self.recent.iter().filter(|past| past.step >= onset && past.step <= step);
        let (sum, weight) =
            since.fold((0.0, 0.0), |(sum, weight), past| (sum + past.expected * past.weight, weight + past.weight));
        (weight > 0.0).then(|| sum / weight)
    }

    /// Whether the steps from `from` until `onset` speak against even half of what the steps since then say: odds of twenty
    /// to one.
    pub(crate) fn began_after(&self, from: Step, onset: Step) -> bool {
        const LOG_AGAINST: f64 = 3.0;
        let tallies = |is_since: bool| {
            let of = move |past: &Past| past.step >= from.min(onset) && (past.step >= onset) == is_since;
            self.recent.iter().filter(of).map(|past| past.tally)
        };
        let half = (log_factor(tallies(true)).0 / 2.0).exp();
        let power = self.power();
        tallies(false).map(|tally| power * tally.evidence_for(half)).sum::<f64>() <= -LOG_AGAINST
    }

    /// How many times as many requests (or what is counted) as expected came since `onset`.
    pub(crate) fn times_expected(&self, onset: Step) -> f64 {
        let since = self.recent.iter().filter(|past| past.step >= onset);
        let (seen, expected) = since
            .map(|past| past.tally.observed_and_expected())
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if expected > 0.0 { seen / expected } else { 1.0 }
    }

    /// A regression has been found: from now on the way back is looked for.
    pub(crate) fn begin_recovery(&mut self, onset: Step) {
        let since = self.recent.iter().filter(|past| past.step >= onset).map(|past| past.tally);
        self.recovery =
            Recovery { worst: sure(log_factor(since), self.dispersion()) as f32, evidence: f32::NEG_INFINITY };
    }

    /// The evidence so far that this statistic is as expected again rather than still half as bad (on the scale of
    /// logarithms); `None` where it took no part in the regression, which the one that `leads` always did.
    pub(crate) fn log_recovered(&mut self, step: Step, direction: Direction, leads: bool) -> Option<f64> {
        let present = log_factor(self.recent.iter().rev().take(PRESENT_STEPS).map(|past| past.tally));
        let present = sure(present, self.dispersion());
        let power = self.power();
        let tally = self.recent.of(step).map(|past| past.tally);
        let Recovery { worst, evidence } = &mut self.recovery;
        *worst = match direction {
            Direction::Up => worst.max(present as f32),
            Direction::Down => worst.min(present as f32),
        };
        let so_bad = f64::from(*worst);
        if so_bad.abs() < LOG_FACTOR_MIN && !leads {
            return None;
        }
        if let Some(tally) = tally {
            let against = power * tally.evidence_for((so_bad / 2.0).exp());
            *evidence = (log_one_plus(f64::from(*evidence)) - against) as f32;
        }
        Some(f64::from(*evidence))
    }

    /// Evidence and the way back are forgotten; what was learned stays.
    pub(crate) fn rest(&mut self) {
        self.evidence = Evidence::new();
        self.recovery = Recovery::default();
        self.settling = 0;
    }

    /// Whether so few requests since `onset` are no news: in at least a third of the weeks before there were as few at
    /// these hours, and more are expected because of the others.
    pub(crate) fn is_echo(&self, onset: Step, step: Step, min_effect: f64, cell_of: &impl Fn(Step) -> Cell) -> bool {
        if self.statistic != Statistic::Count || self.season.lacks_the_week() {
            return false;
        }
        let mut known = 0;
        let mut ordinary = 0;
        for weeks in 1..=WEEKS_BEFORE {
            let (mut seen, mut usual, mut steps) = (0.0, 0.0, 0);
            for step in (onset.0..=step.0).map(Step) {
                if let Some(before) = self.season.weeks_before(step.start(), weeks) {
                    usual += self.off_scale(before);
                    seen += value(self.statistic, &cell_of(step)).unwrap_or(0.0);
                    steps += 1;
                }
            }
            if steps * 2 > step.0 - onset.0 {
                known += 1;
                ordinary += i32::from(seen >= (1.0 - min_effect) * usual);
            }
        }
        known >= 2 && 3 * ordinary >= known
    }

    /// Whether it is still learning what there is to know, or setting a level by which nothing is judged yet.
    pub(crate) fn is_settling(&self) -> bool {
        self.settling > 0 || self.season.lacks_the_week() || self.recent.span() < SETTLED_STEPS
    }

    /// How many times the chance that the expectation alone gives it takes to be right on average.
    pub(crate) fn calibration(&self) -> f64 {
        self.calibration.factor()
    }

    pub(crate) fn expected(&self, step: Step, is_rest_day: bool) -> Option<f64> {
        // A holiday's traffic follows no week.
        if self.statistic == Statistic::Count && is_rest_day && !step.start().is_weekend() {
            return None;
        }
        let middle = step.start().plus_minutes(STEP_MINUTES / 2);
        self.season.expect(middle, is_rest_day).map(|scaled| self.off_scale(scaled))
    }

    /// The step against its expectation, or against `margin` times it.
    fn tally(&self, cell: &Cell, expected: f64, margin: f64) -> Option<Tally> {
        let factor = self.calibration.factor();
        match (cell, self.statistic) {
            (Cell::Latency(sketch), Statistic::Quantile(_)) if sketch.count() > 0 => {
                let chance = (factor * (1.0 - self.statistic.quantile()?)).min(CHANCE_MAX);
                let hits = sketch.count_above(expected * margin);
                Some(Tally::Share { hits, count: sketch.count() as f64, chance })
            }
            (Cell::Ratio { count, hits }, _) if *count > 0 => {
                let chance = (factor * expected * margin).clamp(CHANCE_MIN, CHANCE_MAX);
                Some(Tally::Share { hits: *hits as f64, count: *count as f64, chance })
            }
            (Cell::Count(count), _) => {
                let mean = (factor * expected * margin * STEP_MINUTES as f64).max(1e-3);
                Some(Tally::Count { count: *count as f64, mean })
            }
            (cell, _) => {
                let value = value(self.statistic, cell)?;
                let deviation = (self.spread / cell.count() as f64).sqrt();
                let distance = self.to_scale(value)? - self.to_scale(expected * margin)?;
                let z = if deviation > 0.0 { distance / deviation } else { 0.0 };
                Some(Tally::Distance { z, steps: 1.0 })
            }
        }
    }

    pub(crate) fn band(&self, cell: &Cell, expected: f64) -> (f64, f64) {
        let noise = self.dispersion.factor();
        match cell {
            Cell::Ratio { count, .. } => {
                let chance = (self.calibration.factor() * expected).min(1.0);
                let half = BAND_DEVIATIONS * (chance * (1.0 - chance) * noise / *count as f64).sqrt();
                ((chance - half).max(0.0), (chance + half).min(1.0))
            }
            Cell::Count(_) => {
                let minutes = STEP_MINUTES as f64;
                let mean = self.calibration.factor() * expected * minutes;
                let half = BAND_DEVIATIONS * (mean * noise).sqrt();
                ((mean - half).max(0.0) / minutes, (mean + half) / minutes)
            }
            _ => {
                let half = (BAND_DEVIATIONS * (self.spread / cell.count() as f64).sqrt()).min(LOG_BAND_MAX);
                let center = self.to_scale(expected).unwrap_or(0.0);
                (self.off_scale(center - half), self.off_scale(center + half))
            }
        }
    }

    fn hourly_value(&self, cell: &Cell) -> Option<f64> {
        match cell {
            Cell::Ratio { count, hits } if *count >= HOUR_COUNT_MIN => {
                // Half a hit more keeps the logarithm finite; the calibration removes the bias.
                self.to_scale((*hits as f64 + 0.5) / (*count as f64 + 1.0))
            }
            Cell::Count(count) => self.to_scale((*count as f64 + 0.5) / 60.0),
            Cell::Ratio { .. } => None,
            cell if cell.count() >= HOUR_COUNT_MIN => self.to_scale(cell.value(self.statistic)?),
            _ => None,
        }
    }

    /// Effects on latencies, rates and counts multiply, so they add as logarithms; a gauge may be negative.
    fn to_scale(&self, value: f64) -> Option<f64> {
        match self.statistic {
            Statistic::Mean | Statistic::Score => Some(value),
            _ => (value > 0.0).then(|| value.ln()),
        }
    }

    fn off_scale(&self, scaled: f64) -> f64 {
        match self.statistic {
            Statistic::Mean | Statistic::Score => scaled,
            _ => scaled.exp(),
        }
    }
}

/// The end of an estimate's interval, of one deviation, that is nearer to nothing.
fn sure((log, variance): (f64, f64), dispersion: f64) -> f64 {
    log.signum() * (log.abs() - (variance * dispersion).sqrt()).max(0.0)
}

/// Logarithm of the factor by which the odds (or the mean) were changed over several steps, 0 where nothing is known, and
/// its variance by the counts alone.
fn log_factor(tallies: impl Iterator<Item = Tally>) -> (f64, f64) {
    /// Half a request keeps the logarithm finite.
    const HALF: f64 = 0.5;
    let (mut seen, mut expected, mut rest, mut rest_expected) = (HALF, HALF, HALF, HALF);
    let mut distance = (0.0, 0.0);
    for tally in tallies {
        match tally {
            Tally::Share { hits, count, chance } => {
                seen += hits;
                expected += count * chance;
                rest += count - hits;
                rest_expected += count * (1.0 - chance);
            }
            Tally::Count { count, mean } => {
                seen += count;
                expected += mean;
            }
            Tally::Distance { z, steps } => distance = (distance.0 + z, distance.1 + steps),
        }
    }
    if distance.1 > 0.0 {
        // A deviation is taken for a factor of two.
        return (distance.0 / distance.1 * std::f64::consts::LN_2, std::f64::consts::LN_2.powi(2) / distance.1);
    }
    // Of a count there is no rest, and where all of a share are hits none that was seen.
    let of_rest = if rest > HALF { 1.0 / rest } else { 0.0 };
    ((seen / expected * (rest_expected / rest)).ln(), 1.0 / seen + of_rest)
}

/// A count is shown as requests a minute, whatever the length of the step.
pub fn value(statistic: Statistic, cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Count(count) => Some(*count as f64 / STEP_MINUTES as f64),
        cell => cell.value(statistic),
    }
}

impl Calibration {
    fn learn(&mut self, seen: f64, expected: f64) {
        let half_lives = (1.0 / CALIBRATION_HALF_LIFE).min(expected / CALIBRATION_HITS);
        let decay = (-half_lives).exp2();
        self.seen = (f64::from(self.seen) * decay + seen) as f32;
        self.expected = (f64::from(self.expected) * decay + expected) as f32;
    }

    fn factor(self) -> f64 {
        let (low, high) = CALIBRATION_RANGE;
        ((f64::from(self.seen) + CALIBRATION_PRIOR) / (f64::from(self.expected) + CALIBRATION_PRIOR)).clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calibration after so many steps that are each expected to have a part of a hit, and have a multiple of it.
    fn after(steps: usize, expected: f64, times: f64, mut calibration: Calibration) -> Calibration {
        (0..steps).for_each(|_| calibration.learn(times * expected, expected));
        calibration
    }

    const FRESH: Calibration = Calibration { seen: CALIBRATION_PRIOR as f32, expected: CALIBRATION_PRIOR as f32 };

    #[test]
    fn a_thin_series_is_judged_by_its_own_chance_and_not_by_the_prior() {
        // Of one and a half requests a step one in a hundred is expected beyond the 99th percentile, and three and a half
        // times as many come: of hours of twenty requests that percentile is read too low. Held short of that, evidence of a
        // regression grows until it is enough, though nothing changes.
        let thin = after(60 * 288, 0.015, 3.5, FRESH);
        assert!((0.93..1.0).contains(&(thin.factor() / 3.5)), "{}", thin.factor());
    }

    #[test]
    fn a_dense_series_follows_within_days() {
        let settled = after(14 * 288, 5.0, 1.0, FRESH);
        let moved = after(6 * 288, 5.0, 2.0, settled);
        assert!((1.7..1.8).contains(&moved.factor()), "{}", moved.factor());
    }
}
