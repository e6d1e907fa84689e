//! What is usual: counts of keys an analytic chooses, by device and for the
//! fleet.
//!
//! A device's own counts are exact as of the event. The fleet's are a snapshot
//! that the pipeline replaces at full hours of event time, together with what
//! the device itself observed since; so an answer depends neither on the batch
//! size nor on which devices share a shard.
//!
//! What is observed while a batch is handled lasts only from
//! [`Baselines::commit`] on.

mod fleet;
mod persist;
mod seen;
mod store;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use thiserror::Error;

pub use fleet::{Fleet, FleetDelta};
pub use seen::Seen;
pub(crate) use store::decode as stored;
pub use store::{BaselineStore, StoreError, StoredEntry, Summary};

use crate::lineage::AsOf;
use fleet::{device_hash, earlier};
use seen::{Entry, minute};

/// Longest window of a rate, in minutes.
const HOUR: i32 = 60;

/// What is kept of a key at most beside its text and the name of its baseline,
/// in bytes: counts, times and, of two hours, the minutes it was observed in.
const KEPT: usize = 1200;

/// What storing a key takes beside its text, in bytes.
const ENTRY: usize = 512;

/// How much an analytic may count. Answers keys without end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineLimits {
    /// Most keys, each counted once for every device it was observed on.
    pub keys: usize,
    /// Most bytes of all keys with what is kept of each.
    pub bytes: usize,
    /// Longest name of a baseline, in bytes.
    pub name: usize,
    /// Longest key.
    pub key: usize,
}

impl Default for BaselineLimits {
    fn default() -> Self {
        Self {
            keys: 100_000,
            bytes: 128 << 20,
            name: 64,
            key: 1024,
        }
    }
}

/// How often a key was observed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// How many times.
    pub count: u64,
    /// First time, milliseconds since 1970 UTC.
    pub first_seen: Option<i64>,
    /// Last time.
    pub last_seen: Option<i64>,
    /// When the baseline began to learn anything at all.
    pub learning_since: Option<i64>,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// On the device of the event.
    pub device: Prevalence,
    /// On all devices.
    pub fleet: Prevalence,
    /// On how many devices; exact up to 64.
    pub devices: u32,
}

/// A key's count in the current window against its past on the device.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// Observations in the window that ends with the event's minute.
    pub current: u64,
    /// Mean of the full windows before it.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// How many full windows there were.
    pub windows: u32,
}

/// Why nothing was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ObserveError {
    /// The analytic holds as many keys as it may.
    #[error("the analytic holds as many keys as it may")]
    Full,
    /// A name or a key is longer than it may be.
    #[error("a name or a key is too long")]
    TooLong,
}

/// The baselines of one analytic on one shard.
#[derive(Debug, Default)]
pub struct Baselines {
    limits: BaselineLimits,
    devices: HashMap<Arc<str>, DeviceBaselines, RandomState>,
    fleet: Arc<Fleet>,
    /// How many keys are held, and their bytes.
    keys: usize,
    bytes: usize,
    /// What was observed since the last commit, each once.
    pending: Vec<Place>,
    /// The entries with anything the fleet's snapshot does not hold yet, each
    /// once, so that an exchange costs only as much as changed.
    fresh: Vec<Place>,
    /// The entries that changed since they were last stored, each once, if
    /// anyone stores more than once.
    changed: Option<Vec<Place>>,
}

/// Device, baseline and key.
type Place = (Arc<str>, Box<str>, Box<str>);

#[derive(Debug, Default)]
struct DeviceBaselines {
    hash: u64,
    baselines: HashMap<String, Baseline, RandomState>,
}

#[derive(Debug, Default)]
struct Baseline {
    /// All observations of all its keys, which tell since when it learns.
    /// Never stored: it follows from the keys.
    all: Entry,
    keys: HashMap<String, Entry, RandomState>,
}

