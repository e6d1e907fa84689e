//! A finding as it leaves the host: what the analytic said, and what it could
//! have forged added by the host.

use std::sync::Arc;

use crate::event::Origin;

/// A finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Identifies this message: the same events give the same message.
    pub uid: String,
    /// Identifies the chain; later findings with the same one update it.
    pub chain_uid: String,
    /// Whether an earlier finding about the same chain was issued.
    pub is_update: bool,
    /// Who says so.
    pub analytic: Arc<AnalyticRef>,
    /// What happened, in one sentence.
    pub title: String,
    /// How bad it is if true.
    pub severity: Severity,
    /// The sum of the stages.
    pub score: i32,
    /// When the event happened that completed the chain, milliseconds since
    /// 1970 UTC.
    pub time: i64,
    /// Place of that event in the run; findings are issued in this order.
    pub sequence: u64,
    /// The computer it happened on.
    pub device: Arc<str>,
    /// The guilty process with its ancestors and descendants, as of the event,
    /// parents before their children. Empty where no process is blamed.
    pub tree: Vec<TreeProcess>,
    /// The chain.
    pub stages: Vec<Stage>,
    /// Decoded payloads and the like: names and texts.
    pub details: Vec<(String, String)>,
    /// Inputs that were missing, and what that cost.
    pub missing: Vec<(String, String)>,
}

/// What a finding says of its analytic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticRef {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it detects.
    pub summary: String,
    /// The technique: identifier and name.
    pub technique: (String, String),
    /// The tactics of the technique.
    pub tactics: Vec<String>,
    /// The detection strategy: identifier and name.
    pub strategy: Option<(String, String)>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub sha256: String,
}

/// Severity in OCSF terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its short name.
    pub name: String,
    /// What it added to the score.
    pub score: i32,
    /// What was seen, in one sentence.
    pub summary: String,
    /// The events that show it, in their order.
    pub evidence: Vec<Arc<Evidence>>,
}

/// An event that shows a stage, reduced to what an analyst reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Its place in the run.
    pub sequence: u64,
    /// Identifies its content.
    pub uid: u64,
    /// When it happened, milliseconds since 1970 UTC.
    pub time: i64,
    /// Lineage handle of the process that did it; 0 where there is none.
    pub process: u64,
    /// Name of its class.
    pub class: &'static str,
    /// The input it was read from, such as a path.
    pub input: Arc<str>,
    /// Which input and record.
    pub origin: Origin,
    /// Its fields by name, long texts cut.
    pub fields: Vec<(&'static str, String)>,
    /// Whether the fields were cut.
    pub is_cut: bool,
}

impl Finding {
    /// Roughly how many bytes it takes, its evidence and process tree included.
    pub fn size(&self) -> usize {
        let stages = self.stages.iter().map(|stage| {
            let evidence = stage.evidence.iter().map(|evidence| evidence.size());
            stage.name.len() + stage.summary.len() + evidence.sum::<usize>()
        });
        let details = self.details.iter();
        let details = details.map(|(name, value)| name.len() + value.len());
        let tree = self.tree.iter().map(TreeProcess::size);
        512 + stages.sum::<usize>() + details.sum::<usize>() + tree.sum::<usize>()
    }
}

impl Evidence {
    /// Roughly how many bytes it takes.
    pub fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(_, value)| value.len() + 48);
        256 + fields.sum::<usize>()
    }
}

impl TreeProcess {
    fn size(&self) -> usize {
        let texts = [&self.guid, &self.image, &self.command_line, &self.user];
        128 + texts.map(String::len).iter().sum::<usize>()
    }
}

/// A process of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeProcess {
    /// Its lineage handle.
    pub process: u64,
    /// How far from the root of this tree; 0 for the root.
    pub depth: u32,
    /// Whether it is the one the finding blames.
    pub is_guilty: bool,
    /// Its process id.
    pub pid: Option<u32>,
    /// The source's GUID of it; may be empty.
    pub guid: String,
    /// Path of its image; empty where it was never seen.
    pub image: String,
    /// Its command line.
    pub command_line: String,
    /// The account it runs as.
    pub user: String,
    /// When it started, milliseconds since 1970 UTC.
    pub started: Option<i64>,
    /// Further children that were left out of the tree.
    pub hidden_children: u32,
}
