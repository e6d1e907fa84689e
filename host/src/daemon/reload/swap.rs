//! Going over to another set of analytics, with everything prepared that takes
//! its time.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;

use super::{Ended, Fingerprint, Loaded, Refusal, Reloader, Report, Seen, chain, report::running};
use crate::{
    analytic::Configured,
    daemon::{
        decode::Decode,
        dispatch::{Command, Swap},
        ledger::Note,
        now_in_milliseconds,
    },
    instance::Instance,
    metrics::Reload,
    pipeline::{Memories, Plan},
};

impl Reloader {
    /// Has the dispatch go on with `next`.
    pub(super) fn swap(
        &mut self,
        is_asked: bool,
        mut next: BTreeMap<String, Loaded>,
        report: &mut Report,
    ) -> Result<(), Ended> {
        let plan = self.plan(&mut next, report);
        for (id, loaded) in &next {
            let is_same = self
                .running
                .get(id)
                .is_some_and(|known| Arc::ptr_eq(&known.configured, &loaded.configured));
            if !is_same {
                report.loaded.push(id.clone());
            }
        }
        let gone = self.running.keys().filter(|id| !next.contains_key(*id));
        report.unloaded.extend(gone.cloned());
        if is_asked {
            // Whoever asks wants what is in quarantine to be tried again.
            let release = self.commands.blocking_send(Command::Release(None));
            release.map_err(|_| Ended)?;
        }
        if report.loaded.is_empty() && report.unloaded.is_empty() {
            report.analytics = running(&self.running);
            return Ok(());
        }
        let memories = self.memories(&next)?;
        let instances = self.instances(&next, &report.loaded);
        let (done, answer) = oneshot::channel();
        let swap = Box::new(Swap {
            decode: Decode::new(plan.router(), now_in_milliseconds),
            plan,
            memories,
            instances,
            done,
        });
        self.commands
            .blocking_send(Command::Swap(swap))
            .map_err(|_| Ended)?;
        let pause = answer.blocking_recv().map_err(|_| Ended)?;
        report.pause_us = Some(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX));
        self.running = next;
        report.analytics = running(&self.running);
        for running in &report.analytics {
            // Without it an older version would be taken later; nothing else.
            if let Err(error) = self.store.ran(&running.id, &running.version) {
                tracing::error!(
                    analytic = running.id,
                    "its version is not noted: {}",
                    chain(&error)
                );
            }
        }
        for (result, count) in [
            ("loaded", report.loaded.len()),
            ("unloaded", report.unloaded.len()),
        ] {
            let reloads = &self.metrics.reloads;
            reloads
                .get_or_create(&Reload { result })
                .inc_by(count as u64);
        }
        Ok(())
    }

    /// The plan of all analytics that fit into one. Whatever does not is
    /// refused, and keeps nobody else from running.
    fn plan(&mut self, next: &mut BTreeMap<String, Loaded>, report: &mut Report) -> Plan {
        loop {
            let analytics = next.values();
            let analytics = analytics.map(|loaded| Arc::clone(&loaded.configured));
            let (position, error) = match Plan::new(analytics.collect()) {
                Ok(plan) => return plan,
                Err(failed) => failed,
            };
            let id = next.keys().nth(position).cloned();
            let Some(Loaded { path, .. }) = id.and_then(|id| next.remove(&id)) else {
                return Plan::default();
            };
            self.refuse(&path, &Refusal::from(error), report);
            let found = Fingerprint::of_component(&path);
            self.seen
                .extend(found.map(|found| (path, Seen::Refused(found))));
        }
    }

    /// Instances of what is about to run, so that no event waits for their
    /// start.
    fn instances(
        &self,
        next: &BTreeMap<String, Loaded>,
        loaded: &[String],
    ) -> BTreeMap<String, Vec<Instance>> {
        let start = |configured: &Configured| {
            // One that does not start any more fails when there are events,
            // and is reported then.
            let starts = (0..self.shards).map(|_| Instance::start(configured).ok());
            starts.flatten().collect()
        };
        next.iter()
            .filter(|(id, _)| loaded.contains(id))
            .map(|(id, loaded)| (id.clone(), start(&loaded.configured)))
            .collect()
    }

    /// What the analytics that are about to run, and do not now, remembered
    /// when they ran last.
    fn memories(
        &self,
        next: &BTreeMap<String, Loaded>,
    ) -> Result<BTreeMap<String, Memories>, Ended> {
        let fresh: Vec<&String> = next
            .keys()
            .filter(|id| !self.running.contains_key(*id))
            .collect();
        if fresh.is_empty() {
            return Ok(BTreeMap::new());
        }
        // What they did last may still be on its way to the disk.
        let (done, flushed) = oneshot::channel();
        self.notes.send(Note::Flush(done)).map_err(|_| Ended)?;
        flushed.blocking_recv().map_err(|_| Ended)?;
        let mut memories = BTreeMap::new();
        for id in fresh {
            let restored = self
                .store
                .analytic(id)
                .and_then(|state| Ok(Memories::restore(state, self.shards)?));
            match restored {
                Ok(restored) => {
                    memories.insert(id.clone(), restored);
                }
                Err(error) => {
                    tracing::error!(
                        analytic = id,
                        "starts without what it remembered: {}",
                        chain(&error)
                    );
                }
            }
        }
        Ok(memories)
    }
}
