//! What `cargo xtask bench models` runs of ours: fits of ARIMA models with their times, and the verdicts of detectors.
//!
//! `models fit CASES.csv RUNS` reads lines of name,p,d,q,P,D,Q,s,mean,values… (an empty value is a gap) and writes
//! name,log-likelihood,seconds of each run. `models score OUT NAME… -- FILES…` (or `all`) judges series of timestamp,value (seconds)
//! and writes OUT/NAME/FILE with timestamp,value,score,p_value,anomaly.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use hark_detectors::arima::{Limits, Orders, choose, fit};
use hark_detectors::list::for_series;
use hark_detectors::{Row, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fit", cases, runs] => fits(&fs::read_to_string(cases)?, runs.parse()?),
        ["score", out, rest @ ..] => {
            let at = rest.iter().position(|one| *one == "--").ok_or("name the files behind `--`")?;
            score(Path::new(out), &rest[..at], &rest[at + 1..])
        }
        _ => Err("usage: models fit CASES.csv RUNS, or models score OUT NAME... -- FILES...".into()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}

fn fits(cases: &str, runs: usize) -> Result<(), Box<dyn Error>> {
    for line in cases.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, numbers @ .., _] = &cells[..10.min(cells.len())] else { return Err("a case is too short".into()) };
        let values = cells[9..].iter().map(|cell| if cell.is_empty() { Ok(None) } else { cell.parse().map(Some) });
        let values: Vec<Option<f64>> = values.collect::<Result<_, _>>()?;
        let numbers: Vec<usize> = numbers.iter().map(|cell| cell.parse()).collect::<Result<_, _>>()?;
        let &[ar, differences, ma, seasonal_ar, seasonal_differences, seasonal_ma, period_rows, mean] = &numbers[..]
        else {
            return Err("a case has eight orders".into());
        };
        let has_mean = mean > 0;
        let orders =
            Orders { ar, differences, ma, seasonal_ar, seasonal_differences, seasonal_ma, period_rows, has_mean };
        let is_automatic = *name == "automatic";
        let mut seconds = Vec::new();
        let mut found = None;
        for _ in 0..runs {
            let (fitted, took) = timed(|| {
                if is_automatic {
                    choose(&values, Some(period_rows).filter(|rows| *rows > 1), Limits::default())
                } else {
                    fit(&values, orders)
                }
            });
            seconds.push(format!("{took:.9}"));
            found = fitted;
        }
        let fitted = found.ok_or("a model cannot be fitted")?;
        println!("{name},{:.9},{}", fitted.log_likelihood, seconds.join(","));
    }
    Ok(())
}

fn score(out: &Path, names: &[&str], files: &[&str]) -> Result<(), Box<dyn Error>> {
    let all: Vec<&str> = for_series().map(|(entry, _)| entry.name).collect();
    let names = if names == ["all"] { &all } else { names };
    for file in files {
        let text = fs::read_to_string(file)?;
        let mut rows = Vec::new();
        for line in text.lines().skip(1) {
            let (time, value) = line.split_once(',').ok_or("a row has a time and a value")?;
            let time_ms = (time.parse::<f64>()? * 1000.0) as i64;
            rows.push(value.parse().map_or(Row::gap(time_ms), |value| Row::new(time_ms, value)));
        }
        for name in names {
            let (_, build) = for_series().find(|(entry, _)| entry.name == *name).ok_or("there is no such detector")?;
            let settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
            let (verdicts, took) = timed(|| build(settings).score(&rows));
            let folder = out.join(name);
            fs::create_dir_all(&folder)?;
            let path = folder.join(Path::new(file).file_name().ok_or("a file has a name")?);
            let mut to = BufWriter::new(fs::File::create(path)?);
            writeln!(to, "timestamp,value,score,p_value,anomaly")?;
            for (line, scored) in text.lines().skip(1).zip(&verdicts) {
                writeln!(to, "{line},{:.6},{:.6e},{}", scored.score, scored.p_value, u8::from(scored.is_anomaly))?;
            }
            to.flush()?;
            println!("{name},{},{took:.6}", rows.len());
        }
    }
    Ok(())
}
