//! Recorded telemetry, cut off and with bits turned over, scanned and dropped
//! into the folders of a running daemon: nothing ends, hangs or grows.

mod copies;
mod live;
mod scanned;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use sandtrap::{ingest::RecordReader, sources::Options};
use serde_json::json;

use self::{
    copies::{Copy, Corpus},
    live::Live,
    scanned::Scanner,
};
use crate::{
    Order,
    bench::Bench,
    progress::Progress,
    report::{Report, milliseconds, rounded},
};

/// How many copies lie in a folder at once, which bounds the disk that is
/// used.
const AT_ONCE: usize = 50;

/// What a process may occupy, in bytes.
const MEMORY: u64 = 500 << 20;

/// What came of some copies.
#[derive(Default)]
struct Outcome {
    /// The most memory that was occupied, in bytes.
    peak: u64,
    /// What did not hold.
    broken: Option<String>,
}

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let corpus = Corpus::open(order.seed)?;
    let copies = corpus.copies(order.count);
    let scanner = Scanner::new(bench)?;
    let mut live = Live::new(bench, "daemon")?;
    let progress = Progress::start("damaged copies", copies.len() as u64);
    let (mut of_scan, mut of_run) = (Tally::default(), Tally::default());
    let (mut slowest, mut done) = ((0.0, String::new()), 0);
    for some in copies.chunks(AT_ONCE) {
        let folder = write(bench, "copies", &corpus, some)?;
        let scan = |some: &[Copy]| {
            let folder = write(bench, "some-copies", &corpus, some)?;
            scanner.scan(&folder)
        };
        let outcome = scanner.scan(&folder)?;
        of_scan.take(outcome, some, report, scan)?;
        if of_scan.broken == 0 {
            slowest = slowest_of(&folder, slowest)?;
        }
        let outcome = live.feed(&folder)?;
        of_run.take(outcome, some, report, |some| {
            let folder = write(bench, "some-copies", &corpus, some)?;
            Live::new(bench, "second-daemon")?.feed(&folder)
        })?;
        done += some.len();
        progress.at(done as u64);
    }
    drop(progress);
    of_run.peak = of_run.peak.max(live.finish(report)?);
    report.set("files", done);
    report.set("scan", of_scan.said());
    report.set("run", of_run.said());
    report.set("peak_mib", mib(of_scan.peak.max(of_run.peak)));
    report.set("slowest_file_ms", slowest.0);
    report.set("slowest_file", slowest.1);
    for (what, tally) in [("scan", &of_scan), ("run", &of_run)] {
        report.promise(tally.peak < MEMORY, || {
            format!("{what} took {} MiB", mib(tally.peak))
        });
    }
    Ok(())
}

/// What came of all copies.
#[derive(Default)]
struct Tally {
    peak: u64,
    files: usize,
    broken: usize,
}

impl Tally {
    /// Takes an outcome in. If something did not hold, the copies are tried in
    /// halves until the one that did it stands alone.
    fn take(
        &mut self,
        outcome: Outcome,
        copies: &[Copy],
        report: &mut Report,
        mut again: impl FnMut(&[Copy]) -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<()> {
        self.peak = self.peak.max(outcome.peak);
        self.files += copies.len();
        let Some(broken) = outcome.broken else {
            return Ok(());
        };
        self.broken += 1;
        let mut suspects = copies;
        while suspects.len() > 1 {
            let (first, second) = suspects.split_at(suspects.len() / 2);
            let mut guilty = None;
            for half in [first, second] {
                if again(half)?.broken.is_some() {
                    guilty = Some(half);
                    break;
                }
            }
            // It may take several of them together.
            let Some(half) = guilty else { break };
            suspects = half;
        }
        let names: Vec<String> = suspects.iter().map(Copy::name).collect();
        report.promise(false, || format!("{broken}, by {}", names.join(", ")));
        Ok(())
    }

    fn said(&self) -> serde_json::Value {
        json!({
            "files": self.files,
            "broken": self.broken,
            "peak_mib": mib(self.peak),
        })
    }
}

/// Writes copies into a folder of their own.
fn write(bench: &Bench, name: &str, corpus: &Corpus, copies: &[Copy]) -> anyhow::Result<PathBuf> {
    let folder = bench.folder(name)?;
    fs::remove_dir_all(&folder)?;
    fs::create_dir(&folder)?;
    for copy in copies {
        fs::write(folder.join(copy.name()), corpus.damaged(copy)?)?;
    }
    Ok(folder)
}

/// The file that takes longest to decode, in this process.
fn slowest_of(folder: &Path, mut slowest: (f64, String)) -> anyhow::Result<(f64, String)> {
    for path in files(folder)? {
        let started = Instant::now();
        if let Ok(Some(mut reader)) = RecordReader::open(&path, &Options::default()) {
            while reader.next(1).is_some() {}
        }
        let took = milliseconds(started.elapsed());
        if took > slowest.0 {
            let name = path.file_name().unwrap_or_default();
            slowest = (took, name.to_string_lossy().into_owned());
        }
    }
    Ok(slowest)
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn mib(bytes: u64) -> f64 {
    rounded(bytes as f64 / f64::from(1 << 20))
}
