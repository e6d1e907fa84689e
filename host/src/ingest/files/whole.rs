//! Files that are read once, from end to end: compressed ones and event logs.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Limits,
    pattern::Entry,
    position::{Fingerprint, HEAD, Kind, Progress, Stamp, load, read_at, store},
};
use crate::{
    ingest::{Checkpoint, RecordReader, Records, reading::Turn},
    sources::Options,
};

/// How long a file must stay as it is before it counts as written to its end.
const SETTLED: Duration = Duration::from_secs(1);

/// After how long a file that could not be opened is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// How the files of Windows event logs begin.
const EVTX_MAGIC: &[u8] = b"ElfFile\0";

/// Files that are read as a whole, one after the other.
pub(in crate::ingest) struct Wholes {
    /// What the keys of checkpoints begin with.
    kind: &'static str,
    is_evtx: bool,
    limits: Limits,
    /// By what they are, as names change.
    done: BTreeMap<Stamp, Done>,
    seen: BTreeMap<PathBuf, Seen>,
    queue: VecDeque<PathBuf>,
    current: Option<Current>,
    removed: VecDeque<String>,
}

struct Done {
    key: String,
    progress: Progress,
    missing_since: Option<Instant>,
}

/// A file in the folder.
struct Seen {
    size: u64,
    modified: i64,
    /// Since when it is like that.
    since: Instant,
    state: State,
    stamp: Option<Stamp>,
    problem: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Settling,
    Queued,
    Handled,
    Failed(Instant),
}

struct Current {
    path: PathBuf,
    stamp: Stamp,
    reader: Box<RecordReader>,
    /// Records that were handed over in an earlier run.
    skip: u64,
    at: u64,
    faults: u64,
}

impl Wholes {
    pub(in crate::ingest) fn new(kind: &'static str, is_evtx: bool, limits: Limits) -> Self {
        Self {
            kind,
            is_evtx,
            limits,
            done: BTreeMap::new(),
            seen: BTreeMap::new(),
            queue: VecDeque::new(),
            current: None,
            removed: VecDeque::new(),
        }
    }

    /// Takes over what was stored; false if it is none of these files'.
    pub(in crate::ingest) fn restore(
        &mut self,
        key: &str,
        value: &[u8],
        is_mine: impl Fn(&Path) -> bool,
    ) -> bool {
        let Some(progress) = load::<Progress>(Kind::Progress, value) else {
            return false;
        };
        if is_mine(Path::new(&progress.path)) {
            let done = Done {
                key: key.to_owned(),
                missing_since: None,
                progress,
            };
            self.done.insert(done.progress.stamp, done);
        }
        true
    }

    /// Looks at the files that are there now.
    pub(in crate::ingest) fn scan(&mut self, entries: &[&Entry], now: Instant) {
        let present: BTreeSet<&Path> = entries.iter().map(|entry| &*entry.path).collect();
        self.seen.retain(|path, _| present.contains(&**path));
        for entry in entries {
            let (size, modified) = (entry.stat.size, entry.stat.modified);
            let fresh = || Seen {
                size,
                modified,
                since: now,
                state: State::Settling,
                stamp: None,
                problem: None,
            };
            let seen = self.seen.entry(entry.path.clone()).or_insert_with(fresh);
            if (seen.size, seen.modified) != (size, modified) {
                *seen = fresh();
            }
            let is_due = match seen.state {
                State::Settling => now.duration_since(seen.since) >= SETTLED,
                State::Failed(at) => now.duration_since(at) >= RETRY,
                State::Queued | State::Handled => false,
            };
            if is_due {
                seen.state = State::Queued;
                self.queue.push_back(entry.path.clone());
            }
        }
        if self.queue.is_empty() && self.current.is_none() {
            self.forget(now);
        }
    }

    /// Removes what is stored of files that have been gone for long.
    fn forget(&mut self, now: Instant) {
        let present: BTreeSet<Stamp> = self.seen.values().filter_map(|seen| seen.stamp).collect();
        let removed = &mut self.removed;
        let gone = self.limits.gone;
        self.done.retain(|stamp, done| {
            if present.contains(stamp) {
                done.missing_since = None;
                return true;
            }
            let since = *done.missing_since.get_or_insert(now);
            let is_kept = now.duration_since(since) < gone;
            if !is_kept {
                removed.push_back(done.key.clone());
            }
            is_kept
        });
    }

    /// How many bytes to take room for, if there is something to read.
    pub(in crate::ingest) fn ready(&mut self, now: Instant) -> Option<usize> {
        if !self.removed.is_empty() {
            return Some(0);
        }
        if self.current.is_none() {
            self.open_next(now);
        }
        self.current.as_ref().map(|_| self.limits.read)
    }

    /// Reads some more of the current file.
    pub(in crate::ingest) fn take(&mut self) -> Option<Turn> {
        if let Some(key) = self.removed.pop_front() {
            return Some(Turn::removal(key));
        }
        let current = self.current.as_mut()?;
        let path = current.path.clone();
        let stamp = current.stamp;
        let read = current.reader.next(self.limits.read);
        let (first, records, faults, reason) = match read {
            Some(records) => current.since_restart(records),
            None => {
                let encoding = crate::sources::Encoding::Json;
                let first = current.at.max(current.skip);
                let current = self.current.take();
                self.finish(&path, stamp, current.map_or(0, |current| current.faults));
                return Some(self.turn(&path, stamp, first, Records::new(encoding), true));
            }
        };
        current.faults += faults;
        let is_empty = records.is_empty();
        if let Some((reason, seen)) = reason.zip(self.seen.get_mut(&path)) {
            let name = path.display();
            seen.problem
                .get_or_insert_with(|| format!("{name} cannot be read in whole: {reason}"));
        }
        (!is_empty).then(|| self.turn(&path, stamp, first, records, false))
    }

