//! The operator's configuration: what the site is like, and what each analytic
//! may do. One TOML file, every key optional.

mod analytic;
mod check;
pub mod daemon;
mod problem;
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use analytic::{AnalyticConfig, BudgetConfig, Permission};
pub use daemon::{
    Bulk, Daemon, EvtxFolder, FileSink, Files, Http, Log, LogFormat, OnFull, Sinks, Sources, Tcp,
    Unix, Webhook,
};
pub use problem::{Problem, Problems};
pub use trust::{Trust, TrustedKey};

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the analytics' `.wasm` files.
    pub analytics_folder: Option<PathBuf>,
    /// Folder of what the daemon must find again after a restart.
    pub state_folder: Option<PathBuf>,
    /// How the daemon runs.
    pub daemon: Daemon,
    /// How it logs.
    pub log: Log,
    /// Its HTTP server: ingestion, metrics and the API.
    pub http: Http,
    /// Where events come from, besides HTTP.
    pub sources: Sources,
    /// Where findings go.
    pub sinks: Sinks,
    /// What the site is like.
    pub site: Site,
    /// Whose components are run.
    pub trust: Trust,
    /// What each analytic may do, by its identifier.
    pub analytics: BTreeMap<String, AnalyticConfig>,
}

/// What is told to every analytic about the site. Absent keys leave the
/// analytics' documented defaults, which findings then name as missing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Networks of the site, such as `10.20.0.0/16`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub internal_networks: Option<Vec<IpNet>>,
    /// When patching and administration are expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_windows: Option<Vec<MaintenanceWindow>>,
    /// Where scripts may be run from, as globs such as `C:\Scripts\*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_script_paths: Option<Vec<String>>,
    /// Images of deployment and management agents, as globs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_deployment_paths: Option<Vec<String>>,
    /// Accounts that administer, as globs such as `CORP\adm-*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrators: Option<Vec<String>>,
    /// What devices are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_roles: Option<Vec<AssetRole>>,
}

/// A weekly maintenance window.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// On which days it opens.
    pub days: Vec<Day>,
    /// When it opens, such as `22:00`.
    pub from: String,
    /// When it closes; before `from` means on the next day.
    pub to: String,
    /// The clock these times are on, such as `+02:00`; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What some devices are for.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetRole {
    /// Which devices, as a glob over host names.
    pub device: String,
    /// What they are.
    pub role: Role,
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Role {
    Workstation,
    Server,
    DomainController,
    Hmi,
    Historian,
    EngineeringStation,
    JumpHost,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not what it should be; the message has line and column.
    #[error("{path}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// Values are not what they may be.
    #[error("{path}: {problems}")]
    Values {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Problems,
    },
}

impl Config {
    /// Reads a configuration file and checks its values. Whether the files and
    /// folders it names are there is for those to say who need them.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let config = Self::parse(path)?;
        let problems = check::values(&config);
        if !problems.errors.is_empty() {
            return Err(ConfigError::Values {
                path: path.to_owned(),
                problems,
            });
        }
        Ok(config)
    }

    /// Reads a configuration file whose values may be wrong.
    pub fn parse(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Everything that is wrong with the values, and with the files and
    /// folders they name.
    pub fn problems(&self) -> Problems {
        let mut problems = check::values(self);
        problems.extend(check::places(self));
        problems
    }

    /// What is wrong with the values alone.
    pub(crate) fn value_problems(&self) -> Problems {
        check::values(self)
    }

    /// The sections that differ and that a running daemon cannot change.
    pub fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("daemon", self.daemon == other.daemon),
            ("log", self.log == other.log),
            ("http", self.http == other.http),
            ("sources", self.sources == other.sources),
            ("sinks", self.sinks == other.sinks),
            ("state_folder", self.state_folder == other.state_folder),
            (
                "analytics_folder",
                self.analytics_folder == other.analytics_folder,
            ),
        ]
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(section, _)| section)
        .collect()
    }

    /// Whether standard input is the only source that was asked for, so that
    /// its end is the end.
    pub fn is_only_stdin(&self) -> bool {
        let Sources {
            files,
            evtx,
            tcp,
            unix,
            stdin,
        } = &self.sources;
        *stdin && files.is_empty() && evtx.is_empty() && tcp.is_empty() && unix.is_empty()
    }

    /// The analytic's settings as a JSON object.
    pub fn settings(&self, id: &str) -> String {
        self.analytics
            .get(id)
            .map(|analytic| serde_json::Value::Object(analytic.settings.clone()).to_string())
            .unwrap_or_else(|| "{}".to_owned())
    }
}

impl Site {
    /// The keys that are configured.
    pub fn keys(&self) -> BTreeSet<String> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(keys)) => keys.keys().cloned().collect(),
            _ => BTreeSet::new(),
        }
    }

    /// As the JSON object that analytics are given.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_named_with_their_line() {
        let error = toml::from_str::<Config>("[site]\ninternal_network = []\n").unwrap_err();
        assert!(error.to_string().contains("internal_network"), "{error}");
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn only_configured_keys_reach_analytics() {
        let config: Config =
            toml::from_str("[site]\ninternal_networks = [\"10.20.0.0/16\"]\n").unwrap();
        assert_eq!(
            config.site.to_json(),
            r#"{"internal_networks":["10.20.0.0/16"]}"#
        );
        assert_eq!(config.site.keys(), ["internal_networks".to_owned()].into());
    }
}
