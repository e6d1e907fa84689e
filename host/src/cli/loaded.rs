//! Loading the analytics for a command, and saying plainly what did not load.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{DEFAULT_FOLDER, Installed, chain, default_cache, engine};
use crate::{
    analytic::Configured,
    cache::Cache,
    catalog::{Catalog, components},
    config::{Config, Site},
    engine::Engine,
    error::LoadError,
    sinks::terminal::neutral,
};

/// The engine, the configuration and the analytics that loaded.
pub struct Loaded {
    /// The configuration; defaults without a file.
    pub config: Config,
    /// What loaded and what did not.
    pub catalog: Catalog,
    /// How long compiling and describing took.
    pub time: Duration,
    #[expect(dead_code, reason = "keeps the clock of all instances going")]
    engine: Engine,
}

impl Installed {
    /// Loads what the options name, to be run. What lies in a folder that
    /// nobody named must be signed.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        self.load_as(!self.analytics.is_empty())
    }

    /// Loads what the options name, to be looked at only.
    pub fn look(&self) -> anyhow::Result<Loaded> {
        self.load_as(true)
    }

    fn load_as(&self, is_named: bool) -> anyhow::Result<Loaded> {
        let config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        let mut folders = self.analytics.clone();
        if folders.is_empty() {
            let configured = config.analytics_folder.clone();
            folders.push(configured.unwrap_or_else(|| PathBuf::from(DEFAULT_FOLDER)));
        }
        let mut files = Vec::new();
        for folder in &folders {
            files.extend(components(folder)?);
        }
        let started = Instant::now();
        let mut engine = engine()?;
        if let Some(cache) = self.cache() {
            engine = engine.with_cache(cache);
        }
        let mut catalog = Catalog::load(&engine, &files, is_named, &config)?;
        for id in config.analytics.keys() {
            if !catalog.has(id) {
                eprintln!("warning: [analytics.{id}] configures an analytic that is not there");
            }
        }
        if !self.only.is_empty() {
            catalog.keep(&self.only).map_err(|id| {
                NotInstalled(format!(
                    "no analytic `{id}` in {}; `sandtrap list` tells which there are",
                    list(&folders)
                ))
            })?;
        }
        for (path, error) in catalog.refused() {
            let problem = format!("{} was not loaded: {}", path.display(), chain(error));
            eprintln!("warning: {}", neutral(&problem));
        }
        if catalog.analytics().next().is_none() {
            let folders = list(&folders);
            return Err(NotInstalled(if catalog.refused().is_empty() {
                format!("no analytics in {folders}; run `sandtrap build` or name a folder with --analytics")
            } else {
                format!(
                    "none of the analytics in {folders} was loaded, for the reasons above; \
                     --analytics {folders} runs unsigned ones this once"
                )
            })
            .into());
        }
        Ok(Loaded {
            config,
            catalog,
            time: started.elapsed(),
            engine,
        })
    }
}

impl Installed {
    /// The cache, unless it is unwanted or cannot be used, which is worth a
    /// word but no reason to stop.
    fn cache(&self) -> Option<Cache> {
        if self.no_cache {
            return None;
        }
        let folder = self.cache.clone().or_else(default_cache)?;
        Cache::open(&folder)
            .inspect_err(|error| {
                eprintln!("warning: not using the cache {}: {error}", folder.display());
            })
            .ok()
    }
}

impl Loaded {
    /// The analytics with their settings, for a site. One that refuses its
    /// settings is the configuration's fault.
    pub fn configure(&self, site: &Site) -> anyhow::Result<Vec<Arc<Configured>>> {
        let (ready, refused) = self.catalog.configure(&self.config, site);
        match refused.into_iter().next() {
            None => Ok(ready),
            Some((id, source)) => Err(SettingsRefused { id, source }.into()),
        }
    }

    /// Whether everything that was found also loaded.
    pub fn is_complete(&self) -> bool {
        self.catalog.refused().is_empty()
    }
}

/// What was asked for is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotInstalled(String);

/// An analytic does not accept its settings.
#[derive(Debug, thiserror::Error)]
#[error("[analytics.{id}]; `sandtrap inspect` lists its settings")]
pub struct SettingsRefused {
    id: String,
    #[source]
    source: LoadError,
}

fn list(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    names.join(", ")
}
