//! The chains that were reported, so that what is said of one again is known
//! for an update.
//!
//! As the store keeps them, a key is a chain's identifier and the value its
//! place in the order of reporting.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use crate::{
    change::{Change, Damaged},
    stored,
};

/// How many chains are remembered to tell an update from a first finding.
const REMEMBERED: usize = 100_000;

/// The chains an analytic has reported on a shard.
#[derive(Debug, Default)]
pub struct Issued {
    /// By identifier, which says the device, too.
    known: HashSet<Arc<str>>,
    /// The oldest first.
    order: VecDeque<Chain>,
    /// The place of the latest.
    last: u64,
    /// What changed since it was last asked for, if anyone asks at all: a
    /// chain's device and identifier, and its place unless it was forgotten.
    changed: Option<Changed>,
}

type Changed = BTreeMap<(Arc<str>, Arc<str>), Option<u64>>;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Chain {
    place: u64,
    device: Arc<str>,
    id: Arc<str>,
}

impl Issued {
    /// Whether the chain of the device was reported before; it is from now on.
    pub fn again(&mut self, device: &Arc<str>, chain: &str) -> bool {
        if self.known.contains(chain) {
            return true;
        }
        let id: Arc<str> = Arc::from(chain);
        self.last += 1;
        if let Some(changed) = &mut self.changed {
            changed.insert((Arc::clone(device), Arc::clone(&id)), Some(self.last));
        }
        self.known.insert(Arc::clone(&id));
        self.order.push_back(Chain {
            place: self.last,
            device: Arc::clone(device),
            id,
        });
        self.forget_oldest();
        false
    }

    /// Notes from now on what changes, for [`take_changes`](Self::take_changes).
    pub fn keep_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// What changed since the last time, sorted.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let changed = self.changed.as_mut().map(std::mem::take);
        let changes = changed.into_iter().flatten();
        changes
            .map(|((device, id), place)| Change {
                device,
                key: id.as_bytes().to_vec(),
                value: place.map(|place| stored::encode(&place)),
            })
            .collect()
    }

    /// Takes back what was stored, in whichever order.
    pub fn restore(&mut self, device: &str, key: &[u8], value: &[u8]) -> Result<(), Damaged> {
        let id = str::from_utf8(key).ok();
        let place = stored::decode(value).filter(|place| *place <= stored::MAX_COUNTER);
        let (Some(id), Some(place)) = (id, place) else {
            return Err(Damaged {
                part: "chains issued",
                device: device.to_owned(),
            });
        };
        let id: Arc<str> = Arc::from(id);
        if self.known.insert(Arc::clone(&id)) {
            self.last = self.last.max(place);
            // Those of a device come one after the other and share its name.
            let before = self.order.back().map(|chain| &chain.device);
            let device = match before.filter(|before| ***before == *device) {
                Some(before) => Arc::clone(before),
                None => Arc::from(device),
            };
            self.order.push_back(Chain { place, device, id });
        }
        Ok(())
    }

    /// Puts what was taken back in order. It may come from several shards and
    /// be more than one remembers.
    pub fn end_restore(&mut self) {
        self.order.make_contiguous().sort_unstable();
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.order.len() > REMEMBERED
            && let Some(Chain { device, id, .. }) = self.order.pop_front()
        {
            self.known.remove(&id);
            if let Some(changed) = &mut self.changed {
                changed.insert((device, id), None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::tests::{Store, write};

    fn restored(store: &Store) -> Issued {
        let mut issued = Issued::default();
        issued.keep_changes();
        for ((device, key), value) in store {
            issued.restore(device, key, value).unwrap();
        }
        issued.end_restore();
        issued
    }

    #[test]
    fn a_restart_cannot_be_seen() {
        let device = |number: usize| Arc::from(["d", "e"][number % 2]);
        let mut undisturbed = Issued::default();
        let mut store = Store::new();
        let mut again = restored(&store);
        // The identifiers sort against the order of reporting.
        let chain = |number: usize| format!("{:08}", 99_999_999 - number);
        for number in 0..REMEMBERED + 1_000 {
            // In between a chain that may just have been forgotten.
            for number in [number, number.saturating_sub(REMEMBERED - 10)] {
                let said = undisturbed.again(&device(number), &chain(number));
                assert_eq!(again.again(&device(number), &chain(number)), said);
            }
            if number % 30_000 == 7 || number == REMEMBERED + 3 {
                write(&mut store, again.take_changes());
                assert!(again.take_changes().is_empty());
                assert_eq!(store.len(), again.order.len());
                again = restored(&store);
                assert_eq!(again.order, undisturbed.order);
            }
        }
        assert_eq!(again.known, undisturbed.known);
        assert!(undisturbed.changed.is_none() && undisturbed.take_changes().is_empty());
    }
}
