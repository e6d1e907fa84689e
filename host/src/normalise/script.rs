//! Puts script blocks that PowerShell logged in several parts back together.

mod persist;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use xxhash_rust::xxh3::Xxh3;

use crate::{
    event::{Event, Fields},
    vocabulary::fields,
};

/// How many blocks may wait for parts. Records with made-up identifiers and
/// part numbers would otherwise collect without end.
const MAX_OPEN: usize = 1024;

/// How many bytes of parts may wait.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How many parts a block may have; PowerShell's parts have about 20 kB.
pub(super) const MAX_PARTS: u64 = 4096;

/// A part of a script block.
#[derive(Debug)]
pub struct ScriptPart {
    /// The event as if the part were all.
    pub event: Event,
    /// Which part it is, from 1.
    pub number: u32,
    /// How many there are.
    pub total: u32,
}

/// Script blocks that wait for parts.
#[derive(Debug, Default)]
pub struct ScriptBlocks {
    open: HashMap<Key, Block>,
    /// The oldest first; blocks that were completed may still be in it.
    order: VecDeque<(u64, Key)>,
    count: u64,
    bytes: usize,
    /// The parts that came or went since it was last asked, if anyone asks at
    /// all.
    changed: Option<persist::Changed>,
}

type Key = (Arc<str>, Box<str>);

#[derive(Debug)]
struct Block {
    /// Its number, never used twice.
    opened: u64,
    /// The time of the part that came first.
    since: i64,
    total: u32,
    parts: BTreeMap<u32, Event>,
    bytes: usize,
}

impl ScriptBlocks {
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds a part. The whole block goes to `done` with its last part, and so
    /// do blocks that have to make room, as far as they came.
    pub fn add(&mut self, part: ScriptPart, done: &mut Vec<Event>) {
        let size = part.event.fields.size();
        let id = part.event.fields.text(fields::SCRIPT_UID);
        let key: Key = (Arc::clone(&part.event.device), id.into());
        let since = part.event.time;
        let count = &mut self.count;
        let order = &mut self.order;
        let block = self.open.entry(key.clone()).or_insert_with(|| {
            *count += 1;
            order.push_back((*count, key.clone()));
            Block {
                opened: *count,
                since,
                total: part.total,
                parts: BTreeMap::new(),
                bytes: 0,
            }
        });
        // A part delivered twice adds nothing.
        if block.parts.contains_key(&part.number) {
            return;
        }
        if let Some(changed) = &mut self.changed {
            changed.came(&key, block.opened, part.number);
        }
        block.parts.insert(part.number, part.event);
        block.bytes += size;
        self.bytes += size;
        if block.parts.len() >= block.total as usize
            && let Some(block) = self.open.remove(&key)
        {
            self.finish(&key, block, done);
        }
        while self.open.len() > MAX_OPEN || self.bytes > MAX_BYTES {
            if !self.finish_oldest(done) {
                break;
            }
        }
        if self.order.len() > 2 * MAX_OPEN {
            let open = &self.open;
            self.order
                .retain(|(opened, key)| open.get(key).is_some_and(|block| block.opened == *opened));
        }
    }

    /// Hands out what is left, as far as it came.
    pub fn finish_all(&mut self, done: &mut Vec<Event>) {
        while self.finish_oldest(done) {}
    }

    /// Hands out the blocks whose first part happened more than so many
    /// milliseconds before a time, as far as they came, in the order in which
    /// they were opened. For who never comes to an end, since a part may have
    /// been lost.
    pub fn finish_older_than(&mut self, time: i64, age: i64, done: &mut Vec<Event>) {
        let limit = time.saturating_sub(age);
        if self.open.values().all(|block| block.since >= limit) {
            return;
        }
        for (opened, key) in std::mem::take(&mut self.order) {
            let block = self.open.get(&key);
            let Some(block) = block.filter(|block| block.opened == opened) else {
                continue;
            };
            if block.since >= limit {
                self.order.push_back((opened, key));
            } else if let Some(block) = self.open.remove(&key) {
                self.finish(&key, block, done);
            }
        }
    }

    fn finish_oldest(&mut self, done: &mut Vec<Event>) -> bool {
        while let Some((opened, key)) = self.order.pop_front() {
            if self
                .open
                .get(&key)
                .is_some_and(|block| block.opened == opened)
                && let Some(block) = self.open.remove(&key)
            {
                self.finish(&key, block, done);
                return true;
            }
        }
        false
    }

    fn finish(&mut self, key: &Key, block: Block, done: &mut Vec<Event>) {
        if let Some(changed) = &mut self.changed {
            changed.went(key, &block);
        }
        self.bytes = self.bytes.saturating_sub(block.bytes);
        done.extend(join(block.parts));
    }
}

/// The event of the first part, with the text of all.
fn join(parts: BTreeMap<u32, Event>) -> Option<Event> {
    let mut hash = Xxh3::new();
    for part in parts.values() {
        hash.update(&part.uid.to_le_bytes());
    }
    let first = parts.values().next()?;
    let mut joined = Fields::default();
    for field in first
        .fields
        .ids()
        .filter(|id| *id != fields::SCRIPT_CONTENT)
    {
        match first.fields.number(field) {
            Some(number) => joined.set_number(field, number),
            None => joined.set_text(field, first.fields.text(field)),
        }
    }
    joined.set_text_with(fields::SCRIPT_CONTENT, |text| {
        for part in parts.values() {
            text.push_str(part.fields.text(fields::SCRIPT_CONTENT));
        }
    });
    Some(Event {
        uid: hash.digest(),
        fields: joined.compact(),
        ..first.clone()
    })
}

#[cfg(test)]
mod tests;
