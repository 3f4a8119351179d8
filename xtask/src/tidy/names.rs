//! No drawers: a folder or file is named after what is in it.

use super::tracked::File;

/// Names that say nothing and so collect everything.
const DRAWERS: [&str; 7] = ["core", "common", "utils", "util", "helpers", "misc", "types"];

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let drawers = files.iter().filter_map(|file| {
        let drawer = file.path.split('/').find(|part| is_drawer(part))?;
        let path = &file.path;
        Some(format!("{path}: `{drawer}` says nothing of what is in it: name it after the one thing it is about."))
    });
    drawers.collect()
}

/// `utils`, `utils.rs` and `utils.test.ts` alike.
fn is_drawer(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part);
    DRAWERS.contains(&stem.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawer_is_found_as_folder_and_as_file() {
        let found = |path| check(&[File::planted(path, "")]).len();
        for path in ["core/src/lib.rs", "model/src/utils.rs", "dashboard/ui/src/Helpers.test.ts", "a/types/b.rs"] {
            assert_eq!(found(path), 1, "{path}");
        }
        for path in ["model/src/score.rs", "ingest/src/wire/commonmark.rs", "docs/types-of-incident.md"] {
            assert_eq!(found(path), 0, "{path}");
        }
        let sentence = &check(&[File::planted("model/src/misc.rs", "")])[0];
        assert!(sentence.starts_with("model/src/misc.rs: `misc.rs` says nothing"));
    }
}
