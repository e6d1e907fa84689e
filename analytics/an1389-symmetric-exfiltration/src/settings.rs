//! What an operator may tune.

use std::time::Duration;

use sandtrap_sdk::{
    Description, Row, Site, json,
    lineage::Process,
    signatures::{self, Signature},
    site::Pattern,
};
use serde::Deserialize;
use serde_json::Value;

/// A program that may send what it encrypted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Where it lies; `*` stands for any text.
    path: String,
    /// Who must have signed it, where a signature is known.
    #[serde(default)]
    signer: String,
}

/// The settings, by their official names where they have one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "PascalCase")]
pub struct Settings {
    /// Bits per byte from which data handed to a network call counts as
    /// encrypted.
    pub payload_entropy_threshold: f64,
    /// When data may be sent, as maintenance windows are written. Always, if
    /// empty.
    pub time_window: Vec<Value>,
    /// Programs that may send what they encrypted.
    pub executable_allowlist: Vec<Allowed>,
    /// Seconds from encryption to connection, or back.
    pub link_window: u64,
    /// Days after which a baseline's word counts.
    pub baseline_days: u64,
    /// Score from which a chain is reported.
    pub threshold: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            payload_entropy_threshold: 7.5,
            time_window: Vec::new(),
            executable_allowlist: browsers(),
            link_window: 900,
            baseline_days: 30,
            threshold: 45,
        }
    }
}

/// What comes allowed: browsers and mail where they are installed, by their
/// vendors.
fn browsers() -> Vec<Allowed> {
    [
        (
            "C:\\Program Files*\\Google\\Chrome\\Application\\chrome.exe",
            "Google LLC",
        ),
        (
            "C:\\Program Files*\\Microsoft\\Edge\\Application\\msedge.exe",
            "Microsoft Corporation",
        ),
        (
            "C:\\Program Files*\\Microsoft\\EdgeWebView\\*\\msedgewebview2.exe",
            "Microsoft Corporation",
        ),
        (
            "C:\\Program Files*\\Mozilla Firefox\\firefox.exe",
            "Mozilla Corporation",
        ),
        (
            "C:\\Program Files*\\Microsoft Office\\*\\OUTLOOK.EXE",
            "Microsoft Corporation",
        ),
        (
            "C:\\Users\\*\\AppData\\Local\\Microsoft\\OneDrive\\*OneDrive.exe",
            "Microsoft Corporation",
        ),
        (
            "C:\\Users\\*\\AppData\\Local\\Microsoft\\Teams\\*\\Teams.exe",
            "Microsoft Corporation",
        ),
    ]
    .map(|(path, signer)| Allowed {
        path: path.to_owned(),
        signer: signer.to_owned(),
    })
    .into()
}

/// Settings that make sense, ready for use.
#[derive(Debug)]
pub struct Tuning {
    /// Bits per byte from which a payload counts as encrypted.
    pub entropy: f64,
    /// For how long a stage counts.
    pub lifetime: Duration,
    /// How old a baseline must be.
    pub baseline_age: Duration,
    /// Score from which a chain is reported.
    pub threshold: i32,
    allowed: Vec<(Pattern, String)>,
    /// The transfer window, as maintenance windows of a site of its own.
    transfer: Site,
}

impl Settings {
    /// The settings in their usable form, if they make sense.
    pub fn tuning(self) -> Result<Tuning, String> {
        let entropy = self.payload_entropy_threshold;
        if !(5.0..=8.0).contains(&entropy) {
            return Err(format!(
                "`PayloadEntropyThreshold` is {entropy}; it must be 5 to 8 bits"
            ));
        }
        if !(1..=86_400).contains(&self.link_window) {
            return Err(format!(
                "`LinkWindow` is {}; it must be 1 to 86400",
                self.link_window
            ));
        }
        if !(1..=365).contains(&self.baseline_days) {
            return Err(format!(
                "`BaselineDays` is {}; it must be 1 to 365",
                self.baseline_days
            ));
        }
        if !(20..=200).contains(&self.threshold) {
            return Err(format!(
                "`Threshold` is {}; it must be 20 to 200",
                self.threshold
            ));
        }
        let transfer = match self.time_window.is_empty() {
            true => Site::default(),
            false => Site::parse(&json!({ "maintenance_windows": self.time_window }).to_string())
                .map_err(|reason| {
                let reason = reason.trim_start_matches("`maintenance_windows`: ");
                format!("`TimeWindow`: {reason}")
            })?,
        };
        if self.executable_allowlist.len() > 1024 {
            return Err("`ExecutableAllowlist` has more than 1,024 entries".to_owned());
        }
        let allowed = self.executable_allowlist.into_iter().map(Allowed::pattern);
        Ok(Tuning {
            entropy,
            lifetime: Duration::from_secs(self.link_window),
            baseline_age: Duration::from_secs(self.baseline_days * 24 * 60 * 60),
            threshold: self.threshold,
            allowed: allowed.collect::<Result<_, _>>()?,
            transfer,
        })
    }
}

