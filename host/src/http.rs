//! The HTTP server: events come in, and operators look at what the daemon does.
//!
//! Senders are hostile until shown otherwise. A connection, its headers, its
//! body and the time it takes are bounded before anything is parsed; a body
//! takes room at the gate piece by piece while it arrives; and a refusal says
//! what to change, is counted, and costs nobody else anything.

mod api;
mod auth;
pub(crate) mod body;
pub(crate) mod bulk;
mod connection;
mod follow;
mod handshake;
mod ingest;
mod letters;
mod limits;
mod problem;
mod routes;
mod server;
mod steady;
#[cfg(test)]
mod tests;

pub use auth::{Token, Tokens};
pub use server::Server;

use std::{net::SocketAddr, pin::Pin, sync::Arc};

use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::{
    daemon::{
        board::SharedBoard,
        repairs::{Letter, Numbered, RepairError, ReplayReport, Selection, Which},
        store::StateError,
    },
    ingest::Gate,
    metrics::Metrics,
};

use limits::Limits;

/// A future that a trait object returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the API asks of the daemon.
pub trait Control: Send + Sync {
    /// Reads the configuration and the analytics again; what became of it, or
    /// why it was refused.
    fn reload(&self) -> Pending<'_, Result<serde_json::Value, String>>;

    /// Recent findings with their numbers, ascending: the first ones after
    /// `after`, or else the latest ones, and at most `limit`. Each is OCSF
    /// JSON without a line end.
    fn findings(&self, limit: usize, after: Option<u64>) -> Vec<(u64, Arc<[u8]>)>;

    /// The number of the latest finding, 0 before the first.
    fn latest(&self) -> watch::Receiver<u64>;

    /// Dead letters in the order of their numbers, without their events.
    fn letters(&self, which: &Selection) -> Result<Vec<Numbered>, StateError>;

    /// A dead letter.
    fn letter(&self, number: u64) -> Result<Option<Letter>, StateError>;

    /// Tries dead letters again.
    fn replay(&self, which: Which) -> Pending<'_, Result<ReplayReport, RepairError>>;

    /// Has an analytic be called again that failed too often.
    fn release(&self, id: String) -> Pending<'_, Result<(), RepairError>>;
}

/// What every request may need.
struct Site {
    address: SocketAddr,
    limits: Limits,
    tokens: Tokens,
    gate: Gate,
    metrics: Metrics,
    registry: Registry,
    board: SharedBoard,
    control: Arc<dyn Control>,
    /// Whether the server stops.
    stop: watch::Receiver<bool>,
}

/// Waits until the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender there is no server either.
    let _ = stop.wait_for(|stops| *stops).await;
}

impl Site {
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.gate.is_closed()
    }
}
