//! A daemon whose folders copies are dropped into.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::Value;

use super::{Outcome, files};
use crate::{
    bench::Bench,
    client::metric,
    daemon::{Daemon, Setup},
    generator::Plan,
    report::Report,
    stream::Stream,
    wait,
};

/// How long a folder of copies may take.
const LIMIT: Duration = Duration::from_secs(300);

/// For how long nothing may change until all was read.
const QUIET: Duration = Duration::from_millis(1_500);

/// A daemon and its folders.
pub struct Live<'b> {
    bench: &'b Bench,
    name: &'static str,
    logs: PathBuf,
    files: PathBuf,
    setup: Setup,
    daemon: Daemon,
}

impl<'b> Live<'b> {
    pub fn new(bench: &'b Bench, name: &'static str) -> anyhow::Result<Self> {
        let folder = |what: &str| bench.folder(&format!("{name}-{what}"));
        let (logs, files) = (folder("logs")?, folder("files")?);
        let (setup, daemon) = start(bench, name, &logs, &files)?;
        Ok(Self {
            bench,
            name,
            logs,
            files,
            setup,
            daemon,
        })
    }

    /// Drops the files of a folder and waits until all of them were read.
    pub fn feed(&mut self, folder: &Path) -> anyhow::Result<Outcome> {
        for path in files(folder)? {
            let is_log = path.extension().is_some_and(|ending| ending == "evtx");
            let to = if is_log { &self.logs } else { &self.files };
            let name = path.file_name().context("a file without a name")?;
            fs::rename(&path, to.join(name))?;
        }
        let broken = self.wait_quiet()?;
        let outcome = Outcome {
            peak: self.daemon.peak(),
            broken,
        };
        for dropped in files(&self.logs)?.into_iter().chain(files(&self.files)?) {
            fs::remove_file(dropped)?;
        }
        if outcome.broken.is_some() {
            (self.setup, self.daemon) = start(self.bench, self.name, &self.logs, &self.files)?;
        }
        Ok(outcome)
    }

    /// Whether it still does its work; returns the most memory it took.
    pub fn finish(self, report: &mut Report) -> anyhow::Result<u64> {
        let plan = Plan {
            pace: 1_000,
            seed: 1,
            series: "after".to_owned(),
            devices: 2,
            serial_every: 10,
            attack_every: 1_000,
        };
        let body = Stream::new(&plan, 100).next_body().to_vec();
        let (receipt, _) = self.setup.sender()?.deliver(&body, LIMIT)?;
        report.promise(receipt.records == 100 && receipt.undecodable == 0, || {
            format!("after all copies, good events were answered {receipt:?}")
        });
        let peak = self.daemon.peak();
        let has_stopped_well = self.daemon.stop()?;
        report.promise(has_stopped_well, || {
            "the daemon did not stop well on SIGTERM".to_owned()
        });
        Ok(peak)
    }

    /// Waits until nothing happens any more; says what did not hold.
    fn wait_quiet(&mut self) -> anyhow::Result<Option<String>> {
        let operator = self.setup.operator()?;
        let started = Instant::now();
        let (mut seen, mut since) = (None, Instant::now());
        while started.elapsed() < LIMIT {
            wait::pause(Duration::from_millis(100))?;
            if let Err(error) = self.daemon.expect_alive() {
                return Ok(Some(format!("{error:#}")));
            }
            let (Ok(status), Ok(metrics)) =
                (operator.get("/api/v1/status"), operator.text("/metrics"))
            else {
                return Ok(Some("the daemon gives no answer".to_owned()));
            };
            let now = (reading(&status), metric(&metrics, "sandtrap_queue_bytes"));
            let is_waiting = now.0.contains("waiting") || now.1 > 0.0;
            if is_waiting || seen.as_ref() != Some(&now) {
                (seen, since) = (Some(now), Instant::now());
            } else if since.elapsed() >= QUIET && started.elapsed() >= QUIET * 2 {
                return Ok(None);
            }
        }
        Ok(Some(format!(
            "run was not done with the copies after {} s: {}",
            LIMIT.as_secs(),
            seen.map(|seen| seen.0).unwrap_or_default()
        )))
    }
}

/// What the daemon says of its sources and of how much came of them.
fn reading(status: &Value) -> String {
    let of = |key| status.get(key).unwrap_or(&Value::Null);
    format!("{} {}", of("events"), of("sources"))
}

/// Starts a daemon with an empty state.
fn start(bench: &Bench, name: &str, logs: &Path, files: &Path) -> anyhow::Result<(Setup, Daemon)> {
    fs::remove_dir_all(bench.folder(name)?)?;
    let analytics = bench.analytics(&format!("{name}-analytics"))?;
    let setup = Setup::new(bench, name, &analytics)?
        .follow(files)?
        .watch(logs)?;
    let daemon = setup.start_ready()?;
    Ok((setup, daemon))
}
