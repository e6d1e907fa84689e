//! Lineage as it is stored: one value for a device, one for the classes seen
//! there, and one for each handle.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::process::Facts;

const DEVICE: u8 = 0;
const CLASSES: u8 = 1;
const NODE: u8 = 2;

/// What a value of a device is stored under. Their order is the order of the
/// encoded keys, so a device is read before its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Device,
    Classes,
    Node(NodeKey),
}

/// What a handle is stored under. What comes together is stored together, and
/// forgotten together: handles are as good as random, and a database would
/// write a page of its own for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeKey {
    /// Sequence of the last event of the device when it was first to be stored.
    pub since: u64,
    pub handle: u64,
}

/// A device, but for what would make each of its records long.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeviceRecord {
    pub clock: i64,
    pub next_expiry: i64,
    pub guid_offset: Option<i64>,
    pub last_sequence: u64,
}

/// Classes with the sequence of their first event. By name, because places in
/// the vocabulary move when it grows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ClassesRecord<'a>(#[serde(borrow)] pub Vec<(&'a str, u64)>);

/// A handle.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum NodeRecord<'a> {
    Process(Cow<'a, Box<Facts>>, Standing),
    Alias(u64),
}

/// What the indexes know of a process beside its facts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Standing {
    pub last_seen: i64,
    pub last_sequence: u64,
    /// Since when it is found by its pid, if it is.
    pub pid_since: Option<u64>,
    /// Since when it is found by its command line, if it is.
    pub command_since: Option<u64>,
    /// Sequence and clock when it was known to have ended.
    pub ended: Option<(u64, i64)>,
    /// Whether it is among its parent's children. It is not if the parent was
    /// forgotten since, even if that was named again.
    pub is_child: bool,
}

impl Key {
    pub fn encode(self) -> Vec<u8> {
        match self {
            Self::Device => vec![DEVICE],
            Self::Classes => vec![CLASSES],
            Self::Node(NodeKey { since, handle }) => {
                let mut key = Vec::with_capacity(17);
                key.push(NODE);
                key.extend(since.to_be_bytes());
                key.extend(handle.to_be_bytes());
                key
            }
        }
    }

    pub fn decode(key: &[u8]) -> Option<Self> {
        match key {
            [DEVICE] => Some(Self::Device),
            [CLASSES] => Some(Self::Classes),
            [NODE, node @ ..] => {
                let (since, handle) = node.split_first_chunk()?;
                let since = u64::from_be_bytes(*since);
                let handle = u64::from_be_bytes(handle.try_into().ok()?);
                // 0 stands for no process.
                (handle != 0).then_some(Self::Node(NodeKey { since, handle }))
            }
            _ => None,
        }
    }
}

/// A record's bytes.
pub(super) fn encode(record: &impl Serialize) -> Vec<u8> {
    // Fails only for what has no known length, which no record holds; no
    // bytes would be refused when read.
    postcard::to_stdvec(record).unwrap_or_default()
}

/// The record that is exactly those bytes.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Some(record),
        _ => None,
    }
}
