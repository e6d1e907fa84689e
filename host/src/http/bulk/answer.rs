//! The answer to a bulk request, item by item.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use serde::Serialize;
use serde_json::json;

use super::actions::Verb;
use crate::{http::body::Purse, ingest::Receipt};

/// What will be answered, and the room that takes.
pub(super) struct Answer {
    pub(super) items: Vec<Item>,
    pub(super) purse: Purse,
}

/// A document and where the client believes it goes.
pub(super) struct Item {
    pub(super) verb: Verb,
    pub(super) index: Arc<str>,
    pub(super) id: String,
}

#[derive(Serialize)]
struct Taken<'a> {
    _index: &'a str,
    _id: &'a str,
    _version: u8,
    result: &'static str,
    _shards: Shards,
    _seq_no: u8,
    _primary_term: u8,
    status: u16,
}

#[derive(Serialize)]
struct Shards {
    total: u8,
    successful: u8,
    failed: u8,
}

#[derive(Serialize)]
struct Refused<'a> {
    _index: &'a str,
    _id: &'a str,
    status: u16,
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    r#type: &'static str,
    reason: &'a str,
}

impl Answer {
    pub(super) fn new(purse: Purse) -> Self {
        Self {
            items: Vec::new(),
            purse,
        }
    }

    /// Writes that everything is to be sent again.
    pub(super) fn write_again(self, took: Duration) -> Bytes {
        let mut text = Vec::with_capacity(self.items.len() * 192 + 64);
        for item in &self.items {
            let again = Reason {
                r#type: "es_rejected_execution_exception",
                reason: "this was not acknowledged; send it again later",
            };
            item.write(Some((429, again)), &mut text);
        }
        self.finish(true, took, text)
    }

    /// Writes the answer. It keeps its room until it was sent.
    pub(super) fn write(self, mut receipt: Receipt, took: Duration) -> Bytes {
        receipt.undecodable.sort_unstable();
        let mut undecodable = receipt.undecodable.iter().peekable();
        let mut text = Vec::with_capacity(self.items.len() * 192 + 64);
        let mut errors = false;
        let mut record = 0_u32;
        for item in &self.items {
            let error = if item.verb.is_taken() {
                let fault = undecodable.next_if(|(place, _)| *place == record);
                record += 1;
                fault.map(|(_, reason)| Reason {
                    r#type: "document_parsing_exception",
                    reason,
                })
            } else {
                Some(Reason {
                    r#type: "action_request_validation_exception",
                    reason: "events are only added; send create or index",
                })
            };
            errors |= error.is_some();
            item.write(error.map(|error| (400, error)), &mut text);
        }
        self.finish(errors, took, text)
    }

    fn finish(self, errors: bool, took: Duration, mut text: Vec<u8>) -> Bytes {
        let mut answer = format!(
            "{{\"took\":{},\"errors\":{errors},\"items\":[",
            took.as_millis()
        )
        .into_bytes();
        answer.append(&mut text);
        answer.extend_from_slice(b"]}");
        Bytes::from_owner(Sent {
            answer,
            _purse: self.purse,
        })
    }
}

impl Item {
    fn write(&self, error: Option<(u16, Reason<'_>)>, text: &mut Vec<u8>) {
        if !text.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(format!("{{\"{}\":", self.verb.name()).as_bytes());
        // Writing to memory does not fail.
        let _ = match error {
            None => serde_json::to_writer(&mut *text, &self.taken()),
            Some((status, error)) => {
                serde_json::to_writer(&mut *text, &self.refused(status, error))
            }
        };
        text.push(b'}');
    }

    /// A duplicate is said to be new as well: the client is to be content.
    fn taken(&self) -> Taken<'_> {
        Taken {
            _index: &self.index,
            _id: &self.id,
            _version: 1,
            result: "created",
            _shards: Shards {
                total: 1,
                successful: 1,
                failed: 0,
            },
            _seq_no: 0,
            _primary_term: 1,
            status: 201,
        }
    }

    fn refused<'a>(&'a self, status: u16, error: Reason<'a>) -> Refused<'a> {
        Refused {
            _index: &self.index,
            _id: &self.id,
            status,
            error,
        }
    }
}

/// The answer where everything was dropped. There are no items, which is no
/// How many items an answer to a body that was not kept has. Beyond that the
/// status must do.
const AGAIN: u64 = 20_000;

/// Writes that so many documents, which were counted only, are to be sent
/// again.
pub(super) fn again(documents: u64, took: Duration) -> Bytes {
    let item = json!({"create": {
        "status": 429,
        "error": {
            "type": "es_rejected_execution_exception",
            "reason": "the queue is full; send it again later",
        },
    }});
    let count = if documents > AGAIN { 0 } else { documents };
    let items = vec![item; usize::try_from(count).unwrap_or_default()];
    let answer = json!({"took": took.as_millis() as u64, "errors": true, "items": items});
    Bytes::from(answer.to_string())
}

/// error to shippers, and there is no room to name them.
pub(super) fn dropped(records: u64) -> Bytes {
    let answer = json!({"took": 0, "errors": false, "items": [], "dropped": records});
    answer.to_string().into()
}

/// Bytes on their way and the room they take.
struct Sent {
    answer: Vec<u8>,
    _purse: Purse,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}
