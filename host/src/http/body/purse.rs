//! The room a request holds at the gate.

use crate::{
    config::OnFull,
    http::problem::Problem,
    ingest::{Gate, Room},
};

/// Takes room bit by bit and gives all of it back on drop.
#[derive(Debug)]
pub(crate) struct Purse {
    gate: Gate,
    room: Option<Room>,
    taken: usize,
    most: usize,
}

/// What room is counted in.
const UNIT: usize = 1024;

/// Why no more room is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Others have it.
    Now,
    /// There is not so much altogether.
    Ever,
    /// The host is stopping.
    Stopping,
}

impl Purse {
    /// An empty purse for records.
    pub(crate) fn new(gate: Gate) -> Self {
        let most = gate.size() / 4 * 3;
        Self::with_most(gate, most)
    }

    /// Another one for what is answered. What one request can take with both
    /// is what there is, so that it never waits for itself.
    pub(crate) fn for_answer(&self) -> Self {
        Self::with_most(self.gate.clone(), self.gate.size() / 4)
    }

    fn with_most(gate: Gate, most: usize) -> Self {
        Self {
            gate,
            room: None,
            taken: 0,
            most,
        }
    }

    /// Takes so many bytes more.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Full> {
        let bytes = bytes.checked_next_multiple_of(UNIT).ok_or(Full::Ever)?;
        let taken = self.taken.saturating_add(bytes);
        if taken > self.most {
            return Err(Full::Ever);
        }
        let room = self.gate.try_reserve(bytes);
        let room = room.ok_or(match self.gate.is_closed() {
            true => Full::Stopping,
            false => Full::Now,
        })?;
        match &mut self.room {
            Some(all) => all.merge(room),
            None => self.room = Some(room),
        }
        self.taken = taken;
        Ok(())
    }

    /// What was taken, to be handed over.
    pub(crate) fn into_room(self) -> Option<Room> {
        self.room.or_else(|| self.gate.try_reserve(0))
    }
}

/// What happens to a body that finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// It is refused as soon as that is known.
    Refuse,
    /// If there might be room later, it is read to its end and counted, for an
    /// answer item by item.
    Count,
    /// It is read to its end and counted, because the operator chose to drop
    /// it.
    Drop,
}

impl WhenFull {
    /// What the operator chose.
    pub(crate) fn of(on_full: OnFull) -> Self {
        match on_full {
            OnFull::Block => Self::Refuse,
            OnFull::Drop => Self::Drop,
        }
    }

    /// The same where a refusal is answered item by item.
    pub(crate) fn by_item(on_full: OnFull) -> Self {
        match on_full {
            OnFull::Block => Self::Count,
            OnFull::Drop => Self::Drop,
        }
    }
}

impl Full {
    /// Whether what has no room is counted and nothing more.
    pub(crate) fn is_counted(self, when_full: WhenFull) -> bool {
        match when_full {
            WhenFull::Refuse => false,
            WhenFull::Count => self == Self::Now,
            WhenFull::Drop => self != Self::Stopping,
        }
    }

    /// What the sender is told.
    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::Stopping => Problem::stopping(),
            Self::Now => Problem::full(),
            Self::Ever => Problem::too_large(
                "more records at once than the queue has room for; send fewer, or raise \
                 daemon.queue_mib",
            ),
        }
    }
}
