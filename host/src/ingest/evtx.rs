//! A folder that EVTX files are dropped into.
//!
//! A file is read once it stays as it is. One that changes later is read again
//! from its start; the records that were seen are recognised then.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    feed::{Feed, Running},
    files::{Limits, Pattern, problems_of, whole::Wholes},
    reading::{self, Reading, Turn},
};

/// Reads the event logs of a folder, from where the stored checkpoints say;
/// those of others are left alone. Must be called within a runtime.
pub fn start(
    folder: &Path,
    checkpoints: &BTreeMap<String, Vec<u8>>,
    feed: Feed,
) -> io::Result<Running> {
    reading::start(Drops::new(folder, checkpoints, Limits::default()), feed)
}

struct Drops {
    pattern: Pattern,
    wholes: Wholes,
    /// Why the folder cannot be looked at.
    problem: Option<String>,
}

impl Drops {
    fn new(folder: &Path, checkpoints: &BTreeMap<String, Vec<u8>>, limits: Limits) -> Self {
        let pattern = Pattern::evtx(folder);
        let mut wholes = Wholes::new("evtx", true, limits);
        let stored = checkpoints.iter();
        for (key, value) in stored.filter(|(key, _)| key.starts_with("evtx:")) {
            if !wholes.restore(key, value, |path| pattern.is_match(path)) {
                tracing::warn!("what is stored as {key} cannot be read; its file is read anew");
            }
        }
        Self {
            pattern,
            wholes,
            problem: None,
        }
    }
}

impl Reading for Drops {
    fn folder(&self) -> PathBuf {
        self.pattern.folder().to_owned()
    }

    fn scan(&mut self, now: Instant) {
        self.problem = None;
        match self.pattern.list() {
            Ok(entries) => {
                let files: Vec<_> = entries.iter().filter(|entry| entry.is_match).collect();
                self.wholes.scan(&files, now);
            }
            Err(error) => {
                let folder = self.pattern.folder().display();
                self.problem = Some(format!("{folder} cannot be read: {error}"));
            }
        }
    }

    fn ready(&mut self, now: Instant) -> Option<usize> {
        self.wholes.ready(now)
    }

    fn take(&mut self, _: Instant) -> Option<Turn> {
        self.wholes.take()
    }

    fn pass_over(&mut self, _: Instant) -> u64 {
        self.wholes.pass_over()
    }

    fn status(&self) -> (String, Option<String>) {
        let (files, waiting) = self.wholes.counts();
        let mut state = format!("{files} read");
        if waiting > 0 {
            state += &format!(", {waiting} waiting");
        }
        let problems = self.problem.as_deref().into_iter();
        (state, problems_of(problems.chain(self.wholes.problems())))
    }
}

#[cfg(test)]
mod tests;
