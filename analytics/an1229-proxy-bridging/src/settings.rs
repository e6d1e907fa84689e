//! What an operator may tune.

use std::time::Duration;

use sandtrap_sdk::{Description, json};
use serde::Deserialize;

/// Programs that rarely start one that uses the network. `svchost.exe` starts
/// scheduled tasks and COM servers, so it weighs less than the others.
const PARENTS: &[&str] = &[
    "rundll32.exe",
    "svchost.exe",
    "regsvr32.exe",
    "dllhost.exe",
    "mshta.exe",
    "wscript.exe",
    "cscript.exe",
    "wsmprovhost.exe",
    "winrshost.exe",
    "wmiprvse.exe",
    "scrcons.exe",
    "services.exe",
    "spoolsv.exe",
    "lsass.exe",
    "winlogon.exe",
    "notepad.exe",
    "msbuild.exe",
    "installutil.exe",
    "regasm.exe",
    "regsvcs.exe",
    "cmstp.exe",
    "hh.exe",
    "winword.exe",
    "excel.exe",
    "powerpnt.exe",
    "outlook.exe",
    "msaccess.exe",
    "onenote.exe",
    "eqnedt32.exe",
    "w3wp.exe",
    "httpd.exe",
    "nginx.exe",
    "php-cgi.exe",
    "tomcat9.exe",
    "sqlservr.exe",
    "sqlagent.exe",
];

/// Ports of proxies, and those that tools for proxying and remote control
/// listen on unless told otherwise.
const PORTS: &[u16] = &[
    1080, 3128, 4433, 4443, 4444, 4445, 5555, 6666, 7777, 8000, 8008, 8080, 8081, 8118, 8181, 8443,
    8444, 8888, 9001, 9050, 9150, 31337,
];

/// The settings, by their official names where they have one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "PascalCase")]
pub struct Settings {
    /// File names of parents that rarely start programs that use the network.
    pub parent_process_name: Vec<String>,
    /// Ports that count as those of a proxy.
    pub destination_port: Vec<u16>,
    /// Seconds for which a connection counts, and over which bursts are seen.
    pub time_window: u64,
    /// Seconds for which a suspicious start is remembered.
    pub spawn_window: u64,
    /// Connections within the window from which a burst is considered.
    pub burst_connections: u64,
    /// Days after which a baseline's word counts.
    pub baseline_days: u64,
    /// Score from which a chain is reported.
    pub threshold: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parent_process_name: PARENTS.iter().map(|name| (*name).to_owned()).collect(),
            destination_port: PORTS.to_vec(),
            time_window: 120,
            spawn_window: 600,
            burst_connections: 30,
            baseline_days: 14,
            threshold: 55,
        }
    }
}

impl Settings {
    /// The settings, if they make sense.
    pub fn validated(self) -> Result<Self, String> {
        let within = |name: &str, value: u64, lowest: u64, highest: u64| {
            if (lowest..=highest).contains(&value) {
                return Ok(());
            }
            Err(format!(
                "`{name}` is {value}; it must be {lowest} to {highest}"
            ))
        };
        within("TimeWindow", self.time_window, 1, 3600)?;
        within("SpawnWindow", self.spawn_window, 1, 86_400)?;
        within("BurstConnections", self.burst_connections, 2, 100_000)?;
        within("BaselineDays", self.baseline_days, 1, 365)?;
        if !(20..=200).contains(&self.threshold) {
            return Err(format!(
                "`Threshold` is {}; it must be 20 to 200",
                self.threshold
            ));
        }
        if self.parent_process_name.len() > 512 {
            return Err("`ParentProcessName` has more than 512 names".to_owned());
        }
        for name in &self.parent_process_name {
            let is_name =
                !name.is_empty() && name.len() <= 255 && !name.contains(['\\', '/', '*', '?', '"']);
            if !is_name {
                return Err(format!(
                    "`ParentProcessName`: `{}` is no file name such as `rundll32.exe`",
                    name.escape_default()
                ));
            }
        }
        if self.destination_port.len() > 1024 || self.destination_port.contains(&0) {
            return Err("`DestinationPort` must be at most 1,024 ports from 1 to 65535".to_owned());
        }
        Ok(self)
    }

    /// For how long a connection counts.
    pub fn connection_lifetime(&self) -> Duration {
        Duration::from_secs(self.time_window)
    }

    /// For how long a suspicious start counts.
    pub fn spawn_lifetime(&self) -> Duration {
        Duration::from_secs(self.spawn_window)
    }

    /// How old a baseline must be.
    pub fn baseline_age(&self) -> Duration {
        Duration::from_secs(self.baseline_days * 24 * 60 * 60)
    }

    /// The window in minutes, as rates are asked for.
    pub fn burst_minutes(&self) -> u32 {
        u32::try_from(self.time_window.div_ceil(60))
            .unwrap_or(60)
            .clamp(1, 60)
    }
}

/// Adds the settings to the description.
pub fn describe(description: Description) -> Description {
    let default = Settings::default();
    description
        .official_setting(
            "ParentProcessName",
            json!(default.parent_process_name),
            "File names of programs that rarely start one that uses the network; at most 512. \
             A start by one of them adds 20, by svchost.exe 10.",
        )
        .official_setting(
            "DestinationPort",
            json!(default.destination_port),
            "Ports of proxies and remote-control tools; at most 1,024. A connection to one adds 10.",
        )
        .official_setting(
            "TimeWindow",
            json!(default.time_window),
            "Seconds for which a connection counts and over which bursts are seen, 1 to 3600.",
        )
        .setting(
            "SpawnWindow",
            json!(default.spawn_window),
            "Seconds for which a suspicious start is remembered, 1 to 86400.",
        )
        .setting(
            "BurstConnections",
            json!(default.burst_connections),
            "Connections of one program within TimeWindow from which a burst is considered, \
             2 to 100000.",
        )
        .setting(
            "BaselineDays",
            json!(default.baseline_days),
            "Days after which a baseline may call a destination or a parent usual, 1 to 365.",
        )
        .setting(
            "Threshold",
            json!(default.threshold),
            "Score from which a chain is reported, 20 to 200.",
        )
}
