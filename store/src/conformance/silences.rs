//! Silences, and who set and ended them.

use hark_model::Silence;

use super::{CaseResult, at};
use crate::{AuditEntry, REASON_BYTES_MAX, SilenceChange, Store, StoreError};

fn silence(metric: &str, until: i64) -> Silence {
    Silence {
        metric: Some(metric.to_owned()),
        slice: "cluster:日本".parse().unwrap_or_default(),
        from: at(0),
        until: at(until),
        by: "ada".to_owned(),
        reason: "it's \"moved\"".to_owned(),
    }
}

async fn save(store: &dyn Store, silence: &Silence, who: &str, minutes: i64) -> Result<(), StoreError> {
    store.save_silence(SilenceChange { silence, who, at: at(minutes) }).await
}

pub async fn silences_are_kept_until_they_end(store: &dyn Store) -> CaseResult {
    assert!(store.silences(at(0)).await?.is_empty());
    let (short, long) = (silence("a", 10), Silence { metric: None, ..silence("", 20) });
    save(store, &short, "ada", 0).await?;
    save(store, &long, "ada", 0).await?;
    assert_eq!(store.silences(at(0)).await?, [long.clone(), short.clone()]);
    assert_eq!(store.silences(at(9)).await?, [long.clone(), short.clone()]);
    assert_eq!(store.silences(at(10)).await?, [long]);
    assert!(store.silences(at(20)).await?.is_empty());
    Ok(())
}

pub async fn a_silence_is_ended_by_another_end(store: &dyn Store) -> CaseResult {
    save(store, &silence("a", 10), "ada", 0).await?;
    let ended = silence("a", 5);
    save(store, &ended, "bob", 5).await?;
    assert_eq!(store.silences(at(0)).await?, std::slice::from_ref(&ended));
    assert!(store.silences(at(5)).await?.is_empty());
    let entry = |minutes, who: &str, what: &str| AuditEntry {
        at: at(minutes),
        who: Some(who.to_owned()),
        what: what.to_owned(),
        subject: ended.id(),
    };
    assert_eq!(store.audit(&ended.id()).await?, [entry(0, "ada", "silence"), entry(5, "bob", "end silence")]);
    Ok(())
}

pub async fn senseless_silences_are_refused(store: &dyn Store) -> CaseResult {
    let good = || silence("a", 10);
    let bad = [
        Silence { by: " ".to_owned(), ..good() },
        Silence { reason: String::new(), ..good() },
        Silence { reason: "x".repeat(REASON_BYTES_MAX + 1), ..good() },
        Silence { metric: Some("a\0".to_owned()), ..good() },
    ];
    for silence in bad {
        let result = save(store, &silence, "ada", 0).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    }
    let result = save(store, &good(), "", 0).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    assert!(store.silences(at(0)).await?.is_empty());
    Ok(())
}
