//! The score: how rare it is that the newest rows are so unlike all rows before them, told once.

use std::collections::VecDeque;

use super::neighbours::{Distances, KEPT, Neighbours};
use crate::breakdown::{Breakdown, Sum, Term};

/// Fewer distances say nothing of how rare one is.
const DISTANCES_MIN: usize = 20;
/// So many of all distances are usual ones: where most rows have come before to the last digit, the median is zero.
const USUAL: f64 = 0.9;
/// What was told fades by half in a fifth of the rows so far, within these bounds.
const TOLD_SHARE: f64 = 0.2;
const TOLD_ROWS_MIN: f64 = 200.0;
const TOLD_ROWS_MAX: f64 = 800.0;
/// Only what is twice as rare as what was told is news.
const NEWS_DECADES: f64 = 0.3;
/// What forecast and evidence say counts by so much of its decades, and up to so many: it decides among rows that are
/// as new.
const P_VALUE_SHARE: f64 = 0.1;
const P_VALUE_DECADES: f64 = 6.0;
/// Rows of a run that are told one by one.
const TERMS_MAX: usize = 12;

#[derive(Debug, Clone)]
pub(super) struct Novelty {
    period_rows: Option<usize>,
    neighbours: Neighbours,
    value: Rarity,
    run: Rarity,
    run_of_day: Rarity,
    rows: f64,
    /// The most that a row has said, fading.
    told: f64,
}

/// Where a distance stands among those before it.
#[derive(Debug, Clone, Default)]
struct Rarity {
    in_order: VecDeque<f32>,
    sorted: Vec<f32>,
}

impl Novelty {
    pub(super) fn new(period_rows: Option<usize>) -> Self {
        Self {
            period_rows,
            neighbours: Neighbours::new(period_rows),
            value: Rarity::default(),
            run: Rarity::default(),
            run_of_day: Rarity::default(),
            rows: 0.0,
            told: 0.0,
        }
    }

    /// Decimal logarithms of rarity; zero where a row says no more than others did of late.
    pub(super) fn score(&mut self, time_ms: i64, value: f64, p_value: f64) -> f64 {
        let distances = self.neighbours.observe(time_ms, value);
        self.score_of(distances, p_value)
    }

    /// The score by novelty alone, and how many times further than usual the run that ends with the row is from what it
    /// is most like, at any time or at this time of day. Distances of single values have so heavy a tail, even of normal
    /// noise, that no alarm can be had from them.
    pub(super) fn score_and_strangeness(&mut self, time_ms: i64, value: f64) -> (f64, Option<f64>) {
        let distances = self.neighbours.observe(time_ms, value);
        let known = [(&self.run, distances.run), (&self.run_of_day, distances.run_of_day)];
        let all = known.into_iter().filter_map(|(rarity, distance)| rarity.times_usual(distance?));
        let strangeness = all.fold(None, |most: Option<f64>, one| Some(most.map_or(one, |most| most.max(one))));
        (self.score_of(distances, 1.0), strangeness)
    }

    /// What the strangeness of this row would be made of: rows of the run that ends with it, against the run that counts.
    pub(super) fn breakdown(&self, time_ms: i64, value: f64) -> Option<Breakdown> {
        let mut neighbours = self.neighbours.clone();
        let Distances { run, run_of_day, .. } = neighbours.observe(time_ms, value);
        let known = [
            (&self.run, run, neighbours.run_lag(), "the third most alike run"),
            (&self.run_of_day, run_of_day, neighbours.run_of_day_lag(), "the most alike run at this time of day"),
        ];
        let all = known.into_iter().filter_map(|(rarity, distance, lag, what)| {
            Some((rarity.times_usual(distance?)?, f64::from(distance?), lag?, what))
        });
        let (times, distance, lag, what) = all.reduce(|most, one| if one.0 > most.0 { one } else { most })?;
        let by = if times > 0.0 { distance / (times * times) } else { 1.0 };
        let term = |(back, (weight, square)): (usize, (f64, f64))| Term {
            values_back: Some(back),
            ..Term::product("value", weight / by, square)
        };
        let mut terms: Vec<Term> = neighbours.parts(lag).into_iter().enumerate().map(term).collect();
        terms.sort_by(|a, b| b.amount.total_cmp(&a.amount));
        let rest: f64 = terms.split_off(TERMS_MAX.min(terms.len())).iter().map(|term| term.amount).sum();
        terms.push(Term::new(format!("all other rows, to {what}, {lag} rows before"), rest));
        Some(Breakdown { forecast: None, sums: vec![Sum::of_terms("squared distance in usual ones", terms)] })
    }

