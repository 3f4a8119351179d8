//! Lists of alerts: order, pages, filters, bounds.

use hark_model::{Alert, AlertStatus, Timestamp};

use super::{CaseResult, alert, all_pages, at, id, names};
use crate::{ALERTS_PER_PAGE_DEFAULT, ALERTS_PER_PAGE_MAX, Act, AlertQuery, Store, StoreError, Whose};

pub async fn paging_over_equal_times_gives_each_alert_once(store: &dyn Store) -> CaseResult {
    let saved: Vec<Alert> = (0..250).map(|n| alert(&format!("a{n:03}"), at(0))).collect();
    let backwards: Vec<Alert> = saved.iter().rev().cloned().collect();
    store.save_alerts(&backwards).await?;
    let first = store.alerts(&AlertQuery::default()).await?;
    assert_eq!(first.alerts.len(), ALERTS_PER_PAGE_DEFAULT);
    for limit in [None, Some(7), Some(50), Some(249), Some(250), Some(251), Some(ALERTS_PER_PAGE_MAX)] {
        let found = all_pages(store, &AlertQuery { limit, ..AlertQuery::default() }).await?;
        assert_eq!(names(&found), names(&saved), "{limit:?}");
    }
    let whole = store.alerts(&AlertQuery { limit: Some(250), ..AlertQuery::default() }).await?;
    assert_eq!(whole.next, None, "a full page that is the last one has no next");
    Ok(())
}

pub async fn pages_follow_time_then_id(store: &dyn Store) -> CaseResult {
    // Ids in the order of their bytes: that of a language would put é beside e, and a before B.
    let in_order = [("z", 2), ("B", 1), ("a", 1), ("e", 1), ("f", 1), ("é", 1), ("a0", 0)];
    for (name, minutes) in in_order.iter().rev() {
        store.save_alert(&alert(name, at(*minutes))).await?;
    }
    let found = all_pages(store, &AlertQuery { limit: Some(1), ..AlertQuery::default() }).await?;
    assert_eq!(names(&found), in_order.map(|(name, _)| name));
    // An alert that opens while somebody pages shifts nothing.
    let first = store.alerts(&AlertQuery { limit: Some(3), ..AlertQuery::default() }).await?;
    store.save_alert(&alert("new", at(9))).await?;
    let second = store.alerts(&AlertQuery { cursor: first.next, ..AlertQuery::default() }).await?;
    assert_eq!(names(&second.alerts), ["e", "f", "é", "a0"]);
    Ok(())
}

pub async fn alerts_of_one_incident_are_read_together(store: &dyn Store) -> CaseResult {
    let of = |name: &str, minutes: i64, incident: &str| Alert {
        incident_id: incident.to_owned(),
        ..alert(name, at(minutes))
    };
    let long = "日本 ' \" ".repeat(40);
    store.save_alerts(&[of("c", 3, &long), of("b", 1, &long), of("a", 3, &long), of("d", 2, "in_2")]).await?;
    assert_eq!(names(&store.incident(&long).await?), ["b", "a", "c"]);
    store.act(&id("d"), Act::Acknowledge { by: "ada" }, at(4)).await?;
    let other = store.incident("in_2").await?;
    assert_eq!(other.iter().map(|alert| alert.status).collect::<Vec<_>>(), [AlertStatus::Acknowledged]);
    // The pipeline may come to see it as part of another one.
    store.save_alert(&of("d", 2, &long)).await?;
    assert_eq!(names(&store.incident(&long).await?), ["b", "d", "a", "c"]);
    for unknown in ["in_2", "", "in_2\0"] {
        assert!(store.incident(unknown).await?.is_empty(), "{unknown:?}");
    }
    Ok(())
}

pub async fn alerts_are_filtered(store: &dyn Store) -> CaseResult {
    let metrics = ["response_time", "error_rate"];
    let mut saved = Vec::new();
    for n in 0..24_usize {
        let status = AlertStatus::ALL[n % 4];
        let metric = metrics[n / 4 % 2].to_owned();
        saved.push(Alert { status, metric, ..alert(&format!("a{n:02}"), at(n as i64)) });
    }
    store.save_alerts(&saved).await?;
    let count = |status, metric: Option<&str>| {
        let query = AlertQuery { status, metric: metric.map(str::to_owned), limit: Some(4), ..AlertQuery::default() };
        async move { all_pages(store, &query).await.map(|found| found.len()) }
    };
    // Nobody acknowledged anything: what the pipeline calls acknowledged is firing.
    assert_eq!(count(Some(AlertStatus::Firing), None).await?, 12);
    assert_eq!(count(Some(AlertStatus::Acknowledged), None).await?, 0);
    assert_eq!(count(Some(AlertStatus::Silenced), None).await?, 6);
    assert_eq!(count(Some(AlertStatus::Resolved), Some("error_rate")).await?, 3);
    assert_eq!(count(None, Some("response_time")).await?, 12);
    assert_eq!(count(None, Some("Response_time")).await?, 0);
    assert_eq!(count(None, Some("nosuch' OR '1'='1")).await?, 0);
    Ok(())
}

