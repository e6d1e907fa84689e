//! The processes of one device: nodes, the indexes over them, and how both
//! change together.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use foldhash::fast::RandomState;

use super::{
    identity::{SLACK, device_seed},
    journal::Journal,
    process::{Facts, Node, Place, State},
};

/// Until when a fact holds that nothing ended yet.
pub(super) const OPEN: u64 = u64::MAX;

/// All that is known of one device.
#[derive(Debug)]
pub(super) struct Device {
    pub name: Arc<str>,
    pub seed: u64,
    /// The latest event time; it never goes back, so that what is late does
    /// not disturb the order of eviction.
    pub clock: i64,
    pub nodes: HashMap<u64, Node, RandomState>,
    pub by_pid: HashMap<u32, Vec<PidEntry>, RandomState>,
    /// Processes by command line.
    pub by_command: HashMap<u64, Vec<CommandEntry>, RandomState>,
    /// Processes by start.
    pub by_start: BTreeSet<(i64, u64)>,
    pub ended: BTreeSet<Place>,
    /// Processes not known to have ended, least recently seen first. A place
    /// may be out of date, never too late.
    pub live: BTreeSet<Place>,
    /// Nothing expires before the clock is past this.
    pub next_expiry: i64,
    /// How many processes are known.
    pub known: usize,
    /// How many bytes they take.
    pub bytes: usize,
    /// For each class the sequence of its first event, 0 for none.
    pub classes: Vec<u64>,
    /// By how much the events' clock is ahead of the one behind the GUIDs.
    pub guid_offset: Option<i64>,
    pub dirty: Vec<u64>,
    pub dirty_pids: Vec<u32>,
    /// Sequence of the last event.
    pub last_sequence: u64,
    /// Whether it is among those with something to settle.
    pub is_listed: bool,
    /// What is to be stored of it, if anything is.
    pub journal: Option<Journal>,
    /// Processes that were restored and are not among their parent's children
    /// yet.
    pub orphans: Vec<u64>,
}

/// That a process has a pid.
#[derive(Debug, Clone, Copy)]
pub(super) struct PidEntry {
    pub handle: u64,
    pub since: u64,
    pub until: u64,
}

/// That a process has a command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandEntry {
    pub handle: u64,
    pub since: u64,
}

impl Device {
    pub fn new(name: Arc<str>) -> Self {
        Self {
            seed: device_seed(&name),
            name,
            clock: i64::MIN,
            nodes: HashMap::default(),
            by_pid: HashMap::default(),
            by_command: HashMap::default(),
            by_start: BTreeSet::new(),
            ended: BTreeSet::new(),
            live: BTreeSet::new(),
            next_expiry: i64::MAX,
            known: 0,
            bytes: 0,
            classes: Vec::new(),
            guid_offset: None,
            dirty: Vec::new(),
            dirty_pids: Vec::new(),
            last_sequence: 0,
            is_listed: false,
            journal: None,
            orphans: Vec::new(),
        }
    }

    /// The handle that stands for the same process as of a sequence.
    pub fn canonical(&self, mut handle: u64, sequence: u64) -> u64 {
        // Aliases point at processes, not at aliases, but for those of a node
        // that was merged twice within a batch.
        for _ in 0..8 {
            match self.nodes.get(&handle).map(|node| node.state.at(sequence)) {
                Some(State::Alias(process)) => handle = *process,
                _ => break,
            }
        }
        handle
    }

    /// What is known of a process as of a sequence, with its canonical handle.
    pub fn facts_at(&self, handle: u64, sequence: u64) -> Option<(u64, &Facts)> {
        let handle = self.canonical(handle, sequence);
        Some((handle, self.nodes.get(&handle)?.facts_at(sequence)?))
    }

    /// What is known of a process.
    pub fn facts(&self, handle: u64) -> Option<(u64, &Facts)> {
        self.facts_at(handle, OPEN)
    }

    /// The processes that have a pid as of a sequence.
    pub fn with_pid(&self, pid: u32, sequence: u64) -> impl Iterator<Item = (u64, &Facts)> {
        self.by_pid
            .get(&pid)
            .into_iter()
            .flatten()
            .filter(move |entry| {
                entry.since <= sequence
                    && (sequence < entry.until || (sequence == OPEN && entry.until == OPEN))
            })
            .filter_map(move |entry| {
                let facts = self.nodes.get(&entry.handle)?.facts_at(sequence)?;
                Some((entry.handle, facts))
            })
    }

    /// The process that had a pid at a time, as far as is known as of a
    /// sequence: of those that had not ended the one that started last.
    pub fn resolve(&self, pid: u32, time: i64, sequence: u64) -> Option<(u64, &Facts)> {
        self.with_pid(pid, sequence)
            .filter(|(_, facts)| facts.order() <= time.saturating_add(SLACK))
            .filter(|(_, facts)| {
                facts
                    .ended
                    .is_none_or(|ended| ended.saturating_add(SLACK) >= time)
            })
            .max_by_key(|(handle, facts)| {
                let order = facts.order();
                (order <= time, order, facts.created, *handle)
            })
    }

