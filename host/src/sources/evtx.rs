//! Windows event log files: a header, then chunks of 64 KiB that stand on their
//! own. The `evtx` crate renders their records as JSON.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use evtx::{EvtxChunkData, ParserSettings};

/// What stands before the first chunk.
pub(crate) const HEADER: usize = 4096;

/// A chunk. Reading them one by one bounds what a file can make us keep.
pub(crate) const CHUNK: usize = 64 * 1024;

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

    /// Hands every record of a chunk to `take`.
    pub(crate) fn read(&self, chunk: &[u8], take: &mut dyn FnMut(Rendered<'_>)) {
        // The crate has panicked on damaged files before. Nothing of ours is
        // left half done: what `take` was given, it was given whole.
        let result = catch_unwind(AssertUnwindSafe(|| self.render(chunk, take)));
        match result {
            Ok(None) => {}
            Ok(Some(reason)) => take(Rendered::Failed(reason)),
            Err(_) => take(Rendered::Failed("the chunk cannot be parsed".to_owned())),
        }
    }

    /// Returns why it stopped before the end.
    fn render(&self, chunk: &[u8], take: &mut dyn FnMut(Rendered<'_>)) -> Option<String> {
        let mut data = match EvtxChunkData::new(chunk.to_vec(), false) {
            Ok(data) => data,
            Err(error) => return Some(format!("chunk: {error}")),
        };
        let mut chunk = match data.parse(Arc::clone(&self.settings)) {
            Ok(chunk) => chunk,
            Err(error) => return Some(format!("chunk: {error}")),
        };
        let mut failures = 0;
        for record in chunk.iter() {
            match record.and_then(evtx::EvtxRecord::into_json_bytes) {
                Ok(record) => {
                    failures = 0;
                    take(Rendered::Record(&record.data));
                }
                Err(error) => {
                    failures += 1;
                    take(Rendered::Failed(error.to_string()));
                    if failures == MAX_FAILURES {
                        return Some("too many records failed; the chunk is given up".to_owned());
                    }
                }
            }
        }
        None
    }
}
