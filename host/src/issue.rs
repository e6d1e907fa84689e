//! From what an analytic says to a finding that leaves the host: identity,
//! time, evidence, the process tree, and what was missing.

mod issued;

use std::sync::Arc;

pub use issued::Issued;

use crate::{
    analytic::Configured,
    bindings::sandtrap::analytic::findings::{Finding as WitFinding, Severity as WitSeverity},
    event::Event,
    finding::{Finding, Severity, Stage},
    lineage::AsOf,
    scene::Scene,
    text::clean,
    vocabulary::vocabulary,
};

/// How many events a finding may cite. Each may add a branch to its tree.
const CITATIONS: usize = 256;
/// Longest detail, in bytes.
const MAX_DETAIL: usize = 64 * 1024;

/// A finding made, and what it cited in vain.
pub struct Made {
    /// The finding, unless the event it is about is not of the batch.
    pub finding: Option<Finding>,
    /// Events that are neither of the batch nor held by a mark.
    pub unknown_evidence: u64,
}

/// Makes a finding of what an analytic returned.
pub fn finding(
    said: &WitFinding,
    analytic: &Configured,
    scene: &mut Scene,
    issued: &mut Issued,
) -> Made {
    let mut unknown_evidence = 0;
    let Some(event) = scene.event(said.event).cloned() else {
        return Made {
            finding: None,
            unknown_evidence: 1,
        };
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
            let found = scene.cite(&as_of, *cited).filter(|_| citations < CITATIONS);
            match found {
                Some(found) => evidence.push(found),
                None => unknown_evidence += 1,
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
        is_update: issued.again(&event.device, &chain_uid),
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
    Made {
        finding: Some(finding),
        unknown_evidence,
    }
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
