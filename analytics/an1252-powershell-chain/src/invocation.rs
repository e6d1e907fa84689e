//! How PowerShell was told to run: the switches, and how they are spelt.

use sandtrap_sdk::windows::{
    Invocation, Payload, Place, Trait, Traits, command_line,
    path::{self, file_name},
};

use crate::{settings::Policy, stage::Stage};

/// From this length on, people no longer type a command line.
const LONG_COMMAND_LINE: usize = 1000;

/// Places a script is dropped in rather than kept in, as parts of a normalised path.
const DROP_PLACES: &[&str] = &[
    "/temp/",
    "/tmp/",
    "/appdata/",
    "/downloads/",
    "/users/public/",
    "/programdata/",
    "/perflogs/",
    "/$recycle.bin/",
];

/// The ways to have a script on the machine but not on the command line.
const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        "the registry",
        &[
            "get-itemproperty",
            "registry]::getvalue(",
            "gp hk",
            "gp 'hk",
            "gp \"hk",
        ],
    ),
    ("the clipboard", &["get-clipboard", "clipboard]::gettext"]),
    ("an alternate data stream", &["-stream "]),
];

/// The stages a PowerShell command line earns by its switches.
pub(crate) fn stages(line: &str, invocation: &Invocation, policy: &Policy) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut add = |name, score, note: String| stages.push(Stage::new(name, score, note));
    if let Some(payload) = &invocation.encoded_command {
        add(
            "invocation.encoded",
            encoded_score(payload),
            encoded_note(payload),
        );
    }
    // Files are run past the policy by every scheduler; text has no need to.
    let is_past_policy = invocation.is_policy_bypassed() && script_file(invocation).is_none();
    let is_unattended = invocation.no_profile || invocation.non_interactive || is_past_policy;
    if invocation.window_hidden && is_unattended {
        let switches = [
            (invocation.no_profile, "no profile"),
            (invocation.non_interactive, "no prompts"),
            (is_past_policy, "the policy set aside"),
        ];
        let set: Vec<_> = switches
            .iter()
            .filter(|set| set.0)
            .map(|set| set.1)
            .collect();
        let note = format!("ran in a hidden window with {}", set.join(" and "));
        // Drive mappings and inventories run hidden too, but from a file.
        let score = if script_file(invocation).is_some() {
            5
        } else {
            20
        };
        add("invocation.hidden", score, note);
    }
    if invocation.is_policy_bypassed() {
        let policy = invocation.execution_policy.as_deref().unwrap_or_default();
        add(
            "invocation.policy",
            5,
            format!("set the execution policy to {policy}"),
        );
    }
    if invocation.is_downgraded() {
        let version = invocation.version.as_deref().unwrap_or_default();
        let note = format!("asked for engine version {version}, which logs no scripts");
        add("invocation.downgrade", 15, note);
    }
    if let Some(source) = source_elsewhere(invocation) {
        add(
            "invocation.elsewhere",
            15,
            format!("took its script from {source}"),
        );
    }
    if let Some(script) = dropped_script(invocation, policy) {
        // Management tools keep their scripts below ProgramData.
        let is_shared = path::normalise(&script).contains(":/programdata/");
        let score = if is_shared { 5 } else { 10 };
        add("invocation.dropped-script", score, format!("ran {script}"));
    }
    if command_line::obfuscation(line).is_dense() {
        add(
            "invocation.obfuscated",
            15,
            "spelt its command line to be unreadable".to_owned(),
        );
    }
    if line.len() >= LONG_COMMAND_LINE {
        add(
            "invocation.long",
            5,
            format!("{} characters of command line", line.len()),
        );
    }
    if stages.is_empty() && policy.matches_command_line(line) {
        let note = "its command line matches CommandLinePattern";
        stages.push(Stage::new("invocation.pattern", 10, note));
    }
    stages
}

