//! Takes a bulk body apart: a line that says what to do, and a line with the
//! document, in turns.

use std::{borrow::Cow, ops::Range, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Item};
use crate::{
    http::{
        body::{Full, Purse, WhenFull, Whole},
        limits::Limits,
        problem::Problem,
    },
    ingest::{Place, Records},
    sources::{Encoding, Malformed},
};

/// The longest name of an index, in bytes, as Elasticsearch has it.
pub(super) const INDEX: usize = 255;

/// The longest identifier of a document.
const ID: usize = 512;

/// The longest line that says what to do.
const ACTION: usize = 16 * 1024;

/// What an item costs besides the bytes of its document: its place, and its
/// part of the answer with its names.
const ITEM: usize = 512;

/// How much of a document that is too long is kept.
const KEPT: usize = 1024;

/// What came of a body.
pub(super) enum Parsed {
    /// Its documents, the room they take, and what will be answered.
    Batch {
        records: Records,
        purse: Purse,
        answer: Box<Answer>,
    },
    /// There was no room for so many documents, and they were dropped.
    Dropped(u64),
}

/// What to do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Index,
    Update,
    Delete,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Index => "index",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Whether the document becomes a record.
    pub(super) fn is_taken(self) -> bool {
        matches!(self, Self::Create | Self::Index)
    }
}

