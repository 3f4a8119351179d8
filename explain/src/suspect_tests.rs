//! What each test says of one change: time, scope, what it carries, dose, and its words.

use hark_model::{Change, ChangeKind, Dose, Leaves, STEP_MINUTES, Shift, Slice, SuspectTests, Timestamp};

use crate::leaf_evidence::Evidence;
use crate::slices::is_inside;
use crate::verdict::words;

/// A change may seem to come this much after the onset that it brought.
const SLACK_MINUTES: f64 = 15.0;
/// With this chance the onset is estimated too early by some of that.
const SLACK_CHANCE: f64 = 0.1;
/// Places of the onset within its interval that are tried.
const ONSETS_MAX: i64 = 48;
/// The part of the onset's probability that lies anywhere in its interval; the rest falls off from the best estimate.
const ANYWHERE: f64 = 0.3;
/// Below so many deviations the exposed did not move more than the others.
const DOSE_MIN: f64 = 2.0;

/// The leaves, and what they say.
pub(crate) struct Scene<'a> {
    pub(crate) leaves: &'a Leaves,
    pub(crate) evidence: &'a [Evidence],
}

/// How well a change fits.
pub(crate) struct Fit {
    pub(crate) tests: SuspectTests,
    /// How likely the onset is in any one minute where the change is put.
    pub(crate) density_a_minute: f64,
    pub(crate) against: Vec<String>,
    when: String,
    scope: String,
}

impl Fit {
    pub(crate) fn sentence(&self) -> String {
        let dose = match self.tests.dose {
            Some(dose) if dose.deviations >= DOSE_MIN => {
                format!("; what it touches moved {:.0} deviations more than the rest", dose.deviations)
            }
            _ => String::new(),
        };
        format!("came {} and {}{dose}; consistent with it, not proven", self.when, self.scope)
    }
}

/// `None` for what is no suspect for anything.
pub(crate) fn fit(change: &Change, shift: &Shift, moved: &Slice, scene: Option<&Scene<'_>>) -> Option<Fit> {
    let half_life = half_life_minutes(change.kind)?;
    let lead_minutes = shift.onset.minutes_since(change.time);
    let density_a_minute = density(change.time, shift, half_life);
    let best = (1.0 - SLACK_CHANCE) * std::f64::consts::LN_2 / half_life;
    let overlap = scene.map_or_else(|| by_names(&change.slice, moved), |scene| by_traffic(scene, &change.slice, moved));
    let dose = scene.and_then(|scene| dose(scene, &change.slice));
    let carried = scene.map_or(overlap, |scene| carried(scene, &change.slice));
    let tests = SuspectTests {
        time: (density_a_minute / best).min(1.0),
        scope: overlap,
        carried,
        dose,
        text: words_in_common(&change.title, moved),
    };
    let when = match lead_minutes {
        0 => "at the onset".to_owned(),
        1.. => format!("{lead_minutes} min before the onset"),
        _ => format!("{} min after the estimated onset", -lead_minutes),
    };
    let mut against = Vec::new();
    if tests.time < 0.1 {
        against.push(format!("it came {when}, and what such a change does shows sooner"));
    }
    if tests.carried < 0.5 {
        against.push(format!("{:.0} % of what moved lies in what it touches", 100.0 * tests.carried));
    }
    if change.slice.is_total() && !moved.is_total() {
        against.push("it touches all traffic, and only a part of it moved".to_owned());
    }
    if dose.is_some_and(|dose| dose.deviations < DOSE_MIN) {
        against.push("what it touches did not move more than the rest".to_owned());
    }
    if overlap < 0.1 && against.is_empty() {
        against.push("it touches much more, or less, than what moved".to_owned());
    }
    let scope = scope(&change.slice, moved);
    let mut fit = Fit { tests, density_a_minute, against, when, scope };
    if fit.against.is_empty() && tests.time < 0.5 {
        fit.against.push(format!("it came {}, which is long for such a change", fit.when));
    }
    Some(fit)
}

/// How fast each kind shows: a configuration at once, a deploy as it rolls, a model or an experiment later. A holiday
/// changes who comes and is no suspect for anything else; an incident is what was brought, not what brought it.
fn half_life_minutes(kind: ChangeKind) -> Option<f64> {
    match kind {
        ChangeKind::Config => Some(20.0),
        ChangeKind::Deploy => Some(30.0),
        ChangeKind::Model | ChangeKind::Experiment => Some(45.0),
        ChangeKind::Holiday | ChangeKind::Incident => None,
    }
}

/// How likely an onset as uncertain as this one is in a minute, if the change brought it.
fn density(time: Timestamp, shift: &Shift, half_life: f64) -> f64 {
    let [earliest, latest] = shift.onset_interval;
    let (earliest, latest) = (earliest.min(shift.onset), latest.max(shift.onset));
    let span = latest.minutes_since(earliest);
    let step = (span / ONSETS_MAX / STEP_MINUTES + 1) * STEP_MINUTES;
    let width = (span as f64 / 4.0).max(STEP_MINUTES as f64);
    let (mut weights, mut sum) = (0.0, 0.0);
    for at in 0..=span / step {
        let onset = earliest.plus_minutes(at * step);
        let away = onset.minutes_since(shift.onset) as f64 / width;
        let weight = ANYWHERE + (1.0 - ANYWHERE) * (-away.abs()).exp();
        let lead = onset.minutes_since(time) as f64;
        weights += weight;
        sum += weight * after_change(lead, half_life);
    }
    sum / weights
}