    fn score_of(&mut self, distances: Distances, p_value: f64) -> f64 {
        let Distances { value, run, run_of_day } = distances;
        let new = [self.value.of(value), self.run.of(run), self.run_of_day.of(run_of_day)];
        let unlikely = (-p_value.log10()).clamp(0.0, P_VALUE_DECADES);
        self.news(new.into_iter().fold(0.0, f64::max) + P_VALUE_SHARE * unlikely)
    }

    /// The same rows will come again: they are no copies of themselves. How rare which distance is stays known.
    pub(super) fn rewind(&mut self) {
        self.neighbours = Neighbours::new(self.period_rows);
        (self.rows, self.told) = (0.0, 0.0);
    }

    fn news(&mut self, says: f64) -> f64 {
        self.rows += 1.0;
        self.told *= (-1.0 / (TOLD_SHARE * self.rows).clamp(TOLD_ROWS_MIN, TOLD_ROWS_MAX)).exp2();
        let news = if says > self.told + NEWS_DECADES { says } else { 0.0 };
        self.told = self.told.max(says);
        news
    }
}

impl Rarity {
    /// Decimal logarithm of how many distances there are for one as great as this, which is added to them.
    fn of(&mut self, distance: Option<f32>) -> f64 {
        let Some(distance) = distance else { return 0.0 };
        let (known, at) = (self.sorted.len(), self.place(distance));
        match if known == KEPT { self.in_order.pop_front() } else { None } {
            None => self.sorted.insert(at, distance),
            Some(oldest) => self.replace(self.place(oldest), at, distance),
        }
        self.in_order.push_back(distance);
        if known < DISTANCES_MIN { 0.0 } else { ((known + 1) as f64 / (known - at + 1) as f64).log10() }
    }

    /// How many times the usual distance this one is; `None` while too few are known.
    fn times_usual(&self, distance: f32) -> Option<f64> {
        if self.sorted.len() < DISTANCES_MIN {
            return None;
        }
        let usual = self.sorted[(USUAL * self.sorted.len() as f64) as usize];
        let most = self.sorted[self.sorted.len() - 1];
        let by = if usual > 0.0 { usual } else { most };
        // Distances are squared.
        Some(if by > 0.0 { (f64::from(distance) / f64::from(by)).sqrt() } else { f64::from(distance).sqrt() })
    }

    fn place(&self, distance: f32) -> usize {
        self.sorted.partition_point(|known| *known < distance)
    }

