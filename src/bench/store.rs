//! `hark bench store`: the list of alerts when there are very many of them, each filter, first pages and deep ones.

use std::time::Duration;

use anyhow::{Context, Result};
use hark_model::{Alert, AlertId, AlertStatus, Timestamp};
use hark_store::{Act, AlertQuery, Store, Whose};
use hark_store_sqlite::SqliteStore;

use crate::bench::stopwatch;

pub(super) struct Request {
    pub alerts: u32,
    pub rounds: u32,
}

/// Alerts saved together, as a pipeline that catches up does.
const BATCH: u32 = 2_000;
/// One alert in so many is open; the rest is over.
const OPEN_EVERY: u32 = 500;
/// One in so many is looked after by somebody.
const ASSIGNED_EVERY: u32 = 1_000;
const TEAMS: u32 = 12;
const METRICS: u32 = 20;
/// What the inbox asks for.
const PAGE: usize = 50;
/// Pages turned before a deep one is measured.
const DEEP: usize = 40;
const START_MS: i64 = 1_777_593_600_000;

pub(super) fn store(request: &Request) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(request))
}

async fn measure(&Request { alerts, rounds }: &Request) -> Result<()> {
    let folder = tempfile::tempdir().context("a folder for the measurement could not be made: free some space")?;
    let store = SqliteStore::open(folder.path().join("alerts.db")).await?;
    let filling = stopwatch();
    for first in (0..alerts).step_by(BATCH as usize) {
        let batch: Vec<Alert> = (first..alerts.min(first + BATCH)).map(alert).collect();
        store.save_alerts(&batch).await?;
    }
    for n in (0..alerts).step_by(ASSIGNED_EVERY as usize) {
        let act = Act::Assign { by: "bench", to: if n % (2 * ASSIGNED_EVERY) == 0 { "ada" } else { "bob" } };
        store.act(&AlertId(id(n)), act, at(n)).await?;
    }
    println!(
        "{alerts} alerts in SQLite, saved in {:.0} s; pages of {PAGE}, {rounds} rounds",
        filling.elapsed().as_secs_f64()
    );
    println!("{:<50} {:>6} {:>9} {:>9}", "list", "rows", "p50 ms", "p95 ms");
    for (name, query) in questions() {
        let (rows, times) = ask(&store, &query, rounds).await?;
        print_line(name, rows, &times);
    }
    let mut deep = AlertQuery { limit: Some(PAGE), ..AlertQuery::default() };
    for _ in 0..DEEP {
        deep.cursor = store.alerts(&deep).await?.next;
    }
    let (rows, times) = ask(&store, &deep, rounds).await?;
    print_line("all, forty pages down", rows, &times);
    store.close().await;
    Ok(())
}

fn questions() -> Vec<(&'static str, AlertQuery)> {
    let page = || AlertQuery { limit: Some(PAGE), ..AlertQuery::default() };
    let metric = || Some("metric_7".to_owned());
    let team = || Some(Whose::Owner("team_7".to_owned()));
    let ada = || Some(Whose::Assignee("ada".to_owned()));
    let firing = Some(AlertStatus::Firing);
    let words = |words: &str| Some(words.to_owned());
    vec![
        ("all", page()),
        ("firing", AlertQuery { status: firing, ..page() }),
        ("acknowledged, of which there are none", AlertQuery { status: Some(AlertStatus::Acknowledged), ..page() }),
        ("one metric", AlertQuery { metric: metric(), ..page() }),
        ("one metric, firing", AlertQuery { metric: metric(), status: firing, ..page() }),
        ("my team", AlertQuery { whose: team(), ..page() }),
        ("my team, firing", AlertQuery { whose: team(), status: firing, ..page() }),
        (
            "my team, one metric that it does not own",
            AlertQuery { whose: team(), metric: Some("metric_6".to_owned()), ..page() },
        ),
        (
            "my team, one metric that it does not own, resolved",
            AlertQuery {
                whose: team(),
                metric: Some("metric_6".to_owned()),
                status: Some(AlertStatus::Resolved),
                ..page()
            },
        ),
        ("a word that most have", AlertQuery { words: words("cluster_3"), ..page() }),
        ("words that none has", AlertQuery { words: words("response nosuch"), ..page() }),
        ("words that none has, firing", AlertQuery { words: words("response nosuch"), status: firing, ..page() }),
        ("words that none has, one metric", AlertQuery { words: words("response nosuch"), metric: metric(), ..page() }),
        ("mine", AlertQuery { whose: ada(), ..page() }),
        ("mine, firing, one metric", AlertQuery { whose: ada(), status: firing, metric: metric(), ..page() }),
        ("nobody's", AlertQuery { whose: Some(Whose::Assignee("nobody".to_owned())), ..page() }),
        ("the oldest day", AlertQuery { to: Some(at(288)), ..page() }),
    ]
}

async fn ask(store: &SqliteStore, query: &AlertQuery, rounds: u32) -> Result<(usize, Vec<Duration>)> {
    let mut times = Vec::new();
    let mut rows = 0;
    for _ in 0..rounds {
        let watch = stopwatch();
        rows = store.alerts(query).await?.alerts.len();
        times.push(watch.elapsed());
    }
    times.sort_unstable();
    Ok((rows, times))
}

fn print_line(name: &str, rows: usize, times: &[Duration]) {
    let at = |share: f64| times.get((share * (times.len() - 1) as f64).ceil() as usize).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{name:<50} {rows:>6} {:>9.2} {:>9.2}", ms(at(0.5)), ms(at(0.95)));
}

fn id(n: u32) -> String {
    format!("al_{n:08x}")
}

fn at(n: u32) -> Timestamp {
    Timestamp::from_millis(START_MS).plus_minutes(5 * i64::from(n))
}

/// As alerts are, without the frozen chart, which the list thins out to a few kilobytes. Read from JSON, as the store
/// reads them: fields that alerts gain later have a usual value.
fn alert(n: u32) -> Alert {
    let opened_at = at(n);
    let is_open = n.is_multiple_of(OPEN_EVERY);
    let slice = serde_json::json!({ "cluster": format!("cluster_{}", n % 7), "locale": "de_DE" });
    let document = serde_json::json!({
        "id": id(n),
        "metric": format!("metric_{}", n % METRICS),
        "owner": format!("team_{}", n % METRICS % TEAMS),
        "statistic": "p95",
        "direction": "up",
        "severity": "warning",
        "status": if is_open { "firing" } else { "resolved" },
        "resolved_at": (!is_open).then(|| opened_at.plus_minutes(90)),
        "slice": slice,
        "incident_id": format!("in_{n}"),
        "opened_at": opened_at,
        "onset": opened_at.plus_minutes(-15),
        "onset_interval": [opened_at.plus_minutes(-20), opened_at],
        "effect": {
            "before": 812.0, "after": 934.0, "delta": 122.0, "relative": 0.15, "interval": [101.0, 143.0],
            "unit": "ms", "requests": 18_211, "users": 9_100,
        },
        "evidence": {
            "e_value": 2.1e5,
            "false_alarm_budget": "1 per week",
            "detectors": [{ "name": "watch", "score": 12.2, "p_value": 1e-5, "attributions": [], "base": 0.0 }],
        },
        "causes": [{ "slice": slice, "share": 0.83, "delta": 410.0, "requests": 6_120 }],
        "mix": { "within": 118.0, "mix_shift": 4.0 },
        "suspects": [],
    });
    serde_json::from_value(document).unwrap_or_else(|error| unreachable!("the example is an alert: {error}"))
}
