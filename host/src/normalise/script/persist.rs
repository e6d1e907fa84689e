//! Parts that wait, as the store keeps them and as they outlive a change of
//! the fields that subscriptions name.
//!
//! A key is the number of the block and that of the part, twelve bytes. The
//! value has every name in words, since what stands for one changes.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Block, Key, MAX_PARTS, ScriptBlocks};
use crate::{
    change::{Change, Damaged},
    event::{Event, Fields, Origin, Processes},
    stored,
    vocabulary::{FieldNames, fields, vocabulary},
};

/// Parts by device, number of the block and their own, with the block's
/// identifier unless they went.
#[derive(Debug, Default)]
pub(super) struct Changed(BTreeMap<Place, Option<Box<str>>>);

type Place = (Arc<str>, u64, u32);

#[derive(Serialize, Deserialize)]
struct StoredPart<'a> {
    /// Of the block: how many parts it has, and the time of its first.
    total: u32,
    since: i64,
    uid: u64,
    time: i64,
    class: &'a str,
    input: &'a str,
    record: u32,
    #[serde(borrow)]
    fields: Vec<(Cow<'a, str>, StoredValue<'a>)>,
}

#[derive(Serialize, Deserialize)]
enum StoredValue<'a> {
    Text(&'a str),
    Number(u64),
}

impl Changed {
    pub fn came(&mut self, (device, id): &Key, opened: u64, number: u32) {
        let place = (Arc::clone(device), opened, number);
        self.0.insert(place, Some(id.clone()));
    }

    pub fn went(&mut self, (device, _): &Key, block: &Block) {
        for number in block.parts.keys() {
            let place = (Arc::clone(device), block.opened, *number);
            // What came since is not in the store yet.
            if self.0.remove(&place).is_none() {
                self.0.insert(place, None);
            }
        }
    }
}

impl ScriptBlocks {
    /// Notes from now on what changes, for [`take_changes`](Self::take_changes).
    pub fn keep_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// The parts that came or went since the last time, sorted. `names` are
    /// those by which their fields were read, and `inputs` names an input.
    pub fn take_changes(
        &mut self,
        names: &FieldNames,
        inputs: &dyn Fn(u32) -> Arc<str>,
    ) -> Vec<Change> {
        let changed = self.changed.as_mut().map(std::mem::take);
        let places = changed.into_iter().flat_map(|changed| changed.0);
        places
            .filter_map(|((device, opened, number), id)| {
                let value = match id {
                    None => None,
                    Some(id) => {
                        let block = self.open.get(&(Arc::clone(&device), id))?;
                        let event = block.parts.get(&number)?;
                        Some(StoredPart::of(
                            block,
                            event,
                            names,
                            &inputs(event.origin.input),
                        ))
                    }
                };
                Some(change(device, (opened, number), value))
            })
            .collect()
    }

    /// All parts that wait, sorted, for [`restore`](Self::restore) under the
    /// names of another set of subscriptions. What changed must have been taken
    /// before, since whoever restores them notes no change.
    pub fn export(&self, names: &FieldNames, inputs: &dyn Fn(u32) -> Arc<str>) -> Vec<Change> {
        let mut all = Vec::new();
        for ((device, _), block) in &self.open {
            for (number, event) in &block.parts {
                let value = StoredPart::of(block, event, names, &inputs(event.origin.input));
                all.push(change(
                    Arc::clone(device),
                    (block.opened, *number),
                    Some(value),
                ));
            }
        }
        all.sort_unstable_by(|one, other| {
            (&one.device, &one.key).cmp(&(&other.device, &other.key))
        });
        all
    }

    /// Takes back a part that was stored or exported, before any other is
    /// added. Fields that have no name now are dropped. `input` gives the
    /// number of an input.
    pub fn restore(
        &mut self,
        device: &str,
        key: &[u8],
        value: &[u8],
        names: &FieldNames,
        input: &mut dyn FnMut(&str) -> u32,
    ) -> Result<(), Damaged> {
        self.take_back(device, key, value, names, input)
            .ok_or_else(|| Damaged {
                part: "script blocks",
                device: device.to_owned(),
            })
    }

    /// Puts the blocks taken back in the order in which they were opened.
    pub fn end_restore(&mut self) {
        self.order.make_contiguous().sort_unstable();
    }

    fn take_back(
        &mut self,
        device: &str,
        key: &[u8],
        value: &[u8],
        names: &FieldNames,
        input: &mut dyn FnMut(&str) -> u32,
    ) -> Option<()> {
        let (opened, number) = key.split_first_chunk()?;
        let opened = u64::from_be_bytes(*opened);
        let number = u32::from_be_bytes(number.try_into().ok()?);
        let stored: StoredPart<'_> = stored::decode(value)?;
        if opened > stored::MAX_COUNTER || u64::from(stored.total) > MAX_PARTS {
            return None;
        }
        let device: Arc<str> = Arc::from(device);
        let event = stored.event(Arc::clone(&device), names, input)?;
        let size = event.fields.size();
        let key: Key = (device, event.fields.text(fields::SCRIPT_UID).into());
        let order = &mut self.order;
        let block = self.open.entry(key.clone()).or_insert_with(|| {
            order.push_back((opened, key));
            Block {
                opened,
                since: stored.since,
                total: stored.total,
                parts: BTreeMap::new(),
                bytes: 0,
            }
        });
        let is_of_block = (block.opened, block.total) == (opened, stored.total);
        if !is_of_block || block.parts.insert(number, event).is_some() {
            return None;
        }
        block.bytes += size;
        self.bytes += size;
        self.count = self.count.max(opened);
        Some(())
    }
}

fn change(device: Arc<str>, (opened, number): (u64, u32), value: Option<Vec<u8>>) -> Change {
    let mut key = stored::key(opened);
    key.extend(number.to_be_bytes());
    Change { device, key, value }
}

impl StoredPart<'_> {
    fn of(block: &Block, event: &Event, names: &FieldNames, input: &str) -> Vec<u8> {
        let class = vocabulary().describe_class(event.class);
        let fields = event.fields.ids().filter_map(|id| {
            let value = match event.fields.number(id) {
                Some(number) => StoredValue::Number(number),
                None => StoredValue::Text(event.fields.text(id)),
            };
            Some((names.name(id)?, value))
        });
        stored::encode(&StoredPart {
            total: block.total,
            since: block.since,
            uid: event.uid,
            time: event.time,
            class: class.map_or("", |class| &class.name),
            input,
            record: event.origin.record,
            fields: fields.collect(),
        })
    }

    fn event(
        &self,
        device: Arc<str>,
        names: &FieldNames,
        input: &mut dyn FnMut(&str) -> u32,
    ) -> Option<Event> {
        let (class, _) = vocabulary().class(self.class)?;
        let mut fields = Fields::default();
        for (name, value) in &self.fields {
            match (names.find(name), value) {
                (Some(id), StoredValue::Text(text)) => fields.set_text(id, text),
                (Some(id), StoredValue::Number(number)) => fields.set_number(id, *number),
                (None, _) => {}
            }
        }
        Some(Event {
            sequence: 0,
            uid: self.uid,
            time: self.time,
            device,
            class,
            origin: Origin {
                input: input(self.input),
                record: self.record,
            },
            processes: Processes::default(),
            // What its block matches is found when it is whole.
            matches: Box::default(),
            is_again: false,
            fields: fields.compact(),
        })
    }
}
