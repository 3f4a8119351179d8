//! Shares and rates with their intervals.

/// The 95 % interval of a share, as Wilson has it; of nothing it is everything.
pub(crate) fn wilson(part: u64, whole: u64) -> [f64; 2] {
    hark_report::wilson(part, whole).unwrap_or([0.0, 1.0])
}

/// The 95 % interval of a Poisson count, by the square-root transform.
pub(crate) fn poisson(count: u64) -> [f64; 2] {
    [-0.98, 0.98].map(|half| ((count as f64 + 0.375).sqrt() + half).max(0.0).powi(2))
}

pub(crate) fn print_share(what: &str, part: u64, whole: u64) {
    if whole == 0 {
        println!("{what:<34}  none of 0");
        return;
    }
    let [low, high] = wilson(part, whole);
    let percent = [part as f64 / whole as f64, low, high].map(|share| 100.0 * share);
    println!("{what:<34}  {part:>4} of {whole:<5} {:>5.1} % [{:.1}, {:.1}]", percent[0], percent[1], percent[2]);
}

/// A count over something, such as false alarms a week.
pub(crate) fn print_rate(what: &str, count: u64, of: f64) {
    let [low, high] = poisson(count).map(|bound| bound / of);
    println!("{what:<34}  {:>5.2}   [{low:.2}, {high:.2}]", count as f64 / of);
}
