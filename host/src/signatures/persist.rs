//! Verdicts as the store keeps them.
//!
//! A verdict's key is the number it is kept under, eight bytes; that number is
//! made with a secret, which must be stored, too. Under the empty key stands
//! the sequence of the device's last event, so a device's keys begin with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Signatures, State,
    device::{Device, Kept, Verdict},
    shared,
};
use crate::{
    change::{Change, Damaged},
    stored,
};

/// What changed since it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Devices there was an event of. Each knows what changed.
    devices: BTreeSet<Arc<str>>,
    /// Devices forgotten, and what was known of them.
    forgotten: BTreeMap<Arc<str>, BTreeSet<u64>>,
}

#[derive(Serialize, Deserialize)]
struct StoredVerdict<'a> {
    /// By its position among the states, which must not change.
    state: State,
    signer: &'a str,
    hash: u64,
    place: u64,
    is_used: bool,
}

impl Changed {
    /// Notes an event of a device.
    pub fn touched(&mut self, device: &mut Device) {
        if !std::mem::replace(&mut device.is_listed, true) {
            self.devices.insert(Arc::clone(&device.name));
        }
    }

    /// Notes that a device was forgotten.
    pub fn forgotten(&mut self, device: &Device) {
        self.devices.insert(Arc::clone(&device.name));
        let keys = self.forgotten.entry(Arc::clone(&device.name)).or_default();
        keys.extend(device.all_keys());
    }
}

impl Signatures {
    /// Notes from now on what changes, for [`take_changes`](Self::take_changes).
    /// To be called before anything is taken in or restored.
    pub fn keep_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// What changed since the last time, sorted. To be called between batches.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let changed = self.changed.as_mut().map(std::mem::take);
        let mut changed = changed.unwrap_or_default();
        let mut changes = Vec::new();
        for name in changed.devices {
            let mut keys = changed.forgotten.remove(&name).unwrap_or_default();
            let mut device = self.devices.get_mut(&name);
            if let Some(device) = &mut device {
                device.is_listed = false;
                keys.append(&mut device.take_changed());
            }
            let sequence = device.as_ref().map(|device| device.last_sequence);
            changes.push(Change {
                device: Arc::clone(&name),
                key: Vec::new(),
                value: sequence.map(|sequence| stored::encode(&sequence)),
            });
            for key in keys {
                let kept = device.as_ref().and_then(|device| device.kept(key));
                changes.push(Change {
                    device: Arc::clone(&name),
                    key: stored::key(key),
                    value: kept.map(|kept| stored::encode(&StoredVerdict::of(kept))),
                });
            }
        }
        changes
    }

    /// Takes back what was stored, each device's in the order of the keys, and
    /// before the first event. It was within the limits and is not checked
    /// against them again.
    pub fn restore(&mut self, device: &str, key: &[u8], value: &[u8]) -> Result<(), Damaged> {
        let done = if key.is_empty() {
            self.restore_device(device, value)
        } else {
            self.restore_verdict(device, key, value)
        };
        done.ok_or_else(|| Damaged {
            part: "signatures",
            device: device.to_owned(),
        })
    }

    /// Puts what was taken back in order.
    pub fn end_restore(&mut self) {
        self.devices.values_mut().for_each(Device::end_restore);
    }

    fn restore_device(&mut self, name: &str, value: &[u8]) -> Option<()> {
        let sequence = stored::decode(value)?;
        // No two devices had the same event last.
        if self.devices.contains_key(name) || self.queue.contains_key(&sequence) {
            return None;
        }
        let name: Arc<str> = Arc::from(name);
        let mut device = Device::new(Arc::clone(&name), self.changed.is_some());
        device.last_sequence = sequence;
        self.queue.insert(sequence, Arc::clone(&name));
        self.devices.insert(name, device);
        self.stats.devices += 1;
        Some(())
    }

    fn restore_verdict(&mut self, name: &str, key: &[u8], value: &[u8]) -> Option<()> {
        let key = stored::number(key)?;
        let stored: StoredVerdict<'_> = stored::decode(value)?;
        let device = self.devices.get_mut(name)?;
        if stored.place > stored::MAX_COUNTER || device.kept(key).is_some() {
            return None;
        }
        let verdict = Verdict {
            state: stored.state,
            signer: shared(&mut self.signers, stored.signer),
            hash: stored.hash,
        };
        let kept = Kept {
            verdict,
            place: stored.place,
            is_used: stored.is_used,
        };
        device.restore(key, kept);
        self.stats.verdicts += 1;
        Some(())
    }
}

impl<'a> StoredVerdict<'a> {
    fn of(kept: &'a Kept) -> Self {
        Self {
            state: kept.verdict.state,
            signer: &kept.verdict.signer,
            hash: kept.verdict.hash,
            place: kept.place,
            is_used: kept.is_used,
        }
    }
}
