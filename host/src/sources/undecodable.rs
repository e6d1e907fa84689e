//! Records that could not be decoded.

use crate::event::Origin;

/// How much of such a record is kept.
pub(super) const EXCERPT: usize = 512;

/// A record that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Where it stands.
    pub origin: Origin,
    /// Why it could not be decoded.
    pub reason: String,
    /// How it begins.
    pub excerpt: String,
}
