//! What every detector of plain series has to stand.

use hark_detectors::list::{Build, Entry, for_series};
use hark_detectors::{Row, Scored};

use super::{CHANCE, Numbers, PROMISED, SETTINGS, assert_scored, binomial_quantile};

const HOUR_MS: i64 = 3_600_000;
const START_MS: i64 = 1_777_593_600_000;

fn rows(values: impl IntoIterator<Item = f64>) -> Vec<Row> {
    let row = |(at, value): (usize, f64)| Row::new(START_MS + at as i64 * HOUR_MS, value);
    values.into_iter().enumerate().map(row).collect()
}

/// A day's season and noise, in steps that halves and shifts leave exact.
fn daily(count: usize, seed: u64) -> Vec<f64> {
    let mut numbers = Numbers(seed);
    let value = |at: usize| 64.0 + 8.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin() + numbers.normal();
    (0..count).map(value).map(|value| (value * 1024.0).round() / 1024.0).collect()
}

fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut numbers = Numbers(seed);
    (0..count).map(|_| numbers.normal()).collect()
}

fn each(check: impl Fn(&Entry, Build)) {
    for_series().for_each(|(entry, build)| check(entry, build));
}

fn alarms(verdicts: &[Scored]) -> Vec<usize> {
    verdicts.iter().enumerate().filter(|(_, scored)| scored.is_anomaly).map(|(at, _)| at).collect()
}

fn assert_sound(name: &str, rows: &[Row], verdicts: &[Scored]) {
    assert_eq!(verdicts.len(), rows.len(), "{name}: one verdict a row");
    for (at, scored) in verdicts.iter().enumerate() {
        assert_scored(name, at, *scored);
    }
}

#[test]
fn next_to_nothing_is_no_anomaly() {
    let cases = [
        ("empty", Vec::new()),
        ("one row", rows([7.0])),
        ("constant", rows([7.0; 600])),
        ("zero", rows([0.0; 600])),
        ("all gaps", (0..600).map(|at| Row::gap(START_MS + at * HOUR_MS)).collect()),
        ("no numbers", rows([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].repeat(200))),
    ];
    each(|entry, build| {
        for (what, rows) in &cases {
            let name = format!("{}, {what}", entry.name);
            let mut online = build(SETTINGS);
            let verdicts = online.score(rows);
            assert_sound(&name, rows, &verdicts);
            assert_eq!(alarms(&verdicts), Vec::<usize>::new(), "{name}");
            let mut batch = build(SETTINGS);
            batch.fit(rows);
            let verdicts = batch.score(rows);
            assert_sound(&name, rows, &verdicts);
            assert_eq!(alarms(&verdicts), Vec::<usize>::new(), "{name}, batch");
        }
    });
}

#[test]
fn a_gap_says_nothing_and_is_no_number() {
    each(|entry, build| {
        let values = daily(600, 3);
        let gaps = |at: usize| at % 7 == 3 || (300..340).contains(&at);
        let with = |gap: f64| {
            let values = values.iter().enumerate().map(|(at, value)| if gaps(at) { gap } else { *value });
            build(SETTINGS).score(&rows(values))
        };
        let verdicts = with(f64::NAN);
        assert_eq!(verdicts, with(f64::INFINITY), "{}", entry.name);
        for (at, scored) in verdicts.iter().enumerate().filter(|(at, _)| gaps(*at)) {
            assert_eq!(*scored, Scored::NOTHING, "{}: row {at}", entry.name);
        }
    });
}

#[test]
fn whatever_finite_comes_is_judged() {
    let wild = [f64::MAX, f64::MIN, 0.0, -0.0, f64::MIN_POSITIVE, 1e300, -1e300];
    let mut numbers = Numbers(5);
    let value =
        |at: usize, numbers: &mut Numbers| if at.is_multiple_of(3) { wild[at % wild.len()] } else { numbers.normal() };
    // Times may stand still and go back.
    let time = |at: usize| START_MS + (at as i64 * 7_919 % 500) * HOUR_MS;
    let rows: Vec<Row> = (0..1_200).map(|at| Row::new(time(at), value(at, &mut numbers))).collect();
    let edges: Vec<Row> =
        [i64::MIN, 0, i64::MAX, i64::MIN, 1].into_iter().cycle().take(200).map(|time| Row::new(time, 1.0)).collect();
    each(|entry, build| {
        assert_sound(entry.name, &rows, &build(SETTINGS).score(&rows));
        assert_sound(entry.name, &edges, &build(SETTINGS).score(&edges));
        let mut batch = build(SETTINGS);
        batch.fit(&rows);
        assert_sound(entry.name, &rows, &batch.score(&rows));
    });
}