impl Baselines {
    /// Nothing observed yet.
    pub fn new(limits: BaselineLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Changes how much may be held from now on. What is beyond it stays.
    pub fn limit(&mut self, limits: BaselineLimits) {
        self.limits = limits;
    }

    /// Counts each entry, a baseline and a key, once; all or none.
    pub fn observe(&mut self, at: &AsOf, entries: &[(&str, &str)]) -> Result<(), ObserveError> {
        let BaselineLimits {
            name,
            key,
            keys,
            bytes,
        } = self.limits;
        if entries
            .iter()
            .any(|(baseline, of)| baseline.len() > name || of.len() > key)
        {
            return Err(ObserveError::TooLong);
        }
        let new: BTreeSet<_> = entries
            .iter()
            .filter(|(baseline, key)| self.entry(&at.device, baseline, key).is_none())
            .collect();
        let added: usize = new.iter().map(|(name, key)| size(name, key)).sum();
        if !new.is_empty() && (self.keys + new.len() > keys || self.bytes + added > bytes) {
            return Err(ObserveError::Full);
        }
        self.keys += new.len();
        self.bytes += added;
        let device = self
            .devices
            .entry(Arc::clone(&at.device))
            .or_insert_with(|| DeviceBaselines::of(&at.device));
        // Each once with its count: a step back in the batch has those after it
        // added up anew.
        let mut counts: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
        for (name, key) in entries {
            *counts.entry(name).or_default().entry(key).or_default() += 1;
        }
        for (name, counts) in counts {
            let baseline = device.baselines.entry_ref(name).or_default();
            let all = counts.values().sum();
            baseline.all.observe(at.sequence, at.time, all);
            for (key, count) in counts {
                let entry = baseline.keys.entry_ref(key).or_default();
                if entry.observe(at.sequence, at.time, count) {
                    self.pending
                        .push((Arc::clone(&at.device), name.into(), key.into()));
                }
            }
        }
        Ok(())
    }

    /// What is known of a key.
    pub fn lookup(&self, as_of: &AsOf, baseline: &str, key: &str) -> Statistics {
        let device = self.devices.get(&as_of.device);
        let known = device.and_then(|device| device.baselines.get(baseline));
        let own = known.and_then(|baseline| baseline.keys.get(key));
        let all = |part: fn(&Entry, u64) -> Seen| {
            known.and_then(|baseline| part(&baseline.all, as_of.sequence).first())
        };
        let (fleet_since, others) = self.fleet.get(baseline, key);
        let of_device = own.map_or_else(Seen::default, |entry| entry.at(as_of.sequence));
        let fresh = own.map_or_else(Seen::default, |entry| entry.fresh_at(as_of.sequence));
        let of_fleet = others.map_or(fresh, |others| others.seen.and(fresh));
        let itself = device
            .filter(|_| of_device.count > 0)
            .map(|device| device.hash);
        Statistics {
            device: prevalence(of_device, all(Entry::at)),
            fleet: prevalence(of_fleet, earlier(fleet_since, all(Entry::fresh_at))),
            devices: others.map_or(u32::from(itself.is_some()), |others| {
                others.devices_with(itself)
            }),
        }
    }

    /// The rate of a key in windows of so many minutes (1 to 60).
    pub fn rate(&self, as_of: &AsOf, baseline: &str, key: &str, minutes: u32) -> Rate {
        let length = i32::try_from(minutes).unwrap_or(HOUR).clamp(1, HOUR);
        let known = self
            .devices
            .get(&as_of.device)
            .and_then(|device| device.baselines.get(baseline));
        let learning_since = known.and_then(|baseline| baseline.all.at(as_of.sequence).first());
        let Some(learning_since) = learning_since.map(minute) else {
            return Rate::default();
        };
        let now = minute(as_of.time);
        let mut counts = [0_u64; HOUR as usize + 1];
        let mut kept_from = i32::MIN;
        if let Some(entry) = known.and_then(|baseline| baseline.keys.get(key)) {
            let (minutes, from) = entry.minutes_at(as_of.sequence);
            kept_from = from;
            for (minute, count) in minutes {
                // Minutes after the event's own are of events out of order.
                let window = now.checked_sub(minute).map(|ago| ago.div_euclid(length));
                let window = window.and_then(|window| usize::try_from(window).ok());
                if let Some(total) = window.and_then(|window| counts.get_mut(window)) {
                    *total += u64::from(count);
                }
            }
        }
        let [current, past @ ..] = counts;
        let start = |window: i32| now.saturating_sub(length.saturating_mul(window + 1)) + 1;
        let windows = (1..=HOUR / length)
            .take_while(|window| start(*window) >= learning_since.max(kept_from))
            .count();
        let past = past.get(..windows).unwrap_or_default();
        let (mean, deviation) = spread(past);
        Rate {
            current,
            mean,
            deviation,
            windows: windows as u32,
        }
    }

    /// Makes what was observed since the last commit last. The bytes that are to
    /// be stored for it and were not before.
    pub fn commit(&mut self) -> usize {
        let known = self.changed.as_ref().map_or(0, Vec::len);
        self.settle(Entry::settle);
        let changed = self.changed.iter().flatten().skip(known);
        let bytes = changed.map(|(_, name, key)| ENTRY + name.len() + key.len());
        bytes.sum()
    }

    /// Forgets what was observed since the last commit.
    pub fn roll_back(&mut self) {
        self.settle(Entry::undo);
    }

    /// How many keys are held.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.keys
    }

