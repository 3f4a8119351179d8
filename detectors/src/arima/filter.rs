//! The exact Gaussian likelihood of a series by a Kalman filter, missing values included.
//!
//! State of Harvey ("Forecasting, structural time series models and the Kalman filter", 1989, section 3.3) for the
//! autoregression and moving average, and behind it the last values themselves where a series is differenced: so that a
//! missing value costs one value, and not all differences that it is in. The noise has a variance of one here; what it is
//! follows from the sums.

use super::polynomial::Arma;

/// A variance that moves by less than this share from row to row has settled.
const SETTLED: f64 = 1e-11;
/// So often the covariance of the first state is doubled back into the past: 2^40 rows.
const DOUBLINGS_MAX: usize = 40;
/// What is further back than this share of the variance adds nothing.
const DOUBLED: f64 = 1e-15;
/// Series that are filtered at once: the values and what stands for their mean.
pub(super) const COLUMNS: usize = 2;

/// The state after any number of rows.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// What the first part of the state adds to each, and what the noise does.
    ar: Vec<f64>,
    noise: Vec<f64>,
    /// Of a value among the last ones, from lag one on.
    differencing: Vec<f64>,
    /// Of the autoregression alone; behind it are the last values.
    inner: usize,
    size: usize,
    state: [Vec<f64>; COLUMNS],
    /// Row by row.
    covariance: Vec<f64>,
    moved: Vec<f64>,
    /// The covariance before the row at hand, and the variance of the row before that.
    before: Vec<f64>,
    variance_before: f64,
    gain: Vec<f64>,
    /// Rows until all of the last values are known again: while they are, only the inner part has a covariance.
    unknown: usize,
    /// Nothing but the state changes from now on, until a value is missing.
    is_settled: bool,
}

/// How far off a row was, and the variance of that in variances of the noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Innovation {
    pub by: [f64; COLUMNS],
    pub variance: f64,
}

/// Sums over innovations, from which the likelihood follows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub rows: usize,
    pub log_variance: f64,
    pub squares: f64,
    pub cross: f64,
    pub mean_squares: f64,
}

impl Filter {
    /// `last` are the values before the first row, the newest first, one for each lag of the differencing.
    pub(super) fn new(arma: &Arma, differencing: Vec<f64>, last: [&[f64]; COLUMNS]) -> Self {
        let inner = arma.ar.len().max(arma.ma.len() + 1);
        let size = inner + differencing.len();
        let state = last.map(|last| {
            let mut state = vec![0.0; size];
            state[inner..].copy_from_slice(last);
            state
        });
        let mut covariance = vec![0.0; size * size];
        let first = first_covariance(arma, inner);
        for (at, row) in first.chunks(inner).enumerate() {
            covariance[at * size..][..inner].copy_from_slice(row);
        }
        let padded = |first: Option<f64>, values: &[f64]| -> Vec<f64> {
            let zeros = std::iter::repeat(0.0);
            first.into_iter().chain(values.iter().copied()).chain(zeros).take(inner).collect()
        };
        let (ar, noise) = (padded(None, &arma.ar), padded(Some(1.0), &arma.ma));
        let zeros = || vec![0.0; size];
        let (moved, before) = (vec![0.0; size * size], vec![0.0; size * size]);
        Self {
            ar,
            noise,
            differencing,
            inner,
            size,
            state,
            covariance,
            moved,
            before,
            variance_before: 0.0,
            gain: zeros(),
            unknown: 0,
            is_settled: false,
        }
    }

    /// What the next value should be.
    pub(super) fn expected(&self, column: usize) -> f64 {
        let (inner, last) = self.state[column].split_at(self.inner);
        inner[0] + self.differencing.iter().zip(last).map(|(a, b)| a * b).sum::<f64>()
    }

    /// The values before the next row, or what is known of them; the newest first.
    pub(super) fn last(&self) -> &[f64] {
        &self.state[0][self.inner..]
    }

    /// The variance of the next value, in variances of the noise.
    pub(super) fn variance(&mut self) -> f64 {
        if !self.is_settled {
            self.find_gain();
        }
        self.gain[0] + self.differencing.iter().zip(&self.gain[self.inner..]).map(|(a, b)| a * b).sum::<f64>()
    }