    /// Moves no more than what lies between.
    fn replace(&mut self, old: usize, new: usize, distance: f32) {
        if old < new {
            self.sorted.copy_within(old + 1..new, old);
            self.sorted[new - 1] = distance;
        } else {
            self.sorted.copy_within(new..old, new + 1);
            self.sorted[new] = distance;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract()
    }

    fn observe(novelty: &mut Novelty, rows: std::ops::Range<usize>, value: impl Fn(usize) -> f64) -> Vec<f64> {
        rows.map(|at| novelty.score(at as i64 * HOUR_MS, value(at), 1.0)).collect()
    }

    fn scores(rows: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
        observe(&mut Novelty::new(None), 0..rows, value)
    }

    #[test]
    fn a_burst_is_told_once_and_the_same_again_is_no_news() {
        let burst = |at: usize| if (900..930).contains(&at) || (1_600..1_630).contains(&at) { 3.0 } else { 0.0 };
        let scores = scores(1_700, |at| noise(at) + burst(at) * (1.0 + 0.01 * noise(at)));
        assert!(scores[900] > 2.7, "{}", scores[900]);
        assert!(scores[901..930].iter().all(|score| *score == 0.0));
        assert!(scores[1_600..1_630].iter().all(|score| *score < scores[900] - 0.3), "{:?}", &scores[1_600..1_630]);
    }

    #[test]
    fn usual_values_in_an_unusual_order_are_news() {
        // Each of these values has come a thousand times.
        let wave = |at: usize| (at % 12) as f64;
        let scores = scores(2_400, |at| if (2_000..2_030).contains(&at) { 5.0 } else { wave(at) });
        assert!(scores[1_000..2_000].iter().all(|score| *score == 0.0));
        assert!(
            scores[2_000] > 3.0 && scores[2_001..2_030].iter().all(|score| *score == 0.0),
            "{:?}",
            &scores[2_000..]
        );
    }

    #[test]
    fn a_p_value_decides_among_rows_that_are_as_new() {
        let last = |p_value: f64| {
            let mut novelty = Novelty::new(None);
            observe(&mut novelty, 0..500, noise);
            novelty.score(500 * HOUR_MS, 9.0, p_value)
        };
        assert!((last(1e-3) - last(1.0) - 0.3).abs() < 1e-9);
        assert!((last(0.0) - last(1.0) - 0.6).abs() < 1e-9);
    }

    #[test]
    fn rows_of_a_run_add_up_to_how_strange_it_is() {
        for season in [0.0, 4.0] {
            let mut novelty = Novelty::new(None);
            let mut checked = 0;
            for at in 0..1_500 {
                let spike = if at % 400 == 399 { 6.0 } else { 0.0 };
                let value = noise(at) + spike + season * (at as f64 / 24.0 * std::f64::consts::TAU).sin();
                let time_ms = at as i64 * HOUR_MS;
                let broken = novelty.breakdown(time_ms, value);
                let (_, strangeness) = novelty.score_and_strangeness(time_ms, value);
                assert_eq!(broken.is_some(), strangeness.is_some(), "{at}");
                let (Some(broken), Some(strangeness)) = (broken, strangeness) else { continue };
                let sum = &broken.sums[0];
                let terms: f64 = sum.terms.iter().map(|term| term.amount).sum();
                assert!((terms - sum.total).abs() <= 1e-12 * sum.total, "{at}: {sum:?}");
                // Distances are carried along in single precision.
                assert!((sum.total.sqrt() - strangeness).abs() <= 1e-4 * strangeness, "{at}: {strangeness} {sum:?}");
                if spike > 0.0 {
                    assert_eq!(sum.terms[0].values_back, Some(0), "{at}: {sum:?}");
                }
                checked += 1;
            }
            assert!(checked > 1_000, "{checked}");
        }
    }

    #[test]
    fn rows_that_come_again_are_no_copies_of_themselves() {
        let value = |at: usize| if at == 700 { 5.0 } else { noise(at) };
        let mut novelty = Novelty::new(None);
        let first = observe(&mut novelty, 0..1_000, value);
        novelty.rewind();
        assert_eq!(novelty.clone().neighbours.observe(0, value(0)), Distances::default());
        let again = observe(&mut novelty, 0..1_000, value);
        assert!(first[700] > 2.0 && again[700] > 2.0, "{} {}", first[700], again[700]);
    }

    #[test]
    fn rarity_counts_the_newest_distances() {
        let mut rarity = Rarity::default();
        let distances: Vec<f32> = (0..3 * KEPT).map(|at| noise(at) as f32).collect();
        let found: Vec<f64> = distances.iter().map(|distance| rarity.of(Some(*distance))).collect();
        let mut kept = distances[2 * KEPT..].to_vec();
        kept.sort_by(f32::total_cmp);
        assert_eq!(rarity.sorted, kept);
        let last = 3 * KEPT - 1;
        let beyond = distances[last - KEPT..last].iter().filter(|known| **known >= distances[last]).count();
        assert!((found[last] - ((KEPT + 1) as f64 / (beyond + 1) as f64).log10()).abs() < 1e-9);
        assert_eq!(rarity.of(None), 0.0);
    }
}
