//! From a verdict to a finding that an analyst can act on.

use sandtrap_sdk::{
    Chain, Finding, Findings, Row, Severity, Tally, Verdict, field,
    lineage::{self, ProcessInfo},
    windows::{Invocation, ProcessName, process_name::POWERSHELL_HOSTS},
};

use crate::{
    An1925, payload,
    tree::{Tree, short},
};

/// The classes that are reasons; the others only weigh.
const REASONS: &[&str] = &["enablement", "run", "proxy", "payload", "effect"];

/// How many stages a title tells.
const TITLE_STAGES: usize = 3;
const MAX_CLAUSE: usize = 130;

impl An1925 {
    /// Judges the chain of a tree and reports it.
    pub(crate) fn settle(
        &self,
        row: &Row<'_>,
        findings: &mut Findings,
        tree: &Tree,
        chain: Chain<'_, '_>,
    ) {
        let threshold = self.settings.alert_threshold;
        if let Some(verdict) = chain.settle(&self.caps, |tally| severity(tally, threshold)) {
            findings.report(self.finding(row, tree, verdict));
        }
    }

    fn finding(&self, row: &Row<'_>, tree: &Tree, verdict: Verdict) -> Finding {
        let line: Vec<ProcessInfo> = lineage::processes(row, &[tree.anchor, tree.process])
            .into_iter()
            .flatten()
            .collect();
        let anchor = line.first();
        let parent = anchor
            .and_then(|info| info.parent)
            .and_then(|parent| lineage::process(row, parent));
        let title = title(anchor, parent.as_ref(), &verdict.tally);
        let mut finding = verdict.finding(title);
        if let Some(anchor) = anchor {
            finding = finding.detail("command line", clipped(&anchor.command_line));
        }
        if !self.settings.script_capture {
            return finding;
        }
        if row.has(field::SCRIPT_CONTENT) {
            finding = finding.detail("script", clipped(row.text(field::SCRIPT_CONTENT)));
        }
        let decoded = line.iter().find_map(decoded);
        finding.detail("PowerShell", decoded.unwrap_or_default())
    }
}

/// How bad a tree is; nothing while it is weak.
fn severity(tally: &Tally, threshold: i32) -> Option<Severity> {
    let reasons = REASONS
        .iter()
        .filter(|class| tally.score_of(class) > 0)
        .count();
    let has_code = ["run", "proxy", "payload"]
        .iter()
        .any(|class| tally.score_of(class) > 0);
    let score = tally.score();
    if score < threshold || reasons < 2 || !has_code {
        return None;
    }
    let reaches_plant = tally.has("effect.controller") && tally.has("proxy.ics-script");
    if reaches_plant {
        return Some(Severity::Critical);
    }
    let has_effect = tally.score_of("effect") > 0;
    let was_enabled = tally.score_of("enablement") >= 20;
    Some(if has_effect || was_enabled || score >= threshold + 25 {
        Severity::High
    } else {
        Severity::Medium
    })
}

/// One sentence: who, started by whom, and the strongest stages.
fn title(anchor: Option<&ProcessInfo>, parent: Option<&ProcessInfo>, tally: &Tally) -> String {
    let mut stages: Vec<_> = tally
        .stages()
        .iter()
        .filter(|stage| {
            let class = stage.name.split('.').next().unwrap_or_default();
            REASONS.contains(&class) && stage.score > 0
        })
        .collect();
    // The script first seen is what it is about; with it the strongest, in the
    // order of their events.
    let script = stages
        .iter()
        .find(|stage| stage.name.starts_with("run."))
        .map(|stage| stage.name.clone());
    let is_script = |name: &str| script.as_deref() == Some(name);
    let mut scores: Vec<i32> = stages
        .iter()
        .filter(|stage| !is_script(&stage.name))
        .map(|stage| stage.score)
        .collect();
    scores.sort_unstable_by(|left, right| right.cmp(left));
    let least = scores.get(TITLE_STAGES - 2).copied().unwrap_or(i32::MIN);
    stages.retain(|stage| is_script(&stage.name) || stage.score >= least);
    stages.truncate(TITLE_STAGES);
    let told: Vec<&str> = stages.iter().map(|stage| clause(&stage.summary)).collect();
    let name = anchor.map_or("A process", |info| short(&info.image));
    let by = match parent.map(|info| short(&info.image)) {
        Some(parent) => format!(", started by {parent}"),
        None => String::new(),
    };
    format!("{name}{by}: {}", told.join("; "))
}

/// A summary, short enough for a title.
fn clause(summary: &str) -> &str {
    summary
        .get(..summary.floor_char_boundary(MAX_CLAUSE))
        .unwrap_or(summary)
}

fn decoded(info: &ProcessInfo) -> Option<String> {
    let name = ProcessName::of(&info.image, &info.original_file_name);
    let invocation = match name.is_any(POWERSHELL_HOSTS) {
        true => Invocation::parse(&info.command_line),
        false => Invocation::nested(&info.command_line)?,
    };
    payload::excerpt(&invocation).map(str::to_owned)
}

fn clipped(line: &str) -> &str {
    line.get(..line.floor_char_boundary(payload::MAX_DETAIL))
        .unwrap_or(line)
}
