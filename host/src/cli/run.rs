//! `sandtrap run`: the daemon.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{DEFAULT_FOLDER, default_cache, engine};
use crate::{
    baselines::StoreError,
    cache::Cache,
    config::Config,
    daemon::{
        core::{DaemonError, Setup},
        run,
        store::StateError,
    },
    harden::{self, Places},
};

/// Run as a service: events come in, findings go out, and analytics are
/// replaced while it runs.
///
/// The configuration says where events come from and where findings go;
/// `sandtrap config example` prints one with every key explained. The service
/// stops on SIGTERM and reloads on SIGHUP.
#[derive(Debug, Args)]
pub struct Run {
    /// The configuration.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Folder of analytics, instead of the configured one.
    #[arg(long, short, value_name = "DIR")]
    analytics: Option<PathBuf>,
    /// Where compiled analytics are kept between runs; the user's cache folder,
    /// or else `cache` in the state folder, unless given.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Give up, for good, the files and system calls that the configuration
    /// does not call for, as far as the kernel can (Landlock and seccomp).
    #[arg(long)]
    harden: bool,
}

impl Run {
    /// The configuration, which also says how to log.
    pub fn read(&self) -> anyhow::Result<Config> {
        Ok(Config::read(&self.config)?)
    }

    pub fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let Some(state) = config.state_folder.clone() else {
            return Err(NoState(self.config).into());
        };
        let analytics = self
            .analytics
            .or_else(|| config.analytics_folder.clone())
            .unwrap_or_else(|| PathBuf::from(DEFAULT_FOLDER));
        let cache = self
            .cache
            .or_else(default_cache)
            .unwrap_or_else(|| state.join("cache"));
        if self.harden {
            let places = Places::of(&config, &self.config, &analytics, &state, &cache);
            // Before the first thread: only those that are started later are
            // bound as well.
            harden::daemon(&places);
        }
        let mut engine = engine()?;
        match Cache::open(&cache) {
            Ok(cache) => engine = engine.with_cache(cache),
            Err(error) => {
                tracing::warn!("not using the cache {}: {error}", cache.display());
            }
        }
        let setup = Setup {
            config,
            config_path: Some(self.config),
            analytics,
            state: state.clone(),
            engine,
        };
        run::run(setup).map_err(|error| match is_in_use(&error) {
            true => StateInUse(state).into(),
            false => anyhow::Error::from(error),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether another process has the database of the state open.
fn is_in_use(error: &DaemonError) -> bool {
    let DaemonError::State(StateError::Open(StoreError::Open { source, .. })) = error else {
        return false;
    };
    matches!(**source, redb::DatabaseError::DatabaseAlreadyOpen)
}

/// Somebody else has the state.
#[derive(Debug, thiserror::Error)]
#[error(
    "another daemon uses the state folder {0}, or a command that looks into it; \
     stop that one first, or give this one a `state_folder` of its own"
)]
pub struct StateInUse(PathBuf);

/// The configuration does not say where the state is.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} lacks `state_folder`, where a service keeps what it must find again after a restart; such as state_folder = \"/var/lib/sandtrap\""
)]
pub struct NoState(PathBuf);