/// A line that says what to do. What else it has is for an index, and there is
/// none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action<'a> {
    #[serde(borrow)]
    Create(Target<'a>),
    #[serde(borrow)]
    Index(Target<'a>),
    #[serde(borrow)]
    Update(Target<'a>),
    #[serde(borrow)]
    Delete(Target<'a>),
}

#[derive(Debug, Deserialize)]
struct Target<'a> {
    #[serde(borrow, default, rename = "_index")]
    index: Option<Cow<'a, str>>,
    #[serde(default, rename = "_id")]
    id: Option<Value>,
}

/// Parses all of a body before anything of it is taken in.
pub(super) fn parse(whole: Whole, index: &Arc<str>, limits: &Limits) -> Result<Parsed, Problem> {
    let Whole { bytes, mut purse } = whole;
    let mut answer = Answer::new(purse.for_answer());
    let mut places = Vec::new();
    let mut last_index = Arc::clone(index);
    let mut documents = 0;
    let mut is_full = None;
    let mut lines = Lines::new(&bytes);
    while let Some((number, line)) = lines.next() {
        let text = bytes.get(line).unwrap_or_default();
        if text.trim_ascii().is_empty() {
            continue;
        }
        let (verb, target) = action(text, number)?;
        let document = match verb {
            Verb::Delete => None,
            _ => Some(lines.next().ok_or_else(|| no_document(number))?.1),
        };
        documents += u64::from(verb.is_taken());
        if is_full.is_some() {
            continue;
        }
        if let Err(full) = make_room(&mut answer, &mut places, &mut purse) {
            is_full = Some(full);
            continue;
        }
        let index = match target.index {
            None => Arc::clone(index),
            Some(name) if *name == *last_index => Arc::clone(&last_index),
            Some(name) => {
                last_index = Arc::from(name);
                Arc::clone(&last_index)
            }
        };
        let text = document.clone().and_then(|line| bytes.get(line));
        answer.items.push(Item {
            verb,
            index,
            id: id(target.id, text.unwrap_or_default(), number)?,
        });
        if let Some(line) = document.filter(|_| verb.is_taken()) {
            places.push(place(line, limits.record));
        }
    }
    match is_full {
        _ if lines.number == 0 => Err(Problem::malformed("request body is required")),
        Some(full) if !full.is_counted(WhenFull::by_item(limits.on_full)) => Err(full.problem()),
        Some(_) => Ok(Parsed::Dropped(documents)),
        None => Ok(Parsed::Batch {
            records: Records::within(Encoding::Json, bytes, places),
            purse,
            answer: Box::new(answer),
        }),
    }
}

/// Takes room for more items, a few at first.
fn make_room(answer: &mut Answer, places: &mut Vec<Place>, purse: &mut Purse) -> Result<(), Full> {
    let items = &mut answer.items;
    if items.len() < items.capacity() {
        return Ok(());
    }
    let more = items.len().clamp(8, 2048);
    // What is answered stays until it was sent, when the records may be gone.
    answer.purse.take(more * ITEM)?;
    purse.take(more * size_of::<Place>())?;
    items.reserve_exact(more);
    places.reserve_exact(items.capacity() - places.len());
    Ok(())
}

fn action(line: &[u8], number: usize) -> Result<(Verb, Target<'_>), Problem> {
    let malformed = |what: &str| {
        Problem::malformed(format!(
            "Malformed action/metadata line [{number}]: {what}; nothing was taken in"
        ))
    };
    if line.len() > ACTION {
        return Err(malformed("it is too long"));
    }
    let action = serde_json::from_slice(line).map_err(|error| malformed(&error.to_string()))?;
    let (verb, target) = match action {
        Action::Create(target) => (Verb::Create, target),
        Action::Index(target) => (Verb::Index, target),
        Action::Update(target) => (Verb::Update, target),
        Action::Delete(target) => (Verb::Delete, target),
    };
    if target
        .index
        .as_ref()
        .is_some_and(|index| index.len() > INDEX)
    {
        return Err(malformed("the index name is too long"));
    }
    Ok((verb, target))
}

fn no_document(number: usize) -> Problem {
    Problem::malformed(format!(
        "the action in line [{number}] has no document after it; nothing was taken in"
    ))
}

/// The identifier a client gave, or one that the same document always gets.
fn id(given: Option<Value>, document: &[u8], number: usize) -> Result<String, Problem> {
    match given {
        None | Some(Value::Null) => {
            let hash = blake3::hash(document).to_hex();
            Ok(hash.get(..20).unwrap_or_default().to_owned())
        }
        Some(Value::String(id)) if id.len() <= ID => Ok(id),
        Some(Value::Number(id)) => Ok(id.to_string()),
        Some(_) => Err(Problem::malformed(format!(
            "the _id in line [{number}] must be a string of at most {ID} bytes; nothing was \
             taken in"
        ))),
    }
}

fn place(line: Range<usize>, max_record: usize) -> Place {
    if line.len() <= max_record {
        return Place {
            bytes: line,
            fault: None,
        };
    }
    Place {
        bytes: line.start..line.start + KEPT.min(line.len()),
        fault: Some(Malformed::TooLong.to_string()),
    }
}

/// The lines of a body, counted from 1, without their ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            number: 0,
        }
    }

    fn next(&mut self) -> Option<(usize, Range<usize>)> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = start + length + 1;
        self.number += 1;
        let line = rest.get(..length).unwrap_or_default();
        let length = line.strip_suffix(b"\r").unwrap_or(line).len();
        Some((self.number, start..start + length))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{config::Http, ingest::Gate, metrics::Metrics};

    fn fragment() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "{\"create\":{}}\n",
            "{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n",
            "{\"update\":{}}\n",
            "{\"delete\":{}}\r\n",
            "{\"a\":1}\n",
            "\n",
            "\r",
            "x",
        ])
    }

    proptest! {
        #[test]
        fn every_document_taken_has_an_item(body in prop::collection::vec(fragment(), 0..40)) {
            let (gate, _inlet) = Gate::new(1024 * 1024, Metrics::default());
            let limits = Limits::new(&Http::default(), gate.size());
            let whole = Whole {
                bytes: body.concat().into_bytes(),
                purse: Purse::new(gate),
            };
            if let Ok(Parsed::Batch { records, answer, .. }) =
                parse(whole, &Arc::from("i"), &limits)
            {
                let taken = answer.items.iter().filter(|item| item.verb.is_taken());
                prop_assert_eq!(records.len(), taken.count());
                prop_assert!(records.iter().all(|(record, _)| !record.contains(&b'\n')));
            }
        }
    }
}
