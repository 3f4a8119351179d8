//! Models that were made elsewhere.

use futures_util::future::try_join_all;
use hark_model::{Gives, ImportedModel};

use super::{CaseResult, at};
use crate::{AuditEntry, IMPORTED_VERSIONS_MAX, ImportedRemoval, Store, StoreError};

fn model(name: &str, number: u32, checksum: &str) -> ImportedModel {
    ImportedModel {
        name: name.to_owned(),
        number,
        imported_at: at(5),
        by: "ada".to_owned(),
        checksum: checksum.to_owned(),
        bytes: u64::from(u32::MAX) + 1,
        producer: "it's \"日本\" 2.1".to_owned(),
        opset: 17,
        operators: 9,
        weights: 4_711,
        time: 24,
        columns: 1,
        gives: Gives::Reconstruction,
    }
}

pub async fn imported_models_are_kept_version_by_version(store: &dyn Store) -> CaseResult {
    assert!(store.imported_models().await?.is_empty());
    // Its own number says nothing.
    assert_eq!(store.add_imported_model(&model("b", 7, "one")).await?, 1);
    assert_eq!(store.add_imported_model(&model("a", 0, "one")).await?, 1);
    assert_eq!(store.add_imported_model(&model("b", 1, "two")).await?, 2);
    // The newest once more is no news; an older one is.
    assert_eq!(store.add_imported_model(&model("b", 1, "two")).await?, 2);
    assert_eq!(store.add_imported_model(&model("b", 1, "one")).await?, 3);
    let kept = [model("a", 1, "one"), model("b", 3, "one"), model("b", 2, "two"), model("b", 1, "one")];
    assert_eq!(store.imported_models().await?, kept);
    let entry =
        AuditEntry { at: at(5), who: Some("ada".to_owned()), what: "import model".to_owned(), subject: "b".to_owned() };
    assert_eq!(store.audit("b").await?, vec![entry; 3]);
    Ok(())
}

pub async fn a_removed_model_is_gone_and_its_number_is_never_given_again(store: &dyn Store) -> CaseResult {
    for checksum in ["one", "two"] {
        store.add_imported_model(&model("b", 0, checksum)).await?;
    }
    store.add_imported_model(&model("a", 0, "one")).await?;
    let removal = |number, who| ImportedRemoval { name: "b", number, who, at: at(6) };
    let remove = |number| store.remove_imported_models(removal(number, "ada"));
    assert_eq!(remove(Some(3)).await?, []);
    assert_eq!(remove(Some(2)).await?, [model("b", 2, "two")]);
    assert_eq!(remove(Some(2)).await?, []);
    assert_eq!(store.imported_models().await?, [model("a", 1, "one"), model("b", 1, "one")]);
    // The same content once more is another version.
    assert_eq!(store.add_imported_model(&model("b", 0, "two")).await?, 3);
    let mut all: Vec<u32> = remove(None).await?.into_iter().map(|model| model.number).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 3]);
    assert_eq!(store.imported_models().await?, [model("a", 1, "one")]);
    assert_eq!(store.add_imported_model(&model("b", 0, "two")).await?, 4);
    let removed = store.audit("b").await?.into_iter().filter(|entry| entry.what == "remove model").count();
    assert_eq!(removed, 2);
    for bad in [removal(None, " "), ImportedRemoval { name: "", ..removal(None, "ada") }] {
        let result = store.remove_imported_models(bad).await;
        assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    }
    Ok(())
}

pub async fn a_checksum_is_imported_as_long_as_any_version_has_it(store: &dyn Store) -> CaseResult {
    store.add_imported_model(&model("a", 0, "one")).await?;
    store.add_imported_model(&model("b", 0, "one")).await?;
    // The first is no longer listed.
    for at in 0..IMPORTED_VERSIONS_MAX {
        store.add_imported_model(&model("a", 0, &format!("of {at}"))).await?;
    }
    let remove = |name, number| store.remove_imported_models(ImportedRemoval { name, number, who: "ada", at: at(6) });
    remove("b", None).await?;
    assert!(store.imported_models().await?.iter().all(|model| model.checksum != "one"));
    assert!(store.is_imported("one").await?);
    remove("a", Some(1)).await?;
    assert!(!store.is_imported("one").await?);
    assert!(!store.is_imported("unheard of").await?);
    Ok(())
}

pub async fn models_imported_at_once_get_a_number_each(store: &dyn Store) -> CaseResult {
    let models: Vec<ImportedModel> = (0..10).map(|at| model("a", 0, &format!("of {at}"))).collect();
    let mut numbers = try_join_all(models.iter().map(|model| store.add_imported_model(model))).await?;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<u32>>());
    Ok(())
}

pub async fn senseless_imports_are_refused(store: &dyn Store) -> CaseResult {
    for bad in [model("", 1, "one"), model("a\0", 1, "one"), model("a", 1, "")] {
        let result = store.add_imported_model(&bad).await;
        assert!(matches!(result, Err(StoreError::Unstorable { .. })), "{result:?}");
    }
    let result = store.add_imported_model(&ImportedModel { by: " ".to_owned(), ..model("a", 1, "one") }).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
    assert!(store.imported_models().await?.is_empty());
    Ok(())
}
