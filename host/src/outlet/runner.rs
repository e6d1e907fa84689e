//! The thread in front of a destination: batches, retries, confirmations.

use std::{io, sync::Arc, thread, time::Instant};

use super::{
    Backoff, Delivered, Destination, Entry, Undelivered, queue::Queue, telemetry::Telemetry,
};
use crate::{config::OnFull, daemon::board::SharedBoard, metrics::Metrics};

/// A sink at work: a thread that delivers what is put into its queue, in
/// order, for as long as it takes.
///
/// Dropping it ends the thread after the delivery under way.
#[derive(Debug)]
pub struct Outlet {
    queue: Arc<Queue>,
}

/// What an outlet begins with.
#[derive(Debug)]
pub struct Setup {
    /// The sink's name in metrics, on the board and in the log. It must hold
    /// no secret.
    pub name: Arc<str>,
    /// What happens when the queue is full.
    pub on_full: OnFull,
    /// What the sink had not confirmed when the daemon stopped, in order. It
    /// goes first, and all of it is taken at once.
    pub backlog: Vec<Entry>,
    /// How long to wait after failures.
    pub backoff: Backoff,
    /// Where deliveries are counted.
    pub metrics: Metrics,
    /// Where they are shown.
    pub board: SharedBoard,
}

/// How far a sink came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The sink.
    pub sink: Arc<str>,
    /// Every entry up to this number was delivered, refused or dropped.
    pub through: u64,
    /// Entries that the destination refused for good, and why: dead letters,
    /// to be stored together with the number.
    pub refused: Vec<(Entry, String)>,
}

/// The outlet delivers nothing more; the entry stays in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sink has stopped")]
pub struct Ended;

impl Outlet {
    /// Starts the thread. It calls `settled` after every delivery; the call
    /// must not wait for whoever sends, who may be waiting for room.
    pub fn start(
        setup: Setup,
        destination: Box<dyn Destination>,
        settled: impl FnMut(Settled) + Send + 'static,
    ) -> io::Result<Self> {
        let telemetry = Telemetry::new(Arc::clone(&setup.name), &setup.metrics, setup.board);
        let backlog = setup.backlog.clone();
        let queue = Arc::new(Queue::new(setup.on_full, telemetry, setup.backlog));
        let runner = Runner {
            queue: Arc::clone(&queue),
            destination,
            settled: Box::new(settled),
            backoff: setup.backoff,
        };
        thread::Builder::new()
            .name("sandtrap-sink".to_owned())
            .spawn(move || runner.run(backlog))?;
        Ok(Self { queue })
    }

    /// Hands over the next finding. With [`OnFull::Block`] it waits for room;
    /// with [`OnFull::Drop`] a finding that finds none is dropped, counted,
    /// and settled when those before it are.
    pub fn send(&self, entry: Entry) -> Result<(), Ended> {
        if self.queue.push(entry) {
            Ok(())
        } else {
            Err(Ended)
        }
    }

    /// Lets the thread end once everything was delivered, or at the deadline,
    /// or at the next failure. Returns at once, and may be called while
    /// another thread waits in [`Outlet::send`].
    pub fn stop(&self, deadline: Instant) {
        self.queue.stop(deadline);
    }

    /// After [`Outlet::stop`]: waits for the thread to end, at most until the
    /// deadline. A delivery that takes longer is left to itself. Returns
    /// whether nothing was left over.
    pub fn wait(&self) -> bool {
        self.queue.wait_for_end()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.queue.stop(Instant::now());
    }
}

struct Runner {
    queue: Arc<Queue>,
    destination: Box<dyn Destination>,
    settled: Box<dyn FnMut(Settled) + Send>,
    backoff: Backoff,
}

impl Runner {
    fn run(mut self, backlog: Vec<Entry>) {
        let _end = End(Arc::clone(&self.queue));
        let Some(arrived) = self.insist(|destination| destination.resume(&backlog)) else {
            return;
        };
        self.settle(arrived.min(backlog.len()), Vec::new());
        drop(backlog);
        while let Some(batch) = self.queue.batch() {
            let delivered = self.insist(|destination| destination.deliver(&batch));
            let Some(Delivered { refused }) = delivered else {
                return;
            };
            self.count(&batch, &refused);
            let refused = with_entries(&batch, refused);
            self.settle(batch.len(), refused);
        }
    }

    /// Tries until it succeeds. None if it does not before the outlet stops.
    fn insist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut dyn Destination) -> Result<T, Undelivered>,
    ) -> Option<T> {
        let telemetry = self.queue.telemetry();
        let mut failures = 0;
        loop {
            match attempt(&mut *self.destination) {
                Ok(value) => {
                    if failures > 0 {
                        telemetry.recovered(failures);
                    }
                    self.backoff.reset();
                    return Some(value);
                }
                Err(Undelivered {
                    reason,
                    retry_after,
                }) => {
                    telemetry.failed(&reason, failures == 0);
                    if self.queue.is_stopping() {
                        return None;
                    }
                    failures += 1;
                    self.queue.pause(self.backoff.next(retry_after));
                    // The outlet may have been stopped meanwhile.
                    if self.queue.is_late() {
                        return None;
                    }
                    telemetry.retries.inc();
                }
            }
        }
    }

    fn count(&self, batch: &[Entry], refused: &[(u64, String)]) {
        let telemetry = self.queue.telemetry();
        let count = refused.len().min(batch.len()) as u64;
        telemetry.delivered.inc_by(batch.len() as u64 - count);
        telemetry.dropped.inc_by(count);
        if let Some((number, reason)) = refused.first() {
            tracing::warn!(
                sink = &*telemetry.sink,
                number,
                count,
                "findings were refused and are dead letters: {reason}"
            );
        }
    }

    fn settle(&mut self, count: usize, refused: Vec<(Entry, String)>) {
        let Some(through) = self.queue.settle(count) else {
            return;
        };
        let telemetry = self.queue.telemetry();
        telemetry.confirmed(through);
        (self.settled)(Settled {
            sink: Arc::clone(&telemetry.sink),
            through,
            refused,
        });
    }
}

fn with_entries(batch: &[Entry], refused: Vec<(u64, String)>) -> Vec<(Entry, String)> {
    let find = |number| batch.iter().find(|entry| entry.number == number);
    refused
        .into_iter()
        .filter_map(|(number, reason)| Some((find(number)?.clone(), reason)))
        .collect()
}

/// Says that the thread ended, however it did.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        if thread::panicking() {
            let reason = "the sink stopped on an error of this program";
            self.0.telemetry().failed(reason, true);
        }
        self.0.end();
    }
}
