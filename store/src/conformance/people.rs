//! What people do to alerts, and what remains of it.

use futures_util::future::{join3, try_join_all};
use hark_model::{Alert, AlertStatus, Feedback, Verdict};

use super::{CaseResult, alert, all_pages, at, feedback, id};
use crate::{
    AUDIT_ENTRIES_MAX, Act, AlertQuery, AuditEntry, FEEDBACK_BYTES_MAX, FEEDBACK_PER_ALERT_MAX, Store, StoreError,
    WHO_BYTES_MAX,
};

pub async fn an_acknowledgement_survives_saving_again(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    let shown = store.acknowledge(&saved.id, "ada", at(1)).await?;
    let acknowledged = Alert { status: AlertStatus::Acknowledged, assignee: Some("ada".to_owned()), ..saved.clone() };
    assert_eq!(shown, Some(acknowledged));
    store.save_alert(&saved).await?;
    assert_eq!(store.alert(&saved.id).await?, shown);
    store.save_alert(&Alert { status: AlertStatus::Resolved, resolved_at: Some(at(5)), ..saved.clone() }).await?;
    assert_eq!(status(store, "a").await?, AlertStatus::Resolved);
    store.save_alert(&saved).await?;
    assert_eq!(status(store, "a").await?, AlertStatus::Acknowledged);
    Ok(())
}

pub async fn a_resolve_survives_saving_again(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    let shown = store.resolve(&saved.id, "ada", at(3)).await?;
    assert_eq!(shown, Some(Alert { status: AlertStatus::Resolved, resolved_at: Some(at(3)), ..saved.clone() }));
    for status in [AlertStatus::Firing, AlertStatus::Silenced, AlertStatus::Acknowledged] {
        store.save_alert(&Alert { status, ..saved.clone() }).await?;
        assert_eq!(store.alert(&saved.id).await?, shown, "saved as {status:?}");
    }
    store.acknowledge(&saved.id, "bob", at(4)).await?;
    let shown = shown.map(|shown| Alert { assignee: Some("bob".to_owned()), ..shown });
    assert_eq!(store.alert(&saved.id).await?, shown);
    Ok(())
}

pub async fn feedback_survives_saving_again(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    let given = [
        feedback(Verdict::True, "it's \"real\" 🎙"),
        Feedback { verdict: Verdict::Duplicate, label: None, note: None, by: Some("ada".to_owned()) },
        feedback(Verdict::False, ""),
    ];
    for (minutes, feedback) in given.iter().enumerate() {
        store.add_feedback(&saved.id, feedback, at(minutes as i64)).await?;
    }
    // The pipeline may hand back feedback that it read; it is not its to give.
    let stale = Alert { feedback: vec![given[1].clone()], ..saved.clone() };
    store.save_alert(&stale).await?;
    assert_eq!(store.alert(&saved.id).await?, Some(Alert { feedback: given.to_vec(), ..saved }));
    store.save_alert(&Alert { id: id("b"), ..stale }).await?;
    assert_eq!(store.alert(&id("b")).await?.map(|alert| alert.feedback), Some(Vec::new()));
    Ok(())
}

pub async fn the_last_assignment_counts(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    let assignee = async || store.alert(&saved.id).await.map(|alert| alert.and_then(|alert| alert.assignee));
    store.acknowledge(&saved.id, "ada", at(1)).await?;
    assert_eq!(assignee().await?.as_deref(), Some("ada"), "who acknowledges looks after it");
    // She has it already; then it goes on, and again.
    for (to, minutes) in [("ada", 2), ("bob", 3), ("bob", 4), ("ada", 5), ("ada b\0c", 6)] {
        store.act(&saved.id, Act::Assign { by: "eve", to }, at(minutes)).await?;
        store.save_alert(&saved).await?;
        assert_eq!(assignee().await?, Some(to.replace('\0', "\u{fffd}")));
    }
    let audited: Vec<_> = store.audit("a").await?.into_iter().map(|entry| (entry.what, entry.at)).collect();
    let assigned = [3, 5, 6].map(|minutes| ("assign".to_owned(), at(minutes)));
    assert_eq!(audited[1..], assigned);
    for (by, to) in [("", "ada"), ("ada", " ")] {
        let result = store.act(&saved.id, Act::Assign { by, to }, at(7)).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    }
    Ok(())
}

