//! The outer part of the daemon: sources, the HTTP server and signals around
//! the core.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{
    core::{Core, DaemonError, Reloads, Setup},
    reload::Wake,
    repairs::{Letter, Numbered, RepairError, Repairs, ReplayReport, Selection, Which},
    store::{StateError, Store},
};
use crate::{
    config::{Config, OnFull},
    http::{Control, Pending, Server, Token, Tokens},
    ingest::{Feed, Running, evtx, files, lines},
};

/// How often is looked whether all threads are there.
const WATCH: Duration = Duration::from_millis(500);

/// How long the API waits for a reload. A hundred analytics compile in less.
const RELOAD: Duration = Duration::from_secs(300);

/// Runs the daemon until it is told to stop by a signal.
pub fn run(setup: Setup) -> Result<(), DaemonError> {
    let runtime = Runtime::new().map_err(|source| start_error("the runtime", source))?;
    let config = setup.config.clone();
    let state = setup.state.clone();
    let core = Core::start(setup, runtime.handle())?;
    let outcome = runtime.block_on(serve(&core, &config, &state));
    let grace = Duration::from_secs(config.daemon.drain_seconds);
    let deadline = Instant::now() + grace;
    let surface = match outcome {
        Ok(surface) => surface,
        Err(error) => {
            core.stop(deadline)?;
            return Err(error);
        }
    };
    tracing::info!("stopping");
    notify(&[sd_notify::NotifyState::Stopping]);
    runtime.spawn(insist(deadline));
    // The sources first, so that nothing comes in behind what is drained. Those
    // who wait for a receipt still get it.
    runtime.block_on(async {
        for source in surface.sources {
            source.stop().await;
        }
    });
    let broken = core.broken();
    core.gate.close();
    let ended = core.stop(deadline);
    let left = deadline.saturating_duration_since(Instant::now());
    runtime.block_on(surface.server.stop(left.min(Duration::from_secs(2))));
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended?;
    if let Some(thread) = broken {
        return Err(DaemonError::Lost(thread));
    }
    tracing::info!("stopped");
    Ok(())
}

/// Ends the process if stopping takes longer than it may, or if it is told
/// again. Nothing acknowledged is lost by that, which is what the state is for.
async fn insist(deadline: Instant) {
    let late = tokio::time::sleep_until((deadline + Duration::from_secs(1)).into());
    match Signals::new() {
        Ok(mut signals) => tokio::select! {
            () = late => {}
            () = signals.stop() => {}
        },
        Err(_) => late.await,
    }
    tracing::error!("not everything ended in time; what was not acknowledged is delivered again");
    std::process::exit(2);
}

/// What the outside sees of the daemon.
struct Surface {
    server: Server,
    sources: Vec<Running>,
}

/// Opens everything and waits for the end.
async fn serve(core: &Core, config: &Config, state: &Path) -> Result<Surface, DaemonError> {
    let control = Arc::new(Controls {
        store: Arc::clone(&core.store),
        reloads: core.reloads(),
        repairs: core.repairs(),
        latest: core.latest.clone(),
    });
    let tokens = Tokens {
        api: token(config.http.token_file.as_deref(), state, "api.token")?,
        ingest: token(
            config.http.ingest_token_file.as_deref(),
            state,
            "ingest.token",
        )?,
    };
    let server = Server::start(
        &config.http,
        tokens,
        core.gate.clone(),
        core.metrics.clone(),
        Arc::clone(&core.board),
        control,
    )
    .await
    .map_err(|source| start_error(&format!("the server on {}", config.http.listen), source))?;
    let sources = sources(core, config).await?;
    tracing::info!(address = %server.address(), "ready");
    notify(&[sd_notify::NotifyState::Ready]);
    let mut signals = Signals::new().map_err(|source| start_error("signals", source))?;
    let is_pipe = config.is_only_stdin();
    loop {
        tokio::select! {
            stop = signals.next() => match stop {
                Signal::Stop => break,
                Signal::Reload => core.wake(Wake::Signal),
            },
            () = tokio::time::sleep(WATCH) => {
                if core.broken().is_some() {
                    break;
                }
                // A pipe that ended is all there is.
                if is_pipe && sources.iter().all(Running::is_over) {
                    break;
                }
            }
        }
    }
    Ok(Surface { server, sources })
}

