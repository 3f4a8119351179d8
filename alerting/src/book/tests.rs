//! Findings join, alerts end, are reviewed and fire again.

use hark_model::{Definitions, Direction, WhyVerdict};

use super::*;

fn finding(metric: &str, slice: &str, minute: i64) -> Finding {
    let onset = Timestamp::from_millis(0).plus_minutes(minute);
    let shift = Shift {
        kind: FindingKind::Regression,
        statistic: Statistic::P95,
        direction: Direction::Up,
        onset,
        onset_interval: [onset, onset],
        before: 100.0,
        after: 150.0,
        interval: [40.0, 60.0],
        requests: 1000,
        e_value: 1e6,
        detectors: Vec::new(),
    };
    Finding { metric: metric.to_owned(), slice: slice.parse().unwrap(), at: onset.plus_minutes(10), shift }
}

fn caused_by(slice: &str) -> Explanation {
    let cause = Cause { slice: slice.parse().unwrap(), share: 0.9, delta: 10.0, requests: 100, ..Cause::default() };
    Explanation { causes: vec![cause], ..Explanation::default() }
}

fn take(book: &mut Book, finding: &Finding, explanation: Explanation) -> Alert {
    take_fresh(book, finding, explanation, false)
}

fn take_fresh(book: &mut Book, finding: &Finding, explanation: Explanation, is_fresh: bool) -> Alert {
    let definitions = Definitions::built_in();
    let metric = definitions.get(&finding.metric).unwrap();
    let is_fresh = &|_: &Alert| is_fresh;
    book.take(Opening { finding, metric, users: Some(9), explanation, budget: "1 per week", is_fresh }).clone()
}

#[test]
fn one_cause_seen_in_many_slices_is_one_alert() {
    let mut book = Book::default();
    let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    let second = take(&mut book, &finding("response_time", "platform:iOS", 5), caused_by("cluster:eu,platform:iOS"));
    let third = take(&mut book, &finding("response_time", "locale:de_DE", 5), Explanation::default());
    assert_eq!((&second.id, &third.id), (&first.id, &first.id));
    assert_eq!(first.slice.to_string(), "cluster:eu");
    assert_eq!(third.folded.len(), 2);
    let came: Vec<String> = third.joined.iter().map(|one| format!("{} {}", one.at, one.slice)).collect();
    assert_eq!(
        came,
        ["1970-01-01T00:10:00Z total", "1970-01-01T00:15:00Z platform:iOS", "1970-01-01T00:15:00Z locale:de_DE"]
    );
}

#[test]
fn what_creeps_on_shared_traffic_is_one_alert_however_many_days_apart_it_shows() {
    const DAY: i64 = 24 * 60;
    let creep = |slice: &str, day: i64| finding("response_time", slice, day * DAY);
    let mut book = Book::default();
    let first = take(&mut book, &creep("cluster:eu", 20), Explanation::default());
    let joins = |book: &mut Book, finding: &Finding| book.join_crept(finding).map(|alert| alert.id.clone());
    assert_eq!(joins(&mut book, &creep("locale:de_DE", 26)), Some(first.id.clone()));
    assert_eq!(joins(&mut book, &creep("total", 14)), Some(first.id.clone()));
    assert_eq!(joins(&mut book, &creep("cluster:us", 20)), None, "other traffic");
    assert_eq!(joins(&mut book, &creep("locale:de_DE", 40)), None, "began long after");
    let failing = Finding { metric: "failure_rate".to_owned(), ..creep("cluster:eu", 20) };
    assert_eq!(joins(&mut book, &failing), None, "another metric");
    assert_eq!(book.alert(&first.id).unwrap().folded.len(), 2);
    for slice in ["locale:de_DE", "total", "cluster:eu"] {
        book.recover("response_time", &slice.parse().unwrap(), Timestamp::from_millis(0).plus_minutes(50 * DAY));
    }
    assert_eq!(joins(&mut book, &creep("cluster:eu", 26)), None, "it is over");
}

