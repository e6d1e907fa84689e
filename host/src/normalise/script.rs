//! Puts script blocks that PowerShell logged in several parts back together.

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
}

type Key = (Arc<str>, Box<str>);

#[derive(Debug)]
struct Block {
    opened: u64,
    total: u32,
    parts: BTreeMap<u32, Event>,
    bytes: usize,
}

impl ScriptBlocks {
    /// Adds a part. The whole block goes to `done` with its last part, and so
    /// do blocks that have to make room, as far as they came.
    pub fn add(&mut self, part: ScriptPart, done: &mut Vec<Event>) {
        let size = part.event.fields.size();
        let id = part.event.fields.text(fields::SCRIPT_UID);
        let key: Key = (Arc::clone(&part.event.device), id.into());
        let count = &mut self.count;
        let order = &mut self.order;
        let block = self.open.entry(key.clone()).or_insert_with(|| {
            *count += 1;
            order.push_back((*count, key.clone()));
            Block {
                opened: *count,
                total: part.total,
                parts: BTreeMap::new(),
                bytes: 0,
            }
        });
        // A part delivered twice adds nothing.
        if block.parts.contains_key(&part.number) {
            return;
        }
        block.parts.insert(part.number, part.event);
        block.bytes += size;
        self.bytes += size;
        if block.parts.len() >= block.total as usize
            && let Some(block) = self.open.remove(&key)
        {
            self.finish(block, done);
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

    fn finish_oldest(&mut self, done: &mut Vec<Event>) -> bool {
        while let Some((opened, key)) = self.order.pop_front() {
            if self
                .open
                .get(&key)
                .is_some_and(|block| block.opened == opened)
                && let Some(block) = self.open.remove(&key)
            {
                self.finish(block, done);
                return true;
            }
        }
        false
    }

    fn finish(&mut self, block: Block, done: &mut Vec<Event>) {
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
mod tests {
    use super::*;
    use crate::{
        event::{Origin, Processes},
        vocabulary::classes,
    };

    fn part(id: &str, number: u32, total: u32, text: &str) -> ScriptPart {
        let mut values = Fields::default();
        values.set_text(fields::SCRIPT_UID, id);
        values.set_text(fields::SCRIPT_CONTENT, text);
        let event = Event {
            sequence: 0,
            uid: u64::from(number),
            time: i64::from(number),
            device: "d".into(),
            class: classes::SCRIPT_EXECUTE,
            origin: Origin {
                input: 0,
                record: number,
            },
            processes: Processes::default(),
            matches: Box::default(),
            fields: values,
        };
        ScriptPart {
            event,
            number,
            total,
        }
    }

    #[test]
    fn parts_join_whatever_their_order() {
        let mut joined = Vec::new();
        for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
            let mut blocks = ScriptBlocks::default();
            let mut done = Vec::new();
            for number in order {
                assert!(done.is_empty());
                blocks.add(part("x", number, 3, &format!("<{number}>")), &mut done);
                // Delivered twice.
                if done.is_empty() {
                    blocks.add(part("x", number, 3, "again"), &mut done);
                }
            }
            assert_eq!(done.len(), 1);
            let event = done.remove(0);
            assert_eq!(event.fields.text(fields::SCRIPT_CONTENT), "<1><2><3>");
            assert_eq!((event.time, event.origin.record), (1, 1));
            joined.push(event.uid);
            assert_eq!(blocks.bytes, 0);
        }
        assert!(joined.iter().all(|uid| *uid == joined[0]));
    }

    #[test]
    fn incomplete_blocks_come_as_far_as_they_got_and_stay_bounded() {
        let mut blocks = ScriptBlocks::default();
        let mut done = Vec::new();
        for number in 0..3 * MAX_OPEN {
            blocks.add(part(&number.to_string(), 2, 3, "b"), &mut done);
        }
        assert_eq!(done.len(), 2 * MAX_OPEN);
        blocks.finish_all(&mut done);
        assert_eq!(done.len(), 3 * MAX_OPEN);
        assert_eq!(done[0].fields.text(fields::SCRIPT_CONTENT), "b");
    }
}
