//! The one door for people: `cargo xtask <verb>`, which CI calls too.

mod bench;
mod ci;
mod clock;
mod demo;
mod journey;
mod openapi;
mod process;
mod test;
mod tidy;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "What a person does with this repository, one verb each")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// Every verb there is, each in the file of its name.
#[derive(Subcommand)]
enum Verb {
    /// Build the pages and the release binary, then run the demo
    Demo {
        /// Given to hark as they are
        #[arg(last = true, value_name = "HARK ARGUMENTS")]
        arguments: Vec<String>,
    },
    /// Build the pages
    Ui,
    /// Run every test: Rust, the pages, and the way through them in a browser
    Test,
    /// Run what CI runs, step by step, with the time each step took
    Ci,
    /// Check what the compiler can't: who depends on whom, names, lengths, migrations, leaked paths
    Tidy,
    /// Write dashboard/openapi.json and the TypeScript types made from it
    Openapi {
        /// Write nothing, fail if a committed file would change
        #[arg(long)]
        check: bool,
    },
    /// Measure hark beside its peers
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Demo { arguments } => demo::run(&arguments),
        Verb::Ui => ui::build(),
        Verb::Test => test::run(),
        Verb::Ci => ci::run(),
        Verb::Tidy => tidy::run(),
        Verb::Openapi { check } => openapi::run(check),
        Verb::Bench { what } => bench::run(what),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