    /// Takes a row, or a gap.
    pub(super) fn take(&mut self, row: Option<[f64; COLUMNS]>) -> Option<Innovation> {
        let Some(row) = row else {
            self.is_settled = false;
            self.unknown = self.differencing.len();
            self.advance_states();
            self.advance_covariance();
            return None;
        };
        let variance = self.variance();
        let mut by = [0.0; COLUMNS];
        for column in 0..COLUMNS {
            by[column] = row[column] - self.expected(column);
            let share = by[column] / variance;
            self.state[column].iter_mut().zip(&self.gain).for_each(|(state, gain)| *state += gain * share);
        }
        self.advance_states();
        if self.unknown > 0 {
            self.take_from_all(variance);
        } else if !self.is_settled {
            // All is as it was only where the variance is.
            let is_near = (variance - self.variance_before).abs() <= SETTLED * variance;
            self.variance_before = variance;
            if is_near {
                self.before.copy_from_slice(&self.covariance);
            }
            self.advance_known(variance);
            if is_near {
                self.settle();
            }
        }
        Some(Innovation { by, variance })
    }

    /// What a row says of every part of the state while values before it are not all known.
    fn take_from_all(&mut self, variance: f64) {
        for (row, gain) in self.covariance.chunks_mut(self.size).zip(&self.gain) {
            let share = gain / variance;
            row.iter_mut().zip(&self.gain).for_each(|(one, gain)| *one -= share * gain);
        }
        self.advance_covariance();
        self.unknown -= 1;
        if self.unknown == 0 {
            self.forget_last();
        }
    }

    /// All values are known, this one too: then nothing of the first part's covariance is left, and the rest moves up.
    fn advance_known(&mut self, variance: f64) {
        let Self { ref noise, ref gain, size, inner, .. } = *self;
        for at in 0..inner {
            let own_noise = noise[at];
            let (head, tail) = self.covariance.split_at_mut((at + 1) * size);
            let own = &mut head[at * size..][..inner];
            own.iter_mut().zip(noise).for_each(|(own, noise)| *own = own_noise * noise);
            if at + 1 < inner {
                let share = gain[at + 1] / variance;
                let next = tail[1..inner].iter().zip(&gain[1..inner]);
                own.iter_mut().zip(next).for_each(|(own, (next, gain))| *own += next - share * gain);
            }
        }
    }

    /// All of the last values are known: what is left of their covariance is rounding.
    fn forget_last(&mut self) {
        let inner = self.inner;
        for (at, row) in self.covariance.chunks_mut(self.size).enumerate() {
            row[if at < inner { inner } else { 0 }..].fill(0.0);
        }
    }

    /// The covariance of each part of the state with the next value.
    fn find_gain(&mut self) {
        if self.unknown == 0 {
            let first = self.covariance.iter().step_by(self.size).take(self.inner);
            self.gain.iter_mut().zip(first).for_each(|(gain, first)| *gain = *first);
            self.gain[self.inner..].fill(0.0);
            return;
        }
        for (row, gain) in self.covariance.chunks(self.size).zip(&mut self.gain) {
            let (inner, last) = row.split_at(self.inner);
            *gain = inner[0] + self.differencing.iter().zip(last).map(|(a, b)| a * b).sum::<f64>();
        }
    }

    fn advance_states(&mut self) {
        for column in 0..COLUMNS {
            let value = self.expected(column);
            let (inner, last) = self.state[column].split_at_mut(self.inner);
            let first = inner[0];
            inner.copy_within(1.., 0);
            inner[self.inner - 1] = 0.0;
            inner.iter_mut().zip(&self.ar).for_each(|(state, ar)| *state += ar * first);
            if !last.is_empty() {
                last.rotate_right(1);
                last[0] = value;
            }
        }
    }

    /// T P T' + R R'.
    fn advance_covariance(&mut self) {
        let (size, inner) = (self.size, self.inner);
        for at in 0..size {
            let own = &mut self.moved[at * size..][..size];
            if at < inner {
                own.fill(0.0);
                if self.ar[at] != 0.0 {
                    add(own, &self.covariance[..size], self.ar[at]);
                }
                if at + 1 < inner {
                    add(own, &self.covariance[(at + 1) * size..][..size], 1.0);
                }
            } else if at == inner {
                own.copy_from_slice(&self.covariance[..size]);
                for (lag, &coefficient) in self.differencing.iter().enumerate().filter(|(_, one)| **one != 0.0) {
                    add(own, &self.covariance[(inner + lag) * size..][..size], coefficient);
                }
            } else {
                own.copy_from_slice(&self.covariance[(at - 1) * size..][..size]);
            }
        }
        for (at, moved) in self.moved.chunks(size).enumerate() {
            let own = &mut self.covariance[at * size..][..size];
            let (own_noise, first) = (if at < inner { self.noise[at] } else { 0.0 }, moved[0]);
            let moves = self.ar.iter().zip(&self.noise);
            for ((one, (ar, noise)), next) in own[..inner - 1].iter_mut().zip(moves).zip(&moved[1..inner]) {
                *one = ar * first + next + own_noise * noise;
            }
            own[inner - 1] = self.ar[inner - 1] * first + own_noise * self.noise[inner - 1];
            if size > inner {
                own[inner] = first + self.differencing.iter().zip(&moved[inner..]).map(|(a, b)| a * b).sum::<f64>();
                own[inner + 1..].copy_from_slice(&moved[inner..size - 1]);
            }
        }
    }

