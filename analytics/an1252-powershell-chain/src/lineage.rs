//! Who started PowerShell, looking past the shells in between.

use sandtrap_sdk::{
    Row, baselines, field,
    lineage::{self, Process},
    signatures,
    windows::{
        ProcessName, command_line,
        path::{self, is_user_writable},
        process_name::{BROWSERS, INTERMEDIARIES, MAIL_AND_DOCUMENTS, OFFICE},
    },
};

use crate::{settings::Policy, stage::Stage};

/// How far up to look for whoever is really behind it.
const GENERATIONS: u32 = 5;

/// Shells that administrators reach other machines by.
const REMOTE_SHELLS: &[&str] = &["wsmprovhost.exe", "winrshost.exe", "sshd.exe"];

/// Management agents whose business is to run scripts.
const DEPLOYMENT_AGENTS: &[&str] = &[
    "ccmexec.exe",
    "microsoft.management.services.intunewindowsagent.exe",
    "agentexecutor.exe",
    "ssm-document-worker.exe",
    "ssm-agent-worker.exe",
    "gc_worker.exe",
    "gc_service.exe",
    "senseir.exe",
    "monitoringhost.exe",
    "puppet.exe",
    "salt-minion.exe",
    "chef-client.exe",
];

/// An ancestor: its image, its command line, and its handle where it is known.
struct Ancestor {
    process: Option<Process>,
    image: String,
    line: String,
}

/// Who is behind a launch.
pub(crate) struct Origin {
    /// The nearest ancestor that is no shell; the parent if all are.
    pub starter: String,
    /// What the lineage earns.
    pub stages: Vec<Stage>,
}

/// The stages that the ancestors of a launched PowerShell earn.
pub(crate) fn of_launch(row: &Row<'_>, policy: &Policy) -> Origin {
    let ancestors = ancestors(row);
    let mut stages = Vec::new();
    let behind = ancestors
        .iter()
        .find(|ancestor| !name(&ancestor.image).is_any(INTERMEDIARIES));
    let shells: Vec<&Ancestor> = ancestors
        .iter()
        .take_while(|ancestor| name(&ancestor.image).is_any(INTERMEDIARIES))
        .collect();
    if let Some(behind) = behind {
        stages.extend(by_name(behind, !shells.is_empty(), policy));
        stages.extend(by_place(row, behind));
    }
    stages.extend(shells.iter().find_map(|shell| batch_file(&shell.line)));
    stages.extend(deployment(&ancestors, policy));
    if let Some(parent) = ancestors.first() {
        stages.extend(never_seen(row, &parent.image, policy));
    }
    let starter = behind.or(ancestors.first());
    Origin {
        starter: starter
            .map(|starter| starter.image.clone())
            .unwrap_or_default(),
        stages,
    }
}

fn ancestors(row: &Row<'_>) -> Vec<Ancestor> {
    let known = row
        .process(field::PROCESS_HANDLE)
        .map(|process| lineage::ancestors(row, process, GENERATIONS))
        .unwrap_or_default();
    let mut ancestors: Vec<Ancestor> = known
        .into_iter()
        .map(|known| Ancestor {
            process: Some(known.process),
            image: known.image,
            line: known.command_line,
        })
        .collect();
    // The launch itself names the parent even where its start was never seen.
    let image = row.text(field::PROCESS_PARENT_PROCESS_FILE_PATH);
    let line = row.text(field::PROCESS_PARENT_PROCESS_CMD_LINE);
    match ancestors.first_mut() {
        Some(parent) => {
            if !image.is_empty() {
                parent.image = image.to_owned();
            }
            if !line.is_empty() {
                parent.line = line.to_owned();
            }
        }
        None if !image.is_empty() => ancestors.push(Ancestor {
            process: row.process(field::PROCESS_PARENT_PROCESS_HANDLE),
            image: image.to_owned(),
            line: line.to_owned(),
        }),
        None => {}
    }
    ancestors.retain(|ancestor| !ancestor.image.is_empty());
    ancestors
}

fn name(image: &str) -> ProcessName {
    ProcessName::of(image, "")
}

