//! Replaces analytics and their settings while events come in.
//!
//! A file is read whole, checked, compiled, described, configured and tried on
//! a few events, all on this thread; only then the dispatch goes on with it,
//! between two groups. Whatever fails leaves the old one running.

mod canary;
mod files;
mod watch;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{self, oneshot};

pub use files::Fingerprint;
pub use watch::Watcher;

use self::{
    canary::{Refusal, try_out},
    files::Seen,
};
use super::{
    board::{AnalyticStatus, BudgetUse, SharedBoard},
    decode::Decode,
    dispatch::{Command, Sample, Swap},
    ledger::Note,
    now,
    store::Store,
};
use crate::{
    analytic::{self, Configured, Prepared},
    budget::Budget,
    config::Config,
    engine::Engine,
    metrics::{Metrics, Reload},
    pipeline::{Memories, Plan},
};

/// How soon a file is looked at again that could not be loaded: it may be
/// half-written.
const SECOND_LOOK: Duration = Duration::from_secs(1);

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

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Analytics that run now and did not before, or in another version or
    /// with other settings.
    pub loaded: Vec<String>,
    /// Analytics that do not run any more.
    pub unloaded: Vec<String>,
    /// Files and settings that were refused, and why.
    pub refused: BTreeMap<String, String>,
    /// Everything that runs now: identifier, version and SHA-256.
    pub analytics: Vec<Running>,
    /// How long events had to wait, in microseconds; absent if nothing
    /// changed.
    pub pause_us: Option<u64>,
}