    /// From a row on after which all is as before it, nothing but the state changes.
    fn settle(&mut self) {
        let both = self.covariance.iter().zip(&self.before);
        let (most, change) = both.fold((0.0_f64, 0.0_f64), |(most, change), (now, before)| {
            (most.max(now.abs()), change.max((now - before).abs()))
        });
        if change <= SETTLED * most {
            self.is_settled = true;
            self.find_gain();
        }
    }
}

fn add(to: &mut [f64], from: &[f64], times: f64) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += times * from);
}

impl Sums {
    pub(super) fn add(&mut self, innovation: Innovation) {
        let Innovation { by: [value, mean], variance } = innovation;
        self.rows += 1;
        self.log_variance += variance.ln();
        self.squares += value * value / variance;
        self.cross += value * mean / variance;
        self.mean_squares += mean * mean / variance;
    }

    /// The mean that fits best, in units of its column.
    pub(super) fn mean(&self) -> f64 {
        if self.mean_squares > 0.0 { self.cross / self.mean_squares } else { 0.0 }
    }

    /// The variance of the noise that fits best.
    pub(super) fn noise_variance(&self) -> f64 {
        (self.squares - self.cross * self.mean()).max(0.0) / self.rows as f64
    }

    /// With the best mean and variance.
    pub(super) fn log_likelihood(&self) -> f64 {
        let rows = self.rows as f64;
        -0.5 * (rows * ((std::f64::consts::TAU * self.noise_variance()).ln() + 1.0) + self.log_variance)
    }
}

/// The covariance of the state of a stationary series: P = T P T' + R R', by doubling (Anderson and Moore, "Optimal
/// filtering", 1979, section 6.7).
fn first_covariance(arma: &Arma, size: usize) -> Vec<f64> {
    let noise = |at: usize| if at == 0 { 1.0 } else { arma.ma.get(at - 1).copied().unwrap_or(0.0) };
    let mut sum: Vec<f64> = (0..size * size).map(|at| noise(at / size) * noise(at % size)).collect();
    let mut step = vec![0.0; size * size];
    for at in 0..size {
        step[at * size] = arma.ar.get(at).copied().unwrap_or(0.0);
        if at + 1 < size {
            step[at * size + at + 1] = 1.0;
        }
    }
    for _ in 0..DOUBLINGS_MAX {
        let more = product(&product(&step, &sum, size), &transposed(&step, size), size);
        let (most, added) = sum
            .iter()
            .zip(&more)
            .fold((0.0_f64, 0.0_f64), |(most, added), (sum, more)| (most.max(sum.abs()), added.max(more.abs())));
        add(&mut sum, &more, 1.0);
        if added <= DOUBLED * most {
            break;
        }
        step = product(&step, &step, size);
    }
    sum
}

fn product(a: &[f64], b: &[f64], size: usize) -> Vec<f64> {
    let mut product = vec![0.0; size * size];
    for (row, own) in a.chunks(size).zip(product.chunks_mut(size)) {
        row.iter().zip(b.chunks(size)).filter(|(a, _)| **a != 0.0).for_each(|(a, b)| add(own, b, *a));
    }
    product
}

