//! Bodies of the bulk protocol.

use std::{sync::Arc, time::Duration};

use super::actions::{self, Parsed};
use crate::{
    config::Http,
    http::{
        body::{Purse, Whole},
        limits::Limits,
    },
    ingest::{Gate, Receipt},
    metrics::Metrics,
};

thread_local! {
    static GATE: Gate = Gate::new(1024 * 1024, Metrics::default()).0;
}

/// A body: every document that is taken has its place in the answer.
pub fn bulk(bytes: &[u8]) {
    let gate = GATE.with(Gate::clone);
    parse(bytes, &gate);
    assert!(
        gate.try_reserve(gate.size()).is_some(),
        "room was not given back"
    );
}

fn parse(bytes: &[u8], gate: &Gate) {
    let limits = Limits {
        record: 256,
        ..Limits::new(&Http::default(), gate.size())
    };
    let whole = Whole {
        bytes: bytes.to_vec(),
        purse: Purse::new(gate.clone()),
    };
    let Ok(Parsed::Batch {
        records, answer, ..
    }) = actions::parse(whole, &Arc::from("index"), &limits)
    else {
        return;
    };
    let items = answer.items.len();
    let taken = answer.items.iter().filter(|item| item.verb.is_taken());
    assert_eq!(records.len(), taken.count());
    let mut undecodable = Vec::new();
    for (place, (record, fault)) in (0..).zip(records.iter()) {
        assert!(!record.contains(&b'\n'));
        assert!(fault.is_some() || record.len() <= limits.record);
        if let Some(reason) = fault {
            undecodable.push((place, reason.to_owned()));
        }
    }
    let refused = undecodable.len();
    let receipt = Receipt {
        records: records.len() as u64,
        duplicates: 0,
        undecodable,
    };
    let answer = answer.write(receipt, Duration::ZERO);
    let answer: Answer = serde_json::from_slice(&answer).unwrap_or_default();
    assert_eq!(answer.items.len(), items);
    let failed = answer
        .items
        .iter()
        .filter(|item| item.to_string().contains("\"error\":{"));
    assert!(failed.count() >= refused);
}

#[derive(Default, serde::Deserialize)]
struct Answer {
    items: Vec<serde_json::Value>,
}
