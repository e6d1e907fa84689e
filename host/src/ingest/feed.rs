//! What a source is given to do its work with, and what is kept to stop it.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Delivery, Gate, Room, Stopping, Submitted};
use crate::{
    config::OnFull,
    daemon::board::{SharedBoard, SourceStatus},
    metrics::{Metrics, Source},
};

/// How a source hands over its records and where it reports. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    /// How the source is called in metrics and on the board.
    pub name: Arc<str>,
    /// The way in.
    pub gate: Gate,
    /// What happens when the gate has no room.
    pub on_full: OnFull,
    /// What is counted.
    pub metrics: Metrics,
    /// Where its state stands.
    pub board: SharedBoard,
}

impl Feed {
    /// Takes room as the operator chose: waits for it, or gets none.
    pub(super) async fn room(&self, bytes: usize) -> Result<Option<Room>, Stopping> {
        match self.on_full {
            OnFull::Block => self.gate.reserve(bytes).await.map(Some),
            OnFull::Drop => {
                let room = self.gate.try_reserve(bytes);
                if room.is_none() {
                    // A closed gate is no full one: nothing is dropped then.
                    self.gate.reserve(0).await?;
                }
                Ok(room)
            }
        }
    }

    /// Hands over and counts.
    pub(super) fn submit(&self, delivery: Delivery, room: Room) -> Result<Submitted, Stopping> {
        let (records, bytes) = (delivery.records.len(), delivery.records.size());
        let submitted = self.gate.submit(delivery, room)?;
        let source = self.source();
        let metrics = &self.metrics;
        metrics
            .records
            .get_or_create(&source)
            .inc_by(records as u64);
        metrics
            .record_bytes
            .get_or_create(&source)
            .inc_by(bytes as u64);
        Ok(submitted)
    }

    /// Counts records that were dropped because the gate had no room.
    pub(super) fn dropped(&self, records: u64) {
        let dropped = self.metrics.dropped.get_or_create(&self.source());
        if records > 0 && dropped.inc_by(records) == 0 {
            tracing::warn!(source = %self.name, "the queue is full, records are dropped as configured");
        }
    }

    /// Says what the source does now.
    pub(super) fn state(&self, state: &str) {
        self.status(|status| {
            if status.state != state {
                state.clone_into(&mut status.state);
            }
        });
    }

    /// Says what is wrong, or that nothing is any more. It is logged when it is
    /// new.
    pub(super) fn error(&self, error: Option<String>) {
        let mut is_new = false;
        self.status(|status| {
            is_new = error.is_some() && status.last_error != error;
            status.last_error.clone_from(&error);
        });
        if let Some(error) = error.filter(|_| is_new) {
            tracing::warn!(source = %self.name, "{error}");
        }
    }

    fn status(&self, change: impl FnOnce(&mut SourceStatus)) {
        self.board
            .update(|status| change(status.sources.entry(self.name.to_string()).or_default()));
    }

    fn source(&self) -> Source {
        Source {
            source: self.name.to_string(),
        }
    }
}

/// A source at work. It ends when told to, when nothing more can come, or when
/// the gate is closed.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
}

/// How a source learns that it is to end, and tells that it did.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Running {
    pub(super) fn new() -> (Self, Stop) {
        let (stop, told) = watch::channel(false);
        (Self { stop }, Stop(told))
    }

    /// Whether it ended.
    pub fn is_over(&self) -> bool {
        self.stop.is_closed()
    }

    /// Waits until it ended by itself.
    pub async fn over(&self) {
        self.stop.closed().await;
    }

    /// Ends it. What it handed over stays handed over; it waits for no receipt.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

impl Stop {
    /// Waits until the source is to end.
    pub(super) async fn told(&mut self) {
        // Without anyone to tell it, it is over as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Does something unless the source is to end first.
    pub(super) async fn or<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stopping> {
        tokio::select! {
            biased;
            () = self.told() => Err(Stopping),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::ingest::Inlet;

    /// A feed and what comes out of it.
    pub(in crate::ingest) fn feed(bytes: usize, on_full: OnFull) -> (Feed, Inlet) {
        let metrics = Metrics::default();
        let (gate, inlet) = Gate::new(bytes, metrics.clone());
        let feed = Feed {
            name: Arc::from("test"),
            gate,
            on_full,
            metrics,
            board: SharedBoard::default(),
        };
        (feed, inlet)
    }

    /// What stands on the board about it.
    pub(in crate::ingest) fn status(feed: &Feed) -> SourceStatus {
        let mut sources = feed.board.status().sources;
        sources.remove(&*feed.name).unwrap_or_default()
    }
}
