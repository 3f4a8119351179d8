//! The answer in words, for people.

use super::answer::{Answer, NamedSlice, ShareOf, Verdict};

impl Answer {
    /// One sentence: what it is.
    pub fn summary(&self) -> String {
        let moved = format!(
            "{} where {} was expected ({})",
            short(self.actual),
            short(self.expected),
            part(self.delta, self.expected)
        );
        match self.verdict {
            Verdict::Slices => {
                let slices: Vec<String> = self.causes.iter().map(words).collect();
                format!("{moved}: {}", slices.join("; "))
            }
            Verdict::Everywhere => format!("{moved}: no single slice, it is everywhere"),
            Verdict::Nothing => format!("{moved}: within what leaves usually lie off, nothing to name"),
            Verdict::Unsure => format!("{moved}: something moved, and no slice of it stands out from chance"),
        }
    }

    /// A line for each named slice, what moved everywhere, and the rest.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.summary());
        let mut line = |words: std::fmt::Arguments<'_>| text.push_str(&format!("{words}\n"));
        if !self.causes.is_empty() || self.everywhere.is_some() {
            line(format_args!(""));
            let of = if self.share_of == ShareOf::Difference { "share" } else { "part" };
            line(format_args!(
                "{of:>8}  {:>14}  {:>27}  {:>9}  {:>8}  slice",
                "difference", "95 %", "leaves", "chance"
            ));
        }
        for cause in &self.causes {
            let [low, high] = cause.delta_interval;
            let interval = format!("{} to {}", short(low), short(high));
            let chance = if cause.chance < 1e-12 { "< 1e-12".to_owned() } else { format!("{:.0e}", cause.chance) };
            let (share, delta) = (100.0 * cause.share, short(cause.delta));
            let slice = words(cause);
            line(format_args!(
                "{share:>6.1} %  {delta:>14}  {interval:>27}  {:>9}  {chance:>8}  {slice}",
                cause.leaves
            ));
        }
        let empty = "";
        if let Some(everywhere) = &self.everywhere {
            let (share, delta) = (100.0 * everywhere.share, short(everywhere.delta));
            let by = 100.0 * (everywhere.factor - 1.0);
            line(format_args!(
                "{share:>6.1} %  {delta:>14}  {empty:>27}  {empty:>9}  {empty:>8}  everywhere ({by:+.1} %)"
            ));
        }
        if !self.causes.is_empty() || self.everywhere.is_some() {
            let (share, delta) = (100.0 * self.rest.share, short(self.rest.delta));
            line(format_args!(
                "{share:>6.1} %  {delta:>14}  {empty:>27}  {:>9}  {empty:>8}  the rest",
                self.rest.leaves
            ));
        }
        let tested = &self.tested;
        line(format_args!(
            "{} leaves, {} cells looked at; anything named where nothing happened: at most {} % of files",
            tested.leaves,
            tested.cells,
            100.0 * tested.false_name_chance
        ));
        if tested.is_capped {
            line(format_args!("more slices stand out than are named; so many are hardly an explanation"));
        }
        text
    }
}

/// `os=26.1 & locale=de_DE (-40.2 %)`
fn words(cause: &NamedSlice) -> String {
    let pairs: Vec<String> = cause.slice.iter().map(|(dimension, value)| format!("{dimension}={value}")).collect();
    format!("{} ({})", pairs.join(" & "), part(cause.actual - cause.expected, cause.expected))
}

fn part(delta: f64, expected: f64) -> String {
    if expected > 0.0 { format!("{:+.1} %", 100.0 * delta / expected) } else { "none expected".to_owned() }
}

fn short(value: f64) -> String {
    match value.abs() {
        1e9.. => format!("{value:.3e}"),
        1000.0.. => format!("{value:.0}"),
        0.1.. => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3e}"),
    }
}
