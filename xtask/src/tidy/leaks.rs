//! Nothing of one person's machine or network: no home folders, no registry hosts.

use super::tracked::File;

/// Folders of one machine. Spelt in two parts, so that this file does not name them.
const FOLDERS: [&str; 3] = [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];

/// A build goes to whatever registry the machine is set up for; a name written down would tie it to one.
const HOSTS: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("registry", ".npmjs.org"),
    concat!("registry", ".yarnpkg.com"),
    concat!("pypi", ".org"),
    concat!("files", ".pythonhosted.org"),
    concat!("deb", ".debian.org"),
];

pub(crate) fn check(files: &[File]) -> Vec<String> {
    files.iter().flat_map(|file| [folders(file), hosts(file), resolved(file)].concat()).collect()
}

fn folders(file: &File) -> Vec<String> {
    let remedy = "write it from the root of the repository or take it from the environment";
    lines_with(file, |line| {
        let folder = FOLDERS.iter().find(|folder| names_folder(line, folder))?;
        Some(format!("`{folder}` is a path of one machine: {remedy}"))
    })
}

fn hosts(file: &File) -> Vec<String> {
    lines_with(file, |line| {
        let host = HOSTS.iter().find(|host| line.contains(**host) && !is_locked_source(file, line))?;
        Some(format!("`{host}` ties the build to one registry: leave the host to the machine's configuration"))
    })
}

/// npm writes the address of every package it locks, unless told not to.
fn resolved(file: &File) -> Vec<String> {
    if !file.path.ends_with("package-lock.json") {
        return Vec::new();
    }
    let all = lines_with(file, |line| {
        let remedy = "run `npm install --package-lock-only --omit-lockfile-registry-resolved` beside it";
        line.trim_start().starts_with("\"resolved\"").then(|| format!("`resolved` names a registry: {remedy}"))
    });
    // Every package has one where any has: the first says it all.
    all.into_iter().take(1).collect()
}

fn lines_with(file: &File, wrong: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let numbered = file.lines().zip(1..);
    numbered.filter_map(|(line, number)| wrong(line).map(|what| format!("{}:{number}: {what}.", file.path))).collect()
}

/// Part of a longer relative path (`docs/work/`) or of an address is not meant.
fn names_folder(line: &str, folder: &str) -> bool {
    let begins = |at: usize| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~*})".contains(c))
    };
    line.match_indices(folder).any(|(at, _)| begins(at))
}

/// Cargo writes the registry it calls the default one, wherever a machine really gets it from.
fn is_locked_source(file: &File, line: &str) -> bool {
    file.path == "Cargo.lock" && line.starts_with("source = \"registry+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&[File::planted(path, text)])
    }

    #[test]
    fn a_path_of_one_machine_is_named_with_its_line() {
        for folder in FOLDERS {
            let violations = found("docs/guide.md", &format!("fine\nsee `{folder}notes.md`\n"));
            assert_eq!(violations.len(), 1, "{folder}");
            assert!(violations[0].starts_with(&format!("docs/guide.md:2: `{folder}` is a path of one machine: ")));
        }
        let relative = FOLDERS.map(|folder| format!("docs{folder}x ..{folder}x https://example.org{folder}x\n"));
        assert!(found("docs/guide.md", &relative.concat()).is_empty());
    }

    #[test]
    fn a_registry_is_named_but_for_the_lock_file_of_cargo() {
        for host in HOSTS {
            assert_eq!(found("README.md", &format!("get it from https://{host}/x\n")).len(), 1, "{host}");
        }
        let source = format!("source = \"registry+https://example.org/{}-index\"\n", HOSTS[0]);
        assert!(found("Cargo.lock", &source).is_empty());
        assert_eq!(found("deny.toml", &source).len(), 1);
    }

    #[test]
    fn an_npm_lock_file_with_addresses_is_named_once() {
        let lock =
            "{\n  \"resolved\": \"https://npm.example/a.tgz\",\n  \"resolved\": \"https://npm.example/b.tgz\"\n}\n";
        let violations = found("dashboard/ui/package-lock.json", lock);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].starts_with("dashboard/ui/package-lock.json:2: `resolved` names a registry: "));
        assert!(found("dashboard/ui/package.json", lock).is_empty());
    }
}
