//! What a reload did, and telling it to the log, the metrics and the API.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{Loaded, Reloader, files::Seen};
use crate::daemon::{
    board::{AnalyticStatus, BudgetUse},
    now,
};

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Analytics that run now and did not before, or in another version or
    /// with other settings.
    pub loaded: Vec<String>,
    /// Analytics that do not run any more.
    pub unloaded: Vec<String>,
    /// Files and settings that were refused, and why.
    pub refused: BTreeMap<String, String>,
    /// Everything that runs now: identifier, version and SHA-256.
    pub analytics: Vec<Running>,
    /// How long events had to wait, in microseconds; absent if nothing
    /// changed.
    pub pause_us: Option<u64>,
}

/// An analytic that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its identifier.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its component.
    pub sha256: String,
}

impl Reloader {
    /// Tells the log, the metrics and the API.
    pub(super) fn publish(&self, is_asked: bool, report: &Report) {
        let is_changed = report.pause_us.is_some();
        if is_asked && !is_changed {
            tracing::info!(
                analytics = report.analytics.len(),
                "a reload was asked for, and nothing changed"
            );
        }
        if is_changed {
            for running in &report.analytics {
                tracing::info!(
                    analytic = running.id,
                    version = running.version,
                    sha256 = running.sha256,
                    "runs"
                );
            }
            tracing::info!(
                analytics = report.analytics.len(),
                loaded = report.loaded.len(),
                unloaded = report.unloaded.len(),
                pause_us = report.pause_us.unwrap_or(0),
                "the set of analytics changed"
            );
        }
        self.metrics.analytics.set(self.running.len() as i64);
        let refused_files: BTreeMap<&Path, &String> = report
            .refused
            .iter()
            .map(|(path, error)| (Path::new(path.as_str()), error))
            .collect();
        self.board.update(|status| {
            status
                .analytics
                .retain(|id, _| self.running.contains_key(id));
            for (id, loaded) in &self.running {
                if report.loaded.contains(id) {
                    status.analytics.insert(id.clone(), describe(loaded));
                }
                let known = status.analytics.get_mut(id);
                let refused = refused_files.get(loaded.path.as_path());
                let was_refused = status
                    .refused
                    .contains_key(loaded.path.display().to_string().as_str());
                if let Some(known) = known
                    && (refused.is_some() || was_refused)
                {
                    let still = self.seen.get(&loaded.path).is_some_and(Seen::is_refused);
                    if !still {
                        known.last_error = None;
                    } else if let Some(error) = refused {
                        known.last_error = Some((*error).clone());
                    }
                }
            }
            let seen = &self.seen;
            status.refused.retain(|path, _| {
                let path = Path::new(path.as_str());
                seen.get(path).is_some_and(Seen::is_refused)
            });
            for (path, error) in &report.refused {
                status.refused.insert(path.clone(), error.clone());
            }
            status.reloads += (report.loaded.len() + report.unloaded.len()) as u64;
        });
    }
}

pub(super) fn running(analytics: &BTreeMap<String, Loaded>) -> Vec<Running> {
    analytics
        .iter()
        .map(|(id, loaded)| {
            let reference = &loaded.configured.prepared.reference;
            Running {
                id: id.clone(),
                version: reference.version.clone(),
                sha256: reference.sha256.clone(),
            }
        })
        .collect()
}

fn describe(loaded: &Loaded) -> AnalyticStatus {
    let reference = &loaded.configured.prepared.reference;
    let budget = &loaded.configured.grant.budget;
    AnalyticStatus {
        state: "running".to_owned(),
        signers: loaded.admitted.vouched.signers.clone(),
        name: reference.name.clone(),
        version: reference.version.clone(),
        sha256: reference.sha256.clone(),
        file: loaded.path.display().to_string(),
        loaded: now(),
        budget: BudgetUse {
            call_limit_ms: u64::try_from(budget.time.as_millis()).unwrap_or(u64::MAX),
            memory_limit: budget.memory as u64,
            ..BudgetUse::default()
        },
        ..AnalyticStatus::default()
    }
}
