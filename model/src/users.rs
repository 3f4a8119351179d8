//! Distinct users: HyperLogLog of 256 registers, as a short list while there are few.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const REGISTERS: usize = 256;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();
/// So many take no more room than a list's own header.
const INLINE_MAX: usize = 7;
/// From so many on a byte for each register is smaller than a list of those that are set.
const LISTED_MAX: usize = REGISTERS / 4;

/// What a user is in a count of distinct users: worked out once however many counts it goes into.
///
/// The register in the high byte, and in the low one how many leading zeros the rest of the hash has, and one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct UserMark(u16);

impl UserMark {
    /// Of a user's hash, every bit of which has to be as good as any other.
    pub fn of(hash: u64) -> Self {
        let register = hash >> (u64::BITS - INDEX_BITS);
        let rank = ((hash << INDEX_BITS).leading_zeros() + 1).min(u64::BITS - INDEX_BITS + 1);
        Self(((register as u16) << 8) | rank as u16)
    }

    fn new(register: u8, rank: u8) -> Self {
        Self((u16::from(register) << 8) | u16::from(rank))
    }

    pub fn register(self) -> u8 {
        (self.0 >> 8) as u8
    }

    pub fn rank(self) -> u8 {
        self.0 as u8
    }
}

/// How many different users there were. Each register keeps the highest rank it met, so adding and merging give the
/// same bits in any order.
#[derive(Debug, Clone, Default)]
pub struct Users(Registers);

/// Which one it is follows from how many registers are set, so equal counts are laid out alike. Lists are sorted and
/// hold each register once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Registers {
    /// Without memory of its own: most minutes of a thin slice.
    Few {
        length: u8,
        marks: [UserMark; INLINE_MAX],
    },
    List(Vec<UserMark>),
    Many(Box<[u8; REGISTERS]>),
}

impl Default for Registers {
    fn default() -> Self {
        Self::Few { length: 0, marks: [UserMark::default(); INLINE_MAX] }
    }
}

impl Registers {
    /// Of the registers that are set, which have to be sorted.
    fn of(marks: Vec<UserMark>) -> Self {
        if marks.len() <= INLINE_MAX {
            let mut few = [UserMark::default(); INLINE_MAX];
            few[..marks.len()].copy_from_slice(&marks);
            return Self::Few { length: marks.len() as u8, marks: few };
        }
        if marks.len() <= LISTED_MAX {
            return Self::List(marks);
        }
        let mut ranks = Box::new([0; REGISTERS]);
        marks.iter().for_each(|mark| ranks[usize::from(mark.register())] = mark.rank());
        Self::Many(ranks)
    }
}

impl Users {
    /// Standard error of a large count: 1.04 / sqrt(256). Up to some twenty users it is nearly exact.
    pub const STANDARD_ERROR: f64 = 0.065;

    pub fn add(&mut self, mark: UserMark) {
        let listed = match &mut self.0 {
            Registers::Many(ranks) => {
                let rank = &mut ranks[usize::from(mark.register())];
                *rank = mark.rank().max(*rank);
                return;
            }
            Registers::Few { length, marks } => &mut marks[..usize::from(*length)],
            Registers::List(marks) => marks.as_mut_slice(),
        };
        match listed.binary_search_by_key(&mark.register(), |mark| mark.register()) {
            Ok(at) => listed[at] = mark.max(listed[at]),
            Err(at) => self.insert(at, mark),
        }
    }

    fn insert(&mut self, at: usize, mark: UserMark) {
        match &mut self.0 {
            Registers::Few { length, marks } if usize::from(*length) < INLINE_MAX => {
                marks.copy_within(at..usize::from(*length), at + 1);
                marks[at] = mark;
                *length += 1;
            }
            Registers::List(marks) if marks.len() < LISTED_MAX => marks.insert(at, mark),
            _ => {
                let mut marks: Vec<UserMark> = self.marks().collect();
                marks.insert(at, mark);
                self.0 = Registers::of(marks);
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (Registers::Many(mine), Registers::Many(theirs)) => {
                mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            }
            (Registers::Few { length: 0, .. }, _) => self.0 = other.0.clone(),
            _ => other.marks().for_each(|mark| self.add(mark)),
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Registers::Few { length: 0, .. })
    }

    /// Two bytes a mark.
    pub fn pack(&self, into: &mut Vec<u8>) {
        into.extend(self.marks().flat_map(|mark| mark.0.to_le_bytes()));
    }

    /// What [`Self::pack`] wrote, the whole of it. `None` if it is something else.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let (marks, []) = bytes.as_chunks::<2>() else { return None };
        Some(Self(Registers::of(marks.iter().map(|mark| UserMark(u16::from_le_bytes(*mark))).collect())))
    }

