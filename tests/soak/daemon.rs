//! A daemon process with its configuration and state.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{bench::Bench, client::Client, process::Process, wait};

/// How long the daemon may take to be ready, and to stop.
const LIMIT: Duration = Duration::from_secs(60);

/// How a daemon is set up: it can be started again and again.
pub struct Setup {
    binary: PathBuf,
    home: PathBuf,
    port: u16,
}

impl Setup {
    /// A daemon with a state of its own.
    pub fn new(bench: &Bench, name: &str, analytics: &Path) -> anyhow::Result<Self> {
        let home = bench.folder(name)?;
        // Nobody else is given this port soon, and it stays the same over
        // restarts so that clients find the daemon again.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let setup = Self {
            binary: bench.binary.clone(),
            home,
            port,
        };
        let config = format!(
            "analytics_folder = {:?}\n\
             state_folder = {:?}\n\
             [trust]\n\
             unsigned = true\n\
             [daemon]\n\
             shards = 2\n\
             [http]\n\
             listen = \"127.0.0.1:{port}\"\n\
             [site]\n\
             internal_networks = [\"10.20.0.0/16\"]\n\
             [[sinks.file]]\n\
             path = {:?}\n\
             rotate_mib = 16\n\
             keep = 10000\n",
            analytics,
            setup.state(),
            setup.findings(),
        );
        fs::write(setup.config(), config)?;
        Ok(setup)
    }

    /// Has it follow files as well.
    pub fn follow(self, pattern: &Path) -> anyhow::Result<Self> {
        let mut config = fs::read_to_string(self.config())?;
        write!(config, "[[sources.files]]\npath = {pattern:?}\n")?;
        fs::write(self.config(), config)?;
        Ok(self)
    }

    /// Has it read the event logs of a folder as well.
    pub fn watch(self, folder: &Path) -> anyhow::Result<Self> {
        let mut config = fs::read_to_string(self.config())?;
        write!(config, "[[sources.evtx]]\npath = {folder:?}\n")?;
        fs::write(self.config(), config)?;
        Ok(self)
    }

    /// Has it remember so many records.
    pub fn remembering(self, records: u64) -> anyhow::Result<Self> {
        let config = fs::read_to_string(self.config())?;
        let with = format!("[daemon]\nremembered_records = {records}\n");
        fs::write(self.config(), config.replace("[daemon]\n", &with))?;
        Ok(self)
    }

    /// Has these lines at the end of its configuration.
    pub fn with(self, lines: &str) -> anyhow::Result<Self> {
        let mut config = fs::read_to_string(self.config())?;
        config.push_str(lines);
        fs::write(self.config(), config)?;
        Ok(self)
    }

    fn config(&self) -> PathBuf {
        self.home.join("sandtrap.toml")
    }

    /// What the daemon keeps.
    pub fn state(&self) -> PathBuf {
        self.home.join("state")
    }

    /// Where findings go; older ones have a number behind the name.
    pub fn findings(&self) -> PathBuf {
        self.home.join("findings/findings.ndjson")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The token that shippers send. It is there once the daemon was ready.
    pub fn ingest_token(&self) -> anyhow::Result<String> {
        self.token("ingest.token")
    }

    /// A sender of events. The daemon must have been ready before.
    pub fn sender(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.port, &self.ingest_token()?))
    }

    /// Someone who may use the API. The daemon must have been ready before.
    pub fn operator(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.port, &self.token("api.token")?))
    }

    fn token(&self, name: &str) -> anyhow::Result<String> {
        let path = self.state().join(name);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("there is no token {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Starts the daemon, which is not ready then.
    pub fn start(&self) -> anyhow::Result<Daemon> {
        let mut command = Command::new(&self.binary);
        command.arg("run").arg("--config").arg(self.config());
        let started = Instant::now();
        let process = Process::start("the daemon", command, &self.home.join("daemon.log"))?;
        Ok(Daemon {
            process,
            started,
            visitor: Client::new(self.port, ""),
        })
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start_ready(&self) -> anyhow::Result<Daemon> {
        let mut daemon = self.start()?;
        daemon.wait_ready()?;
        Ok(daemon)
    }
}

/// A running daemon. It ends with this handle.
pub struct Daemon {
    process: Process,
    started: Instant,
    visitor: Client,
}

impl Daemon {
    /// Waits until it is ready and says how long it took from its start.
    pub fn wait_ready(&mut self) -> anyhow::Result<Duration> {
        let (process, visitor) = (&mut self.process, &self.visitor);
        wait::until("the daemon to be ready", LIMIT, || {
            process.expect_alive()?;
            Ok(visitor.is_ready().then_some(()))
        })
        .with_context(|| self.process.last_words())?;
        Ok(self.started.elapsed())
    }

    /// Fails if it ended by itself.
    pub fn expect_alive(&mut self) -> anyhow::Result<()> {
        self.process.expect_alive()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Ends it as an operator does, and says whether it ended well.
    pub fn stop(self) -> anyhow::Result<bool> {
        Ok(self.process.stop(LIMIT)?.success())
    }

    /// The most memory it occupied so far, in bytes.
    pub fn peak(&self) -> u64 {
        self.process.peak()
    }

    /// The memory it occupies, in bytes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .and_then(|number| number.trim().parse::<u64>().ok())
            .map(|kilobytes| kilobytes * 1024)
            .context("the daemon's memory cannot be read")
    }
}

/// The size of everything in a folder.
pub fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            // It went away meanwhile.
            Err(_) => 0,
        })
        .sum()
}
