//! `sandtrap scan`: recorded telemetry in, findings out.

use std::{
    fs::File,
    io::{BufWriter, IsTerminal, Write},
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{Installed, colour_wanted, progress::Bar, width};
use crate::{
    analytic::Configured,
    baselines::{BaselineStore, StoredEntry},
    finding::Finding,
    pipeline::{self, Forgotten},
    scan::{Summary, scan},
    signatures::Catalogue,
    sinks::{
        Sink,
        ndjson::Ndjson,
        terminal::{self, Terminal},
    },
    sources::{self, find_inputs},
};

/// Scan recorded telemetry and report findings.
///
/// Reads EVTX, NDJSON, JSON and Windows event XML, plain or compressed with
/// gzip or zstd; the shape is recognised. All inputs together are put into the
/// order of their events first.
#[derive(Debug, Args)]
pub struct Scan {
    /// Files or folders; `-` is standard input.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    installed: Installed,
    /// How findings are written: for reading, one line each, or OCSF NDJSON.
    /// For reading on a terminal, OCSF elsewhere, unless given.
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// The same as `--format ocsf`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write findings to a file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Signatures of known files, NDJSON as `sandtrap signatures scan` makes.
    #[arg(long, value_name = "FILE")]
    signatures: Option<PathBuf>,
    /// Folder of the baselines: what was learned before is used, and what is
    /// learned now is kept. Without it every scan starts from nothing.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Write the records that could not be decoded, with the reason, as NDJSON.
    #[arg(long, value_name = "FILE")]
    undecodable: Option<PathBuf>,
    /// Read and count only, without any analytic; what decoding costs.
    #[arg(long, conflicts_with = "only")]
    no_analytics: bool,
    /// Threads that analyse, each with its own devices.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    shards: u16,
    /// Events in a batch.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch: u32,
    /// Memory for putting events into order, in MiB; beyond it they wait on
    /// disk.
    #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    memory: u32,
    /// Exit with 1 if there are findings.
    #[arg(long)]
    fail_on_findings: bool,
    /// No summary.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report for reading.
    Report,
    /// One line a finding.
    Brief,
    /// OCSF Detection Findings, one JSON object a line.
    Ocsf,
}

impl Scan {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let inputs = find_inputs(&self.paths)?;
        let (loaded, analytics, start_up) = if self.no_analytics {
            (None, Vec::new(), Duration::ZERO)
        } else {
            let loaded = self.installed.load()?;
            let analytics = loaded.configure(&loaded.config.site)?;
            let time = loaded.time;
            (Some(loaded), analytics, time)
        };
        let store = match &self.state {
            Some(folder) => Some(BaselineStore::open(folder)?),
            None => None,
        };
        let start = pipeline::Start {
            baselines: match &store {
                Some(store) => stored(store, &analytics)?,
                None => Vec::new(),
            },
            catalogue: match &self.signatures {
                Some(path) => Arc::new(Catalogue::load(path)?),
                None => Arc::default(),
            },
            ..pipeline::Start::default()
        };
        let mut sink = self.sink()?;
        let mut failed = None;
        let mut count = 0;
        let bar = Bar::new();
        let summary = scan(
            &inputs,
            &analytics,
            start,
            &sources::Options {
                memory: self.memory as usize * 1024 * 1024,
                ..sources::Options::default()
            },
            pipeline::Options {
                shards: self.shards as usize,
                batch: self.batch as usize,
                ..pipeline::Options::default()
            },
            &mut |progress| bar.show(progress),
            &mut |finding: Finding| {
                count += 1;
                match sink.write(&finding) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        )?;
        bar.clear();
        let written = match failed {
            Some(error) => Err(error),
            None => sink.finish(),
        };
        match written {
            // `sandtrap scan … | head` has seen enough.
            Err(error) if error.is_closed() => return Ok(ExitCode::SUCCESS),
            written => written.context("cannot write the findings")?,
        }
        if let Some(store) = &store {
            let learned = summary.learned.iter();
            store.flush(learned.map(|(id, entries)| (id.as_str(), entries.clone())))?;
        }
        if let Some(path) = &self.undecodable {
            write_undecodable(path, &summary)?;
        }
        if !self.quiet {
            report(&summary, start_up);
        }
        let is_complete = loaded.is_none_or(|loaded| loaded.is_complete());
        Ok(if !is_complete || !summary.faults.is_empty() {
            ExitCode::from(2)
        } else if self.fail_on_findings && count > 0 {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        })
    }

    fn sink(&self) -> anyhow::Result<Box<dyn Sink>> {
        let to_terminal = self.output.is_none() && std::io::stdout().is_terminal();
        let out: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(
                File::create(path).with_context(|| format!("cannot create {}", path.display()))?,
            ),
            None => Box::new(std::io::stdout()),
        };
        let out = BufWriter::new(out);
        let format = match self.format {
            Some(format) => format,
            None if self.json || !to_terminal => Format::Ocsf,
            None => Format::Report,
        };
        let layout = terminal::Layout {
            colour: to_terminal && colour_wanted(),
            // A line for a script stays whole.
            width: if to_terminal || format == Format::Report {
                width()
            } else {
                usize::MAX
            },
            brief: format == Format::Brief,
        };
        Ok(match format {
            Format::Ocsf => Box::new(Ndjson::new(out)),
            Format::Report | Format::Brief => Box::new(Terminal::new(out, layout)),
        })
    }
}