    /// Goes on without the records; returns how many there were.
    pub(in crate::ingest) fn pass_over(&mut self) -> u64 {
        let turn = self.take();
        turn.map_or(0, |turn| turn.records.len() as u64)
    }

    /// What is wrong with files that are there.
    pub(in crate::ingest) fn problems(&self) -> impl Iterator<Item = &str> {
        self.seen
            .values()
            .filter_map(|seen| seen.problem.as_deref())
    }

    /// How many files there are and how many wait.
    pub(in crate::ingest) fn counts(&self) -> (usize, usize) {
        let is_waiting = |seen: &&Seen| matches!(seen.state, State::Settling | State::Queued);
        let waiting = self.seen.values().filter(is_waiting).count();
        (self.seen.len(), waiting)
    }

    fn turn(
        &mut self,
        path: &Path,
        stamp: Stamp,
        first: u64,
        records: Records,
        is_finished: bool,
    ) -> Turn {
        let kind = self.kind;
        let done = self.done.entry(stamp).or_insert_with(|| {
            let progress = Progress {
                path: path.to_string_lossy().into_owned(),
                stamp,
                records: 0,
                is_finished: false,
            };
            Done {
                key: progress.key(kind),
                progress,
                missing_since: None,
            }
        });
        done.progress.records = first + records.len() as u64;
        done.progress.is_finished = is_finished;
        Turn {
            input: Arc::from(done.progress.path.as_str()),
            records,
            first_record: first,
            checkpoint: Checkpoint {
                key: done.key.clone(),
                value: store(Kind::Progress, &done.progress),
            },
            may_come_again: true,
        }
    }

    fn finish(&mut self, path: &Path, stamp: Stamp, faults: u64) {
        // Unless it changed meanwhile, and is to be read again.
        let seen = self.seen.get_mut(path);
        if let Some(seen) = seen.filter(|seen| seen.stamp == Some(stamp)) {
            seen.state = State::Handled;
        }
        if faults > 0 {
            tracing::warn!("{}: {faults} places of it cannot be read", path.display());
        }
    }

    fn open_next(&mut self, now: Instant) {
        while let Some(path) = self.queue.pop_front() {
            let opened = self.open(&path);
            let Some(seen) = self.seen.get_mut(&path) else {
                continue;
            };
            match opened {
                Ok((stamp, current)) => {
                    seen.stamp = Some(stamp);
                    seen.problem = None;
                    seen.state = State::Handled;
                    if let Some(current) = current {
                        seen.state = State::Queued;
                        self.current = Some(current);
                        return;
                    }
                }
                Err(problem) => {
                    tracing::warn!("{problem}");
                    seen.problem = Some(problem);
                    seen.state = State::Failed(now);
                }
            }
        }
    }

    /// Opens a file unless all of it was read before.
    fn open(&self, path: &Path) -> Result<(Stamp, Option<Current>), String> {
        let name = path.display();
        let failed = |error: &dyn std::fmt::Display| format!("{name} cannot be read: {error}");
        let seen = self.seen.get(path);
        let (size, modified) = seen.map_or((0, 0), |seen| (seen.size, seen.modified));
        let mut head = Vec::new();
        crate::file::open(path)
            .and_then(|mut file| read_at(&mut file, 0, HEAD, &mut head))
            .map_err(|error| failed(&error))?;
        let stamp = Stamp {
            size,
            modified,
            fingerprint: Fingerprint::new(&head),
        };
        let progress = self.done.get(&stamp).map(|done| &done.progress);
        if progress.is_some_and(|progress| progress.is_finished) {
            return Ok((stamp, None));
        }
        if self.is_evtx && !head.starts_with(EVTX_MAGIC) {
            return Err(format!("{name} is no Windows event log"));
        }
        let options = Options {
            max_record: self.limits.max_record,
            ..Options::default()
        };
        let reader = RecordReader::open(path, &options).map_err(|error| match error {
            crate::ingest::RecordsError::Read(error) => failed(&error),
            error => format!("{name} is {error}"),
        })?;
        let current = reader.map(|reader| Current {
            path: path.to_owned(),
            stamp,
            reader: Box::new(reader),
            skip: progress.map_or(0, |progress| progress.records),
            at: 0,
            faults: 0,
        });
        Ok((stamp, current))
    }
}

impl Current {
    /// What of these records an earlier run has not handed over: the place of
    /// the first, the records, and how many of them are none, with a reason.
    fn since_restart(&mut self, records: Records) -> (u64, Records, u64, Option<String>) {
        let mut faults = records.iter().filter_map(|(_, fault)| fault);
        let reason = faults.next().map(str::to_owned);
        let count = faults.count() as u64 + u64::from(reason.is_some());
        let first = self.at;
        self.at += records.len() as u64;
        if first >= self.skip {
            return (first, records, count, reason);
        }
        let mut rest = Records::new(records.encoding());
        let skip = usize::try_from(self.skip - first).unwrap_or(usize::MAX);
        for (record, fault) in records.iter().skip(skip) {
            match fault {
                Some(reason) => rest.push_undecodable(record, reason.to_owned()),
                None => rest.push(record),
            }
        }
        (self.skip, rest, count, reason)
    }
}
