//! What was measured: lines of a table for people, the same as JSON for programs.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bench::processor::Memory;
use crate::bench::statistics::Spread;
use crate::process;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    what: String,
    unit: &'static str,
    /// One a run.
    values: Vec<f64>,
    /// What the issue asks for; empty where it asks for nothing.
    asked: String,
    /// What helps to read the number: what it was divided by, what a peer does.
    note: String,
}

impl Line {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self { what: what.into(), unit, values, asked: String::new(), note: String::new() }
    }

    pub(crate) fn asked(self, asked: impl Into<String>) -> Self {
        Self { asked: asked.into(), ..self }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    fn shown(&self) -> [String; 4] {
        let value = match Spread::of(&self.values) {
            None => "-".to_owned(),
            Some(Spread { median, .. }) if self.values.len() == 1 => format!("{} {}", number(median), self.unit),
            Some(Spread { median, min, max }) => {
                format!("{} ({} .. {}) {}", number(median), number(min), number(max), self.unit)
            }
        };
        [self.what.clone(), value, self.asked.clone(), self.note.clone()]
    }
}

/// Everything that is printed and written in the end.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<(&'static str, Line)>,
    failures: Vec<String>,
}

impl Report {
    /// Adds a line and shows it at once: a whole run takes long.
    pub(crate) fn add(&mut self, measurement: &'static str, line: Line) {
        let [what, value, ..] = line.shown();
        println!("{measurement}: {what}: {value}");
        self.lines.push((measurement, line));
    }

    /// Something that was not measured, and why.
    pub(crate) fn missing(&mut self, measurement: &'static str, what: &str, why: &str) {
        self.add(measurement, Line::new(what, "", Vec::new()).note(format!("missing: {why}")));
    }

    /// Something that is wrong, not merely slow: the command fails in the end.
    pub(crate) fn fail(&mut self, problem: String) {
        println!("FAILED {problem}");
        self.failures.push(problem);
    }

    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    pub(crate) fn print(&self) {
        let mut rows = vec![["", "what", "median (min .. max)", "asked", ""].map(str::to_owned)];
        let mut last = "";
        for (measurement, line) in &self.lines {
            let [what, value, asked, note] = line.shown();
            let named = if *measurement == last { String::new() } else { (*measurement).to_owned() };
            last = measurement;
            rows.push([named, what, value, asked, note]);
        }
        let widths: [usize; 5] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        println!();
        for row in &rows {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            println!("{}", cells.join("  ").trim_end());
        }
        println!();
        println!("{}", machine().join(", "));
        println!("the load generator shares the cores with what it measures; a core is a second of processor time");
        self.failures.iter().for_each(|failure| println!("FAILED {failure}"));
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let lines: Vec<Value> = self.lines.iter().map(|(measurement, line)| line.to_json(measurement)).collect();
        let all = json!({ "machine": machine(), "lines": lines, "failures": self.failures });
        let text = serde_json::to_string_pretty(&all).context("the numbers cannot be shown as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Line {
    fn to_json(&self, measurement: &str) -> Value {
        let Self { what, unit, values, asked, note } = self;
        let spread = Spread::of(values).map(|Spread { median, min, max }| json!([median, min, max]));
        json!({
            "measurement": measurement, "what": what, "unit": unit, "median_min_max": spread, "runs": values,
            "asked": asked, "note": note,
        })
    }
}

/// What it was measured on.
fn machine() -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let memory = Memory::of_machine().map_or_else(|| "?".to_owned(), |bytes| (bytes >> 30).to_string());
    let commit = said(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let is_changed = said(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|said| !said.is_empty());
    let changed = if is_changed { " with changes" } else { "" };
    vec![format!("{cores} cores"), format!("{memory} GiB"), format!("commit {commit}{changed}")]
}

fn said(git: &[&str]) -> Option<String> {
    process::stdout_of(process::program("git").args(git)).ok().map(|said| said.trim().to_owned())
}

/// Three digits that count, and a comma between thousands.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let plain = format!("{value:.digits$}");
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), ""), |(whole, fraction)| (whole, fraction));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut shown = String::from(sign);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    if fraction.is_empty() { shown } else { format!("{shown}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_are_good() {
        let shown = [0.0, 0.123, 9.996, 12.34, 123.4, 1234.5, 999_999.9, 1_234_567.0, -1500.0].map(number);
        assert_eq!(shown, ["0.00", "0.12", "10.00", "12.3", "123", "1,234", "1,000,000", "1,234,567", "-1,500"]);
    }

    #[test]
    fn a_line_shows_its_spread_where_there_is_one() {
        let line = Line::new("speed", "events/s", vec![300.0, 100.0, 200.0]).asked("150").note("of two cores");
        assert_eq!(line.shown(), ["speed", "200 (100 .. 300) events/s", "150", "of two cores"]);
        assert_eq!(Line::new("once", "ms", vec![1.5]).shown()[1], "1.50 ms");
        assert_eq!(Line::new("never", "ms", vec![]).shown()[1], "-");
        assert_eq!(line.to_json("ndjson")["median_min_max"], json!([200.0, 100.0, 300.0]));
    }
}
