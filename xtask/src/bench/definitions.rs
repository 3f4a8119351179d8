//! The metric definitions that each measurement runs under, over the built-in ones.

/// The dimensions of an event in CONTRACT.md.
pub(crate) const DIMENSIONS: [&str; 8] =
    ["platform", "os_version", "build", "device", "locale", "feature", "network", "cluster"];

/// One latency, one failure ratio, one count, each over the ten sets that the peers group by.
pub(crate) fn of_events() -> String {
    three("value: total_ms", "", "", "")
}

/// The same three of OTLP data points, where histograms carry the latency and sums the requests.
pub(crate) fn of_otlp_metrics() -> String {
    let (latency, sum) = ("where: metric = 'assistant.response_time'", "where: metric = 'assistant.requests'");
    three("value: value", latency, sum, sum)
}

/// A gauge and a count of remote write, each over the same ten sets.
pub(crate) fn of_remote_write() -> String {
    let (dimensions, watch) = (list(&DIMENSIONS), ten_sets());
    format!(
        "metrics:
  - {{name: queue_depth, kind: gauge, value: value, where: metric = 'assistant_queue_depth', {dimensions}, {watch}}}
  - {{name: requests, kind: count, where: metric = 'assistant_requests_total', {dimensions}, {watch}}}
"
    )
}

fn three(value: &str, latency: &str, ratio: &str, count: &str) -> String {
    let (dimensions, watch) = (list(&DIMENSIONS), ten_sets());
    let filter = |filter: &str| if filter.is_empty() { String::new() } else { format!("{filter}, ") };
    let (latency, ratio, count) = (filter(latency), filter(ratio), filter(count));
    format!(
        "metrics:
  - {{name: response_time, kind: latency, {value}, {latency}{dimensions}, {watch}}}
  - {{name: failure_rate, kind: ratio, numerator: outcome <> 'ok', {ratio}{dimensions}, {watch}}}
  - {{name: requests, kind: count, {count}{dimensions}, {watch}}}
"
    )
}

/// The total, each dimension, and platform with version: the sets of `peer_ingest.py`.
fn ten_sets() -> String {
    format!("watch: [[], [{}], [platform, os_version]]", DIMENSIONS.join("], ["))
}

fn list(dimensions: &[&str]) -> String {
    format!("dimensions: [{}]", dimensions.join(", "))
}

/// What a generated metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Latency,
    Ratio,
    Count,
}

/// Metrics over the dimensions d0, d1, …, which watch each of these, or the total alone.
pub(crate) fn of_many_slices(kinds: &[Kind], dimensions: usize, is_watched: bool) -> String {
    let names: Vec<String> = (0..dimensions).map(|dimension| format!("d{dimension}")).collect();
    let watch = if is_watched { format!("[[{}]]", names.join("], [")) } else { "[[]]".to_owned() };
    let names = names.join(", ");
    let metric = |(number, kind): (usize, &Kind)| {
        let kind = match kind {
            Kind::Latency => "kind: latency, value: total_ms",
            Kind::Ratio => "kind: ratio, numerator: outcome <> 'ok'",
            Kind::Count => "kind: count",
        };
        format!("  - {{name: m{number}, {kind}, dimensions: [{names}], watch: {watch}}}\n")
    };
    let metrics: String = kinds.iter().enumerate().map(metric).collect();
    format!("metrics:\n{metrics}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_those_of_the_peers() {
        let expected = "watch: [[], [platform], [os_version], [build], [device], [locale], [feature], [network], \
            [cluster], [platform, os_version]]";
        assert_eq!(ten_sets(), expected);
        assert_eq!(of_events().matches(expected).count(), 3);
        assert!(of_events().contains("{name: response_time, kind: latency, value: total_ms, dimensions: [platform, "));
        assert!(of_otlp_metrics().contains("value: value, where: metric = 'assistant.response_time', dimensions"));
    }

    #[test]
    fn generated_metrics_watch_each_dimension_or_the_total() {
        let kinds = [Kind::Latency, Kind::Count];
        assert_eq!(
            of_many_slices(&kinds, 2, true),
            "metrics:
  - {name: m0, kind: latency, value: total_ms, dimensions: [d0, d1], watch: [[d0], [d1]]}
  - {name: m1, kind: count, dimensions: [d0, d1], watch: [[d0], [d1]]}
"
        );
        assert!(of_many_slices(&kinds, 2, false).contains("dimensions: [d0, d1], watch: [[]]}"));
    }
}
