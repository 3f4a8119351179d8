//! The data folder: one hark at a time, and never one that is older than what it finds.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Raised when a newer hark writes something that this one would misread.
const FORMAT: u32 = 1;

pub struct DataFolder {
    path: PathBuf,
    /// Held while the process lives; the system lets go of it however the process ends.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is not there, checks its format and locks it.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path)
            .with_context(|| format!("the data folder {shown} cannot be made; name another with --data"))?;
        check_format(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .with_context(|| format!("the data folder {shown} cannot be written; check its permissions"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another hark is using the data folder {shown}; stop it, or name another folder with --data")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("the data folder {shown} cannot be locked"))
            }
        }
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub fn snapshot(&self) -> PathBuf {
        self.path.join("snapshot")
    }

    pub fn database(&self) -> PathBuf {
        database(&self.path)
    }
}

pub fn database(folder: &Path) -> PathBuf {
    folder.join("hark.db")
}

/// Says what is wrong with an existing folder without touching it.
pub fn check_format(path: &Path) -> Result<()> {
    let file = path.join("format");
    match fs::read_to_string(&file) {
        Ok(text) => {
            let Ok(found) = text.trim().parse::<u32>() else {
                bail!(
                    "{} should hold a number and does not; is {} a folder of hark's?",
                    file.display(),
                    path.display()
                );
            };
            if found > FORMAT {
                bail!(
                    "the data folder {} was written by a newer hark (format {found}, this one knows {FORMAT}); \
                     update hark or name another folder with --data",
                    path.display()
                );
            }
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut created = File::create(&file).with_context(|| {
                format!("the data folder {} cannot be written; check its permissions", path.display())
            })?;
            writeln!(created, "{FORMAT}").context("the format of the data folder cannot be written")
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hark_and_a_newer_format_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        let second = DataFolder::open(folder.path()).err().unwrap().to_string();
        assert!(second.starts_with("another hark is using"), "{second}");
        drop(first);
        fs::write(folder.path().join("format"), "9").unwrap();
        let newer = DataFolder::open(folder.path()).err().unwrap().to_string();
        assert!(newer.contains("newer hark (format 9, this one knows 1)"), "{newer}");
    }
}
