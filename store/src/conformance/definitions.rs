//! Metric definitions and their history, and the audit of everything.

use futures_util::future::try_join_all;

use super::{CaseResult, alert, at, id};
use crate::{DEFINITION_BYTES_MAX, DefinitionChange, DefinitionVersion, Store, StoreError, WHO_BYTES_MAX};

async fn save(store: &dyn Store, name: &str, minutes: i64, document: Option<&str>) -> Result<i64, StoreError> {
    store.save_definition(DefinitionChange { name, who: "ada", at: at(minutes), document }).await
}

fn version(name: &str, version: i64, minutes: i64, document: Option<&str>) -> DefinitionVersion {
    let document = document.map(str::to_owned);
    DefinitionVersion { name: name.to_owned(), version, at: at(minutes), who: "ada".to_owned(), document }
}

pub async fn definitions_are_kept_version_by_version(store: &dyn Store) -> CaseResult {
    assert!(store.definitions().await?.is_empty());
    // Keys keep their order, and text its letters.
    let (first, second) =
        ("{\"name\":\"b\",\"kind\":\"count\"}", "{\"kind\":\"count\",\"name\":\"b\",\"owner\":\"日本 'x'\"}");
    assert_eq!(save(store, "b", 1, Some(first)).await?, 1);
    assert_eq!(save(store, "a", 2, Some("{}")).await?, 1);
    assert_eq!(save(store, "b", 3, Some(second)).await?, 2);
    assert_eq!(store.definitions().await?, [version("a", 1, 2, Some("{}")), version("b", 2, 3, Some(second))]);
    let history = [version("b", 2, 3, Some(second)), version("b", 1, 1, Some(first))];
    assert_eq!(store.definition_history("b").await?, history);
    for unknown in ["c", "", "a\0b"] {
        assert!(store.definition_history(unknown).await?.is_empty());
    }
    Ok(())
}

pub async fn what_was_removed_is_remembered(store: &dyn Store) -> CaseResult {
    save(store, "a", 1, Some("{}")).await?;
    save(store, "a", 2, None).await?;
    assert!(store.definitions().await?.is_empty());
    assert_eq!(store.definition_history("a").await?, [version("a", 2, 2, None), version("a", 1, 1, Some("{}"))]);
    assert_eq!(save(store, "a", 3, Some("[]")).await?, 3);
    assert_eq!(store.definitions().await?, [version("a", 3, 3, Some("[]"))]);
    let told: Vec<String> = store.audit("a").await?.into_iter().map(|entry| entry.what).collect();
    assert_eq!(told, ["define", "remove definition", "define"]);
    Ok(())
}

pub async fn senseless_definitions_are_refused(store: &dyn Store) -> CaseResult {
    let (long, who) = ("x".repeat(DEFINITION_BYTES_MAX + 1), "x".repeat(WHO_BYTES_MAX + 1));
    let changes = [
        ("", "ada", "{}"),
        ("a", " ", "{}"),
        ("a", who.as_str(), "{}"),
        ("a", "ada", long.as_str()),
        ("a", "ada", "\0"),
    ];
    for (name, who, document) in changes {
        let result = store.save_definition(DefinitionChange { name, who, at: at(1), document: Some(document) }).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    }
    assert!(store.definitions().await?.is_empty() && store.audit("a").await?.is_empty());
    Ok(())
}

pub async fn definitions_saved_at_once_get_a_number_each(store: &dyn Store) -> CaseResult {
    let mut versions = try_join_all((0..10).map(|n| save(store, "a", n, Some("{}")))).await?;
    versions.sort_unstable();
    assert_eq!(versions, (1..=10).collect::<Vec<i64>>());
    Ok(())
}

pub async fn the_newest_acts_come_first(store: &dyn Store) -> CaseResult {
    store.save_alert(&alert("a", at(0))).await?;
    store.acknowledge(&id("a"), "ada", at(9)).await?;
    save(store, "m", 5, Some("{}")).await?;
    let subjects = |limit| async move {
        let entries = store.recent_audit(limit).await?;
        Ok::<_, StoreError>(entries.into_iter().map(|entry| entry.subject).collect::<Vec<_>>())
    };
    assert_eq!(subjects(10).await?, ["m", "a"]);
    assert_eq!(subjects(1).await?, ["m"]);
    assert!(subjects(-1).await?.is_empty());
    Ok(())
}