fn after_change(lead: f64, half_life: f64) -> f64 {
    if lead < -SLACK_MINUTES {
        0.0
    } else if lead < 0.0 {
        SLACK_CHANCE / SLACK_MINUTES
    } else {
        (1.0 - SLACK_CHANCE) * std::f64::consts::LN_2 / half_life * (-lead / half_life).exp2()
    }
}

/// The requests that lie in both slices, of those that lie in either.
fn by_traffic(scene: &Scene<'_>, changed: &Slice, moved: &Slice) -> f64 {
    let (mut both, mut either) = (0.0, 0.0);
    for leaf in &scene.leaves.leaves {
        let is_in = [changed, moved].map(|slice| is_inside(scene.leaves, leaf, slice));
        let requests = leaf.after + leaf.before / scene.leaves.before_to_after.max(f64::MIN_POSITIVE);
        both += if is_in == [true, true] { requests } else { 0.0 };
        either += if is_in == [false, false] { 0.0 } else { requests };
    }
    if either > 0.0 { both / either } else { 0.0 }
}

/// The same where only the names of slices are known: each value named by one alone leaves a third.
fn by_names(changed: &Slice, moved: &Slice) -> f64 {
    if !changed.overlaps(moved) {
        return 0.0;
    }
    let alone = |one: &Slice, other: &Slice| one.iter().filter(|(name, _)| other.get(name).is_none()).count() as i32;
    3_f64.powi(-(alone(changed, moved) + alone(moved, changed)))
}

/// The part of all excess that lies in what a change touches.
fn carried(scene: &Scene<'_>, changed: &Slice) -> f64 {
    let (mut inside, mut all) = (0.0, 0.0);
    for (leaf, said) in scene.leaves.leaves.iter().zip(scene.evidence) {
        all += said.excess;
        inside += if is_inside(scene.leaves, leaf, changed) { said.excess } else { 0.0 };
    }
    if all > 0.0 { (inside / all).clamp(0.0, 1.0) } else { 0.0 }
}

/// The exposed against the others, each against its own days before. `None` where there are no others.
fn dose(scene: &Scene<'_>, changed: &Slice) -> Option<Dose> {
    const Z95: f64 = 1.96;
    let mut sums = [(0.0, 0.0, 0.0); 2];
    for (leaf, said) in scene.leaves.leaves.iter().zip(scene.evidence) {
        let (excess, variance, requests) = &mut sums[usize::from(is_inside(scene.leaves, leaf, changed))];
        *excess += said.excess;
        *variance += said.variance;
        *requests += leaf.after.max(said.expected);
    }
    let [others, exposed] = sums;
    if others.2 <= 0.0 || exposed.2 <= 0.0 {
        return None;
    }
    let difference = exposed.0 / exposed.2 - others.0 / others.2;
    let deviation = (exposed.1 / exposed.2.powi(2) + others.1 / others.2.powi(2)).sqrt();
    (deviation > 0.0).then(|| Dose {
        difference,
        interval: [difference - Z95 * deviation, difference + Z95 * deviation],
        deviations: difference / deviation,
    })
}

/// The part of the moved slice's values that a title names.
fn words_in_common(title: &str, moved: &Slice) -> f64 {
    if moved.is_total() {
        return 0.0;
    }
    let title = title.to_lowercase();
    let is_named = |value: &str| {
        let value = value.to_lowercase();
        title.match_indices(&value).any(|(at, _)| {
            let before = title[..at].chars().next_back();
            let after = title[at + value.len()..].chars().next();
            [before, after].iter().all(|next| next.is_none_or(|letter| !letter.is_alphanumeric()))
        })
    };
    moved.iter().filter(|(_, value)| is_named(value)).count() as f64 / moved.len() as f64
}

fn scope(changed: &Slice, moved: &Slice) -> String {
    if changed.is_total() {
        "touches all traffic".to_owned()
    } else if changed == moved {
        format!("touches exactly {}", words(moved))
    } else if changed.contains(moved) {
        format!("touches {}, and {} is part of that", words(changed), words(moved))
    } else if changed.overlaps(moved) {
        format!("touches {}, which shares traffic with {}", words(changed), words(moved))
    } else {
        format!("touches {}, which shares nothing with {}", words(changed), words(moved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_name_values_as_whole_words() {
        let slice: Slice = "os_version:26.1,platform:iOS".parse().unwrap();
        assert_eq!(words_in_common("iOS 26.1 offered to 5 %", &slice), 1.0);
        assert_eq!(words_in_common("visionOS 26.10", &slice), 0.0);
        assert_eq!(words_in_common("deploy of edge", &Slice::total()), 0.0);
    }

    #[test]
    fn an_onset_after_a_change_is_likelier_the_sooner_and_adds_up_to_one() {
        let sum: f64 = (-40..2000).map(|minute| after_change(f64::from(minute) + 0.5, 30.0)).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        assert!(after_change(5.0, 30.0) > after_change(60.0, 30.0));
        assert_eq!(after_change(-16.0, 30.0), 0.0);
    }
}
