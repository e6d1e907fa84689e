//! The bounded way from the sources to the dispatch.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Delivery, Receipt};
use crate::metrics::Metrics;

/// What room is counted in.
const UNIT: usize = 1024;

/// Where sources hand over their deliveries. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    room: Arc<Semaphore>,
    /// All room there is, in units.
    size: u32,
    sender: mpsc::UnboundedSender<Work>,
    queue_bytes: Gauge,
}

/// The other end of the gate.
#[derive(Debug)]
pub struct Inlet {
    receiver: mpsc::UnboundedReceiver<Work>,
}

/// A delivery under way.
#[derive(Debug)]
pub struct Work {
    /// What was handed over.
    pub delivery: Delivery,
    /// Who waits for the receipt.
    pub receipt: oneshot::Sender<Receipt>,
    /// Given back when the delivery was processed.
    pub room: Room,
}

/// Room taken in the queue, in bytes; given back on drop.
#[derive(Debug)]
pub struct Room {
    permit: OwnedSemaphorePermit,
    queue_bytes: Gauge,
}

/// A delivery that was handed over and not acknowledged yet.
#[derive(Debug)]
pub struct Submitted(oneshot::Receiver<Receipt>);

/// The daemon stops and takes nothing more; deliver again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host is stopping; nothing of this was acknowledged")]
pub struct Stopping;

impl Gate {
    /// A gate with room for so many bytes.
    pub fn new(bytes: usize, metrics: Metrics) -> (Self, Inlet) {
        let size = units(bytes.max(UNIT));
        let (sender, receiver) = mpsc::unbounded_channel();
        let gate = Self {
            room: Arc::new(Semaphore::new(size as usize)),
            size,
            sender,
            queue_bytes: metrics.queue_bytes,
        };
        (gate, Inlet { receiver })
    }

    /// All room there is, in bytes.
    pub fn size(&self) -> usize {
        self.size as usize * UNIT
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    /// Takes room if there is some right now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Room> {
        let units = units(bytes).min(self.size);
        let permit = Arc::clone(&self.room).try_acquire_many_owned(units).ok()?;
        Some(self.room(permit))
    }

    /// Waits for room, in the order of those who wait. More than all room
    /// there is counts as all of it.
    pub async fn reserve(&self, bytes: usize) -> Result<Room, Stopping> {
        let units = units(bytes).min(self.size);
        let permit = Arc::clone(&self.room).acquire_many_owned(units).await;
        permit.map(|permit| self.room(permit)).map_err(|_| Stopping)
    }

    /// Hands a delivery over. It does not wait: that was done for the room.
    pub fn submit(&self, delivery: Delivery, room: Room) -> Result<Submitted, Stopping> {
        let (receipt, submitted) = oneshot::channel();
        let work = Work {
            delivery,
            receipt,
            room,
        };
        self.sender.send(work).map_err(|_| Stopping)?;
        Ok(Submitted(submitted))
    }

    /// Lets nobody in any more; those who wait for room are told.
    pub fn close(&self) {
        self.room.close();
    }

    fn room(&self, permit: OwnedSemaphorePermit) -> Room {
        let bytes = permit.num_permits() * UNIT;
        self.queue_bytes.inc_by(bytes as i64);
        Room {
            permit,
            queue_bytes: self.queue_bytes.clone(),
        }
    }
}

impl Room {
    /// Takes the room of another on top of its own; both must be of one gate.
    pub fn merge(&mut self, mut other: Self) {
        if let Some(permit) = other.permit.split(other.permit.num_permits()) {
            self.permit.merge(permit);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let bytes = self.permit.num_permits() * UNIT;
        self.queue_bytes.dec_by(bytes as i64);
    }
}

impl Submitted {
    /// Waits until everything is committed.
    pub async fn receipt(self) -> Result<Receipt, Stopping> {
        self.0.await.map_err(|_| Stopping)
    }

    /// The same on a thread of its own.
    pub fn blocking_receipt(self) -> Result<Receipt, Stopping> {
        self.0.blocking_recv().map_err(|_| Stopping)
    }
}

impl Inlet {
    /// The next delivery; none once every gate is gone.
    pub async fn next(&mut self) -> Option<Work> {
        self.receiver.recv().await
    }

    /// The next delivery if one is there.
    pub fn try_next(&mut self) -> Option<Work> {
        self.receiver.try_recv().ok()
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX)
}
