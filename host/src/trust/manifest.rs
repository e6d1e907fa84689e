//! What is signed: a description of a component that can be read without
//! running it.

use std::{collections::BTreeSet, fmt::Display, path::Path};

use ring::digest::{SHA256, digest};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{TrustError, files};
use crate::{
    analytic::Prepared,
    bindings::exports::sandtrap::analytic::detector::Step,
    capabilities::Capability,
    config::BudgetConfig,
    file,
    text::{clean, is_identifier},
};

/// The contract that manifests are of.
pub const WIT: &str = "sandtrap:analytic@0.1.0";

/// The form of manifests; another number means that this Sandtrap would
/// misread it.
const FORMAT: u32 = 1;

/// Longest text in a manifest, in bytes.
const LONGEST: usize = 512;

/// What a component is and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of this manifest.
    pub format: u32,
    /// The analytic's identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version, a semantic one.
    pub version: String,
    /// The contract it was made for.
    pub wit: String,
    /// SHA-256 of the component, in hexadecimal digits.
    pub sha256: String,
    /// Size of the component in bytes.
    pub size: u64,
    /// The capabilities it imports.
    pub grants: BTreeSet<Capability>,
    /// The event classes it subscribes to.
    pub events: BTreeSet<String>,
    /// The fields it reads or tests.
    pub fields: BTreeSet<String>,
    /// What it asks to use beyond the defaults.
    pub budget: BudgetConfig,
}

impl Manifest {
    /// What a component says of itself, and a budget that is asked for. It is
    /// an error if the component's version is no semantic one or its texts are
    /// too long to be signed.
    pub fn of(prepared: &Prepared, budget: BudgetConfig) -> Result<Self, BadManifest> {
        let manifest = Self::describe(prepared, budget);
        manifest.check_values()?;
        Ok(manifest)
    }

    fn describe(prepared: &Prepared, budget: BudgetConfig) -> Self {
        let description = &prepared.description;
        let mut events = BTreeSet::new();
        let mut fields = BTreeSet::new();
        for subscription in &description.subscriptions {
            events.insert(subscription.class.clone());
            fields.extend(subscription.fields.iter().cloned());
            fields.extend(subscription.predicate.iter().filter_map(tested));
        }
        Self {
            format: FORMAT,
            id: description.id.clone(),
            name: description.name.clone(),
            version: description.version.clone(),
            wit: WIT.to_owned(),
            sha256: prepared.reference.sha256.clone(),
            size: prepared.size as u64,
            grants: prepared.requested.clone(),
            events,
            fields,
            budget,
        }
    }

    /// What lies beside a component as its manifest, whoever wrote it.
    pub fn beside(component: &Path) -> Option<Self> {
        let bytes = file::read(&files::manifest_path(component), files::MAX_MANIFEST).ok()?;
        Self::parse(&bytes).ok()
    }

    /// Reads a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadManifest> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        // Another form may have other keys, and the number says more than their
        // names.
        let form: Form = serde_json::from_slice(bytes).map_err(bad)?;
        if form.format != FORMAT {
            return Err(BadManifest(format!(
                "its format is {}, and this Sandtrap reads {FORMAT} only",
                form.format
            )));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(bad)?;
        manifest.check_values()?;
        Ok(manifest)
    }

    /// As it is written and signed: the same manifest, the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BadManifest> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(bad)?;
        bytes.push(b'\n');
        if bytes.len() as u64 > files::MAX_MANIFEST {
            let limit = files::MAX_MANIFEST;
            return Err(BadManifest(format!(
                "it is larger than the {limit} bytes it may have"
            )));
        }
        Ok(bytes)
    }

    /// Whether it is of these bytes.
    pub(super) fn is_of(&self, component: &[u8]) -> bool {
        self.size == component.len() as u64 && self.sha256 == sha256(component)
    }

    /// Whether it says what the component says of itself.
    pub(super) fn check(&self, prepared: &Prepared) -> Result<(), TrustError> {
        let found = Self::describe(prepared, self.budget.clone());
        let differs = |difference| Err(TrustError::Differs { difference });
        for (what, said, is) in [
            ("identifier", &self.id, &found.id),
            ("name", &self.name, &found.name),
            ("version", &self.version, &found.version),
            ("SHA-256", &self.sha256, &found.sha256),
        ] {
            if said != is {
                return differs(format!(
                    "the {what} is `{said}` in one and `{is}` in the other"
                ));
            }
        }
        let names = |grants: &BTreeSet<Capability>| -> BTreeSet<String> {
            grants.iter().map(|one| one.name().to_owned()).collect()
        };
        for (what, said, is) in [
            ("capability", &names(&self.grants), &names(&found.grants)),
            ("event class", &self.events, &found.events),
            ("field", &self.fields, &found.fields),
        ] {
            if let Some(name) = is.difference(said).next() {
                return differs(format!(
                    "the component asks for the {what} `{name}`, the manifest does not"
                ));
            }
            if let Some(name) = said.difference(is).next() {
                return differs(format!(
                    "the manifest asks for the {what} `{name}`, the component does not"
                ));
            }
        }
        Ok(())
    }

    /// Whether the values can be what they stand for. They are shown and
    /// logged before anyone knows who wrote them.
    fn check_values(&self) -> Result<(), BadManifest> {
        let refused = |reason: String| Err(BadManifest(reason));
        if !is_identifier(&self.id) {
            return refused("its id must be 1 to 64 letters, digits, `-`, `_` or `.`".to_owned());
        }
        if let Err(error) = Version::parse(&self.version) {
            return refused(format!(
                "its version must be a semantic one such as 1.2.0, so that an older one can be \
                 told ({error})"
            ));
        }
        if !is_our_track(&self.wit) {
            return refused(format!("its wit must be {WIT} or a compatible one"));
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if self.sha256.len() != 64 || !self.sha256.bytes().all(is_digit) {
            return refused("its sha256 must be 64 lower-case hexadecimal digits".to_owned());
        }
        let texts = [&self.name, &self.version].into_iter();
        for text in texts.chain(&self.events).chain(&self.fields) {
            if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
                return refused(format!(
                    "its texts must be 1 to {LONGEST} bytes without control characters"
                ));
            }
        }
        Ok(())
    }
}

/// Why something is no manifest, or cannot be signed as one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct BadManifest(String);

fn bad(error: serde_json::Error) -> BadManifest {
    // It quotes what stands in the file.
    BadManifest(clean(&error.to_string()))
}

/// Identifier, version and hash, as signatures repeat them.
impl Display for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} sha256:{}", self.id, self.version, self.sha256)
    }
}

/// The field that a step of a predicate tests.
fn tested(step: &Step) -> Option<String> {
    match step {
        Step::Text(test) => Some(test.field.clone()),
        Step::Number(test) => Some(test.field.clone()),
        Step::Present(field) => Some(field.clone()),
        Step::AllOf(_) | Step::AnyOf(_) | Step::Negate => None,
    }
}

/// Versions 0.1.z are compatible with one another.
fn is_our_track(wit: &str) -> bool {
    wit.strip_prefix("sandtrap:analytic@")
        .and_then(|version| Version::parse(version).ok())
        .is_some_and(|version| (version.major, version.minor) == (0, 1) && version.pre.is_empty())
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    let hash = hash.as_ref().iter();
    hash.map(|byte| format!("{byte:02x}")).collect()
}