pub async fn silenced_goes_before_acknowledged(store: &dyn Store) -> CaseResult {
    let silenced = Alert { status: AlertStatus::Silenced, ..alert("a", at(0)) };
    store.save_alert(&silenced).await?;
    store.acknowledge(&silenced.id, "ada", at(1)).await?;
    assert_eq!(status(store, "a").await?, AlertStatus::Silenced);
    store.save_alert(&alert("a", at(0))).await?;
    assert_eq!(status(store, "a").await?, AlertStatus::Acknowledged);
    Ok(())
}

pub async fn of_two_resolves_the_earlier_counts(store: &dyn Store) -> CaseResult {
    let by_pipeline =
        |minutes| Alert { status: AlertStatus::Resolved, resolved_at: Some(at(minutes)), ..alert("a", at(0)) };
    store.save_alert(&by_pipeline(8)).await?;
    let shown = store.resolve(&id("a"), "ada", at(5)).await?;
    assert_eq!(shown.and_then(|alert| alert.resolved_at), Some(at(5)));
    store.save_alert(&by_pipeline(3)).await?;
    assert_eq!(store.alert(&id("a")).await?.and_then(|alert| alert.resolved_at), Some(at(3)));
    Ok(())
}

pub async fn lists_follow_what_people_did(store: &dyn Store) -> CaseResult {
    for name in ["a", "b", "c"] {
        store.save_alert(&alert(name, at(0))).await?;
    }
    store.acknowledge(&id("a"), "ada", at(1)).await?;
    store.resolve(&id("b"), "ada", at(1)).await?;
    for round in 0..2 {
        for (name, status) in
            [("a", AlertStatus::Acknowledged), ("b", AlertStatus::Resolved), ("c", AlertStatus::Firing)]
        {
            let query = AlertQuery { status: Some(status), ..AlertQuery::default() };
            let found = all_pages(store, &query).await?;
            assert_eq!(found, Vec::from_iter(store.alert(&id(name)).await?), "{status:?} in round {round}");
            store.save_alert(&alert(name, at(0))).await?;
        }
    }
    Ok(())
}

pub async fn repeated_acts_change_nothing(store: &dyn Store) -> CaseResult {
    store.save_alert(&alert("a", at(0))).await?;
    let real = feedback(Verdict::True, "real");
    let mut shown = None;
    for (who, minutes) in [("ada", 1), ("ada", 2), ("bob", 0)] {
        store.acknowledge(&id("a"), who, at(minutes)).await?;
        store.resolve(&id("a"), who, at(minutes)).await?;
        let now = store.add_feedback(&id("a"), &real, at(minutes)).await?;
        assert_eq!(&now, shown.get_or_insert_with(|| now.clone()), "{who} at {minutes}");
    }
    let audit = store.audit("a").await?;
    assert_eq!(audit.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(1); 3]);
    // A change of mind is not a repetition, not even back to what was said first.
    store.add_feedback(&id("a"), &feedback(Verdict::False, "not real"), at(3)).await?;
    let now = store.add_feedback(&id("a"), &real, at(4)).await?;
    assert_eq!(now.map(|alert| alert.feedback.len()), Some(3));
    Ok(())
}

pub async fn acts_are_audited_in_order(store: &dyn Store) -> CaseResult {
    store.save_alerts(&[alert("a", at(0)), alert("b", at(0))]).await?;
    store.acknowledge(&id("a"), "ada", at(5)).await?;
    store.acknowledge(&id("b"), "bob", at(6)).await?;
    store.add_feedback(&id("a"), &feedback(Verdict::True, "real"), at(7)).await?;
    store.resolve(&id("a"), "O'Brien \"日本\"", at(1)).await?;
    let entry = |minutes, who: Option<&str>, what: &str| AuditEntry {
        at: at(minutes),
        who: who.map(str::to_owned),
        what: what.to_owned(),
        subject: "a".to_owned(),
    };
    let expected = [
        entry(5, Some("ada"), "acknowledge"),
        entry(7, None, "feedback"),
        entry(1, Some("O'Brien \"日本\""), "resolve"),
    ];
    assert_eq!(store.audit("a").await?, expected);
    assert_eq!(store.audit("b").await?.len(), 1);
    assert!(i64::try_from(FEEDBACK_PER_ALERT_MAX + 2).is_ok_and(|most| most <= AUDIT_ENTRIES_MAX));
    Ok(())
}

