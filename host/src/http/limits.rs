//! What a client may use. Each limit answers an attack.

use std::time::Duration;

use crate::config::{Http, OnFull};

/// Bytes of a request's headers, together with its first line.
pub(super) const HEADER_BYTES: usize = 16 * 1024;

/// Headers of a request.
pub(super) const HEADERS: usize = 64;

/// What is read at once, which bounds what a connection holds that is not
/// counted at the gate.
pub(super) const READ: usize = 64 * 1024;

/// The limits of a server.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// Largest body, before and after decompression.
    pub(super) body: usize,
    /// Longest record.
    pub(super) record: usize,
    /// Most connections at once.
    pub(super) connections: usize,
    /// For headers, between two requests, between two pieces of a body, and
    /// for a client to take some of its answer. Ends clients that only hold a
    /// connection.
    pub(super) read: Duration,
    /// How long a body may arrive at any pace.
    pub(super) grace: Duration,
    /// Bytes a second a body must have on average after that. Ends clients
    /// that send a byte whenever the pieces' limit is near.
    pub(super) pace: u64,
    /// For a whole body. A few bytes of gzip can hold much room at the gate,
    /// however steadily the rest arrives.
    pub(super) whole: Duration,
    /// How long a request waits for its events to be committed.
    pub(super) commit: Duration,
    /// How long what a client still sends is read after it was answered, so
    /// that it sees the answer and not a reset connection.
    pub(super) linger: Duration,
    /// How often a client that follows is sent an empty line.
    pub(super) heartbeat: Duration,
    /// What happens when the queue is full.
    pub(super) on_full: OnFull,
}

impl Limits {
    /// The limits an operator set. `room` is all there is at the gate.
    pub(super) fn new(config: &Http, room: usize) -> Self {
        let read = Duration::from_secs(config.read_seconds.max(1));
        let body = usize::try_from(config.max_body_mib).unwrap_or(usize::MAX);
        Self {
            // The other half is for what is kept besides the body. A body that
            // never fits must not be told to try again.
            body: body.saturating_mul(1024 * 1024).min(room / 2),
            record: crate::sources::Options::default().max_record,
            connections: usize::try_from(config.max_connections.max(1)).unwrap_or(usize::MAX),
            read,
            grace: read,
            pace: 1024,
            whole: read.saturating_mul(10),
            commit: Duration::from_secs(config.commit_seconds.max(1)),
            linger: Duration::from_secs(2),
            heartbeat: Duration::from_secs(15),
            on_full: config.on_full,
        }
    }
}
