//! A shard: some devices, all that is known of them, and an instance of every
//! analytic. A batch enters, findings and faults come out, and nothing of a
//! call that failed remains.

mod runner;
mod standing;
mod usage;

use std::sync::Arc;

pub use runner::Runner;
pub use standing::{Cause, Patience, Quarantine};
pub use usage::Usage;

use crate::{
    error::CallError,
    event::Event,
    evidence::EvidenceDesk,
    finding::Finding,
    issue::Issued,
    scene::{Memory, World},
};

/// What the host keeps for an analytic on a shard, whichever version runs.
pub struct Kept {
    /// Its marks and baselines.
    pub memory: Memory,
    /// The chains it reported.
    pub issued: Issued,
}

/// An event that an analytic could not handle, alone in its batch.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The analytic's identifier.
    pub analytic: Arc<str>,
    /// The event's place in the run.
    pub sequence: u64,
    /// When it happened.
    pub time: i64,
    /// Its device.
    pub device: Arc<str>,
    /// What happened.
    pub error: CallError,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the analytics found, by event and analytic.
    pub findings: Vec<Finding>,
    /// What they could not handle.
    pub faults: Vec<Fault>,
    /// Rows handed to analytics.
    pub rows: u64,
    /// Calls of `inspect`.
    pub calls: u64,
    /// Events that were not shown to an analytic because it was stopped.
    pub unseen: u64,
    /// Cited events that were neither of the batch nor held by a mark.
    pub unknown_evidence: u64,
}

/// A shard.
pub struct Shard {
    world: Option<World>,
    runners: Vec<Runner>,
    rows: Vec<Vec<u32>>,
}

impl Shard {
    /// A shard with its runners.
    pub fn new(world: World, runners: Vec<Runner>) -> Self {
        Self {
            world: Some(world),
            runners,
            rows: Vec::new(),
        }
    }

    /// The analytics.
    pub fn runners(&mut self) -> &mut Vec<Runner> {
        &mut self.runners
    }

    /// What the shard knows, outside a call, to be changed.
    pub fn world_mut(&mut self) -> Option<&mut World> {
        self.world.as_mut()
    }

    /// What the shard knows, outside a call.
    pub fn world(&self) -> Option<&World> {
        self.world.as_ref()
    }

    /// Takes a batch in, ascending by sequence, and has every analytic look at
    /// what it subscribed to. `inputs` are the names of the inputs that events
    /// refer to.
    pub fn process(&mut self, mut events: Vec<Event>, inputs: &Arc<Vec<Arc<str>>>) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(mut world) = self.world.take() else {
            return outcome;
        };
        for rows in &mut self.rows {
            rows.clear();
        }
        for (position, event) in events.iter_mut().enumerate() {
            world.lineage.take_in(event);
            world.signatures.take_in(event);
            for subscription in &event.matches {
                let subscription = *subscription as usize;
                if self.rows.len() <= subscription {
                    self.rows.resize_with(subscription + 1, Vec::new);
                }
                if let Some(rows) = self.rows.get_mut(subscription) {
                    rows.push(position as u32);
                }
            }
        }
        let events = Arc::new(events);
        let mut desk = EvidenceDesk::new(Arc::clone(&events), Arc::clone(inputs));
        for runner in &mut self.runners {
            (world, desk) = runner.inspect(&self.rows, &events, (world, desk), &mut outcome);
        }
        world.lineage.end_batch();
        world.signatures.end_batch();
        self.world = Some(world);
        outcome
    }
}