    /// The processes with a command line.
    pub fn with_command(&self, key: u64) -> impl Iterator<Item = (u64, &Facts)> {
        self.by_command
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some((entry.handle, self.nodes.get(&entry.handle)?.facts()?)))
    }

    /// Notes that an event named a process.
    pub fn touch(&mut self, handle: u64, sequence: u64) {
        if let Some(node) = self.nodes.get_mut(&handle) {
            node.last_seen = self.clock;
            node.last_sequence = sequence;
            if let Some(journal) = &mut self.journal {
                journal.note_mention(handle, node, sequence);
            }
        }
    }

    /// Makes a process known under a handle that means nothing yet.
    pub fn create(&mut self, handle: u64, facts: Facts, sequence: u64) {
        let clock = self.clock;
        let node = self.nodes.entry(handle).or_default();
        *node.state.change(sequence) = State::Known(Box::new(facts));
        node.last_seen = clock;
        node.last_sequence = sequence;
        self.known += 1;
        self.mark(handle);
        self.index(handle, sequence);
    }

    /// Changes what is known of a process.
    pub fn edit(&mut self, handle: u64, sequence: u64, change: impl FnOnce(&mut Facts)) {
        let Some(node) = self.nodes.get_mut(&handle) else {
            return;
        };
        if node.facts().is_none() {
            return;
        }
        if let State::Known(facts) = node.state.change(sequence) {
            change(facts);
        }
        self.mark(handle);
        self.index(handle, sequence);
    }

    /// Makes a handle another name of a process.
    pub fn alias(&mut self, handle: u64, process: u64, sequence: u64) {
        if handle == process {
            return;
        }
        let node = self.nodes.entry(handle).or_default();
        *node.state.change(sequence) = State::Alias(process);
        self.mark(handle);
        self.edit(process, sequence, |facts| {
            if !facts.aliases.contains(&handle) {
                facts.aliases.push(handle);
            }
        });
    }

    /// Makes two processes one that turned out to be the same: the one known
    /// later becomes another name of the other. Returns the handle that stays.
    pub fn merge(&mut self, one: u64, other: u64, sequence: u64) -> u64 {
        let (Some((one, first)), Some((other, second))) = (self.facts(one), self.facts(other))
        else {
            return one;
        };
        if one == other {
            return one;
        }
        let (stays, goes) = if (first.created, one) <= (second.created, other) {
            (one, other)
        } else {
            (other, one)
        };
        let Some((_, gone)) = self.facts(goes) else {
            return stays;
        };
        let gone = gone.clone();
        let children = self.end_links(goes, sequence);
        let last_seen = self.nodes.get(&goes).map_or(0, |node| node.last_seen);
        if let Some(node) = self.nodes.get_mut(&goes) {
            *node.state.change(sequence) = State::Alias(stays);
        }
        self.known = self.known.saturating_sub(1);
        self.mark(goes);
        self.index(goes, sequence);
        for alias in &gone.aliases {
            if let Some(node) = self.nodes.get_mut(alias) {
                *node.state.change(sequence) = State::Alias(stays);
            }
            self.mark(*alias);
        }
        if let Some(node) = self.nodes.get_mut(&stays) {
            node.last_seen = node.last_seen.max(last_seen);
            node.last_sequence = sequence;
        }
        self.edit(stays, sequence, |facts| {
            facts.absorb(&gone);
            facts.aliases.push(goes);
            facts.aliases.extend(&gone.aliases);
            if facts.parent == stays || facts.aliases.contains(&facts.parent) {
                facts.parent = 0;
            }
        });
        for link in children {
            if link.child != stays {
                self.add_link(stays, link.child, link.start, sequence);
            }
        }
        stays
    }

    /// Forgets a process. It still answers for earlier sequences until
    /// [`settle`](Self::settle).
    pub fn evict(&mut self, handle: u64, sequence: u64) {
        let Some(node) = self.nodes.get_mut(&handle) else {
            return;
        };
        let aliases = node.facts().map(|facts| facts.aliases.clone());
        *node.state.change(sequence) = State::Absent;
        self.known = self.known.saturating_sub(1);
        self.mark(handle);
        self.index(handle, sequence);
        for link in self.end_links(handle, sequence) {
            self.note_change(link.child);
        }
        for alias in aliases.unwrap_or_default() {
            if let Some(node) = self.nodes.get_mut(&alias) {
                *node.state.change(sequence) = State::Absent;
            }
            self.mark(alias);
        }
    }

    pub fn mark(&mut self, handle: u64) {
        if let Some(node) = self.nodes.get_mut(&handle)
            && !node.is_dirty
        {
            node.is_dirty = true;
            self.dirty.push(handle);
        }
    }

    /// Whether there is anything to settle.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.dirty_pids.is_empty()
    }

    /// Forgets how things were earlier in the batch, and what was evicted.
    pub fn settle(&mut self) {
        for handle in std::mem::take(&mut self.dirty) {
            let Some(node) = self.nodes.get_mut(&handle) else {
                continue;
            };
            node.is_dirty = false;
            if let Some(journal) = &mut self.journal
                && node.state.has_changed()
            {
                journal.note(handle, node, self.last_sequence);
            }
            node.state.settle();
            node.children.retain(|link| link.until == OPEN);
            if matches!(node.state.now(), State::Absent) {
                self.nodes.remove(&handle);
            }
        }
        for pid in std::mem::take(&mut self.dirty_pids) {
            if let Some(entries) = self.by_pid.get_mut(&pid) {
                entries.retain(|entry| entry.until == OPEN);
                if entries.is_empty() {
                    self.by_pid.remove(&pid);
                }
            }
        }
    }
}
