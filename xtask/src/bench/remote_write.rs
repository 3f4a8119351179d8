//! Prometheus remote write 1.0: counters and gauges, scraped every fifteen seconds.

use anyhow::{Context, Result};

use crate::bench::protobuf::Message;
use crate::bench::synthetic::{START_MS, latency_ms};

/// What Prometheus sends at once unless it is told otherwise.
const SERIES_PER_BODY: usize = 2_000;
const SCRAPE_MS: u64 = 15_000;
/// In the order that the protocol wants, and the number of values that each takes.
const LABELS: [(&str, usize); 8] = [
    ("build", 12),
    ("cluster", 5),
    ("device", 9),
    ("feature", 8),
    ("locale", 10),
    ("network", 4),
    ("os_version", 6),
    ("platform", 4),
];

/// Half of the series count requests, half measure a queue. Each body holds one sample of each of its series.
pub(crate) fn bodies(series: usize, scrapes: u64) -> Result<Vec<Vec<u8>>> {
    let labels: Vec<Message> = (0..series).map(labels).collect();
    let mut encoder = snap::raw::Encoder::new();
    let mut bodies = Vec::new();
    for scrape in 0..scrapes {
        for (first, chunk) in (0..series).step_by(SERIES_PER_BODY).zip(labels.chunks(SERIES_PER_BODY)) {
            let with_sample = |(number, labels): (usize, &Message)| labels.clone().message(2, &sample(number, scrape));
            let series = (first..).zip(chunk).map(with_sample);
            let request = series.fold(Message::new(), |request, series| request.message(1, &series));
            bodies.push(encoder.compress_vec(&request.into_bytes()).context("a body could not be packed")?);
        }
    }
    Ok(bodies)
}

fn is_counter(series: usize) -> bool {
    series.is_multiple_of(2)
}

/// The label set of a series, sorted by name: an instance of its own, and dimensions of few values.
fn labels(series: usize) -> Message {
    let name = if is_counter(series) { "assistant_requests_total" } else { "assistant_queue_depth" };
    let mut all = vec![("__name__", name.to_owned())];
    let mut rest = series / 2;
    for (label, values) in LABELS {
        all.push((label, format!("{label}-{}", rest % values)));
        rest = rest / values + series / 7;
    }
    all.push(("instance", format!("10.0.0.1:{series}")));
    all.sort_unstable();
    let pair = |name: &str, value: &str| Message::new().text(1, name).text(2, value);
    all.iter().fold(Message::new(), |message, (name, value)| message.message(1, &pair(name, value)))
}

fn sample(series: usize, scrape: u64) -> Message {
    let seed = series as u64 * 1_000 + scrape;
    let value = if is_counter(series) { (scrape * 100 + series as u64 % 90) as f64 } else { latency_ms(seed).round() };
    Message::new().double(1, value).varint(2, START_MS + scrape * SCRAPE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_bytes_of_its_description() {
        let bytes = sample(0, 0).into_bytes();
        // value: 0, timestamp: 1772409600000
        assert_eq!(bytes, [&[0x09][..], &[0; 8], &[0x10, 0x80, 0xf0, 0xe0, 0xde, 0xca, 0x33]].concat());
    }

    #[test]
    fn each_series_is_in_each_scrape_once_and_labels_are_sorted() {
        let packed = bodies(2_500, 3).unwrap();
        assert_eq!(packed.len(), 6);
        let plain = snap::raw::Decoder::new().decompress_vec(&packed[0]).unwrap();
        let first = &plain[..400];
        let at = |name: &str| first.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        assert!(at("__name__") < at("build") && at("build") < at("instance") && at("instance") < at("locale"));
        let count = |name: &[u8]| plain.windows(name.len()).filter(|window| *window == name).count();
        assert_eq!((count(b"assistant_requests_total"), count(b"assistant_queue_depth")), (1_000, 1_000));
    }
}
