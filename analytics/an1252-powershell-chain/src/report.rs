//! The finding: what happened in one sentence, and what the payload says.

use sandtrap_sdk::{
    Finding, Row, Tally, Verdict, class, field,
    lineage::{self, Process},
    windows::{
        Content, Invocation, ProcessName, command_line, path::file_name, payload::find_base64,
        process_name::INTERMEDIARIES,
    },
};

use crate::invocation::excerpt;

/// Characters of a payload that go into the finding.
const MAX_PAYLOAD: usize = 4000;
const MAX_COMMAND_LINE: usize = 2000;

/// The finding about a chain.
pub(crate) fn finding(row: &Row<'_>, process: Option<Process>, verdict: Verdict) -> Finding {
    let known = process.and_then(|process| lineage::process(row, process));
    let (mut image, mut line) = known
        .map(|known| (known.image, known.command_line))
        .unwrap_or_default();
    let is_log = matches!(row.class(), class::SCRIPT_ENGINE | class::SCRIPT_COMMAND);
    if is_log && line.is_empty() {
        line = row.text(field::SCRIPT_HOST_APPLICATION).to_owned();
    }
    if image.is_empty() {
        image = command_line::executable(&line).to_owned();
    }
    let name = match file_name(&image) {
        "" => "A process",
        name => name,
    };
    let starter = process.map_or(String::new(), |process| starter(row, process));
    let title = title(name, &starter, &verdict.tally);
    let invocation = Invocation::parse(&line);
    let encoded = invocation.encoded_command.as_ref();
    let decoded = encoded.and_then(|payload| payload.text.clone());
    let inner = invocation.script().map_or(String::new(), inner);
    verdict
        .finding(title)
        .detail("command line", clip(&line, MAX_COMMAND_LINE))
        .detail(
            "decoded command",
            clip(&decoded.unwrap_or_default(), MAX_PAYLOAD),
        )
        .detail("payload within", clip(&inner, MAX_PAYLOAD))
}

/// The nearest ancestor that is no shell in between.
fn starter(row: &Row<'_>, process: Process) -> String {
    let ancestors = lineage::ancestors(row, process, 5);
    let is_shell = |image: &str| ProcessName::of(image, "").is_any(INTERMEDIARIES);
    let behind = ancestors
        .iter()
        .find(|ancestor| !ancestor.image.is_empty() && !is_shell(&ancestor.image));
    let starter = behind.or(ancestors.first());
    starter
        .map(|starter| file_name(&starter.image).to_owned())
        .unwrap_or_default()
}

fn title(name: &str, starter: &str, tally: &Tally) -> String {
    let started = if starter.is_empty() {
        String::new()
    } else {
        format!(", started by {starter},")
    };
    let mut did = vec![act(tally).to_owned()];
    if tally.has("content.tamper") || tally.has("script.tamper") {
        did.push("tampered with AMSI or logging".to_owned());
    }
    if let Some(effect) = effect(tally) {
        did.push(effect);
    }
    let did = match did.as_slice() {
        [first, second, third] => format!("{first}, {second} and {third}"),
        parts => parts.join(" and "),
    };
    format!("{name}{started} {did}")
}

/// What makes it odd, the most telling first.
fn act(tally: &Tally) -> &'static str {
    const ACTS: &[(&str, &str)] = &[
        (
            "injection",
            "hosted the PowerShell engine after another process started a thread in it",
        ),
        ("engine.hosted", "hosted the PowerShell engine"),
        ("invocation.encoded", "ran an encoded command"),
        ("invocation.hidden", "ran a hidden command"),
        (
            "invocation.elsewhere",
            "ran code that is not on its command line",
        ),
        ("content", "ran a suspicious command"),
        (
            "invocation.dropped-script",
            "ran a script from a user-writable place",
        ),
        (
            "invocation.downgrade",
            "ran an old engine that logs nothing",
        ),
    ];
    let is_engine = tally.has("engine.hosted");
    ACTS.iter()
        .filter(|(stage, _)| *stage != "injection" || is_engine)
        .find(|(stage, _)| tally.has(stage))
        .map_or("was started oddly", |(_, act)| act)
}

/// What it went on to do; the note of the stage says it.
fn effect(tally: &Tally) -> Option<String> {
    [
        "effect.connection",
        "effect.child",
        "effect.lookup",
        "effect.drop",
    ]
    .iter()
    .find_map(|name| tally.stages().iter().find(|stage| stage.name == *name))
    .map(|stage| {
        let note = stage.summary.split(": ").next().unwrap_or_default();
        excerpt(note.split(", ").next().unwrap_or(note), 80)
    })
}

/// Readable text that the script itself holds in base64.
fn inner(script: &str) -> String {
    let texts = find_base64(script)
        .into_iter()
        .filter_map(|inner| match inner.content {
            Content::Text(text) => Some(text),
            _ => None,
        });
    texts.collect::<Vec<_>>().join("\n")
}

fn clip(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}
