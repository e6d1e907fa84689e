//! Questions about one device's processes, as of a sequence.

use std::collections::{HashSet, VecDeque};

use foldhash::fast::RandomState;

use super::{
    device::Device,
    process::{Facts, ProcessInfo},
};

/// Handles already met. Forged records can make a process its own ancestor.
type Met = HashSet<u64, RandomState>;

impl Device {
    /// What is known of a process.
    pub fn process(&self, handle: u64, sequence: u64) -> Option<ProcessInfo<'_>> {
        let (handle, facts) = self.facts_at(handle, sequence)?;
        Some(facts.info(handle, self.canonical(facts.parent, sequence)))
    }

    /// The ancestors of a process, nearest first.
    pub fn ancestors(&self, handle: u64, limit: usize, sequence: u64) -> Vec<ProcessInfo<'_>> {
        let mut found = Vec::new();
        let mut met = Met::default();
        let mut next = self.process(handle, sequence);
        while let Some(process) = next {
            met.insert(process.process);
            next = process
                .parent
                .filter(|parent| found.len() < limit && !met.contains(parent))
                .and_then(|parent| self.process(parent, sequence));
            found.extend(next);
        }
        found
    }

    /// The canonical handles of a process's children, oldest first.
    pub fn children_of(&self, handle: u64, sequence: u64) -> impl Iterator<Item = u64> {
        let handle = self.canonical(handle, sequence);
        self.nodes
            .get(&handle)
            .filter(|node| node.facts_at(sequence).is_some())
            .into_iter()
            .flat_map(|node| &node.children)
            .filter(move |link| link.since <= sequence && sequence < link.until)
            .map(|link| link.child)
    }

    /// The children of a process, oldest first.
    pub fn children(&self, handle: u64, limit: usize, sequence: u64) -> Vec<ProcessInfo<'_>> {
        self.children_of(handle, sequence)
            .filter_map(|child| self.process(child, sequence))
            .take(limit)
            .collect()
    }

    /// The descendants of a process, breadth first.
    pub fn descendants(&self, handle: u64, limit: usize, sequence: u64) -> Vec<ProcessInfo<'_>> {
        let mut found: Vec<ProcessInfo<'_>> = Vec::new();
        let mut met = Met::default();
        let mut open = VecDeque::from([self.canonical(handle, sequence)]);
        met.extend(&open);
        while let Some(parent) = open.pop_front() {
            for child in self.children_of(parent, sequence) {
                if found.len() >= limit {
                    return found;
                }
                if met.insert(child)
                    && let Some(process) = self.process(child, sequence)
                {
                    found.push(process);
                    open.push_back(child);
                }
            }
        }
        found
    }

    /// All handles of a process, the canonical one first.
    pub fn handles_of(&self, handle: u64, sequence: u64) -> Vec<u64> {
        match self.facts_at(handle, sequence) {
            Some((process, Facts { aliases, .. })) => {
                let mut handles = Vec::with_capacity(1 + aliases.len());
                handles.push(process);
                handles.extend(aliases);
                handles
            }
            None => vec![handle],
        }
    }
}
