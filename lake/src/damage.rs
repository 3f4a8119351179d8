//! Damaged files: found by the hash in their names, remembered, named.

use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures_util::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::Xxh3;

use crate::data_file::hash_in_name;
use crate::{Lake, LakeError, Table};

/// Files that are read at the same time to be checked.
const CHECKS_AT_ONCE: usize = 4;
const CHUNK_BYTES: usize = 1 << 20;
/// What is remembered of so many files; past that the memory starts again, which costs reading them once more.
const REMEMBERED_MAX: usize = 200_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub table: Table,
    /// Within the table's folder.
    pub path: String,
    pub problem: String,
}

/// What is known of a file as long as its size and time stay the same.
#[derive(Debug, Clone)]
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
    problem: Option<String>,
}

/// Files that were checked. A file is checked when a query first reads it, and once more in each [`Lake::check`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked(Arc<Mutex<HashMap<PathBuf, Seen>>>);

impl Checked {
    /// The problems of those files that have one. With `again`, what is remembered counts for nothing.
    pub(crate) async fn problems(&self, paths: Vec<PathBuf>, again: bool) -> Result<Vec<(PathBuf, String)>, LakeError> {
        let checked = self.clone();
        let recall = move || if again { (Vec::new(), paths) } else { checked.recall(paths) };
        let (mut problems, unseen) = tokio::task::spawn_blocking(recall).await?;
        // One task a file: a query that has run out of time stops reading at the end of one.
        let look = |path: PathBuf| {
            let checked = self.clone();
            tokio::task::spawn_blocking(move || checked.look(&path).map(|problem| (path, problem)))
        };
        let mut looks = futures_util::stream::iter(unseen.into_iter().map(look)).buffered(CHECKS_AT_ONCE);
        while let Some(found) = looks.next().await {
            problems.extend(found?);
        }
        Ok(problems)
    }

    /// The files that were damaged when last looked at.
    pub(crate) fn known_damaged(&self) -> Vec<PathBuf> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|(_, seen)| seen.problem.is_some()).map(|(path, _)| path.clone()).collect()
    }

    /// What is remembered of files that are as they were, and the paths of the others.
    fn recall(&self, paths: Vec<PathBuf>) -> (Vec<(PathBuf, String)>, Vec<PathBuf>) {
        let mut problems = Vec::new();
        let mut unseen = Vec::new();
        for path in paths {
            let state = path.metadata().map(|metadata| (metadata.len(), metadata.modified().ok()));
            let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match seen.get(&path).filter(|seen| state.is_ok_and(|state| state == (seen.bytes, seen.modified))) {
                Some(seen) => problems.extend(seen.problem.clone().map(|problem| (path, problem))),
                None => unseen.push(path),
            }
        }
        (problems, unseen)
    }

    fn look(&self, path: &Path) -> Option<String> {
        let (bytes, modified) = match path.metadata() {
            Ok(metadata) => (metadata.len(), metadata.modified().ok()),
            Err(error) => {
                return self.remember(path, Seen { bytes: 0, modified: None, problem: Some(missing(&error)) });
            }
        };
        let problem = match hash_in_name(&path.to_string_lossy()) {
            Some(expected) => wrong_hash(path, expected),
            None => unreadable(path),
        };
        self.remember(path, Seen { bytes, modified, problem })
    }

    fn remember(&self, path: &Path, now: Seen) -> Option<String> {
        let problem = now.problem.clone();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(path.to_owned(), now);
        problem
    }
}

fn missing(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is missing".to_owned(),
        _ => error.to_string(),
    }
}

fn wrong_hash(path: &Path, expected: u128) -> Option<String> {
    let hash = || -> io::Result<u128> {
        let mut file = File::open(path)?;
        let mut hash = Xxh3::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(hash.digest128()),
                read => hash.update(&chunk[..read]),
            }
        }
    };
    match hash() {
        Ok(hash) if hash == expected => None,
        Ok(_) => Some("its bytes are not those that were written".to_owned()),
        Err(error) => Some(missing(&error)),
    }
}

/// A file that another program wrote has no hash; it is decoded from end to end instead.
fn unreadable(path: &Path) -> Option<String> {
    let read = || -> Result<(), Box<dyn std::error::Error>> {
        let mut rows = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
        rows.try_for_each(|batch| batch.map(drop))?;
        Ok(())
    };
    read().err().map(|error| error.to_string())
}

impl Lake {
    /// Reads every file that the tables are made of, whole, and names those that are damaged.
    pub fn check(&self) -> BoxFuture<'_, Result<Vec<Damage>, LakeError>> {
        Box::pin(async move {
            let mut damages = Vec::new();
            for table in Table::ALL {
                let delta = self.delta(table);
                let Some(state) = delta.refresh().await? else { continue };
                let paths = delta.files(&state)?.iter().map(|file| delta.folder.join(file.path().as_ref())).collect();
                let problems = self.checked().problems(paths, true).await?;
                damages.extend(problems.into_iter().map(|(path, problem)| delta.damage(&path, problem)));
            }
            Ok(damages)
        })
    }
}
