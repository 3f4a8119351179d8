//! What the self-test has found, in words and in the shapes of the API.

use hark_dashboard::{AlarmAudit, SelfTestReport, SelfTestState, SelfTestVerdict, Sensitivity, Trials};
use hark_ingest::Fold;
use hark_model::{Better, Metric, Step};
use hark_query::Plan;

use super::health::{Fault, Health, NORMALS_KEPT, Recent, poisson_interval};
use super::ladder::{self, Ladder};
use super::{DOWN_MAX, Ladders, STEPS_PER_DAY, STEPS_PER_HOUR, SelfTest};

/// So many times the budget can hardly all be true, and nobody would read them.
const FLOOD_TIMES: f64 = 20.0;
const STEPS_PER_WEEK: f64 = (7 * STEPS_PER_DAY) as f64;
/// Rows of the report; the rest have less traffic.
const SENSITIVITIES_MAX: usize = 1000;

impl SelfTest {
    pub fn verdict(&self, plan: &Plan, budget_per_week: f64) -> SelfTestVerdict {
        let (state, sentence) = self.judge(plan, budget_per_week);
        SelfTestVerdict { state, sentence }
    }

    pub fn report(&self, plan: &Plan, fold: &Fold, budget_per_week: f64) -> SelfTestReport {
        let audit = self.alarms(budget_per_week);
        let traffic = |&(metric, slice): &super::Key| self.metrics[metric].traffic.get(slice.0).copied().unwrap_or(0);
        let mut tried: Vec<_> = self.ladders.iter().collect();
        tried.sort_by_key(|(key, _)| (std::cmp::Reverse(traffic(key)), **key));
        tried.truncate(SENSITIVITIES_MAX);
        tried.sort_by_key(|(key, _)| (key.0, std::cmp::Reverse(traffic(key)), key.1));
        let row = |(key, ladders): (&super::Key, &Ladders)| {
            let slice = fold.cells(key.0).slice(key.1).clone();
            sensitivity(&plan.metrics[key.0].metric, slice, ladders)
        };
        SelfTestReport {
            verdict: self.verdict(plan, budget_per_week),
            tested_at: self.span.map(|(_, last)| last.end()),
            strong: trials(&self.pooled.strong),
            improvements: trials(&self.pooled.improvements),
            followed: trials(&self.pooled.followed),
            unchanged: trials(&self.pooled.normals),
            alarms: audit,
            sensitivities: tried.into_iter().map(row).collect(),
        }
    }

    fn judge(&self, plan: &Plan, budget_per_week: f64) -> (SelfTestState, String) {
        if !self.is_on {
            return (SelfTestState::Off, "the self-test is turned off".to_owned());
        }
        if let Some(fault) = self.pooled.fault(self.false_alarms_expected()) {
            return (state(fault), fault_sentence(fault, &self.pooled, ""));
        }
        for (metric, of_metric) in plan.metrics.iter().zip(&self.metrics) {
            let name = &metric.metric.name;
            if let Some(fault) = of_metric.health.fault_of_metric(self.false_alarms_expected()) {
                return (state(fault), fault_sentence(fault, &of_metric.health, &format!(" in {name}")));
            }
            if of_metric.is_unlearned {
                let sentence =
                    format!("{name} has had four days of traffic and still expects nothing, so nothing can alarm");
                return (SelfTestState::Blind, sentence);
            }
        }
        let audit = self.alarms(budget_per_week);
        if audit.per_week[0] > FLOOD_TIMES * budget_per_week && audit.opened as f64 > FLOOD_TIMES {
            let sentence = format!(
                "{} alerts in {:.1} weeks, where {budget_per_week} false one a week is allowed",
                audit.opened, audit.weeks
            );
            return (SelfTestState::Crying, sentence);
        }
        self.no_fault()
    }