#[test]
fn the_same_rows_and_seed_give_the_same_bytes_however_they_are_cut() {
    let rows = rows(daily(900, 11));
    each(|entry, build| {
        let whole = build(SETTINGS).score(&rows);
        assert_eq!(whole, build(SETTINGS).score(&rows), "{}", entry.name);
        let mut cut = build(SETTINGS);
        let mut verdicts = cut.score(&rows[..1]);
        verdicts.extend(cut.score(&[]));
        rows[1..].chunks(37).for_each(|rows| verdicts.extend(cut.score(rows)));
        assert_eq!(whole, verdicts, "{}", entry.name);
    });
}

#[test]
fn parts_are_told_and_change_nothing() {
    let rows = rows(daily(900, 13));
    each(|entry, build| {
        let whole = build(SETTINGS).score(&rows);
        let mut asked = build(SETTINGS);
        assert_eq!(asked.breakdown(rows[0]), None, "{}", entry.name);
        asked.score(&rows[..800]);
        let broken = asked.breakdown(rows[800]);
        assert!(broken.is_some(), "{}", entry.name);
        assert_eq!(broken, asked.breakdown(rows[800]), "{}", entry.name);
        assert_eq!(asked.breakdown(Row::gap(rows[800].time_ms())), None, "{}", entry.name);
        assert_eq!(whole[800..], asked.score(&rows[800..]), "{}", entry.name);
    });
}

/// A row is judged without those after it.
#[test]
fn what_comes_later_changes_nothing() {
    let (mut one, mut other) = (daily(900, 12), daily(900, 12));
    one[600..].fill(1e6);
    other[600..].fill(-3.0);
    each(|entry, build| {
        let [one, other] = [&one, &other].map(|values| build(SETTINGS).score(&rows(values.iter().copied())));
        assert_eq!(one[..600], other[..600], "{}", entry.name);
    });
}

#[test]
fn shift_and_scale_are_as_declared() {
    /// Decades of a chance that rounding may move.
    const DECADES: f64 = 0.02;
    let plain = daily(900, 13);
    each(|entry, build| {
        let judged = |change: fn(f64) -> f64| build(SETTINGS).score(&rows(plain.iter().map(|value| change(*value))));
        let as_it_is = judged(|value| value);
        let declared = [
            ("scale", entry.unmoved_by.scale, judged(|value| 4.0 * value)),
            ("shift", entry.unmoved_by.shift, judged(|value| value + 1024.0)),
        ];
        for (what, _, changed) in declared.into_iter().filter(|(_, is_declared, _)| *is_declared) {
            assert_eq!(alarms(&as_it_is), alarms(&changed), "{}: {what}", entry.name);
            let differs = |pair: &(&Scored, &Scored)| (pair.0.p_value.log10() - pair.1.p_value.log10()).abs() > DECADES;
            let moved = as_it_is.iter().zip(&changed).filter(differs).count();
            assert!(moved * 100 <= as_it_is.len(), "{}: {what} moves {moved} verdicts", entry.name);
        }
    });
}

/// At 0.1 in a thousand rows, of 48 series of noise no more than the promise and chance allow raise an alarm.
#[test]
fn noise_is_quiet_at_the_stated_rate() {
    const SERIES: u64 = 48;
    let most = binomial_quantile(SERIES, PROMISED, CHANCE);
    each(|entry, build| {
        let alarmed = (0..SERIES).filter(|seed| {
            let rows = rows(noise(1_504, 1_000 + seed));
            !alarms(&build(SETTINGS).score(&rows)[504..]).is_empty()
        });
        let alarmed = alarmed.count() as u64;
        assert!(alarmed <= most, "{}: {alarmed} of {SERIES} quiet series, at most {most}", entry.name);
    });
}

/// What each can't miss is one of these: a spike, a step, or usual values in an unusual order.
#[test]
fn the_obvious_is_found() {
    const AT: usize = 1_000;
    let usual = daily(1_200, 17);
    let changed = |value: fn(usize, f64) -> f64| rows(usual.iter().enumerate().map(|(at, usual)| value(at, *usual)));
    let cases = [
        ("spike", changed(|at, usual| usual + if at == AT { 40.0 } else { 0.0 })),
        ("step", changed(|at, usual| usual + if at >= AT { 12.0 } else { 0.0 })),
        ("stuck", changed(|at, usual| if (AT..AT + 48).contains(&at) { 64.0 } else { usual })),
    ];
    each(|entry, build| {
        let quiet = alarms(&build(SETTINGS).score(&changed(|_, usual| usual)));
        let found: Vec<&str> = cases
            .iter()
            .filter(|(_, rows)| {
                let found = alarms(&build(SETTINGS).score(rows));
                found.iter().any(|at| (AT..AT + 60).contains(at) && !quiet.contains(at))
            })
            .map(|(what, _)| *what)
            .collect();
        assert!(!found.is_empty(), "{} finds nothing of spike, step and stuck", entry.name);
    });
}
