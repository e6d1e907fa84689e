//! A scan: recorded inputs in, findings out. What the commands, the backtest
//! and the tests share.

use std::{
    cell::Cell,
    collections::HashSet,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    analytic::Configured,
    baselines::StoredEntry,
    error::LoadError,
    finding::Finding,
    pipeline::{Counts, Forgotten, Options, Pipeline, Plan, ShardLost, Start},
    shard::Fault,
    sources::{self, Input, InputSummary, ReadError, Recording, Undecodable},
};

/// What came of a scan, beyond its findings.
#[derive(Debug, Default)]
pub struct Summary {
    /// Every input and what was in it.
    pub inputs: Vec<InputSummary>,
    /// The records that could not be decoded, up to a bound.
    pub undecodable: Vec<Undecodable>,
    /// Records decoded, whether or not any analytic wanted them.
    pub events: u64,
    /// What the pipeline did.
    pub counts: Counts,
    /// Events an analytic could not handle, the first of them; the counts have
    /// them all.
    pub faults: Vec<Fault>,
    /// What was forgotten to keep memory bounded.
    pub forgotten: Forgotten,
    /// What each analytic's baselines learned.
    pub learned: Vec<(String, Vec<StoredEntry>)>,
    /// Time spent reading, decoding and sorting.
    pub reading: Duration,
    /// Time spent analysing.
    pub analysing: Duration,
}

impl Summary {
    /// The name of the input that a record was read from.
    pub fn input(&self, record: &Undecodable) -> &str {
        self.inputs
            .get(record.origin.input as usize)
            .map_or("", |input| &input.name)
    }

    /// Records that could not be decoded, all of them.
    pub fn undecodable_count(&self) -> u64 {
        self.inputs.iter().map(|input| input.undecodable).sum()
    }
}

/// Why a scan stopped.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// An input cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An analytic subscribes to what does not exist.
    #[error("{id} cannot run")]
    Plan {
        /// The analytic.
        id: String,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// The host failed.
    #[error(transparent)]
    Shard(#[from] ShardLost),
}

/// Where a scan is, for a progress bar.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// Bytes read, of how many if that is known.
    Reading(u64, Option<u64>),
    /// Events analysed, of how many.
    Analysing(u64, u64),
}

/// How many faults are kept.
const FAULTS: usize = 1_000;

/// How many uids are remembered to issue a finding once.
const REMEMBERED: usize = 1_000_000;

/// Scans inputs from a clean start. Findings come in event order, each once;
/// whoever takes them may have enough.
pub fn scan(
    inputs: &[Input],
    analytics: &[Arc<Configured>],
    mut start: Start,
    reading: &sources::Options,
    options: Options,
    progress: &mut dyn FnMut(Progress),
    found: &mut dyn FnMut(Finding) -> ControlFlow<()>,
) -> Result<Summary, ScanError> {
    let plan = Plan::new(analytics.to_vec()).map_err(|(position, source)| ScanError::Plan {
        id: analytics
            .get(position)
            .map(|analytic| analytic.prepared.id().to_owned())
            .unwrap_or_default(),
        source,
    })?;
    let started = Instant::now();
    let mut recording = Recording::read(inputs, plan.router(), reading, &mut |done, total| {
        progress(Progress::Reading(done, total));
    })?;
    let mut summary = Summary {
        reading: started.elapsed(),
        ..Summary::default()
    };
    let started = Instant::now();
    let inputs: Vec<Arc<str>> = recording
        .inputs()
        .iter()
        .map(|input| Arc::from(input.name.as_str()))
        .collect();
    let inputs = Arc::new(inputs);
    let batch = options.batch.max(1);
    let mut pipeline = Pipeline::new(&plan, &start, options);
    for (analytic, entries) in std::mem::take(&mut start.baselines) {
        pipeline.restore(&analytic, entries)?;
    }
    let mut issued = HashSet::new();
    let mut faults = Vec::new();
    let has_enough = Cell::new(false);
    let mut out = |outcome: crate::shard::Outcome| {
        let room = FAULTS.saturating_sub(faults.len());
        faults.extend(outcome.faults.into_iter().take(room));
        for finding in outcome.findings {
            let is_new = issued.len() >= REMEMBERED || issued.insert(finding.uid.clone());
            if is_new && !has_enough.get() {
                has_enough.set(found(finding).is_break());
            }
        }
    };
    let retained = recording.inputs().iter().map(|input| input.retained).sum();
    loop {
        let events = recording.next_batch(batch)?;
        if events.is_empty() || has_enough.get() {
            break;
        }
        pipeline.process(events, &inputs, &mut out)?;
        progress(Progress::Analysing(pipeline.counts().events, retained));
    }
    pipeline.finish(&mut out)?;
    summary.learned = pipeline.learned()?;
    summary.forgotten = pipeline.forgotten()?;
    summary.analysing = started.elapsed();
    summary.faults = faults;
    summary.counts = pipeline.counts().clone();
    summary.events = recording.events();
    summary.inputs = recording.inputs().to_vec();
    summary.undecodable = recording.undecodable().to_vec();
    Ok(summary)
}
