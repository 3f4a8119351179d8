//! `hark explain row`: what made a detector say what it says of a row of a plain series, in parts that add up.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use hark_detectors::list::{Build, for_series};
use hark_detectors::values::PERIOD_ROWS_MAX;
use hark_detectors::{Breakdown, Forecast, MadeOf, Scored, Settings, Sum, Term};
use serde::Serialize;

use crate::detect_command::{self, Line};
use crate::plain_values::read_time;

#[derive(Debug, Args)]
pub struct Request {
    /// CSV with the columns timestamp and value; - for standard input
    series: PathBuf,
    /// Which detector judges; `hark models list` names them all
    #[arg(long, value_name = "NAME", default_value = "ensemble", value_parser = named)]
    detector: Named,
    /// Which row, by its timestamp; the newest alarm where it is left out, and without any the last row
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Rows until a season comes again; a day and a week of the timestamps are found without
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(2..=PERIOD_ROWS_MAX as i64))]
    period: Option<u32>,
    /// The chance of any false alarm within a thousand rows
    #[arg(long, default_value_t = 0.1, value_parser = detect_command::probability)]
    false_alarms: f64,
    /// Where a detector takes chances, the same seed gives the same answer
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
struct Named {
    name: &'static str,
    build: Build,
}

fn named(name: &str) -> Result<Named, String> {
    let build = detect_command::detector(name)?;
    let known = for_series().find(|(entry, _)| entry.name == name);
    known.map(|(entry, _)| Named { name: entry.name, build }).ok_or_else(|| format!("there is no detector `{name}`"))
}

#[derive(Debug, Serialize)]
struct Explained {
    series: String,
    detector: &'static str,
    timestamp: String,
    value: f64,
    score: f64,
    p_value: f64,
    anomaly: bool,
    #[serde(flatten)]
    breakdown: Breakdown,
    /// Of the values before the row, the newest first: what `values_back` counts.
    #[serde(skip)]
    times: Vec<String>,
}

pub fn explain(request: &Request) -> Result<()> {
    let (input, name) = detect_command::open(&request.series)?;
    let explained = of_row(request, input, &name)?;
    let text = if request.json { serde_json::to_string_pretty(&explained)? + "\n" } else { told(&explained) };
    io::stdout().lock().write_all(text.as_bytes()).context("the answer cannot be written")
}

fn of_row(request: &Request, input: impl Read, name: &str) -> Result<Explained> {
    let Request { detector: Named { name: detector, build }, false_alarms, seed, period, .. } = *request;
    let settings = Settings { false_alarms, period_rows: period.map(|rows| rows as usize), seed };
    let lines = detect_command::read(input, name)?;
    let rows: Vec<_> = lines.iter().map(|line| line.row).collect();
    let at = match &request.at {
        Some(wanted) => find(&lines, wanted, name)?,
        None => {
            let verdicts = build(settings).score(&rows);
            let alarm = verdicts.iter().rposition(|scored| scored.is_anomaly);
            alarm.or(lines.len().checked_sub(1)).with_context(|| format!("{name} has no rows"))?
        }
    };
    let Line { time, row, .. } = &lines[at];
    let Some(value) = row.value() else {
        bail!("the row at {time} of {name} has no value, and nothing is said of a gap; name another with --at");
    };
    let mut judge = build(settings);
    judge.score(&rows[..at]);
    let breakdown = judge.breakdown(*row).with_context(|| {
        format!("`{detector}` says nothing of row {} of {name}: too few rows before it, or none that moved", at + 1)
    })?;
    let verdict = judge.score(&rows[at..=at]);
    let Scored { score, p_value, is_anomaly } = verdict.first().copied().unwrap_or(Scored::NOTHING);
    let known = lines[..=at].iter().rev().filter(|line| line.row.value().is_some());
    Ok(Explained {
        series: name.to_owned(),
        detector,
        timestamp: time.clone(),
        value,
        score,
        p_value,
        anomaly: is_anomaly,
        breakdown,
        times: known.take(TIMES_MAX).map(|line| line.time.clone()).collect(),
    })
}

/// What lies further back counts for next to nothing, in every detector.
const TIMES_MAX: usize = 512;

fn find(lines: &[Line], wanted: &str, name: &str) -> Result<usize> {
    let ms = read_time(wanted).context("--at")?;
    let found = lines.iter().position(|line| line.row.time_ms() == ms);
    found.with_context(|| format!("{name} has no row at {wanted}; name one that it has"))
}

