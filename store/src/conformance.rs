//! What every engine has to do, as cases that each take a fresh, empty store.
//!
//! [`conformance_cases!`](crate::conformance_cases) hands the names of all cases to a macro of the engine's own, which
//! makes a test of each: one list, the same for every engine.

mod alerts;
mod changes;
mod definitions;
mod imported_models;
mod incidents;
mod listing;
mod models;
mod people;
mod random;
mod reopen;
mod search;
mod silences;

use hark_model::{
    Alert, AlertId, AlertStatus, Attribution, Cause, DetectorEvidence, Direction, Effect, ErrorSignature, Evidence,
    Feedback, FindingKind, FrozenChart, Joined, LeftOut, Mix, Severity, Similar, Slice, Stage, Statistic, Suspect,
    Timestamp, Verdict, Why, WhyVerdict,
};

use crate::{AlertQuery, Store, StoreError};

pub use alerts::*;
pub use changes::*;
pub use definitions::*;
pub use imported_models::*;
pub use incidents::*;
pub use listing::*;
pub use models::*;
pub use people::*;
pub use random::*;
pub use reopen::{leave_something, something_is_left};
pub use search::*;
pub use silences::*;

/// A case passes, or panics, or meets an error that it did not ask for.
pub type CaseResult = Result<(), StoreError>;

/// Calls `$with!` with the names of all cases, separated by commas; each is an
/// `async fn(&dyn Store) -> CaseResult` in [`conformance`](crate::conformance).
#[macro_export]
macro_rules! conformance_cases {
    ($with:ident) => {
        $with! {
            an_alert_reads_back_as_saved,
            unknown_ids_give_none,
            saving_again_replaces_what_the_pipeline_owns,
            a_batch_is_saved_whole_or_not_at_all,
            of_two_alerts_with_one_id_the_later_counts,
            odd_text_comes_back,
            odd_numbers_come_back,
            what_cannot_be_stored_is_refused,
            paging_over_equal_times_gives_each_alert_once,
            pages_follow_time_then_id,
            alerts_of_one_incident_are_read_together,
            an_incident_of_very_many_alerts_is_told_whole,
            an_incident_as_long_as_is_read_is_read_whole,
            alerts_are_filtered,
            lists_of_a_team_and_of_a_person,
            time_bounds_are_from_inclusive_to_exclusive,
            senseless_queries_are_refused,
            words_are_looked_for_in_what_is_told,
            odd_words_are_letters_like_others,
            words_follow_what_people_did,
            a_search_stops_and_goes_on,
            senseless_words_are_refused,
            an_acknowledgement_survives_saving_again,
            a_resolve_survives_saving_again,
            feedback_survives_saving_again,
            the_last_assignment_counts,
            silenced_goes_before_acknowledged,
            of_two_resolves_the_earlier_counts,
            lists_follow_what_people_did,
            repeated_acts_change_nothing,
            acts_are_audited_in_order,
            acts_on_unknown_alerts_leave_no_trace,
            senseless_acts_are_refused,
            feedback_is_bounded,
            of_many_acknowledgements_at_once_one_counts,
            saves_and_acts_at_once_lose_nothing,
            a_change_saved_twice_is_one,
            changes_are_read_in_order_and_within_bounds,
            odd_changes_come_back,
            definitions_are_kept_version_by_version,
            what_was_removed_is_remembered,
            senseless_definitions_are_refused,
            definitions_saved_at_once_get_a_number_each,
            the_newest_acts_come_first,
            a_version_stands_where_it_last_stood,
            of_many_versions_the_newest_are_read,
            senseless_models_are_refused_whole,
            what_is_ordered_of_models_is_audited,
            imported_models_are_kept_version_by_version,
            a_removed_model_is_gone_and_its_number_is_never_given_again,
            models_imported_at_once_get_a_number_each,
            a_checksum_is_imported_as_long_as_any_version_has_it,
            senseless_imports_are_refused,
            silences_are_kept_until_they_end,
            a_silence_is_ended_by_another_end,
            senseless_silences_are_refused,
            the_store_answers_a_ping,
            random_operations_agree_with_a_model,
        }
    };
}

const PAGES_MAX: usize = 300;

/// 2026-05-01T12:00:00Z and some minutes.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_777_636_800_000).plus_minutes(minutes)
}

fn id(text: &str) -> AlertId {
    AlertId(text.to_owned())
}

