//! What decoding a file may cost in time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// What any file may take.
const FREE: Duration = Duration::from_secs(30);

/// What each of its chunks adds to that, some twenty times what an honest one
/// takes. Answers a file of thousands of chunks that each take long.
const PER_CHUNK: Duration = Duration::from_millis(20);

/// What a single chunk may take.
const CHUNK: Duration = Duration::from_secs(5);

/// The time one file took so far, on all threads that decode it. Only a file
/// made for it comes near the limit: what is decoded of any other never depends
/// on how fast the node is.
#[derive(Debug, Default)]
pub(crate) struct Effort {
    micros: AtomicU64,
    chunks: AtomicU64,
}

/// The time a chunk takes.
pub(super) struct Turn<'e> {
    effort: &'e Effort,
    began: Instant,
}

impl Effort {
    /// Begins another chunk, unless the file took too long already.
    pub(super) fn turn(&self) -> Option<Turn<'_>> {
        let chunks = self.chunks.fetch_add(1, Ordering::Relaxed) + 1;
        let earned = PER_CHUNK.saturating_mul(u32::try_from(chunks).unwrap_or(u32::MAX));
        let spent = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        (spent < FREE + earned).then(|| Turn {
            effort: self,
            began: Instant::now(),
        })
    }
}

impl Turn<'_> {
    /// Whether this chunk took longer than one may.
    pub(super) fn is_over(&self) -> bool {
        self.began.elapsed() > CHUNK
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.effort.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_took_too_long_gets_no_more_turns() {
        let effort = Effort::default();
        assert!(effort.turn().is_some());
        let taken = FREE + PER_CHUNK * 3;
        effort
            .micros
            .store(taken.as_micros() as u64, Ordering::Relaxed);
        assert!(effort.turn().is_none());
        // Later chunks earn some again, and so some of it is read.
        assert!((0..3).any(|_| effort.turn().is_some()));
    }
}
