//! Metric definitions: YAML in, valid [`Metric`]s out, or one sentence that says what to change.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{AlertPolicy, Better, Metric, MetricKind, Objective, Statistic, nearest};

/// A metric may watch this many sets of dimensions; each costs a pass over every event.
const WATCH_SETS_MAX: usize = 32;
/// A watched set or a metric's dimensions may not be longer: keys hold 16 bits a dimension and leaves one code each.
const WATCH_DIMENSIONS_MAX: usize = 4;
pub const DIMENSIONS_MAX: usize = 16;
/// A metric's value is told apart into so many stages.
pub const STAGES_MAX: usize = 12;

/// All metrics in force, each name once, in the order they were defined.
#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    metrics: Vec<Metric>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    #[error("the metric definitions are not readable YAML: {0}")]
    Yaml(String),
    #[error("metric `{metric}`: {problem}")]
    Metric { metric: String, problem: String },
}

impl Definitions {
    /// The built-in pack.
    pub fn built_in() -> Self {
        Self::parse(include_str!("built_in.yaml")).unwrap_or_else(|error| unreachable!("the built-in pack: {error}"))
    }

    pub fn parse(yaml: &str) -> Result<Self, DefinitionError> {
        let file: RawFile = serde_saphyr::from_str(yaml).map_err(|error| DefinitionError::Yaml(error.to_string()))?;
        if let Some(key) = file.unknown.keys().next() {
            return Err(DefinitionError::Yaml(format!("unknown key `{key}` at the top; the only one is `metrics`")));
        }
        let mut metrics: Vec<Metric> = Vec::with_capacity(file.metrics.len());
        for raw in file.metrics {
            let name = raw.name.clone();
            let fail = |problem| DefinitionError::Metric { metric: name.clone(), problem };
            let metric = raw.validate().map_err(fail)?;
            if metrics.iter().any(|other| other.name == metric.name) {
                return Err(fail("is defined twice; rename or remove one".to_owned()));
            }
            metrics.push(metric);
        }
        Ok(Self { metrics })
    }

    /// Each definition of a YAML (or JSON) text as JSON, in its order, once all of them are valid.
    pub fn documents(yaml: &str) -> Result<Vec<(String, String)>, DefinitionError> {
        let definitions = Self::parse(yaml)?;
        let file: RawDocuments =
            serde_saphyr::from_str(yaml).map_err(|error| DefinitionError::Yaml(error.to_string()))?;
        let named = definitions.metrics.into_iter().map(|metric| metric.name).zip(file.metrics);
        Ok(named.map(|(name, document)| (name, document.to_string())).collect())
    }

    /// These with `others` over them: a metric of the same name is replaced, a new one added.
    #[must_use]
    pub fn overlaid_with(mut self, others: Self) -> Self {
        for metric in others.metrics {
            match self.metrics.iter_mut().find(|mine| mine.name == metric.name) {
                Some(mine) => *mine = metric,
                None => self.metrics.push(metric),
            }
        }
        self
    }

