//! The daemon's core in this process, fed by hand.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sandtrap::{
    cache::Cache,
    config::Config,
    daemon::{
        core::{Core, Setup},
        reload::Report,
        repairs::{ReplayReport, Which},
    },
    engine::Engine,
    ingest::{Delivery, Receipt, RecordReader},
    outlet::Entry,
    sources::Options,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A daemon that can be stopped and started again.
pub struct Daemon {
    /// Its analytics, state and findings.
    pub folder: TempDir,
    runtime: Runtime,
    core: Option<Core>,
    /// How many shards it starts with.
    pub shards: u16,
}

impl Daemon {
    /// A daemon over copies of these components, not started yet.
    pub fn new(components: &Path, shards: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let analytics = folder.path().join("analytics");
        fs::create_dir(&analytics).unwrap();
        for file in sandtrap::catalog::components(components).unwrap() {
            fs::copy(&file, analytics.join(file.file_name().unwrap())).unwrap();
        }
        Self {
            folder,
            runtime: Runtime::new().unwrap(),
            core: None,
            shards,
        }
    }

    /// Where its analytics are.
    pub fn analytics(&self) -> PathBuf {
        self.folder.path().join("analytics")
    }

    /// Writes its configuration, with what the analytics are granted and told.
    pub fn configure(&self, analytics: &str) {
        let text = format!(
            "[trust]\nunsigned = true\n[daemon]\nshards = {}\nbatch = 64\n[[sinks.file]]\npath = '{}'\n{analytics}",
            self.shards,
            self.folder.path().join("findings.ndjson").display(),
        );
        fs::write(self.config(), text).unwrap();
    }

    /// Where its configuration is.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("sandtrap.toml")
    }

    /// Starts it.
    pub fn start(&mut self) {
        let state = self.folder.path().join("state");
        self.configure("");
        let config = Config::read(&self.config()).unwrap();
        let cache = Cache::open(&self.folder.path().join("cache")).unwrap();
        let setup = Setup {
            config,
            config_path: Some(self.config()),
            analytics: self.analytics(),
            state,
            engine: Engine::start().unwrap().with_cache(cache),
        };
        self.core = Some(Core::start(setup, self.runtime.handle()).unwrap());
    }

    /// Stops it in good order.
    pub fn stop(&mut self) {
        if let Some(core) = self.core.take() {
            core.stop(Instant::now() + Duration::from_secs(60)).unwrap();
        }
    }

    /// Its core.
    pub fn core(&self) -> &Core {
        self.core.as_ref().expect("it was started")
    }

    /// Hands text over and waits until everything is committed.
    pub fn deliver(&self, text: &str) -> Receipt {
        let source = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let mut reader = RecordReader::new(source, &Options::default())
            .unwrap()
            .expect("records");
        let delivery = Delivery {
            source: Arc::from("test"),
            input: Arc::from("events.ndjson"),
            records: reader.next(usize::MAX).expect("records"),
            first_record: 0,
            checkpoint: None,
            may_come_again: true,
        };
        let gate = &self.core().gate;
        self.runtime.block_on(async {
            let room = gate.reserve(text.len()).await.unwrap();
            gate.submit(delivery, room)
                .unwrap()
                .receipt()
                .await
                .unwrap()
        })
    }

    /// Looks for new analytics now.
    pub fn reload(&self) -> Report {
        let reloads = self.core().reloads();
        self.runtime.block_on(reloads.reload()).unwrap()
    }

    /// Tries dead letters again.
    pub fn replay(&self, which: Which) -> ReplayReport {
        let repairs = self.core().repairs();
        self.runtime.block_on(repairs.replay(which)).unwrap()
    }

    /// Lifts a quarantine.
    pub fn release(&self, id: &str) {
        let repairs = self.core().repairs();
        let release = repairs.release(id.to_owned());
        self.runtime.block_on(release).unwrap();
    }

    /// All findings so far.
    pub fn findings(&self) -> Vec<Entry> {
        self.core().store.findings(0, usize::MAX).unwrap()
    }

    /// The lines of its file of findings.
    pub fn written(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("findings.ndjson"));
        let text = text.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A component that does the same and is another one: a custom section that
/// nobody reads stands at its end.
pub fn variant(component: &[u8], number: u32) -> Vec<u8> {
    let mut variant = component.to_vec();
    // Section 0, its length, a name of one byte, and four bytes of content.
    variant.extend([0, 6, 1, b'v']);
    variant.extend(number.to_le_bytes());
    variant
}