    /// What was observed and committed since the last time, at the cost of the
    /// keys it was observed of. To be called at a full hour of event time, with
    /// [`set_fleet`](Self::set_fleet) before the next look-up.
    pub fn take_delta(&mut self) -> FleetDelta {
        let mut delta = FleetDelta::default();
        for (place, name, key) in std::mem::take(&mut self.fresh) {
            let Some(device) = self.devices.get_mut(&place) else {
                continue;
            };
            let Some(baseline) = device.baselines.get_mut(&*name) else {
                continue;
            };
            // All of a baseline are fresh only if one of its keys is.
            baseline.all.take_fresh();
            if let Some(entry) = baseline.keys.get_mut(&*key)
                && entry.fresh.count > 0
            {
                delta.add(&name, &key, device.hash, entry.take_fresh());
                if !std::mem::replace(&mut entry.is_changed, true)
                    && let Some(changed) = &mut self.changed
                {
                    changed.push((place, name, key));
                }
            }
        }
        delta
    }

    /// What this shard has contributed to the fleet's snapshot: at start, the
    /// snapshot is put together from this part of every shard.
    pub fn contributed(&self) -> FleetDelta {
        let mut delta = FleetDelta::default();
        for device in self.devices.values() {
            for (name, baseline) in &device.baselines {
                for (key, entry) in &baseline.keys {
                    if entry.merged.count > 0 {
                        delta.add(name, key, device.hash, entry.merged);
                    }
                }
            }
        }
        delta
    }

    /// Replaces the fleet's snapshot.
    pub fn set_fleet(&mut self, fleet: Arc<Fleet>) {
        self.fleet = fleet;
    }

    /// The fleet's snapshot.
    pub fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.fleet)
    }

    /// Gives the fleet's snapshot away, so that its last owner can merge into
    /// it without a copy. Until [`set_fleet`](Self::set_fleet), which must
    /// follow before the next look-up, the fleet is taken for empty.
    pub fn give_fleet(&mut self) -> Arc<Fleet> {
        std::mem::take(&mut self.fleet)
    }

    /// The bytes of what is held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn entry(&self, device: &str, baseline: &str, key: &str) -> Option<&Entry> {
        let device = self.devices.get(device)?;
        device.baselines.get(baseline)?.keys.get(key)
    }

    fn settle(&mut self, settle: impl Fn(&mut Entry)) {
        for (name, baseline, key) in std::mem::take(&mut self.pending) {
            let Some(device) = self.devices.get_mut(&name) else {
                continue;
            };
            let Some(known) = device.baselines.get_mut(&*baseline) else {
                continue;
            };
            settle(&mut known.all);
            let (mut is_fresh, mut is_changed) = (false, false);
            if let Some(entry) = known.keys.get_mut(&*key) {
                let (was_fresh, was_changed) = (entry.fresh.count > 0, entry.is_changed);
                settle(entry);
                is_fresh = !was_fresh && entry.fresh.count > 0;
                is_changed = !was_changed && entry.is_changed;
                if entry.is_empty() {
                    known.keys.remove(&*key);
                    self.keys = self.keys.saturating_sub(1);
                    self.bytes = self.bytes.saturating_sub(size(&baseline, &key));
                }
            }
            if known.keys.is_empty() {
                device.baselines.remove(&*baseline);
            }
            if device.baselines.is_empty() {
                self.devices.remove(&name);
            }
            if let Some(changed) = self.changed.as_mut().filter(|_| is_changed) {
                changed.push((Arc::clone(&name), baseline.clone(), key.clone()));
            }
            if is_fresh {
                self.fresh.push((name, baseline, key));
            }
        }
    }
}

impl DeviceBaselines {
    fn of(device: &str) -> Self {
        Self {
            hash: device_hash(device),
            ..Self::default()
        }
    }
}

fn prevalence(seen: Seen, learning_since: Option<i64>) -> Prevalence {
    Prevalence {
        count: seen.count,
        first_seen: seen.first(),
        last_seen: seen.last(),
        learning_since,
    }
}

/// Mean and standard deviation. The sums are whole numbers, so that the result
/// does not depend on their order.
fn spread(counts: &[u64]) -> (f64, f64) {
    if counts.is_empty() {
        return (0.0, 0.0);
    }
    let number = counts.len() as u128;
    let sum: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    let squares: u128 = counts
        .iter()
        .map(|count| u128::from(*count) * u128::from(*count))
        .sum();
    let variance = (number * squares).saturating_sub(sum * sum);
    (
        sum as f64 / number as f64,
        (variance as f64).sqrt() / number as f64,
    )
}

/// The bytes that a key takes.
fn size(baseline: &str, key: &str) -> usize {
    baseline.len() + key.len() + KEPT
}
