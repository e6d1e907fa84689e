//! What is known of a file, to see that it changed.

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::SystemTime};

/// What tells a file from what stood there before. It follows symbolic links,
/// which is how Kubernetes replaces files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    size: u64,
    modified: Option<SystemTime>,
    inode: u64,
    device: u64,
}

impl Fingerprint {
    /// The file as it is now, if it is there.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            inode: metadata.ino(),
            device: metadata.dev(),
        })
    }
}

/// What came of a file when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It runs.
    Loaded(Fingerprint),
    /// It did not load, and nobody was told yet: it may be half-written.
    Unsure(Fingerprint),
    /// It does not load.
    Refused(Fingerprint),
}

impl Seen {
    /// Whether it must be looked at again soon.
    pub fn is_unsure(&self) -> bool {
        matches!(self, Self::Unsure(_))
    }

    /// Whether it does not load.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it was looked at in just this form.
    pub fn is_of(&self, found: &Fingerprint) -> bool {
        let (Self::Loaded(known) | Self::Unsure(known) | Self::Refused(known)) = self;
        known == found
    }

    /// Whether it was, and there is no need to look again.
    pub fn is_settled(&self, found: &Fingerprint) -> bool {
        !self.is_unsure() && self.is_of(found)
    }
}
