//! What PowerShell's own logs tell: which program hosts the engine, with which
//! command line, and what scripts it ran.

use sandtrap_sdk::{
    Row, class, field,
    lineage::{self, Process, Subject},
    windows::{
        Edition, Invocation, Place, ProcessName, command_line,
        path::{self, file_name},
    },
};

use crate::{
    content,
    engine::{self, is_powershell, is_usual_host},
    invocation,
    settings::Policy,
    shape::fingerprint,
    stage::Stage,
};

/// The stages of a record of PowerShell's.
pub(crate) fn stages(row: &Row<'_>, policy: &Policy) -> Vec<Stage> {
    let mut stages = Vec::new();
    if row.class() != class::SCRIPT_EXECUTE {
        stages.extend(host(row, policy));
    }
    if row.class() != class::SCRIPT_ENGINE && !is_installed_script(row, policy) {
        stages.extend(content::of_script(row.text(field::SCRIPT_CONTENT), policy));
    }
    stages
}

/// Whether the process of a record is one that other events tell of as well.
pub(crate) fn is_linked(row: &Row<'_>, process: Option<Process>) -> bool {
    let known = process.and_then(|process| lineage::process(row, process));
    known.is_some_and(|known| known.pid.is_some() || known.started.is_some())
}

/// What stands for the process where nobody could tell which one it is. A script
/// block names no host, so it stands for itself.
pub(crate) fn item(row: &Row<'_>) -> Option<Subject> {
    if row.class() == class::SCRIPT_EXECUTE {
        let script = row.text(field::SCRIPT_CONTENT);
        return Some(Subject::item(format!(
            "script {:016x}",
            fingerprint(script.bytes())
        )));
    }
    item_of(row.text(field::SCRIPT_HOST_APPLICATION))
}

/// The item of a command line. PowerShell puts its host's line together from the
/// arguments, so that quotes and blanks are not those of the launch.
pub(crate) fn item_of(line: &str) -> Option<Subject> {
    let plain = line
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\\' | 0));
    let mut plain = plain.peekable();
    plain.peek()?;
    Some(Subject::item(format!("host {:016x}", fingerprint(plain))))
}

/// The stages of the program that hosts the engine.
fn host(row: &Row<'_>, policy: &Policy) -> Vec<Stage> {
    let line = row.text(field::SCRIPT_HOST_APPLICATION).trim();
    let image = command_line::executable(line);
    if image.is_empty() {
        return Vec::new();
    }
    let name = ProcessName::of(image, "");
    let process = row.process(field::ACTOR_PROCESS_HANDLE);
    let mut stages = Vec::new();
    if is_powershell(&name) {
        // A launch that was seen said all this, and with its quotes. Without one, lineage
        // has the command line from these very records, but no image.
        let known = process.and_then(|process| lineage::process(row, process));
        if known.is_none_or(|known| known.command_line.is_empty() || known.image.is_empty()) {
            let edition = if name.is("pwsh.exe") {
                Edition::Core
            } else {
                Edition::Windows
            };
            let invocation = Invocation::parse_as(edition, line);
            stages.extend(invocation::stages(line, &invocation, policy));
            stages.extend(content::of_command_line(&invocation, policy));
        }
    } else if !is_usual_host(image, policy) {
        let host_name = row.text(field::SCRIPT_HOST_NAME);
        let evidence = format!("its log names the host {host_name}");
        stages.extend(engine::hosted(row, process, image, &evidence));
        if host_name.eq_ignore_ascii_case("ConsoleHost") {
            let note = format!("claims to be the console, but is {}", file_name(image));
            stages.push(Stage::new("engine.mismatch", 15, note));
        }
    }
    stages.extend(downgrade(row));
    stages
}

/// An engine of version 2 under a newer host: it was asked for.
fn downgrade(row: &Row<'_>) -> Option<Stage> {
    let engine = row.text(field::SCRIPT_ENGINE_VERSION);
    let host = row.text(field::SCRIPT_HOST_VERSION);
    let is_old = |version: &str| version.starts_with("2.");
    (is_old(engine) && !is_old(host) && !host.is_empty()).then(|| {
        let note = format!("ran engine version {engine}, which logs no scripts");
        Stage::new("invocation.downgrade", 15, note)
    })
}

/// Scripts of installed modules mention everything; what an administrator had to
/// install is not what this looks for.
fn is_installed_script(row: &Row<'_>, policy: &Policy) -> bool {
    let script = row.text(field::SCRIPT_PATH);
    let place = path::place(script);
    matches!(
        place,
        Place::System | Place::Windows | Place::DotNet | Place::ProgramFiles
    ) || policy.is_approved_script(script)
}
