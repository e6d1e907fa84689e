//! What imports may reach while a batch is inspected.

use std::sync::Arc;

use crate::{
    baselines::Baselines,
    budget::Budget,
    event::Event,
    evidence::EvidenceDesk,
    finding::Evidence,
    lineage::{AsOf, Lineage},
    marks::{Marks, NoLooks},
    signatures::Signatures,
};

/// Why an answer is not given.
pub const ANSWERS_EXCEEDED: &str = "asked for longer answers than it may have in one call";

/// Why an event is not found for a citation.
pub const LOOKS_EXCEEDED: &str =
    "cited events that more marks hold than may be looked at in one call";

/// What a shard knows of its devices.
pub struct World {
    /// Processes.
    pub lineage: Lineage,
    /// Signatures.
    pub signatures: Signatures,
}

/// What the host keeps for one analytic on one shard.
pub struct Memory {
    /// Its marks.
    pub marks: Marks,
    /// Its baselines.
    pub baselines: Baselines,
}

impl Memory {
    /// Makes what was written since the last commit last. The bytes that are to
    /// be stored for it and were not before.
    pub fn commit(&mut self) -> usize {
        self.marks.commit() + self.baselines.commit()
    }

    /// Bounds what it may hold from now on.
    pub fn limit(&mut self, budget: &Budget) {
        self.marks.limit(budget.mark_limits());
        self.baselines.limit(budget.baseline_limits());
    }

    /// Forgets what was written since the last commit.
    pub fn roll_back(&mut self) {
        self.marks.roll_back();
        self.baselines.roll_back();
    }
}

/// All that imports may reach while a batch is inspected. It moves into the
/// store for the call and out again after it, so no lock is needed.
pub struct Scene {
    /// The shard's knowledge.
    pub world: World,
    /// The analytic's memory.
    pub memory: Memory,
    /// The events of the batch.
    pub desk: EvidenceDesk,
    /// What answers may still take.
    pub answers: Allowance,
    /// How many marks may still be looked at for the events that are cited.
    /// Answers the event that a hundred thousand marks hold.
    pub looks: u64,
    /// How many lines it may still log.
    pub log_lines: u32,
    /// The events that the call shows to the analytic, ascending. The batch has
    /// others, of classes and devices that are none of its business.
    pub shown: Vec<u64>,
}

impl Scene {
    /// An event that the call shows to the analytic.
    pub fn event(&self, sequence: u64) -> Option<&Event> {
        self.shown.binary_search(&sequence).ok()?;
        self.desk.event(sequence)
    }

    /// Its point of view.
    pub fn as_of(&self, sequence: u64) -> Option<AsOf> {
        self.event(sequence).map(|event| AsOf {
            sequence,
            time: event.time,
            device: Arc::clone(&event.device),
        })
    }

    /// The evidence behind an event, as of another: the event at hand itself,
    /// or one that a mark holds. Any other event of the batch is out of reach,
    /// because it would not be in a smaller batch.
    pub fn cite(&mut self, as_of: &AsOf, event: u64) -> Result<Option<Arc<Evidence>>, NoLooks> {
        if event == as_of.sequence {
            Ok(self.desk.evidence(event))
        } else {
            let marks = &self.memory.marks;
            marks.evidence(as_of, event, &mut self.looks)
        }
    }
}

/// How many bytes the answers of imports may still take in this call. Answers
/// the question for a million long command lines: wasmtime bounds only what a
/// guest passes to the host, not what it is told.
#[derive(Debug, Default)]
pub struct Allowance {
    left: usize,
    is_exceeded: bool,
}

impl Allowance {
    /// An allowance of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self {
            left: bytes,
            is_exceeded: false,
        }
    }

    /// Whether an answer was longer than what was left.
    pub fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Takes so many bytes for an answer; an error traps the guest.
    pub fn take(&mut self, bytes: usize) -> wasmtime::Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.is_exceeded = true;
                Err(wasmtime::Error::msg(ANSWERS_EXCEEDED))
            }
        }
    }
}