/// A firing alert with something in every field.
fn alert(name: &str, opened_at: Timestamp) -> Alert {
    let slice = Slice::total().with("cluster", "us-east-2").with("locale", "de_DE");
    Alert {
        id: id(name),
        kind: FindingKind::NoData,
        metric: "response_time".to_owned(),
        statistic: Statistic::P95,
        direction: Direction::Up,
        status: AlertStatus::Firing,
        severity: Severity::Warning,
        slice: slice.clone(),
        incident_id: format!("incident of {name}"),
        owner: Some("voice-latency".to_owned()),
        assignee: None,
        opened_at,
        onset: opened_at.plus_minutes(-5),
        onset_interval: [opened_at.plus_minutes(-10), opened_at],
        resolved_at: None,
        effect: Effect {
            before: 812.0,
            after: 934.0,
            delta: 122.0,
            relative: 0.150_246_305_418_719_2,
            interval: [101.0, 143.0],
            unit: "ms".to_owned(),
            requests: 18_211,
            users: None,
        },
        evidence: evidence(opened_at),
        causes: vec![Cause {
            slice: slice.clone(),
            share: 0.83,
            delta: 410.0,
            requests: 6_120,
            share_interval: Some([0.71, 0.94]),
            ..Cause::default()
        }],
        mix: Some(Mix { within: 118.0, mix_shift: 4.0 }),
        folded_into: None,
        stages: vec![Stage { stage: "asr_ms".to_owned(), delta: 101.0, share: 0.83, ..Stage::default() }],
        errors: vec![ErrorSignature {
            signature: "ASR_TIMEOUT after <*> ms".to_owned(),
            before: 3,
            after: 512,
            share: 0.9,
            ..ErrorSignature::default()
        }],
        label: None,
        similar: vec![Similar {
            alert_id: AlertId("al_before".to_owned()),
            score: 0.77,
            why: vec!["up".to_owned()],
            opened_at: Some(opened_at.plus_minutes(-9000)),
            metric: Some("response_time".to_owned()),
            slice: Some(Slice::total()),
            verdict: None,
            label: None,
            resolved_at: None,
        }],
        suspects: vec![Suspect {
            change: hark_model::ChangeId("ch_1".to_owned()),
            title: "asr 5.2".to_owned(),
            time: opened_at.plus_minutes(-7),
            score: 0.9,
            why: "seven minutes before, same cluster".to_owned(),
            tests: None,
            against: vec!["touches all traffic".to_owned()],
        }],
        why: Some(why()),
        folded: vec![Slice::total()],
        joined: vec![Joined {
            at: opened_at,
            slice: slice.clone(),
            statistic: Statistic::P95,
            onset: opened_at.plus_minutes(-5),
            relative: 0.150_246_305_418_719_2,
            e_value: 3e6,
        }],
        feedback: Vec::new(),
    }
}

fn why() -> Why {
    Why {
        verdict: WhyVerdict::Slices,
        reason: "us-east-2 carries most of it".to_owned(),
        confidence: 0.83,
        compared: None,
        rest: Some(Mix { within: 21.0, mix_shift: 0.0 }),
        mix_share: None,
        offsets: Vec::new(),
        leads: Vec::new(),
        deletion: None,
        ruled_out: Vec::new(),
        something_else: 0.1,
        tested: None,
        left_out: vec![LeftOut { what: "thin_groups".to_owned(), count: 3, sentence: "three are thin".to_owned() }],
    }
}

fn evidence(opened_at: Timestamp) -> Evidence {
    Evidence {
        e_value: 2.1e5,
        false_alarm_budget: "1 per week".to_owned(),
        detectors: vec![DetectorEvidence {
            name: "isolation_forest".to_owned(),
            score: 0.81,
            p_value: 1e-5,
            attributions: vec![Attribution { feature: "p95_residual".to_owned(), value: 4.2, contribution: 0.39 }],
            base: 0.42,
        }],
        chart: Some(FrozenChart {
            slice: Slice::total().with("cluster", "us-east-2"),
            start: opened_at.plus_minutes(-60),
            step_seconds: 300,
            value: vec![Some(812.0), None],
            expected: vec![Some(810.5), Some(811.5)],
            low: vec![None, None],
            high: vec![Some(900.0), Some(0.1 + 0.2)],
        }),
    }
}

fn feedback(verdict: Verdict, note: &str) -> Feedback {
    Feedback { verdict, label: Some("deploy".to_owned()), note: Some(note.to_owned()), by: None }
}

/// Every alert that the query finds, page by page; more pages than any case fills mean that the cursor stands still.
async fn all_pages(store: &dyn Store, query: &AlertQuery) -> Result<Vec<Alert>, StoreError> {
    let mut found = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = store.alerts(&AlertQuery { cursor, ..query.clone() }).await?;
        found.extend(page.alerts);
        let Some(next) = page.next else { return Ok(found) };
        cursor = Some(next);
    }
    panic!("{PAGES_MAX} pages and no end");
}

fn names(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.id.0.as_str()).collect()
}
