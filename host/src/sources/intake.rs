//! Decodes and normalises blocks: all that can be done with a block without
//! knowing the blocks before it, and so on any thread.

use std::sync::Arc;

use super::{
    blocks::{Block, Fault, Piece},
    decoder::excerpt,
    evtx::{Chunks, Effort, Rendered},
    shape::{Encoding, Shape},
    undecodable::{EXCERPT, Undecodable},
};
use crate::{
    event::{Event, Origin},
    normalise::{Kept, Normaliser, ScriptPart, UNTIMED},
    router::Router,
};

/// How many undecodable records of one block are kept with their beginning.
const MAX_KEPT: usize = 1000;

/// Decodes blocks.
pub(super) struct Intake {
    normaliser: Normaliser,
    chunks: Chunks,
}

/// A block and where it comes from.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) block: Block,
    pub(super) input: u32,
    pub(super) file_name: Arc<str>,
    pub(super) shape: Shape,
    /// What decoding its input takes.
    pub(super) effort: Arc<Effort>,
}

/// What a block yields. Records are counted from the block's first one.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) input: u32,
    pub(super) events: Vec<Event>,
    pub(super) parts: Vec<ScriptPart>,
    pub(super) undecodable: Vec<Undecodable>,
    /// All records, those that could not be decoded among them.
    pub(super) records: u32,
    pub(super) failures: u64,
    pub(super) untimed: u64,
    /// The time of the last record that had one.
    pub(super) last_time: Option<i64>,
}

impl Intake {
    pub(super) fn new(router: &Router) -> Self {
        Self {
            normaliser: Normaliser::new(router),
            chunks: Chunks::new(),
        }
    }

    /// Decodes a block.
    pub(super) fn take(&mut self, job: &Job, router: &Router) -> Taken {
        let mut taken = Taken {
            input: job.input,
            ..Taken::default()
        };
        let Self { normaliser, chunks } = self;
        let encoding = job.shape.encoding();
        for piece in &job.block.pieces {
            let bytes = job.block.bytes(piece);
            if let Piece {
                fault: Some(fault), ..
            } = piece
            {
                taken.fail(describe(fault), bytes);
            } else if job.shape == Shape::Evtx {
                chunks.read(bytes, &job.effort, &mut |rendered| match rendered {
                    Rendered::Record(record) => {
                        taken.records(normaliser, record, encoding, &job.file_name, router);
                    }
                    Rendered::Failed(reason) => taken.fail(reason, &[]),
                });
            } else {
                taken.records(normaliser, bytes, encoding, &job.file_name, router);
            }
        }
        taken
    }
}

impl Taken {
    /// Takes what is meant to be one record. Should several stand side by side,
    /// all are taken.
    fn records(
        &mut self,
        normaliser: &mut Normaliser,
        bytes: &[u8],
        encoding: Encoding,
        file_name: &str,
        router: &Router,
    ) {
        let mut rest = bytes;
        loop {
            let kept = match normaliser.first_record(rest, encoding, file_name, router) {
                Ok((normalised, after)) => {
                    rest = after;
                    match normalised.time {
                        Some(time) => self.last_time = Some(time),
                        None => self.untimed += 1,
                    }
                    normalised.kept
                }
                Err(malformed) => return self.fail(malformed.to_string(), rest),
            };
            match kept {
                Kept::Nothing => {}
                Kept::Event(mut event) => {
                    self.place(&mut event);
                    self.events.push(event);
                }
                Kept::Part(mut part) => {
                    self.place(&mut part.event);
                    self.parts.push(part);
                }
            }
            self.records = self.records.saturating_add(1);
            if rest.is_empty() {
                return;
            }
        }
    }

    fn place(&self, event: &mut Event) {
        event.origin.record = self.records;
        if event.time == UNTIMED
            && let Some(time) = self.last_time
        {
            event.time = time;
        }
    }

    fn fail(&mut self, reason: String, bytes: &[u8]) {
        if self.undecodable.len() < MAX_KEPT {
            self.undecodable.push(Undecodable {
                origin: Origin {
                    input: self.input,
                    record: self.records,
                },
                reason,
                excerpt: excerpt(bytes, EXCERPT),
            });
        }
        self.failures += 1;
        self.records = self.records.saturating_add(1);
    }
}

fn describe(fault: &Fault) -> String {
    match fault {
        Fault::Malformed(malformed) => malformed.to_string(),
        Fault::Input(reason) => reason.clone(),
    }
}
