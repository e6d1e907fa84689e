//! The processes of every device and what led to them.
//!
//! A batch is taken in whole, event by event, and then asked about *as of* its
//! events. So everything known carries the sequence at which it became known,
//! and an answer never holds what came later; nor does it depend on where one
//! batch ended and the next began. What is forgotten to keep memory bounded is
//! forgotten at a sequence, too, and its memory freed when the batch is over.
//!
//! Whoever asks for it is told between batches what changed, and can rebuild
//! lineage from that.

mod device;
mod eviction;
mod identity;
mod index;
mod intake;
mod journal;
mod process;
mod queries;
mod record;
mod restore;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod twins;
pub(crate) mod versioned;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use foldhash::fast::RandomState;

pub use process::ProcessInfo;

use crate::{event::Event, finding::TreeProcess, normalise::is_always_kept, vocabulary::ClassId};
use device::Device;
use journal::Pending;

/// Most ancestors in an answer.
pub const MAX_ANCESTORS: u32 = 64;

/// Most children in an answer.
pub const MAX_CHILDREN: u32 = 256;

/// Most descendants in an answer.
pub const MAX_DESCENDANTS: u32 = 1024;

/// The point of view of a question: an event, whose device it is about and
/// after which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// The event's place in the run.
    pub sequence: u64,
    /// When it happened, milliseconds since 1970 UTC.
    pub time: i64,
    /// The computer it happened on.
    pub device: Arc<str>,
}

impl AsOf {
    /// The point of view of an event.
    pub fn of(event: &Event) -> Self {
        Self {
            sequence: event.sequence,
            time: event.time,
            device: Arc::clone(&event.device),
        }
    }
}

/// How much is remembered. Answers devices and processes without end, forged
/// or real.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most devices.
    pub devices: usize,
    /// Most processes of a device.
    pub processes: usize,
    /// Most bytes for the processes of a device.
    pub bytes_per_device: usize,
    /// Most bytes for everything.
    pub bytes: usize,
    /// How long a process is remembered after its end, in milliseconds of
    /// event time.
    pub ended_lifetime: i64,
    /// How long one is remembered after it was last seen.
    pub lifetime: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            devices: 20_000,
            processes: 20_000,
            bytes_per_device: 64 << 20,
            bytes: 1 << 30,
            ended_lifetime: 24 * 3_600_000,
            lifetime: 7 * 24 * 3_600_000,
        }
    }
}

/// What lineage holds and what it had to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineageStats {
    /// Devices known.
    pub devices: usize,
    /// Processes known.
    pub processes: usize,
    /// Bytes they take, roughly.
    pub bytes: usize,
    /// Mentions of processes never seen.
    pub misses: u64,
    /// Processes known only from a mention, at first.
    pub placeholders: u64,
    /// Starts that turned out to be of a process known from another log.
    pub merged: u64,
    /// Processes forgotten after their time.
    pub expired: u64,
    /// Processes forgotten to make room.
    pub evicted: u64,
    /// Devices forgotten to make room.
    pub evicted_devices: u64,
}

/// The processes of a shard's devices.
#[derive(Debug, Default)]
pub struct Lineage {
    limits: Limits,
    devices: HashMap<Arc<str>, Device, RandomState>,
    /// Devices by their last sequence; a place may be out of date, never too
    /// late.
    queue: BTreeMap<u64, Arc<str>>,
    /// Devices forgotten in this batch, each with the sequence from which on
    /// it is not known.
    departed: Vec<(u64, Device)>,
    /// Devices with something to settle.
    dirty: Vec<Arc<str>>,
    /// What is to be stored, if anything is.
    pending: Option<Pending>,
    stats: LineageStats,
}

impl Lineage {
    /// Nothing known yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Learns from an event and sets its process handles. Events come in the
    /// order of their sequence.
    pub fn take_in(&mut self, event: &mut Event) {
        if event.is_again {
            let device = self.devices.get(&event.device);
            event.processes = device
                .map(|device| device.recall(event))
                .unwrap_or_default();
            return;
        }
        let device = match self.devices.get_mut(&event.device) {
            Some(device) => device,
            // Nothing is learnt from it, a device least of all.
            None if !is_always_kept(event.class) => {
                let mut unknown = Device::new(Arc::clone(&event.device));
                event.processes = unknown.take_in(event, &mut self.stats);
                return;
            }
            None => {
                self.queue.insert(event.sequence, Arc::clone(&event.device));
                self.stats.devices += 1;
                let journal = self.pending.as_ref().map(Pending::journal);
                self.devices
                    .entry(Arc::clone(&event.device))
                    .or_insert(Device {
                        journal,
                        ..Device::new(Arc::clone(&event.device))
                    })
            }
        };
        let (known, bytes) = (device.known, device.bytes);
        event.processes = device.take_in(event, &mut self.stats);
        let (expired, evicted) = device.enforce(&self.limits, event.sequence);
        self.stats.expired += expired;
        self.stats.evicted += evicted;
        self.stats.processes = (self.stats.processes + device.known).saturating_sub(known);
        self.stats.bytes = (self.stats.bytes + device.bytes).saturating_sub(bytes);
        if !device.is_listed && device.is_dirty() {
            device.is_listed = true;
            self.dirty.push(Arc::clone(&event.device));
        }
        if let Some(pending) = &mut self.pending
            && (device.last_sequence == event.sequence || device.is_dirty())
        {
            pending.list(device);
        }
        while self.stats.devices > self.limits.devices || self.stats.bytes > self.limits.bytes {
            if !self.forget_device(event.sequence) {
                break;
            }
        }
    }

