//! Every detector of plain series alone and the ensemble, on labelled public data, beside peers of Python.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::Run;
use crate::process;

const SCRIPT: &str = include_str!("detectors.py");

/// Set and measure of a column, in the order in which the table shows them.
const COLUMNS: [(&str, &str); 10] = [
    ("NAB", "standard"),
    ("NAB", "frozen"),
    ("NAB", "VUS-PR"),
    ("NAB", "event F1, best threshold"),
    ("NAB", "event F1, own alarms"),
    ("KPI", "VUS-PR"),
    ("KPI", "event F1, best threshold"),
    ("KPI", "event F1, own alarms"),
    ("SMD", "VUS-PR"),
    ("SMD", "event F1, best threshold"),
];

pub(super) fn detectors(run: &mut Run) -> Result<()> {
    for module in ["numpy", "sklearn", "statsmodels", "stumpy"] {
        if let Some(why) = run.lacks(module) {
            run.report.missing("detectors", "the table", &why);
            return Ok(());
        }
    }
    let (data, judges) = (process::root().join(&run.data), process::root().join(&run.judges));
    if !data.is_dir() || !judges.is_dir() {
        run.report.missing("detectors", "the table", "no data or no judges: say where by --data and --judges");
        return Ok(());
    }
    let folder = run.folder.fresh("detectors")?;
    let script = run.script(&folder, "detectors.py", SCRIPT)?;
    let (series, out) = (folder.join("series"), folder.join("out"));
    fs::create_dir(&series).context("the series have no folder: free some space")?;
    let python = || process::program(&run.python);
    process::run(python().arg(&script).arg("series").arg(&data).arg(&series).arg(&run.sets))?;
    let mut files: Vec<_> = fs::read_dir(&series)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "csv"));
    files.sort();
    ensure!(!files.is_empty(), "there are no series in {}: name sets such as nab,kpi,smd", data.display());
    let mut speeds =
        process::stdout_of(process::program(&run.ours).arg("score").arg(&out).args(["all", "--"]).args(&files))?;
    speeds += &process::stdout_of(python().arg(&script).arg("peers").arg(&series).arg(&out))?;
    let judged = process::stdout_of(python().arg(&script).arg("judge").args([&data, &judges, &series, &out]))?;
    let table = table(&judged, &speeds)?;
    println!("{table}");
    if let Some(docs) = &run.docs {
        let path = process::root().join(docs);
        fs::write(&path, page(&table)).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn page(table: &str) -> String {
    format!(
        "# Detectors of plain series, measured\n\nWritten by `cargo xtask bench models --only detectors --docs docs/models.md`: every \
         detector of `hark models list` alone, the\nensemble, and peers of Python in the same run on the same machine. Nothing here was \
         tuned on these files but the score of the ensemble\n(docs/figures.md). NAB: its standard profile, then the mean of both halves \
         with the threshold of the other. KPI and SMD: the parts that\n`xtask/src/bench/models/detectors.py` names. VUS-PR: buffers of 0 \
         to 100 rows. Own alarms: at a chance of 0.1 of any false one in a thousand\nrows; peers have none.\n\n{table}"
    )
}

/// Lines of name|set|measure|value|count, and of name,rows,seconds or name,file's rows,seconds.
fn table(judged: &str, speeds: &str) -> Result<String> {
    let mut values: BTreeMap<&str, BTreeMap<(&str, &str), f64>> = BTreeMap::new();
    for line in judged.lines() {
        let cells: Vec<&str> = line.split('|').collect();
        let &[name, set, measure, value, _] = cells.as_slice() else { anyhow::bail!("`{line}` is no judgement") };
        values.entry(name).or_default().insert((set, measure), value.parse()?);
    }
    let mut spent: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for line in speeds.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let [name @ .., rows, seconds] = cells.as_slice() else { anyhow::bail!("`{line}` is no speed") };
        let name = &line[..name.join(",").len()];
        let (all, took) = spent.entry(name).or_default();
        *all += rows.parse::<f64>()?;
        *took += seconds.parse::<f64>()?;
    }
    let shown: Vec<_> =
        COLUMNS.into_iter().filter(|column| values.values().any(|of| of.contains_key(column))).collect();
    let mut text = String::from("| detector |");
    shown.iter().for_each(|(set, measure)| _ = write!(text, " {set} {measure} |"));
    text += " µs a row |\n| --- |";
    text += &" --- |".repeat(shown.len() + 1);
    for (name, of) in &values {
        _ = write!(text, "\n| {name} |");
        for column in &shown {
            let digits = if column.1 == "standard" || column.1 == "frozen" { 1 } else { 3 };
            _ = match of.get(column) {
                Some(value) => write!(text, " {value:.digits$} |"),
                None => write!(text, " - |"),
            };
        }
        _ = match spent.get(name) {
            Some((rows, seconds)) => write!(text, " {:.1} |", 1e6 * seconds / rows),
            None => write!(text, " - |"),
        };
    }
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_and_a_dash_for_what_was_not_measured() {
        let judged = "ensemble|NAB|standard|70.12|1\nensemble|KPI|VUS-PR|0.5|29\nSARIMAX (1,0,1)|NAB|standard|40|1\n";
        let found = table(judged, "ensemble,1000,0.002\nensemble,1000,0.004\nSARIMAX (1,0,1),10,1\n").unwrap();
        let expected = "| detector | NAB standard | KPI VUS-PR | µs a row |\n| --- | --- | --- | --- |\n\
                        | SARIMAX (1,0,1) | 40.0 | - | 100000.0 |\n| ensemble | 70.1 | 0.500 | 3.0 |\n";
        assert_eq!(found, expected);
        assert!(table("ensemble|NAB", "").is_err() && table("", "ensemble").is_err());
    }
}
