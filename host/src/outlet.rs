//! Live sinks: how findings leave the daemon.
//!
//! The ledger stores a finding in the outbox in the same transaction as the
//! state it came of, and hands it to every outlet. An outlet delivers in order
//! and confirms the number of the last finding that arrived; what was not
//! confirmed is handed over again after a restart.

mod backoff;
mod bulk;
mod configured;
mod file;
mod http;
mod progress;
mod queue;
mod runner;
mod stdout;
mod telemetry;
#[cfg(test)]
mod tests;
mod webhook;

pub use backoff::Backoff;
pub use bulk::BulkDestination;
pub use configured::{Configured, configured};
pub use file::FileDestination;
pub use http::Misconfigured;
pub use runner::{Ended, Outlet, Settled, Setup};
pub use stdout::{LineDestination, stdout};
pub use webhook::WebhookDestination;

use std::sync::Arc;

/// A finding on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the outbox, ascending from 1 without end.
    pub number: u64,
    /// The finding's message uid, which never changes.
    pub uid: Arc<str>,
    /// The analytic that found it.
    pub analytic: Arc<str>,
    /// When it happened, milliseconds since 1970 UTC.
    pub time: i64,
    /// The finding as an OCSF Detection Finding, JSON without a line end.
    pub json: Arc<[u8]>,
}

/// What an outlet delivers to.
pub trait Destination: Send {
    /// Called once, before the first delivery: how many of these entries, which
    /// may or may not have arrived before the daemon stopped, did arrive. They
    /// are a prefix.
    fn resume(&mut self, entries: &[Entry]) -> Result<usize, Undelivered>;

    /// Delivers entries in order and returns once they are safe there. The
    /// same entries may be tried again after an error; what arrived already
    /// must not arrive twice if the destination can prevent it.
    fn deliver(&mut self, entries: &[Entry]) -> Result<Delivered, Undelivered>;
}

/// What became of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Entries the destination refused for good, by number, and why.
    pub refused: Vec<(u64, String)>,
}

/// The destination is not to be reached or not able to take anything now.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct Undelivered {
    /// What went wrong.
    pub reason: String,
    /// How long it asked to be left alone, in seconds.
    pub retry_after: Option<u64>,
}
