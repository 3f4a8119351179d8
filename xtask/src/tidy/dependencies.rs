//! Who may depend on whom, and which crate owns which heavy dependency.

use serde_json::Value;

/// The crates of this workspace that each of them may use. Stages meet in the model; only the root package sees all.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("hark-model", &[]),
    ("hark-query", &["hark-model"]),
    ("hark-store", &["hark-model"]),
    ("hark-store-sqlite", &["hark-model", "hark-store"]),
    ("hark-store-postgres", &["hark-model", "hark-store"]),
    ("hark-ingest", &["hark-model", "hark-query"]),
    ("hark-lake", &["hark-model"]),
    ("hark-networks", &[]),
    // A detector trains and asks a network as it would any other arithmetic: they are no stage.
    ("hark-detectors", &["hark-model", "hark-networks"]),
    ("hark-explain", &["hark-model"]),
    ("hark-alerting", &["hark-model"]),
    ("hark-report", &["hark-model"]),
    // The report is drawn once, as HTML, for the page, the mail and the command line.
    ("hark-dashboard", &["hark-model", "hark-store", "hark-report", "hark-dashboard-assets"]),
    ("hark-dashboard-assets", &[]),
    ("hark-simulate", &[]),
    ("xtask", &[]),
    (
        "hark",
        &[
            "hark-model",
            "hark-query",
            "hark-store",
            "hark-store-sqlite",
            "hark-store-postgres",
            "hark-ingest",
            "hark-lake",
            "hark-networks",
            "hark-detectors",
            "hark-explain",
            "hark-alerting",
            "hark-dashboard",
            "hark-dashboard-assets",
            "hark-report",
            "hark-simulate",
        ],
    ),
];

/// What a crate's tests may use beyond that, besides the crate itself.
const TESTS_MAY_USE: &str = "hark-model";

/// Heavy dependencies and the crates that own them. A name stands for its family too: arrow for arrow-array.
const OWNERS: [(&str, &[&str]); 18] = [
    ("sqlx", &["hark-store", "hark-store-sqlite", "hark-store-postgres"]),
    ("datafusion", &["hark-query", "hark-lake"]),
    // Tables are what ingest, lake and the root's history talk about.
    ("arrow", &["hark-query", "hark-ingest", "hark-lake", "hark"]),
    ("parquet", &["hark-ingest", "hark-lake"]),
    ("deltalake", &["hark-lake"]),
    ("object_store", &["hark-lake"]),
    ("opentelemetry", &["hark-ingest"]),
    ("tonic", &["hark-dashboard"]),
    ("axum", &["hark-dashboard", "hark-dashboard-assets"]),
    // The nouns describe themselves for the API, behind the feature `schema`.
    ("utoipa", &["hark-model", "hark-report", "hark-dashboard", "hark-dashboard-assets"]),
    ("rand", &["hark-simulate"]),
    ("clap", &["hark", "xtask"]),
    ("linfa", &["hark-detectors"]),
    ("ndarray", &["hark-detectors"]),
    ("augurs", &["hark-detectors"]),
    ("candle", &["hark-networks"]),
    ("ort", &["hark-networks"]),
    ("tract", &["hark-networks"]),
];

const TABLES: &str = "xtask/src/tidy/dependencies.rs";

#[derive(Debug, Clone)]
pub(crate) struct Package {
    name: String,
    manifest: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone)]
struct Dependency {
    name: String,
    for_tests: bool,
}

/// Reads what `cargo metadata --no-deps` wrote.
pub(crate) fn packages(metadata: &Value) -> Vec<Package> {
    let root = text(&metadata["workspace_root"]);
    let read = |package: &Value| Package {
        name: text(&package["name"]),
        manifest: text(&package["manifest_path"]).trim_start_matches(&root).trim_start_matches(['/', '\\']).to_owned(),
        dependencies: list(&package["dependencies"]).iter().map(dependency).collect(),
    };
    list(&metadata["packages"]).iter().map(read).collect()
}

fn dependency(value: &Value) -> Dependency {
    Dependency { name: text(&value["name"]), for_tests: value["kind"] == "dev" }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    packages.iter().flat_map(|package| [directions(package, &ours), owners(package)].concat()).collect()
}

