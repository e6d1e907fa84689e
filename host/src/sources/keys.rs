//! Which keys of a record matter, worked out once: every key that a mapping, a
//! subscription or the header needs leads to a slot, all others are passed over
//! without a look at their values.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Where a value that somebody needs is kept while its record is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub(super) u16);

/// A place in a nested record, such as `Event.System`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level(u16);

/// What a key leads to at a level: a slot for a scalar, a level for an object
/// or an array.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) slot: Option<Slot>,
    /// A second one, where a key of the header may also be one of the event's
    /// own data.
    pub(super) also: Option<Slot>,
    pub(super) child: Option<Level>,
}

/// The keys that matter.
#[derive(Debug)]
pub struct Keys {
    levels: Vec<Entries>,
    by_name: HashMap<String, Slot>,
    slots: u16,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Box<[u8]>, Entry, FixedState>,
    /// Where objects lead whose key is not among the entries.
    any: Option<Level>,
}

impl Keys {
    /// The record itself.
    pub(super) const ROOT: Level = Level(0);
    /// The event's own data, wherever the shape keeps it.
    pub(super) const DATA: Level = Level(1);
    /// A list of data that may carry no names, as classic providers write it.
    pub(super) const LIST: Level = Level(2);
    /// The name within an element of such a list, where it has one.
    pub(super) const ELEMENT_NAME: Slot = Slot(0);
    /// The value beside that name.
    pub(super) const ELEMENT_VALUE: Slot = Slot(1);
    /// Event data as XML within a JSON string, as Azure writes it.
    pub(super) const DATA_XML: Slot = Slot(2);

    /// The keys that every shape has in common.
    pub fn new() -> Self {
        let mut keys = Self {
            levels: vec![Entries::default(), Entries::default(), Entries::default()],
            by_name: HashMap::new(),
            slots: 3,
        };
        for container in [
            "EventData",
            "event_data",
            "winlog.event_data",
            "Event.EventData",
        ] {
            keys.alias(container, Self::DATA);
        }
        // Below UserData stands one element whose name the provider chose.
        for container in [
            "UserData",
            "user_data",
            "winlog.user_data",
            "Event.UserData",
        ] {
            keys.alias(container, Self::DATA);
        }
        keys.alias("_source", Self::ROOT);
        if let Some(data) = keys.levels.get_mut(Self::DATA.0 as usize) {
            data.any = Some(Self::DATA);
        }
        keys.enter(Self::DATA, "Data", None, Some(Self::LIST));
        let list = Self::LIST;
        for name in ["@Name", "Name", "name"] {
            keys.enter(list, name, Some(Self::ELEMENT_NAME), None);
        }
        let attributes = keys.child(list, "#attributes");
        keys.enter(attributes, "Name", Some(Self::ELEMENT_NAME), None);
        for value in ["#text", "Value", "content", "text"] {
            keys.enter(list, value, Some(Self::ELEMENT_VALUE), Some(list));
        }
        keys.enter(Self::ROOT, "EventData", Some(Self::DATA_XML), None);
        keys
    }

    /// The slot of a field of the event's own data, nested or flat.
    pub fn data(&mut self, name: &str) -> Slot {
        let slot = self.slot(format!("data {name}"));
        self.enter(Self::DATA, name, Some(slot), None);
        self.enter(Self::ROOT, name, Some(slot), None);
        slot
    }

    /// The slot of the data that stands at a position of a list without names.
    pub fn position(&mut self, position: usize) -> Slot {
        let slot = self.slot(format!("position {position}"));
        self.enter(Self::LIST, &position.to_string(), Some(slot), None);
        self.enter(
            Self::DATA,
            &format!("param{}", position + 1),
            Some(slot),
            None,
        );
        slot
    }

    /// The slot of a value at a path of keys joined by dots. Some exporters
    /// flatten such paths into a single key.
    pub fn path(&mut self, path: &str) -> Slot {
        let slot = self.slot(format!("path {path}"));
        let (level, key) = self.walk(path);
        self.enter(level, key, Some(slot), None);
        self.enter(Self::ROOT, path, Some(slot), None);
        slot
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.slots as usize
    }

    /// What a key of a level leads to.
    pub(super) fn find(&self, level: Level, key: &[u8]) -> Option<Entry> {
        let entries = self.levels.get(level.0 as usize)?;
        match entries.by_key.get(key) {
            Some(entry) => Some(*entry),
            None => entries.any.map(|any| Entry {
                child: Some(any),
                ..Entry::default()
            }),
        }
    }

    fn slot(&mut self, name: String) -> Slot {
        let slots = &mut self.slots;
        *self.by_name.entry(name).or_insert_with(|| {
            let slot = Slot(*slots);
            *slots += 1;
            slot
        })
    }

    fn alias(&mut self, path: &str, target: Level) {
        let (level, key) = self.walk(path);
        self.enter(level, key, None, Some(target));
    }

    /// The level that holds the last key of a path, and that key.
    fn walk<'p>(&mut self, path: &'p str) -> (Level, &'p str) {
        let mut level = Self::ROOT;
        let mut rest = path;
        while let Some((key, after)) = rest.split_once('.') {
            level = self.child(level, key);
            rest = after;
        }
        (level, rest)
    }

    fn child(&mut self, level: Level, key: &str) -> Level {
        let known = self.levels.get(level.0 as usize);
        if let Some(child) = known
            .and_then(|entries| entries.by_key.get(key.as_bytes()))
            .and_then(|entry| entry.child)
        {
            return child;
        }
        let child = Level(self.levels.len() as u16);
        self.levels.push(Entries::default());
        self.enter(level, key, None, Some(child));
        child
    }

    /// Adds to what a key leads to; what it leads to already stays.
    fn enter(&mut self, level: Level, key: &str, slot: Option<Slot>, child: Option<Level>) {
        if let Some(entries) = self.levels.get_mut(level.0 as usize) {
            let entry = entries.by_key.entry(key.as_bytes().into()).or_default();
            match entry.slot {
                None => entry.slot = slot,
                Some(known) if Some(known) != slot => entry.also = entry.also.or(slot),
                Some(_) => {}
            }
            entry.child = entry.child.or(child);
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}
