//! What an operator may tune, checked once and brought into the form it is used in.

use std::time::Duration;

use regex_lite::{Regex, RegexBuilder};
use sandtrap_sdk::{Site, json, site::Pattern, windows::path};
use serde::{Deserialize, Serialize};

use crate::defaults::{COMMAND_LINE_PATTERN, MODULES, PARENTS, SOURCES};

/// More of a command line is not compared with `CommandLinePattern`.
const MATCHED: usize = 8192;
const MAX_PATTERN: usize = 1024;
const MAX_LIST: usize = 512;

/// The settings as the operator writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "PascalCase")]
pub struct Settings {
    command_line_pattern: String,
    parent_process_name: Vec<String>,
    time_window: Vec<Hours>,
    loaded_module_list: Vec<String>,
    script_block_length_threshold: usize,
    chain_seconds: u64,
    alert_threshold: i32,
    engine_hosts: Vec<Pattern>,
    trusted_sources: Vec<String>,
    learning_days: u64,
}

/// A window of time, in the words of the site's maintenance windows.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    days: Vec<String>,
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    utc_offset: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
        Self {
            command_line_pattern: COMMAND_LINE_PATTERN.to_owned(),
            parent_process_name: owned(PARENTS),
            time_window: Vec::new(),
            loaded_module_list: owned(MODULES),
            script_block_length_threshold: 1000,
            chain_seconds: 1800,
            alert_threshold: 50,
            engine_hosts: Vec::new(),
            trusted_sources: owned(SOURCES),
            learning_days: 14,
        }
    }
}

/// The settings and the site knowledge, ready for use.
pub(crate) struct Policy {
    pattern: Regex,
    /// Lower case, with extension.
    pub parents: Vec<String>,
    /// When chains are reported; at any time if there is none.
    hours: Option<Site>,
    /// Lower case.
    modules: Vec<String>,
    /// Bytes from which a script block is long.
    pub script_block_length: usize,
    /// How long a stage counts.
    pub lifetime: Duration,
    /// Score from which a chain is reported.
    pub threshold: i32,
    engine_hosts: Vec<Pattern>,
    trusted_sources: Vec<String>,
    /// How long a baseline learns before it is believed.
    pub maturity: Duration,
    /// The site knowledge.
    pub site: Site,
}

impl Policy {
    /// Checks the settings; an `Err` says which one is wrong and why.
    pub fn new(settings: Settings, site: Site) -> Result<Self, String> {
        let Settings {
            chain_seconds,
            alert_threshold,
            learning_days,
            ..
        } = settings;
        let is_within = |name: &str, value: u64, low: u64, high: u64| {
            let is_wrong = !(low..=high).contains(&value);
            let reason = || format!("`{name}` is {value}, but must be from {low} to {high}");
            if is_wrong { Err(reason()) } else { Ok(()) }
        };
        is_within("ChainSeconds", chain_seconds, 10, 86_400)?;
        is_within("LearningDays", learning_days, 1, 365)?;
        is_within(
            "AlertThreshold",
            u64::try_from(alert_threshold).unwrap_or(0),
            30,
            150,
        )?;
        let length = settings.script_block_length_threshold;
        is_within("ScriptBlockLengthThreshold", length as u64, 1, 10_000_000)?;
        if let Some(pattern) = settings
            .engine_hosts
            .iter()
            .find(|pattern| fits_all(pattern))
        {
            let pattern = pattern.as_str();
            return Err(format!(
                "`EngineHosts`: `{pattern}` would allow any program"
            ));
        }
        Ok(Self {
            pattern: compile(&settings.command_line_pattern)?,
            parents: names("ParentProcessName", &settings.parent_process_name)?,
            hours: hours(settings.time_window)?,
            modules: names("LoadedModuleList", &settings.loaded_module_list)?,
            script_block_length: length,
            lifetime: Duration::from_secs(chain_seconds),
            threshold: alert_threshold,
            engine_hosts: settings.engine_hosts,
            trusted_sources: sources(settings.trusted_sources)?,
            maturity: Duration::from_secs(learning_days * 24 * 60 * 60),
            site,
        })
    }

