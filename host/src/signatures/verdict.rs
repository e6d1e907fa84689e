//! From what a source says of a signature to what it means.

use serde::{Deserialize, Serialize};

/// What is known of a signature. Not having seen one is `Unknown`, never
/// `Unsigned`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has said.
    #[default]
    Unknown,
    /// Seen without a signature.
    Unsigned,
    /// Signed, and the signature holds.
    Valid,
    /// Signed, but the certificate had expired.
    Expired,
    /// Signed, but the certificate was revoked.
    Revoked,
    /// Signed, but the chain or the digest does not hold.
    Untrusted,
}

/// What a source's flag and words mean.
///
/// "Unavailable" goes with an image that has no signature; should a source say
/// that there is one all the same, it does not know what it is worth.
pub(super) fn state(signed: Option<u64>, status: &str) -> State {
    let says = |word: &str| status.eq_ignore_ascii_case(word);
    let is_unsigned = signed == Some(0);
    if says("valid") || says("trusted") {
        return if is_unsigned {
            State::Unsigned
        } else {
            State::Valid
        };
    }
    if says("") || says("-") || says("unknown") {
        return if is_unsigned {
            State::Unsigned
        } else {
            State::Unknown
        };
    }
    if says("unavailable") {
        return if signed == Some(1) {
            State::Unknown
        } else {
            State::Unsigned
        };
    }
    let contains = |word: &str| {
        status
            .as_bytes()
            .windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    };
    if contains("expired") {
        State::Expired
    } else if contains("revoked") {
        State::Revoked
    } else if is_unsigned || contains("nosignature") || contains("unsigned") {
        State::Unsigned
    } else {
        State::Untrusted
    }
}

/// Whether a file, its path in lower case, is of a kind that bears no
/// signature of its own though its maker is known: native images that .NET
/// compiles on the device, and Store apps, whose package is signed.
pub(super) fn is_signed_elsewhere(path: &str) -> bool {
    path.contains(r"\windows\assembly\nativeimages_")
        || path.contains(r"\program files\windowsapps\")
}

/// A signer's name as a source gives it, empty where it has none.
pub(super) fn known_signer(signer: &str) -> &str {
    match signer {
        "-" | "?" => "",
        known => {
            let end = known.floor_char_boundary(SIGNER.min(known.len()));
            known.get(..end).unwrap_or_default()
        }
    }
}

/// Longest signer kept, in bytes.
const SIGNER: usize = 256;

/// Appends a path in lower case, as Windows compares them.
pub(super) fn fold_case(path: &str, to: &mut String) {
    let start = to.len();
    to.push_str(path);
    if path.is_ascii() {
        if let Some(added) = to.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    } else {
        to.truncate(start);
        to.extend(path.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_sources() {
        for (signed, status, expected) in [
            (Some(1), "Valid", State::Valid),
            (None, "trusted", State::Valid),
            (Some(1), "Expired", State::Expired),
            (Some(1), "Revoked", State::Revoked),
            (Some(1), "errorChaining", State::Untrusted),
            (Some(1), "Bad Digest", State::Untrusted),
            (Some(0), "Unavailable", State::Unsigned),
            (None, "Unavailable", State::Unsigned),
            (Some(1), "Unavailable", State::Unknown),
            (Some(0), "", State::Unsigned),
            (Some(1), "", State::Unknown),
            (None, "", State::Unknown),
        ] {
            assert_eq!(state(signed, status), expected, "{signed:?} {status}");
        }
    }
}
