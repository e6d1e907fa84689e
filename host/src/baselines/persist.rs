//! What is to be stored of baselines, and how it comes back.

use std::sync::Arc;

use super::{Baselines, DeviceBaselines, Place, StoredEntry, seen::Entry, size};

impl Baselines {
    /// Takes back an entry that was stored. Those of one run are within the
    /// limits, so they are not checked again.
    pub fn restore(&mut self, stored: StoredEntry) {
        let name: Arc<str> = Arc::from(&*stored.device);
        let device = self
            .devices
            .entry(Arc::clone(&name))
            .or_insert_with(|| DeviceBaselines::of(&name));
        let baseline = device.baselines.entry_ref(&*stored.baseline).or_default();
        let all = &mut baseline.all;
        all.merged = all.merged.and(stored.merged);
        all.fresh = all.fresh.and(stored.fresh);
        let bytes = size(&stored.baseline, &stored.key);
        let entry = Entry::stored(stored.merged, stored.fresh, stored.minutes);
        if entry.fresh.count > 0 {
            self.fresh.push((name, stored.baseline, stored.key.clone()));
        }
        if baseline.keys.insert(stored.key.into(), entry).is_none() {
            self.keys += 1;
            self.bytes += bytes;
        }
    }

    /// Notes from now on what changes, so that
    /// [`take_changes`](Self::take_changes) costs only as much as changed. To
    /// be called before anything is observed.
    pub fn keep_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// The entries that changed since the last time, sorted.
    pub fn take_changes(&mut self) -> Vec<StoredEntry> {
        let mut changes = match self.changed.as_mut().map(std::mem::take) {
            Some(changed) => self.take_noted(changed),
            None => self.take_all(),
        };
        changes.sort_unstable_by(|one, other| one.place().cmp(&other.place()));
        changes
    }

    fn take_noted(&mut self, changed: Vec<Place>) -> Vec<StoredEntry> {
        let entries = changed.into_iter().filter_map(|(name, baseline, key)| {
            let device = self.devices.get_mut(&name)?;
            let known = device.baselines.get_mut(&*baseline)?;
            known
                .keys
                .get_mut(&*key)?
                .take_change((&name, &baseline, &key))
        });
        entries.collect()
    }

    fn take_all(&mut self) -> Vec<StoredEntry> {
        let mut changes = Vec::new();
        for (name, device) in &mut self.devices {
            for (baseline, known) in &mut device.baselines {
                for (key, entry) in &mut known.keys {
                    changes.extend(entry.take_change((name, baseline, key)));
                }
            }
        }
        changes
    }
}
