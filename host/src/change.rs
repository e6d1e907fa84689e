//! What changed of the state since it was last asked for, as the store writes
//! it.

use std::sync::Arc;

/// A value that was set, or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The device it is about.
    pub device: Arc<str>,
    /// Its key among the values of that device.
    pub key: Vec<u8>,
    /// What it was set to; none if it was removed.
    pub value: Option<Vec<u8>>,
}

/// A stored value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored {part} of device {device:?} makes no sense")]
pub struct Damaged {
    /// Which part of the state it is of.
    pub part: &'static str,
    /// The device it is about.
    pub device: String,
}
