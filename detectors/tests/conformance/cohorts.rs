//! What every detector of series that go together has to stand.

use hark_detectors::Scored;
use hark_detectors::density::{Cohort, Member};
use hark_detectors::list::{ALL, Entry, Judges};

use super::{CHANCE, Numbers, PROMISED, SETTINGS, assert_scored, binomial_quantile};

const MEMBERS: usize = 6;
/// Rows of a window.
const STEPS: usize = 12;
/// By so many windows it is known how far off a member is once in a thousand times.
const KNOWN: usize = 200;

type Row = [Option<f64>; MEMBERS];
/// Takes a row, and gives a verdict of each member with every window.
type Take = Box<dyn FnMut(&Row) -> Option<Vec<Member>>>;

fn each(check: impl Fn(&Entry, fn() -> Take)) {
    for entry in ALL.iter().filter(|entry| matches!(entry.judges, Judges::Cohorts)) {
        match entry.name {
            "peers" => check(entry, || {
                let mut cohort = Cohort::new(MEMBERS, STEPS, SETTINGS).unwrap();
                Box::new(move |row| cohort.take(row).unwrap())
            }),
            other => panic!("say here how `{other}` is asked"),
        }
    }
}

fn judged(build: fn() -> Take, rows: &[Row]) -> Vec<Vec<Member>> {
    rows.iter().filter_map(build()).collect()
}

/// Member by window.
fn alarms(judged: &[Vec<Member>]) -> Vec<(usize, usize)> {
    let of_window = |(window, members): (usize, &Vec<Member>)| {
        let alarmed = members.iter().enumerate().filter(|(_, member)| member.scored.is_anomaly);
        alarmed.map(|(at, _)| (window, at)).collect::<Vec<_>>()
    };
    judged.iter().enumerate().flat_map(of_window).collect()
}

/// A day that all share, a place of its own for each, and noise; in steps that shifts and scales leave exact.
fn together(rows: usize, seed: u64) -> Vec<Row> {
    let mut numbers = Numbers(seed);
    let mut value = |at: usize, member: usize| {
        let day = 8.0 * (at as f64 / 288.0 * std::f64::consts::TAU).sin();
        ((64.0 + day + 2.0 * member as f64 + numbers.normal()) * 1024.0).round() / 1024.0
    };
    (0..rows).map(|at| std::array::from_fn(|member| Some(value(at, member)))).collect()
}

/// From a window on the fifth is further from the others than noise ever is.
fn departing(seed: u64) -> Vec<Row> {
    let off = |at: usize, member: usize| if at >= KNOWN * STEPS && member == 4 { 12.0 } else { 0.0 };
    changed(&together((KNOWN + 15) * STEPS, seed), |at, member, value| value + off(at, member))
}

fn changed(rows: &[Row], change: impl Fn(usize, usize, f64) -> f64) -> Vec<Row> {
    let of_row = |(at, row): (usize, &Row)| -> Row {
        std::array::from_fn(|member| row[member].map(|value| change(at, member, value)))
    };
    rows.iter().enumerate().map(of_row).collect()
}

#[test]
fn next_to_nothing_is_no_anomaly() {
    let cases: [(&str, Vec<Row>); 5] = [
        ("empty", Vec::new()),
        ("one row", vec![[Some(7.0); MEMBERS]]),
        ("constant", vec![[Some(7.0); MEMBERS]; 900]),
        ("all gaps", vec![[None; MEMBERS]; 900]),
        ("no numbers", [[Some(f64::NAN); MEMBERS], [Some(f64::INFINITY); MEMBERS]].repeat(450)),
    ];
    each(|entry, build| {
        for (what, rows) in &cases {
            let judged = judged(build, rows);
            assert_eq!(judged.len(), rows.len() / STEPS, "{}, {what}", entry.name);
            judged.iter().flatten().for_each(|member| assert_scored(entry.name, 0, member.scored));
            assert_eq!(alarms(&judged), [], "{}, {what}", entry.name);
        }
    });
}

#[test]
fn whatever_finite_comes_is_judged() {
    let wild = [f64::MAX, f64::MIN, 0.0, -0.0, f64::MIN_POSITIVE, 1e300, -1e300];
    let rows = changed(&together(900, 5), |at, member, value| {
        if (at + member).is_multiple_of(3) { wild[(at * 5 + member) % wild.len()] } else { value }
    });
    each(|entry, build| {
        judged(build, &rows).iter().flatten().for_each(|member| assert_scored(entry.name, 0, member.scored));
    });
}

#[test]
fn who_has_no_value_is_said_nothing_of() {
    let mut rows = together(900, 3);
    rows[600..720].iter_mut().for_each(|row| row[2] = None);
    each(|entry, build| {
        let judged = judged(build, &rows);
        let silent = judged[600 / STEPS..720 / STEPS].iter().map(|members| members[2].scored);
        assert!(silent.into_iter().all(|scored| scored == Scored::NOTHING), "{}", entry.name);
    });
}

#[test]
fn the_same_rows_give_the_same_bytes_and_later_ones_change_nothing() {
    let rows = together(900, 11);
    let later = changed(&rows, |at, member, value| if at >= 600 { 1e6 * member as f64 } else { value });
    each(|entry, build| {
        let whole = judged(build, &rows);
        assert_eq!(whole, judged(build, &rows), "{}", entry.name);
        assert_eq!(whole[..600 / STEPS], judged(build, &later)[..600 / STEPS], "{}", entry.name);
    });
}

#[test]
fn shift_and_scale_are_as_declared() {
    let rows = departing(13);
    each(|entry, build| {
        let told = |change: fn(f64) -> f64| alarms(&judged(build, &changed(&rows, |_, _, value| change(value))));
        let as_it_is = told(|value| value);
        assert!(!as_it_is.is_empty(), "{}", entry.name);
        assert!(!entry.unmoved_by.scale || told(|value| 4.0 * value) == as_it_is, "{}: scale", entry.name);
        assert!(!entry.unmoved_by.shift || told(|value| value + 1024.0) == as_it_is, "{}: shift", entry.name);
    });
}

/// At 0.1 in a thousand rows, of 48 cohorts no more than the promise and chance allow raise an alarm.
#[test]
fn noise_is_quiet_at_the_stated_rate() {
    const COHORTS: u64 = 48;
    let most = binomial_quantile(COHORTS, PROMISED, CHANCE);
    each(|entry, build| {
        let alarmed = (0..COHORTS).filter(|seed| {
            let judged = judged(build, &together(1_504, 1_000 + seed));
            alarms(&judged).iter().any(|(window, _)| *window >= 504 / STEPS)
        });
        let alarmed = alarmed.count() as u64;
        assert!(alarmed <= most, "{}: {alarmed} of {COHORTS} quiet cohorts, at most {most}", entry.name);
    });
}

#[test]
fn the_obvious_is_found() {
    let rows = departing(17);
    each(|entry, build| {
        let told = alarms(&judged(build, &rows));
        let first = told.iter().find(|(window, _)| *window >= KNOWN);
        assert_eq!(first, Some(&(KNOWN, 4)), "{}: {told:?}", entry.name);
    });
}
