//! The values of one dimension, numbered in the order they were first seen.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Code 0 is "absent". Past the limit every new value becomes "(other)", which still adds up to the total.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dictionary {
    values: Vec<String>,
    codes: FxHashMap<String, u16>,
}

impl Dictionary {
    /// Codes are 16 bits wide; two are taken by "absent" and "(other)".
    const VALUES_MAX: usize = u16::MAX as usize - 1;
    pub(crate) const OTHER: &'static str = "(other)";

    pub fn new() -> Self {
        Self { values: vec![String::new()], codes: FxHashMap::default() }
    }

    pub fn code(&mut self, value: &str) -> u16 {
        if let Some(&code) = self.codes.get(value) {
            return code;
        }
        let value = if self.values.len() < Self::VALUES_MAX { value } else { Self::OTHER };
        let next = u16::try_from(self.values.len()).unwrap_or_else(|_| unreachable!("VALUES_MAX fits 16 bits"));
        match self.codes.get(value) {
            Some(&code) => code,
            None => {
                self.values.push(value.to_owned());
                self.codes.insert(value.to_owned(), next);
                next
            }
        }
    }

    pub fn value(&self, code: u16) -> &str {
        &self.values[usize::from(code)]
    }

    pub fn values(&self) -> &[String] {
        &self.values
    }
}

impl Default for Dictionary {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_limit_values_fold_into_other() {
        let mut dictionary = Dictionary::new();
        let codes: Vec<u16> = (0..70_000).map(|n| dictionary.code(&n.to_string())).collect();
        assert_eq!(dictionary.value(codes[0]), "0");
        assert_eq!(dictionary.value(codes[69_999]), "(other)");
        assert_eq!(codes[69_998], codes[69_999]);
        assert_eq!(dictionary.code("5"), codes[5]);
    }
}
