//! What is known of a file, to see that it changed.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use crate::trust;

/// How long a file must stay as it is before one that does not load is held
/// against anyone: it may be half-written.
pub const SECOND_LOOK: Duration = Duration::from_secs(1);

/// What tells a file from what stood there before. It follows symbolic links,
/// which is how Kubernetes replaces files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    size: u64,
    modified: Option<SystemTime>,
    inode: u64,
    device: u64,
    /// What vouches for it, if it is a component.
    beside: Vec<Self>,
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
            beside: Vec::new(),
        })
    }

    /// The component as it is now, with its manifest and signatures.
    pub fn of_component(path: &Path) -> Option<Self> {
        let mut found = Self::of(path)?;
        // What cannot be listed is told when the component is looked at.
        let beside = trust::beside(path).unwrap_or_default();
        let signatures = beside.signatures.into_iter().map(|(_, path)| path);
        let paths = beside.manifest.into_iter().chain(signatures);
        found.beside = paths.filter_map(|path| Self::of(&path)).collect();
        Some(found)
    }
}

/// What came of a file when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It runs.
    Loaded(Fingerprint),
    /// It did not load, and nobody was told yet: it may be half-written.
    Unsure(Fingerprint, Instant),
    /// It does not load.
    Refused(Fingerprint),
}

impl Seen {
    /// Whether it must be looked at again soon.
    pub fn is_unsure(&self) -> bool {
        matches!(self, Self::Unsure(..))
    }

    /// Whether it does not load.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it was looked at in just this form long enough ago.
    pub fn is_second_look(&self, found: &Fingerprint) -> bool {
        match self {
            Self::Loaded(known) | Self::Refused(known) => known == found,
            Self::Unsure(known, since) => known == found && since.elapsed() >= SECOND_LOOK,
        }
    }

    /// What it is after it did not load: when it is to be looked at again
    /// counts from the first time in this form.
    pub fn unsure(before: Option<&Self>, found: Fingerprint) -> Self {
        match before {
            Some(Self::Unsure(known, since)) if *known == found => Self::Unsure(found, *since),
            _ => Self::Unsure(found, Instant::now()),
        }
    }

    /// Whether it was, and there is no need to look again.
    pub fn is_settled(&self, found: &Fingerprint) -> bool {
        !self.is_unsure() && self.is_second_look(found)
    }
}
