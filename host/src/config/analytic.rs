//! What an analytic may do: what it may reach, and how much of everything it
//! may use. Whatever is absent is not narrowed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problems, check};
use crate::capabilities::Capability;

/// What one analytic may do.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnalyticConfig {
    /// The capabilities it is granted; all, if absent.
    pub grants: Option<BTreeSet<Capability>>,
    /// The event classes it may see; all, if absent.
    pub events: Option<BTreeSet<String>>,
    /// The fields it may see, as globs such as `process.*`; all, if absent.
    /// What it is told of processes by the lineage capability is narrowed
    /// likewise.
    pub fields: Option<Vec<String>>,
    /// The devices whose events it may see, as globs over host names; all, if
    /// absent.
    pub devices: Option<Vec<String>>,
    /// How much it may use.
    pub budget: BudgetConfig,
    /// Permits a version older than one that has run.
    pub allow_downgrade: bool,
    /// Its settings, under the names that `sandtrap inspect` lists.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// The most that whatever a key signed may be granted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Permission {
    /// The capabilities; all, if absent.
    pub grants: Option<BTreeSet<Capability>>,
    /// The event classes; all, if absent.
    pub events: Option<BTreeSet<String>>,
    /// The fields, as globs; all, if absent.
    pub fields: Option<Vec<String>>,
    /// The devices, as globs over host names; all, if absent.
    pub devices: Option<Vec<String>>,
    /// How much may be used. Also what a manifest may ask for beyond the
    /// defaults.
    pub budget: BudgetConfig,
}

/// How much an analytic may use. What is absent takes its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetConfig {
    /// Wall time of one call, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_ms: Option<u32>,
    /// Share of a shard's time that its calls may take while the daemon runs,
    /// in percent; 100 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<u32>,
    /// Linear memory of an instance, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Elements of all tables of an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<u32>,
    /// What one call may have the host take and answer, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_data_mib: Option<u32>,
    /// Calls of host functions in one call, an item of a bulk call counting as
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_calls: Option<u32>,
    /// Findings of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<u32>,
    /// Text of one finding, in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding_kib: Option<u32>,
    /// Log lines a minute, and in one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u32>,
    /// Marks on a shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marks: Option<u32>,
    /// Keys of all its baselines on a shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_keys: Option<u32>,
    /// What it may keep in marks and baselines, in MiB; in memory and on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_mib: Option<u32>,
}

impl AnalyticConfig {
    /// What it is permitted.
    pub fn permission(&self) -> Permission {
        Permission {
            grants: self.grants.clone(),
            events: self.events.clone(),
            fields: self.fields.clone(),
            devices: self.devices.clone(),
            budget: self.budget.clone(),
        }
    }
}

impl BudgetConfig {
    /// The numbers that are out of bounds, each key with what goes before it.
    pub fn problems(&self, prefix: &str) -> Problems {
        let mut problems = Problems::default();
        check::budget(prefix, self, &mut problems);
        problems
    }

    /// The numbers with their keys, in an order of their own.
    pub fn entries(&self) -> [(&'static str, Option<u32>); 12] {
        [
            ("call_ms", self.call_ms),
            ("share_percent", self.share_percent),
            ("memory_mib", self.memory_mib),
            ("table_elements", self.table_elements),
            ("host_data_mib", self.host_data_mib),
            ("host_calls", self.host_calls),
            ("findings", self.findings),
            ("finding_kib", self.finding_kib),
            ("log_lines", self.log_lines),
            ("marks", self.marks),
            ("baseline_keys", self.baseline_keys),
            ("stored_mib", self.stored_mib),
        ]
    }
}
