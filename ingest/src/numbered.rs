//! The texts of one column of a batch, numbered from 1 in the order in which they were first seen.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Each text is kept once: a table of numbers finds them, so that a new one costs one copy and an old one few steps.
#[derive(Default)]
pub(crate) struct Numbered {
    values: Vec<String>,
    /// As many as a power of two, half of them free at the least. A text is in the first place from that of its hash on
    /// that is its own.
    places: Vec<Place>,
    /// Streams repeat a value more often than not.
    last: u32,
}

#[derive(Clone, Copy, Default)]
struct Place {
    hash: u32,
    /// 0 is a free place.
    code: u32,
}

/// Most columns hold few texts.
const PLACES_AT_FIRST: usize = 16;

impl Numbered {
    /// Those that are there already, in the order of their numbers.
    pub(crate) fn of(values: Vec<String>) -> Self {
        let mut numbered = Self { values, ..Self::default() };
        numbered.make_room();
        numbered
    }

    pub(crate) fn code(&mut self, text: &str) -> u32 {
        self.known(text.as_bytes()).unwrap_or_else(|| self.add(text))
    }

    /// The number of a text that is there already. Bytes that are none are not there.
    #[inline]
    pub(crate) fn known(&mut self, text: &[u8]) -> Option<u32> {
        if self.last > 0 && is_same(self.values[self.last as usize - 1].as_bytes(), text) {
            return Some(self.last);
        }
        self.last = self.find(text)?;
        Some(self.last)
    }

    pub(crate) fn into_values(self) -> Vec<String> {
        self.values
    }

    fn find(&self, text: &[u8]) -> Option<u32> {
        let mask = self.places.len().checked_sub(1)?;
        let hash = hash(text);
        let mut at = hash as usize & mask;
        while self.places[at].code > 0 {
            let place = self.places[at];
            if place.hash == hash && is_same(self.values[place.code as usize - 1].as_bytes(), text) {
                return Some(place.code);
            }
            at = (at + 1) & mask;
        }
        None
    }

    #[inline(never)]
    fn add(&mut self, text: &str) -> u32 {
        self.values.push(text.to_owned());
        let code = self.values.len() as u32;
        if 2 * self.values.len() > self.places.len() {
            self.make_room();
        } else {
            self.put(Place { hash: hash(text.as_bytes()), code });
        }
        self.last = code;
        code
    }

    fn make_room(&mut self) {
        let places = (2 * self.values.len()).next_power_of_two().max(PLACES_AT_FIRST);
        self.places = vec![Place::default(); places];
        for code in 1..=self.values.len() as u32 {
            let hash = hash(self.values[code as usize - 1].as_bytes());
            self.put(Place { hash, code });
        }
    }

    fn put(&mut self, place: Place) {
        let mask = self.places.len() - 1;
        let mut at = place.hash as usize & mask;
        while self.places[at].code > 0 {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }
}

fn hash(text: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    hasher.finish() as u32
}

/// Most texts are so short that a call would cost more than to compare their two ends, which may overlap.
#[inline(always)]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    fn ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
        one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
    }
    one.len() == other.len()
        && match one.len() {
            0 => true,
            1 => one[0] == other[0],
            2..4 => ends::<2>(one, other),
            4..8 => ends::<4>(one, other),
            8..=16 => ends::<8>(one, other),
            _ => one == other,
        }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_what_is_the_same_is_the_same(
            one in prop::collection::vec(0_u8..2, 0..20),
            other in prop::collection::vec(0_u8..2, 0..20),
            at: prop::sample::Index,
        ) {
            prop_assert!(is_same(&one, &one.clone()));
            prop_assert_eq!(is_same(&one, &other), one == other);
            if !one.is_empty() {
                let mut changed = one.clone();
                changed[at.index(one.len())] ^= 4;
                prop_assert!(!is_same(&one, &changed));
            }
        }

        #[test]
        fn each_text_has_one_number_in_the_order_of_coming(
            begun in prop::collection::hash_set("[a-d]{0,3}", 0..20),
            texts in prop::collection::vec("[a-d]{0,3}", 0..300),
        ) {
            let begun: Vec<String> = begun.into_iter().collect();
            let mut numbered = Numbered::of(begun.clone());
            let mut expected: HashMap<String, u32> = begun.iter().cloned().zip(1..).collect();
            let mut values = begun;
            for text in texts {
                let is_known = expected.contains_key(&text);
                let code = *expected.entry(text.clone()).or_insert_with(|| {
                    values.push(text.clone());
                    values.len() as u32
                });
                prop_assert_eq!(numbered.known(text.as_bytes()), is_known.then_some(code));
                prop_assert_eq!(numbered.code(&text), code);
            }
            prop_assert_eq!(numbered.into_values(), values);
        }
    }
}