    /// The registers that are set, in order.
    pub fn marks(&self) -> impl Iterator<Item = UserMark> {
        let (listed, many): (&[UserMark], _) = match &self.0 {
            Registers::Few { length, marks } => (&marks[..usize::from(*length)], None),
            Registers::List(marks) => (marks, None),
            Registers::Many(ranks) => (&[], Some(ranks)),
        };
        let many = many.into_iter().flat_map(|ranks| ranks.iter().enumerate());
        let many = many.filter(|(_, rank)| **rank > 0).map(|(register, rank)| UserMark::new(register as u8, *rank));
        listed.iter().copied().chain(many)
    }

    /// Ertl's estimator (arXiv 1702.01284, section 4), which needs no correction for small or large counts.
    pub fn estimate(&self) -> u64 {
        const RANKS: usize = (u64::BITS - INDEX_BITS) as usize;
        let mut by_rank = [0_u32; RANKS + 2];
        self.marks().for_each(|mark| by_rank[usize::from(mark.rank()).min(RANKS + 1)] += 1);
        let set: u32 = by_rank.iter().sum();
        if set == 0 {
            return 0;
        }
        let registers = REGISTERS as f64;
        let mut z = registers * tau(1.0 - f64::from(by_rank[RANKS + 1]) / registers);
        for &count in by_rank[1..=RANKS].iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += registers * sigma(1.0 - f64::from(set) / registers);
        (registers * registers / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }
}

/// x + x^2 + 2 x^4 + 4 x^8 + ...
fn sigma(mut x: f64) -> f64 {
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        // Endless for x = 1, which is no user at all and never asked.
        if sum <= before || !sum.is_finite() {
            return sum;
        }
    }
}

/// (1 - x - (1 - x^(1/2))^2 / 2 - (1 - x^(1/4))^2 / 4 - ...) / 3
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

impl PartialEq for Users {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Users {}

/// Two bytes a mark, without a number's packing: most marks would take three.
impl Serialize for Users {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        self.pack(&mut bytes);
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Marks)
    }
}

struct Marks;

impl Visitor<'_> for Marks {
    type Value = Users;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("marks of users, two bytes each")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Users, E> {
        Users::unpack(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// SplitMix64: good bits from counting.
    fn hash(mut n: u64) -> u64 {
        n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    fn of(users: impl IntoIterator<Item = u64>) -> Users {
        let mut counted = Users::default();
        users.into_iter().for_each(|user| counted.add(UserMark::of(hash(user))));
        counted
    }

    #[test]
    fn the_error_is_as_stated() {
        for count in [10_u64, 100, 300, 1_000, 10_000, 200_000] {
            let trials = 200;
            let errors = (0..trials).map(|trial| {
                let first = (trial + 1) << 32;
                of(first..first + count).estimate() as f64 / count as f64 - 1.0
            });
            let errors: Vec<f64> = errors.collect();
            let mean = errors.iter().sum::<f64>() / trials as f64;
            let deviation = (errors.iter().map(|error| error.powi(2)).sum::<f64>() / trials as f64).sqrt();
            assert!(deviation < 1.2 * Users::STANDARD_ERROR, "{count}: {deviation}");
            assert!(mean.abs() < 0.02, "{count}: {mean}");
        }
    }

    #[test]
    fn a_count_takes_three_words() {
        assert_eq!(size_of::<Users>(), 24);
    }

    #[test]
    fn a_user_counts_once() {
        assert_eq!(Users::default().estimate(), 0);
        assert_eq!(of([7; 1_000]).estimate(), 1);
        assert_eq!(of((0..5).chain(0..5)).estimate(), 5);
    }

    #[test]
    fn extreme_hashes_have_their_place() {
        let [lowest, highest] = [0, u64::MAX].map(UserMark::of);
        assert_eq!((lowest.register(), lowest.rank()), (0, 57));
        assert_eq!((highest.register(), highest.rank()), (255, 1));
        let mut users = Users::default();
        (0..256_u64).for_each(|register| users.add(UserMark::of(register << 56)));
        assert!(users.estimate() > 1 << 60);
    }

    proptest! {
        #[test]
        fn parts_merge_to_the_whole_in_any_order(
            users in prop::collection::vec(0_u64..400, 0..500),
            cut in 0_usize..500,
        ) {
            let (left, right) = users.split_at(cut.min(users.len()));
            let whole = of(users.iter().rev().copied());
            let [mut one, mut other] = [of(left.iter().copied()), of(right.iter().copied())];
            let right = other.clone();
            other.merge(&one);
            one.merge(&right);
            prop_assert_eq!(&one, &whole);
            prop_assert_eq!(&other, &whole);
            let bytes: Vec<u8> = whole.marks().flat_map(|mark| mark.0.to_le_bytes()).collect();
            let read = Marks.visit_bytes::<serde_json::Error>(&bytes).unwrap();
            prop_assert_eq!(read, whole);
        }
    }
}
