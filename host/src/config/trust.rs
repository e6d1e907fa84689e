//! Whose components are run.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::Permission;

/// Whose components are run.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Permits components without a manifest and signatures. Whoever can write
    /// into the analytics folder can then run anything, within its budget.
    pub unsigned: bool,
    /// How many different trusted keys must have signed a component.
    pub signers: u8,
    /// The trusted keys, by a name of your choosing.
    pub keys: BTreeMap<String, TrustedKey>,
}

/// A key whose signatures count.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrustedKey {
    /// The minisign public key, the second line of its `.pub` file.
    pub public_key: Option<String>,
    /// The same in a file, as `sandtrap keygen` and minisign write it.
    pub public_key_file: Option<PathBuf>,
    /// Which analytics it may sign, as globs over identifiers; all, if absent.
    pub analytics: Option<Vec<String>>,
    /// The most that what it signed may be granted.
    pub most: Permission,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            unsigned: false,
            signers: 1,
            keys: BTreeMap::new(),
        }
    }
}
