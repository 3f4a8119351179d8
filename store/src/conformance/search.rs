//! Words that are looked for in what is told of alerts.

use hark_model::{Alert, Direction, FindingKind, Severity, Slice, Timestamp};

use super::{CaseResult, alert, all_pages, at, id, names};
use crate::{Act, AlertQuery, Store, StoreError, Whose};

async fn found(store: &dyn Store, words: &str) -> Result<String, StoreError> {
    let query = AlertQuery { words: Some(words.to_owned()), ..AlertQuery::default() };
    Ok(names(&store.alerts(&query).await?.alerts).join(" "))
}

pub async fn words_are_looked_for_in_what_is_told(store: &dyn Store) -> CaseResult {
    let mut zurich = Alert { slice: Slice::total().with("city", "ZÜRICH"), ..alert("a", at(3)) };
    (zurich.causes, zurich.errors, zurich.suspects) = (Vec::new(), Vec::new(), Vec::new());
    let total =
        Alert { metric: "ux_score".to_owned(), slice: Slice::total(), direction: Direction::Down, ..alert("b", at(2)) };
    let grave = Alert { severity: Severity::Critical, owner: Some("search".to_owned()), ..alert("c", at(1)) };
    let moved = |alert| Alert { kind: FindingKind::Regression, ..alert };
    store.save_alerts(&[moved(zurich), moved(total), grave]).await?;
    let looked_for = [
        ("", "a b c"),
        ("  \t ", "a b c"),
        ("p95 Response_Time", "a c"),
        ("response time on us-EAST-2 in de_de", "c"),
        ("cluster:us-east-2", "c b"),
        ("zürich", "a"),
        ("City:Zürich ROSE", "a"),
        ("UX fell across all traffic", "b"),
        ("critical stopped coming", "c"),
        ("voice-latency", "a b"),
        ("asr_timeout 5.2", "b c"),
        ("asr_timeout nosuch", ""),
        ("firing", "a b c"),
    ];
    for (words, expected) in looked_for {
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        expected.sort_unstable();
        assert_eq!(found(store, words).await?, expected.join(" "), "{words}");
    }
    Ok(())
}

pub async fn odd_words_are_letters_like_others(store: &dyn Store) -> CaseResult {
    let odd = ["100%_a", "o'neil", "say\"so\"", "back\\slash", "x; DROP TABLE alerts", "日本", "a&b=c", "(*)"];
    for (n, name) in odd.iter().enumerate() {
        let slice = Slice::total().with("app", *name);
        store.save_alert(&Alert { slice, causes: Vec::new(), ..alert(&format!("n{n}"), at(-(n as i64))) }).await?;
    }
    for (n, name) in odd.iter().enumerate() {
        assert_eq!(found(store, name).await?, format!("n{n}"), "{name}");
    }
    for words in ["%", "_a", "100%"] {
        assert_eq!(found(store, words).await?, "n0", "{words}");
    }
    for words in ["100__a", "%%", "' OR '1'='1", "[a-z]", "n?"] {
        assert_eq!(found(store, words).await?, "", "{words}");
    }
    Ok(())
}

pub async fn words_follow_what_people_did(store: &dyn Store) -> CaseResult {
    store.save_alerts(&[alert("a", at(0)), alert("b", at(1))]).await?;
    store.acknowledge(&id("a"), "Ada", at(2)).await?;
    assert_eq!(found(store, "ada acknowledged").await?, "a");
    assert_eq!(found(store, "firing").await?, "b");
    store.act(&id("a"), Act::Assign { by: "Ada", to: "Eve" }, at(3)).await?;
    assert_eq!(found(store, "ada").await?, "");
    // The pipeline's next word keeps the people's.
    store.save_alert(&Alert { metric: "requests".to_owned(), ..alert("a", at(0)) }).await?;
    assert_eq!(found(store, "eve acknowledged requests").await?, "a");
    assert_eq!(found(store, "eve response_time").await?, "");
    Ok(())
}

pub async fn a_search_stops_and_goes_on(store: &dyn Store) -> CaseResult {
    // Two of each time, so that an edge comes between alerts of one time.
    let of = |n: i64| {
        let metric = if n % 5 == 0 { "rare" } else { "usual" };
        let owner = Some(if n % 2 == 0 { "voice" } else { "search" }.to_owned());
        Alert { metric: metric.to_owned(), owner, ..alert(&format!("a{n:02}"), at(n / 2)) }
    };
    let saved: Vec<Alert> = (0..23).map(of).collect();
    store.save_alerts(&saved).await?;
    let newest_first = all_pages(store, &AlertQuery::default()).await?;
    for looked_through_max in [1, 2, 3, 7, 22, 23, 24] {
        for limit in [1, 2, 50] {
            for whose in [None, Some(Whose::Owner("voice".to_owned()))] {
                let query = AlertQuery {
                    words: Some("RARE".to_owned()),
                    looked_through_max: Some(looked_through_max),
                    limit: Some(limit),
                    whose: whose.clone(),
                    ..AlertQuery::default()
                };
                let found = all_pages(store, &query).await?;
                let is_wanted = |alert: &&Alert| {
                    alert.metric == "rare" && (whose.is_none() || alert.owner.as_deref() == Some("voice"))
                };
                let expected: Vec<Alert> = newest_first.iter().filter(is_wanted).cloned().collect();
                assert_eq!(names(&found), names(&expected), "{query:?}");
            }
        }
    }
    let query = AlertQuery { words: Some("rare".to_owned()), looked_through_max: Some(4), ..AlertQuery::default() };
    let first = store.alerts(&query).await?;
    // Looked through: a22, then a20, a21, then a18.
    assert_eq!((names(&first.alerts), first.looked_back_to), (vec!["a20"], Some(at(9))));
    let full = store.alerts(&AlertQuery { limit: Some(1), looked_through_max: None, ..query.clone() }).await?;
    assert_eq!((names(&full.alerts), full.looked_back_to, full.next.is_some()), (vec!["a20"], None, true));
    let all = store.alerts(&AlertQuery { looked_through_max: None, ..query.clone() }).await?;
    assert_eq!((all.alerts.len(), all.looked_back_to, all.next), (5, None, None));
    let bounded = AlertQuery { from: Some(at(10)), looked_through_max: Some(3), ..query };
    assert_eq!(names(&all_pages(store, &bounded).await?), ["a20"]);
    Ok(())
}

pub async fn senseless_words_are_refused(store: &dyn Store) -> CaseResult {
    for words in ["a b c d e f g h j", "a\0", &"x".repeat(201)] {
        let query = AlertQuery { words: Some(words.to_owned()), ..AlertQuery::default() };
        let result = store.alerts(&query).await;
        assert!(matches!(result, Err(StoreError::Query(_))), "{words:?} gave {result:?}");
    }
    // Whatever an alert says is kept and found by its first words.
    let long = Slice::total().with("app", "日本\0x".repeat(500));
    store
        .save_alert(&Alert { slice: long, incident_id: "y".repeat(3_000), ..alert("long", Timestamp::from_millis(0)) })
        .await?;
    assert_eq!(found(store, "long app:日本").await?, "long");
    Ok(())
}
