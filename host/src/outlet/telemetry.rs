//! What an outlet tells about itself: metrics, the board and the log.

use std::sync::Arc;

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use crate::{
    daemon::board::{SharedBoard, SinkStatus},
    metrics::{Metrics, Sink},
};

/// Where a sink's numbers stand.
#[derive(Debug)]
pub(super) struct Telemetry {
    pub sink: Arc<str>,
    pub delivered: Counter,
    pub retries: Counter,
    /// Refused as well.
    pub dropped: Counter,
    queue: Gauge,
    board: SharedBoard,
}

impl Telemetry {
    pub fn new(sink: Arc<str>, metrics: &Metrics, board: SharedBoard) -> Self {
        let label = Sink {
            sink: sink.to_string(),
        };
        Self {
            delivered: metrics.delivered.get_or_create_owned(&label),
            retries: metrics.sink_retries.get_or_create_owned(&label),
            dropped: metrics.sink_dropped.get_or_create_owned(&label),
            queue: metrics.sink_queue.get_or_create_owned(&label),
            sink,
            board,
        }
    }

    /// So many findings wait.
    pub fn waiting(&self, count: usize) {
        self.queue.set(count as i64);
        self.status(|status| status.waiting = count as u64);
    }

    /// There was no room for a finding.
    pub fn dropped(&self, is_first: bool) {
        self.dropped.inc();
        if is_first {
            tracing::warn!(
                sink = &*self.sink,
                "findings are dropped, for the queue is full and on_full is drop"
            );
        }
    }

    /// Everything up to this number is settled.
    pub fn confirmed(&self, through: u64) {
        self.status(|status| status.confirmed = through);
    }

    /// A delivery failed. Only the first failure in a row is worth a line in
    /// the log; the board shows the last one.
    pub fn failed(&self, reason: &str, is_first: bool) {
        if is_first {
            tracing::warn!(
                sink = &*self.sink,
                "findings wait, for they cannot be delivered: {reason}"
            );
        }
        self.status(|status| status.last_error = Some(reason.to_owned()));
    }

    /// A delivery succeeded after failures.
    pub fn recovered(&self, failures: u64) {
        tracing::info!(sink = &*self.sink, failures, "findings are delivered again");
        self.status(|status| status.last_error = None);
    }

    fn status(&self, change: impl FnOnce(&mut SinkStatus)) {
        self.board
            .update(|board| match board.sinks.get_mut(&*self.sink) {
                Some(status) => change(status),
                None => change(board.sinks.entry(self.sink.to_string()).or_default()),
            });
    }
}
