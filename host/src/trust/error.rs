//! Why a component is not trusted, and what to do about it.

use std::{io, path::PathBuf};

use super::{BadManifest, KeyError, KeyId};

/// Why a component is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A trusted key is none.
    #[error("[trust.keys.{name}]: {problem}")]
    Key {
        /// The key's name in the configuration.
        name: String,
        /// What is wrong with it.
        problem: KeyError,
    },
    /// Something beside the component cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is not signed, and has to be.
    #[error(
        "it is not signed: {manifest} is not there; get its manifest and signatures from whoever \
         made it, or sign it with `sandtrap sign` and a key of your own; as the last resort, \
         unsigned = true under [trust] runs whatever lies in the folder"
    )]
    Unsigned {
        /// Where its manifest would be.
        manifest: PathBuf,
    },
    /// There are signatures over a manifest that is gone.
    #[error(
        "{signature} is a signature over a manifest that is not there; \
         put {manifest} back, or delete the signatures"
    )]
    NoManifest {
        /// The first of the signatures.
        signature: PathBuf,
        /// Where the manifest would be.
        manifest: PathBuf,
    },
    /// The manifest is none.
    #[error("{path} is no manifest: {problem}; make one with `sandtrap sign`")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        problem: BadManifest,
    },
    /// The manifest is of other bytes.
    #[error(
        "{manifest} is of another component than lies beside it; \
         put back the one that was signed, or sign this one with `sandtrap sign`"
    )]
    OtherComponent {
        /// The manifest.
        manifest: PathBuf,
    },
    /// A file is named like a signature, but after no key.
    #[error(
        "{path} is named after no key; name it NAME.manifest.KEY.minisig, \
         KEY being the 16 digits in the first line of the public key's file, or delete it"
    )]
    SignatureName {
        /// The file.
        path: PathBuf,
    },
    /// There are more signatures than there may be.
    #[error("{component} has more than {limit} signatures; delete those that nobody needs")]
    TooManySignatures {
        /// The component.
        component: PathBuf,
        /// How many there may be.
        limit: usize,
    },
    /// A signature is none.
    #[error("{path} is no signature: {reason}; delete it, or sign again with `sandtrap sign`")]
    Signature {
        /// The signature.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A signature is of other bytes, or of another key that has the same name.
    #[error(
        "{path} is not a signature of key {key} over this manifest; \
         one of the two was changed: put back what was signed, or sign again with `sandtrap sign`"
    )]
    Forged {
        /// The signature.
        path: PathBuf,
        /// The trusted key.
        key: KeyId,
    },
    /// Too few trusted keys signed.
    #[error("{}", too_few(*.needed, .signers, .foreign, .barred))]
    TooFewSigners {
        /// How many must have signed.
        needed: usize,
        /// The trusted keys that did, each by one of its names.
        signers: Vec<String>,
        /// Keys that signed and are not trusted.
        foreign: Vec<KeyId>,
        /// Names of trusted keys that signed and may not sign this analytic.
        barred: Vec<String>,
    },
    /// The component is not what its manifest says.
    #[error(
        "its manifest and the component differ: {difference}; \
         sign what the component is with `sandtrap sign`"
    )]
    Differs {
        /// In what, and how.
        difference: String,
    },
}

impl TrustError {
    /// Whether the configuration is at fault rather than a component.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Key { .. })
    }
}

/// Who signed, who did so for nothing, and what would make it count.
fn too_few(needed: usize, signers: &[String], foreign: &[KeyId], barred: &[String]) -> String {
    let mut text = match signers {
        [] => "no key that is trusted for it signed it".to_owned(),
        signers => format!("only {} signed it that is trusted", signers.join(", ")),
    };
    if needed > 1 {
        text += &format!(", and `signers` of [trust] asks for {needed} keys");
    }
    if !barred.is_empty() {
        let names = barred.join(", ");
        text += &format!("; {names} did, but `analytics` of that key leaves this one out");
    }
    if foreign.is_empty() && barred.is_empty() {
        text += "; get the missing signatures from whoever made it, or sign it with \
                 `sandtrap sign` and a key that is trusted";
    }
    if !foreign.is_empty() {
        let keys: Vec<String> = foreign.iter().map(KeyId::to_string).collect();
        let keys = keys.join(", ");
        text += &match (signers, barred) {
            ([], []) => format!("; only {keys} did, which is not trusted"),
            _ => format!("; {keys} did as well, but is not trusted"),
        };
        text += ": if you know whose key that is and trust them, put their public key under \
                 [trust.keys.NAME]";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signed_and_who_would_have_to_is_told() {
        let (own, key) = (["own".to_owned()], [KeyId::from_bytes([1; 8])]);
        for (needed, signers, foreign, barred, words) in [
            (
                1,
                &own[..0],
                &key[..],
                &own[..0],
                "; only 0101010101010101 did, which is not trusted",
            ),
            (1, &[], &[], &own, "; own did, but `analytics`"),
            (
                1,
                &[],
                &key,
                &own,
                "; 0101010101010101 did as well, but is not trusted",
            ),
            (1, &[], &[], &[], "get the missing signatures"),
            (
                2,
                &own,
                &[],
                &[],
                "only own signed it that is trusted, and `signers` of [trust] asks for 2",
            ),
        ] {
            let text = too_few(needed, signers, foreign, barred);
            assert!(text.contains(words), "{text}");
        }
    }
}