/// The stage earned by carets, which only the command line of `cmd.exe` shows.
pub(crate) fn carets(shell_line: &str) -> Option<Stage> {
    let command = command_line::shell_command(shell_line)?;
    let obfuscation = command_line::obfuscation(command);
    let removed = command.len() - command_line::remove_carets(command).len();
    // Only those outside quotes hide anything; `find "a^b"` is no disguise.
    (removed >= 4 && obfuscation.carets >= 4).then(|| {
        let note = format!("cmd.exe had to remove {removed} carets from its command");
        Stage::new("invocation.carets", 10, note)
    })
}

fn encoded_score(payload: &Payload) -> i32 {
    if payload.text.is_some() { 20 } else { 10 }
}

fn encoded_note(payload: &Payload) -> String {
    match payload.text.as_deref() {
        Some(text) => format!("ran an encoded command: {}", excerpt(text, 200)),
        None => "ran an encoded command that does not decode".to_owned(),
    }
}

fn source_elsewhere(invocation: &Invocation) -> Option<&'static str> {
    if invocation.reads_standard_input {
        return Some("standard input");
    }
    let file = invocation.file.as_ref().map(|file| file.path.as_str());
    if file.is_some_and(|file| file_name(file).contains(':')) {
        return Some("an alternate data stream");
    }
    let script = invocation.script()?;
    let is_disguised = Traits::of(script).has(Trait::InvokeExpression);
    let script = script.to_ascii_lowercase();
    let runs_text = ["iex", "&(", "& ("]
        .iter()
        .any(|runner| script.contains(runner));
    if !runs_text && !is_disguised {
        return None;
    }
    let named = |(_, names): &&(&str, &[&str])| names.iter().any(|name| script.contains(name));
    if let Some((source, _)) = ELSEWHERE.iter().find(named) {
        return Some(source);
    }
    runs_environment(&script).then_some("an environment variable")
}

/// `iex $env:x` or `(gci env:x).Value | iex`, for variables that Windows does not set
/// itself.
fn runs_environment(script: &str) -> bool {
    const USUAL: &[&str] = &[
        "appdata",
        "comspec",
        "computername",
        "homedrive",
        "homepath",
        "localappdata",
        "path",
        "processor",
        "programdata",
        "programfiles",
        "psmodulepath",
        "public",
        "systemdrive",
        "systemroot",
        "temp",
        "tmp",
        "user",
        "windir",
        "allusersprofile",
        "logonserver",
        "os",
    ];
    script
        .split("env:")
        .skip(1)
        .map(|rest| rest.trim_start_matches('\\'))
        .any(|rest| !USUAL.iter().any(|usual| rest.starts_with(usual)))
}

/// A script file in a place where things are dropped, and that nobody approved.
fn dropped_script(invocation: &Invocation, policy: &Policy) -> Option<String> {
    let script = script_file(invocation)?;
    let normal = path::normalise(&script);
    let place = path::place(&script);
    let is_dropped = matches!(place, Place::Network | Place::Removable)
        || (place == Place::UserWritable && DROP_PLACES.iter().any(|part| normal.contains(part)));
    (is_dropped && !policy.is_approved_script(&script)).then_some(script)
}

/// The script file that PowerShell was given, by either switch.
fn script_file(invocation: &Invocation) -> Option<String> {
    let file = invocation.file.as_ref().map(|file| file.path.clone());
    file.or_else(|| called_file(invocation.command.as_deref()?))
}

/// The script that `& 'C:\x.ps1' ...` or `. C:\x.ps1` calls.
fn called_file(command: &str) -> Option<String> {
    let lower = command.to_ascii_lowercase();
    let end = lower.find(".ps1")? + ".ps1".len();
    let before = command.get(..end)?;
    let opens = |c: char| matches!(c, '\'' | '"' | '&' | ';' | '(' | '{' | '|');
    let start = before.rfind(opens).map_or(0, |at| at + 1);
    let file = before.get(start..)?.trim().trim_start_matches(". ");
    let is_path = file.contains(['\\', '/']) && !file.contains("://");
    is_path.then(|| file.to_owned())
}

/// The beginning of a text on one line.
pub(crate) fn excerpt(text: &str, length: usize) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(length)
        .collect();
    if text.chars().nth(length).is_some() {
        line.push('\u{2026}');
    }
    line
}
