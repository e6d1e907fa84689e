//! What was seen of signatures on one device.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use foldhash::fast::RandomState;

use super::State;

/// What was said of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub state: State,
    pub signer: Arc<str>,
    /// The beginning of the file's SHA-256; 0 where it is not known.
    pub hash: u64,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub verdict: Verdict,
    /// Its place in the order of eviction.
    pub place: u64,
    /// Whether it was said again since it was last considered for eviction.
    pub is_used: bool,
}

/// Verdicts by the hash of what they are about.
#[derive(Debug)]
pub(super) struct Device {
    pub name: Arc<str>,
    kept: HashMap<u64, Kept, RandomState>,
    /// The keys in the order in which they are considered for eviction.
    order: VecDeque<u64>,
    /// The place of the last of them.
    last_place: u64,
    /// What stood there before each change of the current batch.
    before: HashMap<u64, Vec<(u64, Option<Verdict>)>, RandomState>,
    /// Sequence of the last event.
    pub last_sequence: u64,
    /// The keys of which anything changed since it was last asked for, if
    /// anyone asks at all.
    changed: Option<BTreeSet<u64>>,
    /// Whether the device is listed among those that changed.
    pub is_listed: bool,
}

impl Device {
    /// Nothing known yet; `tracks` what changes, or not.
    pub fn new(name: Arc<str>, tracks: bool) -> Self {
        Self {
            name,
            last_place: 0,
            changed: tracks.then(BTreeSet::new),
            is_listed: false,
            kept: HashMap::default(),
            order: VecDeque::new(),
            before: HashMap::default(),
            last_sequence: 0,
        }
    }

    /// How many verdicts are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether the batch changed anything.
    pub fn is_dirty(&self) -> bool {
        !self.before.is_empty()
    }

    /// What was said as of a sequence.
    pub fn at(&self, key: u64, sequence: u64) -> Option<&Verdict> {
        let changes = self.before.get(&key).map_or(&[][..], Vec::as_slice);
        let later = changes.iter().find(|(since, _)| *since > sequence);
        match later {
            Some((_, before)) => before.as_ref(),
            None => self.kept.get(&key).map(|kept| &kept.verdict),
        }
    }

    /// Notes what an event said. `name` gives the signer's name a shared copy.
    /// Returns how many verdicts had to make room.
    pub fn learn(
        &mut self,
        key: u64,
        (state, signer, hash): (State, &str, u64),
        name: impl FnOnce() -> Arc<str>,
        (sequence, limit): (u64, usize),
    ) -> u64 {
        if let Some(kept) = self.kept.get_mut(&key) {
            let known = &kept.verdict;
            if known.state == state && known.hash == hash && *known.signer == *signer {
                if !std::mem::replace(&mut kept.is_used, true) {
                    self.mark(key);
                }
                return 0;
            }
        }
        let verdict = Verdict {
            state,
            signer: name(),
            hash,
        };
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.is_used = false;
            let before = std::mem::replace(&mut kept.verdict, verdict);
            self.note(key, Some(before), sequence);
            return 0;
        }
        self.last_place += 1;
        let kept = Kept {
            verdict,
            place: self.last_place,
            is_used: false,
        };
        self.kept.insert(key, kept);
        self.order.push_back(key);
        self.note(key, None, sequence);
        if self.kept.len() > limit {
            return self.evict(key, sequence);
        }
        0
    }

    /// Forgets the verdict that was not said again for longest, roughly; never
    /// the newest.
    fn evict(&mut self, newest: u64, sequence: u64) -> u64 {
        // Each is passed over once at most, so the second round finds one.
        for _ in 0..=self.order.len() * 2 {
            let Some(key) = self.order.pop_front() else {
                break;
            };
            let Some(kept) = self.kept.get_mut(&key) else {
                continue;
            };
            if kept.is_used || key == newest {
                kept.is_used = false;
                self.last_place += 1;
                kept.place = self.last_place;
                self.order.push_back(key);
                self.mark(key);
                continue;
            }
            let before = self.kept.remove(&key).map(|kept| kept.verdict);
            self.note(key, before, sequence);
            return 1;
        }
        0
    }

    /// Notes that what is kept under a key is to be stored.
    fn mark(&mut self, key: u64) {
        if let Some(changed) = &mut self.changed {
            changed.insert(key);
        }
    }

    fn note(&mut self, key: u64, before: Option<Verdict>, sequence: u64) {
        self.mark(key);
        let changes = self.before.entry(key).or_default();
        if changes.last().is_none_or(|(since, _)| *since < sequence) {
            changes.push((sequence, before));
        }
    }

    /// What is kept under a key.
    pub fn kept(&self, key: u64) -> Option<&Kept> {
        self.kept.get(&key)
    }

    /// The keys of which anything changed since the last time.
    pub fn take_changed(&mut self) -> BTreeSet<u64> {
        self.changed
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// All keys that a store may know.
    pub fn all_keys(&self) -> impl Iterator<Item = u64> + '_ {
        let changed = self.changed.iter().flatten();
        self.kept.keys().chain(changed).copied()
    }

    /// Takes back what was kept under a key where nothing stands yet.
    pub fn restore(&mut self, key: u64, kept: Kept) {
        self.last_place = self.last_place.max(kept.place);
        self.order.push_back(key);
        self.kept.insert(key, kept);
    }

    /// Puts the keys taken back in their order.
    pub fn end_restore(&mut self) {
        let kept = &self.kept;
        let place = |key: &u64| (kept.get(key).map(|kept| kept.place), *key);
        self.order.make_contiguous().sort_unstable_by_key(place);
    }

    /// Forgets how things were earlier in the batch.
    pub fn settle(&mut self) {
        self.before = HashMap::default();
    }
}
