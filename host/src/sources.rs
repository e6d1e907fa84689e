//! Recorded telemetry: from files of any known shape to events in the order of
//! their time.
//!
//! A file is read in blocks of whole records (`blocks`), each record's values
//! are found without building a tree (`json`, `xml`, `evtx`), and the
//! normaliser turns them into events, which `sequence` puts in order.
//! Input is hostile: every length, depth and count has a limit, and a record
//! that cannot be decoded is counted, kept aside and passed over.

pub(crate) mod blocks;
mod crew;
mod decoder;
pub(crate) mod evtx;
mod inputs;
mod intake;
mod json;
mod keys;
mod record;
mod recording;
mod shape;
pub(crate) mod stream;
mod undecodable;
mod xml;

pub use decoder::Decoder;
pub use inputs::{Input, find_inputs};
pub use json::Malformed;
pub use keys::{Keys, Slot};
pub use record::Record;
pub use recording::{InputSummary, Recording};
pub use shape::{Encoding, Shape};
pub use undecodable::Undecodable;

use std::{io, path::PathBuf};

/// How inputs are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of events to keep in memory; more go to temporary files.
    pub memory: usize,
    /// The longest record, in bytes. A file without line ends would otherwise
    /// be read into memory whole.
    pub max_record: usize,
    /// How many times its size a compressed input may become.
    pub max_expansion: u64,
    /// How many undecodable records are kept aside with their beginning.
    pub max_undecodable: usize,
    /// Threads to decode on.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: 128 * 1024 * 1024,
            max_record: 16 * 1024 * 1024,
            max_expansion: 256,
            max_undecodable: 1000,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Why inputs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot open {}: {error}; check the path and its permissions", path.display())]
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It holds none of the known shapes.
    #[error(
        "{name} holds no telemetry that is known: it should be EVTX, JSON or NDJSON, \
         or event XML, plain or compressed with gzip or zstd"
    )]
    Unrecognised {
        /// The input's name.
        name: String,
    },
    /// A folder has nothing to read.
    #[error(
        "{} has no file to read; files end in .evtx, .json, .jsonl, .ndjson, .xml or .log, \
         with .gz or .zst behind it where compressed",
        path.display()
    )]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Events could not be written to or read from a temporary file.
    #[error("cannot keep events in a temporary file: {0}; check the space in TMPDIR")]
    Spill(#[from] io::Error),
}

#[cfg(test)]
mod tests;
