//! Follows files of lines of JSON that grow, rotate and are truncated.
//!
//! What is stored of a file (`position`) travels with the records it covers,
//! so both are committed or neither. A file is the same as before if its inode
//! and its first bytes are, whatever its name. Where a file is copied and then
//! truncated, what is written between the last look and the truncation is lost
//! to every reader. Rotating by renaming within the folder loses nothing once
//! something of the file was committed: from then on it is found again after
//! a crash.

mod follower;
mod known;
mod pattern;
mod position;
mod tail;
pub(super) mod whole;

use std::{collections::BTreeMap, io, time::Duration};

use super::{
    feed::{Feed, Running},
    reading,
};
use follower::Follower;
pub(super) use follower::problems_of;
pub use pattern::BadPattern;
pub(super) use pattern::Pattern;

/// What keeps following within bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How much is read and handed over at once.
    read: usize,
    /// The longest line.
    max_record: usize,
    /// Most files held open.
    open: usize,
    /// For how long a file that lost its name must be silent to be given up.
    quiet: Duration,
    /// After how long what is stored about a file that is gone is removed. It
    /// is long, as a file system may be mounted late.
    gone: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read: 512 * 1024,
            max_record: 16 * 1024 * 1024,
            open: 1_000,
            quiet: Duration::from_secs(60),
            gone: Duration::from_secs(3600),
        }
    }
}

/// Why files cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The path is no pattern.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// The system gives no thread.
    #[error("no thread can be started")]
    Thread(#[from] io::Error),
}

/// Follows a file, the files of a folder, or those that match a glob, from
/// where the stored checkpoints say; those of others are left alone. Must be
/// called within a runtime.
pub fn start(
    path: &str,
    checkpoints: &BTreeMap<String, Vec<u8>>,
    feed: Feed,
) -> Result<Running, FilesError> {
    let follower = Follower::new(Pattern::new(path)?, checkpoints, Limits::default());
    Ok(reading::start(follower, feed)?)
}

#[cfg(test)]
mod tests;
