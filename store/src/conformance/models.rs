//! Versions of models, and who ordered what of them.

use hark_model::{Measured, ModelOrder, ModelVersion, Standing};

use super::{CaseResult, at};
use crate::{AuditEntry, MODEL_VERSIONS_MAX, ModelAct, Store, StoreError};

fn version(metric: &str, number: u32, standing: Standing) -> ModelVersion {
    ModelVersion {
        metric: metric.to_owned(),
        detector: "isolation_forest".to_owned(),
        number,
        standing,
        since: at(i64::from(number)),
        reason: "it's \"日本\" better".to_owned(),
        trained_at: at(0),
        data: [at(-9), at(0)],
        rows: 3_072,
        parameters: [("trees".to_owned(), 100.0), ("odd".to_owned(), 0.1 + 0.2)].into(),
        measured: Some(Measured { rows: 900, false_alarms: 8, caught: 700 }),
        beside: None,
        checksum: "xxh3_0".to_owned(),
        bytes: u64::from(u32::MAX) + 1,
    }
}

pub async fn a_version_stands_where_it_last_stood(store: &dyn Store) -> CaseResult {
    assert!(store.models().await?.is_empty());
    let (first, second) = (version("b", 1, Standing::Shadow), version("b", 2, Standing::Shadow));
    store.save_models(&[first.clone(), second.clone(), version("a", 1, Standing::Active)]).await?;
    // Of two of one version the later counts, in a batch and between batches.
    let (staged, active) = (version("b", 1, Standing::Staged), version("b", 1, Standing::Active));
    store.save_models(&[staged, active.clone()]).await?;
    store.save_models(&[]).await?;
    assert_eq!(store.models().await?, [version("a", 1, Standing::Active), second, active]);
    Ok(())
}

pub async fn of_many_versions_the_newest_are_read(store: &dyn Store) -> CaseResult {
    let many: Vec<ModelVersion> =
        (1..=MODEL_VERSIONS_MAX as u32 + 3).map(|number| version("a", number, Standing::Replaced)).collect();
    store.save_models(&many).await?;
    store.save_models(&[version("b", 7, Standing::Active)]).await?;
    let read: Vec<(String, u32)> = store.models().await?.into_iter().map(|one| (one.metric, one.number)).collect();
    let newest = (4..=MODEL_VERSIONS_MAX as u32 + 3).rev().map(|number| ("a".to_owned(), number));
    assert_eq!(read, newest.chain([("b".to_owned(), 7)]).collect::<Vec<_>>());
    Ok(())
}

pub async fn senseless_models_are_refused_whole(store: &dyn Store) -> CaseResult {
    let mut infinite = version("b", 1, Standing::Active);
    infinite.parameters.insert("trees".to_owned(), f64::NAN);
    for bad in [version("", 1, Standing::Active), version("a\0", 1, Standing::Active), infinite] {
        let result = store.save_models(&[version("a", 1, Standing::Active), bad]).await;
        assert!(matches!(result, Err(StoreError::Unstorable { .. })), "{result:?}");
    }
    assert!(store.models().await?.is_empty());
    Ok(())
}

pub async fn what_is_ordered_of_models_is_audited(store: &dyn Store) -> CaseResult {
    let act = |metric, order, who| ModelAct { metric, detector: "autoencoder", order, who, at: at(5) };
    let orders = [ModelOrder::Train, ModelOrder::Promote, ModelOrder::RollBack];
    for order in orders {
        store.note_model_act(act("a", order, "ada")).await?;
    }
    let entry = |order: ModelOrder| AuditEntry {
        at: at(5),
        who: Some("ada".to_owned()),
        what: format!("{}: autoencoder", order.name()),
        subject: "a".to_owned(),
    };
    assert_eq!(store.audit("a").await?, orders.map(entry));
    for (metric, who) in [("", "ada"), ("a", " ")] {
        let result = store.note_model_act(act(metric, ModelOrder::RollBack, who)).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    }
    Ok(())
}
