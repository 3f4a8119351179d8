//! A silence: alerts that nobody is to be called to for some time, though they are found and kept as ever.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Alert, Slice, Timestamp};

/// While it is in force, alerts of a metric within a slice are shown as silenced.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Those of one metric; of every metric where none is named.
    #[serde(default)]
    pub metric: Option<String>,
    /// Those whose slice lies within this one.
    #[serde(default)]
    pub slice: Slice,
    /// By the clock on the wall, which of simulated or late data is another than theirs.
    pub from: Timestamp,
    pub until: Timestamp,
    pub by: String,
    pub reason: String,
}

impl Silence {
    /// From all of it but its end: with another end it is the same one, shortened or extended.
    pub fn id(&self) -> String {
        let Self { metric, slice, from, by, reason, .. } = self;
        let text = format!("{metric:?}\n{slice}\n{}\n{by}\n{reason}", from.millis());
        format!("si_{:016x}", xxh3_64(text.as_bytes()))
    }

    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    pub fn covers(&self, alert: &Alert) -> bool {
        self.metric.as_ref().is_none_or(|metric| *metric == alert.metric) && self.slice.contains(&alert.slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_another_end_it_is_the_same_one() {
        let text = r#"{"metric":"requests","slice":{"cluster":"eu"},"from":"2026-05-01T12:00:00Z","until":"2026-05-01T16:00:00Z","by":"ada","reason":"move"}"#;
        let silence: Silence = serde_json::from_str(text).unwrap();
        let longer = Silence { until: silence.until.plus_minutes(60), ..silence.clone() };
        assert_eq!(longer.id(), silence.id());
        assert_ne!(Silence { reason: "another".into(), ..silence.clone() }.id(), silence.id());
        assert_ne!(Silence { metric: None, ..silence.clone() }.id(), silence.id());
        let in_force = |time: &str| silence.is_in_force(time.parse().unwrap());
        assert!(in_force("2026-05-01T12:00:00Z") && in_force("2026-05-01T15:59:59Z"));
        assert!(!in_force("2026-05-01T11:59:59Z") && !in_force("2026-05-01T16:00:00Z"));
    }
}
