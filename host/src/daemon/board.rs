//! What the daemon tells about itself: the API and `sandtrap status` show it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::shard::Usage;

/// The state of everything, put together by those who know and read by the
/// API.
#[derive(Debug, Default)]
pub struct Board {
    status: Mutex<Status>,
}

/// What is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Version of the host.
    pub version: String,
    /// Whether the analytics are loaded and events are taken in.
    pub ready: bool,
    /// Whether it is stopping.
    pub stopping: bool,
    /// When it started, RFC 3339.
    pub started: String,
    /// Events processed in its life, over restarts.
    pub events: u64,
    /// Findings issued in its life.
    pub findings: u64,
    /// The analytics by identifier.
    pub analytics: BTreeMap<String, AnalyticStatus>,
    /// Files in the analytics folder that did not load, and why.
    pub refused: BTreeMap<String, String>,
    /// The sources.
    pub sources: BTreeMap<String, SourceStatus>,
    /// The sinks.
    pub sinks: BTreeMap<String, SinkStatus>,
    /// Why the last reload of the configuration was refused, if it was.
    pub configuration_error: Option<String>,
    /// How many analytics were loaded, replaced or unloaded while running.
    pub reloads: u64,
}

/// An analytic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalyticStatus {
    /// `running` or `quarantined`.
    pub state: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its component.
    pub sha256: String,
    /// The trusted keys that signed it; none if it is unsigned.
    pub signers: Vec<String>,
    /// The file it was loaded from.
    pub file: String,
    /// When it was loaded, RFC 3339.
    pub loaded: String,
    /// Events it was shown since it was loaded.
    pub events: u64,
    /// Its findings since then.
    pub findings: u64,
    /// Events it could not handle since then.
    pub faults: u64,
    /// The last fault, or why a newer version was refused.
    pub last_error: Option<String>,
    /// The last fault itself.
    pub last_fault: Option<LastFault>,
    /// Its faults by reason, since it was loaded.
    pub fault_reasons: BTreeMap<String, u64>,
    /// Why it is not called at present, if it is `quarantined`.
    pub quarantine: Option<Quarantine>,
    /// What it may use and what it used.
    pub budget: BudgetUse,
}

/// The last fault of an analytic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastFault {
    /// Why, in a word: `trap`, `deadline`, `memory`, `contract`,
    /// `malformed_result`, `returned` or `host`.
    pub reason: String,
    /// Whose fault it was: `guest` or `host`.
    pub blame: String,
    /// The same in a sentence.
    pub error: String,
    /// When it was, RFC 3339.
    pub time: String,
}

/// Why an analytic is not called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quarantine {
    /// Why, in a sentence.
    pub reason: String,
    /// Until when, RFC 3339; absent if until it is released.
    pub until: Option<String>,
    /// The how manieth time this is, without a longer good time in between.
    pub times: u32,
}

/// What an analytic may use and what it used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetUse {
    /// Time a call may take, in milliseconds.
    pub call_limit_ms: u64,
    /// The longest call, in microseconds.
    pub call_longest_us: u64,
    /// All calls together, in milliseconds.
    pub calls_total_ms: u64,
    /// Memory an instance may take, in bytes.
    pub memory_limit: u64,
    /// The most an instance took.
    pub memory: u64,
}

/// A source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceStatus {
    /// Records taken in since the start.
    pub records: u64,
    /// The last error.
    pub last_error: Option<String>,
    /// What it does now, in a few words.
    pub state: String,
}

/// A sink.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SinkStatus {
    /// Number of the last finding it confirmed.
    pub confirmed: u64,
    /// Findings that wait for it.
    pub waiting: u64,
    /// The last error, if the last delivery failed.
    pub last_error: Option<String>,
}

impl Board {
    /// A copy of everything.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Changes something.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AnalyticStatus {
    /// Shows that it could not handle an event.
    pub fn failed(&mut self, reason: &str, blame: &str, time: String, error: String) {
        *self.fault_reasons.entry(reason.to_owned()).or_default() += 1;
        self.last_error = Some(error.clone());
        self.last_fault = Some(LastFault {
            reason: reason.to_owned(),
            blame: blame.to_owned(),
            error,
            time,
        });
    }

    /// Shows what it did.
    pub fn show(&mut self, usage: Usage) {
        let state = match usage.quarantine {
            Some(_) => "quarantined",
            None => "running",
        };
        state.clone_into(&mut self.state);
        self.quarantine = usage.quarantine.map(|quarantine| Quarantine {
            reason: quarantine.cause.sentence().to_owned(),
            until: quarantine.until.map(super::at),
            times: quarantine.times,
        });
        self.events = usage.rows;
        self.findings = usage.findings;
        self.faults = usage.faults;
        self.budget.call_longest_us = u64::try_from(usage.longest.as_micros()).unwrap_or(u64::MAX);
        self.budget.calls_total_ms = u64::try_from(usage.time.as_millis()).unwrap_or(u64::MAX);
        self.budget.memory = usage.memory as u64;
    }
}

/// A board that many share.
pub type SharedBoard = Arc<Board>;
