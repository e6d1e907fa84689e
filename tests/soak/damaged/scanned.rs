//! `sandtrap scan` over a folder of copies.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::Outcome;
use crate::{bench::Bench, process::Process, wait};

/// How long the scan of a folder may take. It takes seconds; a machine that is
/// busy with something else takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// Scans folders.
pub struct Scanner {
    binary: PathBuf,
    analytics: PathBuf,
    home: PathBuf,
}

impl Scanner {
    pub fn new(bench: &Bench) -> anyhow::Result<Self> {
        Ok(Self {
            binary: bench.binary.clone(),
            analytics: bench.analytics("scan-analytics")?,
            home: bench.folder("scan")?,
        })
    }

    /// Scans a folder and watches the process.
    pub fn scan(&self, folder: &Path) -> anyhow::Result<Outcome> {
        let log = self.home.join("scan.log");
        let _ = fs::remove_file(&log);
        let mut command = Command::new(&self.binary);
        command
            .arg("scan")
            .arg(folder)
            .arg("--analytics")
            .arg(&self.analytics)
            .arg("--cache")
            .arg(self.home.join("cache"))
            .arg("--undecodable")
            .arg(self.home.join("undecodable.ndjson"))
            .arg("--output")
            .arg(self.home.join("findings.ndjson"));
        let mut process = Process::start("the scan", command, &log)?;
        let started = Instant::now();
        let mut peak = 0;
        loop {
            peak = peak.max(process.peak());
            if let Some(status) = process.ended()? {
                // Whatever a file holds, nothing of it is a fault of an
                // analytic or of the configuration.
                let broken = (status.code() != Some(0))
                    .then(|| format!("scan ended with {status}: {}", process.last_words()));
                return Ok(Outcome { peak, broken });
            }
            if started.elapsed() > LIMIT {
                let broken = Some(format!("scan took longer than {} s", LIMIT.as_secs()));
                return Ok(Outcome { peak, broken });
            }
            wait::pause(Duration::from_millis(10))?;
        }
    }
}
