//! What the operator trusts, and whether that vouches for a component.

use std::{collections::BTreeSet, path::Path};

use wildmatch::WildMatch;

use super::{
    Beside, KeyError, KeyId, Manifest, PublicKey, TrustError, beside, files, manifest_path,
    signature::Signature,
};
use crate::{
    analytic::Prepared,
    config::{BudgetConfig, Trust},
    file,
};

/// Which components the operator trusts.
#[derive(Debug)]
pub struct Policy {
    is_unsigned_permitted: bool,
    signers: usize,
    keys: Vec<Trusted>,
}

#[derive(Debug)]
struct Trusted {
    name: String,
    key: PublicKey,
    analytics: Option<Vec<WildMatch>>,
}

/// A component that may be compiled, and who says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vouched {
    /// The names of the trusted keys that signed it; a key under two names
    /// stands here twice. Empty if it counts as unsigned.
    pub signers: Vec<String>,
    /// Keys that signed as well and are not trusted, unchecked.
    pub foreign: Vec<KeyId>,
    /// What was signed. It is also there if too few keys signed it and the
    /// component was let through as an unsigned one.
    pub manifest: Option<Manifest>,
}

impl Policy {
    /// What a configuration says; reads the files of keys.
    pub fn new(trust: &Trust) -> Result<Self, TrustError> {
        let mut keys = Vec::new();
        for (name, section) in &trust.keys {
            let failed = |problem: KeyError| TrustError::Key {
                name: name.clone(),
                problem,
            };
            let globs = section.analytics.as_ref();
            keys.push(Trusted {
                name: name.clone(),
                key: PublicKey::configured(section).map_err(failed)?,
                analytics: globs.map(|globs| globs.iter().map(|one| WildMatch::new(one)).collect()),
            });
        }
        Ok(Self {
            is_unsigned_permitted: trust.unsigned,
            signers: usize::from(trust.signers).max(1),
            keys,
        })
    }

    /// Whether another policy, made of the same section, found the same keys in
    /// the files that section names.
    pub fn has_keys_of(&self, other: &Self) -> bool {
        let points = |policy: &Self| -> Vec<_> {
            let keys = policy.keys.iter();
            keys.map(|trusted| trusted.key.point()).collect()
        };
        points(self) == points(other)
    }

    /// Whether the component in a file, read before, may be compiled.
    /// `is_named` says that somebody named this very file, and so means it even
    /// if nobody signed it. What lies beside a component and is wrong is refused
    /// whatever is permitted: it shows that something was changed.
    pub fn vouch(
        &self,
        path: &Path,
        component: &[u8],
        is_named: bool,
    ) -> Result<Vouched, TrustError> {
        let is_unsigned_permitted = self.is_unsigned_permitted || is_named;
        let Beside {
            manifest,
            signatures,
        } = beside(path)?;
        let Some(manifest_path) = manifest else {
            let manifest = manifest_path(path);
            return match signatures.into_iter().next() {
                Some((_, signature)) => Err(TrustError::NoManifest {
                    signature,
                    manifest,
                }),
                None if is_unsigned_permitted => Ok(Vouched::default()),
                None => Err(TrustError::Unsigned { manifest }),
            };
        };
        let bytes =
            file::read(&manifest_path, files::MAX_MANIFEST).map_err(|reason| TrustError::Read {
                path: manifest_path.clone(),
                reason,
            })?;
        let mut made = Vec::new();
        let mut foreign = Vec::new();
        for (id, path) in signatures {
            let signature = Signature::read(&path, id)?;
            let mut named = self
                .keys
                .iter()
                .filter(|trusted| trusted.key.id() == id)
                .peekable();
            if named.peek().is_none() {
                foreign.push(id);
                continue;
            }
            // The identifier is chosen by whoever makes a key, so several keys
            // may have it.
            let before = made.len();
            made.extend(named.filter(|trusted| trusted.key.has_signed(&bytes, &signature)));
            if made.len() == before {
                return Err(TrustError::Forged { path, key: id });
            }
        }
        let manifest = Manifest::parse(&bytes).map_err(|problem| TrustError::Manifest {
            path: manifest_path.clone(),
            problem,
        })?;
        if !manifest.is_of(component) {
            return Err(TrustError::OtherComponent {
                manifest: manifest_path,
            });
        }
        self.count(made, foreign, manifest, is_unsigned_permitted)
    }

    /// Whether enough different keys signed that may sign this analytic.
    fn count(
        &self,
        made: Vec<&Trusted>,
        foreign: Vec<KeyId>,
        manifest: Manifest,
        is_unsigned_permitted: bool,
    ) -> Result<Vouched, TrustError> {
        let (counted, barred): (Vec<_>, Vec<_>) = made
            .into_iter()
            .partition(|trusted| trusted.may_sign(&manifest.id));
        let distinct: BTreeSet<_> = counted.iter().map(|trusted| trusted.key.point()).collect();
        let names = |all: Vec<&Trusted>| -> Vec<String> {
            let mut names: Vec<String> = all.iter().map(|one| one.name.clone()).collect();
            names.sort();
            names.dedup();
            names
        };
        let is_signed = distinct.len() >= self.signers;
        if !is_signed && !is_unsigned_permitted {
            let mut seen = BTreeSet::new();
            let once = counted
                .into_iter()
                .filter(|trusted| seen.insert(trusted.key.point()));
            return Err(TrustError::TooFewSigners {
                needed: self.signers,
                signers: names(once.collect()),
                foreign,
                barred: names(barred),
            });
        }
        Ok(Vouched {
            signers: if is_signed {
                names(counted)
            } else {
                Vec::new()
            },
            foreign,
            manifest: Some(manifest),
        })
    }
}

impl Trusted {
    fn may_sign(&self, id: &str) -> bool {
        self.analytics
            .as_ref()
            .is_none_or(|globs| globs.iter().any(|glob| glob.matches(id)))
    }
}

impl Vouched {
    /// Whether enough trusted keys signed it.
    pub fn is_signed(&self) -> bool {
        !self.signers.is_empty()
    }

    /// Whether it keeps an identifier that another component claims: whoever
    /// is not trusted cannot take the place of one that is.
    pub fn outranks(&self, other: &Self) -> bool {
        self.is_signed() && !other.is_signed()
    }

    /// Whether the component, compiled and described, is what its manifest
    /// says.
    pub fn check(&self, prepared: &Prepared) -> Result<(), TrustError> {
        match &self.manifest {
            Some(manifest) => manifest.check(prepared),
            None => Ok(()),
        }
    }

    /// What it asks to use beyond the defaults. Anyone can write that into a
    /// manifest, so it counts only if it is signed.
    pub fn budget(&self) -> BudgetConfig {
        match &self.manifest {
            Some(manifest) if self.is_signed() => manifest.budget.clone(),
            _ => BudgetConfig::default(),
        }
    }
}
