//! The labels of a backtest: a list of cases, each a recorded file and what
//! every analytic should make of it.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

/// A labelled recording. Further keys describe it to readers and are ignored.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub case: String,
    /// The recording, relative to the folder of the labels.
    pub file: PathBuf,
    /// What the site's operator would have configured.
    #[serde(default)]
    pub site_config: Option<SiteConfig>,
    /// What each analytic should make of it.
    pub analytics: Vec<Label>,
}

/// What the operator of a case's site would have configured. Anything else in
/// it, such as where the attacker sat, is for the reader and never passed on.
#[derive(Debug, Deserialize)]
pub struct SiteConfig {
    /// The site's networks.
    #[serde(default)]
    pub internal_cidrs: Option<Vec<IpNet>>,
}

/// What one analytic should make of a case.
#[derive(Debug, Deserialize)]
pub struct Label {
    /// The analytic.
    pub id: String,
    /// `true`: must be found. `false`: any finding is wrong. `null`: not
    /// scored.
    pub expected: Option<bool>,
    /// `core` or `broad`, for what must be found.
    #[serde(default)]
    pub strength: Option<String>,
    /// The events that carry it.
    #[serde(default)]
    pub evidence: Vec<LabelledEvent>,
}

/// An event that carries what must be found.
#[derive(Debug, Deserialize)]
pub struct LabelledEvent {
    /// Its record in the file, counted from 0.
    #[serde(default)]
    pub line_index: Option<u32>,
    /// The GUID of its process.
    #[serde(default)]
    pub process_guid: Option<String>,
    /// The id of its process: a number, or decimal or hexadecimal text.
    #[serde(default)]
    pub pid: Option<serde_json::Value>,
    /// The image of its process.
    #[serde(default)]
    pub image: Option<String>,
    /// The computer it happened on.
    #[serde(default)]
    pub host: Option<String>,
}

impl LabelledEvent {
    /// The id of its process as a number.
    pub fn pid(&self) -> Option<u32> {
        match self.pid.as_ref()? {
            serde_json::Value::String(text) => match text.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
            number => u32::try_from(number.as_u64()?).ok(),
        }
    }
}

/// Why labels cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// The file cannot be read.
    #[error("cannot read {path}; a backtest folder has a labels.json beside its recordings")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not a list of cases; the message has line and column.
    #[error("{path}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// Reads `labels.json` of a folder.
pub fn read(folder: &Path) -> Result<Vec<Case>, LabelsError> {
    let path = folder.join("labels.json");
    let text = std::fs::read(&path).map_err(|source| LabelsError::Read {
        path: path.clone(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| LabelsError::Parse { path, source })
}