/// Starts the configured sources.
async fn sources(core: &Core, config: &Config) -> Result<Vec<Running>, DaemonError> {
    let checkpoints = core.store.checkpoints()?;
    let feed = |name: &str, on_full: OnFull| Feed {
        name: Arc::from(name),
        gate: core.gate.clone(),
        on_full,
        metrics: core.metrics.clone(),
        board: Arc::clone(&core.board),
    };
    let mut all = Vec::new();
    for one in &config.sources.files {
        let name = format!("files:{}", one.path);
        let started = files::start(&one.path, &checkpoints, feed(&name, one.on_full));
        all.push(started.map_err(|error| start_error(&name, misconfigured(error)))?);
    }
    for one in &config.sources.evtx {
        let name = format!("evtx:{}", one.path.display());
        let started = evtx::start(&one.path, &checkpoints, feed(&name, OnFull::Block));
        all.push(started.map_err(|error| start_error(&name, error))?);
    }
    for one in &config.sources.tcp {
        let name = format!("tcp:{}", one.listen);
        let started = lines::tcp(one.listen, one.plaintext, feed(&name, one.on_full)).await;
        let (running, address) = started.map_err(|error| start_error(&name, listening(error)))?;
        tracing::info!(%address, "takes lines over TCP");
        all.push(running);
    }
    for one in &config.sources.unix {
        let name = format!("unix:{}", one.path.display());
        let started = lines::unix(&one.path, feed(&name, one.on_full));
        all.push(started.map_err(|error| start_error(&name, listening(error)))?);
    }
    if config.sources.stdin {
        let started = lines::stdin(io::stdin(), feed("stdin", OnFull::Block));
        all.push(started.map_err(|error| start_error("standard input", error))?);
    }
    Ok(all)
}

enum Signal {
    Stop,
    Reload,
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal to stop.
    async fn stop(&mut self) {
        while !matches!(self.next().await, Signal::Stop) {}
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// What the API asks of the core.
struct Controls {
    store: Arc<Store>,
    reloads: Reloads,
    repairs: Repairs,
    latest: watch::Receiver<u64>,
}

impl Control for Controls {
    fn reload(&self) -> Pending<'_, Result<serde_json::Value, String>> {
        Box::pin(async {
            let report = tokio::time::timeout(RELOAD, self.reloads.reload()).await;
            let report = report.map_err(|_| {
                "the reload goes on, but is not over; a sink that takes nothing holds up the \
                 events and so the swap (`sandtrap status` shows which)"
                    .to_owned()
            })?;
            let report = report.ok_or_else(|| "the daemon is stopping".to_owned())?;
            serde_json::to_value(report).map_err(|error| error.to_string())
        })
    }

    fn findings(&self, limit: usize, after: Option<u64>) -> Vec<(u64, Arc<[u8]>)> {
        let latest = *self.latest.borrow();
        let after = after.unwrap_or_else(|| latest.saturating_sub(limit as u64));
        // The database may have to read from the disk.
        match tokio::task::block_in_place(|| self.store.findings(after, limit)) {
            Ok(entries) => entries
                .into_iter()
                .map(|entry| (entry.number, entry.json))
                .collect(),
            Err(error) => {
                tracing::error!("findings cannot be read: {error}");
                Vec::new()
            }
        }
    }

    fn latest(&self) -> watch::Receiver<u64> {
        self.latest.clone()
    }

    fn letters(&self, which: &Selection) -> Result<Vec<Numbered>, StateError> {
        tokio::task::block_in_place(|| self.repairs.letters(which))
    }

    fn letter(&self, number: u64) -> Result<Option<Letter>, StateError> {
        tokio::task::block_in_place(|| self.repairs.letter(number))
    }

    fn replay(&self, which: Which) -> Pending<'_, Result<ReplayReport, RepairError>> {
        Box::pin(self.repairs.replay(which))
    }

    fn release(&self, id: String) -> Pending<'_, Result<(), RepairError>> {
        Box::pin(self.repairs.release(id))
    }
}

/// Reads a token; without a configured file it is made in the state folder.
fn token(configured: Option<&Path>, state: &Path, name: &str) -> Result<Token, DaemonError> {
    let path = configured.map_or_else(|| state.join(name), Path::to_owned);
    let failed = |source| start_error(&format!("with the token file {}", path.display()), source);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && configured.is_none() => {
            make_token(&path).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    if text.trim().len() < 16 {
        let short = "a token has at least 16 characters";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, short)));
    }
    Ok(Token::new(text.trim(), path))
}

/// Makes a token that only its owner can read.
fn make_token(path: &PathBuf) -> io::Result<String> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut bytes = [0; 24];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    tracing::info!(file = %path.display(), "made a token");
    Ok(token)
}

/// Tells systemd, if it started this.
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::warn!("systemd cannot be told: {error}");
    }
}

fn misconfigured(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// Whether the system or the configuration says no.
fn listening(error: lines::ListenError) -> io::Error {
    match error {
        lines::ListenError::Listen { source, .. } => source,
        other => misconfigured(other),
    }
}

fn start_error(what: &str, source: io::Error) -> DaemonError {
    DaemonError::Start {
        what: what.to_owned(),
        source,
    }
}
