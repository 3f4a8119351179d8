//! Random operations, compared step by step with a model written the plain way.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hark_model::{Alert, AlertStatus, Feedback, Timestamp, Verdict};

use super::{CaseResult, alert, all_pages, at, feedback, id, names};
use crate::{AlertQuery, Store, StoreError, Whose};

const STEPS: usize = 400;
/// Few, so that operations meet.
const ALERTS: u64 = 6;
/// Each is told of an alert for one reason alone.
const WORDS: [&str; 4] = ["ADA", "Team", "resolved", "acknowledged ada"];

pub async fn random_operations_agree_with_a_model(store: &dyn Store) -> CaseResult {
    let mut dice = Dice(20_260_501);
    let mut model = Model::default();
    for step in 0..STEPS {
        let name = format!("a{}", dice.below(ALERTS));
        let now = at(dice.below(50) as i64);
        match dice.below(10) {
            0..=3 => {
                let saved = random_alert(&mut dice, &name);
                model.save(&saved);
                store.save_alert(&saved).await?;
            }
            4 => assert_eq!(store.acknowledge(&id(&name), "ada", now).await?, model.acknowledge(&name), "step {step}"),
            5 => assert_eq!(store.resolve(&id(&name), "ada", now).await?, model.resolve(&name, now), "step {step}"),
            6 => {
                let given = feedback(Verdict::True, &dice.below(3).to_string());
                let shown = store.add_feedback(&id(&name), &given, now).await?;
                assert_eq!(shown, model.add_feedback(&name, given), "step {step}");
            }
            7 => assert_eq!(store.alert(&id(&name)).await?, model.shown(&name), "step {step}"),
            _ => compare_lists(store, &model, &mut dice, step).await?,
        }
    }
    for n in 0..ALERTS {
        let name = format!("a{n}");
        let acts = model.alerts.get(&name).map_or(0, |entry| entry.acts);
        assert_eq!(store.audit(&name).await?.len(), acts, "acts on {name}");
    }
    Ok(())
}

async fn compare_lists(store: &dyn Store, model: &Model, dice: &mut Dice, step: usize) -> Result<(), StoreError> {
    let query = AlertQuery {
        status: dice.maybe().then(|| AlertStatus::ALL[dice.below(4) as usize]),
        metric: dice.maybe().then(|| format!("metric {}", dice.below(2))),
        from: dice.maybe().then(|| at(dice.below(4) as i64)),
        to: dice.maybe().then(|| at(dice.below(4) as i64)),
        limit: Some(1 + dice.below(4) as usize),
        whose: match dice.below(4) {
            0 => Some(Whose::Owner(format!("team {}", dice.below(2)))),
            1 => Some(Whose::Assignee("ada".to_owned())),
            _ => None,
        },
        words: dice.maybe().then(|| WORDS[dice.below(4) as usize].to_owned()),
        looked_through_max: Some(1 + dice.below(6) as usize),
        cursor: None,
    };
    let (found, expected) = (all_pages(store, &query).await?, model.list(&query));
    assert_eq!(names(&found), names(&expected), "step {step}: {query:?}");
    assert_eq!(found, expected, "step {step}: {query:?}");
    Ok(())
}

fn random_alert(dice: &mut Dice, name: &str) -> Alert {
    let status = AlertStatus::ALL[dice.below(4) as usize];
    let resolved_at = (status == AlertStatus::Resolved).then(|| at(dice.below(50) as i64));
    let metric = format!("metric {}", dice.below(2));
    let owner = dice.maybe().then(|| format!("team {}", dice.below(2)));
    Alert { status, resolved_at, metric, owner, ..alert(name, at(dice.below(4) as i64)) }
}

/// The rule in other words than the store's.
#[derive(Default)]
struct Model {
    alerts: BTreeMap<String, Entry>,
}

struct Entry {
    saved: Alert,
    acknowledged: bool,
    resolved_at: Option<Timestamp>,
    feedback: Vec<Feedback>,
    /// Those that changed something.
    acts: usize,
}

impl Model {
    fn save(&mut self, alert: &Alert) {
        let fresh =
            || Entry { saved: alert.clone(), acknowledged: false, resolved_at: None, feedback: Vec::new(), acts: 0 };
        self.alerts.entry(alert.id.0.clone()).or_insert_with(fresh).saved = alert.clone();
    }

    fn acknowledge(&mut self, name: &str) -> Option<Alert> {
        let entry = self.alerts.get_mut(name)?;
        entry.acts += usize::from(!entry.acknowledged);
        entry.acknowledged = true;
        self.shown(name)
    }

    fn resolve(&mut self, name: &str, now: Timestamp) -> Option<Alert> {
        let entry = self.alerts.get_mut(name)?;
        entry.acts += usize::from(entry.resolved_at.is_none());
        entry.resolved_at.get_or_insert(now);
        self.shown(name)
    }

    fn add_feedback(&mut self, name: &str, given: Feedback) -> Option<Alert> {
        let entry = self.alerts.get_mut(name)?;
        if entry.feedback.last() != Some(&given) {
            entry.feedback.push(given);
            entry.acts += 1;
        }
        self.shown(name)
    }

    fn shown(&self, name: &str) -> Option<Alert> {
        let entry = self.alerts.get(name)?;
        let assignee = entry.acknowledged.then(|| "ada".to_owned());
        let mut alert = Alert { assignee, feedback: entry.feedback.clone(), ..entry.saved.clone() };
        if let Some(by_person) = entry.resolved_at {
            alert.resolved_at = Some(alert.resolved_at.map_or(by_person, |by_pipeline| by_pipeline.min(by_person)));
            alert.status = AlertStatus::Resolved;
        }
        if matches!(alert.status, AlertStatus::Firing | AlertStatus::Acknowledged) {
            alert.status = if entry.acknowledged { AlertStatus::Acknowledged } else { AlertStatus::Firing };
        }
        Some(alert)
    }

    fn list(&self, query: &AlertQuery) -> Vec<Alert> {
        let mut found: Vec<Alert> = self.alerts.keys().filter_map(|name| self.shown(name)).collect();
        found.retain(|alert| {
            query.status.is_none_or(|status| alert.status == status)
                && query.metric.as_ref().is_none_or(|metric| alert.metric == *metric)
                && query.whose.as_ref().is_none_or(|whose| match whose {
                    Whose::Owner(team) => alert.owner.as_ref() == Some(team),
                    Whose::Assignee(person) => alert.assignee.as_ref() == Some(person),
                })
                && query.words.iter().flat_map(|words| words.split(' ')).all(|word| match word {
                    "Team" => alert.owner.is_some(),
                    "ADA" | "ada" => alert.assignee.is_some(),
                    status => alert.status.name() == status,
                })
                && query.from.is_none_or(|from| alert.opened_at >= from)
                && query.to.is_none_or(|to| alert.opened_at < to)
        });
        found.sort_by_key(|alert| Reverse(alert.opened_at));
        found
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough chance for a test, from a seed, without a crate.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn maybe(&mut self) -> bool {
        self.below(2) == 0
    }
}
