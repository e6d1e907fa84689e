//! AN1288: Microsoft-signed scripts and script hosts that run somebody else's code.
//!
//! Windows ships signed programs whose trade is to run other code: script hosts, installers
//! and registrars of .NET assemblies, and scripts that hand an argument to PowerShell, to
//! WMI or to whatever a moniker names. Allow-lists trust them, so code that would not be let
//! through by itself goes through them (ATT&CK T1216, System Script Proxy Execution;
//! detection strategy DET0466).
//!
//! A chain stands on the process of the utility and adds up:
//!
//! - what only an abuser tells it (`abuse`): `pubprn.vbs` to bind to a scriptlet, `winrm.vbs`
//!   to create a process, App-V publishing a server name that goes on as a command,
//!   `manage-bde.wsf` another program, a troubleshooting script's function, a registrar a
//!   scriptlet from the web. This is enough by itself;
//! - how it was invoked (`invocation`): silenced, uninstalling, on a file that is no script
//!   by its name, renamed or moved;
//! - what code it was given (`payload`): from the web, a share, or where users write;
//! - whom it started (`child`): encoded commands, cradles, tools, and the step from a signed
//!   parent to a program nobody vouches for;
//! - what else it did (`effect`): connections, foreign runtimes and modules, files that ran
//!   later, access to other processes;
//! - who started it (`lineage`): documents, servers, other devices.
//!
//! Apart from abuse no stage and no class of stages is reported alone. What a fleet has long
//! been doing and what its management does count against the chain (`usual`).
//!
//! Known false positives: vendors' launcher scripts in user profiles, developers who try
//! out services with InstallUtil in odd places, and administrators who create processes with
//! `winrm.vbs`. Approved script paths and deployment tools of the site knowledge settle the
//! former two.

mod assembly;
mod catalogue;
mod child;
mod component;
mod dropped;
mod effect;
mod inspection;
mod origin;
mod project;
mod proxy;
mod report;
mod script_host;
mod settings;
mod shell_script;
mod stage;
mod starter;
mod usual;
mod utility;
mod watch;

#[cfg(test)]
mod tests;

use sandtrap_sdk::{Analytic, Caps, Description, Findings, Row, Site, class, json};

pub use settings::{Settings, Transition};

use settings::{CHILD_COMMAND_LINE_REGEX, Tuning};
use utility::UTILITIES;

/// The analytic.
pub struct SignedScriptProxy {
    tuning: Tuning,
    caps: Caps,
    site: Site,
}

impl Analytic for SignedScriptProxy {
    type Settings = Settings;

    fn description() -> Description {
        let described = Description::new(
            "AN1288",
            "Script-Based Proxy Execution via Signed Microsoft Utilities",
            env!("CARGO_PKG_VERSION"),
        )
        .summary(
            "Microsoft-signed scripts and script hosts that run untrusted or external code, by \
             what they were told, whom they started and what came of it.",
        )
        .strategy(
            "DET0466",
            "Detection of Script-Based Proxy Execution via Signed Microsoft Utilities",
        )
        .technique("T1216", "System Script Proxy Execution")
        .tactics(["defense-evasion"])
        .platforms(["Windows"]);
        inputs(settings(log_sources(described)))
            .subscribe(watch::launches())
            .subscribe(watch::modules())
            .subscribe(watch::files())
            .subscribe(watch::connections())
            .subscribe(watch::lookups())
            .subscribe(watch::accesses())
            .subscribe(watch::injections())
            .subscribe(watch::script_blocks())
            .subscribe(watch::pipelines())
            .subscribe(watch::engines())
    }

    fn new(settings: Settings, site: Site) -> Result<Self, String> {
        let tuning = Tuning::new(settings)?;
        let caps = report::caps();
        Ok(Self { tuning, caps, site })
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        match row.class() {
            class::PROCESS_LAUNCH => self.launched(row, findings),
            class::SCRIPT_EXECUTE => self.compiled(row, findings),
            _ => self.acted(row, findings),
        }
    }
}

fn log_sources(described: Description) -> Description {
    let sysmon = "WinEventLog:Sysmon";
    described
        .log_source("DC0032", "Process Creation", sysmon, "EventCode=1")
        .log_source(
            "DC0064",
            "Command Execution",
            "WinEventLog:PowerShell",
            "EventCode=4103, 4104, 4105, 4106",
        )
        .log_source("DC0016", "Module Load", sysmon, "EventCode=7")
        .log_source("DC0035", "Process Access", sysmon, "EventCode=10")
        .log_source("DC0039", "File Creation", sysmon, "EventCode=11")
}

fn settings(described: Description) -> Description {
    let defaults = Settings::default();
    described
        .official_setting(
            "ParentProcessName",
            json!(UTILITIES),
            "Utilities that are watched: names, or path patterns with `*` that end in one, such \
             as `C:\\Windows\\System32\\wscript.exe`. Leave a name out to stop watching it.",
        )
        .official_setting(
            "TimeWindow",
            defaults.time_window,
            "Seconds between a utility's start and what it does for which both count together, \
             1 to 86400.",
        )
        .official_setting(
            "ChildCommandLineRegex",
            CHILD_COMMAND_LINE_REGEX,
            "What in the command line of a child, or in its decoded command, counts as a \
             payload; at most 1024 bytes.",
        )
        .official_setting(
            "SignedToUnsignedTransition",
            "unsigned-or-unknown",
            "Which children count as less trusted than the signed utility: \
             `unsigned-or-unknown`, `unsigned` or `off`. Unknown counts only where users write.",
        )
        .setting(
            "DropWindow",
            defaults.drop_window,
            "Seconds for which a file that a utility wrote is remembered, 1 to 604800.",
        )
        .setting(
            "BaselineDays",
            defaults.baseline_days,
            "Days of learning after which never seen means rare, 1 to 365.",
        )
        .setting(
            "AlertScore",
            defaults.alert_score,
            "Score from which a chain is reported, at least 30.",
        )
        .setting(
            "HighScore",
            defaults.high_score,
            "Score from which its severity is high.",
        )
}

fn inputs(described: Description) -> Description {
    described
        .input(
            class::MODULE_LOAD,
            "signatures of children and foreign modules in the utilities are unknown",
        )
        .input(
            class::FILE_CREATE,
            "files that a utility wrote are not recognised when they run",
        )
        .input(
            class::NETWORK_OPEN,
            "code that runs within a utility and starts nothing is easily missed",
        )
        .input(
            class::SCRIPT_EXECUTE,
            "calls of signed PowerShell scripts from other scripts are not seen",
        )
        .site_input(
            "approved_script_paths",
            "sanctioned scripts in user-writable places count like any other",
        )
        .site_input(
            "approved_deployment_paths",
            "only well-known management agents count as such",
        )
}

sandtrap_sdk::export_analytic!(SignedScriptProxy);
