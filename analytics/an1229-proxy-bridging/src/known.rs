//! What the baselines call usual.

use std::time::Duration;

use sandtrap_sdk::{Row, baselines};

use crate::settings::Settings;

/// What was first seen within a day is news still: the second connection of an
/// attack must not pass because of the first.
const NEWS: Duration = Duration::from_secs(24 * 60 * 60);

/// From how many devices on a key is usual on all.
const MANY_DEVICES: u32 = 5;

/// Whether a key is usual on the row's device, or in the fleet, by a baseline
/// that has been learning for long enough. An immature one calls nothing usual.
pub fn is_usual(row: &Row<'_>, baseline: &str, key: &str, settings: &Settings) -> bool {
    let statistics = baselines::lookup_one(row, baseline, key);
    let age = settings.baseline_age();
    let is_old = |first_seen: Option<i64>| {
        first_seen.is_some_and(|first| {
            let since = row.time().saturating_sub(first);
            u64::try_from(since).is_ok_and(|since| Duration::from_millis(since) >= NEWS)
        })
    };
    let device = &statistics.device;
    let fleet = &statistics.fleet;
    let on_device = device.learning_for(row) >= age && is_old(device.first_seen);
    let in_fleet = fleet.learning_for(row) >= age
        && is_old(fleet.first_seen)
        && statistics.devices >= MANY_DEVICES;
    on_device || in_fleet
}
