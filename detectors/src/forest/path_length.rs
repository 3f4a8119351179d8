//! How long ways down a tree are on average, and what score they make.

/// The constant of Euler and Mascheroni.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// The mean length of an unsuccessful search in a binary search tree of so many rows (Liu, Ting & Zhou 2008, eq. 1).
pub fn average_path_length(rows: usize) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let rows = rows as f64;
            2.0 * ((rows - 1.0).ln() + EULER_GAMMA) - 2.0 * (rows - 1.0) / rows
        }
    }
}

/// Near 1 for rows that are set apart at once, a half where nothing is special (eq. 2 there).
pub(super) fn score(mean_path_length: f64, sample_rows: usize) -> f64 {
    let usual = average_path_length(sample_rows);
    if usual > 0.0 { (-mean_path_length / usual).exp2() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_lengths_are_those_of_the_paper() {
        assert_eq!([0, 1, 2].map(average_path_length), [0.0, 0.0, 1.0]);
        // 2 (ln 255 + gamma) - 2 * 255 / 256
        assert!((average_path_length(256) - 10.244_770_920_119_917).abs() < 1e-12, "{}", average_path_length(256));
        assert_eq!(score(average_path_length(256), 256), 0.5);
        assert_eq!(score(0.0, 256), 1.0);
    }
}