/// What the analytics learned before.
pub(super) fn stored(
    store: &BaselineStore,
    analytics: &[Arc<Configured>],
) -> anyhow::Result<Vec<(String, Vec<StoredEntry>)>> {
    let known = store.analytics()?;
    let mut all = Vec::new();
    for analytic in analytics {
        let id = analytic.prepared.id();
        let mut entries = Vec::new();
        if known.iter().any(|known| known == id) {
            store.load(id, |entry| entries.push(entry))?;
        }
        all.push((id.to_owned(), entries));
    }
    Ok(all)
}

fn write_undecodable(path: &PathBuf, summary: &Summary) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        for record in &summary.undecodable {
            let line = serde_json::json!({
                "input": summary.input(record),
                "record": record.origin.record,
                "error": record.reason,
                "event": record.excerpt,
            });
            writeln!(out, "{line}")?;
        }
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// What was read, what was not, and how long it took.
fn report(summary: &Summary, start_up: Duration) {
    let seconds = (summary.reading + summary.analysing).as_secs_f64();
    eprintln!(
        "{} events from {} {} in {seconds:.2} s ({:.0} events/s): reading {:.2} s, analysing {:.2} s; \
         loading the analytics took {:.2} s before that",
        summary.events,
        summary.inputs.len(),
        if summary.inputs.len() == 1 {
            "input"
        } else {
            "inputs"
        },
        summary.events as f64 / seconds.max(1e-9),
        summary.reading.as_secs_f64(),
        summary.analysing.as_secs_f64(),
        start_up.as_secs_f64(),
    );
    for input in &summary.inputs {
        if let Some(reason) = &input.skipped {
            eprintln!("skipped {}: {reason}", input.name);
        }
    }
    let undecodable = summary.undecodable_count();
    if undecodable > 0 {
        eprintln!("{undecodable} records could not be decoded (--undecodable FILE lists them):");
        for record in summary.undecodable.iter().take(3) {
            eprintln!(
                "  {} record {}: {}",
                summary.input(record),
                record.origin.record,
                record.reason
            );
        }
    }
    if !summary.faults.is_empty() {
        eprintln!("{} events could not be handled:", summary.counts.faults);
        for fault in summary.faults.iter().take(3) {
            eprintln!(
                "  {} on {}: {} (blame: {})",
                fault.analytic,
                fault.device,
                fault.error,
                fault.error.blame().name()
            );
        }
    }
    if summary.counts.unseen > 0 {
        eprintln!(
            "{} events were not shown to an analytic that failed on every call before",
            summary.counts.unseen
        );
    }
    if summary.counts.unknown_evidence > 0 {
        eprintln!(
            "{} events that analytics cited were not theirs to cite",
            summary.counts.unknown_evidence
        );
    }
    let forgotten = summary.forgotten;
    if forgotten != Forgotten::default() {
        eprintln!(
            "to keep memory bounded {} processes, {} devices and {} signatures were forgotten; \
             findings about them may be weaker",
            forgotten.processes, forgotten.devices, forgotten.signatures
        );
    }
}
