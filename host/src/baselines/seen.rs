//! How often and when something was observed.

use serde::{Deserialize, Serialize};

use super::store::StoredEntry;

/// How many minutes of counts a key keeps: a window of an hour and an hour of
/// windows before it.
const KEPT_MINUTES: i32 = 120;

/// A count with the first and the last time, milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How many times; the times mean nothing where this is 0.
    pub count: u64,
    /// The earliest time.
    pub first: i64,
    /// The latest time.
    pub last: i64,
}

impl Seen {
    /// Both together, in whichever order.
    pub fn and(self, other: Self) -> Self {
        match (self.count, other.count) {
            (0, _) => other,
            (_, 0) => self,
            _ => Self {
                count: self.count.saturating_add(other.count),
                first: self.first.min(other.first),
                last: self.last.max(other.last),
            },
        }
    }

    /// The earliest time, if there was any.
    pub fn first(self) -> Option<i64> {
        (self.count > 0).then_some(self.first)
    }

    /// The latest time, if there was any.
    pub fn last(self) -> Option<i64> {
        (self.count > 0).then_some(self.last)
    }
}

/// What a device observed of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// What the fleet's snapshot holds of it already.
    pub merged: Seen,
    /// What it does not hold yet.
    pub fresh: Seen,
    /// Counts by minute, ascending.
    pub minutes: Vec<(i32, u32)>,
    /// Observations of the current batch, ascending by sequence.
    steps: Vec<Step>,
    /// Whether it changed since it was last stored.
    pub is_changed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    sequence: u64,
    time: i64,
    /// How often the event was counted.
    count: u32,
    /// This and the steps before it.
    total: Seen,
}

impl Entry {
    /// As it was stored.
    pub fn stored(merged: Seen, fresh: Seen, minutes: Vec<(i32, u32)>) -> Self {
        Self {
            merged,
            fresh,
            minutes,
            ..Self::default()
        }
    }

    /// Counts so many observations of an event. True if it is the first that
    /// the batch observes.
    pub fn observe(&mut self, sequence: u64, time: i64, count: u32) -> bool {
        let is_first = self.steps.is_empty();
        let position = self.steps.partition_point(|step| step.sequence < sequence);
        match self.steps.get_mut(position) {
            Some(step) if step.sequence == sequence => {
                step.count = step.count.saturating_add(count);
            }
            _ => {
                let step = Step {
                    sequence,
                    time,
                    count,
                    total: Seen::default(),
                };
                self.steps.insert(position, step);
            }
        }
        let mut total = position
            .checked_sub(1)
            .and_then(|before| self.steps.get(before))
            .map_or_else(Seen::default, |step| step.total);
        for step in self.steps.iter_mut().skip(position) {
            total = total.and(Seen {
                count: step.count.into(),
                first: step.time,
                last: step.time,
            });
            step.total = total;
        }
        is_first
    }

    /// What the fleet's snapshot does not hold yet, as of a sequence.
    pub fn fresh_at(&self, sequence: u64) -> Seen {
        let pending = self.steps_until(sequence).last();
        self.fresh
            .and(pending.map_or_else(Seen::default, |step| step.total))
    }

    /// All as of a sequence.
    pub fn at(&self, sequence: u64) -> Seen {
        self.merged.and(self.fresh_at(sequence))
    }

    /// Whether nothing was ever observed, or not for good.
    pub fn is_empty(&self) -> bool {
        self.merged.count == 0 && self.fresh.count == 0 && self.steps.is_empty()
    }

    /// Counts by minute as of a sequence, unordered; and the first minute of
    /// which counts are kept.
    pub fn minutes_at(&self, sequence: u64) -> (impl Iterator<Item = (i32, u32)>, i32) {
        let kept_from = self
            .at(sequence)
            .last()
            .map_or(i32::MIN, |last| first_kept(minute(last)));
        let pending = self.steps_until(sequence).iter();
        let minutes = self
            .minutes
            .iter()
            .copied()
            .chain(pending.map(|step| (minute(step.time), step.count)))
            .filter(move |(minute, _)| *minute >= kept_from);
        (minutes, kept_from)
    }

    /// Makes the batch's observations last.
    pub fn settle(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        let Some(last) = steps.last() else { return };
        self.fresh = self.fresh.and(last.total);
        self.is_changed = true;
        for step in &steps {
            let minute = minute(step.time);
            match self.minutes.binary_search_by_key(&minute, |(key, _)| *key) {
                Ok(position) => {
                    if let Some((_, count)) = self.minutes.get_mut(position) {
                        *count = count.saturating_add(step.count);
                    }
                }
                Err(position) => self.minutes.insert(position, (minute, step.count)),
            }
        }
        let kept_from = first_kept(minute(self.merged.and(self.fresh).last));
        let gone = self.minutes.partition_point(|(key, _)| *key < kept_from);
        self.minutes.drain(..gone);
    }

    /// As it is to be stored, if it changed since the last time.
    pub fn take_change(
        &mut self,
        (device, baseline, key): (&str, &str, &str),
    ) -> Option<StoredEntry> {
        std::mem::take(&mut self.is_changed).then(|| StoredEntry {
            device: device.into(),
            baseline: baseline.into(),
            key: key.into(),
            merged: self.merged,
            fresh: self.fresh,
            minutes: self.minutes.clone(),
        })
    }

    /// Hands over what the fleet's snapshot does not hold yet, as held by it
    /// from now on.
    pub fn take_fresh(&mut self) -> Seen {
        let fresh = std::mem::take(&mut self.fresh);
        self.merged = self.merged.and(fresh);
        fresh
    }

    /// Forgets the batch's observations.
    pub fn undo(&mut self) {
        self.steps = Vec::new();
    }

    fn steps_until(&self, sequence: u64) -> &[Step] {
        let known = self.steps.partition_point(|step| step.sequence <= sequence);
        self.steps.get(..known).unwrap_or_default()
    }
}

/// The minute of a time, in minutes since 1970.
pub(super) fn minute(time: i64) -> i32 {
    let minute = time.div_euclid(60_000);
    i32::try_from(minute).unwrap_or(if minute < 0 { i32::MIN } else { i32::MAX })
}

fn first_kept(last: i32) -> i32 {
    last.saturating_sub(KEPT_MINUTES - 1)
}
