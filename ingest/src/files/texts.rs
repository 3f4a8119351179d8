//! Columns of text in whatever form a file has them, and what a text says where something else was wanted.

use arrow_array::cast::AsArray;
use arrow_array::{AnyDictionaryArray, Array};
use arrow_schema::DataType;

use crate::files::columns::Refused;

/// A column of text, converted as a whole.
pub(super) trait Texts {
    /// One value a row; a row whose text cannot be converted is refused.
    fn convert<T: Copy>(
        &self,
        absent: T,
        refused: &mut Refused,
        convert: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T>;
}

/// Text that stands in each row anew.
pub(super) struct Plain<I>(pub(super) I);

impl<'a, I: Iterator<Item = Option<&'a str>> + Clone> Texts for Plain<I> {
    fn convert<T: Copy>(
        &self,
        absent: T,
        refused: &mut Refused,
        mut convert: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut values = Vec::with_capacity(self.0.size_hint().0);
        for (row, text) in self.0.clone().enumerate() {
            values.push(match text.map(&mut convert) {
                None => absent,
                Some(Ok(value)) => value,
                Some(Err(reason)) => refused.add(row, reason, absent),
            });
        }
        values
    }
}

/// Values of another kind that are to be text, each written into the same string.
pub(super) struct Shown<I, F>(pub(super) I, pub(super) F);

impl<V, I: Iterator<Item = Option<V>> + Clone, F: Fn(&mut String, V)> Texts for Shown<I, F> {
    fn convert<T: Copy>(
        &self,
        absent: T,
        refused: &mut Refused,
        mut convert: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut text = String::new();
        let mut one = |(row, value): (usize, Option<V>)| {
            let Some(value) = value else { return absent };
            text.clear();
            self.1(&mut text, value);
            convert(&text).unwrap_or_else(|reason| refused.add(row, reason, absent))
        };
        self.0.clone().enumerate().map(&mut one).collect()
    }
}

/// Text that is written once and pointed at from the rows: each is converted when the first row points at it.
pub(super) struct Coded<'a> {
    array: &'a dyn AnyDictionaryArray,
    texts: Vec<Option<&'a str>>,
}

impl<'a> Coded<'a> {
    /// `None` if its values are no text.
    pub(super) fn new(array: &'a dyn AnyDictionaryArray) -> Option<Self> {
        let values = array.values();
        let texts = match values.data_type() {
            DataType::Utf8 => values.as_string::<i32>().iter().collect(),
            DataType::LargeUtf8 => values.as_string::<i64>().iter().collect(),
            DataType::Utf8View => values.as_string_view().iter().collect(),
            _ => return None,
        };
        Some(Self { array, texts })
    }
}

#[derive(Clone)]
enum Converted<T> {
    NotYet,
    Value(T),
    Refused(String),
}

impl Texts for Coded<'_> {
    fn convert<T: Copy>(
        &self,
        absent: T,
        refused: &mut Refused,
        mut convert: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T> {
        if self.texts.is_empty() {
            return vec![absent; self.array.len()];
        }
        let mut known = vec![Converted::NotYet; self.texts.len()];
        let mut one = |row: usize, key: usize| {
            if let Converted::NotYet = known[key] {
                known[key] = match self.texts[key].map(&mut convert) {
                    None => Converted::Value(absent),
                    Some(Ok(value)) => Converted::Value(value),
                    Some(Err(reason)) => Converted::Refused(reason),
                };
            }
            match &known[key] {
                Converted::Value(value) => *value,
                Converted::Refused(reason) => refused.add(row, reason.clone(), absent),
                Converted::NotYet => absent,
            }
        };
        let keys = self.array.normalized_keys().into_iter().enumerate();
        match self.array.nulls() {
            None => keys.map(|(row, key)| one(row, key)).collect(),
            Some(nulls) => {
                let rows = keys.zip(nulls.iter());
                rows.map(|((row, key), is_valid)| if is_valid { one(row, key) } else { absent }).collect()
            }
        }
    }
}

/// A number as text. What is not finite is read, and counts as absent.
pub(super) fn number_of(text: &str) -> Option<f64> {
    text.trim_ascii().parse().ok()
}

pub(super) fn flag_of(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    let is = |word| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}
