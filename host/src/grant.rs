//! What one analytic may reach, see and use: what its own section of the
//! configuration leaves of what the keys that signed it may be granted.
//!
//! Sections only narrow. Every refusal names the section that would have to be
//! changed.

use std::{collections::BTreeSet, sync::Arc};

use wildmatch::WildMatch;

use crate::{
    budget::Budget,
    capabilities::{Capability, Grants},
    config::{BudgetConfig, Config, Permission},
    error::LoadError,
};

/// What one analytic may reach, see and use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grant {
    capabilities: Vec<(Arc<str>, Grants)>,
    /// The event classes it may see.
    pub events: Scope,
    /// The fields it may see.
    pub fields: Scope,
    /// The devices whose events it may see.
    pub devices: Scope,
    /// What it may use.
    pub budget: Budget,
}

impl Grant {
    /// What `config` grants an analytic that was signed by the keys of these
    /// names and asks for this budget.
    pub fn new(
        config: &Config,
        id: &str,
        signers: &[String],
        requested: &BudgetConfig,
    ) -> Result<Self, LoadError> {
        let own = config.analytics.get(id).map(|own| own.permission());
        let mut sections = vec![(section(id), own.unwrap_or_default())];
        for name in signers {
            if let Some(key) = config.trust.keys.get(name) {
                let section = format!("[trust.keys.{name}.most]");
                sections.push((Arc::from(section), key.most.clone()));
            }
        }
        let budgets: Vec<_> = sections
            .iter()
            .map(|(section, permission)| (&**section, &permission.budget))
            .collect();
        let budget = Budget::granted(&budgets, requested).map_err(|exceeded| {
            LoadError::BudgetNotGranted {
                request: exceeded.to_string(),
            }
        })?;
        let mut grant = Self::of_everything(budget);
        for (section, permission) in sections {
            grant.narrow(section, permission);
        }
        Ok(grant)
    }

    /// Everything, within a budget.
    pub fn of_everything(budget: Budget) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    fn narrow(&mut self, section: Arc<str>, permission: Permission) {
        let Permission {
            grants,
            events,
            fields,
            devices,
            budget: _,
        } = permission;
        if let Some(grants) = grants {
            self.capabilities.push((Arc::clone(&section), grants));
        }
        let events = events.map(|events| events.into_iter().collect());
        for (scope, globs) in [
            (&mut self.events, events),
            (&mut self.fields, fields),
            (&mut self.devices, devices),
        ] {
            if let Some(globs) = globs {
                scope.narrow(Arc::clone(&section), &globs);
            }
        }
    }

    /// The capabilities that every section leaves.
    pub fn capabilities(&self) -> Grants {
        let all = BTreeSet::from(Capability::ALL);
        let sections = self.capabilities.iter();
        sections.fold(all, |left, (_, grants)| &left & grants)
    }

    /// Whether everything that is asked for is granted.
    pub fn check(&self, requested: &Grants) -> Result<(), LoadError> {
        for capability in requested {
            for (section, grants) in &self.capabilities {
                if !grants.contains(capability) {
                    return Err(LoadError::NotGranted {
                        capability: capability.name(),
                        section: section.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn section(id: &str) -> Arc<str> {
    // An identifier with a dot must be quoted in TOML.
    if id.contains('.') {
        Arc::from(format!("[analytics.\"{id}\"]"))
    } else {
        Arc::from(format!("[analytics.{id}]"))
    }
}

/// Which names are allowed: those that a glob of every section matches.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    sections: Vec<(Arc<str>, Vec<WildMatch>)>,
}

impl Scope {
    fn narrow(&mut self, section: Arc<str>, globs: &[String]) {
        let globs = globs
            .iter()
            .map(|glob| WildMatch::new_case_insensitive(glob))
            .collect();
        self.sections.push((section, globs));
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.sections.is_empty()
    }

    /// Whether the name is allowed.
    pub fn allows(&self, name: &str) -> bool {
        self.refusal(name).is_none()
    }

    /// The section that does not allow the name, if one does not.
    pub fn refusal(&self, name: &str) -> Option<&str> {
        let refusing = self
            .sections
            .iter()
            .find(|(_, globs)| !globs.iter().any(|glob| glob.matches(name)));
        refusing.map(|(section, _)| &**section)
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        let globs = |scope: &Self| -> Vec<(Arc<str>, Vec<String>)> {
            let sections = scope.sections.iter();
            sections
                .map(|(section, globs)| {
                    let globs = globs.iter().map(ToString::to_string).collect();
                    (Arc::clone(section), globs)
                })
                .collect()
        };
        globs(self) == globs(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(config: &str, signers: &[&str], requested: &str) -> Result<Grant, LoadError> {
        let config: Config = toml::from_str(config).unwrap();
        let signers: Vec<String> = signers.iter().map(|name| (*name).to_owned()).collect();
        Grant::new(&config, "A1", &signers, &toml::from_str(requested).unwrap())
    }

    const BOTH: &str = r#"
        [analytics.A1]
        grants = ["lineage", "log"]
        events = ["process.*"]
        budget = { findings = 10 }
        [trust.keys.acme.most]
        grants = ["lineage", "baselines"]
        devices = ["ws-*", "SRV1"]
        budget = { memory_mib = 128, findings = 5 }
    "#;

    #[test]
    fn sections_only_narrow_and_refusals_name_them() {
        let own = grant(BOTH, &[], "").unwrap();
        assert_eq!(
            own.capabilities(),
            Grants::from([Capability::Lineage, Capability::Log])
        );
        assert!(own.devices.is_everything());
        assert!(own.events.allows("process.launch"));
        assert_eq!(own.events.refusal("dns.query"), Some("[analytics.A1]"));

        let signed = grant(BOTH, &["acme"], "").unwrap();
        assert_eq!(signed.capabilities(), Grants::from([Capability::Lineage]));
        assert!(signed.devices.allows("WS-17") && signed.devices.allows("srv1"));
        assert_eq!(
            signed.devices.refusal("dc1"),
            Some("[trust.keys.acme.most]")
        );
        let refused = signed.check(&Grants::from([Capability::Log]));
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("[trust.keys.acme.most]"), "{message}");
    }

    #[test]
    fn a_manifest_may_ask_for_what_was_allowed_and_no_more() {
        let default = Budget::default();
        assert_eq!(grant("", &[], "").unwrap().budget, default);
        let small = grant("", &[], "memory_mib = 8").unwrap();
        assert_eq!(small.budget.memory, 8 << 20);
        let asked = grant(BOTH, &["acme"], "memory_mib = 100").unwrap();
        assert_eq!(asked.budget.memory, 100 << 20);
        assert_eq!(asked.budget.findings, 5);
        let refused = grant(BOTH, &[], "memory_mib = 100").unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("memory_mib = 100"), "{message}");
        assert!(message.contains("[analytics.A1]"), "{message}");
    }
}
