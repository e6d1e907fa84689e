//! What an analyst reads.

use sandtrap_sdk::{
    Finding, Row, Verdict,
    lineage::{self, Process},
    windows::{Invocation, ProcessName, process_name::POWERSHELL_HOSTS},
};

/// How much of a command line or payload goes into a finding, in bytes.
const MAX_DETAIL: usize = 4096;

/// The finding about a process.
pub fn finding(row: &Row<'_>, process: Process, verdict: Verdict) -> Finding {
    let known = lineage::process(row, process);
    let parents = lineage::ancestors(row, process, 1);
    let file_name = |image: &str| ProcessName::of(image, "").file_name().to_owned();
    let name = known
        .as_ref()
        .map(|known| file_name(&known.image))
        .filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "a process".to_owned());
    let parent = parents
        .first()
        .map(|parent| file_name(&parent.image))
        .unwrap_or_default();
    let started = if parent.is_empty() {
        String::new()
    } else {
        format!(", started by {parent},")
    };

    let tally = &verdict.tally;
    let did = if tally.has("crypto.encrypt") {
        "encrypted data with a symmetric cipher"
    } else if tally.has("crypto.tool") && tally.has("data.upload") {
        "sent files after a tool had encrypted some"
    } else if tally.has("crypto.cipher") || tally.has("crypto.rc4") {
        "used symmetric crypto, direction not visible,"
    } else {
        "handled data (symmetric crypto unconfirmed)"
    };
    let connection = tally
        .stages()
        .iter()
        .find(|stage| stage.name == "egress.program");
    let connected = connection.map_or("connected outwards", |stage| {
        stage
            .summary
            .split_once(' ')
            .map_or("connected outwards", |(_, what)| what)
    });
    let title = format!("{name}{started} {did} and {connected}");

    let line = known
        .as_ref()
        .map_or("", |known| known.command_line.as_str());
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
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_DETAIL))
        .unwrap_or(text)
}