    fn no_fault(&self) -> (SelfTestState, String) {
        let strong = &self.pooled.strong;
        if strong.tried() > 0 {
            let sentence = format!(
                "of the last {} strong regressions put into copies of real series {} raised an alarm, and {} of {} copies \
                 without a change",
                strong.tried(),
                strong.good(),
                self.pooled.normals.tried() - self.pooled.normals.good(),
                self.pooled.normals.tried()
            );
            return (SelfTestState::Working, sentence);
        }
        if self.ladders.values().any(|tried| tried.steps.has_caught() || tried.drifts.has_caught()) {
            return (SelfTestState::Working, "regressions put into copies of real series raised alarms".to_owned());
        }
        let days = self.span.map_or(0, |(first, last): (Step, Step)| (last.0 - first.0) / STEPS_PER_DAY);
        let sentence = if days < 5 {
            "series are judged from their third day on; until then nothing can be tested"
        } else {
            "there is too little traffic to tell: no regression put into a copy was evident"
        };
        (SelfTestState::Learning, sentence.to_owned())
    }

    /// Of the unchanged copies that are remembered, by the budget: each step of a series may be one with the chance
    /// one in the evidence that is asked for.
    fn false_alarms_expected(&self) -> f64 {
        NORMALS_KEPT as f64 * STEPS_PER_HOUR as f64 * (-self.log_threshold).exp()
    }

    fn alarms(&self, budget_per_week: f64) -> AlarmAudit {
        let steps = self.span.map_or(0, |(first, last)| (last.0 - first.0 + 1).min(super::AUDIT_STEPS));
        // A few days say little of a week; less than one is told as one.
        let weeks = (steps as f64 / STEPS_PER_WEEK).max(1.0);
        let opened = self.alerts.len() as u64;
        let per_week = poisson_interval(opened).map(|mean| mean / weeks);
        AlarmAudit { opened, weeks, per_week, budget_per_week }
    }
}

fn trials(recent: &Recent) -> Trials {
    Trials { tried: recent.tried() as u64, good: recent.good() as u64 }
}

fn state(fault: Fault) -> SelfTestState {
    match fault {
        Fault::Blind => SelfTestState::Blind,
        Fault::Crying => SelfTestState::Crying,
        Fault::Backwards => SelfTestState::Backwards,
        Fault::Stale => SelfTestState::Stale,
    }
}

fn fault_sentence(fault: Fault, health: &Health, of: &str) -> String {
    let counted = |recent: &Recent| (recent.tried() - recent.good(), recent.tried());
    match fault {
        Fault::Blind => {
            let (bad, tried) = counted(&health.strong);
            format!("{bad} of the last {tried} strong regressions put into copies of real series{of} raised no alarm")
        }
        Fault::Crying => {
            let (bad, tried) = counted(&health.normals);
            format!("{bad} of the last {tried} copies without any change{of} raised an alarm")
        }
        Fault::Backwards => {
            let (bad, tried) = counted(&health.improvements);
            format!("{bad} of the last {tried} improvements put into copies of real series{of} raised an alarm")
        }
        Fault::Stale => {
            let (bad, tried) = counted(&health.followed);
            format!("in {bad} of the last {tried} trials{of} the expectation did not follow a lasting improvement")
        }
    }
}

fn sensitivity(metric: &Metric, slice: hark_model::Slice, tried: &Ladders) -> Sensitivity {
    let of = |ladder: &Ladder| {
        let smallest = ladder.smallest()?;
        let size = ladder::sizes(&metric.kind)[smallest.rung];
        let percent = match metric.better {
            Better::Lower => 100.0 * size,
            Better::Higher => -100.0 * size.min(DOWN_MAX),
        };
        Some((percent.round(), smallest.within_minutes))
    };
    let (step, drift) = (of(&tried.steps), of(&tried.drifts));
    let say = |found: (f64, u32)| format!("{:+} % within {}", found.0, duration(found.1));
    let sentence = match (step, drift) {
        (Some(step), Some(drift)) => format!("would catch {}, a drift of {}", say(step), say(drift)),
        (Some(step), None) => format!("would catch {}", say(step)),
        (None, Some(drift)) => format!("would catch a drift of {}", say(drift)),
        (None, None) => "nothing that was tried was caught within 6 h".to_owned(),
    };
    Sensitivity {
        metric: metric.name.clone(),
        slice,
        sentence,
        smallest_caught_percent: step.map(|found| found.0),
        within_minutes: step.map(|found| found.1),
        smallest_drift_caught_percent: drift.map(|found| found.0),
        drift_within_minutes: drift.map(|found| found.1),
        trials: tried.steps.tries + tried.drifts.tries,
    }
}

fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!([35, 120, 125].map(duration), ["35 min", "2 h", "2 h 5 min"]);
    }
}
