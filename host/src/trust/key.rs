//! Public keys, as minisign writes them.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::signature::Signature;
use crate::{config::TrustedKey, file};

/// Largest file of a public key, in bytes.
const MAX_FILE: u64 = 4 * 1024;

/// How many bytes a secret key has, to tell one where a public key belongs.
pub(super) const SECRET_LENGTH: usize = 158;

/// The name of a key pair: eight random bytes. It tells which key to check a
/// signature with, and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

impl KeyId {
    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }

    /// From sixteen upper-case hexadecimal digits.
    pub(super) fn from_hex(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let key = Self(u64::from_str_radix(text, 16).ok()?);
        // One spelling only.
        (key.to_string() == text).then_some(key)
    }
}

/// Sixteen hexadecimal digits, as minisign shows it.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

/// A public key.
#[derive(Debug, Clone)]
pub struct PublicKey {
    id: KeyId,
    point: [u8; 32],
    checker: minisign_verify::PublicKey,
}

/// Why a public key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("{path} cannot be read ({reason})")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is the other half of the pair.
    #[error(
        "this is a secret key; keep it where nobody else can read it, and name the public one, \
         the .pub file beside it"
    )]
    Secret,
    /// It is no key.
    #[error("this is no minisign public key, 56 characters that begin with RW")]
    Malformed,
    /// The section does not say what the key is, or says it twice.
    #[error("write either public_key or public_key_file")]
    Section,
}

impl PublicKey {
    /// Reads a key, alone or as the second line of a `.pub` file.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("untrusted comment:"));
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(KeyError::Malformed);
        };
        let bytes = decode(line).ok_or(KeyError::Malformed)?;
        if bytes.len() == SECRET_LENGTH {
            return Err(KeyError::Secret);
        }
        let parts = bytes
            .strip_prefix(b"Ed")
            .and_then(|rest| rest.split_first_chunk::<8>());
        let Some((id, point)) = parts else {
            return Err(KeyError::Malformed);
        };
        Ok(Self {
            id: KeyId::from_bytes(*id),
            point: point.try_into().map_err(|_| KeyError::Malformed)?,
            checker: minisign_verify::PublicKey::from_base64(line)
                .map_err(|_| KeyError::Malformed)?,
        })
    }

    /// Reads a `.pub` file.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |reason| KeyError::Read {
            path: path.to_owned(),
            reason,
        };
        let bytes = file::read(path, MAX_FILE).map_err(failed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::Malformed)?;
        Self::parse(text)
    }

    /// The key of a section `[trust.keys.NAME]`.
    pub fn configured(section: &TrustedKey) -> Result<Self, KeyError> {
        match (&section.public_key, &section.public_key_file) {
            (Some(text), None) => Self::parse(text),
            (None, Some(path)) => Self::read(path),
            _ => Err(KeyError::Section),
        }
    }

    /// The name of its pair.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key without its name. Two keys are the same if this is, as anyone
    /// can give a key another name.
    pub(super) fn point(&self) -> [u8; 32] {
        self.point
    }

    /// Whether it made this signature over these bytes.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: &Signature) -> bool {
        self.checker
            .verify(bytes, signature.as_minisign(), false)
            .is_ok()
    }
}

/// Base64 in the one form that encoding gives: two texts never stand for the
/// same bytes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text).ok()?;
    (STANDARD.encode(&bytes) == text).then_some(bytes)
}
