//! Comparing findings with labels.

use std::collections::BTreeSet;

use serde::Serialize;

use super::labels::Label;
use crate::finding::{Evidence, Finding};

/// What an analytic found of what it should have, over all cases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// What it is squarely made for.
    pub core: Tally,
    /// Neighbouring techniques.
    pub broad: Tally,
    /// Negative cases in which it reported something.
    pub false_positives: u64,
    /// Negative cases.
    pub negatives: u64,
    /// Findings on positive cases that touch none of the labelled evidence,
    /// updates of the same chain counted once.
    pub unrelated: u64,
    /// Positive cases it missed.
    pub missed_cases: Vec<String>,
    /// Negative cases in which it reported something.
    pub false_positive_cases: Vec<String>,
}

/// Found of expected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many it found.
    pub found: u64,
    /// How many there are.
    pub expected: u64,
}

impl Score {
    /// Adds a case. The result says whether it went as the label expects;
    /// nothing for what is not scored.
    pub fn judge(
        &mut self,
        case: &str,
        label: &Label,
        findings: &[&Finding],
    ) -> Option<Result<(), String>> {
        match label.expected? {
            true => Some(self.judge_positive(case, label, findings)),
            false => {
                self.negatives += 1;
                let Some(first) = findings.first() else {
                    return Some(Ok(()));
                };
                self.false_positives += 1;
                self.false_positive_cases.push(case.to_owned());
                Some(Err(format!(
                    "{} findings where none is expected; the first: {}",
                    findings.len(),
                    first.title
                )))
            }
        }
    }

    fn judge_positive(
        &mut self,
        case: &str,
        label: &Label,
        findings: &[&Finding],
    ) -> Result<(), String> {
        let tally = match label.strength.as_deref() {
            Some("broad") => &mut self.broad,
            _ => &mut self.core,
        };
        tally.expected += 1;
        let (related, unrelated): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().partition(|finding| touches(finding, label));
        let related_chains: BTreeSet<&str> = related
            .iter()
            .map(|finding| finding.chain_uid.as_str())
            .collect();
        let unrelated_chains: BTreeSet<&str> = unrelated
            .iter()
            .map(|finding| finding.chain_uid.as_str())
            .filter(|chain| !related_chains.contains(chain))
            .collect();
        self.unrelated += unrelated_chains.len() as u64;
        if related.is_empty() {
            self.missed_cases.push(case.to_owned());
            return Err(match findings.len() {
                0 => "nothing was found".to_owned(),
                count => format!("{count} findings, none of which cites the labelled evidence"),
            });
        }
        tally.found += 1;
        Ok(())
    }
}

/// Whether a finding cites a labelled event, or blames or cites an event of a
/// labelled process.
fn touches(finding: &Finding, label: &Label) -> bool {
    let blames = finding
        .tree
        .iter()
        .filter(|process| process.is_guilty)
        .any(|process| is_labelled_process(&process.guid, label));
    let evidence = finding.stages.iter().flat_map(|stage| &stage.evidence);
    blames
        || evidence.into_iter().any(|evidence| {
            label
                .evidence
                .iter()
                .any(|event| event.line_index == Some(evidence.origin.record))
                || is_labelled_process(actor(evidence), label)
        })
}

/// The GUID of the process that did what the evidence shows.
fn actor(evidence: &Evidence) -> &str {
    let field = |wanted: &str| {
        evidence
            .fields
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.as_str())
    };
    field("actor.process.uid")
        .or_else(|| field("process.uid"))
        .unwrap_or_default()
}

fn is_labelled_process(guid: &str, label: &Label) -> bool {
    !guid.is_empty()
        && label.evidence.iter().any(|event| {
            event
                .process_guid
                .as_deref()
                .is_some_and(|labelled| plain(labelled).eq_ignore_ascii_case(plain(guid)))
        })
}

fn plain(guid: &str) -> &str {
    guid.trim_matches(['{', '}'])
}
