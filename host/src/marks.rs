//! What an analytic notes on processes and other things of a device, and finds
//! again in later batches.
//!
//! What is put while a batch is handled can be read at once, as of the event
//! it was put at or a later one, and lasts only from [`Marks::commit`] on.

mod device;
mod mark;
mod persist;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use foldhash::fast::RandomState;

pub use mark::{Mark, MarkError, NewMark, Subject};

use crate::{
    finding::Evidence,
    lineage::{AsOf, versioned::Versioned},
};
use device::{DeviceMarks, Slot, size};

/// Milliseconds an expired mark is kept, for events that come late by as much.
const GRACE: i64 = 3_600_000;

/// Milliseconds after which an expired mark of a device that fell silent may
/// go by the clock of the others. It goes only when there is no more room, so
/// that no device's clock otherwise touches another's marks.
const SILENCE: i64 = 24 * GRACE;

/// How much an analytic may note. Answers marks without end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkLimits {
    /// Most marks.
    pub marks: usize,
    /// Most bytes of all marks with their evidence.
    pub bytes: usize,
    /// Most stages of one subject, which are looked through one by one.
    pub stages: usize,
    /// Most versions of marks that one batch may add. They are kept side by
    /// side until the batch is over, so the limits above do not bound them.
    /// Putting a mark again as of the same event adds none.
    pub versions: usize,
    /// Longest stage, in bytes.
    pub stage: usize,
    /// Longest note.
    pub note: usize,
    /// Longest name of an item.
    pub item: usize,
}

impl Default for MarkLimits {
    fn default() -> Self {
        Self {
            marks: 100_000,
            bytes: 128 << 20,
            stages: 64,
            versions: 100_000,
            stage: 64,
            note: 1024,
            item: 1024,
        }
    }
}

/// More marks would have to be looked at than may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoLooks;

/// The marks of one analytic on the devices of one shard.
#[derive(Debug, Default)]
pub struct Marks {
    limits: MarkLimits,
    devices: HashMap<Arc<str>, DeviceMarks, RandomState>,
    /// How many slots' latest version is a mark, and the bytes of these.
    held: usize,
    bytes: usize,
    /// Numbers of slots, never used twice.
    next: u64,
    /// Slots written since the last commit, each once. Number 0 stands for the
    /// device's clock.
    pending: Vec<(Arc<str>, u64)>,
    /// Versions of slots added since the last commit.
    versions: usize,
    /// `held` and `bytes` at the last commit.
    settled: (usize, usize),
    /// What changed since it was last asked for, as in `pending`, if anyone
    /// asks at all.
    changed: Option<BTreeSet<(Arc<str>, u64)>>,
    /// The last number of a slot when they last asked.
    asked: u64,
}

