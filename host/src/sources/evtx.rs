//! Windows event log files: a header, then chunks of 64 KiB that stand on their
//! own. The `evtx` crate renders their records as JSON.
//!
//! A chunk is bounded input, but not bounded work: what its records contain is
//! looked at first (`layout`), how much they may render is limited here, and so
//! is the time that a chunk and a file may take (`effort`).

mod effort;
mod layout;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use evtx::{EvtxChunkData, ParserSettings, err::EvtxError};

pub(crate) use effort::Effort;
use layout::Refusal;

/// What stands before the first chunk.
pub(crate) const HEADER: usize = 4096;

/// A chunk. Reading them one by one bounds what a file can make us keep.
pub(crate) const CHUNK: usize = 64 * 1024;

/// What the records of a chunk may render to, in bytes. Records share
/// templates, so a chunk can stand for far more than its size; those that
/// Windows wrote render to a quarter of a MiB.
pub(crate) const RENDERED: usize = 64 * CHUNK;

/// How many records of a chunk may fail one after the other. A chunk that was
/// made to fail over and over ends here.
const MAX_FAILURES: usize = 256;

/// What a chunk yields.
pub(crate) enum Rendered<'a> {
    /// A record as JSON.
    Record(&'a [u8]),
    /// A record that failed.
    Failed(String),
}

/// Renders the records of chunks.
pub(crate) struct Chunks {
    settings: Arc<ParserSettings>,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self {
            settings: Arc::new(ParserSettings::new().indent(false)),
        }
    }

    /// Hands every record of a chunk to `take`, within what is left of the
    /// effort for its file.
    pub(crate) fn read(&self, chunk: &[u8], effort: &Effort, take: &mut dyn FnMut(Rendered<'_>)) {
        let Some(turn) = effort.turn() else {
            let reason = "the file took too long to decode; this chunk is passed over";
            return take(Rendered::Failed(reason.to_owned()));
        };
        // The crate has panicked on damaged files before. Nothing of ours is
        // left half done: what `take` was given, it was given whole.
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.render(chunk, &|| turn.is_over(), take)
        }));
        match result {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => take(Rendered::Failed(reason)),
            Err(_) => take(Rendered::Failed("the chunk cannot be parsed".to_owned())),
        }
    }

    /// The error is why it stopped before the end.
    fn render(
        &self,
        chunk: &[u8],
        is_over: &dyn Fn() -> bool,
        take: &mut dyn FnMut(Rendered<'_>),
    ) -> Result<(), String> {
        let mut chunk = chunk.to_vec();
        let refused = layout::tame(&mut chunk).map_err(|refusal| format!("chunk: {refusal}"))?;
        let mut data =
            EvtxChunkData::new(chunk, false).map_err(|error| format!("chunk: {error}"))?;
        let mut chunk = data
            .parse(Arc::clone(&self.settings))
            .map_err(|error| format!("chunk: {error}"))?;
        let mut failures = 0;
        let mut left = RENDERED;
        for record in chunk.iter() {
            match record.and_then(evtx::EvtxRecord::into_json_bytes) {
                Ok(record) => {
                    failures = 0;
                    left = left
                        .checked_sub(record.data.len())
                        .ok_or("its records are far longer than the chunk; it is given up")?;
                    take(Rendered::Record(&record.data));
                }
                Err(error) => {
                    failures += 1;
                    take(Rendered::Failed(reason(&error, &refused)));
                    if failures == MAX_FAILURES {
                        return Err("too many records failed; the chunk is given up".to_owned());
                    }
                }
            }
            if is_over() {
                return Err("the chunk took too long to decode; it is given up".to_owned());
            }
        }
        Ok(())
    }
}

/// Why a record failed; what was refused here, the crate could not know.
fn reason(error: &EvtxError, refused: &BTreeMap<u64, Refusal>) -> String {
    match error {
        EvtxError::FailedToParseRecord { record_id, .. } => match refused.get(record_id) {
            Some(refusal) => refusal.to_string(),
            None => error.to_string(),
        },
        _ => error.to_string(),
    }
}
