//! The part of a process tree that a finding shows.

use std::collections::HashSet;

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

type Handles = HashSet<u64, RandomState>;

impl Device {
    /// The guilty process with the path that led to it, what it started, and
    /// what else the finding cites below that path, parents before their
    /// children. Of its descendants those cited come first, then the oldest.
    pub fn tree(&self, guilty: u64, cited: &[u64], sequence: u64) -> Vec<TreeProcess> {
        let Some(blamed) = self.process(guilty, sequence) else {
            return Vec::new();
        };
        let path = self.ancestors(guilty, ANCESTORS, sequence);
        let root = path.last().map_or(blamed.process, |root| root.process);
        let mut shown: Handles = path.iter().map(|process| process.process).collect();
        shown.insert(blamed.process);
        let most = shown.len() + DESCENDANTS;
        self.show_cited(&mut shown, cited, sequence);
        self.show_descendants(&mut shown, blamed.process, most, sequence);

        let mut tree = Vec::with_capacity(shown.len());
        let mut placed = Handles::default();
        let mut open = vec![(root, 0)];
        while let Some((handle, depth)) = open.pop() {
            let Some(process) = self.process(handle, sequence) else {
                continue;
            };
            if !placed.insert(process.process) {
                continue;
            }
            let (below, hidden): (Vec<u64>, Vec<u64>) = self
                .children_of(handle, sequence)
                .partition(|child| shown.contains(child));
            let is_guilty = process.process == blamed.process;
            tree.push(entry(&process, depth, is_guilty, hidden.len()));
            // The oldest ends on top.
            open.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
        }
        tree
    }

    /// Adds the cited processes that descend from what is shown, with the path
    /// to each.
    fn show_cited(&self, shown: &mut Handles, cited: &[u64], sequence: u64) {
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
            if let Some(below) = path.iter().position(|handle| shown.contains(handle)) {
                shown.extend(path.iter().take(below));
            }
        }
    }

    /// Adds the oldest descendants until so many are shown, only below what is
    /// shown already, so that no path has a gap.
    fn show_descendants(&self, shown: &mut Handles, guilty: u64, most: usize, sequence: u64) {
        let mut oldest = self.descendants(guilty, CANDIDATES, sequence);
        oldest.sort_by_key(|process| (process.started, process.process));
        for process in oldest {
            if shown.len() >= most {
                break;
            }
            if process.parent.is_some_and(|parent| shown.contains(&parent)) {
                shown.insert(process.process);
            }
        }
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
