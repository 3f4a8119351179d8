//! `ci`: every step a change has to pass, in the order that finds a mistake soonest.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::Stopwatch;
use crate::{process, test, tidy, ui};

struct Step {
    name: &'static str,
    /// What a person types to see the failure again.
    again: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: [Step; 5] = [
    Step { name: "format", again: "cargo fmt --all --check", run: format },
    Step { name: "clippy", again: "cargo clippy --workspace --all-targets --locked -- -D warnings", run: clippy },
    Step { name: "tidy", again: "cargo xtask tidy", run: tidy::run },
    Step { name: "deny", again: "cargo deny --locked check bans licenses sources", run: deny },
    Step { name: "test", again: "cargo xtask test", run: test::run },
];

pub(crate) fn run() -> Result<()> {
    let mut times = Vec::new();
    let outcome = STEPS.iter().try_for_each(|step| {
        println!("\n== {}: {}", step.name, step.again);
        let watch = Stopwatch::start();
        let outcome = (step.run)();
        times.push((step.name, watch.elapsed()));
        println!("== {} took {}", step.name, minutes(watch.elapsed()));
        outcome.with_context(|| format!("the step {} failed, run it again with `{}`", step.name, step.again))
    });
    print!("\n{}", table(&times));
    outcome
}

fn format() -> Result<()> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    process::lint_from_now_on()?;
    process::run(
        test::cargo(ui::build_if_possible()?).args(["test", "--workspace", "--all-targets", "--locked", "--no-run"]),
    )
}

/// Advisories are not checked: their database can't be fetched on a closed network.
fn deny() -> Result<()> {
    if !process::answers(process::cargo().args(["deny", "--version"])) {
        bail!("cargo-deny is not installed: run `cargo install cargo-deny --locked --no-default-features`");
    }
    let arguments = ["deny", "--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    process::run(process::cargo().args(arguments))
}

fn table(times: &[(&str, Duration)]) -> String {
    let total = times.iter().map(|(_, time)| *time).sum();
    let rows = times.iter().copied().chain([("total", total)]);
    rows.map(|(name, time)| format!("{name:<8}{:>14}\n", minutes(time))).collect()
}

fn minutes(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    format!("{} min {:02}.{} s", tenths / 600, tenths / 10 % 60, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_with_the_total() {
        let times = [("format", Duration::from_millis(1_500)), ("test", Duration::from_secs(125))];
        let rows = [
            "format    0 min 01.5 s
",
            "test      2 min 05.0 s
",
            "total     2 min 06.5 s
",
        ];
        assert_eq!(table(&times), rows.concat());
        assert_eq!(minutes(Duration::from_millis(59_960)), "1 min 00.0 s");
    }
}
