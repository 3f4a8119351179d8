//! `hark explain slices`: from a file to what is printed.

use std::io::Read;

use serde::Serialize;

use super::answer::Answer;
use super::read::{Columns, ReadError, read_leaves};
use super::search::root_causes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

#[derive(Serialize)]
struct Document<'a> {
    /// One sentence.
    summary: String,
    rows: u64,
    #[serde(flatten)]
    answer: &'a Answer,
}

/// Reads leaves, searches them, and writes the answer. `name` is what errors call the file.
pub fn explain_slices(input: impl Read, name: &str, columns: &Columns, format: Format) -> Result<String, ReadError> {
    let read = read_leaves(input, name, columns)?;
    let answer = root_causes(&read.table);
    match format {
        Format::Text => Ok(answer.to_text()),
        Format::Json => {
            let document = Document { summary: answer.summary(), rows: read.rows, answer: &answer };
            let json = serde_json::to_string_pretty(&document);
            json.map(|json| json + "\n").map_err(|source| ReadError::Json { name: name.to_owned(), source })
        }
    }
}
