//! Events as the columns that cross into the sandbox: only the rows that
//! match, only the fields that were asked for.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::{
    bindings::sandtrap::analytic::events::{Column, DictionaryColumn, Table, TextColumn},
    event::Event,
    router::Subscription,
    vocabulary::{FieldId, ValueType, fields, vocabulary},
};

/// From so many rows on, a dictionary is smaller than the texts it replaces.
const DICTIONARY_FROM: usize = 16;

/// The table of one subscription over the given rows.
pub fn table(number: u32, subscription: &Subscription, rows: &[&Event]) -> Table {
    Table {
        subscription: number,
        events: rows.iter().map(|event| event.sequence).collect(),
        times: rows.iter().map(|event| event.time).collect(),
        columns: subscription
            .fields
            .iter()
            .map(|field| column(*field, rows))
            .collect(),
    }
}

fn column(field: FieldId, rows: &[&Event]) -> Column {
    let (is_number, repeats) = match vocabulary().describe(field) {
        Some((_, known)) => (known.value == ValueType::Unsigned, known.repeats),
        // A raw field: text, and nothing is known of it.
        None => (false, false),
    };
    if is_number {
        Column::Unsigned(rows.iter().map(|event| number(field, event)).collect())
    } else if repeats && rows.len() >= DICTIONARY_FROM {
        Column::Dictionary(dictionary(rows.iter().map(|event| text(field, event))))
    } else {
        let mut column = empty();
        for event in rows {
            push(&mut column, text(field, event));
        }
        Column::Text(column)
    }
}

fn text(field: FieldId, event: &Event) -> &str {
    if field == fields::DEVICE_HOSTNAME {
        &event.device
    } else {
        event.fields.text(field)
    }
}

fn number(field: FieldId, event: &Event) -> u64 {
    let handle = match field {
        fields::PROCESS_HANDLE => event.processes.process,
        fields::PROCESS_PARENT_PROCESS_HANDLE => event.processes.parent,
        fields::ACTOR_PROCESS_HANDLE => event.processes.actor,
        _ => return event.fields.number(field).unwrap_or(u64::MAX),
    };
    if handle == 0 { u64::MAX } else { handle }
}

fn dictionary<'a>(texts: impl Iterator<Item = &'a str>) -> DictionaryColumn {
    // Seeded by chance, so that nobody can forge texts that meet; the order of
    // first appearance decides, not the hash.
    let hasher = foldhash::fast::RandomState::default();
    let mut known: HashTable<(&str, u32)> = HashTable::new();
    let mut values = empty();
    let mut codes = Vec::new();
    for text in texts {
        let hash = hasher.hash_one(text);
        let next = values.ends.len() as u32;
        let entry = known.entry(
            hash,
            |(value, _)| *value == text,
            |(value, _)| hasher.hash_one(value),
        );
        let code = entry
            .or_insert_with(|| {
                push(&mut values, text);
                (text, next)
            })
            .get()
            .1;
        codes.push(code);
    }
    DictionaryColumn { values, codes }
}

fn empty() -> TextColumn {
    TextColumn {
        bytes: Vec::new(),
        ends: Vec::new(),
    }
}

fn push(column: &mut TextColumn, text: &str) {
    column.bytes.extend_from_slice(text.as_bytes());
    column.ends.push(column.bytes.len() as u32);
}
