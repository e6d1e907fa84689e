//! Files whose position is known and that are not open.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::position::Position;

/// Positions from the last run, and of files that were closed since.
#[derive(Default)]
pub(super) struct Known {
    /// By inode, then by the key it is stored under.
    positions: BTreeMap<(u64, String), Kept>,
}

struct Kept {
    position: Position,
    missing_since: Option<Instant>,
}

impl Known {
    pub(super) fn insert(&mut self, key: String, position: Position) {
        let kept = Kept {
            position,
            missing_since: None,
        };
        self.positions.insert((kept.position.inode, key), kept);
    }

    pub(super) fn remove(&mut self, inode: u64, key: &str) {
        self.positions.remove(&(inode, key.to_owned()));
    }

    /// What is known of files of an inode.
    pub(super) fn of(&self, inode: u64) -> impl Iterator<Item = (&str, &Position)> {
        let known = self.positions.range((inode, String::new())..);
        known
            .take_while(move |((other, _), _)| *other == inode)
            .map(|((_, key), kept)| (key.as_str(), &kept.position))
    }

    /// Forgets files whose inode has been gone for long; returns their keys.
    pub(super) fn forget(
        &mut self,
        inodes: &BTreeSet<u64>,
        gone: Duration,
        now: Instant,
    ) -> Vec<String> {
        let mut forgotten = Vec::new();
        self.positions.retain(|(inode, key), kept| {
            if inodes.contains(inode) {
                kept.missing_since = None;
                return true;
            }
            let since = *kept.missing_since.get_or_insert(now);
            let is_kept = now.duration_since(since) < gone;
            if !is_kept {
                forgotten.push(key.clone());
            }
            is_kept
        });
        forgotten
    }
}
