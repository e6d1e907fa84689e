//! `sandtrap baseline`: learning from history, and looking at what was learned.

use std::{
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};

use super::{
    Installed,
    output::{Output, table},
    progress::Bar,
    scan::stored,
};
use crate::{
    baselines::BaselineStore,
    pipeline,
    scan::scan,
    sources::{self, find_inputs},
};

/// Learn what is usual from history, and look at what was learned.
#[derive(Debug, Args)]
pub struct Baseline {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Let the analytics learn from recorded telemetry; findings are not
    /// reported.
    Learn(Learn),
    /// List the baselines of every analytic.
    List(List),
    /// Write all keys of an analytic's baselines as NDJSON.
    Export(Export),
}

#[derive(Debug, Args)]
struct Learn {
    /// Files or folders; `-` is standard input.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Folder of the baselines.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[command(flatten)]
    installed: Installed,
}

#[derive(Debug, Args)]
struct List {
    /// Folder of the baselines.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Export {
    /// The analytic, such as AN1252.
    analytic: String,
    /// Folder of the baselines.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
}

impl Baseline {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Learn(learn) => learn.run()?,
            Verb::List(list) => list.run()?,
            Verb::Export(export) => export.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Learn {
    fn run(self) -> anyhow::Result<()> {
        let inputs = find_inputs(&self.paths)?;
        let loaded = self.installed.load()?;
        let analytics = loaded.configure(&loaded.config.site)?;
        let store = BaselineStore::open(&self.state)?;
        let start = pipeline::Start {
            baselines: stored(&store, &analytics)?,
            ..pipeline::Start::default()
        };
        let bar = Bar::new();
        let summary = scan(
            &inputs,
            &analytics,
            start,
            &sources::Options::default(),
            pipeline::Options::default(),
            &mut |progress| bar.show(progress),
            &mut |_| ControlFlow::Continue(()),
        )?;
        bar.clear();
        let keys: usize = summary
            .learned
            .iter()
            .map(|(_, entries)| entries.len())
            .sum();
        let learned = summary.learned.iter();
        store.flush(learned.map(|(id, entries)| (id.as_str(), entries.clone())))?;
        eprintln!(
            "{} events, {keys} keys learned or seen again",
            summary.events
        );
        Ok(())
    }
}

/// The baselines of a folder that has some: looking must not make any.
fn existing(folder: &Path) -> anyhow::Result<BaselineStore> {
    if !folder.is_dir() {
        anyhow::bail!(
            "no baselines in {}; `sandtrap baseline learn` makes them",
            folder.display()
        );
    }
    Ok(BaselineStore::open(folder)?)
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let summaries = existing(&self.state)?.summary()?;
        if self.output.is_json() {
            for summary in &summaries {
                println!("{}", serde_json::to_string(summary)?);
            }
            return Ok(());
        }
        let mut table = table(&["ANALYTIC", "BASELINE", "KEYS", "DEVICES"], 2..4);
        for summary in summaries {
            table.add_row([
                summary.analytic,
                summary.baseline,
                summary.keys.to_string(),
                summary.devices.to_string(),
            ]);
        }
        println!("{table}");
        Ok(())
    }
}

impl Export {
    fn run(self) -> anyhow::Result<()> {
        let store = existing(&self.state)?;
        if !store.analytics()?.contains(&self.analytic) {
            anyhow::bail!(
                "no baselines of `{}` in {}; `sandtrap baseline list` shows what there is",
                self.analytic,
                self.state.display()
            );
        }
        let mut out = std::io::BufWriter::new(std::io::stdout());
        store.export(&self.analytic, &mut out)?;
        out.flush()?;
        Ok(())
    }
}
