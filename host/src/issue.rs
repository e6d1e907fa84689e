//! From what an analytic says to a finding that leaves the host: identity,
//! time, evidence, the process tree, and what was missing.

mod issued;

use std::{sync::Arc, time::Instant};

pub use issued::Issued;

use crate::{
    analytic::Configured,
    bindings::sandtrap::analytic::findings::{Finding as WitFinding, Severity as WitSeverity},
    error::CallError,
    event::Event,
    finding::{Finding, Severity, Stage},
    lineage::AsOf,
    marks::NoLooks,
    scene::{Allowance, LOOKS_EXCEEDED, Scene},
    text::clean,
    vocabulary::vocabulary,
};

/// How many events a finding may cite. Each may add a branch to its tree.
const CITATIONS: usize = 256;
/// Longest detail, in bytes.
const MAX_DETAIL: usize = 64 * 1024;

/// The findings of a call, and what they cited in vain.
#[derive(Default)]
pub struct Made {
    /// Findings by event. Whether each is an update is not known yet.
    pub findings: Vec<Finding>,
    /// Events that are neither of the batch nor held by a mark, and those that
    /// a finding is about and that the analytic was not shown.
    pub unknown_evidence: u64,
}

/// Makes findings of what an analytic returned. A small answer can ask for much
/// evidence and many long process trees, so what they take is bounded, and the
/// time for it is what a call may take.
pub fn findings(
    mut said: Vec<WitFinding>,
    analytic: &Configured,
    scene: &mut Scene,
) -> Result<Made, CallError> {
    let budget = &analytic.grant.budget;
    let started = Instant::now();
    let mut allowance = Allowance::of(budget.host_data);
    let mut made = Made::default();
    // Whatever the order it gave them in, the first about a chain is issued
    // first.
    said.sort_by_key(|finding| finding.event);
    for said in &said {
        let found = finding(said, analytic, scene, &mut made.unknown_evidence);
        let Some(found) = found.map_err(|NoLooks| malformed(LOOKS_EXCEEDED.to_owned()))? else {
            made.unknown_evidence += 1;
            continue;
        };
        if allowance.take(found.size()).is_err() {
            return Err(malformed(format!(
                "findings that have more than {} MiB with their evidence and process trees",
                budget.host_data >> 20
            )));
        }
        if started.elapsed() > budget.time {
            return Err(CallError::deadline("inspect", budget.time, budget.time));
        }
        made.findings.push(found);
    }
    Ok(made)
}

fn malformed(reason: String) -> CallError {
    CallError::MalformedResult {
        export: "inspect",
        reason,
    }
}

/// Makes a finding, unless the event it is about is none that the analytic was
/// shown.
fn finding(
    said: &WitFinding,
    analytic: &Configured,
    scene: &mut Scene,
    unknown_evidence: &mut u64,
) -> Result<Option<Finding>, NoLooks> {
    let Some(event) = scene.event(said.event).cloned() else {
        return Ok(None);
    };
    let as_of = AsOf {
        sequence: event.sequence,
        time: event.time,
        device: Arc::clone(&event.device),
    };
    let mut stages = Vec::new();
    let mut citations = 0;
    for stage in &said.stages {
        let mut evidence = Vec::new();
        for cited in &stage.events {
            let found = match citations < CITATIONS {
                true => scene.cite(&as_of, *cited)?,
                false => None,
            };
            match found {
                Some(found) => evidence.push(found),
                None => *unknown_evidence += 1,
            }
            citations += 1;
        }
        evidence.sort_by_key(|evidence| evidence.sequence);
        evidence.dedup_by_key(|evidence| evidence.sequence);
        stages.push(Stage {
            name: clean(&stage.name),
            score: stage.score,
            summary: clean(&stage.summary),
            evidence,
        });
    }
    let id = analytic.prepared.id();
    let severity = severity(said.severity);
    let chain_uid = chain_uid(id, &event, said);
    let uid = message_uid(&chain_uid, severity, &event, &stages);
    let mut cited: Vec<u64> = stages
        .iter()
        .flat_map(|stage| stage.evidence.iter().map(|evidence| evidence.process))
        .collect();
    cited.sort_unstable();
    cited.dedup();
    let tree = said
        .process
        .map(|process| scene.world.lineage.tree(&as_of, process, &cited))
        .unwrap_or_default();
    let finding = Finding {
        is_update: false,
        uid,
        chain_uid,
        analytic: Arc::clone(&analytic.prepared.reference),
        title: clean(&said.title),
        severity,
        score: said.score,
        time: event.time,
        sequence: event.sequence,
        device: Arc::clone(&event.device),
        tree,
        stages,
        details: said
            .details
            .iter()
            .map(|detail| (clean(&detail.name), cut(&detail.value).to_owned()))
            .collect(),
        missing: missing(analytic, &as_of, scene),
    };
    Ok(Some(finding))
}

fn chain_uid(analytic: &str, event: &Event, said: &WitFinding) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [
        analytic.as_bytes(),
        event.device.as_bytes(),
        &said.process.unwrap_or_default().to_le_bytes(),
        said.chain.as_bytes(),
    ] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    if said.process.is_none() && said.chain.is_empty() {
        // Nothing ties it to other findings, so it is a chain of its own.
        hasher.update(&event.uid.to_le_bytes());
    }
    short(&hasher)
}

fn message_uid(chain: &str, severity: Severity, event: &Event, stages: &[Stage]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(chain.as_bytes());
    hasher.update(&[severity as u8]);
    hasher.update(&event.uid.to_le_bytes());
    let mut uids: Vec<u64> = stages
        .iter()
        .flat_map(|stage| stage.evidence.iter().map(|evidence| evidence.uid))
        .collect();
    uids.sort_unstable();
    uids.dedup();
    for uid in uids {
        hasher.update(&uid.to_le_bytes());
    }
    short(&hasher)
}

/// 128 bits tell all findings there will ever be apart.
fn short(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex().chars().take(32).collect()
}

fn missing(analytic: &Configured, as_of: &AsOf, scene: &Scene) -> Vec<(String, String)> {
    let mut missing = Vec::new();
    for input in &analytic.prepared.description.inputs {
        let is_there = match input.name.strip_prefix("site.") {
            Some(key) => analytic.site_keys.contains(key),
            None => vocabulary()
                .class(&input.name)
                .is_some_and(|(class, _)| scene.world.lineage.seen(as_of, class).is_some()),
        };
        if !is_there {
            missing.push((clean(&input.name), clean(&input.cost)));
        }
    }
    missing
}

fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_DETAIL.min(text.len()));
    text.get(..end).unwrap_or_default()
}

fn severity(severity: WitSeverity) -> Severity {
    match severity {
        WitSeverity::Informational => Severity::Informational,
        WitSeverity::Low => Severity::Low,
        WitSeverity::Medium => Severity::Medium,
        WitSeverity::High => Severity::High,
        WitSeverity::Critical => Severity::Critical,
    }
}
