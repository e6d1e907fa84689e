//! What an operator may tune.
//!
//! AN1925 has no official mutable elements; every setting here is local to this
//! analytic.

use std::time::Duration;

use sandtrap_sdk::{Description, json, site::Pattern};
use serde::Deserialize;

/// Programs of control systems that run a script given as an argument.
///
/// `scilc.exe` is the one that was abused in 2022; the others are the script
/// runtimes of common HMI products. Sites add their own.
const ICS_APPS: &[&str] = &[
    "scil*.exe",
    "gscrt.exe",
    "pdlrt.exe",
    "rsview32.exe",
    "ctedit32.exe",
    "citect32.exe",
];

/// Where package managers tell people to fetch and run their installers from.
const INSTALLER_HOSTS: &[&str] = &[
    "community.chocolatey.org",
    "chocolatey.org",
    "get.scoop.sh",
    "raw.githubusercontent.com/scoopinstaller",
];

const MAX_WINDOW: u64 = 90 * 24 * 60 * 60;
const MAX_LIST: usize = 256;

/// What an operator may tune.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "PascalCase")]
pub struct Settings {
    /// Score from which a chain is reported.
    pub alert_threshold: i32,
    /// Seconds for which a script switched on counts towards later runs.
    pub enable_to_run_window: u64,
    /// The same for a policy value, which stays until someone looks at it.
    pub policy_to_run_window: u64,
    /// Seconds for which the stages of one process tree count.
    pub chain_window: u64,
    /// Days a baseline must have learnt before it may call anything rare.
    pub learning_days: u64,
    /// Runs on a device up to which an interpreter is rare there.
    pub rare_runs: u64,
    /// Programs of control systems that run scripts, by file name.
    pub ics_scriptable_apps: Vec<String>,
    /// Hosts from which a download-and-run line is how software is installed.
    pub approved_download_hosts: Vec<String>,
    /// Whether scripts switched on are reported before anything ran.
    pub configuration_findings: bool,
    /// Whether findings carry the text of the script.
    pub script_capture: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
        Self {
            alert_threshold: 55,
            enable_to_run_window: 24 * 60 * 60,
            policy_to_run_window: 7 * 24 * 60 * 60,
            chain_window: 60 * 60,
            learning_days: 14,
            rare_runs: 2,
            ics_scriptable_apps: owned(ICS_APPS),
            approved_download_hosts: owned(INSTALLER_HOSTS),
            configuration_findings: true,
            script_capture: true,
        }
    }
}

impl Settings {
    /// Refuses what would make the analytic blind or deafening.
    pub fn check(&self) -> Result<(), String> {
        if !(20..=200).contains(&self.alert_threshold) {
            return Err("`AlertThreshold` must be 20 to 200".to_owned());
        }
        for (name, seconds) in [
            ("EnableToRunWindow", self.enable_to_run_window),
            ("PolicyToRunWindow", self.policy_to_run_window),
            ("ChainWindow", self.chain_window),
        ] {
            if !(1..=MAX_WINDOW).contains(&seconds) {
                return Err(format!("`{name}` must be 1 to {MAX_WINDOW} seconds"));
            }
        }
        if !(1..=365).contains(&self.learning_days) {
            return Err("`LearningDays` must be 1 to 365".to_owned());
        }
        if self.approved_download_hosts.len() > MAX_LIST {
            return Err(format!(
                "`ApprovedDownloadHosts` must have at most {MAX_LIST} entries"
            ));
        }
        if let Some(short) = self
            .approved_download_hosts
            .iter()
            .find(|host| host.len() < 4 || !host.contains('.'))
        {
            return Err(format!(
                "`ApprovedDownloadHosts`: `{}` is no host such as `get.example.com`",
                short.escape_default()
            ));
        }
        self.ics_apps().map(drop)
    }

    /// The programs of control systems, as patterns for a file name.
    pub fn ics_apps(&self) -> Result<Vec<Pattern>, String> {
        if self.ics_scriptable_apps.len() > MAX_LIST {
            return Err(format!(
                "`IcsScriptableApps` must have at most {MAX_LIST} entries"
            ));
        }
        self.ics_scriptable_apps
            .iter()
            .map(|app| {
                let letters = app.chars().filter(|c| c.is_alphanumeric()).count();
                let stem = app.to_ascii_lowercase();
                if letters < 3 || stem == "*.exe" {
                    return Err(format!(
                        "`IcsScriptableApps`: `{}` would match nearly every program",
                        app.escape_default()
                    ));
                }
                Pattern::new(app).map_err(|reason| format!("`IcsScriptableApps`: {reason}"))
            })
            .collect()
    }

    /// How long the stages of one process tree count.
    pub fn tree_lifetime(&self) -> Duration {
        Duration::from_secs(self.chain_window)
    }

    /// How long a script switched on counts.
    pub fn enabled_lifetime(&self, is_policy: bool) -> Duration {
        Duration::from_secs(if is_policy {
            self.policy_to_run_window.max(self.enable_to_run_window)
        } else {
            self.enable_to_run_window
        })
    }

    /// Adds the settings to a description.
    pub fn describe(description: Description) -> Description {
        let default = Self::default();
        description
            .setting(
                "AlertThreshold",
                default.alert_threshold,
                "Local: score from which a chain is reported, 20 to 200.",
            )
            .setting(
                "EnableToRunWindow",
                default.enable_to_run_window,
                "Local: seconds for which switching scripts on counts towards a later run.",
            )
            .setting(
                "PolicyToRunWindow",
                default.policy_to_run_window,
                "Local: the same for a value below a Policies key, in seconds.",
            )
            .setting(
                "ChainWindow",
                default.chain_window,
                "Local: seconds for which the stages of one process tree count.",
            )
            .setting(
                "LearningDays",
                default.learning_days,
                "Local: days a baseline must have learnt before it calls anything rare, 1 to 365.",
            )
            .setting(
                "RareRuns",
                default.rare_runs,
                "Local: runs on a device up to which an interpreter is rare there.",
            )
            .setting(
                "IcsScriptableApps",
                json!(default.ics_scriptable_apps),
                "Local: file names, with `*`, of control-system programs that run scripts. Those \
                 you add are seen when an interpreter or shell starts them, or with a script \
                 option or file on their command line.",
            )
            .setting(
                "ApprovedDownloadHosts",
                json!(default.approved_download_hosts),
                "Local: hosts from which a download-and-run line is a usual installation.",
            )
            .setting(
                "ConfigurationFindings",
                default.configuration_findings,
                "Local: whether switching scripts on is reported before any script ran.",
            )
            .setting(
                "ScriptCapture",
                default.script_capture,
                "Local: whether findings carry the text of the script, where a log has it.",
            )
    }
}