/// An analytic that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its identifier.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its component.
    pub sha256: String,
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
    /// The configuration as it was last looked at.
    pub seen_config: Option<Fingerprint>,
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
            let is_unsure = self.seen.values().any(|seen| seen.is_unsure());
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
        self.swap(next, &mut report)?;
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
            return false;
        }
        self.seen_config = found;
        match Config::read(&path) {
            Ok(config) => {
                let is_changed = config != self.config;
                for section in self.config.fixed_differences(&config) {
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
        for (id, loaded) in &self.running {
            let prepared = &loaded.configured.prepared;
            if let Err(error) = prepared.check_grants(&self.config.grants(id)) {
                next.remove(id);
                self.refuse(&loaded.path, &Refusal::from(error), report);
                continue;
            }
            let configured = self.configure(Arc::clone(prepared));
            let is_same = configured.settings == loaded.configured.settings
                && configured.site == loaded.configured.site;
            if is_same {
                continue;
            }
            match self.try_out(configured) {
                Ok(configured) => {
                    let path = loaded.path.clone();
                    next.insert(id.clone(), Loaded { path, configured });
                }
                Err(error) => self.refuse(&loaded.path, &error, report),
            }
        }
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
            let is_second_look = seen.is_some_and(|seen| seen.is_of(&found));
            match self.load(&path, next) {
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
                    self.seen.insert(path, Seen::Unsure(found));
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

    /// Has the dispatch go on with `next`.
    fn swap(&mut self, next: BTreeMap<String, Loaded>, report: &mut Report) -> Result<(), Ended> {
        for (id, loaded) in &next {
            let is_same = self
                .running
                .get(id)
                .is_some_and(|known| Arc::ptr_eq(&known.configured, &loaded.configured));
            if !is_same {
                report.loaded.push(id.clone());
            }
        }
        let gone = self.running.keys().filter(|id| !next.contains_key(*id));
        report.unloaded.extend(gone.cloned());
        if report.loaded.is_empty() && report.unloaded.is_empty() {
            report.analytics = running(&self.running);
            return Ok(());
        }
        let analytics = next
            .values()
            .map(|loaded| Arc::clone(&loaded.configured))
            .collect();
        let plan = match Plan::new(analytics) {
            Ok(plan) => plan,
            Err((position, error)) => {
                if let Some(loaded) = next.values().nth(position) {
                    self.refuse(&loaded.path, &Refusal::from(error), report);
                }
                report.loaded.clear();
                report.unloaded.clear();
                report.analytics = running(&self.running);
                return Ok(());
            }
        };
        let memories = self.memories(&next)?;
        let (done, answer) = oneshot::channel();
        let swap = Box::new(Swap {
            decode: Decode::new(plan.router()),
            plan,
            memories,
            done,
        });
        self.commands
            .blocking_send(Command::Swap(swap))
            .map_err(|_| Ended)?;
        let pause = answer.blocking_recv().map_err(|_| Ended)?;
        report.pause_us = Some(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX));
        self.running = next;
        report.analytics = running(&self.running);
        for (result, count) in [
            ("loaded", report.loaded.len()),
            ("unloaded", report.unloaded.len()),
        ] {
            let reloads = &self.metrics.reloads;
            reloads
                .get_or_create(&Reload { result })
                .inc_by(count as u64);
        }
        Ok(())
    }

    /// What the analytics that are about to run, and do not now, remembered
    /// when they ran last.
    fn memories(
        &self,
        next: &BTreeMap<String, Loaded>,
    ) -> Result<BTreeMap<String, Memories>, Ended> {
        let fresh: Vec<&String> = next
            .keys()
            .filter(|id| !self.running.contains_key(*id))
            .collect();
        if fresh.is_empty() {
            return Ok(BTreeMap::new());
        }
        // What they did last may still be on its way to the disk.
        let (done, flushed) = oneshot::channel();
        self.notes.send(Note::Flush(done)).map_err(|_| Ended)?;
        flushed.blocking_recv().map_err(|_| Ended)?;
        let mut memories = BTreeMap::new();
        for id in fresh {
            let restored = self
                .store
                .analytic(id)
                .and_then(|state| Ok(Memories::restore(state, self.shards)?));
            match restored {
                Ok(restored) => {
                    memories.insert(id.clone(), restored);
                }
                Err(error) => {
                    tracing::error!(
                        analytic = id,
                        "starts without what it remembered: {}",
                        chain(&error)
                    );
                }
            }
        }
        Ok(memories)
    }

    /// Tells the log, the metrics and the API.
    fn publish(&self, is_asked: bool, report: &Report) {
        let is_changed = report.pause_us.is_some();
        if is_asked && !is_changed {
            tracing::info!(
                analytics = report.analytics.len(),
                "a reload was asked for, and nothing changed"
            );
        }
        if is_changed {
            for running in &report.analytics {
                tracing::info!(
                    analytic = running.id,
                    version = running.version,
                    sha256 = running.sha256,
                    "runs"
                );
            }
            tracing::info!(
                analytics = report.analytics.len(),
                loaded = report.loaded.len(),
                unloaded = report.unloaded.len(),
                pause_us = report.pause_us.unwrap_or(0),
                "the set of analytics changed"
            );
        }
        self.metrics.analytics.set(self.running.len() as i64);
        let refused_files: BTreeMap<&Path, &String> = report
            .refused
            .iter()
            .map(|(path, error)| (Path::new(path.as_str()), error))
            .collect();
        self.board.update(|status| {
            status
                .analytics
                .retain(|id, _| self.running.contains_key(id));
            for (id, loaded) in &self.running {
                if report.loaded.contains(id) {
                    status.analytics.insert(id.clone(), describe(loaded));
                }
                let known = status.analytics.get_mut(id);
                if let (Some(known), Some(error)) =
                    (known, refused_files.get(loaded.path.as_path()))
                {
                    known.last_error = Some((*error).clone());
                }
            }
            let seen = &self.seen;
            status.refused.retain(|path, _| {
                let path = Path::new(path.as_str());
                seen.get(path).is_some_and(Seen::is_refused)
            });
            for (path, error) in &report.refused {
                status.refused.insert(path.clone(), error.clone());
            }
            status.reloads += (report.loaded.len() + report.unloaded.len()) as u64;
        });
    }
}

fn running(analytics: &BTreeMap<String, Loaded>) -> Vec<Running> {
    analytics
        .iter()
        .map(|(id, loaded)| {
            let reference = &loaded.configured.prepared.reference;
            Running {
                id: id.clone(),
                version: reference.version.clone(),
                sha256: reference.sha256.clone(),
            }
        })
        .collect()
}

fn describe(loaded: &Loaded) -> AnalyticStatus {
    let reference = &loaded.configured.prepared.reference;
    let budget = &loaded.configured.budget;
    AnalyticStatus {
        state: "running".to_owned(),
        name: reference.name.clone(),
        version: reference.version.clone(),
        sha256: reference.sha256.clone(),
        file: loaded.path.display().to_string(),
        loaded: now(),
        budget: BudgetUse {
            call_limit_ms: u64::try_from(budget.time.as_millis()).unwrap_or(u64::MAX),
            memory_limit: budget.memory as u64,
            ..BudgetUse::default()
        },
        ..AnalyticStatus::default()
    }
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
