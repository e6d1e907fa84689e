//! Stand-in for baselines.

use std::collections::{BTreeMap, BTreeSet};

use super::current;
use crate::baselines::{Entry, ObserveError, Prevalence, Rate, Statistics};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Minutes that rates look back before the current window.
const KEPT: i64 = 60;

/// When each baseline began, where the world says so.
pub(super) type Learning = BTreeMap<String, i64>;

/// A key was seen so many times.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    baseline: String,
    key: String,
    device: String,
    time: i64,
    count: u64,
}

impl Observation {
    pub fn new(baseline: &str, key: &str, device: &str, time: i64, count: u64) -> Self {
        let [baseline, key, device] = [baseline, key, device].map(str::to_owned);
        Self {
            baseline,
            key,
            device,
            time,
            count,
        }
    }

    fn is_of(&self, entry: &Entry) -> bool {
        self.baseline == entry.baseline && self.key == entry.key
    }
}

pub(crate) fn observe(at: u64, entries: &[Entry]) -> Result<(), ObserveError> {
    if entries
        .iter()
        .any(|entry| entry.baseline.len() > 64 || entry.key.len() > 1024)
    {
        return Err(ObserveError::TooLong);
    }
    current::as_of(at, |world, time, device| {
        world.observations.extend(
            entries
                .iter()
                .map(|entry| Observation::new(&entry.baseline, &entry.key, device, time, 1)),
        );
    });
    Ok(())
}

pub(crate) fn lookup(as_of: u64, entries: &[Entry]) -> Vec<Statistics> {
    current::as_of(as_of, |world, now, device| {
        let this_hour = now - now.rem_euclid(HOUR);
        // What other devices saw arrives with the full hour.
        let heard = |seen: &&Observation| seen.device == device || seen.time < this_hour;
        let heard: Vec<_> = world.observations.iter().filter(heard).collect();
        let mut answers = Vec::new();
        for entry in entries {
            let since = world.learning.get(&entry.baseline).copied();
            let own = |seen: &&&Observation| seen.device == device;
            let devices: BTreeSet<_> = heard
                .iter()
                .filter(|seen| seen.is_of(entry))
                .map(|seen| seen.device.as_str())
                .collect();
            answers.push(Statistics {
                device: prevalence(entry, since, heard.iter().filter(own).copied()),
                fleet: prevalence(entry, since, heard.iter().copied()),
                devices: devices.len() as u32,
            });
        }
        answers
    })
}

fn prevalence<'o>(
    entry: &Entry,
    since: Option<i64>,
    heard: impl Iterator<Item = &'o Observation> + Clone,
) -> Prevalence {
    let began = heard.clone().filter(|seen| seen.baseline == entry.baseline);
    let of_key = heard.filter(|seen| seen.is_of(entry));
    Prevalence {
        count: of_key.clone().map(|seen| seen.count).sum(),
        first_seen: of_key.clone().map(|seen| seen.time).min(),
        last_seen: of_key.map(|seen| seen.time).max(),
        learning_since: began.map(|seen| seen.time).chain(since).min(),
    }
}

pub(crate) fn rates(as_of: u64, entries: &[Entry], minutes: u32) -> Vec<Rate> {
    let length = i64::from(minutes.clamp(1, 60));
    current::as_of(as_of, |world, now, device| {
        let now = now.div_euclid(MINUTE);
        let mut answers = Vec::new();
        for entry in entries {
            let on_device = || {
                world
                    .observations
                    .iter()
                    .filter(|seen| seen.device == device)
            };
            // Observations in the window that ends `age` windows ago.
            let window = |age: i64| -> u64 {
                let end = now - age * length;
                let inside = (end - length + 1)..=end;
                let of_key = on_device().filter(|seen| seen.is_of(entry));
                of_key
                    .filter(|seen| inside.contains(&seen.time.div_euclid(MINUTE)))
                    .map(|seen| seen.count)
                    .sum()
            };
            let began = on_device().filter(|seen| seen.baseline == entry.baseline);
            let preset = world.learning.get(&entry.baseline).copied();
            let since = began.map(|seen| seen.time).chain(preset).min();
            let since = since.map_or(now, |time| time.div_euclid(MINUTE));
            let past: Vec<f64> = (1..=KEPT / length)
                .take_while(|age| now - (age + 1) * length + 1 >= since)
                .map(|age| window(age) as f64)
                .collect();
            let count = past.len().max(1) as f64;
            let mean = past.iter().sum::<f64>() / count;
            let variance = past.iter().map(|seen| (seen - mean).powi(2)).sum::<f64>() / count;
            answers.push(Rate {
                current: window(0),
                mean,
                deviation: variance.sqrt(),
                windows: past.len() as u32,
            });
        }
        answers
    })
}
