//! What is usual: counts of keys of an analytic's choosing, its own and nobody
//! else's, in event time. A component that calls nothing here does not ask for
//! the capability.
//!
//! A baseline that began yesterday finds everything rare. [`Prevalence`] says
//! since when it has been learning; ask [`Prevalence::learning_for`] first.

use std::time::Duration;

use crate::Row;

#[cfg(target_family = "wasm")]
use crate::bindings::sandtrap::analytic::baselines as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::baselines as host;

pub use crate::bindings::sandtrap::analytic::baselines::{
    Entry, ObserveError, Prevalence, Rate, Statistics,
};

/// Counts each key of a named baseline once, at the time of the row and on its
/// device. An `Err` means that none was counted; the host counts refusals, so
/// it may be ignored.
pub fn observe(row: &Row<'_>, entries: &[(&str, &str)]) -> Result<(), ObserveError> {
    host::observe(row.event(), &owned(entries))
}

/// What is known of each key of a named baseline, including what this analytic
/// observed up to now.
pub fn lookup(row: &Row<'_>, entries: &[(&str, &str)]) -> Vec<Statistics> {
    host::lookup(row.event(), &owned(entries))
}

/// What is known of one key.
pub fn lookup_one(row: &Row<'_>, baseline: &str, key: &str) -> Statistics {
    lookup(row, &[(baseline, key)]).pop().unwrap_or_else(|| {
        let nothing = Prevalence {
            count: 0,
            first_seen: None,
            last_seen: None,
            learning_since: None,
        };
        Statistics {
            device: nothing,
            fleet: nothing,
            devices: 0,
        }
    })
}

/// How often a key was observed in the window of so many minutes (1 to 60) that
/// ends with the row, against the full windows before it on the same device.
pub fn rate(row: &Row<'_>, baseline: &str, key: &str, minutes: u32) -> Rate {
    let nothing = Rate {
        current: 0,
        mean: 0.0,
        deviation: 0.0,
        windows: 0,
    };
    rates(row, &[(baseline, key)], minutes)
        .pop()
        .unwrap_or(nothing)
}

/// The rate of each key, in one call.
pub fn rates(row: &Row<'_>, entries: &[(&str, &str)], minutes: u32) -> Vec<Rate> {
    host::rates(row.event(), &owned(entries), minutes)
}

fn owned(entries: &[(&str, &str)]) -> Vec<Entry> {
    entries
        .iter()
        .map(|(baseline, key)| Entry {
            baseline: (*baseline).to_owned(),
            key: (*key).to_owned(),
        })
        .collect()
}

impl Prevalence {
    /// How long the baseline had been learning when the row happened; nothing
    /// if it had not begun.
    pub fn learning_for(&self, row: &Row<'_>) -> Duration {
        let since = self.learning_since.unwrap_or(row.time());
        Duration::from_millis(u64::try_from(row.time().saturating_sub(since)).unwrap_or(0))
    }
}

impl Rate {
    /// By how many standard deviations the current window exceeds the mean of
    /// its past. A past without variation counts as a deviation of one, so
    /// that the first change is no infinite spike. Nothing without a past.
    pub fn excess(&self) -> f64 {
        if self.windows == 0 {
            return 0.0;
        }
        (self.current as f64 - self.mean) / self.deviation.max(1.0)
    }
}
