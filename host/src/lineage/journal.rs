//! What changed since it was last stored. Nothing is noted unless asked for: a
//! scan stores nothing.

use std::{borrow::Cow, sync::Arc};

use crate::{change::Change, vocabulary::vocabulary};

use super::{
    Lineage,
    device::{Device, OPEN},
    process::{Facts, Node, State},
    record::{ClassesRecord, DeviceRecord, Key, NodeKey, NodeRecord, Standing, encode},
};

/// Milliseconds of event time by which the stored time of a process's last
/// mention may be out of date. Without it every event would write a process.
const MENTION: i64 = 60_000;

/// What of all devices is to be stored.
#[derive(Debug)]
pub(super) struct Pending {
    /// Devices with a journal to write.
    devices: Vec<Arc<str>>,
    /// Removals of everything stored of the devices that were forgotten.
    removals: Vec<Change>,
    mention: i64,
}

/// What of a device is to be stored.
#[derive(Debug)]
pub(super) struct Journal {
    /// One that was forgotten and came back may be there twice.
    nodes: Vec<NodeKey>,
    /// Whether a class was seen for the first time.
    pub has_new_class: bool,
    /// Whether the device is among the pending ones.
    is_listed: bool,
    mention: i64,
}

impl Lineage {
    /// From now on notes what changes, for
    /// [`take_changes`](Self::take_changes). Must come before the first event
    /// and before [`restore`](Self::restore).
    pub fn keep_changes(&mut self) {
        self.keep_changes_and_mentions(MENTION);
    }

    pub(super) fn keep_changes_and_mentions(&mut self, mention: i64) {
        self.pending = Some(Pending {
            devices: Vec::new(),
            removals: Vec::new(),
            mention,
        });
    }

    /// What changed since this was last asked, by device and key, each key
    /// once. To be asked between batches.
    ///
    /// That a process was merely named changes the time of its last mention,
    /// which is stored only where that is a minute older. So lineage that is
    /// restored may take a process to be last named up to a minute too early.
    /// Only eviction and expiry look at that time, so all answers are the same
    /// for as long as a process is remembered. Where the time does decide
    /// which process is meant, every mention is stored.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let Some(pending) = &mut self.pending else {
            return Vec::new();
        };
        let mut changes = std::mem::take(&mut pending.removals);
        let mut names = std::mem::take(&mut pending.devices);
        names.sort_unstable();
        for name in names {
            if let Some(device) = self.devices.get_mut(&name) {
                device.take_changes(&mut changes);
            }
        }
        // A forgotten device may have come back: what was noted last holds.
        changes.sort_by(|one, other| (&one.device, &one.key).cmp(&(&other.device, &other.key)));
        changes.dedup_by(|later, kept| {
            let is_same = later.device == kept.device && later.key == kept.key;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
        changes
    }
}

impl Pending {
    pub fn journal(&self) -> Journal {
        Journal {
            nodes: Vec::new(),
            has_new_class: false,
            is_listed: false,
            mention: self.mention,
        }
    }

    /// Notes that a device changed.
    pub fn list(&mut self, device: &mut Device) {
        if let Some(journal) = &mut device.journal
            && !journal.is_listed
        {
            journal.is_listed = true;
            self.devices.push(Arc::clone(&device.name));
        }
    }

    /// Notes that a device was forgotten.
    pub fn remove(&mut self, device: &Device) {
        let stored = device
            .nodes
            .iter()
            .filter_map(|(handle, node)| node.key(*handle));
        let noted = device.journal.iter().flat_map(|journal| &journal.nodes);
        let mut nodes: Vec<NodeKey> = stored.chain(noted.copied()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let nodes = nodes.into_iter().map(Key::Node);
        let keys = [Key::Device, Key::Classes].into_iter().chain(nodes);
        self.removals.extend(keys.map(|key| Change {
            device: Arc::clone(&device.name),
            key: key.encode(),
            value: None,
        }));
    }
}

impl Journal {
    /// Notes that what is stored of a handle is not right any more, at an
    /// event.
    pub fn note(&mut self, handle: u64, node: &mut Node, sequence: u64) {
        if !node.is_noted {
            node.is_noted = true;
            let since = *node.stored_since.get_or_insert(sequence);
            self.nodes.push(NodeKey { since, handle });
        }
    }