impl Allowed {
    /// A bare name would allow whatever is called so, wherever it lies.
    fn pattern(self) -> Result<(Pattern, String), String> {
        let Some((folder, name)) = self.path.rsplit_once('\\') else {
            return Err(format!(
                "`ExecutableAllowlist`: `{}` needs a folder, as in `C:\\Program Files\\*\\x.exe`",
                self.path.escape_default()
            ));
        };
        let says_where = folder.chars().filter(|c| c.is_ascii_alphanumeric()).count() >= 2;
        if !says_where || name.chars().all(|c| c == '*') {
            return Err(format!(
                "`ExecutableAllowlist`: `{}` fits nearly everything",
                self.path.escape_default()
            ));
        }
        let pattern = Pattern::new(&self.path)
            .map_err(|reason| format!("`ExecutableAllowlist`: {reason}"))?;
        Ok((pattern, self.signer))
    }
}

impl Tuning {
    /// Whether a program may send what it encrypted: it lies where the list
    /// says, and nothing is known against its signature.
    pub fn is_allowed(&self, row: &Row<'_>, process: Process, image: &str) -> bool {
        let mut fitting = self
            .allowed
            .iter()
            .filter(|(path, _)| path.fits(image))
            .peekable();
        if fitting.peek().is_none() {
            return false;
        }
        let signature = signatures::of_process(row, process);
        fitting.any(|(_, signer)| may_be_by(&signature, signer))
    }

    /// Whether a time is outside of the window for transfers, if there is one.
    pub fn is_outside_window(&self, time: i64) -> bool {
        self.transfer.in_maintenance(time) == Some(false)
    }
}

/// Not having seen a signature is no reason to distrust.
fn may_be_by(signature: &Signature, signer: &str) -> bool {
    if signature.is_untrustworthy() {
        return false;
    }
    signer.is_empty()
        || signature.signer.is_empty()
        || signature.signer.eq_ignore_ascii_case(signer)
}

/// Adds the settings to the description.
pub fn describe(description: Description) -> Description {
    let default = Settings::default();
    let allowed: Vec<Value> = default
        .executable_allowlist
        .iter()
        .map(|entry| json!({ "path": entry.path, "signer": entry.signer }))
        .collect();
    description
        .official_setting(
            "PayloadEntropyThreshold",
            json!(default.payload_entropy_threshold),
            "Bits per byte, 5 to 8, from which at least 1 KiB of data handed to a network call \
             counts as encrypted.",
        )
        .official_setting(
            "TimeWindow",
            json!(default.time_window),
            "When data may be sent: a list of windows such as {\"days\": [\"mon\"], \"from\": \
             \"07:00\", \"to\": \"19:00\", \"utc_offset\": \"+02:00\"}. Always, if empty.",
        )
        .official_setting(
            "ExecutableAllowlist",
            json!(allowed),
            "Programs that may send what they encrypted, each with the `path` (`*` is any text, \
             a folder is required) and optionally the `signer`.",
        )
        .setting(
            "LinkWindow",
            json!(default.link_window),
            "Seconds between encryption and connection, 1 to 86400.",
        )
        .setting(
            "BaselineDays",
            json!(default.baseline_days),
            "Days after which a baseline may call a destination usual, 1 to 365.",
        )
        .setting(
            "Threshold",
            json!(default.threshold),
            "Score from which a chain is reported, 20 to 200.",
        )
}