fn by_name(behind: &Ancestor, has_shell: bool, policy: &Policy) -> Option<Stage> {
    let name = name(&behind.image);
    let file = name.file_name().to_owned();
    let through = if has_shell { " through a shell" } else { "" };
    if name.is("services.exe") {
        // A service is a program of its own; one that is a shell's command line is
        // how remote execution tools work.
        let score = if has_shell { 20 } else { 10 };
        let note = format!("was started as a service{through}");
        return Some(Stage::new("lineage.service", score, note));
    }
    let is_listed = policy.parents.iter().any(|parent| name.is(parent));
    if !is_listed {
        return None;
    }
    let is_document = [OFFICE, MAIL_AND_DOCUMENTS, BROWSERS]
        .iter()
        .any(|family| name.is_any(family));
    let (score, kind) = if is_document {
        (30, "which opens documents")
    } else if name.is_any(REMOTE_SHELLS) {
        (10, "which runs commands from other machines")
    } else {
        (20, "which has little reason to")
    };
    let note = format!("was started by {file}{through}, {kind}");
    Some(Stage::new("lineage.parent", score, note))
}

fn by_place(row: &Row<'_>, behind: &Ancestor) -> Vec<Stage> {
    let name = name(&behind.image);
    let mut stages = Vec::new();
    if name.is_expected_place() == Some(false) {
        let note = format!(
            "was started by {}, not where Windows keeps it",
            behind.image
        );
        stages.push(Stage::new("lineage.masquerade", 20, note));
    }
    if is_user_writable(&behind.image) {
        let signature = match behind.process {
            Some(process) => signatures::of_process(row, process),
            None => signatures::of_file(row, &behind.image, ""),
        };
        let (score, kind) = if signature.is_untrustworthy() {
            (20, "an unsigned program in a user-writable place")
        } else if signature.is_valid() {
            return stages;
        } else {
            (10, "a program in a user-writable place")
        };
        let note = format!("was started by {}, {kind}", behind.image);
        stages.push(Stage::new("lineage.user-writable", score, note));
    }
    stages
}

/// A batch file in a user-writable place behind the shell that started PowerShell.
fn batch_file(line: &str) -> Option<Stage> {
    let command = command_line::shell_command(line)?;
    let first = command_line::arguments(command).next()?;
    let extension = path::extension(&first.text);
    let is_batch = ["bat", "cmd"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    (is_batch && is_user_writable(&first.text)).then(|| {
        let note = format!("was started by the batch file {}", first.text);
        Stage::new("lineage.batch-file", 10, note)
    })
}

/// What the operator approved may do as it likes; agents everyone knows get an
/// advance of trust that a real chain uses up.
fn deployment(ancestors: &[Ancestor], policy: &Policy) -> Option<Stage> {
    let approved = ancestors
        .iter()
        .find(|one| policy.site.is_approved_deployment(&one.image) == Some(true));
    if let Some(approved) = approved {
        let note = format!("is run by {}, which is approved to deploy", approved.image);
        return Some(Stage::new("known.approved", -200, note));
    }
    let agent = ancestors
        .iter()
        .find(|one| name(&one.image).is_any(DEPLOYMENT_AGENTS) && !is_user_writable(&one.image))?;
    let note = format!("is run by {}, a management agent", agent.image);
    Some(Stage::new("known.agent", -30, note))
}

/// A parent that, as far as anyone learnt, never started PowerShell before.
fn never_seen(row: &Row<'_>, parent: &str, policy: &Policy) -> Option<Stage> {
    let key: String = path::normalise(parent).chars().take(200).collect();
    let known = baselines::lookup_one(row, "parent", &key);
    let _ = baselines::observe(row, &[("parent", &key)]);
    let is_mature = known.fleet.learning_for(row) >= policy.maturity;
    (is_mature && known.device.count == 0 && known.devices <= 1).then(|| {
        let note = format!(
            "{} never started PowerShell here before",
            path::file_name(parent)
        );
        Stage::new("lineage.never-seen", 10, note)
    })
}
