//! What an explanation comes to, in one word and one sentence; and when it is better to say nothing.

use hark_model::{Cause, DeletionCheck, MixShare, Slice, Statistic, WhyVerdict};

use crate::account::explained;
use crate::split::Split;

/// Named slices that carry less than this part of the effect do not explain it, where the rest of it would still be an alert.
const EXPLAINED_MIN: f64 = 0.5;
/// Nor do those that carry less than this, where a little more or less decides whether there is an alert at all.
const EXPLAINED_EVER_MIN: f64 = 0.1;
/// Those that carry so much of it explain it, whatever else does.
const EXPLAINED_NEARLY: f64 = 0.9;
/// From this part on a move is one of who came.
pub(crate) const MIX_MIN: f64 = 0.5;

pub(crate) struct Facts<'a> {
    pub(crate) causes: &'a [Cause],
    pub(crate) deletion: Option<&'a DeletionCheck>,
    pub(crate) mix_share: Option<&'a MixShare>,
    pub(crate) split: Option<&'a Split>,
    pub(crate) tested: usize,
    pub(crate) statistic: Statistic,
    pub(crate) unit: &'a str,
    /// The statistic before and after.
    pub(crate) compared: [f64; 2],
}

/// Verdict, confidence and reason.
pub(crate) fn verdict(facts: &Facts<'_>) -> (WhyVerdict, f64, String) {
    let Facts { causes, deletion, mix_share, split, tested, .. } = facts;
    let mix_of_statistic = mix_share.map_or(0.0, |mix| mix.share);
    let mix_part = mix_of_statistic.min(split.map_or(1.0, Split::mix_part));
    let is_everywhere = causes.first().is_some_and(|cause| cause.slice.is_total());
    let is_told = !causes.is_empty() && !is_everywhere;
    let told = deletion.filter(|_| is_told).map(|deletion| (deletion, explained(deletion)));
    let names = || causes.iter().map(|cause| words(&cause.slice)).collect::<Vec<_>>().join("; ");
    // Where who came explains most of it, slices have to explain more.
    let is_enough = |deletion: &DeletionCheck, confidence: f64| {
        let least = if deletion.would_fire { EXPLAINED_MIN } else { EXPLAINED_EVER_MIN };
        let beside = if mix_of_statistic < MIX_MIN { 0.0 } else { mix_of_statistic.min(EXPLAINED_NEARLY) };
        confidence >= least.max(beside)
    };
    match told {
        Some((deletion, confidence)) if is_enough(deletion, confidence) => {
            (WhyVerdict::Slices, confidence, facts.sentence(&names(), deletion, confidence))
        }
        // All that came in greater numbers wanders beyond chance, too, and is not what moved it.
        _ if mix_part >= MIX_MIN => {
            let part = percent(mix_of_statistic);
            let reason =
                format!("{part} of the move is a change of who came: the same kinds of requests fare as before");
            (WhyVerdict::MixOnly, 0.0, reason)
        }
        _ if is_everywhere => {
            let reason = format!("all parts of the traffic moved alike: none of {tested} slices tells it apart");
            (WhyVerdict::Everywhere, 0.0, reason)
        }
        Some((_, confidence)) => {
            let (names, part) = (names(), percent(confidence));
            let reason = if mix_of_statistic < MIX_MIN {
                format!("{names} stands out, but explains only {part} of the move")
            } else {
                let mix = percent(mix_of_statistic);
                format!("{names} stands out and explains {part} of the move, but a change of who came explains {mix}")
            };
            (WhyVerdict::Unsure, confidence, reason)
        }
        None => (WhyVerdict::Unsure, 0.0, format!("{tested} slices were tried, and none stands out from chance")),
    }
}

impl Facts<'_> {
    fn sentence(&self, names: &str, deletion: &DeletionCheck, confidence: f64) -> String {
        let [before, after] = self.compared;
        let left = if deletion.effect == 0.0 { 1.0 } else { deletion.effect_without / deletion.effect };
        let without = before + left * (after - before);
        let [without, after] = [without, after].map(|value| self.value(value));
        let alert = if deletion.would_fire { "there would still be an alert" } else { "there would be no alert" };
        let (statistic, part) = (self.statistic, percent(confidence));
        format!(
            "{names} explains {part}: without its change {statistic} would be {without} and not {after}, and {alert}"
        )
    }

    fn value(&self, value: f64) -> String {
        match self.statistic {
            Statistic::Rate => format!("{:.2} %", 100.0 * value),
            _ if value.abs() >= 100.0 => format!("{value:.0} {}", self.unit),
            _ => format!("{value:.2} {}", self.unit),
        }
    }
}

fn percent(part: f64) -> String {
    format!("{:.0} %", 100.0 * part)
}

/// `platform iOS and locale de_DE`; "all traffic" for the total.
pub(crate) fn words(slice: &Slice) -> String {
    if slice.is_total() {
        return "all traffic".to_owned();
    }
    slice.iter().map(|(dimension, value)| format!("{dimension} {value}")).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a slice that explains so much of a move of which so much is who came.
    fn told(explained: f64, mix: f64) -> (WhyVerdict, String) {
        let causes = [Cause { slice: "feature:search".parse().unwrap(), ..Cause::default() }];
        let deletion = DeletionCheck {
            effect: 0.2,
            effect_without: 0.2 * (1.0 - explained),
            effect_asked: 0.1,
            deviations: 9.0,
            deviations_without: 0.0,
            deviations_asked: 4.0,
            would_fire: false,
        };
        let facts = Facts {
            causes: &causes,
            deletion: Some(&deletion),
            mix_share: Some(&MixShare { share: mix, interval: [0.0, 1.0] }),
            split: Some(&Split { within: 0.02, mix_shift: 0.0, deviations: 5.0 }),
            tested: 100,
            statistic: Statistic::Quantile(500),
            unit: "ms",
            compared: [500.0, 600.0],
        };
        let (verdict, _, reason) = verdict(&facts);
        (verdict, reason)
    }

    #[test]
    fn a_slice_has_to_explain_more_than_who_came() {
        assert_eq!(told(0.6, 0.4).0, WhyVerdict::Slices);
        assert_eq!(told(0.8, 0.7).0, WhyVerdict::Slices);
        assert_eq!(told(0.93, 0.95).0, WhyVerdict::Slices, "nearly all is enough");
        let unsure = |reason: &str| (WhyVerdict::Unsure, reason.to_owned());
        let both = "feature search stands out and explains 60 % of the move, but a change of who came explains 70 %";
        assert_eq!(told(0.6, 0.7), unsure(both));
        assert_eq!(told(0.05, 0.4), unsure("feature search stands out, but explains only 5 % of the move"));
    }
}
