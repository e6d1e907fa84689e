//! What the operator says about the place: networks, maintenance, people,
//! devices.
//!
//! The host hands it to every analytic as one JSON object. Every key is
//! optional, unknown keys are ignored, and a value that makes no sense refuses
//! the whole, naming the key. `-` in the table means that the question is
//! answered with `None` until the operator configures the key; an analytic says
//! by [`Description::site_input`](crate::Description::site_input) what that
//! costs.
//!
//! | key | value | unless configured |
//! | --- | --- | --- |
//! | `internal_networks` | list of networks such as `"10.0.0.0/8"` | all private networks |
//! | `maintenance_windows` | list of `{"days": ["sat"], "from": "22:00", "to": "04:00", "utc_offset": "+02:00"}` | - |
//! | `approved_script_paths` | list of path patterns | - |
//! | `approved_deployment_paths` | list of path patterns | - |
//! | `administrators` | list of account patterns such as `"CORP\\adm-*"` | - |
//! | `asset_roles` | list of `{"device": "hmi-*", "role": "hmi"}`, first match wins | - |
//!
//! In a pattern `*` stands for any text, also for backslashes; case does not
//! matter. An account pattern without a backslash fits the account in any
//! domain. A window without `days` is for every day, one that ends before it
//! begins ends on the next day, one that ends when it begins lasts a whole day,
//! and `utc_offset` is UTC unless given. Roles are `workstation`, `server`,
//! `domain-controller`, `hmi`, `historian`, `engineering-station`, `jump-host`
//! and `other`.
//!
//! Lists hold up to 4,096 entries, texts up to 1,024 bytes.

mod network;
mod pattern;
mod schedule;

use std::fmt::Display;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use network::Scope;
pub use pattern::Pattern;

use network::Network;
use schedule::Window;

const MAX_ENTRIES: usize = 4096;
const MAX_TEXT: usize = 1024;

/// What the operator says about the place.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// A list, as a set would add 10 kB to every component.
    configured: Vec<String>,
    internal_networks: Option<Vec<Network>>,
    maintenance_windows: Option<Vec<Window>>,
    approved_script_paths: Option<Vec<Pattern>>,
    approved_deployment_paths: Option<Vec<Pattern>>,
    administrators: Option<Vec<Pattern>>,
    asset_roles: Option<Vec<AssetRole>>,
}

/// What a device is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Someone works at it.
    Workstation,
    /// It serves others.
    Server,
    /// It holds the directory.
    DomainController,
    /// An operator watches and steers a plant with it.
    Hmi,
    /// It records a plant's measurements.
    Historian,
    /// Controllers are programmed from it.
    EngineeringStation,
    /// People pass through it to reach others.
    JumpHost,
    /// Anything else.
    Other,
}

#[derive(Debug, Clone, Deserialize)]
struct AssetRole {
    device: Pattern,
    role: Role,
}

impl Site {
    /// Reads site knowledge from a JSON object.
    pub fn parse(json: &str) -> Result<Self, String> {
        let object: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(Self {
            internal_networks: list(&object, "internal_networks")?,
            maintenance_windows: list(&object, "maintenance_windows")?,
            approved_script_paths: list(&object, "approved_script_paths")?,
            approved_deployment_paths: list(&object, "approved_deployment_paths")?,
            administrators: list(&object, "administrators")?,
            asset_roles: list(&object, "asset_roles")?,
            configured: object
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, _)| key)
                .collect(),
        })
    }

    /// Whether the operator configured the key.
    pub fn is_configured(&self, key: &str) -> bool {
        self.configured.iter().any(|known| known == key)
    }

    /// Where an address lies, seen from here.
    pub fn scope(&self, ip: &str) -> Scope {
        network::scope(ip, self.internal_networks.as_deref())
    }

    /// Whether an address is one of ours: internal, link-local or loopback.
    pub fn is_internal(&self, ip: &str) -> bool {
        matches!(
            self.scope(ip),
            Scope::Internal | Scope::LinkLocal | Scope::Loopback
        )
    }

    /// Whether a time in milliseconds since 1970 UTC is within a maintenance
    /// window.
    pub fn in_maintenance(&self, time: i64) -> Option<bool> {
        let windows = self.maintenance_windows.as_ref()?;
        Some(windows.iter().any(|window| window.contains(time)))
    }

    /// Whether scripts are meant to run from this path.
    pub fn is_approved_script(&self, path: &str) -> Option<bool> {
        fits_any(self.approved_script_paths.as_ref(), path)
    }

    /// Whether this is a program that is meant to deploy others.
    pub fn is_approved_deployment(&self, path: &str) -> Option<bool> {
        fits_any(self.approved_deployment_paths.as_ref(), path)
    }

    /// Whether an account, with or without its domain, is an administrator's.
    pub fn is_administrator(&self, account: &str) -> Option<bool> {
        let name = account.rsplit('\\').next().unwrap_or_default();
        self.administrators.as_ref().map(|patterns| {
            patterns.iter().any(|pattern| {
                let anywhere = !pattern.as_str().contains('\\');
                pattern.fits(account) || (anywhere && pattern.fits(name))
            })
        })
    }

    /// What a device is there for.
    pub fn role(&self, device: &str) -> Option<Role> {
        let roles = self.asset_roles.as_ref()?;
        roles
            .iter()
            .find(|asset| asset.device.fits(device))
            .map(|asset| asset.role)
    }
}

fn fits_any(patterns: Option<&Vec<Pattern>>, text: &str) -> Option<bool> {
    patterns.map(|patterns| patterns.iter().any(|pattern| pattern.fits(text)))
}

fn list<T: DeserializeOwned>(
    object: &Map<String, Value>,
    key: &str,
) -> Result<Option<Vec<T>>, String> {
    let wrong = |reason: &dyn Display| format!("`{key}`: {reason}");
    let Some(value) = object.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let entries = value.as_array().ok_or_else(|| wrong(&"must be a list"))?;
    if entries.len() > MAX_ENTRIES {
        return Err(wrong(&format_args!("more than {MAX_ENTRIES} entries")));
    }
    let parse = |entry: &Value| T::deserialize(entry).map_err(|error| wrong(&error));
    entries
        .iter()
        .map(parse)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Refuses texts that would make every comparison slow.
fn bounded(text: &str) -> Result<&str, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("a text of more than {MAX_TEXT} bytes"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
