//! Models side by side on the same stream: what each made of it, and whether that is good enough.

use hark_model::Measured;
use serde::{Deserialize, Serialize};

/// What is called strange: as one in so many normal rows is.
pub(super) const STRANGE: f64 = 0.01;
/// Of fewer rows nothing is concluded.
const ROWS_MIN: u32 = 200;
/// A count is as asked for if it is within so many deviations of it.
const DEVIATIONS: f64 = 3.0;
/// Where nearly all is caught chance leaves no room: less by this part of the rows is still as much.
const LESS_ALLOWED: f64 = 0.01;
/// More false alarms than asked for by this are still as promised.
const SLACK: f64 = 1.25;
/// A tenth of normal rows should be among the strangest tenth; where so many are, normal is no longer what it was.
const DRIFTED_SHARE: f64 = 0.2;
const TENTH: f64 = 0.1;
/// A version has fallen when it catches less than this part of what it once did, or raises so many times the alarms.
const FALLEN_TO: f64 = 0.5;
const FALLEN_ALARMS: f64 = 3.0;

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    measured: Measured,
    strangest_tenth: u32,
}

impl Tally {
    pub(super) fn add(&mut self, quiet: f64, worse: f64) {
        self.measured.rows += 1;
        self.measured.false_alarms += u32::from(quiet <= STRANGE);
        self.measured.caught += u32::from(worse <= STRANGE);
        self.strangest_tenth += u32::from(quiet <= TENTH);
    }

    pub(super) fn measured(&self) -> Measured {
        self.measured
    }

    pub(super) fn says_enough(&self) -> bool {
        self.measured.rows >= ROWS_MIN
    }

    /// Whether normal rows are no longer those that the model was made of.
    pub(super) fn has_drifted(&self) -> bool {
        let rows = f64::from(self.measured.rows);
        self.says_enough() && f64::from(self.strangest_tenth) > DRIFTED_SHARE * rows
    }
}

/// Whether a version may stand where the active one stands; why, or why not.
pub(super) fn gate(candidate: Measured, active: Option<Measured>) -> Result<String, String> {
    let said = sentence(candidate, active);
    // To whom everything is strange catches everything.
    let active = active.filter(|active| f64::from(active.false_alarms) <= alarms_allowed(active.rows, SLACK));
    if f64::from(candidate.false_alarms) > alarms_allowed(candidate.rows, SLACK) {
        return Err(format!("too many quiet rows are strange to it: {said}"));
    }
    let least = match active {
        Some(active) => {
            let share = share(active.caught, active.rows);
            let rows = f64::from(candidate.rows);
            (share - LESS_ALLOWED) * rows - DEVIATIONS * (rows * share * (1.0 - share)).sqrt()
        }
        // Better than chance, by far.
        None => 2.0 * alarms_allowed(candidate.rows, SLACK),
    };
    if f64::from(candidate.caught) < least {
        return Err(format!("it catches too little: {said}"));
    }
    Ok(said)
}

/// Why a version that was good no longer is.
pub(super) fn fallen(now: Measured, proven: Measured) -> Option<String> {
    let said = sentence(now, None);
    if f64::from(now.false_alarms) > alarms_allowed(now.rows, FALLEN_ALARMS) {
        return Some(format!("too many quiet rows are strange to it: {said}"));
    }
    let asked = FALLEN_TO * share(proven.caught, proven.rows);
    let is_blind = share(now.caught, now.rows) < asked;
    is_blind.then(|| format!("it catches less than half of what it did: {said}"))
}

fn alarms_allowed(rows: u32, slack: f64) -> f64 {
    let asked = STRANGE * f64::from(rows);
    slack * asked + DEVIATIONS * asked.sqrt()
}

fn share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

fn sentence(one: Measured, active: Option<Measured>) -> String {
    let caught = |one: Measured| (100.0 * share(one.caught, one.rows)).round();
    let beside = active.map(|active| format!(", the active one {} %", caught(active))).unwrap_or_default();
    format!(
        "{} of {} quiet rows are strange ({:.0} expected), and with a regression put in {} %{beside}",
        one.false_alarms,
        one.rows,
        STRANGE * f64::from(one.rows),
        caught(one),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(false_alarms: u32, caught: u32) -> Measured {
        Measured { rows: 1_000, false_alarms, caught }
    }

    #[test]
    fn what_cries_wolf_or_is_blind_does_not_pass() {
        assert!(gate(measured(10, 600), None).is_ok());
        assert!(gate(measured(40, 900), None).unwrap_err().starts_with("too many quiet rows"));
        assert!(gate(measured(3, 30), None).unwrap_err().starts_with("it catches too little"));
        assert!(gate(measured(10, 590), Some(measured(12, 600))).is_ok());
        assert!(
            gate(measured(10, 590), Some(measured(900, 1_000))).is_ok(),
            "an active one that cries wolf is no measure"
        );
        assert!(gate(measured(10, 985), Some(measured(12, 998))).is_ok(), "nearly all, both");
        let refused = gate(measured(10, 400), Some(measured(12, 600))).unwrap_err();
        assert_eq!(
            refused,
            "it catches too little: 10 of 1000 quiet rows are strange (10 expected), and with a regression put in 40 %, the active \
             one 60 %"
        );
    }

    #[test]
    fn a_version_falls_when_it_forgets_half_or_cries_wolf() {
        let proven = measured(10, 600);
        assert_eq!(fallen(measured(20, 400), proven), None);
        assert!(fallen(measured(10, 200), proven).is_some() && fallen(measured(80, 900), proven).is_some());
    }

    #[test]
    fn rows_that_are_no_longer_even_are_a_drift() {
        let of = |even: f64| {
            let mut tally = Tally::default();
            (0..500).for_each(|at| tally.add(even * f64::from(at) / 500.0, 1.0));
            tally
        };
        assert!(!of(1.0).has_drifted() && of(0.4).has_drifted());
        assert!(!Tally::default().has_drifted());
    }
}