pub async fn lists_of_a_team_and_of_a_person(store: &dyn Store) -> CaseResult {
    for (name, owner) in [("a", Some("voice")), ("b", Some("voice")), ("c", Some("search")), ("d", None)] {
        store.save_alert(&Alert { owner: owner.map(str::to_owned), ..alert(name, at(0)) }).await?;
    }
    store.acknowledge(&id("a"), "ada", at(1)).await?;
    store.act(&id("c"), Act::Assign { by: "eve", to: "ada" }, at(1)).await?;
    store.act(&id("d"), Act::Assign { by: "eve", to: "ada" }, at(1)).await?;
    store.act(&id("d"), Act::Assign { by: "ada", to: "bob" }, at(2)).await?;
    let found = |whose: Whose, status, metric: Option<&str>| {
        let metric = metric.map(str::to_owned);
        let query = AlertQuery { whose: Some(whose), status, metric, limit: Some(1), ..AlertQuery::default() };
        async move { all_pages(store, &query).await.map(|found| names(&found).join(" ")) }
    };
    let team = |name: &str| Whose::Owner(name.to_owned());
    let person = |name: &str| Whose::Assignee(name.to_owned());
    assert_eq!(found(team("voice"), None, None).await?, "a b");
    assert_eq!(found(team("voice"), Some(AlertStatus::Firing), None).await?, "b");
    assert_eq!(found(team("voice"), Some(AlertStatus::Acknowledged), Some("response_time")).await?, "a");
    assert_eq!(found(team("voice"), None, Some("nosuch")).await?, "");
    assert_eq!(found(team("nosuch"), None, None).await?, "");
    assert_eq!(found(person("ada"), None, None).await?, "a c");
    assert_eq!(found(person("ada"), Some(AlertStatus::Firing), Some("response_time")).await?, "c");
    assert_eq!(found(person("bob"), Some(AlertStatus::Firing), None).await?, "d");
    assert_eq!(found(person("bob"), None, Some("nosuch")).await?, "");
    assert_eq!(found(person("bob"), None, Some("response_time")).await?, "d");
    let nobody = AlertQuery { whose: Some(person("")), ..AlertQuery::default() };
    assert!(matches!(store.alerts(&nobody).await, Err(StoreError::Query(_))));
    Ok(())
}

pub async fn time_bounds_are_from_inclusive_to_exclusive(store: &dyn Store) -> CaseResult {
    for n in 0..4 {
        store.save_alert(&alert(&format!("a{n}"), at(n))).await?;
    }
    let found = |from: Option<Timestamp>, to: Option<Timestamp>| async move {
        let found = all_pages(store, &AlertQuery { from, to, limit: Some(1), ..AlertQuery::default() }).await?;
        Ok::<_, StoreError>(names(&found).join(" "))
    };
    assert_eq!(found(Some(at(1)), Some(at(3))).await?, "a2 a1");
    assert_eq!(found(Some(at(1)), None).await?, "a3 a2 a1");
    assert_eq!(found(None, Some(at(1))).await?, "a0");
    assert_eq!(found(None, Some(at(1).plus_millis(1))).await?, "a1 a0");
    assert_eq!(found(Some(at(1).plus_millis(1)), Some(at(2))).await?, "");
    assert_eq!(found(Some(at(2)), Some(at(2))).await?, "");
    assert_eq!(found(Some(at(3)), Some(at(0))).await?, "");
    let (first, last) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    assert_eq!(found(Some(first), Some(last)).await?, "a3 a2 a1 a0");
    Ok(())
}

pub async fn senseless_queries_are_refused(store: &dyn Store) -> CaseResult {
    let base = AlertQuery::default();
    let senseless = [
        AlertQuery { limit: Some(0), ..base.clone() },
        AlertQuery { limit: Some(ALERTS_PER_PAGE_MAX + 1), ..base.clone() },
        AlertQuery { cursor: Some("nonsense".to_owned()), ..base.clone() },
        AlertQuery { cursor: Some(String::new()), ..base.clone() },
        AlertQuery { metric: Some("a\0".to_owned()), ..base },
    ];
    for query in senseless {
        let result = store.alerts(&query).await;
        assert!(matches!(result, Err(StoreError::Query(_))), "{query:?} gave {result:?}");
    }
    Ok(())
}
