//! `test`: every test there is, on a machine that has only Rust and Node.

use std::process::Command;

use anyhow::Result;

use crate::{journey, openapi, process, ui};

pub(crate) fn run() -> Result<()> {
    let pages = ui::build_if_possible()?;
    // Without documentation tests: there are none, and CI takes the last count printed for the count of all.
    process::run(cargo(pages).args(["test", "--workspace", "--all-targets", "--locked"]))?;
    if pages {
        openapi::check_types()?;
        for script in ["check", "test", "size"] {
            ui::script(script)?;
        }
        browse()?;
    }
    Ok(())
}

fn browse() -> Result<()> {
    let Some(chromium) = journey::chromium() else {
        let what = "no Chromium found, the browser journey was not run";
        return process::skip(what, "install Chromium, or name it in the environment variable CHROMIUM");
    };
    // Test targets are named as well, so that the dependencies have the features `cargo test` just built them with.
    process::run(cargo(true).args(["build", "--workspace", "--locked", "--tests", "--bin", "hark"]))?;
    journey::run(&chromium)
}

/// Where the pages were built they must end up in the binary.
pub(crate) fn cargo(pages: bool) -> Command {
    let mut command = process::cargo();
    if pages {
        command.env("HARK_UI", "require");
    }
    command
}
