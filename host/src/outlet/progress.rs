//! What became of the entries of a batch over several attempts.

use std::collections::BTreeMap;

use super::{Delivered, Entry};

/// Entries that need not be tried again. Holds no more than one batch.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// By number; with the reason if the entry was refused.
    settled: BTreeMap<u64, Option<String>>,
}

impl Progress {
    /// What of a batch is still to be tried. Whatever is not of this batch is
    /// forgotten.
    pub fn pending<'a>(&mut self, entries: &'a [Entry]) -> Vec<&'a Entry> {
        let settled = std::mem::take(&mut self.settled);
        let mut pending = Vec::new();
        for entry in entries {
            match settled.get(&entry.number) {
                Some(fate) => self.settle(entry, fate.clone()),
                None => pending.push(entry),
            }
        }
        pending
    }

    /// The entry arrived, or was refused for this reason.
    pub fn settle(&mut self, entry: &Entry, refused: Option<String>) {
        self.settled.insert(entry.number, refused);
    }

    /// All of the batch is settled.
    pub fn finish(&mut self) -> Delivered {
        let settled = std::mem::take(&mut self.settled);
        let refused = settled
            .into_iter()
            .filter_map(|(number, reason)| Some((number, reason?)));
        Delivered {
            refused: refused.collect(),
        }
    }
}
