//! What was seen of signatures on one device.

use std::{
    collections::{HashMap, VecDeque},
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
struct Kept {
    verdict: Verdict,
    /// Whether it was said again since it was last considered for eviction.
    is_used: bool,
}

/// Verdicts by the hash of what they are about.
#[derive(Debug)]
pub(super) struct Device {
    pub name: Arc<str>,
    kept: HashMap<u64, Kept, RandomState>,
    /// The keys in the order in which they are considered for eviction.
    order: VecDeque<u64>,
    /// What stood there before each change of the current batch.
    before: HashMap<u64, Vec<(u64, Option<Verdict>)>, RandomState>,
    /// Sequence of the last event.
    pub last_sequence: u64,
}

impl Device {
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
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
            kept.is_used = true;
            let Verdict {
                state: known,
                signer: by,
                hash: of,
            } = &kept.verdict;
            if *known == state && *of == hash && **by == *signer {
                return 0;
            }
        }
        let verdict = Verdict {
            state,
            signer: name(),
            hash,
        };
        let kept = Kept {
            verdict,
            is_used: false,
        };
        let before = self.kept.insert(key, kept).map(|kept| kept.verdict);
        let is_new = before.is_none();
        self.note(key, before, sequence);
        if is_new {
            self.order.push_back(key);
            if self.kept.len() > limit {
                return self.evict(key, sequence);
            }
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
                self.order.push_back(key);
                continue;
            }
            let before = self.kept.remove(&key).map(|kept| kept.verdict);
            self.note(key, before, sequence);
            return 1;
        }
        0
    }

    fn note(&mut self, key: u64, before: Option<Verdict>, sequence: u64) {
        let changes = self.before.entry(key).or_default();
        if changes.last().is_none_or(|(since, _)| *since < sequence) {
            changes.push((sequence, before));
        }
    }

    /// Forgets how things were earlier in the batch.
    pub fn settle(&mut self) {
        self.before = HashMap::default();
    }
}