pub async fn acts_on_unknown_alerts_leave_no_trace(store: &dyn Store) -> CaseResult {
    for unknown in ["nosuch", "", "a\0b"] {
        assert_eq!(store.acknowledge(&id(unknown), "ada", at(1)).await?, None);
        assert_eq!(store.resolve(&id(unknown), "ada", at(1)).await?, None);
        assert_eq!(store.add_feedback(&id(unknown), &feedback(Verdict::True, ""), at(1)).await?, None);
        assert!(store.audit(unknown).await?.is_empty());
        assert_eq!(store.alert(&id(unknown)).await?, None);
    }
    Ok(())
}

pub async fn senseless_acts_are_refused(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    let long = "x".repeat(WHO_BYTES_MAX + 1);
    for nobody in ["", "  ", long.as_str()] {
        let result = store.acknowledge(&saved.id, nobody, at(1)).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
        let result = store.resolve(&saved.id, nobody, at(1)).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    }
    let result = store.add_feedback(&saved.id, &feedback(Verdict::True, &"x".repeat(FEEDBACK_BYTES_MAX)), at(1)).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    assert_eq!(store.alert(&saved.id).await?, Some(saved));
    assert!(store.audit("a").await?.is_empty());
    Ok(())
}

pub async fn feedback_is_bounded(store: &dyn Store) -> CaseResult {
    store.save_alert(&alert("a", at(0))).await?;
    for n in 0..FEEDBACK_PER_ALERT_MAX {
        store.add_feedback(&id("a"), &feedback(Verdict::True, &n.to_string()), at(1)).await?;
    }
    let result = store.add_feedback(&id("a"), &feedback(Verdict::True, "one more"), at(1)).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    let kept = store.alert(&id("a")).await?.map(|alert| alert.feedback.len());
    assert_eq!(kept, Some(FEEDBACK_PER_ALERT_MAX));
    assert_eq!(store.audit("a").await?.len(), FEEDBACK_PER_ALERT_MAX);
    Ok(())
}

pub async fn of_many_acknowledgements_at_once_one_counts(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    let people: Vec<String> = (0..20).map(|n| format!("person {n}")).collect();
    let shown = try_join_all(people.iter().map(|who| store.acknowledge(&saved.id, who, at(1)))).await?;
    let assignee = shown[0].as_ref().and_then(|alert| alert.assignee.clone());
    assert!(assignee.as_ref().is_some_and(|who| people.contains(who)), "{assignee:?}");
    let acknowledged = Some(Alert { status: AlertStatus::Acknowledged, assignee, ..saved });
    assert!(shown.iter().all(|shown| *shown == acknowledged));
    assert_eq!(store.audit("a").await?.len(), 1);
    Ok(())
}

pub async fn saves_and_acts_at_once_lose_nothing(store: &dyn Store) -> CaseResult {
    let forwards: Vec<Alert> = (0..10).map(|n| alert(&format!("a{n}"), at(n))).collect();
    let backwards: Vec<Alert> = forwards.iter().rev().cloned().collect();
    // The first saves meet: whoever comes second must find the row of the first.
    try_join_all((0..6).map(|n| store.save_alerts(if n % 2 == 0 { &forwards } else { &backwards }))).await?;
    let save = try_join_all((0..6).map(|n| store.save_alerts(if n % 2 == 0 { &forwards } else { &backwards })));
    let acknowledge = try_join_all(forwards.iter().map(|alert| store.acknowledge(&alert.id, "ada", at(20))));
    let notes: Vec<Feedback> = (0..10).map(|n| feedback(Verdict::True, &n.to_string())).collect();
    let judge = try_join_all(notes.iter().map(|note| store.add_feedback(&forwards[0].id, note, at(21))));
    let (saved, acknowledged, judged) = join3(save, acknowledge, judge).await;
    saved?;
    acknowledged?;
    judged?;
    let query = AlertQuery { status: Some(AlertStatus::Acknowledged), ..AlertQuery::default() };
    assert_eq!(all_pages(store, &query).await?.len(), forwards.len());
    assert_eq!(store.alert(&forwards[0].id).await?.map(|alert| alert.feedback.len()), Some(notes.len()));
    Ok(())
}

async fn status(store: &dyn Store, name: &str) -> Result<AlertStatus, StoreError> {
    let alert = store.alert(&id(name)).await?;
    Ok(alert.unwrap_or_else(|| panic!("{name} was saved")).status)
}
