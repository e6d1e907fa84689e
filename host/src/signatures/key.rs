//! What verdicts are about, as the numbers they are kept under.

use std::{fmt, hash::BuildHasher};

use foldhash::quality;
use siphasher::sip::SipHasher13;

/// What verdicts are about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// A file by its path in lower case.
    Path(&'a str),
    /// A file by its SHA-256.
    Hash(&'a str),
    /// The image of a process.
    Process(u64),
}

/// Makes numbers of keys. They are stored, so they must be the same for every
/// build; and there is a secret in them, so that nobody can forge two that
/// meet.
pub(super) struct Keys {
    path: SipHasher13,
    hash: SipHasher13,
    process: SipHasher13,
}

impl Keys {
    pub fn new(secret: &[u8; 16]) -> Self {
        // With a secret of its own for each kind a key is hashed in one go,
        // which is a good deal faster than with the kind before it.
        let secret = SipHasher13::new_with_key(secret);
        let half = |kind: u8, number: u8| secret.hash(&[kind, number]);
        let of = |kind| SipHasher13::new_with_keys(half(kind, 0), half(kind, 1));
        Self {
            path: of(0),
            hash: of(1),
            process: of(2),
        }
    }

    pub fn number(&self, key: Key<'_>) -> u64 {
        match key {
            Key::Path(path) => self.path.hash(path.as_bytes()),
            Key::Hash(sha256) => self.hash.hash(sha256.as_bytes()),
            Key::Process(handle) => self.process.hash(&handle.to_le_bytes()),
        }
    }
}

impl Default for Keys {
    /// With a secret by chance, for who stores nothing.
    fn default() -> Self {
        let chance = quality::RandomState::default();
        let (one, other) = (chance.hash_one(0_u64), chance.hash_one(1_u64));
        Self::new(&(u128::from(one) << 64 | u128::from(other)).to_le_bytes())
    }
}

impl fmt::Debug for Keys {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store written by an earlier build must be found again.
    #[test]
    fn numbers_are_the_same_for_every_build() {
        let keys = Keys::new(b"0123456789abcdef");
        let path = keys.number(Key::Path(r"c:\a.exe"));
        let hash = keys.number(Key::Hash(r"c:\a.exe"));
        let process = keys.number(Key::Process(7));
        let expected = (
            17_073_546_715_980_825_939,
            17_616_944_814_084_288_061,
            5_475_421_766_294_812_077,
        );
        assert_eq!((path, hash, process), expected);
    }
}