#[test]
fn a_slice_that_is_not_claimed_is_not_what_an_alert_is_about() {
    let why = |verdict: WhyVerdict| Why {
        verdict,
        reason: "cluster eu stands out, but explains only 30 % of the move".to_owned(),
        confidence: 0.3,
        compared: None,
        rest: None,
        mix_share: None,
        offsets: Vec::new(),
        leads: Vec::new(),
        deletion: None,
        ruled_out: Vec::new(),
        something_else: 1.0,
        tested: None,
        left_out: Vec::new(),
    };
    let told = |verdict| Explanation { why: Some(why(verdict)), ..caused_by("cluster:eu") };
    for (verdict, slice) in [
        (WhyVerdict::Slices, "cluster:eu"),
        (WhyVerdict::Everywhere, "cluster:eu"),
        (WhyVerdict::Unsure, "platform:iOS"),
        (WhyVerdict::MixOnly, "platform:iOS"),
    ] {
        let mut book = Book::default();
        let found = finding("response_time", "platform:iOS", 0);
        let alert = take(&mut book, &found, told(verdict));
        assert_eq!(alert.slice.to_string(), slice, "{verdict:?}");
        // More data make it sure.
        book.renew(&alert.id, &found.shift, told(WhyVerdict::Slices));
        assert_eq!(book.alert(&alert.id).unwrap().slice.to_string(), "cluster:eu", "{verdict:?}");
        // Calmer data are sure of nothing, and unsay nothing.
        book.renew(&alert.id, &found.shift, told(WhyVerdict::Unsure));
        let kept = book.alert(&alert.id).unwrap();
        assert_eq!(kept.why.as_ref().map(|why| why.verdict), Some(WhyVerdict::Slices), "{verdict:?}");
    }
}

#[test]
fn another_cause_is_another_alert_and_another_metric_the_same_incident() {
    let mut book = Book::default();
    let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    let other = take(&mut book, &finding("response_time", "total", 400), caused_by("cluster:us"));
    let failing = take(&mut book, &finding("failure_rate", "cluster:eu", 20), caused_by("cluster:eu"));
    assert_ne!(other.id, first.id);
    assert_ne!(other.incident_id, first.incident_id);
    assert_ne!(failing.id, first.id);
    assert_eq!(failing.incident_id, first.incident_id);
}

#[test]
fn it_ends_when_its_slice_recovered_and_fires_again_when_it_relapses() {
    let mut book = Book::default();
    let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    take(&mut book, &finding("response_time", "cluster:eu", 5), caused_by("cluster:eu"));
    take(&mut book, &finding("response_time", "locale:sv_SE", 9), Explanation::default());
    let at = Timestamp::from_millis(0).plus_minutes(60);
    assert_eq!(book.recover("response_time", &Slice::total(), at), None);
    let ended = book.recover("response_time", &"cluster:eu".parse().unwrap(), at).unwrap();
    assert_eq!(ended, Ended { id: first.id.clone(), left: vec!["locale:sv_SE".parse().unwrap()] });
    let alert = book.alert(&ended.id).unwrap();
    assert_eq!((alert.status, alert.resolved_at), (AlertStatus::Resolved, Some(at)));
    let again = take(&mut book, &finding("response_time", "total", 100), caused_by("cluster:eu"));
    assert_eq!((again.id, again.status, again.resolved_at), (first.id, AlertStatus::Firing, None));
}

