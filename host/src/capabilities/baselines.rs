//! The `baselines` capability: what is usual.

use crate::{
    baselines,
    bindings::sandtrap::analytic::baselines::{
        Entry, Host, ObserveError, Prevalence, Rate, Statistics,
    },
    capabilities::HostFunction,
    instance::State,
};

impl Host for State {
    fn observe(
        &mut self,
        at: u64,
        entries: Vec<Entry>,
    ) -> wasmtime::Result<Result<(), ObserveError>> {
        let (scene, as_of) = self.as_of(HostFunction::Observe, at, entries.len())?;
        let entries: Vec<(&str, &str)> = entries.iter().map(pair).collect();
        let observed = scene.memory.baselines.observe(&as_of, &entries);
        Ok(observed.map_err(|error| match error {
            baselines::ObserveError::Full => ObserveError::Full,
            baselines::ObserveError::TooLong => ObserveError::TooLong,
        }))
    }

    fn lookup(&mut self, as_of: u64, entries: Vec<Entry>) -> wasmtime::Result<Vec<Statistics>> {
        let (scene, as_of) = self.as_of(HostFunction::BaselineLookup, as_of, entries.len())?;
        scene
            .answers
            .take(entries.len() * size_of::<Statistics>())?;
        let baselines = &scene.memory.baselines;
        Ok(entries
            .iter()
            .map(|entry| {
                let found = baselines.lookup(&as_of, &entry.baseline, &entry.key);
                Statistics {
                    device: prevalence(&found.device),
                    fleet: prevalence(&found.fleet),
                    devices: found.devices,
                }
            })
            .collect())
    }

    fn rates(
        &mut self,
        as_of: u64,
        entries: Vec<Entry>,
        minutes: u32,
    ) -> wasmtime::Result<Vec<Rate>> {
        let (scene, as_of) = self.as_of(HostFunction::Rates, as_of, entries.len())?;
        scene.answers.take(entries.len() * size_of::<Rate>())?;
        let baselines = &scene.memory.baselines;
        Ok(entries
            .iter()
            .map(|entry| {
                let rate = baselines.rate(&as_of, &entry.baseline, &entry.key, minutes);
                Rate {
                    current: rate.current,
                    mean: rate.mean,
                    deviation: rate.deviation,
                    windows: rate.windows,
                }
            })
            .collect())
    }
}

fn pair(entry: &Entry) -> (&str, &str) {
    (&entry.baseline, &entry.key)
}

fn prevalence(prevalence: &baselines::Prevalence) -> Prevalence {
    Prevalence {
        count: prevalence.count,
        first_seen: prevalence.first_seen,
        last_seen: prevalence.last_seen,
        learning_since: prevalence.learning_since,
    }
}