    /// Those of these names.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        self.metrics.retain(|metric| names.contains(&metric.name));
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter()
    }

    pub fn get(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// The same text without a look at what is in it.
#[derive(Deserialize)]
struct RawDocuments {
    #[serde(default)]
    metrics: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawFile {
    #[serde(default)]
    metrics: Vec<RawMetric>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct RawMetric {
    name: String,
    kind: String,
    value: Option<String>,
    numerator: Option<String>,
    expression: Option<String>,
    #[serde(rename = "where")]
    filter: Option<String>,
    unit: Option<String>,
    statistics: Option<Vec<Statistic>>,
    #[serde(default)]
    dimensions: Vec<String>,
    watch: Option<Vec<Vec<String>>>,
    #[serde(default)]
    stages: Vec<String>,
    better: Option<String>,
    owner: Option<String>,
    objective: Option<RawObjective>,
    alert: Option<RawAlert>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawObjective {
    statistic: Statistic,
    target: f64,
    window: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlert {
    min_effect: Option<Share>,
    page_at: Option<Share>,
}

/// `3%` as people write it, or 0.03 as programs do.
#[derive(Deserialize)]
#[serde(untagged)]
enum Share {
    Number(f64),
    Text(String),
}

const METRIC_KEYS: [&str; 15] = [
    "name", "kind", "value", "numerator", "expression", "where", "unit", "statistics", "dimensions", "watch", "stages",
    "better", "owner", "objective", "alert",
];

impl RawMetric {
    fn validate(self) -> Result<Metric, String> {
        if let Some(key) = self.unknown.keys().next() {
            let hint = nearest(key, METRIC_KEYS).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("unknown key `{key}`{hint}"));
        }
        check_name(&self.name)?;
        check_dimensions(&self.dimensions)?;
        let kind = self.kind()?;
        if self.filter.is_some() && matches!(kind, MetricKind::Composite { .. }) {
            return Err("a composite takes no `where`; put the filter on the metrics it is made of".to_owned());
        }
        let watch = self.watch.clone().unwrap_or_else(|| vec![Vec::new()]);
        check_watch(&watch, &self.dimensions, &kind)?;
        if !self.stages.is_empty() && !matches!(kind, MetricKind::Latency { .. }) {
            return Err("`stages` belong to a latency; remove them or set kind: latency".to_owned());
        }
        check_stages(&self.stages)?;
        Ok(Metric {
            statistics: statistics(self.statistics, &kind)?,
            better: better(self.better.as_deref(), &kind)?,
            alert: alert_policy(self.alert)?,
            unit: self.unit.unwrap_or_else(|| default_unit(&kind).to_owned()),
            objective: self.objective.map(|raw| Objective {
                statistic: raw.statistic,
                target: raw.target,
                window: raw.window,
            }),
            name: self.name,
            kind,
            filter: self.filter,
            dimensions: self.dimensions,
            watch,
            stages: self.stages,
            owner: self.owner,
        })
    }

    fn kind(&self) -> Result<MetricKind, String> {
        let need = |field: &Option<String>, key: &str| {
            field.clone().ok_or_else(|| format!("kind `{}` needs the key `{key}`", self.kind))
        };
        match self.kind.as_str() {
            "latency" => Ok(MetricKind::Latency { value: need(&self.value, "value")? }),
            "gauge" => Ok(MetricKind::Gauge { value: need(&self.value, "value")? }),
            "ratio" => Ok(MetricKind::Ratio { numerator: need(&self.numerator, "numerator")? }),
            "count" => Ok(MetricKind::Count),
            "composite" => Ok(MetricKind::Composite { expression: need(&self.expression, "expression")? }),
            other => Err(format!("`{other}` is not a kind; it is one of latency, ratio, count, gauge and composite")),
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.');
    if starts_well && goes_on_well {
        Ok(())
    } else {
        Err("a name starts with a-z and goes on with a-z, 0-9, `_` and `.`".to_owned())
    }
}

fn check_dimensions(dimensions: &[String]) -> Result<(), String> {
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(format!("has {} dimensions; at most {DIMENSIONS_MAX} are kept", dimensions.len()));
    }
    match dimensions.iter().enumerate().find(|(at, name)| dimensions[..*at].contains(name)) {
        Some((_, twice)) => Err(format!("dimension `{twice}` is listed twice")),
        None => Ok(()),
    }
}

fn check_stages(stages: &[String]) -> Result<(), String> {
    if stages.len() > STAGES_MAX {
        return Err(format!("has {} stages; at most {STAGES_MAX} are kept", stages.len()));
    }
    match stages.iter().enumerate().find(|(at, name)| stages[..*at].contains(name)) {
        Some((_, twice)) => Err(format!("stage `{twice}` is listed twice")),
        None => Ok(()),
    }
}

fn check_watch(watch: &[Vec<String>], dimensions: &[String], kind: &MetricKind) -> Result<(), String> {
    if watch.len() > WATCH_SETS_MAX {
        return Err(format!("watches {} sets of dimensions; at most {WATCH_SETS_MAX} are kept", watch.len()));
    }
    for set in watch {
        if set.len() > WATCH_DIMENSIONS_MAX {
            return Err(format!("watches {set:?}; at most {WATCH_DIMENSIONS_MAX} dimensions go together"));
        }
        // A composite has no events of its own; its dimensions are those of its parts.
        if matches!(kind, MetricKind::Composite { .. }) {
            continue;
        }
        for dimension in set {
            if dimensions.contains(dimension) {
                continue;
            }
            let hint = nearest(dimension, dimensions.iter().map(String::as_str))
                .map_or_else(|| "add it there".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(format!("watches `{dimension}`, which is not among its dimensions; {hint}"));
        }
    }
    Ok(())
}

fn statistics(given: Option<Vec<Statistic>>, kind: &MetricKind) -> Result<Vec<Statistic>, String> {
    let (default, fits): (Vec<Statistic>, fn(&Statistic) -> bool) = match kind {
        MetricKind::Latency { .. } => (vec![Statistic::P95, Statistic::P50, Statistic::P99], |statistic| {
            matches!(statistic, Statistic::Quantile(_) | Statistic::Mean)
        }),
        MetricKind::Ratio { .. } => (vec![Statistic::Rate], |statistic| *statistic == Statistic::Rate),
        MetricKind::Count => (vec![Statistic::Count], |statistic| *statistic == Statistic::Count),
        MetricKind::Gauge { .. } => (vec![Statistic::Mean], |statistic| *statistic == Statistic::Mean),
        MetricKind::Composite { .. } => (vec![Statistic::Score], |statistic| *statistic == Statistic::Score),
    };
    let Some(given) = given else { return Ok(default) };
    match given.iter().find(|statistic| !fits(statistic)) {
        Some(odd) => Err(format!("`{odd}` cannot be computed for this kind of metric")),
        None if given.is_empty() => Err("`statistics` is empty; leave it out for the usual ones".to_owned()),
        None => Ok(given),
    }
}

fn better(given: Option<&str>, kind: &MetricKind) -> Result<Better, String> {
    match (given, kind) {
        (Some("lower"), _) => Ok(Better::Lower),
        (Some("higher"), _) => Ok(Better::Higher),
        (Some(other), _) => Err(format!("better: `{other}` is neither lower nor higher")),
        (None, MetricKind::Count | MetricKind::Composite { .. }) => Ok(Better::Higher),
        (None, _) => Ok(Better::Lower),
    }
}

fn default_unit(kind: &MetricKind) -> &'static str {
    match kind {
        MetricKind::Latency { .. } => "ms",
        MetricKind::Ratio { .. } => "share",
        MetricKind::Count => "requests",
        MetricKind::Gauge { .. } => "",
        MetricKind::Composite { .. } => "points",
    }
}

fn alert_policy(given: Option<RawAlert>) -> Result<AlertPolicy, String> {
    let usual = AlertPolicy::default();
    let Some(raw) = given else { return Ok(usual) };
    Ok(AlertPolicy {
        min_effect: raw.min_effect.map_or(Ok(usual.min_effect), |given| share(&given, "min_effect"))?,
        page_at: raw.page_at.map_or(Ok(usual.page_at), |given| share(&given, "page_at"))?,
    })
}

/// `3%` or `0.03`.
fn share(given: &Share, key: &str) -> Result<f64, String> {
    let text = match given {
        Share::Number(number) => &number.to_string(),
        Share::Text(text) => text,
    };
    let parsed = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.trim().parse::<f64>(),
    };
    match parsed {
        Ok(share) if share.is_finite() && share >= 0.0 => Ok(share),
        _ => Err(format!("{key}: `{text}` is not a share; write 3% or 0.03")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(yaml: &str) -> String {
        Definitions::parse(yaml).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_pack_is_valid() {
        let names: Vec<_> = Definitions::built_in().iter().map(|metric| metric.name.clone()).collect();
        assert_eq!(names, ["response_time", "failure_rate", "requests", "ux_score"]);
    }

    #[test]
    fn three_fields_are_enough() {
        let definitions = Definitions::parse("metrics: [{name: a.b_1, kind: latency, value: x}]").unwrap();
        let metric = definitions.get("a.b_1").unwrap();
        assert_eq!(metric.headline(), Statistic::P95);
        assert_eq!(metric.watch, vec![Vec::<String>::new()]);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        insta::assert_snapshot!(problem("metrics: [{name: A, kind: count}]"), @"metric `A`: a name starts with a-z and goes on with a-z, 0-9, `_` and `.`");
        insta::assert_snapshot!(problem("metrics: [{name: a, kind: ratio}]"), @"metric `a`: kind `ratio` needs the key `numerator`");
        insta::assert_snapshot!(problem("metrics: [{name: a, kind: count, ownr: x}]"), @"metric `a`: unknown key `ownr`; did you mean `owner`?");
        insta::assert_snapshot!(problem("metrics: [{name: a, kind: count, dimensions: [platform], watch: [[platfrom]]}]"), @"metric `a`: watches `platfrom`, which is not among its dimensions; did you mean `platform`?");
        insta::assert_snapshot!(problem("metrics: [{name: a, kind: count}, {name: a, kind: count}]"), @"metric `a`: is defined twice; rename or remove one");
        insta::assert_snapshot!(problem("metrics: [{name: a, kind: latency, value: x, statistics: [rate]}]"), @"metric `a`: `rate` cannot be computed for this kind of metric");
        insta::assert_snapshot!(problem("metrics: [{name: a, kind: count, alert: {min_effect: lots}}]"), @"metric `a`: min_effect: `lots` is not a share; write 3% or 0.03");
    }

    #[test]
    fn what_is_shown_can_be_given_back() {
        for metric in Definitions::built_in().iter() {
            let text = serde_json::json!({ "metrics": [metric] }).to_string();
            assert_eq!(Definitions::parse(&text).unwrap().iter().collect::<Vec<_>>(), [metric], "{text}");
            let documents = Definitions::documents(&text).unwrap();
            assert_eq!(documents[0].0, metric.name);
            let again = format!("{{\"metrics\":[{}]}}", documents[0].1);
            assert_eq!(Definitions::parse(&again).unwrap().iter().collect::<Vec<_>>(), [metric], "{again}");
        }
    }

    #[test]
    fn a_file_goes_over_the_built_in_pack() {
        let own = Definitions::parse("metrics: [{name: requests, kind: count, owner: me}, {name: mine, kind: count}]");
        let all = Definitions::built_in().overlaid_with(own.unwrap());
        assert_eq!(all.get("requests").unwrap().owner.as_deref(), Some("me"));
        assert_eq!(all.iter().count(), 5);
    }
}
