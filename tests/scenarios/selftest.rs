//! The self-test notices every way of breaking the detector, leaves a working one in peace, and touches no real watch.

use std::fs;
use std::sync::Arc;

use hark::bench::selftest::{Request, drills};
use hark::detection::Budget;
use hark::replay::Replay;
use hark_dashboard::SelfTestState;
use hark_detectors::Mutant;
use hark_model::Definitions;
use hark_query::Plan;
use hark_simulate::{Config, Kinds, Simulation};

use crate::support::hark;

/// Not among the seeds that the self-test was tuned on (1 to 8).
const SEEDS: [u64; 2] = [111, 112];

#[test]
fn every_mutant_is_noticed_and_the_working_detector_is_not() {
    for seed in SEEDS {
        let request =
            Request { seeds: seed..=seed, rate: 60.0, healthy_hours: 102, broken_hours: 4, days: 0, incidents: 0 };
        for drill in drills(seed, &request).unwrap() {
            let state = drill.verdict.state;
            let expected = match drill.mutant {
                None => SelfTestState::Working,
                Some(Mutant::SignFlipped) => SelfTestState::Backwards,
                Some(Mutant::StateFrozen | Mutant::NeverFires) => SelfTestState::Blind,
                Some(Mutant::StaleReference) => SelfTestState::Stale,
                Some(Mutant::ThresholdIgnored | Mutant::AlwaysFires) => SelfTestState::Crying,
            };
            assert_eq!(state, expected, "seed {seed}, {:?}: {}", drill.mutant, drill.verdict.sentence);
            assert_eq!(
                drill.noticed_after_minutes.is_some(),
                drill.mutant.is_some(),
                "seed {seed}, {:?}",
                drill.mutant
            );
        }
    }
}

/// A detector that was broken from its first event on, through the command line.
#[test]
fn a_detector_that_never_worked_is_named_by_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let simulated =
        ["simulate", "--seed", "113", "--days", "5", "--rate", "30", "--incidents", "0", "--out", &path("")];
    assert!(hark(&simulated).status.success());
    let events = path("events.ndjson");
    for (mutant, said) in [
        ("state-frozen", "self-test: blind: response_time has had four days of traffic and still expects nothing"),
        ("never-fires", "self-test: blind: "),
        ("always-fires", "self-test: crying: "),
    ] {
        let output = hark(&["replay", &events, "--mutant", mutant, "--out", &path("alerts.json")]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && text.contains(said), "{mutant}: {text}");
    }
    let (with, without) = (path("with.json"), path("without.json"));
    let said = hark(&["replay", &events, "--out", &with]).stderr;
    assert!(String::from_utf8(said).unwrap().contains("self-test: working: "));
    assert!(hark(&["replay", &events, "--no-self-test", "--out", &without]).status.success());
    assert!(fs::read(with).unwrap() == fs::read(without).unwrap());
}

#[test]
fn alerts_are_the_same_to_the_byte_with_and_without_it() {
    let alerts = |is_on: bool| {
        let mut simulation = Simulation::new(Config {
            seed: 101,
            start_ms: Config::DEFAULT_START_MS,
            days: 7,
            rate: 40.0,
            incidents: 4,
            kinds: Kinds::All,
        })
        .unwrap();
        let plan = Arc::new(Plan::compile(&Definitions::built_in()).unwrap());
        let mut replay = Replay::new(plan, Vec::new(), Budget::shared(1.0));
        replay.pipeline.set_self_test(is_on);
        let mut body = Vec::new();
        while (0..60).take_while(|_| simulation.next_minute(&mut body).is_some()).count() > 0 {
            replay.take(&body).unwrap();
            body.clear();
        }
        replay.finish();
        let tried: u32 = replay.pipeline.self_test().sensitivities.iter().map(|one| one.trials).sum();
        (serde_json::to_string(&replay.outcome()).unwrap(), tried)
    };
    let ((with, tried), (without, untried)) = (alerts(true), alerts(false));
    assert!(tried > 50 && untried == 0, "{tried} trials ended with it, {untried} without");
    assert!(with.contains("\"opened_at\""), "the seed must raise an alert");
    assert!(with == without);
}
