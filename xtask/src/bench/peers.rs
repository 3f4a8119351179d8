//! What one would take instead: DuckDB and Polars on the same file, VictoriaMetrics on the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

#[derive(Debug)]
pub(super) struct Peers {
    pub(super) python: PathBuf,
    /// peer_ingest.py
    pub(super) script: PathBuf,
    pub(super) victoria: PathBuf,
    /// Takes the scripts below.
    pub(super) folder: PathBuf,
}

/// What a batch aggregation took, without the start of Python.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Batch {
    pub(super) events_per_second: f64,
    pub(super) events_per_processor_second: f64,
}

/// Runs a script as it is and tells the processor time between the first and the last time that it looks at the clock,
/// which is what its own figure is taken from.
const TIMED: &str = r#"import resource, runpy, sys, time
clock, marks = time.time, []
def marked():
    used = resource.getrusage(resource.RUSAGE_SELF)
    marks.append(used.ru_utime + used.ru_stime)
    return clock()
time.time, sys.argv = marked, sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print(f"cpu_s={marks[-1] - marks[0]:.3f}")
"#;

/// NDJSON to Parquet, as other programs write it.
const TO_PARQUET: &str = r#"import sys, pyarrow as pa, pyarrow.compute as pc, pyarrow.json as pj, pyarrow.parquet as pq
texts = "id platform os_version build device locale feature network cluster user outcome error".split()
schema = pa.schema([("time", pa.string())] + [(name, pa.string()) for name in texts])
table = pj.read_json(sys.argv[1], pj.ReadOptions(block_size=1 << 26), pj.ParseOptions(explicit_schema=schema))
time = pc.strptime(pc.utf8_slice_codeunits(table["time"], 0, 19), "%Y-%m-%dT%H:%M:%S", "ms")
millis = pc.cast(pc.utf8_slice_codeunits(table["time"], 20, 23), pa.int64())
table = table.set_column(0, "time", pc.add(time, pc.cast(millis, pa.duration("ms"))))
pq.write_table(table, sys.argv[2], row_group_size=1 << 17)
"#;

/// The grouping of peer_ingest.py over Parquet; its arguments and its figure too.
const OVER_PARQUET: &str = r#"import os, sys, time
os.environ.setdefault("POLARS_MAX_THREADS", "2")
DIMS = ["platform", "os_version", "build", "device", "locale", "feature", "network", "cluster"]
SETS = [[]] + [[d] for d in DIMS] + [["platform", "os_version"]]
def duckdb(path):
    import duckdb
    c = duckdb.connect(); c.execute("set threads=2")
    sets = ",".join("(" + ",".join(["minute"] + s) + ")" for s in SETS)
    return len(c.execute(f"""select minute, {','.join(DIMS)}, count(*), sum(total_ms),
        approx_quantile(total_ms, [0.5, 0.95, 0.99]), sum((outcome <> 'ok')::int)
        from (select date_trunc('minute', time) as minute, * from '{path}') group by grouping sets ({sets})""").fetchall())
def polars(path):
    import polars as pl
    df = pl.scan_parquet(path).with_columns(minute=pl.col("time").dt.truncate("1m"))
    df = df.select("minute", "total_ms", "outcome", *DIMS).collect()
    total = pl.col("total_ms")
    cell = [pl.len(), total.sum(), *[total.quantile(q).alias(f"p{q}") for q in (.5, .95, .99)], (pl.col("outcome") != "ok").sum()]
    return sum(len(x) for x in pl.collect_all([df.lazy().group_by(["minute"] + s).agg(*cell) for s in SETS]))
import pyarrow.parquet
events = pyarrow.parquet.read_metadata(sys.argv[2]).num_rows
start = time.time(); cells = {"duckdb": duckdb, "polars": polars}[sys.argv[1]](sys.argv[2]); took = time.time() - start
print(f"{sys.argv[1]} cells={cells} events_per_s={events / took:.0f} seconds={took:.3f}")
"#;

impl Peers {
    /// Why a peer that is a module of Python cannot run; `None` if it can.
    pub(super) fn lacks(&self, module: &str) -> Option<String> {
        let has = process::answers(self.python().args(["-c", &format!("import {module}")]));
        (!has).then(|| format!("{} has no module {module}: give another by --python", self.python.display()))
    }

    pub(super) fn lacks_script(&self) -> Option<String> {
        let is_there = self.script.is_file();
        (!is_there).then(|| format!("{} is not there: say where by --peer", self.script.display()))
    }

    pub(super) fn lacks_victoria(&self) -> Option<String> {
        let answers = process::answers(process::program(&self.victoria).arg("-version"));
        (!answers).then(|| "no VictoriaMetrics: install victoria-metrics, or say where by --victoria".to_owned())
    }

    /// peer_ingest.py over a file of NDJSON.
    pub(super) fn over_ndjson(&self, peer: &str, events: &Path) -> Result<Batch> {
        self.timed(&self.script, peer, events)
    }

    /// The same over a file of Parquet.
    pub(super) fn over_parquet(&self, peer: &str, events: &Path) -> Result<Batch> {
        self.timed(&self.written("over_parquet.py", OVER_PARQUET)?, peer, events)
    }

    pub(super) fn to_parquet(&self, events: &Path, parquet: &Path) -> Result<()> {
        process::run(self.python().arg(self.written("to_parquet.py", TO_PARQUET)?).arg(events).arg(parquet))
    }

    fn timed(&self, script: &Path, peer: &str, events: &Path) -> Result<Batch> {
        let timed = self.written("timed.py", TIMED)?;
        read(&process::stdout_of(self.python().arg(timed).arg(script).arg(peer).arg(events))?)
    }

    fn written(&self, name: &str, script: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, script)
            .with_context(|| format!("{} cannot be written: free some space", path.display()))?;
        Ok(path)
    }

    fn python(&self) -> Command {
        process::program(&self.python)
    }
}

fn read(said: &str) -> Result<Batch> {
    let number = |key: &str| {
        let value = said.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse::<f64>().ok()).with_context(|| format!("a peer did not say {key}: {said}"))
    };
    let (events_per_second, seconds) = (number("events_per_s")?, number("seconds")?);
    let events = events_per_second * seconds;
    Ok(Batch { events_per_second, events_per_processor_second: events / number("cpu_s")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_figures_are_read_from_what_it_prints() {
        let said = "duckdb events=1000 cells=7 seconds=2.00 events_per_s=500\ncpu_s=4.000\n";
        assert_eq!(read(said).unwrap(), Batch { events_per_second: 500.0, events_per_processor_second: 250.0 });
        assert!(read("Traceback").is_err());
    }
}
