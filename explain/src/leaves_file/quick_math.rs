//! Logarithm and exponential to seven digits, without branches, so that the compiler can do several at once; and the same
//! to the bit on every machine. Evidence is rounded to three digits in any case.

/// Adding and taking away 1.5 x 2^52 leaves the nearest whole number, whose bits then stand at the low end.
const NEAREST: f64 = 6_755_399_441_055_744.0;
const MANTISSA: u64 = (1 << 52) - 1;
const ONE: u64 = 1023 << 52;

/// Of a positive normal number.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mantissa = f64::from_bits((bits & MANTISSA) | ONE);
    let is_upper = mantissa > std::f64::consts::SQRT_2;
    let near_one = if is_upper { 0.5 * mantissa } else { mantissa };
    // The exponent as a number, by placing it in the low bits of 2^52.
    let exponent = f64::from_bits((bits >> 52) | (1075 << 52)) - ((1_u64 << 52) as f64 + 1023.0);
    let exponent = if is_upper { exponent + 1.0 } else { exponent };
    // ln m = 2 atanh((m - 1) / (m + 1)), by its series.
    let s = (near_one - 1.0) / (near_one + 1.0);
    let s2 = s * s;
    let series = 1.0 + s2 * (1.0 / 3.0 + s2 * (0.2 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0))));
    2.0 * s * series + exponent * std::f64::consts::LN_2
}

/// Of anything; what would be below exp(-700) or above exp(700) stops there.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + NEAREST;
    let rest = x - (shifted - NEAREST) * std::f64::consts::LN_2;
    let taylor = 1.0 / 24.0 + rest * (1.0 / 120.0 + rest * (1.0 / 720.0 + rest * (1.0 / 5040.0)));
    let taylor = 1.0 + rest * (1.0 + rest * (0.5 + rest * (1.0 / 6.0 + rest * taylor)));
    taylor * f64::from_bits(shifted.to_bits().wrapping_shl(52).wrapping_add(ONE))
}

/// To the nearest whole number, for numbers below 2^51.
#[inline]
pub(crate) fn round(x: f64) -> f64 {
    (x + NEAREST) - NEAREST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_right_to_seven_digits_over_their_whole_range() {
        for step in -6_900..6_900 {
            let x = f64::from(step) * 0.1003;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-7, "exp({x}) = {}", exp(x));
            let y = x.exp();
            assert!((ln(y) - x).abs() < 1e-7 * (1.0 + x.abs()), "ln({y}) = {}", ln(y));
        }
        assert_eq!([-1.5, 0.4, 2.6, -1e6].map(round), [-2.0, 0.0, 3.0, -1e6]);
    }
}
