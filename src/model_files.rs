//! What versions of models hold, each in a file that is called after its checksum.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hark_model::{ModelVersion, Standing};
use xxhash_rust::xxh3::xxh3_128;

/// Of versions that nobody hears, so many of each of a metric's models keep their files, the newest.
const UNHEARD_KEPT: usize = 3;

pub struct ModelFiles(PathBuf);

/// What a file is called that holds this.
pub(crate) fn checksum(content: &[u8]) -> String {
    format!("xxh3_{:032x}", xxh3_128(content))
}

impl ModelFiles {
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)
            .with_context(|| format!("the folder {} for models cannot be made", folder.display()))?;
        Ok(Self(folder))
    }

    /// On disk when it returns. The same content is the same file.
    pub fn keep(&self, checksum: &str, content: &[u8]) -> io::Result<()> {
        let path = self.0.join(checksum);
        // One that was damaged is written anew.
        if fs::read(&path).is_ok_and(|there| there == content) {
            return Ok(());
        }
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&self.0)?.sync_all()
    }

    /// One that is gone already is no error.
    pub fn remove(&self, checksum: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(checksum)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The files that are there of versions that are long out of use.
    pub fn unheard<'a>(&self, versions: &'a [ModelVersion]) -> Vec<&'a str> {
        let mut unheard: BTreeMap<[&str; 2], usize> = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for version in versions {
            let count = unheard.entry([&version.metric, &version.detector]).or_default();
            let is_heard = matches!(version.standing, Standing::Active | Standing::Staged | Standing::Shadow);
            *count += usize::from(!is_heard);
            if is_heard || *count <= UNHEARD_KEPT {
                kept.insert(version.checksum.as_str());
            }
        }
        // Only what is known may go: a file may be there before its version is listed.
        let known = versions.iter().map(|version| version.checksum.as_str());
        known.filter(|checksum| !kept.contains(checksum) && self.0.join(checksum).exists()).collect()
    }
}

/// Whether a version's file is there and holds what it held when it was written. `None` where it is no longer kept.
pub(crate) fn check(folder: &Path, version: &ModelVersion) -> Result<Option<()>> {
    let path = folder.join(&version.checksum);
    let content = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        content => content.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    ensure!(
        checksum(&content) == version.checksum,
        "{} is damaged: version {} of the model of {} does not have its checksum; the running hark does not need the file, restore it \
         from a backup or remove it",
        path.display(),
        version.number,
        version.metric
    );
    Ok(Some(()))
}

#[cfg(test)]
pub(crate) mod tests {
    use hark_model::Timestamp;

    use super::*;

    pub(crate) fn version(number: u32, standing: Standing) -> ModelVersion {
        let at = Timestamp::from_millis(0);
        ModelVersion {
            metric: "m".to_owned(),
            detector: "isolation_forest".to_owned(),
            number,
            standing,
            since: at,
            reason: String::new(),
            trained_at: at,
            data: [at, at],
            rows: 1,
            parameters: BTreeMap::new(),
            measured: None,
            beside: None,
            checksum: checksum(&number.to_le_bytes()),
            bytes: 4,
        }
    }

    #[test]
    fn files_are_called_after_what_they_hold_and_the_oldest_unheard_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models");
        let files = ModelFiles::open(path.clone()).unwrap();
        // Newest first, as the store lists them.
        let standings = [Standing::Shadow, Standing::Active, Standing::Replaced, Standing::Refused];
        let versions: Vec<ModelVersion> =
            (1..=8).rev().map(|number| version(number, standings[(8 - number as usize).min(3)])).collect();
        for version in &versions {
            files.keep(&version.checksum, &version.number.to_le_bytes()).unwrap();
            files.keep(&version.checksum, &version.number.to_le_bytes()).unwrap();
        }
        let oldest: Vec<&str> = versions[5..].iter().map(|version| &*version.checksum).collect();
        assert_eq!(files.unheard(&versions), oldest);
        files.remove(oldest[1]).unwrap();
        files.remove(oldest[1]).unwrap();
        assert_eq!(files.unheard(&versions), [oldest[0], oldest[2]]);
        let is_there: Vec<bool> = versions.iter().map(|version| check(&path, version).unwrap().is_some()).collect();
        assert_eq!(is_there, [true, true, true, true, true, true, false, true]);
        fs::write(path.join(&versions[0].checksum), b"else").unwrap();
        let damaged = check(&path, &versions[0]).unwrap_err().to_string();
        assert!(damaged.contains("is damaged: version 8 of the model of m"), "{damaged}");
        files.keep(&versions[0].checksum, &versions[0].number.to_le_bytes()).unwrap();
        assert!(check(&path, &versions[0]).unwrap().is_some());
    }
}
