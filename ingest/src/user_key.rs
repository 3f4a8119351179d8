//! Users are counted and never shown: what is kept of one is a hash under a key that never leaves the data folder.

use std::hash::Hasher;
use std::num::NonZeroU64;

use siphasher::sip::SipHasher24;

/// SipHash-2-4 is a keyed pseudo-random function: without the key nobody can try names against the hashes.
#[derive(Clone)]
pub struct UserKey([u8; 16]);

impl UserKey {
    pub const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    pub fn hash(&self, user: &str) -> NonZeroU64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(user.as_bytes());
        NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN)
    }
}

/// The key is a secret: it shows in no log.
impl std::fmt::Debug for UserKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_gives_other_hashes_and_the_key_is_not_printed() {
        let (one, two) = (UserKey::new([1; 16]), UserKey::new([2; 16]));
        assert_eq!(one.hash("31188"), one.hash("31188"));
        assert_ne!(one.hash("31188"), one.hash("31189"));
        assert_ne!(one.hash("31188"), two.hash("31188"));
        assert_eq!(format!("{one:?}"), "UserKey");
    }
}