    /// Whether `CommandLinePattern` occurs in the command line.
    pub fn matches_command_line(&self, line: &str) -> bool {
        let line = line
            .get(..line.floor_char_boundary(MATCHED))
            .unwrap_or(line);
        self.pattern.is_match(line)
    }

    /// Whether chains are reported at this time.
    pub fn is_in_scope(&self, time: i64) -> bool {
        let within = |hours: &Site| hours.in_maintenance(time) == Some(true);
        self.hours.as_ref().is_none_or(within)
    }

    /// Whether a module is on `LoadedModuleList`.
    pub fn lists_module(&self, module: &str) -> bool {
        let name = path::file_name(module).to_ascii_lowercase();
        let ilname = name.replace(".ni.", ".");
        self.modules
            .iter()
            .any(|listed| *listed == name || *listed == ilname)
    }

    /// Whether the operator allows the program to host the PowerShell engine.
    pub fn may_host_engine(&self, image: &str) -> bool {
        self.engine_hosts.iter().any(|pattern| pattern.fits(image))
    }

    /// Whether the operator approved the script.
    pub fn is_approved_script(&self, script: &str) -> bool {
        self.site.is_approved_script(script) == Some(true)
    }

    /// The trusted source of a script, if every address in it is one.
    pub fn trusted_source(&self, script: &str) -> Option<&str> {
        let lower = script.to_ascii_lowercase();
        let mut source = None;
        for (at, _) in lower.match_indices("http").take(64) {
            let url = lower.get(at..)?;
            if !url.starts_with("http://") && !url.starts_with("https://") {
                continue;
            }
            let known = self
                .trusted_sources
                .iter()
                .find(|known| url.starts_with(*known))?;
            source = Some(known.as_str());
        }
        source
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let wrong = |reason: &str| format!("`CommandLinePattern`: {reason}");
    if pattern.len() > MAX_PATTERN {
        return Err(wrong("longer than 1,024 bytes"));
    }
    let regex = RegexBuilder::new(pattern).size_limit(1 << 18).build();
    let regex = regex.map_err(|error| wrong(&error.to_string()))?;
    let plain = [
        "",
        "powershell.exe",
        "powershell.exe -NoProfile -File C:\\Scripts\\a.ps1",
    ];
    if plain.iter().any(|line| regex.is_match(line)) {
        return Err(wrong(
            "matches ordinary command lines, such as a bare `powershell.exe`",
        ));
    }
    Ok(regex)
}

fn names(setting: &str, list: &[String]) -> Result<Vec<String>, String> {
    if list.len() > MAX_LIST {
        return Err(format!("`{setting}`: more than {MAX_LIST} entries"));
    }
    let is_name =
        |name: &str| !name.is_empty() && name.len() < 256 && !name.contains(['*', '\\', '/']);
    if let Some(odd) = list.iter().find(|name| !is_name(name)) {
        return Err(format!("`{setting}`: `{odd}` is not a plain file name"));
    }
    Ok(list.iter().map(|name| name.to_ascii_lowercase()).collect())
}

fn sources(list: Vec<String>) -> Result<Vec<String>, String> {
    let is_source = |source: &str| {
        let host = source.split_once("://").map_or("", |(_, host)| host);
        source.starts_with("http") && host.len() >= 4 && host.contains('.') && source.len() < 256
    };
    if let Some(odd) = list.iter().find(|source| !is_source(source)) {
        return Err(format!(
            "`TrustedSources`: `{odd}` is not the beginning of an address"
        ));
    }
    Ok(list
        .iter()
        .map(|source| source.to_ascii_lowercase())
        .collect())
}

/// The site's own schedule reads the windows, so that both mean the same.
fn hours(windows: Vec<Hours>) -> Result<Option<Site>, String> {
    if windows.is_empty() {
        return Ok(None);
    }
    let site = Site::parse(&json!({ "maintenance_windows": windows }).to_string());
    site.map(Some)
        .map_err(|reason| reason.replace("maintenance_windows", "TimeWindow"))
}

fn fits_all(pattern: &Pattern) -> bool {
    pattern.fits("C:\\Users\\a\\Downloads\\a.exe") || pattern.as_str().is_empty()
}
