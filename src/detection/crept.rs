//! Whether what crept is how requests fare, or only which of them come: a slice has to be the same part of all requests
//! for weeks, and the slices of one more dimension, each against itself, are weighed as they were before.

use std::collections::BTreeMap;

use hark_alerting::{Dropped, Moved, Reason, Stage};
use hark_detectors::list::SLOW_DRIFT;
use hark_ingest::{Fold, SliceIndex};
use hark_model::{DetectorEvidence, Finding, STEP_MINUTES, Slice, Step};
use hark_query::Plan;

use super::{Detection, total_of};

const WEEK_STEPS: i64 = 7 * 24 * 60 / STEP_MINUTES;
/// Slices that hold less of the requests say nothing of the rest.
const KNOWN_MIN: f64 = 0.8;
/// With less of the move left it is one of who comes, as in the search of requests.
const RATE_PART_MIN: f64 = 0.5;
/// A slice whose part of all requests was once so many times another week's is not made of the same requests any more: a
/// version's are first those of the eager, then of most, then of who never updates.
const SHARES_APART_MAX: f64 = 1.5;

/// What a series was over a week: requests, and the mean logarithm of its values.
#[derive(Debug, Clone, Copy)]
struct Week {
    requests: f64,
    log: f64,
}

/// The week before a creep began, and the newest.
type Weeks = [Week; 2];

impl Detection {
    /// A finding of a level that crept is told, joins what crept along, or is dropped and taken for normal.
    pub(super) fn take_creep(
        &mut self,
        plan: &Plan,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        step: Step,
    ) {
        let by_mix = || self.crept_by_mix(fold, metric, index, finding, step).map(|reason| (Stage::Rate, reason));
        let Some((stage, reason)) =
            self.other_people(fold, metric, index).map(|why| (Stage::Like, why)).or_else(by_mix)
        else {
            if let Some(alert) = self.book.join_crept(finding) {
                self.changed.push(alert.id.clone());
                return;
            }
            let reason = "it crept over weeks, and requests are kept slice by slice for some days only";
            let changes = self.changes_until(step.end());
            let answer = hark_explain::unsearched(changes, &finding.shift, &finding.slice, reason, Vec::new());
            self.tell(plan, fold, metric, index, finding, answer.explanation, step);
            return;
        };
        let Finding { at, metric: name, slice, .. } = finding.clone();
        self.book.funnel.drop(Dropped {
            at,
            metric: name,
            slice,
            stage,
            reason,
            moved: Some(Moved::of(&finding.shift)),
        });
        self.watches[metric][index.0].watch.dismiss(step, |step| fold.cells(metric).step_cell(index, step));
    }

    /// Who sends the requests of a slice that grows or shrinks among all is not who did.
    fn other_people(&self, fold: &Fold, metric: usize, index: SliceIndex) -> Option<Reason> {
        let total = total_of(fold, metric).filter(|total| *total != index.0)?;
        let [own, all] = [index.0, total].map(|at| self.watches[metric].get(at).map(|watched| watched.traffic));
        let [least, most] = own?.shares(&all?)?;
        (most > SHARES_APART_MAX * least).then_some(Reason::Others { least, most })
    }

    /// Why a creep is none of how requests fare; `None` where it is, or where that cannot be told.
    fn crept_by_mix(
        &self,
        fold: &Fold,
        metric: usize,
        index: SliceIndex,
        finding: &Finding,
        step: Step,
    ) -> Option<Reason> {
        let from = [Step(finding.shift.onset.step().0 - WEEK_STEPS), Step(step.0 + 1 - WEEK_STEPS)];
        let weeks = |index: SliceIndex| -> Option<Weeks> {
            let [before, after] = from.map(|from| self.week(metric, index, finding, from));
            Some([before?, after?])
        };
        let within = |slice: &Slice| slice.len() == finding.slice.len() + 1 && finding.slice.contains(slice);
        let slices = fold.cells(metric).slices().filter(|(_, slice)| within(slice));
        let children = slices.filter_map(|(child, slice)| {
            let (added, _) = slice.iter().find(|(name, _)| finding.slice.get(name).is_none())?;
            Some((added.to_owned(), weeks(child)?))
        });
        mix_part(weeks(index)?, children).map(|part| Reason::Mix { part })
    }

    fn week(&self, metric: usize, index: SliceIndex, finding: &Finding, from: Step) -> Option<Week> {
        let watched = self.watches[metric].get(index.0)?;
        let statistic = watched.watch.statistics().position(|one| one == finding.shift.statistic)?;
        let points = self.series.range(*watched.series.get(statistic)?, from, Step(from.0 + WEEK_STEPS));
        let known =
            points.iter().filter_map(|point| Some((point.value.filter(|value| *value > 0.0)?, point.count as f64)));
        let (requests, sum) = known.fold((0.0, 0.0), |sum, (value, count)| (sum.0 + count, sum.1 + count * value.ln()));
        (requests > 0.0).then(|| Week { requests, log: sum / requests })
    }
}

/// Whether it was a level that crept which was found.
pub(super) fn has_crept(detectors: &[DetectorEvidence]) -> bool {
    detectors.iter().any(|word| word.name == SLOW_DRIFT.name)
}

/// The part of a move that is one of who comes, where it is more than half: by the dimension that leaves least of it.
fn mix_part(whole: Weeks, children: impl Iterator<Item = (String, Weeks)>) -> Option<f64> {
    let mut by_dimension: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (name, [before, after]) in children {
        let (known, moved) = by_dimension.entry(name).or_default();
        *known += before.requests;
        *moved += before.requests * (after.log - before.log);
    }
    let [before, after] = whole;
    let enough = by_dimension.values().filter(|(known, _)| *known >= KNOWN_MIN * before.requests);
    let left = enough.map(|(known, moved)| moved / known / (after.log - before.log)).fold(f64::INFINITY, f64::min);
    (left < RATE_PART_MIN).then_some(1.0 - left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weeks(requests: [f64; 2], ms: [f64; 2]) -> Weeks {
        [0, 1].map(|at| Week { requests: requests[at], log: ms[at].ln() })
    }

    fn part(whole: Weeks, children: &[(&str, Weeks)]) -> Option<f64> {
        mix_part(whole, children.iter().map(|(name, weeks)| ((*name).to_owned(), *weeks)))
    }

    #[test]
    fn slow_phones_that_become_more_are_who_comes() {
        let whole = weeks([1000.0, 1000.0], [120.0, 150.0]);
        let phones = [weeks([800.0, 500.0], [100.0, 100.0]), weeks([200.0, 500.0], [200.0, 200.0])];
        let of = |phones: &[Weeks]| phones.iter().map(|one| ("device", *one)).collect::<Vec<_>>();
        assert_eq!(part(whole, &of(&phones)), Some(1.0));
        // Seen by locale it looks like how they fare; the dimension that explains it counts.
        let locale = ("locale", weeks([1000.0, 1000.0], [120.0, 150.0]));
        assert_eq!(part(whole, &[of(&phones), vec![locale]].concat()), Some(1.0));
        let slower = [weeks([800.0, 800.0], [100.0, 125.0]), weeks([200.0, 200.0], [200.0, 250.0])];
        assert_eq!(part(whole, &of(&slower)), None);
        assert_eq!(part(whole, &of(&phones[..1])), Some(1.0), "four fifths are enough");
        assert_eq!(part(whole, &of(&phones[1..])), None, "a fifth is not");
        assert_eq!(part(whole, &[]), None);
    }
}