fn transposed(matrix: &[f64], size: usize) -> Vec<f64> {
    (0..size * size).map(|at| matrix[at % size * size + at / size]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arma(ar: &[f64], ma: &[f64]) -> Arma {
        Arma { ar: ar.to_vec(), ma: ma.to_vec() }
    }

    fn noise(at: usize) -> f64 {
        (at as f64 * 0.618_033_988_749_895 + (at * at) as f64 * 0.414_213_562_373_095).fract() * 4.0 - 2.0
    }

    fn sums(arma: &Arma, values: &[Option<f64>]) -> Sums {
        let mut filter = Filter::new(arma, Vec::new(), [&[], &[]]);
        let mut sums = Sums::default();
        for value in values {
            if let Some(innovation) = filter.take(value.map(|value| [value, 1.0])) {
                sums.add(innovation);
            }
        }
        sums
    }

    /// Autocovariances by the weights of the noise, far into the past.
    fn autocovariances(arma: &Arma, lags: usize) -> Vec<f64> {
        let mut weights = vec![1.0];
        for at in 1..4_000 {
            let ma = arma.ma.get(at - 1).copied().unwrap_or(0.0);
            let ar: f64 = arma
                .ar
                .iter()
                .enumerate()
                .filter(|(lag, _)| at > *lag)
                .map(|(lag, ar)| ar * weights[at - 1 - lag])
                .sum();
            weights.push(ma + ar);
        }
        (0..lags).map(|lag| weights.iter().zip(&weights[lag..]).map(|(a, b)| a * b).sum()).collect()
    }

    /// Log-determinant and x' C^-1 x of the values that are there, by Cholesky of their whole covariance matrix.
    fn dense(arma: &Arma, values: &[Option<f64>]) -> (f64, f64) {
        let seen: Vec<(usize, f64)> =
            values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect();
        let covariances = autocovariances(arma, values.len());
        let n = seen.len();
        let mut lower = vec![vec![0.0; n]; n];
        let (mut log_determinant, mut whitened) = (0.0, vec![0.0; n]);
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                let left = covariances[seen[i].0 - seen[j].0] - known;
                lower[i][j] = if i == j { left.sqrt() } else { left / lower[j][j] };
            }
            log_determinant += 2.0 * lower[i][i].ln();
            let known: f64 = (0..i).map(|k| lower[i][k] * whitened[k]).sum();
            whitened[i] = (seen[i].1 - known) / lower[i][i];
        }
        (log_determinant, whitened.iter().map(|one| one * one).sum())
    }

    #[test]
    fn the_likelihood_is_that_of_the_whole_covariance_matrix() {
        let models = [
            arma(&[], &[]),
            arma(&[0.7], &[]),
            arma(&[1.2, -0.6], &[0.4]),
            arma(&[], &[0.5, 0.0, 0.0, 0.3, 0.15]),
            arma(&[0.3, 0.0, 0.0, 0.5, -0.15], &[-0.4, 0.2]),
        ];
        let full: Vec<Option<f64>> = (0..90).map(|at| Some(noise(at))).collect();
        let holes: Vec<Option<f64>> = full
            .iter()
            .enumerate()
            .map(|(at, value)| value.filter(|_| at % 5 != 2 && !(40..52).contains(&at)))
            .collect();
        for model in &models {
            for values in [&full, &holes] {
                let (log_determinant, squares) = dense(model, values);
                let found = sums(model, values);
                assert!((found.log_variance - log_determinant).abs() < 1e-9, "{model:?}: {found:?} {log_determinant}");
                assert!((found.squares - squares).abs() < 1e-8, "{model:?}: {found:?} {squares}");
            }
        }
    }

    /// Differencing inside the state and outside of it are the same where nothing is missing.
    #[test]
    fn differences_in_the_state_are_differences() {
        let model = arma(&[0.5], &[0.3]);
        let values: Vec<f64> = (0..60)
            .scan(0.0, |sum, at| {
                *sum += noise(at);
                Some(*sum)
            })
            .collect();
        let differences: Vec<Option<f64>> = values.windows(2).map(|pair| Some(pair[1] - pair[0])).collect();
        let outside = sums(&model, &differences);
        let mut filter = Filter::new(&model, vec![1.0], [&values[..1], &[0.0]]);
        let mut inside = Sums::default();
        for (at, value) in values.iter().enumerate().skip(1) {
            inside.add(filter.take(Some([*value, at as f64])).unwrap());
        }
        for (a, b) in [
            (inside.log_variance, outside.log_variance),
            (inside.squares, outside.squares),
            (inside.mean(), outside.mean()),
        ] {
            assert!((a - b).abs() < 1e-9, "{inside:?} {outside:?}");
        }
    }

    /// Behind a gap a walk is as far off as two steps take it, and then all is known again.
    #[test]
    fn a_walk_goes_on_behind_a_gap() {
        let mut filter = Filter::new(&arma(&[], &[]), vec![1.0], [&[5.0], &[0.0]]);
        let mut take = |value: Option<f64>| filter.take(value.map(|value| [value, 0.0]));
        let found = [take(Some(6.0)), take(None), take(Some(9.0)), take(Some(8.0))];
        let seen = |by: f64, variance: f64| Some(Innovation { by: [by, 0.0], variance });
        assert_eq!(found, [seen(1.0, 1.0), None, seen(3.0, 2.0), seen(-1.0, 1.0)]);
    }

    #[test]
    fn a_gap_widens_what_is_expected_and_then_it_settles_again() {
        let mut filter = Filter::new(&arma(&[0.9], &[]), Vec::new(), [&[], &[]]);
        (0..10).for_each(|at| {
            filter.take(Some([noise(at), 0.0]));
        });
        assert!(filter.is_settled && (filter.variance() - 1.0).abs() < 1e-12);
        filter.take(None);
        assert!((filter.variance() - 1.81).abs() < 1e-12);
        filter.take(Some([0.0, 0.0]));
        assert!((filter.variance() - 1.0).abs() < 1e-12);
    }
}
