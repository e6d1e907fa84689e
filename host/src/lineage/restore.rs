//! Lineage from what was stored of it.

use std::sync::Arc;

use crate::{change::Damaged, vocabulary::vocabulary};

use super::{
    Lineage,
    device::{CommandEntry, Device, OPEN, PidEntry},
    journal::Pending,
    process::{Facts, Indexed, Link, Node, State},
    record::{ClassesRecord, DeviceRecord, Key, NodeKey, NodeRecord, Standing, decode},
    versioned::Versioned,
};

impl Lineage {
    /// Takes in a value that [`take_changes`](Self::take_changes) gave, before
    /// the first event. Values come in the order of their keys, each once. The
    /// sequences of later events go on where those of the stored ones ended.
    pub fn restore(&mut self, device: &str, key: &[u8], value: &[u8]) -> Result<(), Damaged> {
        self.restore_value(device, key, value)
            .ok_or_else(|| damaged(device))
    }

    /// All stored values are in: joins them. After an error, here or before,
    /// lineage is of no use.
    pub fn end_restore(&mut self) -> Result<(), Damaged> {
        let mut names: Vec<_> = self.devices.keys().cloned().collect();
        names.sort_unstable();
        for name in names {
            let Some(device) = self.devices.get_mut(&name) else {
                continue;
            };
            device.end_restore().ok_or_else(|| damaged(&name))?;
            device.journal = self.pending.as_ref().map(Pending::journal);
            self.stats.devices += 1;
            self.stats.processes += device.known;
            self.stats.bytes += device.bytes;
            // No event is of two devices.
            if let Some(other) = self.queue.insert(device.last_sequence, name) {
                return Err(damaged(&other));
            }
        }
        Ok(())
    }

    fn restore_value(&mut self, name: &str, key: &[u8], value: &[u8]) -> Option<()> {
        match Key::decode(key)? {
            Key::Device => {
                let name: Arc<str> = Arc::from(name);
                let device = Device::restored(Arc::clone(&name), &decode(value)?);
                self.devices.insert(name, device).is_none().then_some(())
            }
            Key::Classes => {
                let record = decode(value)?;
                self.devices.get_mut(name)?.restore_classes(&record);
                Some(())
            }
            Key::Node(key) => {
                let record = decode(value)?;
                self.devices.get_mut(name)?.restore_node(key, record)
            }
        }
    }
}

impl Device {
    fn restored(name: Arc<str>, record: &DeviceRecord) -> Self {
        Self {
            clock: record.clock,
            next_expiry: record.next_expiry,
            guid_offset: record.guid_offset,
            last_sequence: record.last_sequence,
            ..Self::new(name)
        }
    }

    fn restore_classes(&mut self, record: &ClassesRecord<'_>) {
        for (name, first) in &record.0 {
            // The vocabulary may have lost one.
            if let Some((class, _)) = vocabulary().class(name) {
                self.note_class(class, *first);
            }
        }
    }

    fn restore_node(&mut self, key: NodeKey, record: NodeRecord<'_>) -> Option<()> {
        let NodeKey { since, handle } = key;
        let node = match record {
            NodeRecord::Alias(process) => Node {
                state: Versioned::new(State::Alias(process)),
                stored: Some(0),
                stored_since: Some(since),
                ..Node::default()
            },
            NodeRecord::Process(facts, standing) => {
                let facts = facts.into_owned();
                let indexed = self.restore_indexes(handle, &facts, &standing)?;
                Node {
                    state: Versioned::new(State::Known(facts)),
                    last_seen: standing.last_seen,
                    last_sequence: standing.last_sequence,
                    indexed,
                    stored: Some(standing.last_seen),
                    stored_since: Some(since),
                    ..Node::default()
                }
            }
        };
        self.nodes.insert(handle, node).is_none().then_some(())
    }

    fn restore_indexes(
        &mut self,
        handle: u64,
        facts: &Facts,
        standing: &Standing,
    ) -> Option<Indexed> {
        let queue = match (standing.ended, facts.ended) {
            (Some((sequence, clock)), Some(_)) => {
                let place = (sequence, clock, handle);
                self.ended.insert(place);
                (true, place)
            }
            (None, None) => {
                let place = (standing.last_sequence, standing.last_seen, handle);
                self.live.insert(place);
                (false, place)
            }
            _ => return None,
        };
        if let (Some(pid), Some(since)) = (facts.pid, standing.pid_since) {
            let until = OPEN;
            let entries = self.by_pid.entry(pid).or_default();
            entries.push(PidEntry {
                handle,
                since,
                until,
            });
        }
        if let Some(since) = standing.command_since {
            let entries = self.by_command.entry(facts.command_key).or_default();
            entries.push(CommandEntry { handle, since });
        }
        if let Some(start) = facts.started {
            self.by_start.insert((start, handle));
        }
        if standing.is_child {
            self.orphans.push(handle);
        }
        let indexed = Indexed::of(facts, queue);
        self.known += 1;
        self.bytes += indexed.size;
        Some(indexed)
    }

    fn end_restore(&mut self) -> Option<()> {
        let mut parents = Vec::new();
        for child in std::mem::take(&mut self.orphans) {
            let (parent, start) = self.nodes.get(&child)?.indexed.parent?;
            let parent = self.canonical(parent, OPEN);
            let node = self.nodes.get_mut(&parent)?;
            node.facts()?;
            // In order below: one by one would take long for many.
            node.children.push(Link {
                start,
                child,
                since: 0,
                until: OPEN,
            });
            parents.push(parent);
        }
        parents.sort_unstable();
        parents.dedup();
        for parent in parents {
            if let Some(node) = self.nodes.get_mut(&parent) {
                node.children
                    .sort_unstable_by_key(|link| (link.start, link.child));
            }
        }
        self.are_aliases_mutual().then_some(())
    }

    /// Whether every process's aliases are its own, and there are no others:
    /// a process takes its aliases with it when it is forgotten.
    fn are_aliases_mutual(&self) -> bool {
        let is_alias = |alias: &u64, process: &u64| {
            self.nodes
                .get(alias)
                .is_some_and(|node| matches!(node.state.now(), State::Alias(of) if of == process))
        };
        let (mut listed, mut found) = (0, 0);
        for (handle, node) in &self.nodes {
            match node.state.now() {
                State::Known(facts) => {
                    listed += facts.aliases.len();
                    if !facts.aliases.iter().all(|alias| is_alias(alias, handle)) {
                        return false;
                    }
                }
                State::Alias(_) => found += 1,
                State::Absent => {}
            }
        }
        listed == found
    }
}

fn damaged(device: &str) -> Damaged {
    Damaged {
        part: "lineage",
        device: device.to_owned(),
    }
}
