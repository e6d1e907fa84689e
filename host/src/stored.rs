//! How numbers and values of the state are written to bytes and read back.

use serde::{Deserialize, Serialize};

/// Most that a stored counter may say. Counting on from there never overflows.
pub(crate) const MAX_COUNTER: u64 = u64::MAX / 2;

/// A value as bytes.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "numbers, texts and lists of them can always be written to memory"
    )]
    postcard::to_allocvec(value).expect("a value of numbers and texts")
}

/// A value that fills the bytes to their end.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// A number as a key. Keys sort like the numbers.
pub(crate) fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The number that is a key.
pub(crate) fn number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests;
