//! What was seen before, so that a record delivered twice is processed once
//! and a finding made twice is issued once. Both memories are bounded.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{BuildHasher, Hasher},
    sync::{Arc, OnceLock},
};

use foldhash::{SharedSeed, fast, quality};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::store::REMEMBERED_FINDINGS;

/// The records that were kept, by fingerprint.
pub struct SeenRecords {
    hash: quality::SeedableRandomState,
    known: HashSet<u64, fast::RandomState>,
    /// By transaction, the oldest first.
    order: VecDeque<Vec<u64>>,
    limit: usize,
}

impl SeenRecords {
    /// Remembers at least so many records; in pieces of a transaction, somewhat
    /// more. The secret keeps senders from making a record that looks like
    /// another's, which would hide it.
    pub fn new(secret: [u8; 16], limit: usize) -> Self {
        // What the secret is for is the first seed; the second one is shared by
        // all of the process, as the crate wants it.
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        let shared = SHARED.get_or_init(|| SharedSeed::from_u64(0));
        Self {
            hash: quality::SeedableRandomState::with_seed(xxh3_64(&secret), shared),
            known: HashSet::default(),
            order: VecDeque::new(),
            limit,
        }
    }

    /// For a trial: what it takes does not last.
    pub fn unkeyed() -> Self {
        Self::new([0; 16], 0)
    }

    /// The fingerprint of a record.
    pub fn fingerprint(&self, record: &[u8]) -> u64 {
        let mut hasher = self.hash.build_hasher();
        hasher.write(record);
        hasher.finish()
    }

    /// Whether a record is new; from now on it is known. A delivery may hold a
    /// record more than once, which is no second delivery: `repeats` counts
    /// them, and each repetition is known by itself. Returns under which
    /// fingerprint it is known if it is new.
    pub fn insert(&mut self, fingerprint: u64, repeats: &mut Repeats) -> Option<u64> {
        let Some(count) = repeats.0.get_mut(&fingerprint) else {
            return self.known.insert(fingerprint).then(|| {
                repeats.0.insert(fingerprint, 0);
                fingerprint
            });
        };
        *count += 1;
        let repetition = self.hash.hash_one((fingerprint, *count));
        self.known.insert(repetition).then_some(repetition)
    }

    /// All that was inserted since the last time belongs together and is
    /// forgotten together.
    pub fn close(&mut self, fingerprints: Vec<u64>) {
        if !fingerprints.is_empty() {
            self.order.push_back(fingerprints);
        }
        while self.known.len() > self.limit && self.order.len() > 1 {
            for fingerprint in self.order.pop_front().into_iter().flatten() {
                self.known.remove(&fingerprint);
            }
        }
    }

    /// Takes back what was known before a restart.
    pub fn restore(&mut self, transactions: Vec<Vec<u64>>) {
        for fingerprints in transactions {
            self.known.extend(&fingerprints);
            self.close(fingerprints);
        }
    }
}

/// The records of one delivery, and how often each came again in it.
#[derive(Debug, Default)]
pub struct Repeats(HashMap<u64, u32, fast::RandomState>);

/// The findings that were issued, by identifier.
#[derive(Debug, Default)]
pub struct SeenFindings {
    known: HashSet<u128, fast::RandomState>,
    order: VecDeque<u128>,
}

impl SeenFindings {
    /// Whether a finding is new; from now on it is known.
    pub fn insert(&mut self, uid: &[u8]) -> bool {
        let uid = xxh3_128(uid);
        if !self.known.insert(uid) {
            return false;
        }
        self.order.push_back(uid);
        if self.order.len() as u64 > REMEMBERED_FINDINGS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// The names of inputs, by the numbers that events carry.
#[derive(Debug, Default)]
pub struct Inputs {
    names: Arc<Vec<Arc<str>>>,
}

/// After so many names those not in use are forgotten.
const MAX_INPUTS: usize = 4_096;

impl Inputs {
    /// The number of a name.
    pub fn number(&mut self, name: &str) -> u32 {
        let known = self.names.iter().rposition(|known| **known == *name);
        let position = known.unwrap_or_else(|| {
            let names = Arc::make_mut(&mut self.names);
            names.push(Arc::from(name));
            names.len() - 1
        });
        u32::try_from(position).unwrap_or(u32::MAX)
    }

    /// All names.
    pub fn names(&self) -> &Arc<Vec<Arc<str>>> {
        &self.names
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> Arc<str> {
        self.names.get(number as usize).cloned().unwrap_or_default()
    }

    /// Whether it is time to begin anew.
    pub fn is_full(&self) -> bool {
        self.names.len() > MAX_INPUTS
    }

    /// Forgets all names.
    pub fn clear(&mut self) {
        self.names = Arc::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_known_until_the_memory_is_full() {
        let mut seen = SeenRecords::new([7; 16], 3);
        let delivery = |seen: &mut SeenRecords, prints: &[u64]| {
            let mut repeats = Repeats::default();
            let new = prints.iter().map(|print| seen.insert(*print, &mut repeats));
            new.collect::<Vec<_>>()
        };
        let first = delivery(&mut seen, &[1, 2]);
        assert_eq!(first, [Some(1), Some(2)]);
        seen.close(vec![1, 2]);
        assert_eq!(delivery(&mut seen, &[2, 3, 4]), [None, Some(3), Some(4)]);
        seen.close(vec![3, 4]);
        let forgotten = delivery(&mut seen, &[1, 4]);
        assert_eq!(forgotten, [Some(1), None]);

        let twice = delivery(&mut seen, &[9, 9, 9]);
        assert!(twice.iter().all(Option::is_some), "no second delivery");
        assert_eq!(delivery(&mut seen, &[9, 9, 9]), [None; 3]);
        let again = SeenRecords::new([7; 16], 3);
        assert_eq!(again.fingerprint(b"x"), seen.fingerprint(b"x"));
        let other = SeenRecords::new([8; 16], 3);
        assert_ne!(other.fingerprint(b"x"), seen.fingerprint(b"x"));
    }

    #[test]
    fn findings_are_issued_once() {
        let mut seen = SeenFindings::default();
        assert!(seen.insert(b"a"));
        assert!(!seen.insert(b"a"));
        assert!(seen.insert(b"b"));
    }
}
