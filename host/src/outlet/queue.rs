//! The bounded queue in front of a destination.
//!
//! Entries stay in it until they are settled, so those under way count as
//! well, and a destination that is down keeps no more than fits.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Entry, telemetry::Telemetry};
use crate::config::OnFull;

/// Most entries that wait.
pub(super) const CAPACITY: usize = 1_000;

/// Most bytes that wait, because a finding with much evidence is large.
const CAPACITY_BYTES: usize = 64 * 1024 * 1024;

/// Most entries delivered at once.
pub(super) const BATCH: usize = 500;

/// Most bytes delivered at once, unless a single entry has more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// A queue between whoever sends and the one thread that delivers.
#[derive(Debug)]
pub(super) struct Queue {
    on_full: OnFull,
    telemetry: Telemetry,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    slots: VecDeque<Slot>,
    bytes: usize,
    /// Until when to deliver; set by stopping.
    deadline: Option<Instant>,
    ended: bool,
    /// Entries were dropped since the queue was last empty.
    dropping: bool,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    /// What is settled once this entry is: itself and those dropped behind it.
    /// They must not be confirmed earlier, for a confirmed number speaks for
    /// everything before it.
    through: u64,
}

impl State {
    fn is_full(&self, bytes: usize) -> bool {
        !self.slots.is_empty()
            && (self.slots.len() >= CAPACITY || self.bytes + bytes > CAPACITY_BYTES)
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.json.len();
        self.slots.push_back(Slot {
            through: entry.number,
            entry,
        });
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|end| Instant::now() >= end)
    }
}

impl Queue {
    /// A queue that begins with what was left over, however much that is.
    pub fn new(on_full: OnFull, telemetry: Telemetry, backlog: Vec<Entry>) -> Self {
        let mut state = State {
            slots: VecDeque::new(),
            bytes: 0,
            deadline: None,
            ended: false,
            dropping: false,
        };
        backlog.into_iter().for_each(|entry| state.push(entry));
        telemetry.waiting(state.slots.len());
        Self {
            on_full,
            telemetry,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Puts an entry in, or drops it, or says that nobody delivers any more.
    pub fn push(&self, entry: Entry) -> bool {
        let mut state = self.lock();
        while !state.ended && state.is_full(entry.json.len()) {
            match (self.on_full, state.slots.back_mut()) {
                (OnFull::Drop, Some(last)) => {
                    last.through = entry.number;
                    self.telemetry.dropped(!state.dropping);
                    state.dropping = true;
                    return true;
                }
                _ => state = self.wait(state),
            }
        }
        if state.ended {
            return false;
        }
        state.push(entry);
        self.telemetry.waiting(state.slots.len());
        self.changed.notify_all();
        true
    }

    /// What is delivered next, once there is something. None when it is time
    /// to end.
    pub fn batch(&self) -> Option<Vec<Entry>> {
        let mut state = self.lock();
        while state.slots.is_empty() && state.deadline.is_none() {
            state = self.wait(state);
        }
        if state.slots.is_empty() || state.is_late() {
            return None;
        }
        let mut bytes = 0;
        let entries = state.slots.iter().map(|slot| &slot.entry).take(BATCH);
        let fitting = entries.enumerate().take_while(|(position, entry)| {
            bytes += entry.json.len();
            *position == 0 || bytes <= BATCH_BYTES
        });
        Some(fitting.map(|(_, entry)| entry.clone()).collect())
    }

    /// The first entries are settled. Returns up to which number everything
    /// is.
    pub fn settle(&self, count: usize) -> Option<u64> {
        let mut state = self.lock();
        let count = count.min(state.slots.len());
        let mut through = None;
        let mut bytes = 0;
        for slot in state.slots.drain(..count) {
            bytes += slot.entry.json.len();
            through = Some(slot.through);
        }
        state.bytes -= bytes;
        state.dropping &= !state.slots.is_empty();
        self.telemetry.waiting(state.slots.len());
        self.changed.notify_all();
        through
    }

    /// Waits, unless and until the outlet is to stop.
    pub fn pause(&self, length: Duration) {
        let state = self.lock();
        let paused = self
            .changed
            .wait_timeout_while(state, length, |state| state.deadline.is_none());
        drop(paused);
    }

    pub fn is_stopping(&self) -> bool {
        self.lock().deadline.is_some()
    }

    pub fn is_late(&self) -> bool {
        self.lock().is_late()
    }

    /// Whoever delivers is to end once the queue is empty, or at the deadline.
    /// An earlier deadline has precedence.
    pub fn stop(&self, deadline: Instant) {
        let mut state = self.lock();
        state.deadline = Some(state.deadline.map_or(deadline, |end| end.min(deadline)));
        self.changed.notify_all();
    }

    /// Nobody delivers any more; whoever waits to put something in is let go.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for the end, at most until the deadline. Returns whether nothing
    /// is left.
    pub fn wait_for_end(&self) -> bool {
        let mut state = self.lock();
        while !state.ended {
            let rest = state
                .deadline
                .map(|end| end.saturating_duration_since(Instant::now()));
            state = match rest {
                None => self.wait(state),
                Some(Duration::ZERO) => break,
                Some(rest) => {
                    let waited = self.changed.wait_timeout(state, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.ended && state.slots.is_empty()
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let state = self.changed.wait(state);
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
