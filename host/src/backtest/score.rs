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
    let blamed = finding.tree.iter().filter(|process| process.is_guilty);
    let mut blamed = blamed.map(|process| Process {
        guid: &process.guid,
        pid: process.pid,
        image: &process.image,
    });
    let mut evidence = finding.stages.iter().flat_map(|stage| &stage.evidence);
    blamed.any(|process| process.is_labelled(label, &finding.device))
        || evidence.any(|evidence| {
            let record = Some(evidence.origin.record);
            label
                .evidence
                .iter()
                .any(|event| event.line_index == record)
                || Process::of(evidence).is_labelled(label, &finding.device)
        })
}

/// What tells a process from others of its device.
struct Process<'a> {
    guid: &'a str,
    pid: Option<u32>,
    image: &'a str,
}

impl<'a> Process<'a> {
    /// The process that did what the evidence shows.
    fn of(evidence: &'a Evidence) -> Self {
        let field = |name: &str| {
            let mut fields = evidence.fields.iter();
            fields.find_map(|(known, value)| (*known == name).then_some(value.as_str()))
        };
        let of = |actor: &str, own: &str| field(actor).or_else(|| field(own));
        Self {
            guid: of("actor.process.uid", "process.uid").unwrap_or_default(),
            pid: of("actor.process.pid", "process.pid").and_then(|pid| pid.parse().ok()),
            image: of("actor.process.file.path", "process.file.path").unwrap_or_default(),
        }
    }

    /// By its GUID, or where one side has none, by host, pid and image.
    fn is_labelled(&self, label: &Label, device: &str) -> bool {
        label.evidence.iter().any(|event| {
            let guid = event.process_guid.as_deref().unwrap_or_default();
            if !guid.is_empty() && !self.guid.is_empty() {
                return plain(guid).eq_ignore_ascii_case(plain(self.guid));
            }
            let is_here = event
                .host
                .as_deref()
                .is_none_or(|host| host.eq_ignore_ascii_case(device));
            let image = event.image.as_deref().unwrap_or_default();
            is_here
                && self.pid.is_some()
                && self.pid == event.pid()
                && !image.is_empty()
                && file_name(image).eq_ignore_ascii_case(file_name(self.image))
        })
    }
}

fn plain(guid: &str) -> &str {
    guid.trim_matches(['{', '}'])
}

fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or_default()
}