fn directions(package: &Package, ours: &[&str]) -> Vec<String> {
    let Package { name, manifest, dependencies } = package;
    let Some((_, may_use)) = MAY_USE.iter().find(|(listed, _)| listed == name) else {
        return vec![format!("{manifest}: {name} is in no row of MAY_USE: say in {TABLES} which crates it may use.")];
    };
    let allowed = |used: &Dependency| {
        let by_tests = used.for_tests && (used.name == TESTS_MAY_USE || used.name == *name);
        by_tests || may_use.contains(&used.name.as_str())
    };
    let inside = dependencies.iter().filter(|used| ours.contains(&used.name.as_str()));
    inside
        .filter(|used| !allowed(used))
        .map(|used| {
            let other = &used.name;
            format!(
                "{manifest}: {name} may not use {other}: pass what it needs through hark-model or join the two in the \
                 root package (the table is in {TABLES})."
            )
        })
        .collect()
}

fn owners(package: &Package) -> Vec<String> {
    let Package { name, manifest, dependencies } = package;
    let trespass = |used: &Dependency| {
        let (family, owners) = OWNERS.iter().find(|(family, _)| is_of(family, &used.name))?;
        (!owners.contains(&name.as_str())).then(|| {
            let (used, owners) = (&used.name, owners.join(", "));
            format!(
                "{manifest}: {name} uses {used}, but {family} belongs to {owners}: put the code there (the table is in \
                 {TABLES})."
            )
        })
    };
    dependencies.iter().filter_map(trespass).collect()
}

fn is_of(family: &str, name: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn planted(name: &str, folder: &str, uses: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = uses.iter().map(|(name, kind)| json!({"name": name, "kind": kind})).collect();
        json!({"name": name, "manifest_path": format!("/x/{folder}/Cargo.toml"), "dependencies": dependencies})
    }

    fn checked(packages_of: &[Value]) -> Vec<String> {
        check(&packages(&json!({"workspace_root": "/x", "packages": packages_of})))
    }

    #[test]
    fn a_stage_that_uses_another_stage_is_named() {
        let explain = planted("hark-explain", "explain", &[("hark-model", None), ("hark-detectors", None)]);
        let violations = checked(&[
            explain,
            planted("hark-model", "model", &[]),
            planted("hark-detectors", "detectors", &[("hark-model", None)]),
        ]);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].starts_with("explain/Cargo.toml: hark-explain may not use hark-detectors: "));
    }

    #[test]
    fn tests_may_use_the_model_and_the_crate_itself_and_no_more() {
        let crates = ["hark-model", "hark-ingest", "hark-query"].map(|name| planted(name, name, &[]));
        let uses = [("hark-model", Some("dev")), ("hark-simulate", Some("dev")), ("hark-ingest", Some("dev"))];
        let violations = checked(&[&crates[..], &[planted("hark-simulate", "simulate", &uses)]].concat());
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains("hark-simulate may not use hark-ingest"));
        let build = planted("hark-simulate", "simulate", &[("hark-model", Some("build"))]);
        assert_eq!(checked(&[&crates[..], &[build]].concat()).len(), 1);
    }

    #[test]
    fn a_heavy_dependency_outside_its_owner_is_named_family_and_all() {
        let uses =
            [("datafusion-sql", None), ("arrow-array", None), ("rand_distr", Some("dev")), ("random-word", None)];
        let violations = checked(&[planted("hark-explain", "explain", &uses)]);
        assert_eq!(violations.len(), 3, "{violations:?}");
        let owner =
            "explain/Cargo.toml: hark-explain uses datafusion-sql, but datafusion belongs to hark-query, hark-lake: ";
        assert!(violations[0].starts_with(owner));
        assert!(checked(&[planted("hark-ingest", "ingest", &[("arrow-array", None), ("parquet", None)])]).is_empty());
    }

    #[test]
    fn a_crate_outside_the_table_is_named() {
        let violations = checked(&[planted("hark-drawer", "drawer", &[])]);
        assert!(violations[0].starts_with("drawer/Cargo.toml: hark-drawer is in no row of MAY_USE: "));
    }

    #[test]
    fn the_table_names_no_crate_twice_and_none_that_it_does_not_list() {
        let listed: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
        let once: std::collections::BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(once.len(), listed.len());
        let mut named = MAY_USE.iter().flat_map(|(_, uses)| *uses).chain(OWNERS.iter().flat_map(|(_, owners)| *owners));
        assert!(named.all(|name| listed.contains(name)));
    }
}