#[test]
fn what_is_back_after_a_night_is_the_same_alert_where_it_was_and_as_large() {
    let mut book = Book::default();
    let minute = |minute: i64| Timestamp::from_millis(0).plus_minutes(minute);
    let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    let ended = |book: &mut Book, at| book.recover("response_time", &Slice::total(), minute(at)).map(|ended| ended.id);
    for hour in [10, 20, 30] {
        assert_eq!(ended(&mut book, (hour - 9) * 60), Some(first.id.clone()));
        let again = take_fresh(&mut book, &finding("response_time", "total", hour * 60), caused_by("cluster:eu"), true);
        assert_eq!(again.id, first.id, "{hour}");
    }
    assert_eq!(ended(&mut book, 31 * 60), Some(first.id.clone()));
    let mut larger = finding("response_time", "total", 40 * 60);
    larger.shift.after = 400.0;
    assert_ne!(take_fresh(&mut book, &larger, caused_by("cluster:eu"), true).id, first.id, "another regression");
    for elsewhere in ["locale:sv_SE", "cluster:eu,platform:iOS", "total"] {
        let other = finding("response_time", "total", 40 * 60);
        assert_ne!(take_fresh(&mut book, &other, caused_by(elsewhere), true).id, first.id, "{elsewhere}");
    }
    book.due(minute(46 * 60));
    let later = finding("response_time", "total", 46 * 60);
    assert_ne!(take_fresh(&mut book, &later, caused_by("cluster:eu"), true).id, first.id);
}

#[test]
fn what_began_later_is_told_though_an_alert_around_it_has_not_ended() {
    let mut book = Book::default();
    let first = take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    let within = "cluster:eu,platform:iOS";
    let late = finding("response_time", "platform:iOS", 20 * 60);
    let part = take_fresh(&mut book, &late, caused_by(within), false);
    assert_eq!(part.id, first.id, "its series cannot say that it is another");
    let other = take_fresh(&mut book, &late, caused_by(within), true);
    assert_ne!((&other.id, &other.incident_id), (&first.id, &first.incident_id));
    assert_eq!(book.fold_into_wider(&other.id, other.opened_at), None, "nor does it vanish in it later");
}

#[test]
fn hours_of_alerts_and_of_dismissed_findings_are_known_to_be_unusual() {
    let mut book = Book::default();
    let minute = |minute: i64| Timestamp::from_millis(0).plus_minutes(minute);
    take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    book.recover("response_time", &Slice::total(), minute(90));
    let at = minute(300);
    let slice: Slice = "cluster:us".parse().unwrap();
    let metric = "response_time".to_owned();
    book.dismiss(Dropped { at, metric, slice, stage: Stage::Rate, reason: Reason::Gone, moved: None }, minute(200));
    let unusual = |book: &Book, slice: &str| book.unusual("response_time", &slice.parse().unwrap(), minute(400));
    assert_eq!(unusual(&book, "cluster:eu"), [[minute(0), minute(90)]]);
    book.due(minute(400));
    assert_eq!(unusual(&book, "total"), [[minute(200), minute(300)], [minute(0), minute(90)]]);
    assert!(unusual(&book, "cluster:asia").is_empty());
    assert!(book.unusual("requests", &Slice::total(), minute(400)).is_empty());
    book.due(minute(20 * 24 * 60));
    assert!(unusual(&book, "total").is_empty());
}

#[test]
fn an_alert_that_turns_out_to_be_part_of_another_ends_in_it() {
    let mut book = Book::default();
    let wide = take(&mut book, &finding("response_time", "total", 0), caused_by("platform:iOS"));
    let other = take(&mut book, &finding("response_time", "feature:calls", 9), caused_by("feature:calls"));
    assert_ne!(wide.id, other.id);
    let now = Timestamp::from_millis(0).plus_minutes(90);
    assert_eq!(book.fold_into_wider(&other.id, now), None);
    let shift = finding("response_time", "feature:calls", 9).shift;
    book.renew(&other.id, &shift, caused_by("feature:calls,platform:iOS"));
    assert_eq!(book.fold_into_wider(&other.id, now), Some(wide.id.clone()));
    let folded = book.alert(&other.id).unwrap();
    assert_eq!((folded.status, &folded.folded_into), (AlertStatus::Resolved, &Some(wide.id.clone())));
    // Its series goes on in the wider one, which tells of its candidates, too.
    let told: Vec<String> = book.alert(&wide.id).unwrap().joined.iter().map(|one| one.slice.to_string()).collect();
    assert_eq!(told, ["total", "feature:calls"]);
    let left = vec!["feature:calls".parse().unwrap()];
    assert_eq!(book.recover("response_time", &Slice::total(), now), Some(Ended { id: wide.id, left }));
}

