//! The minimum of a smooth function of a few numbers: BFGS (Nocedal and Wright, "Numerical optimization", 2006, chapter 6).

const ROUNDS_MAX: usize = 150;
/// The slope is measured over so much on both sides, at most numbers of the size of one.
const SLOPE_OVER: f64 = 1e-5;
/// No slope is left.
const FLAT: f64 = 1e-6;
/// A round that gains less has come to the end, if the next one does so too.
const GAIN_MIN: f64 = 1e-12;
/// Armijo's share of the gain that the slope promises.
const PROMISED: f64 = 1e-4;
const HALVINGS_MAX: usize = 30;
/// No step is longer, so that flat regions far out are not jumped into.
const STEP_MAX: f64 = 2.0;

/// Where the function is least near `start`, and its value there.
pub(super) fn minimum(mut function: impl FnMut(&[f64]) -> f64, start: &[f64]) -> (Vec<f64>, f64) {
    let n = start.len();
    let mut at = start.to_vec();
    let mut least = function(&at);
    if n == 0 || !least.is_finite() {
        return (at, least);
    }
    let mut slope = slope(&mut function, &at);
    let mut inverse = unit(n);
    let mut is_slow = false;
    for _ in 0..ROUNDS_MAX {
        if slope.iter().all(|one| one.abs() < FLAT) {
            break;
        }
        let mut step: Vec<f64> = inverse.chunks(n).map(|row| -dot(row, &slope)).collect();
        let mut promise = dot(&step, &slope);
        if promise >= 0.0 || !promise.is_finite() {
            inverse = unit(n);
            step = slope.iter().map(|one| -one).collect();
            promise = dot(&step, &slope);
        }
        let length = dot(&step, &step).sqrt();
        let mut share = (STEP_MAX / length).min(1.0);
        let mut found = None;
        for _ in 0..HALVINGS_MAX {
            let there: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at + share * step).collect();
            let value = function(&there);
            if value <= least + PROMISED * share * promise {
                found = Some((there, value));
                break;
            }
            share /= 2.0;
        }
        let Some((there, value)) = found else { break };
        let gain = least - value;
        let next = self::slope(&mut function, &there);
        let moved: Vec<f64> = there.iter().zip(&at).map(|(a, b)| a - b).collect();
        let bent: Vec<f64> = next.iter().zip(&slope).map(|(a, b)| a - b).collect();
        update(&mut inverse, &moved, &bent);
        (at, least, slope) = (there, value, next);
        if std::mem::replace(&mut is_slow, gain < GAIN_MIN) && gain < GAIN_MIN {
            break;
        }
    }
    (at, least)
}

fn slope(function: &mut impl FnMut(&[f64]) -> f64, at: &[f64]) -> Vec<f64> {
    let mut there = at.to_vec();
    let along = |axis: usize| {
        let over = SLOPE_OVER * at[axis].abs().max(1.0);
        there[axis] = at[axis] + over;
        let up = function(&there);
        there[axis] = at[axis] - over;
        let down = function(&there);
        there[axis] = at[axis];
        (up - down) / (2.0 * over)
    };
    (0..at.len()).map(along).collect()
}

/// Equation 6.17.
fn update(inverse: &mut [f64], moved: &[f64], bent: &[f64]) {
    let n = moved.len();
    let curvature = dot(moved, bent);
    if curvature <= 1e-14 || !curvature.is_finite() {
        return;
    }
    let through: Vec<f64> = inverse.chunks(n).map(|row| dot(row, bent)).collect();
    let more = (1.0 + dot(bent, &through) / curvature) / curvature;
    for i in 0..n {
        for j in 0..n {
            inverse[i * n + j] +=
                more * moved[i] * moved[j] - (through[i] * moved[j] + moved[i] * through[j]) / curvature;
        }
    }
}

fn unit(n: usize) -> Vec<f64> {
    (0..n * n).map(|at| f64::from(at / n == at % n)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bent_valley_is_followed_to_its_end() {
        let valley = |at: &[f64]| (1.0 - at[0]).powi(2) + 100.0 * (at[1] - at[0] * at[0]).powi(2);
        let (at, least) = minimum(valley, &[-1.2, 1.0]);
        assert!(least < 1e-9 && (at[0] - 1.0).abs() < 1e-4 && (at[1] - 1.0).abs() < 1e-4, "{at:?} {least}");
    }

    #[test]
    fn walls_are_not_run_into() {
        let walled = |at: &[f64]| if at[0] > 0.0 { at[0] - at[0].ln() } else { f64::INFINITY };
        let (at, _) = minimum(walled, &[5.0]);
        assert!((at[0] - 1.0).abs() < 1e-4, "{at:?}");
        assert_eq!(minimum(|_| f64::NAN, &[1.0]).0, [1.0]);
        assert_eq!(minimum(|_| 3.0, &[]).1, 3.0);
    }
}
