//! `hark peers`: which of several series that usually go together departs from the rest.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use hark_detectors::Settings;
use hark_detectors::density::{Cohort, Member};

use crate::plain_values::{Table, TableRow};

pub struct Request {
    /// `-` is standard input.
    pub series: PathBuf,
    /// Rows that are judged together.
    pub window: usize,
    pub settings: Settings,
    /// Only those that depart are told.
    pub only_anomalies: bool,
}

pub fn peers(request: &Request) -> Result<()> {
    let name = request.series.display().to_string();
    let out = BufWriter::new(io::stdout().lock());
    if request.series.as_os_str() == "-" {
        return judge(request, io::stdin().lock(), "standard input", out);
    }
    let file = File::open(&request.series).with_context(|| format!("{name} cannot be opened"))?;
    judge(request, file, &name, out)
}

fn judge(request: &Request, input: impl Read, name: &str, mut out: impl Write) -> Result<()> {
    let written = "the result cannot be written";
    let mut rows = Table::open(input, name)?;
    let members: Vec<String> = rows.names().map(ToOwned::to_owned).collect();
    let mut cohort = Cohort::new(members.len(), request.window, request.settings).with_context(|| name.to_owned())?;
    let mut table = csv::Writer::from_writer(&mut out);
    table
        .write_record(["timestamp", "member", "place", "off", "outside", "score", "p_value", "anomaly"])
        .context(written)?;
    for row in &mut rows {
        let TableRow { line, time, values } = row?;
        let Some(judged) = cohort.take(&values).with_context(|| format!("line {line} of {name}"))? else { continue };
        for (member, said) in members.iter().zip(&judged) {
            if said.scored.is_anomaly || !request.only_anomalies {
                table.write_record(told(&time, member, said)).context(written)?;
            }
        }
    }
    table.flush().context(written)
}

/// A member in a window, which is named by its last row.
fn told(at: &str, member: &str, said: &Member) -> [String; 8] {
    let Member { place, off, outside, scored } = said;
    let known = |value: &Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
    [
        at.to_owned(),
        member.to_owned(),
        known(place),
        known(off),
        outside.to_string(),
        format!("{:.6}", scored.score),
        format!("{:.6e}", scored.p_value),
        u8::from(scored.is_anomaly).to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, only_anomalies: bool) -> Result<String> {
        let settings = Settings { false_alarms: 0.1, period_rows: None, seed: 1 };
        let request = Request { series: PathBuf::from("c.csv"), window: 12, settings, only_anomalies };
        let mut out = Vec::new();
        judge(&request, text.as_bytes(), "c.csv", &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    /// Six clusters that move together; from a row on the third is a tenth slower.
    fn cohort(rows: usize, from: usize) -> String {
        let names = ["eu_1", "eu_2", "eu_3", "us_1", "us_2", "us_3"];
        let mut text = format!("timestamp,{}\n", names.join(","));
        let mut state = 7_u64;
        for at in 0..rows {
            text += &(1_700_000_000 + 300 * at).to_string();
            for member in 0..names.len() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let noise = (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5;
                let usual = 400.0 + 80.0 * (at as f64 / 30.0).sin() + 5.0 * member as f64;
                let slow = if member == 2 && at >= from { 1.1 } else { 1.0 };
                text += &format!(",{:.2}", usual * slow + 8.0 * noise);
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn the_one_that_departs_is_told_by_its_name() {
        let told = run(&cohort(4_800, 3_600), true).unwrap();
        let lines: Vec<&str> = told.lines().skip(1).collect();
        let since = 1_700_000_000 + 300 * 3_600;
        let time = |line: &str| line.split(',').next().and_then(|text| text.parse().ok()).unwrap_or(0_i64);
        assert!(lines.iter().any(|line| line.contains(",eu_3,") && time(line) < since + 300 * 36), "{told}");
        assert!(lines.iter().all(|line| line.contains(",eu_3,") || time(line) < since), "{told}");
        let all = run(&cohort(240, 240), false).unwrap();
        assert_eq!(all.lines().count(), 1 + 6 * 20);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let problem = |text: &str| format!("{:#}", run(text, false).unwrap_err());
        assert!(problem("time,a,b,c,d\n").contains("c.csv has no column `timestamp`"));
        assert!(problem("timestamp,a,b\n1,2,3\n").contains("2 series cannot be peers of each other"));
        assert!(problem("timestamp,a,b,c,d\n1,2,3,x,5\n").contains("line 2 of c.csv: `x` is not a number"));
        assert!(problem("timestamp,a,b,c,d\nnoon,2,3,4,5\n").contains("line 2 of c.csv: `noon` is not a time"));
        // A short row has gaps at its end.
        assert_eq!(run("timestamp,a,b,c,d\n1,2\n", false).unwrap().lines().count(), 1);
    }
}
