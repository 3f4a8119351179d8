//! Saving alerts and reading them back.

use hark_model::{Alert, AlertStatus, Severity, Slice};

use super::{CaseResult, alert, all_pages, at, id};
use crate::{AlertQuery, NAME_BYTES_MAX, Store, StoreError};

pub async fn an_alert_reads_back_as_saved(store: &dyn Store) -> CaseResult {
    let saved = alert("a", at(0));
    store.save_alert(&saved).await?;
    assert_eq!(store.alert(&saved.id).await?, Some(saved));
    Ok(())
}

pub async fn unknown_ids_give_none(store: &dyn Store) -> CaseResult {
    store.save_alert(&alert("a", at(0))).await?;
    let long = "x".repeat(100_000);
    for unknown in ["", "b", "A", "a ", "a\0", "' OR 1=1 --", long.as_str()] {
        assert_eq!(store.alert(&id(unknown)).await?, None, "{unknown:.20}");
        assert!(store.audit(unknown).await?.is_empty(), "{unknown:.20}");
    }
    Ok(())
}

pub async fn saving_again_replaces_what_the_pipeline_owns(store: &dyn Store) -> CaseResult {
    store.save_alert(&alert("a", at(0))).await?;
    let again = Alert {
        metric: "error_rate".to_owned(),
        severity: Severity::Critical,
        status: AlertStatus::Resolved,
        opened_at: at(1),
        resolved_at: Some(at(9)),
        ..alert("a", at(1))
    };
    store.save_alert(&again).await?;
    assert_eq!(store.alert(&again.id).await?, Some(again.clone()));
    let old = AlertQuery { metric: Some("response_time".to_owned()), ..AlertQuery::default() };
    assert!(all_pages(store, &old).await?.is_empty(), "filters must follow the new document");
    assert_eq!(all_pages(store, &AlertQuery::default()).await?, [again]);
    Ok(())
}

pub async fn a_batch_is_saved_whole_or_not_at_all(store: &dyn Store) -> CaseResult {
    let good: Vec<Alert> = (0..5).map(|n| alert(&format!("a{n}"), at(n))).collect();
    let mut bad = good.clone();
    bad[3].evidence.e_value = f64::INFINITY;
    assert!(store.save_alerts(&bad).await.is_err());
    assert!(all_pages(store, &AlertQuery::default()).await?.is_empty());
    store.save_alerts(&good).await?;
    assert_eq!(all_pages(store, &AlertQuery::default()).await?.len(), good.len());
    store.save_alerts(&[]).await
}

pub async fn of_two_alerts_with_one_id_the_later_counts(store: &dyn Store) -> CaseResult {
    let later = Alert { severity: Severity::Critical, ..alert("a", at(1)) };
    store.save_alerts(&[alert("b", at(0)), alert("a", at(0)), later.clone()]).await?;
    assert_eq!(store.alert(&later.id).await?, Some(later));
    assert_eq!(all_pages(store, &AlertQuery::default()).await?.len(), 2);
    Ok(())
}

pub async fn odd_text_comes_back(store: &dyn Store) -> CaseResult {
    let texts = ["Zürich 日本 🎙", "it's \"quoted\"", "back\\slash \\u0000", "%_;--", "new\nline\ttab", "\u{1}\u{7f}"];
    for text in texts {
        let mut odd = Alert { metric: format!("metric {text}"), owner: Some(text.to_owned()), ..alert(text, at(0)) };
        odd.slice = Slice::total().with(text, text);
        odd.effect.unit = text.to_owned();
        store.save_alert(&odd).await?;
        assert_eq!(store.alert(&odd.id).await?, Some(odd.clone()), "{text}");
        let query = AlertQuery { metric: Some(odd.metric.clone()), ..AlertQuery::default() };
        assert_eq!(all_pages(store, &query).await?, [odd], "{text}");
        assert!(store.acknowledge(&id(text), text, at(1)).await?.is_some());
        assert_eq!(store.audit(text).await?[0].who.as_deref(), Some(text));
    }
    // A NUL, which PostgreSQL cannot keep, becomes the replacement character, on every engine.
    let nul = Alert { owner: Some("a\0b".to_owned()), ..alert("nul", at(0)) };
    store.save_alert(&nul).await?;
    let read = store.alert(&nul.id).await?;
    assert_eq!(read.and_then(|alert| alert.owner).as_deref(), Some("a\u{fffd}b"));
    Ok(())
}

pub async fn odd_numbers_come_back(store: &dyn Store) -> CaseResult {
    let numbers = [0.1 + 0.2, 1e300, -1e-300, 5e-324, f64::MAX, f64::MIN_POSITIVE, 1.0 / 3.0, 9_007_199_254_740_993.0];
    for number in numbers {
        let mut odd = alert("a", at(0));
        odd.effect.before = number;
        odd.evidence.e_value = number.abs();
        odd.effect.requests = u64::MAX;
        odd.effect.users = Some(u64::MAX);
        store.save_alert(&odd).await?;
        assert_eq!(store.alert(&odd.id).await?, Some(odd), "{number:e}");
    }
    let early = alert("early", at(-50_000_000));
    store.save_alert(&early).await?;
    assert_eq!(store.alert(&early.id).await?, Some(early));
    Ok(())
}

pub async fn what_cannot_be_stored_is_refused(store: &dyn Store) -> CaseResult {
    let mut infinite = alert("a", at(0));
    infinite.evidence.e_value = f64::NAN;
    let bad = [
        infinite,
        alert("", at(0)),
        alert("a\0", at(0)),
        alert(&"x".repeat(NAME_BYTES_MAX + 1), at(0)),
        Alert { metric: "m\0".to_owned(), ..alert("a", at(0)) },
    ];
    for alert in bad {
        let result = store.save_alert(&alert).await;
        assert!(matches!(result, Err(StoreError::Unstorable { .. })), "{result:?}");
    }
    let longest = alert(&"x".repeat(NAME_BYTES_MAX), at(0));
    store.save_alert(&longest).await?;
    assert_eq!(store.alert(&longest.id).await?, Some(longest));
    Ok(())
}
