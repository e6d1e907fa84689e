//! Which files a thread can reach, with Landlock.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, PathFdError, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::{Degree, Places};

/// The rights the daemon's rules are written for. Later ones concern sockets,
/// which it needs.
const DAEMON: ABI = ABI::V5;

/// The rights a worker gives up: all there are.
const WORKER: ABI = ABI::V9;

/// Leaves the places and nothing else.
pub fn leave(places: &Places) -> Result<Degree, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(DAEMON))?
        .create()?;
    for path in &places.read {
        rules = allow(rules, path, read)?.or_warn(path);
    }
    for path in &places.write {
        let all = AccessFs::from_all(DAEMON) & !AccessFs::Execute;
        rules = allow(rules, path, all)?.or_warn(path);
    }
    for path in &places.system {
        rules = allow(rules, path, read)?.rules;
    }
    for path in &places.execute {
        rules = allow(rules, path, AccessFs::ReadFile | AccessFs::Execute)?.rules;
    }
    enforce(rules)
}

/// Leaves no file, no port, and no process or socket of others.
pub fn leave_nothing() -> Result<Degree, RulesetError> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(WORKER))?
        .handle_access(AccessNet::from_all(WORKER))?
        .scope(Scope::from_all(WORKER))?
        .create()?;
    enforce(rules)
}

fn enforce(rules: RulesetCreated) -> Result<Degree, RulesetError> {
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Degree::Full,
        RulesetStatus::PartiallyEnforced => Degree::Partial,
        RulesetStatus::NotEnforced => Degree::Missing,
    })
}

/// Rules with one more, or without it.
struct Allowed {
    rules: RulesetCreated,
    missing: Option<PathFdError>,
}

impl Allowed {
    fn or_warn(self, path: &Path) -> RulesetCreated {
        if let Some(error) = self.missing {
            tracing::warn!(
                "{} stays out of reach until a restart: {error}; make it before the daemon starts",
                path.display()
            );
        }
        self.rules
    }
}

/// Adds a rule for what is at a path now. A folder that takes its place later
/// is another one.
fn allow(
    rules: RulesetCreated,
    path: &PathBuf,
    access: BitFlags<AccessFs>,
) -> Result<Allowed, RulesetError> {
    let opened = match PathFd::new(path) {
        Ok(opened) => opened,
        Err(error) => {
            return Ok(Allowed {
                rules,
                missing: Some(error),
            });
        }
    };
    // The kernel refuses rights to list or make files on what is no folder.
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(DAEMON)
    };
    Ok(Allowed {
        rules: rules.add_rule(PathBeneath::new(opened, access))?,
        missing: None,
    })
}
