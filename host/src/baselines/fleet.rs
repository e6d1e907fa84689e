//! What all devices observed together, up to the last full hour.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::seen::Seen;

/// Up to how many devices are told apart.
pub(super) const DEVICES: usize = 64;

/// A snapshot of what all devices observed.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    baselines: HashMap<String, FleetBaseline, RandomState>,
}

#[derive(Debug, Clone, Default)]
struct FleetBaseline {
    /// Since when it learns.
    since: Option<i64>,
    keys: HashMap<String, FleetEntry, RandomState>,
}

/// What all devices observed of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct FleetEntry {
    pub seen: Seen,
    /// The smallest hashes of the devices' names, ascending. Which are the
    /// smallest does not depend on the order of merging, unlike the first.
    pub devices: Vec<u64>,
}

/// What some devices observed since the last one.
#[derive(Debug, Clone, Default)]
pub struct FleetDelta(Fleet);

impl FleetDelta {
    pub(super) fn add(&mut self, baseline: &str, key: &str, device: u64, seen: Seen) {
        let baseline = self.0.baselines.entry_ref(baseline).or_default();
        baseline.since = earlier(baseline.since, seen.first());
        baseline
            .keys
            .entry_ref(key)
            .or_default()
            .add(seen, &[device]);
    }

    /// Whether it holds nothing.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.baselines.is_empty()
    }
}

impl Fleet {
    /// The snapshot with what the shards observed since. The order does not
    /// matter.
    pub fn merged(self: Arc<Self>, deltas: impl IntoIterator<Item = FleetDelta>) -> Arc<Self> {
        let mut fleet = Arc::unwrap_or_clone(self);
        for FleetDelta(delta) in deltas {
            fleet.merge(delta);
        }
        Arc::new(fleet)
    }

    fn merge(&mut self, delta: Self) {
        for (name, from) in delta.baselines {
            let baseline = self.baselines.entry(name).or_default();
            baseline.since = earlier(baseline.since, from.since);
            for (key, from) in from.keys {
                let entry = baseline.keys.entry(key).or_default();
                entry.add(from.seen, &from.devices);
            }
        }
    }

    pub(super) fn get(&self, baseline: &str, key: &str) -> (Option<i64>, Option<&FleetEntry>) {
        match self.baselines.get(baseline) {
            Some(baseline) => (baseline.since, baseline.keys.get(key)),
            None => (None, None),
        }
    }
}

impl FleetEntry {
    fn add(&mut self, seen: Seen, devices: &[u64]) {
        self.seen = self.seen.and(seen);
        for device in devices {
            if let Err(position) = self.devices.binary_search(device) {
                self.devices.insert(position, *device);
            }
        }
        self.devices.truncate(DEVICES);
    }

    /// On how many devices it was observed, one more device considered.
    pub fn devices_with(&self, device: Option<u64>) -> u32 {
        let is_new = device.is_some_and(|device| self.devices.binary_search(&device).is_err());
        (self.devices.len() + usize::from(is_new)).min(DEVICES) as u32
    }
}

/// What stands for a device in counting devices.
pub(super) fn device_hash(device: &str) -> u64 {
    xxh3_64(device.as_bytes())
}

pub(super) fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
