//! The files of the repository: those git knows or would take, else those no line of .gitignore names.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process;

/// One file, named from the root with forward slashes.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    /// None where it is not text.
    pub(crate) text: Option<String>,
}

impl File {
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.as_deref().unwrap_or_default().lines()
    }

    pub(crate) fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

pub(crate) fn files(root: &Path) -> Result<Vec<File>> {
    let mut paths = match git_paths() {
        Some(paths) => paths,
        None => walked_paths(root)?,
    };
    paths.sort();
    let there = paths.into_iter().filter(|path| root.join(path).is_file());
    there.map(|path| read(root, path)).collect()
}

fn read(root: &Path, path: String) -> Result<File> {
    let bytes =
        fs::read(root.join(&path)).with_context(|| format!("{path} could not be read: check its permissions"))?;
    Ok(File { path, text: String::from_utf8(bytes).ok() })
}

/// None where git is missing or this is no checkout. A CI machine often runs as another user than the one that made the
/// checkout, hence the safe.directory.
fn git_paths() -> Option<Vec<String>> {
    let mut git = process::program("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let listed = String::from_utf8(output.stdout).ok()?;
    Some(listed.split_terminator('\0').map(str::to_owned).collect())
}

fn walked_paths(root: &Path) -> Result<Vec<String>> {
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let ignored: Vec<&str> = ignored.lines().chain([".git"]).filter(|line| !line.is_empty()).collect();
    let mut paths = Vec::new();
    walk(root, "", &ignored, &mut paths)?;
    Ok(paths)
}

fn walk(root: &Path, folder: &str, ignored: &[&str], paths: &mut Vec<String>) -> Result<()> {
    let unreadable = || format!("the folder {folder:?} could not be read: check its permissions");
    for entry in fs::read_dir(root.join(folder)).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if is_ignored(&path, &name, ignored) {
            continue;
        }
        if entry.file_type().with_context(unreadable)?.is_dir() {
            walk(root, &path, ignored, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// The two kinds of line our .gitignore has: `/path/from/root` and a bare name that counts anywhere.
fn is_ignored(path: &str, name: &str, ignored: &[&str]) -> bool {
    ignored.iter().any(|line| match line.strip_prefix('/') {
        Some(from_root) => from_root == path,
        None => *line == name,
    })
}

#[cfg(test)]
impl File {
    /// A planted file.
    pub(crate) fn planted(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: Some(text.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_lines_count_from_the_root_or_anywhere() {
        let ignored = ["/target", "node_modules"];
        assert!(is_ignored("target", "target", &ignored));
        assert!(!is_ignored("docs/target", "target", &ignored));
        assert!(is_ignored("dashboard/ui/node_modules", "node_modules", &ignored));
    }

    #[test]
    fn a_walk_finds_what_git_would_and_leaves_out_what_it_would() {
        let paths = walked_paths(&process::root()).unwrap();
        assert!(paths.iter().any(|path| path == "xtask/src/tidy/tracked.rs"));
        assert!(!paths.iter().any(|path| path.starts_with("target/") || path.starts_with(".git/")));
    }
}
