//! What the dispatch tells the metrics and the board.

use super::Dispatch;
use crate::{
    daemon::at,
    metrics::{Analytic, Counters, HostCalls, Metrics},
    pipeline::ShardLost,
    shard::{Quarantine, Usage},
};

impl Dispatch {
    /// Publishes what was done since the last time.
    pub(super) fn count(&mut self, findings: u64) -> Result<(), ShardLost> {
        let usage = self.pipeline.usage()?;
        for (id, now) in &usage {
            let before = self.counted.get(id).copied().unwrap_or_default();
            publish(&self.metrics, id, *now, before);
            tell(id, before.quarantine, now.quarantine);
        }
        let lineage = self.pipeline.lineage_stats()?;
        let metrics = &self.metrics;
        metrics.lineage_devices.set(lineage.devices as i64);
        metrics.lineage_processes.set(lineage.processes as i64);
        metrics.lineage_bytes.set(lineage.bytes as i64);
        metrics.lineage_evictions.set(lineage.evicted as i64);
        metrics.lineage_misses.set(lineage.misses as i64);
        let records = self.meta.records;
        self.board.update(|status| {
            status.events = records;
            status.findings += findings;
            for (id, now) in &usage {
                if let Some(analytic) = status.analytics.get_mut(id) {
                    analytic.show(*now);
                }
            }
        });
        self.counted = usage;
        Ok(())
    }
}

/// Tells the log that an analytic is no longer called, or is again. What it was
/// before and is now is that of all shards together, so that each is one line.
pub(super) fn tell(id: &str, before: Option<Quarantine>, now: Option<Quarantine>) {
    match (before, now) {
        (Some(_), None) => {
            tracing::info!(analytic = id, "out of quarantine: it is called again");
        }
        // It may have been let out and put back since.
        (before, Some(now)) if before.is_none_or(|before| before.times < now.times) => {
            let until = now.until.map(at);
            tracing::warn!(
                analytic = id,
                reason = now.cause.name(),
                until,
                times = now.times,
                "in quarantine: {}; it is not called until {}, and `sandtrap release {id}` \
                 has it called at once",
                now.cause.sentence(),
                until.as_deref().unwrap_or("it is released"),
            );
        }
        _ => {}
    }
}

fn publish(metrics: &Metrics, id: &str, now: Usage, before: Usage) {
    let label = Analytic {
        analytic: id.to_owned(),
    };
    let add = |counters: &Counters<Analytic>, now: u64, before: u64| {
        counters
            .get_or_create(&label)
            .inc_by(now.saturating_sub(before));
    };
    add(&metrics.analytic_events, now.rows, before.rows);
    add(&metrics.analytic_findings, now.findings, before.findings);
    add(&metrics.analytic_unseen, now.unseen, before.unseen);
    let time = now.time.saturating_sub(before.time);
    metrics
        .analytic_seconds
        .get_or_create(&label)
        .inc_by(time.as_secs_f64());
    metrics
        .analytic_memory
        .get_or_create(&label)
        .set(now.memory as i64);
    metrics
        .analytic_quarantined
        .get_or_create(&label)
        .set(now.quarantine.is_some().into());
    for (function, now) in now.host_calls.iter() {
        let before = before.host_calls.of(function);
        for (outcome, now, before) in [
            ("answered", now.answered, before.answered),
            ("denied", now.denied, before.denied),
        ] {
            let label = HostCalls {
                analytic: id.to_owned(),
                function: function.name(),
                outcome,
            };
            metrics
                .host_calls
                .get_or_create(&label)
                .inc_by(now.saturating_sub(before));
        }
    }
}
