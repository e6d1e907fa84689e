//! Signatures, as minisign writes them.
//!
//! minisign ignores the first line of a signature file, and forgives line
//! endings and odd base64. Here only the bytes that signing wrote are a
//! signature: whatever was changed, nobody need ask whether it mattered.

use std::{io, path::Path};

use super::{KeyId, TrustError, files, key};
use crate::file;

/// What the first line may say, which is not signed: what Sandtrap, minisign
/// and rsign write unless told otherwise.
const FIRST_LINES: [&str; 3] = [
    FIRST_LINE,
    "untrusted comment: signature from minisign secret key",
    "untrusted comment: signature from rsign secret key",
];

/// What Sandtrap writes into the first line.
const FIRST_LINE: &str = "untrusted comment: signature from sandtrap secret key";

const TRUSTED: &str = "trusted comment: ";

/// A well-formed signature, not checked yet.
#[derive(Clone)]
pub(super) struct Signature {
    key: KeyId,
    minisign: minisign_verify::Signature,
}

impl Signature {
    /// Reads a signature file that is named after a key.
    pub(super) fn read(path: &Path, named: KeyId) -> Result<Self, TrustError> {
        let refused = |reason: &'static str| TrustError::Signature {
            path: path.to_owned(),
            reason,
        };
        let bytes = file::read(path, files::MAX_SIGNATURE).map_err(|reason: io::Error| {
            TrustError::Read {
                path: path.to_owned(),
                reason,
            }
        })?;
        let signature = Self::decode(&bytes).map_err(refused)?;
        if signature.key != named {
            return Err(refused("it is of another key than its name says"));
        }
        Ok(signature)
    }

    /// Reads the four lines of a signature.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
        let lines: Vec<&str> = text.split('\n').take(6).collect();
        let [first, signature, trusted, over_all, ""] = lines.as_slice() else {
            return Err("it does not have four lines, each with a line feed at its end");
        };
        if !FIRST_LINES.contains(first) {
            return Err("its untrusted comment is another than signing writes by default");
        }
        let comment = trusted
            .strip_prefix(TRUSTED)
            .ok_or("its third line is no trusted comment")?;
        if comment
            .chars()
            .any(|char| char.is_control() && char != '\t')
        {
            return Err("its trusted comment has control characters");
        }
        let signature = key::decode(signature).ok_or("its second line is no base64")?;
        let key = match signature.split_first_chunk::<2>() {
            Some((b"ED", rest)) => rest.first_chunk::<8>(),
            Some((b"Ed", _)) => {
                return Err("it is of minisign's old format; sign with a newer minisign");
            }
            _ => None,
        };
        let key = key.ok_or("its second line is no minisign signature")?;
        if key::decode(over_all).is_none() {
            return Err("its fourth line is no base64");
        }
        Ok(Self {
            key: KeyId::from_bytes(*key),
            minisign: minisign_verify::Signature::decode(text)
                .map_err(|_| "its lines are no minisign signature")?,
        })
    }

    pub(super) fn as_minisign(&self) -> &minisign_verify::Signature {
        &self.minisign
    }

    /// What Sandtrap writes as untrusted comment, without its label.
    pub(super) fn untrusted_comment() -> &'static str {
        FIRST_LINE.trim_start_matches("untrusted comment: ")
    }
}
