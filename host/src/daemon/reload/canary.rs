//! Tries an analytic on a few events before it sees real ones: some that every
//! installation has, and what came in last.

use std::sync::{Arc, PoisonError};

use crate::{
    analytic::Configured,
    daemon::{decode::Decode, dispatch::Sample, seen::SeenRecords},
    error::{CallError, LoadError},
    event::Event,
    ingest::{Delivery, Records},
    normalise::ScriptBlocks,
    pipeline::{Options, Pipeline, Plan, Start},
    shard::Patience,
    sources::Encoding,
};

/// Everyday events, one of each common class. None is worth a finding.
const EVERYDAY: &str = include_str!("canary.ndjson");

/// Runs an analytic over the sample with nothing remembered. Nothing of it
/// remains.
pub fn try_out(configured: &Arc<Configured>, sample: &Sample) -> Result<(), Refusal> {
    let plan = Plan::new(vec![Arc::clone(configured)])
        .map_err(|(_, error)| Refusal::Load(Box::new(error)))?;
    let mut events = Vec::new();
    for records in sampled(sample) {
        let delivery = Delivery {
            source: Arc::from("canary"),
            input: Arc::from("canary"),
            records,
            first_record: 0,
            checkpoint: None,
            may_come_again: false,
        };
        let mut decode = Decode::new(plan.router(), || i64::MAX);
        let mut seen = SeenRecords::unkeyed();
        let mut scripts = ScriptBlocks::default();
        decode.take(
            &delivery,
            0,
            plan.router(),
            &mut seen,
            &mut scripts,
            &mut events,
        );
    }
    for (sequence, event) in (1..).zip(&mut events) {
        event.sequence = sequence;
    }
    judge(&plan, events)
}

/// The first event alone that the analytic cannot handle is one too many.
fn judge(plan: &Plan, events: Vec<Event>) -> Result<(), Refusal> {
    let options = Options {
        shards: 1,
        batch: 1,
        patience: Patience::Trial,
    };
    let mut pipeline = Pipeline::new(plan, &Start::default(), options);
    let inputs = Arc::new(vec![Arc::from("canary")]);
    let mut fault = None;
    for event in events {
        pipeline
            .process(vec![event], &inputs, &mut |outcome| {
                fault = fault.take().or(outcome.faults.into_iter().next());
            })
            .map_err(|_| Refusal::Lost)?;
        if let Some(fault) = fault {
            return Err(Refusal::Canary(fault.error));
        }
    }
    Ok(())
}

/// The everyday events and the latest ones, each with others of its encoding.
fn sampled(sample: &Sample) -> Vec<Records> {
    let mut json = Records::new(Encoding::Json);
    let mut xml = Records::new(Encoding::Xml);
    for line in EVERYDAY.lines() {
        json.push(line.as_bytes());
    }
    let sample = sample.lock().unwrap_or_else(PoisonError::into_inner);
    for (encoding, record) in sample.iter() {
        match encoding {
            Encoding::Json => json.push(record),
            Encoding::Xml => xml.push(record),
        }
    }
    vec![json, xml]
}

/// Why a component is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not load or refuses its settings.
    #[error(transparent)]
    Load(Box<LoadError>),
    /// It failed on a harmless event.
    #[error("failed on the events it was tried on: {0}")]
    Canary(CallError),
    /// Another file has an analytic of the same name.
    #[error("{id} is already loaded from {first}")]
    Duplicate {
        /// The identifier.
        id: String,
        /// The other file.
        first: String,
    },
    /// A newer version has run before.
    #[error(
        "version {version} is older than {highest}, which has run here; \
         write allow_downgrade = true under [analytics.{id}] to permit it"
    )]
    Downgrade {
        /// The analytic.
        id: String,
        /// Its version.
        version: String,
        /// The highest version that has run.
        highest: String,
    },
    /// Who vouches for it had to be looked up again, and the file has changed.
    #[error("the file was replaced while the trusted keys changed")]
    Replaced,
    /// What has run before cannot be looked up.
    #[error("{0}")]
    State(String),
    /// The host failed.
    #[error("the trial ended unexpectedly; please report this")]
    Lost,
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self::Load(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{router::Router, vocabulary::classes};

    #[test]
    fn everyday_events_are_of_many_classes() {
        let mut scripts = ScriptBlocks::default();
        let router = Router::default();
        let mut normaliser = crate::normalise::Normaliser::new(&router);
        let mut known = Vec::new();
        for line in EVERYDAY.lines() {
            let normalised = normaliser
                .record(line.as_bytes(), Encoding::Json, "canary", &router)
                .unwrap();
            assert!(normalised.time.is_some(), "{line}");
            if let crate::normalise::Kept::Event(event) = normalised.kept {
                known.push(event.class);
                assert_ne!(event.class, classes::OTHER, "{line}");
            }
        }
        scripts.finish_all(&mut Vec::new());
        assert!(known.contains(&classes::PROCESS_LAUNCH));
    }
}
