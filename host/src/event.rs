//! An event after normalising: a class, a time, a device and named fields.
//!
//! An event owns two allocations, one for all its text and one for the table
//! of its fields. A tree of owned strings would cost more than everything else
//! the host does with it.

use std::sync::Arc;

use crate::vocabulary::{ClassId, FieldId};

/// A normalised event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the run, ascending from 1; 0 before it was sequenced.
    pub sequence: u64,
    /// Identifies its content: equal for the same record delivered twice.
    pub uid: u64,
    /// When it happened, milliseconds since 1970 UTC.
    pub time: i64,
    /// The computer it happened on, lower case.
    pub device: Arc<str>,
    /// What kind of event it is.
    pub class: ClassId,
    /// Where it was read.
    pub origin: Origin,
    /// The processes it is about, filled in by lineage.
    pub processes: Processes,
    /// The subscriptions whose predicate it matches, ascending.
    pub matches: Box<[u16]>,
    /// Whether it was taken in before and is shown to an analytic again, so that
    /// nothing is to be learnt from it.
    pub is_again: bool,
    /// Its fields.
    pub fields: Fields,
}

/// Where a record was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Which of the inputs, in the order they were given.
    pub input: u32,
    /// Which record of it, counted from 0.
    pub record: u32,
}

/// Lineage handles of the processes of an event; 0 where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Processes {
    /// `process.handle`.
    pub process: u64,
    /// `process.parent_process.handle`.
    pub parent: u64,
    /// `actor.process.handle`.
    pub actor: u64,
}

impl Processes {
    /// The process that did what the event reports: for a launch the new one.
    pub fn doer(&self) -> u64 {
        if self.actor == 0 {
            self.process
        } else {
            self.actor
        }
    }
}

/// The fields of an event.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    values: Vec<(FieldId, Value)>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Text { start: u32, end: u32 },
    Number(u64),
}

impl Fields {
    /// The text of a field; empty where it is absent or a number.
    pub fn text(&self, field: FieldId) -> &str {
        match self.value(field) {
            Some(Value::Text { start, end }) => self
                .text
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => "",
        }
    }

    /// The number of a field, if it has one.
    pub fn number(&self, field: FieldId) -> Option<u64> {
        match self.value(field) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// Whether the field has a value.
    pub fn has(&self, field: FieldId) -> bool {
        match self.value(field) {
            Some(Value::Text { start, end }) => start < end,
            Some(Value::Number(_)) => true,
            None => false,
        }
    }

    /// All fields with a value, in the order they were set.
    pub fn ids(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.values.iter().map(|(field, _)| *field)
    }

    /// Sets a text. A field is set once.
    pub fn set_text(&mut self, field: FieldId, text: &str) {
        self.set_text_with(field, |buffer| buffer.push_str(text));
    }

    /// Sets a text that `write` appends to the buffer it is given. What is
    /// already in the buffer must be left alone.
    pub fn set_text_with(&mut self, field: FieldId, write: impl FnOnce(&mut String)) {
        let start = self.text.len() as u32;
        write(&mut self.text);
        let end = self.text.len() as u32;
        if start < end {
            self.values.push((field, Value::Text { start, end }));
        }
    }

    /// Sets a number. A field is set once.
    pub fn set_number(&mut self, field: FieldId, number: u64) {
        self.values.push((field, Value::Number(number)));
    }

    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.text.clear();
    }

    /// A copy that takes no more memory than it needs.
    pub fn compact(&self) -> Self {
        Self {
            values: self.values.as_slice().to_vec(),
            text: self.text.as_str().to_owned(),
        }
    }

    /// Roughly how many bytes it takes.
    pub fn size(&self) -> usize {
        self.values.len() * size_of::<(FieldId, Value)>() + self.text.len()
    }

    fn value(&self, field: FieldId) -> Option<Value> {
        self.values
            .iter()
            .find(|(id, _)| *id == field)
            .map(|(_, value)| *value)
    }
}
