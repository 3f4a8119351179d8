//! Which values of a window make it strange: Shapley's shares, each set of values asked for, set into usual windows.

use super::windows::WIDTH;

/// What usual windows are by themselves, and what each value adds to it; together they are what the window is.
pub(super) fn shares(
    window: &[f64; WIDTH],
    usual: &[[f64; WIDTH]],
    strangeness: impl Fn(&[f64; WIDTH]) -> f64,
) -> (f64, [f64; WIDTH]) {
    const SETS: usize = 1 << WIDTH;
    let worth = |set: usize| {
        let mixed =
            |usual: &[f64; WIDTH]| std::array::from_fn(|at| if set >> at & 1 == 1 { window[at] } else { usual[at] });
        usual.iter().map(|usual| strangeness(&mixed(usual))).sum::<f64>() / usual.len() as f64
    };
    let worths: Vec<f64> = (0..SETS).map(worth).collect();
    // In how many of all orders just these many come before: one over WIDTH times (WIDTH - 1 over size).
    let mut weights = [1.0 / WIDTH as f64; WIDTH];
    for size in 1..WIDTH {
        weights[size] = weights[size - 1] * size as f64 / (WIDTH - size) as f64;
    }
    let share = |value: usize| {
        let without = (0..SETS).filter(|set| set >> value & 1 == 0);
        let adds = |set: usize| weights[set.count_ones() as usize] * (worths[set | 1 << value] - worths[set]);
        without.map(adds).sum()
    };
    (worths[0], std::array::from_fn(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_shared_out_as_it_is_made_and_a_product_evenly() {
        let window: [f64; WIDTH] = std::array::from_fn(|at| at as f64);
        let usual = [[1.0; WIDTH], [3.0; WIDTH]];
        let (base, shares) = shares(&window, &usual, |window| window.iter().sum::<f64>() + window[0] * window[1]);
        assert!((base - (16.0 + 5.0)).abs() < 1e-12);
        // By itself 0 - 2; of the product 0 x 1, from (1 x 1 + 3 x 3) / 2.
        let of_product = |first: bool| {
            let own = window[usize::from(!first)];
            (own * 2.0 - 5.0) / 2.0 + (window[0] * window[1] - window[usize::from(first)] * 2.0) / 2.0
        };
        for (at, share) in shares.iter().enumerate() {
            let expected = window[at] - 2.0 + if at < 2 { of_product(at == 0) } else { 0.0 };
            assert!((share - expected).abs() < 1e-12, "{at}: {share} {expected}");
        }
    }
}
