//! A network that was made elsewhere, as a detector of plain series: each window of values that ends with a row is scored.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use hark_detectors::{Calibrated, Detector, Row, Scorer, Settings};
use hark_networks::{Library, Served, Windows, check};

use crate::imported::Given;

/// By a model that passes what `hark models import` asks of it, with windows of one column.
pub(crate) fn brought(model: &Given, library: Option<&Path>, settings: Settings) -> Result<Judging> {
    let refused = || format!("{} cannot judge the series", model.shown);
    let library = library.map(Library::load).transpose().with_context(refused)?;
    let served = check(&model.bytes, library.as_ref()).with_context(refused)?.served;
    let columns = served.columns();
    ensure!(
        columns == 1,
        "{} takes windows of {columns} columns, and a series has one value a row; give a model of one column",
        model.shown
    );
    let unjudged = Unjudged::default();
    let scorer = Brought { served, window: VecDeque::new(), unjudged: unjudged.clone() };
    Ok(Judging { detector: Box::new(Calibrated::new(scorer, settings)), unjudged })
}

/// What judges the rows of a series, and of which rows it said nothing.
pub(crate) struct Judging {
    pub detector: Box<dyn Detector>,
    pub unjudged: Unjudged,
}

/// Rows that a model was asked about and could not judge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unjudged(Arc<Mutex<Count>>);

#[derive(Debug, Default)]
struct Count {
    asked: u64,
    failed: u64,
    /// Why the first of them was not judged.
    reason: String,
}

impl Unjudged {
    fn add(&self, failed: Option<String>) {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.asked += 1;
        if let Some(reason) = failed {
            if count.failed == 0 {
                count.reason = reason;
            }
            count.failed += 1;
        }
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Count::default();
    }

    /// One sentence on them, an error where not one row was judged; `None` where all were.
    pub(crate) fn told(&self) -> Result<Option<String>> {
        let count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Count { asked, failed, reason } = &*count;
        ensure!(
            *asked == 0 || failed < asked,
            "the model judged none of the {asked} rows that it was asked about, the first because {reason}; give a model \
             that takes values like these"
        );
        Ok((*failed > 0).then(|| {
            format!("the model could not judge {failed} of {asked} rows, of which nothing is said; the first because {reason}")
        }))
    }
}

#[derive(Debug)]
struct Brought {
    served: Served,
    /// The newest values, as many as the model takes. Gaps are passed over.
    window: VecDeque<f32>,
    unjudged: Unjudged,
}

impl Scorer for Brought {
    /// In the model's own units: how rare they are is for the calibration to say.
    fn strangeness(&mut self, row: Row) -> Option<f64> {
        let value = row.value()?.clamp(f32::MIN.into(), f32::MAX.into()) as f32;
        self.window.push_back(value);
        self.window.drain(..self.window.len().saturating_sub(self.served.time()));
        if self.window.len() < self.served.time() {
            return None;
        }
        // The smoke input was answered: what the model cannot answer now is a row of which nothing is said.
        let score = self.newest();
        self.unjudged.add(score.as_ref().err().cloned());
        score.ok().map(|score| above_zero(f64::from(score)))
    }

    fn rewind(&mut self) {
        self.window.clear();
        self.unjudged.forget();
    }
}

impl Brought {
    /// The score of the window, or why there is none.
    fn newest(&mut self) -> Result<f32, String> {
        let values = self.window.iter().copied().collect();
        let window = Windows::new(self.served.time(), 1, values).map_err(|problem| problem.to_string())?;
        let scores = self.served.score(&window).map_err(|problem| problem.to_string())?.scores;
        match scores.first() {
            Some(score) if !score.is_nan() => Ok(*score),
            Some(_) => Err("its score is not a number".to_owned()),
            None => Err("it gave no score".to_owned()),
        }
    }
}

/// Greater where the score is; a model may give scores below zero, and strangeness has none.
fn above_zero(score: f64) -> f64 {
    if score >= 0.0 { 1.0 + score } else { 1.0 / (1.0 - score) }
}

#[cfg(test)]
mod tests {
    use hark_networks::{Shape, Training, onnx, train};

    use super::*;

    const TIME: usize = 12;
    const SETTINGS: Settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };

    /// A season of a dozen rows with some noise, and a hole in one of them.
    fn value(at: usize) -> f32 {
        let noise = ((at * 7_919) % 101) as f32 / 101.0 - 0.5;
        let season = (at as f32 * std::f32::consts::TAU / TIME as f32).sin();
        if (900..903).contains(&at) { 0.0 } else { 10.0 + 3.0 * season + 0.3 * noise }
    }

    #[test]
    fn a_model_that_was_brought_finds_what_it_cannot_make_up() {
        let rows: Vec<f32> = (0..600).map(value).collect();
        let windows = Windows::sliding(&rows, 1, TIME).unwrap();
        let training = Training { steps_max: 300, ..Training::default() };
        let (network, _) = train(Shape::dense(TIME, 1), &windows, training).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        std::fs::write(&model, onnx::write(&network).unwrap()).unwrap();
        let Judging { mut detector, unjudged } = brought(&Given::read(&model).unwrap(), None, SETTINGS).unwrap();
        let series: Vec<Row> = (0..1_000).map(|at| Row::new(60_000 * at as i64, f64::from(value(at)))).collect();
        let told: Vec<usize> =
            detector.score(&series).iter().enumerate().filter(|(_, one)| one.is_anomaly).map(|(at, _)| at).collect();
        assert!(told.first().is_some_and(|at| (900..900 + TIME).contains(at)), "{told:?}");
        assert!(detector.score(&[Row::gap(0)])[0].score == 0.0);
        assert_eq!(unjudged.told().unwrap(), None);
    }

    #[test]
    fn rows_that_were_not_judged_are_counted() {
        let unjudged = Unjudged::default();
        assert_eq!(unjudged.told().unwrap(), None);
        unjudged.add(Some("it gave no score".to_owned()));
        unjudged.add(Some("another".to_owned()));
        let problem = unjudged.told().unwrap_err().to_string();
        assert!(problem.contains("none of the 2 rows") && problem.contains("because it gave no score;"), "{problem}");
        unjudged.add(None);
        let said =
            "the model could not judge 2 of 3 rows, of which nothing is said; the first because it gave no score";
        assert_eq!(unjudged.told().unwrap().unwrap(), said);
        unjudged.forget();
        assert_eq!(unjudged.told().unwrap(), None);
    }

    #[test]
    fn what_cannot_judge_a_series_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        let judging = || brought(&Given::read(&model)?, None, SETTINGS);
        let problem = || format!("{:#}", judging().err().unwrap());
        assert!(problem().contains("cannot be read"), "{}", problem());
        let windows = Windows::sliding(&(0..400).map(value).collect::<Vec<_>>(), 2, 4).unwrap();
        let training = Training { steps_max: 20, ..Training::default() };
        let (network, _) = train(Shape::dense(4, 2), &windows, training).unwrap();
        std::fs::write(&model, onnx::write(&network).unwrap()).unwrap();
        assert!(problem().contains("windows of 2 columns"), "{}", problem());
    }

    #[test]
    fn scores_below_zero_keep_their_order() {
        let scores = [-1e30, -5.0, -0.1, 0.0, 0.1, 7.0, 1e30];
        let told = scores.map(above_zero);
        assert!(told.is_sorted() && told.iter().all(|one| *one >= 0.0), "{told:?}");
    }
}
