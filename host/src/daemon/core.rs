//! The inner part of the daemon: the threads that events pass, restored from
//! the store, and how they are stopped.

mod restore;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc as blocking},
    thread::JoinHandle,
    time::Instant,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};

use self::restore::{outlets, restore};
use super::{
    board::{Board, SharedBoard},
    dispatch::{Command, IDLE, Sample},
    ledger::Ledger,
    now,
    reload::{Ended, Fingerprint, Reloader, Report, Wake, Watcher},
    repairs::Repairs,
    store::{StateError, Store},
};
use crate::{
    config::Config,
    engine::Engine,
    error::LoadError,
    ingest::Gate,
    metrics::Metrics,
    outlet::{Misconfigured, Outlet},
    pipeline::ShardLost,
    signatures::CatalogueError,
    trust::{Policy, TrustError},
};

/// How many groups may wait for the ledger.
const GROUPS: usize = 2;

/// What the daemon is started with.
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// The file it was read from.
    pub config_path: Option<PathBuf>,
    /// Where the analytics are.
    pub analytics: PathBuf,
    /// Where the state is.
    pub state: PathBuf,
    /// Compiles.
    pub engine: Engine,
}

/// Why the daemon does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The catalogue of signatures cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A shard ended.
    #[error(transparent)]
    Shard(#[from] ShardLost),
    /// A thread cannot be started or a sink be opened.
    #[error("cannot start {what}")]
    Start {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A trusted key cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A sink is not configured as it must be.
    #[error(transparent)]
    Sink(#[from] Misconfigured),
    /// The set of analytics does not fit together.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A thread ended that should not have.
    #[error("the {0} ended unexpectedly; please report this with the lines above")]
    Lost(&'static str),
}

impl DaemonError {
    /// Whether the configuration is at fault, so that trying again is of no
    /// use.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Catalogue(_) | Self::Sink(_) | Self::Trust(_) => true,
            // An address that is not there yet, or a port still in use, may be
            // right in a moment.
            Self::Start { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
            ),
            _ => false,
        }
    }
}

/// The inner part, running.
pub struct Core {
    /// Where sources hand over.
    pub gate: Gate,
    /// The database.
    pub store: Arc<Store>,
    /// The counts.
    pub metrics: Metrics,
    /// The state of everything.
    pub board: SharedBoard,
    /// The number of the latest finding.
    pub latest: watch::Receiver<u64>,
    commands: mpsc::Sender<Command>,
    repairs: Repairs,
    wakes: blocking::Sender<Wake>,
    watcher: Option<Watcher>,
    dispatch: JoinHandle<Result<(), ShardLost>>,
    ledger: JoinHandle<Result<(), StateError>>,
    outlets: Arc<Vec<Outlet>>,
    is_drained: blocking::Receiver<()>,
    reloader: JoinHandle<Result<(), Ended>>,
}

impl Core {
    /// Restores the state, starts the threads and loads the analytics.
    pub fn start(setup: Setup, runtime: &Handle) -> Result<Self, DaemonError> {
        let Setup {
            config,
            config_path,
            analytics,
            state,
            engine,
        } = setup;
        let started = Instant::now();
        let policy = Policy::new(&config.trust)?;
        let metrics = Metrics::default();
        let board: SharedBoard = Arc::new(Board::default());
        let store = Arc::new(Store::open(&state)?);
        let queue = config.daemon.queue_mib as usize * (1 << 20);
        let (gate, inlet) = Gate::new(queue, metrics.clone());
        let (commands, orders) = mpsc::channel(4);
        let (groups, received) = mpsc::channel(GROUPS);
        let (notes, told) = mpsc::unbounded_channel();
        let (latest_sender, latest) = watch::channel(0);
        let sample: Sample = Arc::new(Mutex::new(VecDeque::new()));

        let dispatch = restore(&config, &store, &metrics, &board, &sample, groups)?;
        let meta = dispatch.meta;
        latest_sender.send_replace(meta.findings);
        let shards = dispatch.pipeline.shards();
        board.update(|status| {
            env!("CARGO_PKG_VERSION").clone_into(&mut status.version);
            status.started = now();
            status.events = meta.records;
            status.findings = meta.findings;
        });

        let (outlets, confirmed) =
            outlets(&config, &store, meta.findings, &notes, &metrics, &board)?;
        let outlets = Arc::new(outlets);
        let (drained, is_drained) = blocking::channel();
        let ledger = Ledger {
            store: Arc::clone(&store),
            outlets: Arc::clone(&outlets),
            confirmed,
            remembered: u64::from(config.daemon.remembered_records),
            latest: latest_sender,
            metrics: metrics.clone(),
            waiting: BTreeMap::new(),
            drained: Some(drained),
        };
        let handle = runtime.clone();
        let ledger = thread("ledger", move || ledger.run(&handle, received, told))?;
        let handle = runtime.clone();
        let dispatch = thread("dispatch", move || dispatch.run(&handle, inlet, orders))?;

        let (wakes, woken) = blocking::channel();
        let folders = [
            Some(analytics.as_path()),
            config_path.as_deref().and_then(folder_of),
        ];
        let watcher = Watcher::start(folders.into_iter().flatten(), wakes.clone());
        let mut reloader = Reloader {
            engine,
            store: Arc::clone(&store),
            seen_config: config_path.as_deref().and_then(Fingerprint::of),
            config_path,
            started_with: config.clone(),
            config,
            folder: analytics,
            shards,
            commands: commands.clone(),
            notes,
            sample,
            metrics: metrics.clone(),
            board: Arc::clone(&board),
            running: BTreeMap::new(),
            seen: BTreeMap::new(),
            changed_config: None,
            policy,
        };
        let (loaded, first) = blocking::channel();
        let reloader = thread("reload", move || {
            // At the start a file is looked at as if it was asked for: there is
            // no old version that could go on.
            let report = reloader.refresh(true)?;
            // The starter waits for it.
            let _ = loaded.send(report);
            reloader.run(&woken)
        })?;
        let report = first.recv().map_err(|_| DaemonError::Lost("reloader"))?;
        tracing::info!(
            analytics = report.analytics.len(),
            refused = report.refused.len(),
            records = meta.records,
            milliseconds = started.elapsed().as_millis() as u64,
            "restored and loaded"
        );
        if report.analytics.is_empty() {
            tracing::warn!("{IDLE}");
        }
        board.update(|status| status.ready = true);
        Ok(Self {
            gate,
            store: Arc::clone(&store),
            metrics,
            board,
            latest,
            repairs: Repairs::new(store, commands.clone()),
            commands,
            wakes,
            watcher,
            dispatch,
            ledger,
            outlets,
            is_drained,
            reloader,
        })
    }

    /// Looks for new analytics and settings, without an answer.
    pub fn wake(&self, wake: Wake) {
        // Without a reloader the daemon is about to end.
        let _ = self.wakes.send(wake);
    }

    /// What asks for reloads from elsewhere.
    pub fn reloads(&self) -> Reloads {
        Reloads(self.wakes.clone())
    }

    /// What operators do about faults.
    pub fn repairs(&self) -> Repairs {
        self.repairs.clone()
    }

    /// The thread that ended and should not have, if one did.
    pub fn broken(&self) -> Option<&'static str> {
        [
            ("dispatch", self.dispatch.is_finished()),
            ("ledger", self.ledger.is_finished()),
            ("reloader", self.reloader.is_finished()),
        ]
        .into_iter()
        .find_map(|(name, is_finished)| is_finished.then_some(name))
    }

    /// Lets nobody in any more, processes what is waiting, delivers what came
    /// of it as far as it gets until the deadline, and ends.
    pub fn stop(self, deadline: Instant) -> Result<(), DaemonError> {
        let Self {
            gate,
            commands,
            wakes,
            watcher,
            dispatch,
            ledger,
            outlets,
            is_drained,
            reloader,
            board,
            ..
        } = self;
        board.update(|status| {
            status.ready = false;
            status.stopping = true;
        });
        drop(watcher);
        gate.close();
        drop(gate);
        // A sink that takes nothing holds up everything before it. It is given
        // half the time; what it does not take stays in the outbox.
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        let stopper = thread("stopper", move || {
            // Either way it is time.
            let _ = is_drained.recv_timeout(half);
            for outlet in outlets.iter() {
                outlet.stop(deadline);
            }
        })?;
        // Each may have ended by itself, which joining tells.
        let _ = wakes.send(Wake::Stop);
        let reloader = reloader.join();
        let _ = commands.blocking_send(Command::Stop);
        drop(commands);
        let dispatch = dispatch.join();
        let ledger = ledger.join();
        let stopper = stopper.join();
        ledger.map_err(|_| DaemonError::Lost("ledger"))??;
        dispatch.map_err(|_| DaemonError::Lost("dispatch"))??;
        if reloader.is_err() || stopper.is_err() {
            return Err(DaemonError::Lost("reloader"));
        }
        Ok(())
    }
}

/// Asks for reloads.
#[derive(Clone)]
pub struct Reloads(blocking::Sender<Wake>);

impl Reloads {
    /// Reloads and tells what came of it.
    pub async fn reload(&self) -> Option<Report> {
        let (answer, report) = oneshot::channel();
        self.0.send(Wake::Asked(answer)).ok()?;
        report.await.ok()
    }
}

fn folder_of(path: &std::path::Path) -> Option<&std::path::Path> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        std::path::Path::new(".")
    } else {
        folder
    })
}

fn thread<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, DaemonError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| DaemonError::Start {
            what: format!("the thread {name}"),
            source,
        })
}
