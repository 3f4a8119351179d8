//! The data folder: one hark at a time, and never one that is older than what it finds.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hark_ingest::UserKey;

/// Raised when a newer hark writes something that this one would misread. Format 1 had another kind of log, and was
/// written by no hark that was released.
const FORMAT: u32 = 2;

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

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn log(&self) -> PathBuf {
        log(&self.path)
    }

    pub fn snapshot(&self) -> PathBuf {
        snapshot(&self.path)
    }

    pub fn set_aside(&self) -> PathBuf {
        self.path.join("set-aside.ndjson")
    }

    pub fn history(&self) -> PathBuf {
        history(&self.path)
    }

    pub fn models(&self) -> PathBuf {
        models(&self.path)
    }

    /// Which files were imported, and how far.
    pub fn imports(&self) -> PathBuf {
        self.path.join("imports.ndjson")
    }

    /// The key that users are hashed with. Made once, readable by the owner alone; whoever loses it loses nothing but
    /// the link between users counted before and after.
    pub fn user_key(&self) -> Result<UserKey> {
        let path = self.path.join("user-key");
        let shown = path.display();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = vec![0; 16];
                let made =
                    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut key)).and_then(|()| {
                        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
                        file.write_all(&key)?;
                        file.sync_all()?;
                        File::open(&self.path)?.sync_all()
                    });
                made.with_context(|| format!("the key that users are hashed with cannot be made at {shown}"))?;
                key
            }
            bytes => bytes.with_context(|| format!("{shown} cannot be read"))?,
        };
        let Ok(key) = <[u8; 16]>::try_from(bytes) else {
            bail!("{shown} should hold 16 bytes and does not; restore it, or remove it to begin with a new key");
        };
        Ok(UserKey::new(key))
    }

    pub fn database(&self) -> PathBuf {
        database(&self.path)
    }
}

pub fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub fn snapshot(folder: &Path) -> PathBuf {
    folder.join("snapshot")
}

pub fn history(folder: &Path) -> PathBuf {
    folder.join("history")
}

/// What versions of models hold.
pub fn models(folder: &Path) -> PathBuf {
    folder.join("models")
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
            if found < FORMAT {
                bail!(
                    "the data folder {} was written by a hark from before its first release (format {found}, this one \
                     knows {FORMAT}); name another folder with --data and send the events again",
                    path.display()
                );
            }
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
    fn the_user_key_stays_the_same_and_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(temporary.path()).unwrap();
        let first = folder.user_key().unwrap().hash("31188");
        assert_eq!(folder.user_key().unwrap().hash("31188"), first);
        let path = temporary.path().join("user-key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"short").unwrap();
        assert!(folder.user_key().unwrap_err().to_string().contains("16 bytes"));
    }

    #[test]
    fn a_second_hark_and_a_newer_format_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        let second = DataFolder::open(folder.path()).err().unwrap().to_string();
        assert!(second.starts_with("another hark is using"), "{second}");
        drop(first);
        fs::write(folder.path().join("format"), "9").unwrap();
        let newer = DataFolder::open(folder.path()).err().unwrap().to_string();
        let older = {
            fs::write(folder.path().join("format"), "1").unwrap();
            DataFolder::open(folder.path()).err().unwrap().to_string()
        };
        assert!(older.contains("before its first release"), "{older}");
        assert!(newer.contains("newer hark (format 9, this one knows 2)"), "{newer}");
    }
}
