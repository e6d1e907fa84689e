//! Reads the configuration again, and puts what runs under it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Loaded, Reloader,
    canary::Refusal,
    chain,
    files::{Fingerprint, Seen},
    guarded,
    report::Report,
};
use crate::{
    admission::{Admitted, admit},
    config::Config,
    trust::Policy,
};

/// What of the configuration changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// Nothing that can change.
    Nothing,
    /// Grants, settings or the site.
    Settings,
    /// Whose components are run, and perhaps more.
    Trust,
}

impl Reloader {
    /// Reads the configuration if it changed; whether it did.
    pub(super) fn read_config(&mut self, is_asked: bool, report: &mut Report) -> Changed {
        let Some(path) = self.config_path.clone() else {
            return Changed::Nothing;
        };
        let found = Fingerprint::of(&path);
        if !is_asked && found == self.seen_config {
            self.changed_config = None;
            return Changed::Nothing;
        }
        // Half of a configuration is one that grants and sets other things.
        if let Some(found) = &found
            && !is_asked
            && !self
                .changed_config
                .as_ref()
                .is_some_and(|seen| seen.is_second_look(found))
        {
            self.changed_config = Some(Seen::unsure(self.changed_config.as_ref(), found.clone()));
            return Changed::Nothing;
        }
        self.changed_config = None;
        self.seen_config = found;
        let read = Config::read(&path).map_err(|error| chain(&error));
        let read = read.and_then(|config| match Policy::new(&config.trust) {
            Ok(policy) => Ok((config, policy)),
            Err(error) => Err(chain(&error)),
        });
        match read {
            Ok((config, policy)) => {
                let is_trust_same =
                    config.trust == self.config.trust && policy.has_keys_of(&self.policy);
                let changed = if !is_trust_same {
                    Changed::Trust
                } else if config != self.config {
                    Changed::Settings
                } else {
                    Changed::Nothing
                };
                for section in self.started_with.fixed_differences(&config) {
                    tracing::warn!("[{section}] changed, which takes effect after a restart");
                }
                (self.config, self.policy) = (config, policy);
                self.board
                    .update(|status| status.configuration_error = None);
                changed
            }
            Err(error) => {
                tracing::error!("the configuration stays as it was: {error}");
                self.board
                    .update(|status| status.configuration_error = Some(error.clone()));
                report.refused.insert(path.display().to_string(), error);
                Changed::Nothing
            }
        }
    }

    /// What runs now, under the configuration in force. An analytic that is no
    /// longer trusted, or no longer granted what it wants, stops; one that
    /// refuses its new settings goes on with the old ones.
    pub(super) fn reconfigure(
        &mut self,
        changed: Changed,
        report: &mut Report,
    ) -> BTreeMap<String, Loaded> {
        let mut next = self.running.clone();
        if changed == Changed::Nothing {
            return next;
        }
        let mut revoked = Vec::new();
        for (id, loaded) in &self.running {
            let configured = guarded(|| {
                let admitted = match changed {
                    Changed::Trust => self.admit_again(loaded)?,
                    Changed::Nothing | Changed::Settings => loaded.admitted.clone(),
                };
                let configured = admitted.configure(&self.config, &self.config.site)?;
                Ok((admitted, configured))
            });
            let (admitted, configured) = match configured {
                Ok(configured) => configured,
                Err(error) => {
                    next.remove(id);
                    self.refuse(&loaded.path, &error, report);
                    // Looked at again when the configuration changes again.
                    revoked.extend(Fingerprint::of_component(&loaded.path).map(|found| {
                        let path = loaded.path.clone();
                        (path, Seen::Refused(found))
                    }));
                    continue;
                }
            };
            let path = loaded.path.clone();
            let is_grant_same = configured.grant == loaded.configured.grant;
            let configured = if configured.is_like(&loaded.configured) {
                Ok(Arc::clone(&loaded.configured))
            } else {
                guarded(|| self.try_out(configured))
            };
            match configured {
                Ok(configured) => {
                    let loaded = Loaded {
                        path,
                        admitted,
                        configured,
                    };
                    next.insert(id.clone(), loaded);
                }
                Err(error) => {
                    self.refuse(&path, &error, report);
                    // Going on with the old settings is better than not at
                    // all; going on with the old grant is not.
                    if !is_grant_same {
                        next.remove(id);
                    }
                }
            }
        }
        self.seen.extend(revoked);
        next
    }

    /// Who vouches now for what runs.
    fn admit_again(&self, loaded: &Loaded) -> Result<Admitted, Refusal> {
        let admitted = admit(&self.engine, &self.policy, &loaded.path, false)?;
        let known = &loaded.admitted.prepared.reference.sha256;
        if admitted.prepared.reference.sha256 != *known {
            // It is looked at as a new one then.
            return Err(Refusal::Replaced);
        }
        Ok(Admitted {
            prepared: Arc::clone(&loaded.admitted.prepared),
            vouched: admitted.vouched,
        })
    }
}
