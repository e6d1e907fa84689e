//! Whose components are run.

use super::within;
use crate::{
    config::{Trust, TrustedKey, problem::Problems},
    trust::{KeyError, MAX_SIGNATURES, PublicKey},
};

/// Longest glob over identifiers, in bytes; those have at most 64.
const LONGEST_GLOB: usize = 256;

pub(super) fn check(trust: &Trust, problems: &mut Problems) {
    let most = u8::try_from(MAX_SIGNATURES).unwrap_or(u8::MAX);
    within(problems, "trust.signers", trust.signers, 1..=most);
    let signers = usize::from(trust.signers);
    // Without any key or section, only what somebody names is run, and one
    // signer is the default.
    let is_default = *trust == Trust::default();
    if !is_default && !trust.unsigned && signers <= MAX_SIGNATURES && signers > trust.keys.len() {
        problems.error(
            "trust.signers",
            format!(
                "{signers} keys must have signed, and {} are trusted, so nothing runs",
                trust.keys.len()
            ),
            "lower it, or add keys",
        );
    }
    for (name, key) in &trust.keys {
        self::key(&format!("trust.keys.{name}"), key, problems);
    }
}

fn key(section: &str, key: &TrustedKey, problems: &mut Problems) {
    match (&key.public_key, &key.public_key_file) {
        (Some(text), None) => {
            if let Err(error) = PublicKey::parse(text) {
                problems.error(
                    format!("{section}.public_key"),
                    error.to_string(),
                    "write the second line of the .pub file",
                );
            }
        }
        (None, Some(path)) if path.as_os_str().is_empty() => problems.error(
            format!("{section}.public_key_file"),
            "it is empty",
            "name the .pub file that `sandtrap keygen` or minisign wrote",
        ),
        (None, Some(_)) => {}
        _ => problems.error(
            section,
            "it must say what the key is, once",
            KeyError::Section.to_string(),
        ),
    }
    let Some(globs) = &key.analytics else { return };
    let list = format!("{section}.analytics");
    if globs.is_empty() {
        problems.warn(
            list.as_str(),
            "it is empty, so the key can sign nothing",
            "name analytics, or leave it out for all",
        );
    }
    for (number, glob) in globs.iter().enumerate() {
        self::glob(format!("{list}[{number}]"), glob, problems);
    }
}

fn glob(key: String, glob: &str, problems: &mut Problems) {
    let is_part = |char: char| char.is_ascii_alphanumeric() || "-_.*?".contains(char);
    if glob.is_empty() || glob.len() > LONGEST_GLOB {
        problems.error(
            key,
            format!("a glob has 1 to {LONGEST_GLOB} characters"),
            "write a glob such as \"AN1*\", or leave the entry out",
        );
    } else if !glob.chars().all(is_part) {
        problems.warn(
            key,
            format!("`{glob}` fits no analytic"),
            "identifiers have letters, digits, `-`, `_` and `.`; `*` and `?` stand for others",
        );
    }
}
