//! Which definitions are in force: the built-in ones, over them those of the file, over them what people saved.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use hark_model::Definitions;
use hark_query::Plan;
use hark_store::Store;

use crate::config;

/// What no page can change.
#[derive(Debug, Clone)]
pub struct Registry {
    base: Definitions,
    in_file: BTreeSet<String>,
}

impl Registry {
    /// The built-in definitions with those of a file over them.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let base = config::definitions(file)?;
        let built_in = Definitions::built_in();
        let is_own = |name: &str| built_in.get(name) != base.get(name);
        let in_file = base.iter().map(|metric| metric.name.clone()).filter(|name| is_own(name)).collect();
        Ok(Self { base, in_file })
    }

    pub fn built_in() -> Self {
        Self { base: Definitions::built_in(), in_file: BTreeSet::new() }
    }

    /// Where a definition that nobody saved comes from.
    pub fn origin(&self, name: &str) -> Option<&'static str> {
        self.base.get(name)?;
        Some(if self.in_file.contains(name) { "file" } else { "built_in" })
    }

    /// All of them with saved ones, each as JSON, over them; or one sentence on what is wrong. The same for files, the API
    /// and the page: the YAML is read, then its SQL compiled together with all other metrics.
    pub fn merged(&self, saved: &[String]) -> Result<(Definitions, Plan), String> {
        let text = format!("{{\"metrics\":[{}]}}", saved.join(","));
        let saved = Definitions::parse(&text).map_err(|problem| problem.to_string())?;
        if let Some(metric) = saved.iter().find(|metric| self.in_file.contains(&metric.name)) {
            return Err(format!(
                "metric `{}` is defined in the file that hark was started with; edit it there",
                metric.name
            ));
        }
        let merged = self.base.clone().overlaid_with(saved);
        let plan = Plan::compile(&merged).map_err(|problem| problem.to_string())?;
        Ok((merged, plan))
    }

    /// What hark starts with. A saved definition that no longer goes together with the others is left out and named.
    pub fn start_with(&self, saved: &[String]) -> Result<Plan> {
        let mut kept: Vec<String> = Vec::new();
        for one in saved {
            kept.push(one.clone());
            if let Err(problem) = self.merged(&kept) {
                tracing::error!(%problem, "a saved definition is left out; mend it on the page or with `hark metrics apply`");
                kept.pop();
            }
        }
        self.merged(&kept).map(|(_, plan)| plan).map_err(anyhow::Error::msg)
    }
}

/// The documents of everything that people saved.
pub async fn saved(store: &dyn Store) -> Result<Vec<String>> {
    Ok(store.definitions().await?.into_iter().filter_map(|version| version.document).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_ones_go_over_the_built_in_ones_and_not_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metrics.yaml");
        std::fs::write(&file, "metrics: [{name: mine, kind: count}, {name: requests, kind: count}]").unwrap();
        let registry = Registry::load(Some(&file)).unwrap();
        assert_eq!(
            ["mine", "requests", "failure_rate", "x"].map(|name| registry.origin(name)),
            [Some("file"), Some("file"), Some("built_in"), None]
        );
        let own = |text: &str| registry.merged(&[text.to_owned()]);
        let (merged, plan) = own(r#"{"name":"failure_rate","kind":"count"}"#).unwrap();
        assert_eq!((merged.iter().count(), plan.metrics.len()), (5, 4));
        let problem = own(r#"{"name":"mine","kind":"count"}"#).err().unwrap();
        assert!(problem.contains("defined in the file"), "{problem}");
        let problem = own(r#"{"name":"a","kind":"ratio","numerator":"nothing("}"#).err().unwrap();
        assert!(problem.contains("`a`"), "{problem}");
    }

    #[test]
    fn hark_starts_without_what_does_not_compile() {
        let saved =
            [r#"{"name":"bad","kind":"count","where":"x = "}"#, r#"{"name":"good","kind":"count"}"#].map(str::to_owned);
        let plan = Registry::built_in().start_with(&saved).unwrap();
        let names: Vec<&str> = plan.metrics.iter().map(|metric| metric.metric.name.as_str()).collect();
        assert_eq!(names, ["response_time", "failure_rate", "requests", "good"]);
    }
}
