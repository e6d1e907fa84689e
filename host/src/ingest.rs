//! Live sources: what they hand over, and how they are held back.
//!
//! A source puts whole records into a [`Delivery`], waits at the [`Gate`] for
//! room, submits it, and gets one [`Receipt`] when everything that came of it
//! is committed. Whatever was not acknowledged is to be delivered again; what
//! was processed already is recognised then.

pub mod evtx;
mod feed;
pub mod files;
mod gate;
pub mod lines;
mod reading;
mod records;

pub use feed::{Feed, Running};
pub use gate::{Gate, Inlet, Room, Stopping, Submitted, Work};
pub use records::{Place, RecordReader, Records, RecordsError};

use std::sync::Arc;

/// What a source hands over at once, and is acknowledged for as a whole.
#[derive(Debug)]
pub struct Delivery {
    /// How the source is called in metrics, such as `http` or `files`.
    pub source: Arc<str>,
    /// Where the records come from, as findings name it, such as a path.
    pub input: Arc<str>,
    /// The records.
    pub records: Records,
    /// The place of the first record in its input, counted from 0.
    pub first_record: u32,
    /// Whether it is delivered again if it is not acknowledged, so that records
    /// processed before are to be recognised.
    pub may_come_again: bool,
    /// What the source wants to find again after a restart. It is stored
    /// together with what came of the records.
    pub checkpoint: Option<Checkpoint>,
}

/// How far a source came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Under which name it is stored; the source's kind stands first, such as
    /// `files:/var/log/a.ndjson`.
    pub key: String,
    /// What is stored; nothing removes it.
    pub value: Option<Vec<u8>>,
}

/// What became of a delivery, once all of it is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Records in it.
    pub records: u64,
    /// Of these, those that were processed before.
    pub duplicates: u64,
    /// Of these, those that could not be decoded: their position in the
    /// delivery, counted from 0, and why. They are in the dead letters.
    pub undecodable: Vec<(u32, String)>,
}
