//! `hark detect`: any series of timestamps and values, row by row, through any detector of plain series.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hark_detectors::list::{ALL, Build, Judges, for_series};
use hark_detectors::{Row, Scored, Settings};
use hark_model::nearest;

use crate::brought::{Judging, Unjudged, brought};
use crate::imported::find;
use crate::place::Where;
use crate::plain_values::{number, read_time};

pub struct Request {
    /// `-` is standard input.
    pub series: PathBuf,
    pub judge: Judge,
    pub settings: Settings,
    pub out: Option<PathBuf>,
    /// Every row is judged by what the whole series says.
    pub is_batch: bool,
}

/// What judges the rows.
pub enum Judge {
    Named(Build),
    /// A network that was made elsewhere, by ONNX Runtime where its library is given.
    Brought {
        /// A file, or the name that it was imported under.
        model: PathBuf,
        place: Where,
        library: Option<PathBuf>,
    },
}

impl Judge {
    fn make(&self, settings: Settings) -> Result<Judging> {
        match self {
            Self::Named(build) => Ok(Judging { detector: build(settings), unjudged: Unjudged::default() }),
            Self::Brought { model, place, library } => brought(&find(model, place)?, library.as_deref(), settings),
        }
    }
}

/// A row as it was written, and what it says.
pub(crate) struct Line {
    pub(crate) time: String,
    value: String,
    pub(crate) row: Row,
}

/// So many rows are judged at a time.
const BATCH: usize = 1_024;

pub fn detect(request: &Request) -> Result<()> {
    let (input, name) = open(&request.series)?;
    match &request.out {
        None => score(request, input, &name, BufWriter::new(io::stdout().lock())),
        Some(out) => {
            // What was there stays until all of the new is.
            let beside = with_ending(out, "part");
            let file = File::create(&beside).with_context(|| format!("{} cannot be written", beside.display()))?;
            score(request, input, &name, BufWriter::new(file)).inspect_err(|_| drop(fs::remove_file(&beside)))?;
            fs::rename(&beside, out).with_context(|| format!("{} cannot be written", out.display()))
        }
    }
}

/// A file, or standard input, and what it is called.
pub(crate) fn open(series: &Path) -> Result<(Box<dyn Read>, String)> {
    if series.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), "standard input".to_owned()));
    }
    let name = series.display().to_string();
    let file = File::open(series).with_context(|| format!("{name} cannot be opened"))?;
    Ok((Box::new(file), name))
}

/// All rows at once.
pub(crate) fn read(input: impl Read, name: &str) -> Result<Vec<Line>> {
    lines(&mut reader(input), name)?.collect()
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}

