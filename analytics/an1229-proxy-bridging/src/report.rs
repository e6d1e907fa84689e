//! What an analyst reads.

use sandtrap_sdk::{
    Finding, Row, Verdict,
    lineage::{self, Process},
    windows::{Invocation, ProcessName, process_name::POWERSHELL_HOSTS},
};

/// How much of a command line or payload goes into a finding, in bytes.
const MAX_DETAIL: usize = 4096;

/// The finding about a process.
pub fn process(row: &Row<'_>, process: Process, verdict: Verdict) -> Finding {
    let known = lineage::process(row, process);
    let parents = lineage::ancestors(row, process, 1);
    let file_name = |image: &str| ProcessName::of(image, "").file_name().to_owned();
    let name = known
        .as_ref()
        .map(|known| file_name(&known.image))
        .filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "a process".to_owned());
    let parent = parents.first().map(|parent| file_name(&parent.image));
    let started = match parent.filter(|parent| !parent.is_empty()) {
        Some(parent) => format!("{name}, started by {parent},"),
        None => name.clone(),
    };
    // The strongest of the connections says where to.
    let stages = verdict.tally.stages();
    let connections = stages
        .iter()
        .filter(|stage| stage.name.starts_with("connection."));
    let strongest = connections.max_by_key(|stage| stage.score);
    let what = strongest.map_or("connects", |stage| {
        let what = stage.summary.strip_prefix(&name).unwrap_or(&stage.summary);
        what.trim_end_matches(", which is new for it").trim_start()
    });
    let is_bridge = verdict.tally.score_of("bridge") >= 25;
    let bridging = if is_bridge { "bridges traffic: " } else { "" };
    let title = format!("{started} {bridging}{what}");

    let line = known
        .as_ref()
        .map_or("", |known| known.command_line.as_str());
    let parent_line = parents
        .first()
        .map_or("", |parent| parent.command_line.as_str());
    let payload = if ProcessName::of(&name, "").is_any(POWERSHELL_HOSTS) {
        Invocation::parse(line)
            .encoded_command
            .and_then(|payload| payload.text)
    } else {
        None
    };
    verdict
        .finding(title)
        .detail("command line", bounded(line))
        .detail("decoded command", bounded(&payload.unwrap_or_default()))
        .detail("parent's command line", bounded(parent_line))
}

/// The finding about a forwarding rule.
pub fn forwarding(row: &Row<'_>, process: Option<Process>, verdict: Verdict) -> Finding {
    let stages = verdict.tally.stages();
    let rule = stages
        .iter()
        .find_map(|stage| {
            stage
                .summary
                .split_once("forward ")
                .or(stage.summary.split_once("forwards "))
        })
        .map_or("", |(_, rule)| rule);
    let title = format!("Windows was set up to forward {rule}");
    let line = process
        .and_then(|process| lineage::process(row, process))
        .map(|known| known.command_line)
        .unwrap_or_default();
    verdict
        .finding(title)
        .process(process)
        .detail("command line", bounded(&line))
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_DETAIL))
        .unwrap_or(text)
}
