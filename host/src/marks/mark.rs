//! What is put, and what it becomes.

use std::sync::Arc;

use thiserror::Error;

use crate::finding::Evidence;

/// What a mark is put on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A process by any of its handles.
    Process(u64),
    /// Anything else of the device by the analytic's own name for it.
    Item(Box<str>),
}

/// A mark to put.
#[derive(Debug, Clone)]
pub struct NewMark {
    /// What it is put on.
    pub subject: Subject,
    /// The stage it stands for.
    pub stage: Box<str>,
    /// What the stage adds to a score.
    pub score: i32,
    /// What was seen.
    pub note: Box<str>,
    /// The event that earned it.
    pub evidence: Arc<Evidence>,
    /// How long it stays, in seconds of event time.
    pub lifetime: u32,
}

/// A mark as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The stage it stands for.
    pub stage: Box<str>,
    /// What the stage adds to a score.
    pub score: i32,
    /// What was seen.
    pub note: Box<str>,
    /// The event that earned it.
    pub evidence: Arc<Evidence>,
    /// Until when it stays, milliseconds since 1970 UTC.
    pub expires: i64,
    /// Sequence of the event as of which it was put.
    pub put: u64,
}

/// Why marks were not put. None of the call's marks were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MarkError {
    /// The analytic holds as many marks as it may.
    #[error("the analytic holds as many marks as it may")]
    Full,
    /// It put as many in the batch as it may. It must not learn of it, as in a
    /// smaller batch it would not.
    #[error("more marks in one call than it may put")]
    TooMany,
    /// A stage, a note or an item is longer than it may be.
    #[error("a stage, a note or an item is too long")]
    TooLong,
}
