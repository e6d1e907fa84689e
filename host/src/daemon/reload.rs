//! Replaces analytics and their settings while events come in.
//!
//! A file is read whole, checked, compiled, described, configured and tried on
//! a few events, all on this thread; only then the dispatch goes on with it,
//! between two groups. Whatever fails leaves the old one running.

mod canary;
mod files;
mod report;
mod swap;
mod watch;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::sync::{self, oneshot};

pub use files::Fingerprint;
pub use report::{Report, Running};
pub use watch::Watcher;

use self::{
    canary::{Refusal, try_out},
    files::{SECOND_LOOK, Seen},
};
use super::{
    board::SharedBoard,
    dispatch::{Command, Sample},
    ledger::Note,
    store::Store,
};
use crate::{
    analytic::{self, Configured, Prepared},
    budget::Budget,
    config::Config,
    engine::Engine,
    metrics::{Metrics, Reload},
};

/// What wakes the thread.
pub enum Wake {
    /// Files may have changed.
    Changed,
    /// Someone asks for a reload and wants to know what came of it.
    Asked(oneshot::Sender<Report>),
    /// A signal asks for a reload.
    Signal,
    /// The daemon stops.
    Stop,
}

/// What the thread works with.
pub struct Reloader {
    /// Compiles.
    pub engine: Engine,
    /// Where analytics find what they remembered.
    pub store: Arc<Store>,
    /// The configuration's file.
    pub config_path: Option<PathBuf>,
    /// The configuration as it is in force.
    pub config: Config,
    /// Where the analytics are.
    pub folder: PathBuf,
    /// How many shards there are.
    pub shards: usize,
    /// To the dispatch.
    pub commands: sync::mpsc::Sender<Command>,
    /// To the ledger.
    pub notes: sync::mpsc::UnboundedSender<Note>,
    /// Recent records.
    pub sample: Sample,
    /// Where counts go.
    pub metrics: Metrics,
    /// Where the state is told.
    pub board: SharedBoard,
    /// The analytics that run, by identifier.
    pub running: BTreeMap<String, Loaded>,
    /// The files as they were last looked at.
    pub seen: BTreeMap<PathBuf, Seen>,
    /// The configuration's file as it is in force.
    pub seen_config: Option<Fingerprint>,
    /// The same as it was first seen, if it changed since.
    pub changed_config: Option<Seen>,
    /// The configuration as the daemon was started with.
    pub started_with: Config,
}

/// An analytic that runs and the file it is from.
#[derive(Clone)]
pub struct Loaded {
    /// The file.
    path: PathBuf,
    /// The analytic.
    configured: Arc<Configured>,
}

/// The dispatch has ended, and the daemon with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the dispatch has ended")]
pub struct Ended;

