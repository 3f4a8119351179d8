//! The pages: installed when their lock file changed, built into dashboard/ui/dist.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::process;

/// Builds the pages, whatever was built before.
pub(crate) fn build() -> Result<()> {
    install()?;
    script("build")
}

/// Builds the pages where Node is, once for every step of a run, and says whether they are there.
pub(crate) fn build_if_possible() -> Result<bool> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    if let Some(pages) = BUILT.get() {
        return Ok(*pages);
    }
    let pages = node_is_there();
    if pages {
        build()?;
    } else {
        let what = "no node and npm found, the pages were neither built nor tested";
        process::skip(what, "install Node.js 20 or later")?;
    }
    Ok(*BUILT.get_or_init(|| pages))
}

/// Runs one script of dashboard/ui/package.json.
pub(crate) fn script(name: &str) -> Result<()> {
    process::run(npm().args(["run", "--silent", name]))
}

/// `npm ci`, unless what is installed came from this very lock file.
pub(crate) fn install() -> Result<()> {
    require_node()?;
    let lock = folder().join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| {
        format!("{} could not be read: restore it with `git checkout dashboard/ui`", lock.display())
    })?;
    // npm ci starts by deleting node_modules, so the stamp never outlives what it vouches for.
    let stamp = folder().join("node_modules").join(".installed-from-lock");
    if is_fresh(&stamp, &wanted) {
        return Ok(());
    }
    process::run(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, &wanted).with_context(|| format!("{} could not be written: free some space", stamp.display()))
}

fn node_is_there() -> bool {
    process::answers(process::program("node").arg("--version")) && process::answers(npm().arg("--version"))
}

pub(crate) fn folder() -> PathBuf {
    process::root().join("dashboard").join("ui")
}

fn require_node() -> Result<()> {
    if !node_is_there() {
        bail!("the pages are built with Node.js, and `node` or `npm` was not found: install Node.js 20 or later");
    }
    Ok(())
}

fn npm() -> Command {
    let mut command = process::program(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder());
    command
}

fn is_fresh(stamp: &Path, wanted: &[u8]) -> bool {
    fs::read(stamp).is_ok_and(|installed| installed == wanted)
}
