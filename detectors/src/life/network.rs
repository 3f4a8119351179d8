//! An autoencoder of hours: what a network that squeezes an hour of all statistics through a few numbers can't make up again.

use hark_networks::{Autoencoder, Plain, Scaling, Shape, Training, Windows};
use serde::{Deserialize, Serialize};

use super::hour_windows::{STEPS, bounded};
use super::model::Model;

const WEEK_STEPS: i64 = 7 * 24 * 12;
const HIDDEN: usize = 24;
const CODE: usize = 6;
/// From drawn weights, and from those of the version before.
const BATCHES_FIRST: usize = 300;
const BATCHES_MORE: usize = 150;

/// The weights and the scaling of an [`Autoencoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HourNetwork {
    plain: Plain,
    /// Mean squared errors, in deviations, of the windows that it stopped learning by.
    left: f32,
}

impl HourNetwork {
    pub fn plain(&self) -> &Plain {
        &self.plain
    }

    /// What each value of a window adds to how strange it is.
    pub fn errors(&self, window: &[f32]) -> Vec<f64> {
        self.plain.errors(&bounded(window)).into_iter().map(|(error, _)| error).collect()
    }

    fn learn(rows: &[f32], columns: usize, seed: u64, older: Option<&Self>) -> Result<Self, hark_networks::Error> {
        let shape = Shape::Dense { time: STEPS, columns: columns / STEPS, hidden: HIDDEN, code: CODE };
        let windows = Windows::new(STEPS, columns / STEPS, bounded(rows))?;
        let (mut network, steps_max) = match older {
            Some(older) => (older.plain.network()?, BATCHES_MORE),
            None => (Autoencoder::new(shape, Scaling::of(&windows), seed)?, BATCHES_FIRST),
        };
        let training = Training { steps_max, batch: 64, rate: 3e-3, ask_every: 30, patience: 3, seed };
        let outcome = network.learn(&windows, training)?;
        Ok(Self { plain: Plain::new(&network)?, left: outcome.held_out })
    }
}

impl Model for HourNetwork {
    /// Of four a step some two days; a row is an hour of each statistic.
    const ROWS_KEPT: usize = 2_048;
    const RENEWED_AFTER_STEPS: i64 = WEEK_STEPS;
    const RENEWED_FROM: &str = "the week's training: its weights go on from those of";

    fn train(rows: &[f32], columns: usize, seed: u64, older: Option<&Self>) -> Option<Self> {
        Self::learn(rows, columns, seed, older).ok()
    }

    fn strangeness(&self, row: &[f32]) -> f64 {
        self.plain.score(&bounded(row))
    }

    fn parameters(&self) -> Vec<(&'static str, f64)> {
        let shape = self.plain.shape();
        vec![
            ("steps", shape.time() as f64),
            ("columns", shape.columns() as f64),
            ("hidden", HIDDEN as f64),
            ("code", CODE as f64),
            ("weights", self.plain.weights() as f64),
            ("squared_error_left", f64::from(self.left)),
        ]
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.plain.weights() * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use hark_model::{Standing, Step};

    use super::super::hour_windows::regression;
    use super::super::of_metric::Life;
    use super::*;
    use crate::draws::Draws;

    const STATISTICS: usize = 2;

    /// Both statistics share what moves them, and that goes on from step to step.
    fn quiet(draws: &mut Draws) -> Vec<f32> {
        let mut shared = draws.bell();
        let mut step = || {
            shared = 0.8 * shared + 0.6 * draws.bell();
            [0; STATISTICS].map(|_| (shared + 0.4 * draws.bell()) as f32)
        };
        (0..STEPS).flat_map(|_| step()).collect()
    }

    #[test]
    fn what_parts_ways_is_stranger_than_what_moves_together() {
        let mut draws = Draws::of(&[3]);
        let rows: Vec<f32> = (0..1_500).flat_map(|_| quiet(&mut draws)).collect();
        let network = HourNetwork::train(&rows, STEPS * STATISTICS, 5, None).unwrap();
        assert_eq!(
            HourNetwork::train(&rows, STEPS * STATISTICS, 5, None).as_ref(),
            Some(&network),
            "a seed is a network"
        );
        let mut mean = |apart: f32| {
            let of = |_| {
                let mut window = quiet(&mut draws);
                window[STATISTICS * (STEPS - 3)..].iter_mut().step_by(STATISTICS).for_each(|value| *value += apart);
                network.strangeness(&window)
            };
            (0..200).map(of).sum::<f64>() / 200.0
        };
        let [together, apart] = [0.0, 2.0].map(&mut mean);
        assert!(together < 0.6 && apart > 1.5 * together, "{together} {apart}");
        let renewed = HourNetwork::train(&rows, STEPS * STATISTICS, 6, Some(&network)).unwrap();
        assert!(renewed.left < 1.1 * network.left, "{} {}", renewed.left, network.left);
        assert_eq!(HourNetwork::train(&[], STEPS * STATISTICS, 5, None), None);
    }

    #[test]
    fn the_next_one_comes_after_a_week_or_when_normal_has_changed() {
        use Standing::{Active, Replaced, Shadow, Staged};
        let mut life: Life<HourNetwork> = Life::new(regression(STATISTICS, 5.0), 7);
        let mut draws = Draws::of(&[1]);
        let mut day = |at: i64, level: f32| -> Vec<(u32, Standing)> {
            for row in 4 * 288 * at..4 * 288 * (at + 1) {
                let window: Vec<f32> = quiet(&mut draws).into_iter().map(|value| value + level).collect();
                life.learn(Step(row / 4), &window);
            }
            life.renew(Step(288 * (at + 1)));
            life.take_moved().into_iter().map(|moved| (moved.version.number, moved.standing)).collect()
        };
        assert_eq!(day(0, 0.0), [(1, Shadow)]);
        assert_eq!(day(1, 0.0), [(1, Active)]);
        assert!((2..7).all(|at| day(at, 0.0).is_empty()));
        assert_eq!(day(7, 0.0), [(2, Shadow)]);
        assert_eq!([day(8, 0.0), day(9, 0.0)].concat(), [(2, Staged), (2, Active), (1, Replaced)]);
        // What it was trained on is no longer what comes.
        assert_eq!(day(10, 4.0), [(3, Shadow)]);
    }
}
