//! `hark explain slices`: which slices of a file of leaves carry the difference between what was seen and what was expected.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hark_explain::leaves_file::{Columns, Format, explain_slices};

pub struct Request {
    /// `-` is standard input.
    pub leaves: PathBuf,
    pub columns: Columns,
    pub format: Format,
}

pub fn slices(request: &Request) -> Result<()> {
    let name = request.leaves.display().to_string();
    let answer = explain_slices(open(&request.leaves)?, &name, &request.columns, request.format)?;
    io::stdout().lock().write_all(answer.as_bytes()).context("the answer cannot be written")
}

pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let name = path.display();
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("{name} cannot be opened"))?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file).with_context(|| format!("{name} is not valid zstd"))?),
        _ => Box::new(file),
    })
}
