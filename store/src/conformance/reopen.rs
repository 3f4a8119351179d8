//! What is saved is there after closing and opening again. Engines open, so engines call these two in turn.

use hark_model::{Alert, AlertStatus, Change, ChangeKind, Slice, Verdict};

use super::{CaseResult, alert, all_pages, at, feedback, id};
use crate::{AlertQuery, Store};

fn change() -> Change {
    Change {
        time: at(0),
        kind: ChangeKind::Config,
        title: "kept".to_owned(),
        slice: Slice::total(),
        url: None,
        until: None,
    }
}

/// Puts one of everything into a fresh store.
pub async fn leave_something(store: &dyn Store) -> CaseResult {
    store.save_alerts(&[alert("a", at(0)), alert("b", at(1))]).await?;
    store.acknowledge(&id("a"), "ada", at(2)).await?;
    store.add_feedback(&id("a"), &feedback(Verdict::True, "real"), at(3)).await?;
    store.save_changes(&[change()]).await
}

/// Finds all of it again.
pub async fn something_is_left(store: &dyn Store) -> CaseResult {
    let judged = Alert {
        status: AlertStatus::Acknowledged,
        assignee: Some("ada".to_owned()),
        feedback: vec![feedback(Verdict::True, "real")],
        ..alert("a", at(0))
    };
    assert_eq!(all_pages(store, &AlertQuery::default()).await?, [alert("b", at(1)), judged]);
    assert_eq!(store.audit("a").await?.len(), 2);
    assert_eq!(store.changes(at(0), at(1)).await?, [(change().id(), change())]);
    Ok(())
}
