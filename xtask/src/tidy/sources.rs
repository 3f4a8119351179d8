//! Source files: each Rust file opens by saying what it is for, and none grows past what one reads in a sitting.

use super::tracked::File;

/// Past 500 lines one asks what the second thing in a file is; past this one must have split it.
const LINES_MAX: usize = 600;

/// Written by people. Lock files, snapshots and descriptions made from code are as long as they are.
const WRITTEN_BY_PEOPLE: [&str; 8] = ["rs", "ts", "svelte", "js", "mjs", "css", "html", "sql"];
const GENERATED: &str = ".d.ts";

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        violations.extend(without_opening(file));
        violations.extend(too_long(file));
    }
    violations
}

fn without_opening(file: &File) -> Option<String> {
    let opened = file.lines().next().is_some_and(|line| line.starts_with("//!"));
    (file.extension() == "rs" && !opened).then(|| {
        let path = &file.path;
        format!("{path}: the first line is not a `//!` line: say there in one sentence what the file is for.")
    })
}

fn too_long(file: &File) -> Option<String> {
    let counted = WRITTEN_BY_PEOPLE.contains(&file.extension()) && !file.path.ends_with(GENERATED);
    let lines = file.lines().count();
    (counted && lines > LINES_MAX).then(|| {
        let path = &file.path;
        format!("{path}: {lines} lines are more than {LINES_MAX}: move the second thing in it to a file of its own.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rust_file_without_its_opening_line_is_named() {
        for text in ["fn main() {}\n", "", "\n//! Late.\n", "// Not it.\n"] {
            let violations = check(&[File::planted("dashboard/assets/build.rs", text)]);
            assert_eq!(violations.len(), 1, "{text:?}");
            assert!(violations[0].starts_with("dashboard/assets/build.rs: the first line is not a `//!` line: "));
        }
        assert!(check(&[File::planted("src/main.rs", "//! The binary.\n"), File::planted("a.ts", "x")]).is_empty());
    }

    #[test]
    fn a_file_past_the_limit_is_named_unless_it_is_made_by_a_program() {
        let of = |lines: usize| format!("//! Long.\n{}", "x\n".repeat(lines - 1));
        let violations = check(&[File::planted("model/src/long.rs", &of(601))]);
        assert!(violations[0].starts_with("model/src/long.rs: 601 lines are more than 600: "));
        assert!(check(&[File::planted("model/src/long.rs", &of(600))]).is_empty());
        for path in ["Cargo.lock", "dashboard/openapi.json", "dashboard/ui/src/api.d.ts"] {
            assert!(check(&[File::planted(path, &of(900))]).is_empty(), "{path}");
        }
    }
}
