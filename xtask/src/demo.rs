//! `demo`: pages, release binary, and hark itself in the place of this process.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, ui};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    ui::build()?;
    let build = ["build", "--release", "--locked", "--package", "hark", "--bin", "hark"];
    process::run(process::cargo().args(build).env("HARK_UI", "require"))?;
    become_hark(process::program(process::binary("release")?).args(arguments))
}

/// hark takes over this process, so that Ctrl-C and the exit status are its own.
#[cfg(unix)]
fn become_hark(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("the built hark could not be started: run `cargo clean --release` and try again")
}

#[cfg(not(unix))]
fn become_hark(command: &mut Command) -> Result<()> {
    process::run(command).context("the demo ended with an error")
}