    /// Notes that an event named a process.
    pub fn note_mention(&mut self, handle: u64, node: &mut Node, sequence: u64) {
        // One that was never stored is noted for that.
        let Some(stored) = node.stored else { return };
        let is_decisive = node.facts().is_some_and(Facts::is_known_by_command_only);
        let mention = if is_decisive { 0 } else { self.mention };
        if node.last_seen.saturating_sub(stored) >= mention {
            self.note(handle, node, sequence);
        }
    }
}

impl Node {
    /// What it is stored under, if it is or is to be.
    fn key(&self, handle: u64) -> Option<NodeKey> {
        let since = self.stored_since?;
        Some(NodeKey { since, handle })
    }
}

impl Device {
    /// Notes that what is stored of a handle is not right any more.
    pub fn note_change(&mut self, handle: u64) {
        if let Some(journal) = &mut self.journal
            && let Some(node) = self.nodes.get_mut(&handle)
        {
            journal.note(handle, node, self.last_sequence);
        }
    }

    fn take_changes(&mut self, changes: &mut Vec<Change>) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        if !std::mem::take(&mut journal.is_listed) {
            return;
        }
        let has_new_class = std::mem::take(&mut journal.has_new_class);
        let mut nodes = std::mem::take(&mut journal.nodes);
        nodes.sort_unstable();
        nodes.dedup();
        let name = Arc::clone(&self.name);
        let mut push = |key: Key, value| {
            changes.push(Change {
                device: Arc::clone(&name),
                key: key.encode(),
                value,
            });
        };
        push(Key::Device, Some(encode(&self.record())));
        if has_new_class {
            push(Key::Classes, Some(encode(&self.classes_record())));
        }
        for key in nodes {
            let value = self.node_record(key).map(|record| encode(&record));
            push(Key::Node(key), value);
            if let Some(node) = self.nodes.get_mut(&key.handle) {
                node.is_noted = false;
                node.stored = Some(node.last_seen);
            }
        }
    }

    fn record(&self) -> DeviceRecord {
        DeviceRecord {
            clock: self.clock,
            next_expiry: self.next_expiry,
            guid_offset: self.guid_offset,
            last_sequence: self.last_sequence,
        }
    }

    fn classes_record(&self) -> ClassesRecord<'static> {
        let classes = vocabulary().classes().map(|class| class.name.as_str());
        let seen = classes.zip(self.classes.iter().copied());
        ClassesRecord(seen.filter(|(_, first)| *first != 0).collect())
    }

    /// Nothing for what was forgotten, even if it came back: then it is stored
    /// under another key.
    fn node_record(&self, key: NodeKey) -> Option<NodeRecord<'_>> {
        let handle = key.handle;
        let node = self.nodes.get(&handle)?;
        if node.key(handle) != Some(key) {
            return None;
        }
        match node.state.now() {
            State::Absent => None,
            State::Alias(process) => Some(NodeRecord::Alias(*process)),
            State::Known(facts) => {
                let standing = self.standing(handle, node, facts);
                Some(NodeRecord::Process(Cow::Borrowed(facts), standing))
            }
        }
    }

    fn standing(&self, handle: u64, node: &Node, facts: &Facts) -> Standing {
        let by_pid = facts.pid.and_then(|pid| self.by_pid.get(&pid));
        let by_command = self.by_command.get(&facts.command_key);
        let parent = self.nodes.get(&self.canonical(facts.parent, OPEN));
        Standing {
            last_seen: node.last_seen,
            last_sequence: node.last_sequence,
            pid_since: by_pid
                .into_iter()
                .flatten()
                .find(|entry| entry.handle == handle && entry.until == OPEN)
                .map(|entry| entry.since),
            command_since: by_command
                .into_iter()
                .flatten()
                .find(|entry| entry.handle == handle)
                .map(|entry| entry.since),
            ended: match node.indexed.queue {
                Some((true, (sequence, clock, _))) => Some((sequence, clock)),
                _ => None,
            },
            is_child: parent.is_some_and(|parent| parent.has_child(facts.order(), handle)),
        }
    }
}