impl Marks {
    /// No marks yet.
    pub fn new(limits: MarkLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Changes how much may be held from now on. What is beyond it stays until
    /// it expires.
    pub fn limit(&mut self, limits: MarkLimits) {
        self.limits = limits;
    }

    /// Puts marks, all or none.
    pub fn put(&mut self, as_of: &AsOf, marks: Vec<NewMark>) -> Result<(), MarkError> {
        if marks.iter().any(|mark| self.is_too_long(mark)) {
            return Err(MarkError::TooLong);
        }
        let device = self.devices.entry(Arc::clone(&as_of.device)).or_default();
        // Without a mark there is nothing the clock is needed for, and nothing
        // to keep it in.
        let clock = if device.live == 0 {
            as_of.time
        } else {
            as_of.time.max(*device.clock.now())
        };
        if device.clock.steps_until(u64::MAX).is_empty() {
            self.pending.push((Arc::clone(&as_of.device), 0));
        }
        device.clock.set(as_of.sequence, clock);
        self.free(&as_of.device, clock, GRACE, as_of.sequence);
        if !self.has_room(as_of, &marks) {
            self.free_silent(clock, as_of.sequence);
            if !self.has_room(as_of, &marks) {
                return Err(MarkError::Full);
            }
        }
        if marks.len() > self.limits.versions.saturating_sub(self.versions) {
            return Err(MarkError::TooMany);
        }
        for mark in marks {
            self.put_one(as_of, mark);
        }
        Ok(())
    }

    /// The marks on a thing that have not expired, oldest event first. A
    /// process may have several handles; its marks are those under any.
    pub fn get(&self, as_of: &AsOf, names: &[Subject]) -> Vec<&Mark> {
        let Some(device) = self.devices.get(&as_of.device) else {
            return Vec::new();
        };
        let mut found: Vec<&Mark> = names
            .iter()
            .filter_map(|name| device.by_subject.get(name))
            .flatten()
            .filter_map(|slot| device.slots.get(slot)?.visible(as_of))
            .collect();
        if names.len() > 1 {
            // Of one stage under several names the one put last.
            found.sort_by(|one, other| (&one.stage, other.put).cmp(&(&other.stage, one.put)));
            found.dedup_by(|one, other| one.stage == other.stage);
        }
        found.sort_by(|one, other| {
            (one.evidence.sequence, &one.stage).cmp(&(other.evidence.sequence, &other.stage))
        });
        found
    }

    /// An event that a mark on the device holds. Each mark that is looked at for
    /// it, many of which may have expired, costs one of `looks`; without any
    /// left there is no answer.
    pub fn evidence(
        &self,
        as_of: &AsOf,
        event: u64,
        looks: &mut u64,
    ) -> Result<Option<Arc<Evidence>>, NoLooks> {
        let device = self.devices.get(&as_of.device);
        let slots = device.and_then(|device| Some((device, device.by_event.get(&event)?)));
        let Some((device, slots)) = slots else {
            return Ok(None);
        };
        for slot in slots {
            *looks = looks.checked_sub(1).ok_or(NoLooks)?;
            let mark = device.slots.get(slot).and_then(|slot| slot.visible(as_of));
            if let Some(mark) = mark.filter(|mark| mark.evidence.sequence == event) {
                return Ok(Some(Arc::clone(&mark.evidence)));
            }
        }
        Ok(None)
    }

    /// How many marks are held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Makes what was written since the last commit last. The bytes that are to
    /// be stored for it and were not before.
    pub fn commit(&mut self) -> usize {
        let bytes = self.note_changes();
        self.settle(Versioned::settle, Versioned::settle);
        self.settled = (self.held, self.bytes);
        bytes
    }

    /// Forgets what was written since the last commit.
    pub fn roll_back(&mut self) {
        self.settle(Versioned::undo, Versioned::undo);
        (self.held, self.bytes) = self.settled;
    }

    fn settle(
        &mut self,
        settle_mark: impl Fn(&mut Versioned<Option<Mark>>),
        settle_clock: impl Fn(&mut Versioned<i64>),
    ) {
        self.versions = 0;
        for (name, number) in std::mem::take(&mut self.pending) {
            let Some(device) = self.devices.get_mut(&name) else {
                continue;
            };
            settle_clock(&mut device.clock);
            if let Some(slot) = device.slots.get_mut(&number) {
                // The indexes lead to every version; now only one is left.
                let mut events = slot.events();
                for expires in slot.expiries() {
                    device.expiry.remove(&(expires, number));
                }
                settle_mark(&mut slot.mark);
                match slot.mark.now() {
                    Some(mark) => {
                        // Also puts back what a free took that did not last.
                        device.expiry.insert((mark.expires, number));
                        events.retain(|event| *event != mark.evidence.sequence);
                    }
                    None => {
                        if let Some(slots) = device.by_subject.get_mut(&slot.subject) {
                            slots.retain(|known| *known != number);
                            if slots.is_empty() {
                                device.by_subject.remove(&slot.subject);
                            }
                        }
                        device.slots.remove(&number);
                    }
                }
                for event in events {
                    device.forget(event, number);
                }
            }
            device.live = device.slots.len();
            if device.slots.is_empty() {
                self.devices.remove(&name);
            }
        }
    }

    fn is_too_long(&self, mark: &NewMark) -> bool {
        let item = match &mark.subject {
            Subject::Process(_) => 0,
            Subject::Item(name) => name.len(),
        };
        item > self.limits.item
            || mark.stage.len() > self.limits.stage
            || mark.note.len() > self.limits.note
    }

    fn has_room(&self, as_of: &AsOf, marks: &[NewMark]) -> bool {
        let device = self.devices.get(&as_of.device);
        // Of several marks of one stage on one subject the last stays.
        let last: HashMap<(&Subject, &str), usize> = marks
            .iter()
            .map(|mark| {
                let place = (&mark.subject, &*mark.stage);
                (place, size(&mark.note, &mark.evidence))
            })
            .collect();
        let mut held = self.held;
        let mut bytes = self.bytes;
        let mut stages: HashMap<&Subject, usize> = HashMap::new();
        for ((subject, stage), size) in last {
            let slot = device.and_then(|device| device.slot(subject, stage));
            let slot = slot.map(|(_, slot)| slot);
            // Under a version as of a later event it takes and makes no room.
            if slot.is_some_and(|slot| slot.changes_after(as_of.sequence)) {
                continue;
            }
            let (old, old_size) = slot.map_or((0, 0), Slot::charge);
            bytes = bytes.saturating_sub(old_size).saturating_add(size);
            if old == 0 {
                held += 1;
                let stages = stages
                    .entry(subject)
                    .or_insert_with(|| device.map_or(0, |device| device.stages(subject)));
                *stages += 1;
                if *stages > self.limits.stages {
                    return false;
                }
            }
        }
        held <= self.limits.marks && bytes <= self.limits.bytes
    }

    fn put_one(&mut self, as_of: &AsOf, mark: NewMark) {
        let device = self.devices.entry(Arc::clone(&as_of.device)).or_default();
        let known = device.slot(&mark.subject, &mark.stage);
        let number = match known {
            Some((number, _)) => number,
            None => {
                self.next += 1;
                device
                    .by_subject
                    .entry(mark.subject.clone())
                    .or_default()
                    .push(self.next);
                device.slots.insert(
                    self.next,
                    Slot {
                        subject: mark.subject,
                        stage: mark.stage.clone(),
                        mark: Versioned::default(),
                    },
                );
                self.next
            }
        };
        let lifetime = i64::from(mark.lifetime) * 1_000;
        let mark = Mark {
            stage: mark.stage,
            score: mark.score,
            note: mark.note,
            evidence: mark.evidence,
            expires: as_of.time.saturating_add(lifetime),
            put: as_of.sequence,
        };
        self.write(&as_of.device, number, as_of.sequence, Some(mark));
    }

    /// Sets the version of a slot from a sequence on. The counts follow the
    /// slot's latest version, which this need not be; the indexes lead to all.
    fn write(&mut self, name: &Arc<str>, number: u64, sequence: u64, mark: Option<Mark>) {
        let Some(device) = self.devices.get_mut(name) else {
            return;
        };
        let Some(slot) = device.slots.get_mut(&number) else {
            return;
        };
        if slot.mark.steps_until(u64::MAX).is_empty() {
            self.pending.push((Arc::clone(name), number));
        }
        if let Some(mark) = &mark {
            let slots = device.by_event.entry(mark.evidence.sequence);
            slots.or_default().insert(number);
            device.expiry.insert((mark.expires, number));
        }
        let is_mark = mark.is_some();
        let (old, old_size) = slot.charge();
        let replaced = slot.mark.set(sequence, mark);
        let (new, new_size) = slot.charge();
        self.held = (self.held + new).saturating_sub(old);
        self.bytes = (self.bytes + new_size).saturating_sub(old_size);
        device.live = (device.live + new).saturating_sub(old);
        match replaced {
            // Freeing adds a version, too, but one that takes next to nothing.
            None => self.versions += usize::from(is_mark),
            Some(None) => {}
            Some(Some(old)) => {
                let event = old.evidence.sequence;
                if !slot.versions().any(|mark| mark.expires == old.expires) {
                    device.expiry.remove(&(old.expires, number));
                }
                if !slot.versions().any(|mark| mark.evidence.sequence == event) {
                    device.forget(event, number);
                }
            }
        }
    }

    /// Frees the marks that expired long ago, by the latest clock of any device
    /// with marks, this one's being that of the one marks are put on.
    fn free_silent(&mut self, clock: i64, sequence: u64) {
        let alive = self.devices.values().filter(|device| device.live > 0);
        let clocks = alive.map(|device| *device.clock.now());
        let latest = clocks.max().map_or(clock, |latest| latest.max(clock));
        let mut silent: Vec<Arc<str>> = self.devices.keys().cloned().collect();
        silent.sort_unstable();
        for device in silent {
            self.free(&device, latest, SILENCE, sequence);
        }
    }

    /// Frees the marks of a device that had expired so long before.
    fn free(&mut self, name: &Arc<str>, clock: i64, grace: i64, sequence: u64) {
        while let Some(device) = self.devices.get_mut(name)
            && let Some(&(expires, number)) = device.expiry.first()
            && expires.saturating_add(grace) < clock
        {
            device.expiry.pop_first();
            let Some(slot) = device.slots.get(&number) else {
                continue;
            };
            // What was put as of a later event stays, and its room with it, so
            // nothing is to be gained before the batch is over. Then this entry
            // comes back.
            if !slot.changes_after(sequence)
                && let Some(mark) = slot.mark.now()
                && mark.expires == expires
            {
                self.write(name, number, sequence, None);
            }
        }
    }
}

#[cfg(test)]
mod tests;
