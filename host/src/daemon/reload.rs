//! Replaces analytics and their settings while events come in.
//!
//! A file is read whole, checked, compiled, described, configured and tried on
//! a few events, all on this thread; only then the dispatch goes on with it,
//! between two groups. Whatever fails leaves the old one running.

mod canary;
mod configuration;
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
    configuration::Changed,
    files::{SECOND_LOOK, Seen},
};
use super::{
    board::SharedBoard,
    dispatch::{Command, Sample},
    ledger::Note,
    store::Store,
};
use crate::{
    admission::{Admitted, admit},
    analytic::{Configured, Prepared},
    config::Config,
    engine::Engine,
    metrics::{Metrics, Reload},
    sinks::terminal::neutral,
    trust::{Policy, is_older},
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
    /// Whose components are run.
    pub policy: Policy,
}

/// An analytic that runs and the file it is from.
#[derive(Clone)]
pub struct Loaded {
    /// The file.
    path: PathBuf,
    /// The analytic, and who vouches for it.
    admitted: Admitted,
    /// The same with its grant and settings.
    configured: Arc<Configured>,
}

impl Loaded {
    /// Why no other file may have an analytic of this name.
    fn holds(&self, id: &str) -> Refusal {
        Refusal::Duplicate {
            id: id.to_owned(),
            first: self.path.display().to_string(),
        }
    }
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
        let changed = self.read_config(is_asked, &mut report);
        let mut next = self.reconfigure(changed, &mut report);
        let is_thorough = is_asked || changed != Changed::Nothing;
        self.read_folder(is_thorough, &mut next, &mut report);
        self.swap(is_asked, next, &mut report)?;
        self.publish(is_asked, &report);
        Ok(report)
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
            let Some(found) = Fingerprint::of_component(&path) else {
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
                        self.install(loaded, next, report);
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

    /// Has an analytic run in place of whatever ran from its file. An unsigned
    /// one that another file has of the same name is refused from now on.
    fn install(
        &mut self,
        loaded: Loaded,
        next: &mut BTreeMap<String, Loaded>,
        report: &mut Report,
    ) {
        let id = loaded.configured.prepared.id().to_owned();
        let duplicate = loaded.holds(&id);
        next.retain(|_, known| known.path != loaded.path);
        if let Some(Loaded { path, .. }) = next.insert(id, loaded) {
            self.refuse(&path, &duplicate, report);
            let found = Fingerprint::of_component(&path);
            self.seen
                .extend(found.map(|found| (path, Seen::Refused(found))));
        }
    }

    /// Loads a file; nothing if exactly this runs already.
    fn load(
        &self,
        path: &Path,
        next: &BTreeMap<String, Loaded>,
    ) -> Result<Option<Loaded>, Refusal> {
        let admitted = admit(&self.engine, &self.policy, path, false)?;
        let prepared = &admitted.prepared;
        if let Some(known) = next.get(prepared.id()) {
            let vouched = (&admitted.vouched, &known.admitted.vouched);
            if known.path != path && !vouched.0.outranks(vouched.1) {
                return Err(known.holds(prepared.id()));
            }
            let is_same = known.configured.prepared.reference.sha256 == prepared.reference.sha256;
            if is_same && vouched.0 == vouched.1 {
                return Ok(None);
            }
        }
        self.check_version(prepared)?;
        let configured = admitted.configure(&self.config, &self.config.site)?;
        let configured = self.try_out(configured)?;
        Ok(Some(Loaded {
            path: path.to_owned(),
            admitted,
            configured,
        }))
    }

    /// An older version than one that has run may have defects that are known
    /// by now, and its signature is still good.
    fn check_version(&self, prepared: &Prepared) -> Result<(), Refusal> {
        let id = prepared.id();
        let own = self.config.analytics.get(id);
        if own.is_some_and(|own| own.allow_downgrade) {
            return Ok(());
        }
        let version = &prepared.reference.version;
        match self.store.highest_version(id) {
            Ok(Some(highest)) if is_older(version, &highest) => Err(Refusal::Downgrade {
                id: id.to_owned(),
                version: version.clone(),
                highest,
            }),
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal::State(chain(&error))),
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
        // A file's name, and what is quoted of it, are whoever's wrote it.
        let error = neutral(&chain(error));
        let file = neutral(&path.display().to_string());
        tracing::error!(file, "not loaded: {error}");
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