impl Reloader {
    /// Runs until told to stop.
    pub fn run(mut self, wakes: &mpsc::Receiver<Wake>) -> Result<(), Ended> {
        let poll = Duration::from_secs(self.config.daemon.poll_seconds.max(1));
        loop {
            let is_unsure =
                self.changed_config.is_some() || self.seen.values().any(|seen| seen.is_unsure());
            let wait = if is_unsure { SECOND_LOOK } else { poll };
            match wakes.recv_timeout(wait) {
                Ok(Wake::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Wake::Asked(answer)) => {
                    let report = self.refresh(true)?;
                    // Whoever asked may have gone.
                    let _ = answer.send(report);
                }
                Ok(Wake::Signal) => {
                    self.refresh(true)?;
                }
                Ok(Wake::Changed) | Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.refresh(false)?;
                }
            }
        }
    }

    /// Looks at everything and goes over to what is there now. Who asks for it
    /// explicitly gets an answer about every file; otherwise one that does not
    /// load may be half-written and is looked at a second time first.
    pub fn refresh(&mut self, is_asked: bool) -> Result<Report, Ended> {
        let mut report = Report::default();
        let is_reconfigured = self.read_config(is_asked, &mut report);
        let mut next = self.reconfigure(is_reconfigured, &mut report);
        self.read_folder(is_asked || is_reconfigured, &mut next, &mut report);
        self.swap(is_asked, next, &mut report)?;
        self.publish(is_asked, &report);
        Ok(report)
    }

    /// Reads the configuration if it changed; whether it did.
    fn read_config(&mut self, is_asked: bool, report: &mut Report) -> bool {
        let Some(path) = self.config_path.clone() else {
            return false;
        };
        let found = Fingerprint::of(&path);
        if !is_asked && found == self.seen_config {
            self.changed_config = None;
            return false;
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
            return false;
        }
        self.changed_config = None;
        self.seen_config = found;
        match Config::read(&path) {
            Ok(config) => {
                let is_changed = config != self.config;
                for section in self.started_with.fixed_differences(&config) {
                    tracing::warn!("[{section}] changed, which takes effect after a restart");
                }
                self.config = config;
                self.board
                    .update(|status| status.configuration_error = None);
                is_changed
            }
            Err(error) => {
                let error = chain(&error);
                tracing::error!("the configuration stays as it was: {error}");
                self.board
                    .update(|status| status.configuration_error = Some(error.clone()));
                report.refused.insert(path.display().to_string(), error);
                false
            }
        }
    }

    /// What runs now, under the configuration in force. An analytic that is no
    /// longer granted what it imports stops; one that refuses its new settings
    /// goes on with the old ones.
    fn reconfigure(
        &mut self,
        is_reconfigured: bool,
        report: &mut Report,
    ) -> BTreeMap<String, Loaded> {
        let mut next = self.running.clone();
        if !is_reconfigured {
            return next;
        }
        let mut revoked = Vec::new();
        for (id, loaded) in &self.running {
            let prepared = &loaded.configured.prepared;
            if let Err(error) = prepared.check_grants(&self.config.grants(id)) {
                next.remove(id);
                self.refuse(&loaded.path, &Refusal::from(error), report);
                // Looked at again when the grants change again.
                revoked.extend(Fingerprint::of(&loaded.path).map(|found| {
                    let path = loaded.path.clone();
                    (path, Seen::Refused(found))
                }));
                continue;
            }
            let configured = self.configure(Arc::clone(prepared));
            let is_same = configured.settings == loaded.configured.settings
                && configured.site == loaded.configured.site;
            if is_same {
                continue;
            }
            match guarded(|| self.try_out(configured)) {
                Ok(configured) => {
                    let path = loaded.path.clone();
                    next.insert(id.clone(), Loaded { path, configured });
                }
                Err(error) => self.refuse(&loaded.path, &error, report),
            }
        }
        self.seen.extend(revoked);
        next
    }

    /// Looks at the files and changes `next` accordingly.
    fn read_folder(
        &mut self,
        is_thorough: bool,
        next: &mut BTreeMap<String, Loaded>,
        report: &mut Report,
    ) {
        let paths = match crate::catalog::components(&self.folder) {
            Ok(paths) => paths,
            Err(error) => {
                // A folder that is being replaced is not an order to unload
                // everything.
                let error = chain(&error);
                tracing::error!("{error}");
                report
                    .refused
                    .insert(self.folder.display().to_string(), error);
                return;
            }
        };
        // What was refused because of a file that is gone now may be taken.
        let known = self.seen.len();
        self.seen.retain(|path, _| paths.contains(path));
        let is_thorough = is_thorough || self.seen.len() < known;
        next.retain(|_, loaded| paths.contains(&loaded.path));
        for path in paths {
            let Some(found) = Fingerprint::of(&path) else {
                continue;
            };
            let seen = self.seen.get(&path);
            let is_known = seen.is_some_and(|seen| seen.is_settled(&found));
            let is_refused = seen.is_some_and(Seen::is_refused);
            if is_known && !(is_thorough && is_refused) {
                continue;
            }
            let is_second_look = seen.is_some_and(|seen| seen.is_second_look(&found));
            match guarded(|| self.load(&path, next)) {
                Ok(loaded) => {
                    self.seen.insert(path.clone(), Seen::Loaded(found));
                    if let Some(loaded) = loaded {
                        let id = loaded.configured.prepared.id().to_owned();
                        next.retain(|_, known| known.path != path);
                        next.insert(id, loaded);
                    }
                }
                Err(error) if is_thorough || is_second_look => {
                    self.seen.insert(path.clone(), Seen::Refused(found));
                    self.refuse(&path, &error, report);
                }
                Err(_) => {
                    let unsure = Seen::unsure(self.seen.get(&path), found);
                    self.seen.insert(path, unsure);
                }
            }
        }
    }

    /// Loads a file; nothing if exactly this runs already.
    fn load(
        &self,
        path: &Path,
        next: &BTreeMap<String, Loaded>,
    ) -> Result<Option<Loaded>, Refusal> {
        let bytes = analytic::read(path)?;
        let name = analytic::name_of(path);
        let prepared = Prepared::new(&self.engine, &name, &bytes, |id| self.config.grants(id))?;
        if let Some(known) = next.get(prepared.id()) {
            if known.path != path {
                return Err(Refusal::Duplicate {
                    id: prepared.id().to_owned(),
                    first: known.path.display().to_string(),
                });
            }
            if known.configured.prepared.reference.sha256 == prepared.reference.sha256 {
                return Ok(None);
            }
        }
        let configured = self.try_out(self.configure(Arc::new(prepared)))?;
        Ok(Some(Loaded {
            path: path.to_owned(),
            configured,
        }))
    }

    fn configure(&self, prepared: Arc<Prepared>) -> Configured {
        Configured {
            settings: self.config.settings(prepared.id()),
            site: self.config.site.to_json(),
            site_keys: self.config.site.keys(),
            budget: Budget::default(),
            prepared,
        }
    }

    fn try_out(&self, configured: Configured) -> Result<Arc<Configured>, Refusal> {
        configured.check()?;
        let configured = Arc::new(configured);
        try_out(&configured, &self.sample)?;
        Ok(configured)
    }

    fn refuse(&self, path: &Path, error: &Refusal, report: &mut Report) {
        let label = Reload { result: "failed" };
        self.metrics.reloads.get_or_create(&label).inc();
        let error = chain(error);
        tracing::error!(file = %path.display(), "not loaded: {error}");
        report.refused.insert(path.display().to_string(), error);
    }
}

/// A defect of the compiler that a component triggers is held against the
/// component, and the daemon goes on.
fn guarded<T>(attempt: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or(Err(Refusal::Lost))
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