fn score(request: &Request, input: impl Read, name: &str, mut out: impl Write) -> Result<()> {
    let Judging { mut detector, unjudged } = request.judge.make(request.settings)?;
    let mut reader = reader(input);
    let mut lines = lines(&mut reader, name)?;
    let written = "the result cannot be written";
    writeln!(out, "timestamp,value,score,p_value,anomaly").context(written)?;
    if request.is_batch {
        let lines = lines.collect::<Result<Vec<Line>>>()?;
        let rows: Vec<Row> = lines.iter().map(|line| line.row).collect();
        detector.fit(&rows);
        write(&mut out, &lines, &detector.score(&rows)).context(written)?;
    } else {
        loop {
            // What stands before a line that can't be read is answered all the same.
            let mut failed = None;
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(line) = lines.next()
            {
                match line {
                    Ok(line) => batch.push(line),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let rows: Vec<Row> = batch.iter().map(|line| line.row).collect();
            write(&mut out, &batch, &detector.score(&rows)).context(written)?;
            match failed {
                Some(error) => return Err(error),
                None if batch.len() < BATCH => break,
                None => {}
            }
        }
    }
    out.flush().context(written)?;
    if let Some(sentence) = unjudged.told()? {
        eprintln!("{sentence}");
    }
    Ok(())
}

fn write(out: &mut impl Write, lines: &[Line], verdicts: &[Scored]) -> io::Result<()> {
    for (Line { time, value, .. }, scored) in lines.iter().zip(verdicts) {
        let Scored { score, p_value, is_anomaly } = scored;
        writeln!(out, "{time},{value},{score:.6},{p_value:.6e},{}", u8::from(*is_anomaly))?;
    }
    Ok(())
}

pub(crate) fn reader<R: Read>(input: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(input)
}

pub(crate) fn lines<'a, R: Read>(
    reader: &'a mut csv::Reader<R>,
    name: &'a str,
) -> Result<impl Iterator<Item = Result<Line>> + use<'a, R>> {
    let headers = reader.headers().with_context(|| format!("{name} cannot be read as CSV"))?.clone();
    let column = |wanted: &str| {
        let found =
            headers.iter().position(|header| header.trim_start_matches('\u{feff}').eq_ignore_ascii_case(wanted));
        found.with_context(|| {
            let shown: Vec<&str> = headers.iter().take(20).collect();
            let named = if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") };
            format!("{name} has no column `{wanted}`; its first line names {}", named.escape_debug())
        })
    };
    let (time, value) = (column("timestamp")?, column("value")?);
    Ok(reader.records().map(move |record| {
        let record = record.with_context(|| format!("{name} cannot be read as CSV"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default().to_owned();
        Line::read(cell(time), cell(value)).with_context(|| format!("line {line} of {name}"))
    }))
}

impl Line {
    fn read(time: String, value: String) -> Result<Self> {
        let at_ms = read_time(&time)?;
        let row = if value.is_empty() { Row::gap(at_ms) } else { Row::new(at_ms, number(&value)?) };
        Ok(Self { time, value, row })
    }
}

/// A detector by its name.
pub fn detector(name: &str) -> Result<Build, String> {
    let of_series = || for_series().map(|(entry, _)| entry.name);
    let all = || of_series().collect::<Vec<_>>().join(", ");
    match ALL.iter().find(|entry| entry.name == name).map(|entry| entry.judges) {
        Some(Judges::Series(build)) => Ok(build),
        Some(Judges::Metrics) => Err(format!(
            "`{name}` judges metrics, always on in `hark serve` and `hark replay`; a file is judged by {}",
            all()
        )),
        Some(Judges::Cohorts) => Err(format!(
            "`{name}` judges series that go together, by `hark peers FILE`; one alone is judged by {}",
            all()
        )),
        None => Err(match nearest(name, of_series()) {
            Some(meant) => format!("there is no detector `{name}`; did you mean `{meant}`?"),
            None => format!("there is no detector `{name}`; there are {}", all()),
        }),
    }
}

/// What can be asked for, for the help.
pub fn detectors_help() -> String {
    let lines = for_series().map(|(entry, _)| format!("{}: {}", entry.name, entry.looks_for));
    format!("By name, as `hark models list` shows them:\n{}", lines.collect::<Vec<_>>().join(";\n"))
}

/// A chance of false alarms, as one writes it on the command line.
pub fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (1e-9..=0.5).contains(number));
    number.ok_or_else(|| "write a probability of at most 0.5, such as 0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, is_batch: bool) -> Result<String> {
        let request = Request {
            series: PathBuf::from("s.csv"),
            judge: Judge::Named(detector("ensemble").unwrap()),
            settings: Settings { false_alarms: 0.1, period_rows: None, seed: 1 },
            out: None,
            is_batch,
        };
        let mut out = Vec::new();
        score(&request, text.as_bytes(), "s.csv", &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        assert_eq!(detector("ensembel").unwrap_err(), "there is no detector `ensembel`; did you mean `ensemble`?");
        assert!(detector("xyzzy").unwrap_err().contains("there are shift, "));
        assert!(detector("seasonal_change").unwrap_err().starts_with("`seasonal_change` judges metrics"));
        assert!(detector("peers").unwrap_err().contains("by `hark peers FILE`"));
    }

    #[test]
    fn every_row_is_answered_and_a_gap_says_nothing() {
        let mut text = "id,Timestamp,value\n".to_owned();
        (0..200).for_each(|row| text += &format!("x,{},{}\n", 1_700_000_000 + 60 * row, (row * 7919) % 13));
        text += "x,1700012060,\nx,1700012060,5000\n";
        let out = run(&text, false).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 203);
        assert_eq!(lines[201], "1700012060,,0.000000,1.000000e0,0");
        assert!(lines[202].starts_with("1700012060,5000,") && lines[202].ends_with(",1"), "{}", lines[202]);
        assert!(lines[1..201].iter().all(|line| line.ends_with(",0")));
    }

    #[test]
    fn a_row_is_judged_without_those_after_it_unless_asked_for() {
        let series = |rows: usize| {
            let row =
                |at: usize| format!("{},{}\n", 1_700_000_000 + 60 * at, if at < 150 { (at * 7919) % 13 } else { 40 });
            (0..rows).fold("timestamp,value\n".to_owned(), |text, at| text + &row(at))
        };
        let (short, long) = (run(&series(140), false).unwrap(), run(&series(300), false).unwrap());
        assert!(long.starts_with(&short));
        assert!(!run(&series(300), true).unwrap().starts_with(&short));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let problem = |text: &str| format!("{:#}", run(text, false).unwrap_err());
        let problems = [
            problem("timestamp,value\n1,2\n2,abc\n"),
            problem("timestamp,value\n1,NaN\n"),
            problem("timestamp,value\n1,1e999\n"),
            problem("timestamp,value\nnoon,2\n"),
            problem("time,value\n1,2\n"),
            problem(""),
        ];
        let expected = [
            "line 3 of s.csv: `abc` is not a number; leave the value empty where there is none",
            "line 2 of s.csv: `NaN` is no value to judge; leave it empty where there is none",
            "line 2 of s.csv: `1e999` is no value to judge; leave it empty where there is none",
            "line 2 of s.csv: `noon` is not a time; write 2026-05-01 12:00:00, RFC 3339, or seconds since 1970",
            "s.csv has no column `timestamp`; its first line names time, value",
            "s.csv has no column `timestamp`; its first line names nothing",
        ];
        assert_eq!(problems, expected);
    }
}
