//! The Python process on the other side: one question a line, one answer a line, numbers by files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("peer.py");

pub(super) struct Peer {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

pub(super) struct LabelledSet {
    pub name: String,
    pub columns: usize,
    pub path: PathBuf,
    pub rows: Vec<f64>,
    pub labels: Vec<bool>,
}

impl Peer {
    pub(super) fn start(python: &Path, folder: &Path) -> Result<Self> {
        let script = folder.join("peer.py");
        fs::write(&script, SCRIPT).with_context(|| format!("{} cannot be written", script.display()))?;
        let started = Command::new(python).arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            started.with_context(|| format!("{} cannot be started: say where by --python", python.display()))?;
        let (Some(asked), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the Python process has no input or output");
        };
        Ok(Self { child, asked, answers: BufReader::new(answers), folder: folder.to_owned() })
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        let lost = "the Python process ended: its words above say why; it needs scikit-learn, shap and numpy";
        writeln!(self.asked, "{question}").context(lost)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).context(lost)?;
        serde_json::from_str(&line).context(lost)
    }

    pub(super) fn versions(&mut self) -> Result<String> {
        let said = self.ask(&json!({"do": "versions"}))?;
        Ok(said.as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn sets(&mut self, data: &Path) -> Result<Vec<LabelledSet>> {
        let data = data.canonicalize().with_context(|| format!("{} is not there", data.display()))?;
        let said = self.ask(&json!({"do": "sets", "folder": data, "out": self.folder}))?;
        let one = |said: &Value| {
            let name = said["name"].as_str().context("a set has no name")?.to_owned();
            let path = self.folder.join(format!("{name}.rows"));
            Ok(LabelledSet {
                columns: said["columns"].as_u64().context("a set has no columns")? as usize,
                rows: read(&path)?,
                labels: read(&path.with_extension("labels"))?.iter().map(|label| *label > 0.5).collect(),
                path,
                name,
            })
        };
        said.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(one).collect()
    }

    /// Seconds and scores of a forest grown on the rows of a set.
    pub(super) fn forest(
        &mut self,
        set: &LabelledSet,
        trees: usize,
        seed: u64,
        threads: usize,
    ) -> Result<(f64, Vec<f64>)> {
        let out = self.folder.join("scores");
        let (rows, columns) = (&set.path, set.columns);
        let question = json!({"do": "forest", "rows": rows, "columns": columns, "trees": trees, "seed": seed, "threads": threads, "out": out});
        let said = self.ask(&question)?;
        Ok((seconds(&said)?, read(&out)?))
    }

    /// Hands over a forest and what rows are compared with; gives the two bases.
    pub(super) fn explainer(&mut self, trees: &Value, background: &[f32], columns: usize) -> Result<[f64; 2]> {
        let (path, rows) = (self.folder.join("trees.json"), self.folder.join("background"));
        fs::write(&path, trees.to_string()).context("the forest cannot be written: free some space")?;
        write(&rows, background)?;
        let said = self.ask(&json!({"do": "explainer", "trees": path, "background": rows, "columns": columns}))?;
        let base = |name: &str| said[name].as_f64().context("shap named no base");
        Ok([base("paths")?, base("rows")?])
    }

    /// Seconds and contributions, row after row.
    pub(super) fn explain(&mut self, rows: &[f32], columns: usize, against: &str) -> Result<(f64, Vec<f64>)> {
        let (asked, out) = (self.folder.join("asked"), self.folder.join("contributions"));
        write(&asked, rows)?;
        let question = json!({"do": "explain", "rows": asked, "columns": columns, "against": against, "out": out});
        let said = self.ask(&question)?;
        Ok((seconds(&said)?, read(&out)?))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It waits for questions; without anybody to ask them it has nothing more to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn seconds(said: &Value) -> Result<f64> {
    said["seconds"].as_f64().context("the Python process told no time")
}

fn write(path: &Path, numbers: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    fs::write(path, bytes).with_context(|| format!("{} cannot be written: free some space", path.display()))
}

fn read(path: &Path) -> Result<Vec<f64>> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let numbers = bytes.as_chunks::<8>().0;
    Ok(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}
