//! A slice of traffic: the requests whose named dimensions have the named values.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Dimension -> value, in order of dimension name. The empty slice is all traffic.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = std::collections::BTreeMap<String, String>))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slice(BTreeMap<String, String>);

impl Slice {
    /// All traffic.
    pub const fn total() -> Self {
        Self(BTreeMap::new())
    }

    #[must_use]
    pub fn with(mut self, dimension: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(dimension.into(), value.into());
        self
    }

    pub fn is_total(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, dimension: &str) -> Option<&str> {
        self.0.get(dimension).map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(dimension, value)| (dimension.as_str(), value.as_str()))
    }

    /// Whether a request can lie in both: no dimension is named by both with different values.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.iter().all(|(dimension, value)| other.get(dimension).is_none_or(|theirs| theirs == value))
    }

    /// Whether every request of `other` lies in this one.
    pub fn contains(&self, other: &Self) -> bool {
        self.iter().all(|(dimension, value)| other.get(dimension) == Some(value))
    }
}

/// `os_version:26.1,locale:de_DE`; `total` for all traffic.
impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_total() {
            return f.write_str("total");
        }
        for (position, (dimension, value)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{dimension}:{value}")?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not part of a slice; write dimension:value, separated by commas, such as os_version:26.1,locale:de_DE"
)]
pub struct ParseSliceError(String);

impl FromStr for Slice {
    type Err = ParseSliceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text == "total" {
            return Ok(Self::total());
        }
        text.split(',')
            .map(|part| match part.split_once(':') {
                Some((dimension, value)) if !dimension.is_empty() && !value.is_empty() => {
                    Ok((dimension.to_owned(), value.to_owned()))
                }
                _ => Err(ParseSliceError(part.to_owned())),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromIterator<(String, String)> for Slice {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        for text in ["total", "platform:iOS", "locale:de_DE,os_version:26.1"] {
            assert_eq!(text.parse::<Slice>().unwrap().to_string(), text);
        }
        assert!("platform".parse::<Slice>().is_err());
    }

    #[test]
    fn overlap_and_containment() {
        let ios = Slice::total().with("platform", "iOS");
        let ios_german = ios.clone().with("locale", "de_DE");
        let mac = Slice::total().with("platform", "macOS");
        assert!(ios.contains(&ios_german) && !ios_german.contains(&ios));
        assert!(ios.overlaps(&Slice::total().with("locale", "fr_FR")));
        assert!(!ios_german.overlaps(&mac));
        assert!(Slice::total().contains(&mac));
    }
}
