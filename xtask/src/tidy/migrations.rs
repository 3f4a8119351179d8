//! Every migration exists for both databases, under the same name.

use std::collections::BTreeSet;

use super::tracked::File;

const SQLITE: &str = "migrations/sqlite/";
const POSTGRES: &str = "migrations/postgres/";

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let (sqlite, postgres) = (names(files, SQLITE), names(files, POSTGRES));
    let only = |there: &str, name: &str, missing: &str| {
        format!("{there}{name}: {missing}{name} does not exist: write the same step for the other database.")
    };
    let sqlite_only = sqlite.difference(&postgres).map(|name| only(SQLITE, name, POSTGRES));
    let postgres_only = postgres.difference(&sqlite).map(|name| only(POSTGRES, name, SQLITE));
    sqlite_only.chain(postgres_only).collect()
}

fn names<'a>(files: &'a [File], folder: &str) -> BTreeSet<&'a str> {
    files.iter().filter_map(|file| file.path.strip_prefix(folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_for_one_database_alone_is_named() {
        let paths = ["sqlite/0001_alerts.sql", "postgres/0001_alerts.sql", "sqlite/0002_a.sql", "postgres/0002_b.sql"];
        let files = paths.map(|path| File::planted(&format!("migrations/{path}"), ""));
        let violations = check(&files);
        assert_eq!(violations.len(), 2, "{violations:?}");
        let first = "migrations/sqlite/0002_a.sql: migrations/postgres/0002_a.sql does not exist: ";
        assert!(violations[0].starts_with(first));
        assert!(check(&files[..2]).is_empty());
    }
}
