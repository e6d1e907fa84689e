//! The dispatch and the sinks as they were when the daemon stopped.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;

use super::DaemonError;
use crate::{
    config::Config,
    daemon::{
        board::SharedBoard,
        decode::Decode,
        dispatch::{Dispatch, Sample},
        ledger::{Group, Note},
        now_in_milliseconds,
        seen::{Inputs, SeenFindings, SeenRecords},
        store::{StateError, Store},
    },
    metrics::Metrics,
    normalise::ScriptBlocks,
    outlet::{self, Backoff, Outlet, Setup as OutletSetup},
    pipeline::{self, Part, Pipeline, Plan, ShardLost, Start},
    shard::Patience,
    signatures::Catalogue,
};

/// Builds the dispatch from what is stored.
pub(super) fn restore(
    config: &Config,
    store: &Store,
    metrics: &Metrics,
    board: &SharedBoard,
    sample: &Sample,
    ledger: mpsc::Sender<Group>,
) -> Result<Dispatch, DaemonError> {
    let plan = Plan::default();
    let catalogue = match &config.daemon.signatures {
        Some(path) => Arc::new(Catalogue::load(path)?),
        None => Arc::default(),
    };
    let start = Start {
        catalogue,
        signature_key: Some(store.secret("signatures")?),
        ..Start::default()
    };
    let batch = config.daemon.batch.max(1) as usize;
    let options = pipeline::Options {
        shards: usize::from(config.daemon.shards.max(1)),
        batch,
        patience: Patience::Live,
    };
    let mut pipeline = Pipeline::new(&plan, &start, options);
    pipeline.keep_changes()?;
    for part in [Part::Lineage, Part::Signatures] {
        store.part(part, |entries| match pipeline.restore_part(part, entries) {
            Ok(restored) => Ok(restored?),
            Err(ShardLost) => Ok(()),
        })?;
    }
    pipeline.end_restore()?.map_err(StateError::from)?;
    let capacity = pipeline.lineage_capacity();
    metrics.lineage_capacity_bytes.set(capacity as i64);
    let remembered = config.daemon.remembered_records as usize;
    let mut records = SeenRecords::new(store.secret("records")?, remembered);
    records.restore(store.fingerprints()?);
    let mut findings = SeenFindings::default();
    for uid in store.uids()? {
        findings.insert(&uid);
    }
    Ok(Dispatch {
        pipeline,
        decode: Decode::new(plan.router(), now_in_milliseconds),
        plan,
        scripts: ScriptBlocks::default(),
        stored_scripts: Some(store.scripts()?),
        records,
        findings,
        inputs: Inputs::default(),
        meta: store.meta()?,
        batch,
        sample: Arc::clone(sample),
        metrics: metrics.clone(),
        board: Arc::clone(board),
        ledger,
        counted: BTreeMap::new(),
    })
}

/// Opens the configured sinks, each with the findings it had not confirmed.
pub(super) fn outlets(
    config: &Config,
    store: &Store,
    latest: u64,
    notes: &mpsc::UnboundedSender<Note>,
    metrics: &Metrics,
    board: &SharedBoard,
) -> Result<(Vec<Outlet>, BTreeMap<String, u64>), DaemonError> {
    let configured = outlet::configured(&config.sinks)?;
    let names: Vec<String> = configured.iter().map(|one| one.name.clone()).collect();
    store.keep_sinks(&names)?;
    let mut confirmed = store.confirmed()?;
    let mut outlets = Vec::new();
    for one in configured {
        // A new sink gets what is found from now on.
        let number = *confirmed.entry(one.name.clone()).or_insert(latest);
        let setup = OutletSetup {
            name: Arc::from(one.name.as_str()),
            on_full: one.on_full,
            backlog: store.findings(number, usize::MAX)?,
            backoff: Backoff::default(),
            metrics: metrics.clone(),
            board: Arc::clone(board),
        };
        let notes = notes.clone();
        let outlet = Outlet::start(setup, one.destination, move |settled| {
            // Without a ledger the daemon has ended.
            let _ = notes.send(Note::Settled(settled));
        });
        outlets.push(outlet.map_err(|source| DaemonError::Start {
            what: format!("the sink {}", one.name),
            source,
        })?);
    }
    Ok((outlets, confirmed))
}
