//! Whether a component file is run at all, and as what: the one way in, for
//! every command and for the daemon.
//!
//! First who vouches for it, before anything of it is interpreted; then what it
//! is; then whether it is what was vouched for.

use std::{path::Path, sync::Arc};

use crate::{
    analytic::{self, Configured, Prepared},
    compiler,
    config::{Config, Site},
    engine::Engine,
    error::LoadError,
    grant::Grant,
    trust::{Policy, Vouched},
};

/// A component that may be run, and who says so.
#[derive(Clone)]
pub struct Admitted {
    /// The analytic.
    pub prepared: Arc<Prepared>,
    /// Who vouches for it.
    pub vouched: Vouched,
}

/// Reads, checks, compiles and describes a component file. `is_named` says
/// that the user named just this file or its folder for this one run.
pub fn admit(
    engine: &Engine,
    policy: &Policy,
    path: &Path,
    is_named: bool,
) -> Result<Admitted, LoadError> {
    let bytes = analytic::read(path)?;
    compiler::recognise(&bytes)?;
    let vouched = policy.vouch(path, &bytes, is_named)?;
    let prepared = Prepared::new(engine, &analytic::name_of(path), &bytes)?;
    vouched.check(&prepared)?;
    Ok(Admitted {
        prepared: Arc::new(prepared),
        vouched,
    })
}

impl Admitted {
    /// What it is granted.
    pub fn grant(&self, config: &Config) -> Result<Grant, LoadError> {
        let Vouched { signers, .. } = &self.vouched;
        Grant::new(config, self.prepared.id(), signers, &self.vouched.budget())
    }

    /// The analytic with its grant and its settings.
    pub fn configure(&self, config: &Config, site: &Site) -> Result<Configured, LoadError> {
        let grant = self.grant(config)?;
        Configured::new(Arc::clone(&self.prepared), grant, config, site)
    }
}
