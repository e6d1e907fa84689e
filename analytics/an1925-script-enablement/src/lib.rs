//! AN1925: scripts that are switched on or run where scripts are not usual, and
//! programs made to run someone else's code.
//!
//! Computers that watch and steer a plant run few scripts, and those at known
//! times. So someone who switches scripts on there, or runs one out of cycle, is
//! worth a look, and someone who has a trusted program run a script on his behalf
//! even more. In 2022 a mounted disc image started a `.vbs`, that a `.bat`, and
//! that had the control system's own `scilc.exe` run a script that opened
//! breakers. ATT&CK for ICS: T0894 System Binary Proxy Execution, with T0853
//! Scripting and T0895 Autorun Image around it.
//!
//! Stages, by class; each class adds up to its cap:
//!
//! - `enablement`: a registry value or a command lets scripts run, or takes away
//!   the control or the record of them; `-ExecutionPolicy Bypass` does so for one
//!   process.
//! - `run`: an interpreter runs a script from where scripts do not belong, or a
//!   script or interpreter that is rare on this device.
//! - `proxy`: a script under another engine than its name says, a renamed
//!   interpreter, a utility that runs what its arguments say, a control-system
//!   program that is given a script.
//! - `payload`: what PowerShell was told, once a script was let in or stands
//!   behind it.
//! - `effect`: what came of it: odd children, connections, files.
//! - `cycle` and `asset`: no deployment tool, no maintenance window, no
//!   administrator; and what the device is. They weigh, but are no reason alone.
//!
//! A finding needs two classes of reasons and the threshold. The one exception:
//! what is switched on for good is a finding of its own, outside maintenance
//! windows worth a look, inside them for the record.
//!
//! Known false positives: administrators who test scripts from their profile with
//! the policy set aside and a hidden window; installers that unpack such scripts
//! and start their own unsigned programs; people who lower the macro settings of
//! their own Office.
//!
//! ATT&CK(R) facts: (c) The MITRE Corporation, reproduced and distributed with
//! permission.

mod cycle;
mod directive;
mod effect;
mod enable;
mod events;
mod found;
mod interpreter;
mod launch;
mod payload;
mod proxy;
mod report;
mod run;
mod settings;
mod subscriptions;
mod switchboard;
mod tree;

use sandtrap_sdk::{Analytic, Caps, Description, Findings, Row, Site, class, site::Pattern};

pub use settings::Settings;

/// Scripts switched on, run out of cycle, or run by proxy.
pub struct An1925 {
    settings: Settings,
    site: Site,
    caps: Caps,
    ics_apps: Vec<Pattern>,
}

impl Analytic for An1925 {
    type Settings = Settings;

    fn description() -> Description {
        let description = Description::new(
            "AN1925",
            "Script enablement and proxy execution",
            env!("CARGO_PKG_VERSION"),
        )
        .summary(
            "Scripts that are switched on or run where scripts are not usual, and programs, also \
             of control systems, made to run someone else's code.",
        )
        .strategy("DET0793", "Detection of System Binary Proxy Execution")
        .technique("T0894", "System Binary Proxy Execution")
        .tactics(["evasion"])
        .platforms(["None"])
        .log_source("DC0029", "Script Execution", "Script", "None")
        .log_source("DC0064", "Command Execution", "Command", "None")
        .log_source("DC0032", "Process Creation", "Process", "None")
        .input(
            class::PROCESS_LAUNCH,
            "no script run is seen, only switches",
        )
        .input(
            class::REGISTRY_VALUE,
            "switches are seen only where a command names them",
        )
        .input(
            class::REGISTRY_KEY,
            "switches opened by deleting a value are missed",
        )
        .input(
            class::SCRIPT_EXECUTE,
            "scripts run inside a PowerShell session are missed",
        )
        .input(
            class::MODULE_LOAD,
            "whether a child is unsigned is unknown, and engines loaded by utilities are missed",
        )
        .input(
            class::NETWORK_OPEN,
            "connections to controllers and outwards are missed",
        )
        .input(
            class::FILE_CREATE,
            "who wrote the script, and when, is unknown",
        )
        .input(
            class::FILE_STREAM,
            "whether the script was downloaded is unknown",
        )
        .site_input("maintenance_windows", "every time counts the same")
        .site_input("administrators", "every account counts the same")
        .site_input("asset_roles", "every device counts the same")
        .site_input(
            "approved_script_paths",
            "the site's own scripts are not told from others",
        );
        subscriptions::describe(Settings::describe(description))
    }

    fn new(settings: Settings, site: Site) -> Result<Self, String> {
        settings.check()?;
        let ics_apps = settings.ics_apps()?;
        let caps = Caps::new([
            ("enablement", 50),
            ("run", 40),
            ("proxy", 50),
            ("payload", 45),
            ("cycle", 25),
            ("effect", 40),
        ]);
        Ok(Self {
            settings,
            site,
            caps,
            ics_apps,
        })
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        match row.class() {
            class::PROCESS_LAUNCH => self.launched(row, findings),
            class::REGISTRY_VALUE | class::REGISTRY_KEY => self.registry(row, findings),
            class::SCRIPT_EXECUTE => {
                self.script_directives(row, findings);
                self.script_block(row, findings);
            }
            class::SCRIPT_ENGINE => self.engine_started(row, findings),
            class::SCRIPT_COMMAND => self.script_directives(row, findings),
            class::NETWORK_OPEN => self.connected(row, findings),
            class::FILE_CREATE => self.file_written(row, findings),
            class::FILE_STREAM => self.file_downloaded(row),
            class::MODULE_LOAD => self.module_loaded(row, findings),
            _ => {}
        }
    }
}

sandtrap_sdk::export_analytic!(An1925);

#[cfg(test)]
mod tests;
