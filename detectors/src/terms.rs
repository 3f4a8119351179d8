//! The evidence of a metric in terms that add up to it: by statistic, and that of the strongest by time since the onset.
//!
//! The evidence of a statistic is the mean over moves of four sizes, begun at any step, each held against half of the
//! smallest move that counts. What the steps since the onset say of the move that fits best is told run by run; how much
//! less than that the mean is, is the price of not having known which move it would be.

use hark_model::{Attribution, STEP_MINUTES, Step};

use crate::evidence::log_mean;
use crate::track::Track;

/// Runs of so many steps, the shortest that make few enough of them.
const RUNS: [i64; 7] = [1, 3, 6, 12, 36, 72, 144];
const RUNS_MAX: i64 = 6;
/// What is taken off for all the moves that it could have been.
const PRICE: &str = "price_of_any_move";

/// `logs` are the logarithms of what each statistic says, of which the mean is the evidence; then the strongest one, and the
/// factor that fits it best.
pub(crate) fn of(tracks: &[Track], logs: &[f64], onset: Step, (strongest, factor): (usize, f64)) -> Vec<Attribution> {
    let log_evidence = log_mean(logs);
    let total: f64 = logs.iter().map(|log| (log - log_evidence).exp()).sum();
    let terms = tracks.iter().zip(logs).enumerate().flat_map(|(at, (track, log))| {
        let contribution = log_evidence * (log - log_evidence).exp() / total;
        if at == strongest && contribution.is_finite() {
            return since(track, onset, factor, contribution);
        }
        let feature = format!("{}_beyond_expectation", track.statistic);
        vec![Attribution { feature, value: track.times_expected(onset), contribution }]
    });
    terms.collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    says: f64,
    seen: f64,
    expected: f64,
}

/// Of the steps since `onset`, for a move by `factor`.
fn since(track: &Track, onset: Step, factor: f64, evidence: f64) -> Vec<Attribution> {
    let power = track.power();
    let pasts: Vec<_> = track.since(onset).collect();
    let steps = pasts.last().map_or(0, |last| last.step.0 - onset.0 + 1);
    let length = RUNS.into_iter().find(|length| steps <= length * RUNS_MAX).unwrap_or(RUNS[RUNS.len() - 1]);
    let mut runs = vec![Run::default(); usize::try_from((steps + length - 1) / length).unwrap_or(0)];
    for past in pasts {
        let run = usize::try_from((past.step.0 - onset.0) / length).ok().and_then(|at| runs.get_mut(at));
        let Some(run) = run else { continue };
        let (seen, expected) = past.tally.observed_and_expected();
        run.says += power * past.tally.evidence_for(factor);
        (run.seen, run.expected) = (run.seen + seen, run.expected + expected);
    }
    let term = |(run, at): (&Run, i64)| {
        let [from, to] = [at, at + 1].map(|run| run * length * STEP_MINUTES);
        Attribution {
            feature: format!("{}_minutes_{from}_to_{to}", track.statistic),
            value: if run.expected > 0.0 { run.seen / run.expected } else { 1.0 },
            contribution: run.says,
        }
    };
    let mut terms: Vec<Attribution> = runs.iter().zip(0_i64..).map(term).collect();
    let said: f64 = runs.iter().map(|run| run.says).sum();
    terms.push(Attribution { feature: PRICE.to_owned(), value: factor, contribution: evidence - said });
    terms
}
