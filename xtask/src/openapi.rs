//! `openapi`: the API's description from the code, and the TypeScript types from the description.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{process, ui};

const DESCRIPTION: &str = "dashboard/openapi.json";

pub(crate) fn run(check: bool) -> Result<()> {
    let hark = ["run", "--package", "hark", "--quiet", "--locked", "--", "openapi"];
    let description = process::stdout_of(process::cargo().args(hark))?;
    if check { compare(&description) } else { write(&description) }
}

fn write(description: &str) -> Result<()> {
    let path = process::root().join(DESCRIPTION);
    fs::write(&path, description).with_context(|| format!("{DESCRIPTION} could not be written: free some space"))?;
    ui::install()?;
    ui::script("types")
}

fn compare(description: &str) -> Result<()> {
    let committed = fs::read_to_string(process::root().join(DESCRIPTION)).unwrap_or_default();
    if committed != description {
        bail!("{DESCRIPTION} is not what the code says: run `cargo xtask openapi` and commit what changed");
    }
    check_types()
}

/// Whether the committed types are those of the committed description.
pub(crate) fn check_types() -> Result<()> {
    ui::install()?;
    let sources = ui::folder().join("src");
    let before = contents(&sources)?;
    let made = ui::script("types");
    let after = contents(&sources)?;
    restore(&before, &after)?;
    made?;
    match changed(&before, &after).first() {
        Some(path) => bail!(
            "{} is not what {DESCRIPTION} says: run `cargo xtask openapi` and commit what changed",
            path.strip_prefix(process::root()).unwrap_or(path).display()
        ),
        None => Ok(()),
    }
}

type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Every file below a folder. The sources of the pages are small enough to hold.
fn contents(folder: &Path) -> Result<Contents> {
    let unreadable = || format!("{} could not be read: check its permissions", folder.display());
    let mut files = Contents::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.is_dir() {
            files.extend(contents(&path)?);
        } else {
            let bytes = fs::read(&path).with_context(unreadable)?;
            files.insert(path, bytes);
        }
    }
    Ok(files)
}

fn changed<'a>(before: &'a Contents, after: &'a Contents) -> Vec<&'a PathBuf> {
    let gone_or_different = before.iter().filter(|(path, bytes)| after.get(*path) != Some(bytes));
    let new = after.iter().filter(|(path, _)| !before.contains_key(*path));
    gone_or_different.chain(new).map(|(path, _)| path).collect()
}

fn restore(before: &Contents, after: &Contents) -> Result<()> {
    for path in changed(before, after) {
        let restored = match before.get(path) {
            Some(bytes) => fs::write(path, bytes),
            None => fs::remove_file(path),
        };
        restored.with_context(|| format!("{} could not be put back: `git checkout` it", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(named: &[(&str, &str)]) -> Contents {
        named.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_changed_a_missing_and_a_new_file_are_named() {
        let before = files(&[("a.ts", "1"), ("b.ts", "2"), ("c.ts", "3")]);
        let after = files(&[("a.ts", "1"), ("b.ts", "other"), ("d.ts", "4")]);
        assert_eq!(changed(&before, &after), ["b.ts", "c.ts", "d.ts"].map(PathBuf::from).each_ref());
        assert!(changed(&before, &before).is_empty());
    }
}
