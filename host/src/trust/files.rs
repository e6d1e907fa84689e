//! What lies beside a component: its manifest and the signatures over it.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{KeyId, MAX_SIGNATURES, TrustError};

/// Largest manifest, in bytes; those of real analytics have a few thousand.
pub(super) const MAX_MANIFEST: u64 = 64 * 1024;

/// Largest signature file, in bytes; they have a few hundred.
pub(super) const MAX_SIGNATURE: u64 = 8 * 1024;

const ENDING: &str = ".minisig";

/// The files that lie beside a component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Its manifest, if there is one.
    pub manifest: Option<PathBuf>,
    /// The signatures over that, by the key that each is named after.
    pub signatures: Vec<(KeyId, PathBuf)>,
}

/// Where the manifest of a component lies.
pub fn manifest_path(component: &Path) -> PathBuf {
    named(component, "json")
}

/// Where the signature of a key over the manifest of a component lies.
pub fn signature_path(component: &Path, key: KeyId) -> PathBuf {
    named(component, &format!("{key}{ENDING}"))
}

/// What lies beside a component, the signatures in the order of their keys.
pub fn beside(component: &Path) -> Result<Beside, TrustError> {
    let manifest = manifest_path(component);
    let found = fs::symlink_metadata(&manifest);
    let manifest = match found {
        Ok(_) => Some(manifest),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(reason) => {
            return Err(TrustError::Read {
                path: manifest,
                reason,
            });
        }
    };
    Ok(Beside {
        manifest,
        signatures: signatures(component)?,
    })
}

fn signatures(component: &Path) -> Result<Vec<(KeyId, PathBuf)>, TrustError> {
    let folder = match component.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |reason| TrustError::Read {
        path: folder.to_owned(),
        reason,
    };
    let start = prefix(component);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let key = name
            .as_encoded_bytes()
            .strip_prefix(start.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(ENDING.as_bytes()));
        let Some(key) = key else { continue };
        let path = entry.path();
        match KeyId::from_hex(key) {
            Some(key) => found.push((key, path)),
            None => return Err(TrustError::SignatureName { path }),
        }
        if found.len() > MAX_SIGNATURES {
            return Err(TrustError::TooManySignatures {
                component: component.to_owned(),
                limit: MAX_SIGNATURES,
            });
        }
    }
    found.sort();
    Ok(found)
}

/// `NAME.manifest.` for `NAME.wasm`.
fn prefix(component: &Path) -> OsString {
    let mut name = component.file_stem().unwrap_or_default().to_owned();
    name.push(".manifest.");
    name
}

fn named(component: &Path, rest: &str) -> PathBuf {
    let mut name = prefix(component);
    name.push(rest);
    component.with_file_name(name)
}
