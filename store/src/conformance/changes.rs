//! Changes, and whether anybody is there.

use hark_model::{Change, ChangeId, ChangeKind, Slice};

use super::{CaseResult, at};
use crate::Store;

fn change(minutes: i64, title: &str) -> Change {
    Change {
        time: at(minutes),
        kind: ChangeKind::Deploy,
        title: title.to_owned(),
        slice: Slice::total().with("cluster", "eu"),
        url: None,
        until: None,
    }
}

fn with_id(change: &Change) -> (ChangeId, Change) {
    (change.id(), change.clone())
}

pub async fn a_change_saved_twice_is_one(store: &dyn Store) -> CaseResult {
    let first = change(0, "asr 5.2");
    store.save_changes(&[first.clone(), first.clone()]).await?;
    store.save_changes(std::slice::from_ref(&first)).await?;
    assert_eq!(store.changes(at(0), at(1)).await?, [with_id(&first)]);
    // The address is no part of the id: it can be added later.
    let linked = Change { url: Some("https://ci.example/52".to_owned()), ..first };
    store.save_changes(std::slice::from_ref(&linked)).await?;
    assert_eq!(store.changes(at(0), at(1)).await?, [with_id(&linked)]);
    store.save_changes(&[]).await
}

pub async fn changes_are_read_in_order_and_within_bounds(store: &dyn Store) -> CaseResult {
    let mut saved: Vec<Change> = [3, 0, 2, 1, 1].iter().map(|&n| change(n, &format!("number {n}"))).collect();
    saved[4].kind = ChangeKind::Holiday;
    store.save_changes(&saved).await?;
    let expected = |first, last| {
        let mut inside: Vec<_> =
            saved.iter().filter(|change| (at(first)..at(last)).contains(&change.time)).map(with_id).collect();
        inside.sort_by(|a, b| (a.1.time, &a.0).cmp(&(b.1.time, &b.0)));
        inside
    };
    for (from, to) in [(0, 4), (1, 3), (1, 2), (2, 2), (3, 1), (4, 9)] {
        assert_eq!(store.changes(at(from), at(to)).await?, expected(from, to), "from {from} to {to}");
    }
    Ok(())
}

pub async fn odd_changes_come_back(store: &dyn Store) -> CaseResult {
    let mut odd = change(0, "it's \"5.2\" \\u0000 日本 🎙");
    odd.slice = Slice::total().with("größe", "a,b:c'\"");
    store.save_changes(std::slice::from_ref(&odd)).await?;
    assert_eq!(store.changes(at(0), at(1)).await?, [with_id(&odd)]);
    let nul = change(5, "a\0b");
    store.save_changes(std::slice::from_ref(&nul)).await?;
    let cleaned = Change { title: "a\u{fffd}b".to_owned(), ..nul.clone() };
    assert_eq!(store.changes(at(5), at(6)).await?, [(nul.id(), cleaned)]);
    Ok(())
}

pub async fn the_store_answers_a_ping(store: &dyn Store) -> CaseResult {
    store.ping().await?;
    store.ping().await
}
