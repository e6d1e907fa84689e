//! The part of a process tree that a finding shows.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::finding::TreeProcess;

use super::{device::Device, process::ProcessInfo};

/// Most ancestors shown.
const ANCESTORS: usize = 8;

/// Most descendants shown, but for those that the finding cites.
const DESCENDANTS: usize = 40;

/// Most descendants looked at to choose those from.
const CANDIDATES: usize = 1024;

/// Longest text of a process in a tree, in bytes.
const TEXT: usize = 8 * 1024;

impl Device {
    /// The guilty process with the path that led to it and what it started,
    /// parents before their children. Of its descendants those cited come
    /// first, with the path to them, then the oldest.
    pub fn tree(&self, guilty: u64, cited: &[u64], sequence: u64) -> Vec<TreeProcess> {
        let Some(blamed) = self.process(guilty, sequence) else {
            return Vec::new();
        };
        let mut path = self.ancestors(guilty, ANCESTORS, sequence);
        path.reverse();
        path.push(blamed);
        let shown = self.descendants_shown(&blamed, cited, sequence);

        let mut tree = Vec::with_capacity(path.len() + shown.len());
        for (depth, process) in path.iter().enumerate() {
            let next = path.get(depth + 1).map(|next| next.process);
            let is_guilty = process.process == blamed.process;
            let hidden = self
                .children_of(process.process, sequence)
                .filter(|child| Some(*child) != next)
                .filter(|child| !is_guilty || !shown.contains(child))
                .count();
            tree.push(entry(process, depth, is_guilty, hidden));
        }
        let mut open: Vec<(u64, usize)> = Vec::new();
        self.push_children(&mut open, blamed.process, path.len(), &shown, sequence);
        let mut placed: HashSet<u64, RandomState> =
            path.iter().map(|process| process.process).collect();
        while let Some((handle, depth)) = open.pop() {
            let Some(process) = self.process(handle, sequence) else {
                continue;
            };
            if !placed.insert(process.process) {
                continue;
            }
            let hidden = self
                .children_of(handle, sequence)
                .filter(|child| !shown.contains(child))
                .count();
            tree.push(entry(&process, depth, false, hidden));
            self.push_children(&mut open, handle, depth + 1, &shown, sequence);
        }
        tree
    }

    /// Puts the shown children on the stack, the oldest on top.
    fn push_children(
        &self,
        open: &mut Vec<(u64, usize)>,
        parent: u64,
        depth: usize,
        shown: &HashSet<u64, RandomState>,
        sequence: u64,
    ) {
        let from = open.len();
        open.extend(
            self.children_of(parent, sequence)
                .filter(|child| shown.contains(child))
                .map(|child| (child, depth)),
        );
        if let Some(new) = open.get_mut(from..) {
            new.reverse();
        }
    }

    fn descendants_shown(
        &self,
        guilty: &ProcessInfo<'_>,
        cited: &[u64],
        sequence: u64,
    ) -> HashSet<u64, RandomState> {
        let mut shown = HashSet::default();
        for handle in cited {
            let Some(process) = self.process(*handle, sequence) else {
                continue;
            };
            let mut path = vec![process.process];
            path.extend(
                self.ancestors(*handle, CANDIDATES, sequence)
                    .iter()
                    .map(|ancestor| ancestor.process),
            );
            if let Some(below) = path.iter().position(|handle| *handle == guilty.process) {
                shown.extend(path.iter().take(below));
            }
        }
        let candidates = self.descendants(guilty.process, CANDIDATES, sequence);
        let parents: HashMap<u64, Option<u64>, RandomState> = candidates
            .iter()
            .map(|process| (process.process, process.parent))
            .collect();
        let mut oldest = candidates;
        oldest.sort_by_key(|process| (process.started, process.process));
        for process in oldest {
            if shown.len() >= DESCENDANTS {
                break;
            }
            // Only below what is shown already, so that no path has a gap.
            let parent = parents.get(&process.process).copied().flatten();
            if parent.is_some_and(|parent| parent == guilty.process || shown.contains(&parent)) {
                shown.insert(process.process);
            }
        }
        shown
    }
}

fn entry(
    process: &ProcessInfo<'_>,
    depth: usize,
    is_guilty: bool,
    hidden_children: usize,
) -> TreeProcess {
    TreeProcess {
        process: process.process,
        depth: u32::try_from(depth).unwrap_or(u32::MAX),
        is_guilty,
        pid: process.pid,
        guid: process.guid.to_owned(),
        image: process.image.to_owned(),
        command_line: cut(process.command_line),
        user: process.user.to_owned(),
        started: process.started,
        hidden_children: u32::try_from(hidden_children).unwrap_or(u32::MAX),
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT.min(text.len()));
    text.get(..end).unwrap_or_default().to_owned()
}