#[test]
fn an_alert_that_has_settled_keeps_its_place() {
    let mut book = Book::default();
    let alert = take(&mut book, &finding("response_time", "total", 0), caused_by("feature:home"));
    let shift = finding("response_time", "total", 0).shift;
    let mut review = |minutes: i64, slice: &str| {
        book.due(alert.opened_at.plus_minutes(minutes));
        book.renew(&alert.id, &shift, caused_by(slice));
        book.alert(&alert.id).unwrap().slice.to_string()
    };
    assert_eq!(review(15, "feature:calls"), "feature:calls");
    assert_eq!(review(30, "feature:home"), "feature:home");
    // Another regression that began beside it does not carry it away; a truer slice of its own does.
    assert_eq!(review(60, "feature:music"), "feature:home");
    assert_eq!(review(120, "feature:home,platform:iOS"), "feature:home,platform:iOS");
    let causes: Vec<_> = book.alert(&alert.id).unwrap().causes.iter().map(|one| one.slice.to_string()).collect();
    assert_eq!(causes, ["feature:home,platform:iOS"]);
}

#[test]
fn an_estimate_is_said_in_two_digits() {
    assert_eq!([0, 7, 42, 104, 105, 9_120, 123_456].map(about), [0, 7, 42, 100, 110, 9_100, 120_000]);
}

#[test]
fn reviews_come_ever_less_often() {
    let mut book = Book::default();
    take(&mut book, &finding("response_time", "total", 0), caused_by("cluster:eu"));
    let reviewed =
        (0..24 * 60).filter(|minute| !book.due(Timestamp::from_millis(0).plus_minutes(10 + *minute)).is_empty());
    assert_eq!(reviewed.collect::<Vec<_>>(), [15, 30, 60, 120, 240, 480, 720, 960, 1200]);
}

#[test]
fn what_has_stopped_measuring_is_no_regression_any_more() {
    let mut book = Book::default();
    let worse = take(&mut book, &finding("response_time", "cluster:eu", 0), caused_by("cluster:eu"));
    let of_kind = |kind, slice: &str| {
        let mut finding = finding("response_time", slice, 3);
        finding.shift.kind = kind;
        finding.shift.direction = Direction::Down;
        finding
    };
    let stuck = take(&mut book, &of_kind(FindingKind::Stuck, "cluster:eu"), Explanation::default());
    assert_eq!((stuck.id, stuck.kind), (worse.id, FindingKind::Stuck));
    // A regression beside it is none of it.
    let other = take(&mut book, &finding("response_time", "cluster:eu,platform:iOS", 4), Explanation::default());
    assert_eq!(other.kind, FindingKind::Regression);
}

#[test]
fn where_no_data_comes_other_metrics_say_nothing() {
    let mut book = Book::default();
    let mut silent = finding("requests", "cluster:eu", 0);
    silent.shift.kind = FindingKind::NoData;
    silent.shift.direction = Direction::Down;
    let alert = take(&mut book, &silent, Explanation::default());
    let id = |finding: &Finding| book.without_data(finding).map(|alert| alert.id.clone());
    assert_eq!(id(&finding("failure_rate", "cluster:eu,platform:iOS", 5)), Some(alert.id));
    assert_eq!(id(&finding("failure_rate", "total", 5)), None, "elsewhere there is data");
    assert_eq!(id(&finding("failure_rate", "cluster:eu", -60)), None, "it failed before it went silent");
}