fn told(explained: &Explained) -> String {
    let Explained { series, detector, timestamp, value, score, p_value, anomaly, breakdown, times } = explained;
    let alarm = if *anomaly { "an alarm" } else { "no alarm" };
    let mut lines = vec![format!(
        "{detector} of {} at {timestamp} in {series}: {alarm}, score {score:.4}, p-value {p_value:.2e}",
        digits(*value)
    )];
    if let Some(Forecast { expected, deviations, is_logarithmic }) = &breakdown.forecast {
        let how = if *is_logarithmic { "; values multiply, so its logarithm was judged" } else { "" };
        lines.push(format!(
            "expected was {}, so that it is off by {}: {deviations:+.2} times the usual surprise{how}",
            digits(*expected),
            signed(value - expected)
        ));
    }
    for Sum { of, total, terms } in &breakdown.sums {
        lines.push(format!("{of}: {}, which is the sum of", digits(*total)));
        let shown: Vec<[String; 3]> = terms.iter().map(|term| shown(term, times)).collect();
        let [name, made_of] = [0, 1].map(|at| shown.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
        let line = |[a, b, c]: &[String; 3]| format!("  {a:name$}  {b:>made_of$}  {c:>12}");
        lines.extend(shown.iter().map(line));
    }
    lines.join("\n") + "\n"
}

/// Name, what it is made of, and what it adds.
fn shown(term: &Term, times: &[String]) -> [String; 3] {
    let Term { name, values_back, made_of, amount } = term;
    let name = match values_back.and_then(|back| times.get(back)) {
        Some(time) => format!("{name} at {time}"),
        None => name.clone(),
    };
    let made_of = match made_of {
        Some(MadeOf::Product { coefficient, times }) => format!("{} x {}", digits(*coefficient), digits(*times)),
        Some(MadeOf::Error { seen, made_up }) => format!("{} made up as {}", digits(*seen), digits(*made_up)),
        None => String::new(),
    };
    [name, made_of, signed(*amount)]
}

fn signed(value: f64) -> String {
    if value < 0.0 { digits(value) } else { format!("+{}", digits(value)) }
}

/// Five of them.
fn digits(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.4e}");
    }
    let decimals = (4.0 - size.log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use hark_detectors::list::Family;

    use super::*;

    const START: i64 = 1_777_593_600;

    /// A day's season; at hour 1000 it is ten too much.
    fn series(rows: i64) -> String {
        let mut text = "timestamp,value\n".to_owned();
        for at in 0..rows {
            let noise = ((at * 7_919) % 101) as f64 / 101.0 - 0.5;
            let season = 5.0 * (at as f64 / 24.0 * std::f64::consts::TAU).sin();
            let value = 100.0 + season + noise + if at == 1_000 { 10.0 } else { 0.0 };
            text += &if at == 900 {
                format!("{},\n", START + 3_600 * at)
            } else {
                format!("{},{value}\n", START + 3_600 * at)
            };
        }
        text
    }

    fn request(detector: &str, at: Option<i64>) -> Request {
        Request {
            series: PathBuf::from("s.csv"),
            detector: named(detector).unwrap(),
            at: at.map(|at| (START + 3_600 * at).to_string()),
            period: None,
            false_alarms: 0.1,
            seed: 1,
            json: false,
        }
    }

    #[test]
    fn each_detector_explains_the_alarm_in_numbers_that_add_up() {
        for (entry, _) in for_series() {
            let explained = of_row(&request(entry.name, Some(1_000)), series(1_010).as_bytes(), "s.csv").unwrap();
            if matches!(entry.family, Family::Sequential | Family::Forecast | Family::Network | Family::Ensemble) {
                assert_eq!(explained.anomaly, entry.name != "shift", "{}", told(&explained));
            }
            for Sum { total, terms, .. } in &explained.breakdown.sums {
                let sum: f64 = terms.iter().map(|term| term.amount).sum();
                assert!((sum - total).abs() < 1e-9 * total.abs().max(1.0), "{}: {}", entry.name, told(&explained));
            }
            match explained.breakdown.forecast {
                Some(Forecast { expected, deviations, .. }) => {
                    assert!((expected - 95.7).abs() < 2.0 && deviations > 5.0, "{}", told(&explained));
                }
                // The row itself is what is not made up again.
                None => {
                    let first = explained.breakdown.sums[0].terms.iter().find_map(|term| term.values_back);
                    assert_eq!(first, Some(0), "{}", told(&explained));
                }
            }
        }
    }

    #[test]
    fn the_newest_alarm_is_meant_where_no_row_is_named_and_what_is_said_is_what_detect_says() {
        let explained = of_row(&request("spike", None), series(1_010).as_bytes(), "s.csv").unwrap();
        assert_eq!(explained.timestamp, (START + 3_600 * 1_000).to_string());
        let rows: Vec<_> = detect_command::read(series(1_010).as_bytes(), "s.csv").unwrap();
        let rows: Vec<_> = rows.iter().map(|line| line.row).collect();
        let settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
        let scored = (named("spike").unwrap().build)(settings).score(&rows)[1_000];
        assert_eq!((explained.score, explained.p_value), (scored.score, scored.p_value));
        let quiet = of_row(&request("spike", None), series(800).as_bytes(), "s.csv").unwrap();
        assert!(!quiet.anomaly && quiet.timestamp == (START + 3_600 * 799).to_string());
        let json = serde_json::to_value(&explained).unwrap();
        assert!(json["expected"].is_f64() && json["sums"][0]["terms"][0]["name"] == "level", "{json}");
    }

    #[test]
    fn what_cannot_be_explained_is_refused_in_a_sentence() {
        let problem = |at: Option<i64>, rows: i64| {
            format!("{:#}", of_row(&request("arima", at), series(rows).as_bytes(), "s.csv").unwrap_err())
        };
        assert!(problem(Some(900), 950).contains("nothing is said of a gap"));
        assert!(problem(Some(5), 950).contains("`arima` says nothing of row 6 of s.csv"));
        assert!(problem(Some(2_000), 950).contains("has no row at"));
        assert!(problem(None, 0).contains("s.csv has no rows"));
        assert!(named("arma").unwrap_err().contains("did you mean `arima`?"));
    }

    #[test]
    fn numbers_have_five_digits() {
        let all = [0.0, 1.5, -12_345.678, 0.001_234_56, 1e12, 99_999.0].map(digits);
        assert_eq!(all, ["0", "1.5000", "-12346", "0.0012346", "1.0000e12", "99999"]);
    }
}
