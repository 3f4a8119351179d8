//! What is computed from a cell: a quantile, a mean, a rate, a count or a score.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// Per mille, so that p99.9 is 999; always in 1..=999.
    Quantile(u16),
    Mean,
    /// Numerator over denominator.
    Rate,
    Count,
    /// A composite's value.
    Score,
}

impl Statistic {
    pub const P50: Self = Self::Quantile(500);
    pub const P95: Self = Self::Quantile(950);
    pub const P99: Self = Self::Quantile(990);

    /// The quantile as a share of requests, 0.95 for p95; `None` for all else.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::Quantile(permille) => Some(f64::from(permille) / 1000.0),
            _ => None,
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(permille) if permille % 10 == 0 => write!(f, "p{}", permille / 10),
            Self::Quantile(permille) => write!(f, "p{}.{}", permille / 10, permille % 10),
            Self::Mean => f.write_str("mean"),
            Self::Rate => f.write_str("rate"),
            Self::Count => f.write_str("count"),
            Self::Score => f.write_str("score"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a statistic; write p50, p95, p99.9, mean, rate, count or score")]
pub struct ParseStatisticError(String);

impl FromStr for Statistic {
    type Err = ParseStatisticError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseStatisticError(text.to_owned());
        match text {
            "mean" => return Ok(Self::Mean),
            "rate" => return Ok(Self::Rate),
            "count" => return Ok(Self::Count),
            "score" => return Ok(Self::Score),
            _ => {}
        }
        let percent: f64 = text.strip_prefix('p').and_then(|rest| rest.parse().ok()).ok_or_else(fail)?;
        let permille = percent * 10.0;
        let whole = permille.round();
        let is_whole = (permille - whole).abs() < 1e-9;
        if !is_whole || !(1.0..=999.0).contains(&whole) {
            return Err(fail());
        }
        Ok(Self::Quantile(whole as u16))
    }
}

impl Serialize for Statistic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Statistic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// In JSON a statistic is its name.
#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Statistic {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("p50, p95, p99.9, mean, rate, count or score"))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Statistic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for name in ["p50", "p95", "p99", "p99.9", "mean", "rate", "count", "score"] {
            assert_eq!(name.parse::<Statistic>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn quantiles_that_cannot_be_are_refused() {
        for name in ["p", "p0", "p100", "p99.99", "median", "pNaN", "p-5"] {
            assert!(name.parse::<Statistic>().is_err(), "{name}");
        }
    }
}
