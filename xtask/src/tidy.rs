//! `tidy`: what the compiler can't check, one sentence for each thing that is not as agreed.

mod dependencies;
mod leaks;
mod migrations;
mod names;
mod sources;
mod tracked;

use anyhow::{Result, bail};

use crate::process;

pub(crate) fn run() -> Result<()> {
    let metadata = process::metadata()?;
    let files = tracked::files(&process::root())?;

    let violations = [
        dependencies::check(&dependencies::packages(&metadata)),
        names::check(&files),
        sources::check(&files),
        migrations::check(&files),
        leaks::check(&files),
    ]
    .concat();

    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => println!("tidy: {} files, nothing to say", files.len()),
        1 => bail!("one thing to tidy up, named above"),
        n => bail!("{n} things to tidy up, each named above"),
    }
    Ok(())
}
