//! The analytics of a folder: found, loaded and named. One that does not load
//! is reported and left out; the rest go on.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    admission::{Admitted, admit},
    analytic::{Configured, Prepared},
    config::{Config, Site},
    engine::Engine,
    error::LoadError,
    trust::{Policy, TrustError},
};

/// The analytics that were loaded, by identifier, and those that were not.
#[derive(Default)]
pub struct Catalog {
    analytics: BTreeMap<String, Loaded>,
    refused: Vec<(PathBuf, LoadError)>,
}

/// A loaded analytic and where it came from.
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// The analytic.
    pub admitted: Admitted,
}

impl Loaded {
    /// The analytic itself.
    pub fn prepared(&self) -> &Prepared {
        &self.admitted.prepared
    }
}

/// The folder cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot list the analytics folder {path}; \
     `sandtrap build` makes it, `--analytics DIR` names another"
)]
pub struct FolderError {
    /// The folder.
    path: PathBuf,
    /// Why.
    #[source]
    source: std::io::Error,
}

/// The component files of a folder, by name; or the file itself.
pub fn components(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let failed = |source| FolderError {
        path: path.to_owned(),
        source,
    };
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

impl Catalog {
    /// Loads component files. `is_named` says that the user named them, or
    /// their folder, for this one run.
    pub fn load(
        engine: &Engine,
        files: &[PathBuf],
        is_named: bool,
        config: &Config,
    ) -> Result<Self, TrustError> {
        let policy = Policy::new(&config.trust)?;
        let mut catalog = Self::default();
        for path in files {
            let admitted = admit(engine, &policy, path, is_named);
            if let Err(error) = admitted.and_then(|admitted| catalog.add(path, admitted, config)) {
                catalog.refused.push((path.clone(), error));
            }
        }
        Ok(catalog)
    }

    fn add(&mut self, path: &Path, admitted: Admitted, config: &Config) -> Result<(), LoadError> {
        let id = admitted.prepared.id().to_owned();
        let first = self.analytics.get(&id);
        if let Some(first) =
            first.filter(|first| !admitted.vouched.outranks(&first.admitted.vouched))
        {
            return Err(LoadError::Duplicate {
                id,
                first: first.path.clone(),
            });
        }
        admitted.prepared.check_grant(&admitted.grant(config)?)?;
        let loaded = Loaded {
            path: path.to_owned(),
            admitted,
        };
        if let Some(unsigned) = self.analytics.insert(id.clone(), loaded) {
            let first = path.to_owned();
            let refused = LoadError::Duplicate { id, first };
            self.refused.push((unsigned.path, refused));
        }
        Ok(())
    }

    /// Whether an analytic was loaded.
    pub fn has(&self, id: &str) -> bool {
        self.analytics.contains_key(id)
    }

    /// Keeps only the named analytics; an unknown name is the error.
    pub fn keep(&mut self, ids: &[String]) -> Result<(), String> {
        if let Some(unknown) = ids.iter().find(|id| !self.analytics.contains_key(*id)) {
            return Err(unknown.clone());
        }
        self.analytics.retain(|id, _| ids.contains(id));
        Ok(())
    }

    /// What was loaded, by identifier.
    pub fn analytics(&self) -> impl Iterator<Item = &Loaded> {
        self.analytics.values()
    }

    /// What was not, and why.
    pub fn refused(&self) -> &[(PathBuf, LoadError)] {
        &self.refused
    }

    /// Every analytic with its settings and the site knowledge. Those that
    /// refuse their settings are returned apart.
    pub fn configure(
        &self,
        config: &Config,
        site: &Site,
    ) -> (Vec<Arc<Configured>>, Vec<(String, LoadError)>) {
        let mut ready = Vec::new();
        let mut refused = Vec::new();
        for (id, loaded) in &self.analytics {
            let configured = loaded.admitted.configure(config, site);
            let checked = configured.and_then(|configured| {
                configured.check()?;
                Ok(configured)
            });
            match checked {
                Ok(configured) => ready.push(Arc::new(configured)),
                Err(error) => refused.push((id.clone(), error)),
            }
        }
        (ready, refused)
    }
}
