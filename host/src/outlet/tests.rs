//! Sinks through real sockets and threads.

mod bulk;
mod runner;
mod server;
mod webhook;

use std::ops::RangeInclusive;

use super::Entry;

/// The finding of that number.
pub(super) fn entry(number: u64) -> Entry {
    Entry {
        number,
        uid: format!("uid-{number}").into(),
        analytic: "an-analytic".into(),
        time: 1_772_615_702_120 + number as i64,
        json: format!(r#"{{"metadata":{{"uid":"uid-{number}"}}}}"#)
            .into_bytes()
            .into(),
    }
}

pub(super) fn entries(numbers: RangeInclusive<u64>) -> Vec<Entry> {
    numbers.map(entry).collect()
}