    /// Ends the batch: frees what was forgotten, and forgets how things were
    /// earlier in it. Questions as of its events must have been asked.
    pub fn end_batch(&mut self) {
        self.departed.clear();
        for name in std::mem::take(&mut self.dirty) {
            if let Some(device) = self.devices.get_mut(&name) {
                device.settle();
                device.is_listed = false;
            }
        }
    }

    /// What is held and what had to be done so far.
    pub fn stats(&self) -> LineageStats {
        self.stats
    }

    /// What is known of a process.
    pub fn process(&self, as_of: &AsOf, handle: u64) -> Option<ProcessInfo<'_>> {
        self.device(as_of)?.process(handle, as_of.sequence)
    }

    /// Its ancestors, nearest first, at most [`MAX_ANCESTORS`].
    pub fn ancestors(&self, as_of: &AsOf, handle: u64, limit: u32) -> Vec<ProcessInfo<'_>> {
        let limit = limit.min(MAX_ANCESTORS) as usize;
        self.device(as_of).map_or_else(Vec::new, |device| {
            device.ancestors(handle, limit, as_of.sequence)
        })
    }

    /// Its children, oldest first, at most [`MAX_CHILDREN`].
    pub fn children(&self, as_of: &AsOf, handle: u64, limit: u32) -> Vec<ProcessInfo<'_>> {
        let limit = limit.min(MAX_CHILDREN) as usize;
        self.device(as_of).map_or_else(Vec::new, |device| {
            device.children(handle, limit, as_of.sequence)
        })
    }

    /// Its descendants, breadth first, at most [`MAX_DESCENDANTS`].
    pub fn descendants(&self, as_of: &AsOf, handle: u64, limit: u32) -> Vec<ProcessInfo<'_>> {
        let limit = limit.min(MAX_DESCENDANTS) as usize;
        self.device(as_of).map_or_else(Vec::new, |device| {
            device.descendants(handle, limit, as_of.sequence)
        })
    }

    /// The process that had a pid at a time, milliseconds since 1970 UTC.
    pub fn find(&self, as_of: &AsOf, pid: u32, time: i64) -> Option<u64> {
        let (handle, _) = self.device(as_of)?.resolve(pid, time, as_of.sequence)?;
        Some(handle)
    }

    /// All handles of a process, the canonical one first. Two nodes may turn
    /// out to be one process, and what was noted under either is of both.
    pub fn handles_of(&self, as_of: &AsOf, handle: u64) -> Vec<u64> {
        match self.device(as_of) {
            Some(device) => device.handles_of(handle, as_of.sequence),
            None => vec![handle],
        }
    }

    /// The tree a finding shows of the process it blames: up to 8 ancestors
    /// and 40 descendants, and all descendants in `cited`.
    pub fn tree(&self, as_of: &AsOf, guilty: u64, cited: &[u64]) -> Vec<TreeProcess> {
        self.device(as_of).map_or_else(Vec::new, |device| {
            device.tree(guilty, cited, as_of.sequence)
        })
    }

    /// Sequence of the first event of a class on the device, if there was one
    /// by then.
    pub fn seen(&self, as_of: &AsOf, class: ClassId) -> Option<u64> {
        let first = *self.device(as_of)?.classes.get(usize::from(class.0))?;
        (first != 0 && first <= as_of.sequence).then_some(first)
    }

    fn device(&self, as_of: &AsOf) -> Option<&Device> {
        self.departed
            .iter()
            .find(|(until, device)| as_of.sequence < *until && device.name == as_of.device)
            .map(|(_, device)| device)
            .or_else(|| self.devices.get(&as_of.device))
    }

    /// Forgets the device not heard of for longest, but not the one that the
    /// current event is about.
    fn forget_device(&mut self, sequence: u64) -> bool {
        while let Some((place, name)) = self.queue.pop_first() {
            let Some(device) = self.devices.get(&name) else {
                continue;
            };
            if place < device.last_sequence {
                self.queue.insert(device.last_sequence, name);
                continue;
            }
            if place == sequence {
                self.queue.insert(place, name);
                return false;
            }
            if let Some(device) = self.devices.remove(&name) {
                self.stats.devices = self.stats.devices.saturating_sub(1);
                self.stats.processes = self.stats.processes.saturating_sub(device.known);
                self.stats.bytes = self.stats.bytes.saturating_sub(device.bytes);
                self.stats.evicted_devices += 1;
                if let Some(pending) = &mut self.pending {
                    pending.remove(&device);
                }
                self.departed.push((sequence, device));
            }
            return true;
        }
        false
    }
}
