//! Decides which file is read next, and which file is which.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    Limits,
    known::Known,
    pattern::{Entry, Pattern},
    position::{Kind, Position, load, store},
    tail::{Look, Tail},
    whole::Wholes,
};
use crate::ingest::{
    Checkpoint,
    reading::{Reading, Turn},
};

/// How many names and problems are put into a message.
const NAMED: usize = 5;

/// What is done next.
enum Ready {
    Remove,
    /// The lines of a tail up to an offset.
    Lines(usize, u64),
    Whole,
    /// There is more to do, but nothing to hand over.
    Nothing,
}

/// Follows the files of a pattern.
pub(super) struct Follower {
    pattern: Pattern,
    limits: Limits,
    known: Known,
    /// In the order in which they were opened: what was written into a file
    /// before it was rotated comes before what is in its successor.
    tails: Vec<Tail>,
    wholes: Wholes,
    turn: usize,
    is_whole_next: bool,
    scratch: Vec<u8>,
    ready: Option<Ready>,
    removed: VecDeque<String>,
    waiting: BTreeSet<PathBuf>,
    problems: BTreeMap<String, String>,
    restarts: u64,
}

impl Follower {
    pub(super) fn new(
        pattern: Pattern,
        checkpoints: &BTreeMap<String, Vec<u8>>,
        limits: Limits,
    ) -> Self {
        let mut wholes = Wholes::new("files", false, limits);
        let mut known = Known::default();
        let stored = checkpoints.iter();
        for (key, value) in stored.filter(|(key, _)| key.starts_with("files:")) {
            if let Some(position) = load::<Position>(Kind::Position, value) {
                if pattern.is_match(Path::new(&position.path)) {
                    known.insert(key.clone(), position);
                }
            } else if !wholes.restore(key, value, |path| pattern.is_match(path)) {
                tracing::warn!("what is stored as {key} cannot be read; its file is read anew");
            }
        }
        Self {
            pattern,
            limits,
            known,
            tails: Vec::new(),
            wholes,
            turn: 0,
            is_whole_next: false,
            scratch: Vec::new(),
            ready: None,
            removed: VecDeque::new(),
            waiting: BTreeSet::new(),
            problems: BTreeMap::new(),
            restarts: 0,
        }
    }

    fn look_around(&mut self, entries: &[Entry], now: Instant) {
        let mut names = BTreeMap::new();
        let mut grown = Vec::new();
        let mut whole = Vec::new();
        for entry in entries {
            if is_compressed(&entry.path) {
                whole.extend(entry.is_match.then_some(entry));
                continue;
            }
            let id = (entry.stat.device, entry.stat.inode);
            // Of several names for one file, one that is meant counts.
            let best = names.entry(id).or_insert(entry);
            if entry.is_match && !best.is_match {
                *best = entry;
            }
        }
        for tail in &mut self.tails {
            let id = (tail.position.device, tail.position.inode);
            tail.is_quiet = false;
            match names.remove(&id) {
                Some(entry) if entry.is_match => tail.missing_since = None,
                entry => {
                    tail.is_beside = entry.is_some();
                    let since = *tail.missing_since.get_or_insert(now);
                    let quiet = self.limits.quiet;
                    tail.is_final = now.duration_since(since) >= quiet
                        && now.duration_since(tail.active) >= quiet;
                }
            }
        }
        let inodes = names.keys().map(|(_, inode)| *inode).collect();
        let forgotten = self.known.forget(&inodes, self.limits.gone, now);
        self.removed.extend(forgotten);
        grown.extend(names.into_values());
        // Those that lost their name first, then those that are known, then
        // the oldest: so rotated files come before their successors.
        grown.sort_by_cached_key(|entry| {
            let is_new = self.known.of(entry.stat.inode).next().is_none();
            let is_match = entry.is_match;
            (is_match, is_new, entry.stat.modified, entry.path.clone())
        });
        let waiting = std::mem::take(&mut self.waiting);
        for entry in grown {
            self.meet(entry, now);
        }
        if !self.waiting.is_empty() && waiting.is_empty() {
            let names = list(self.waiting.iter().map(|path| path.display().to_string()));
            tracing::warn!("as many files are open as may be; these wait: {names}");
        }
        self.wholes.scan(&whole, now);
    }

    /// A file that is not open.
    fn meet(&mut self, entry: &Entry, now: Instant) {
        let known = self.known.of(entry.stat.inode);
        let stored: Vec<(String, Position)> = known
            .map(|(key, position)| (key.to_owned(), position.clone()))
            .collect();
        let is_read = |(_, position): &(String, Position)| position.offset == entry.stat.size;
        let has_room = self.tails.len() < self.limits.open;
        // A file beside those that are meant matters if it was one of them.
        if !entry.is_match && stored.iter().all(is_read) {
            return;
        }
        if !has_room && (stored.iter().any(is_read) || !self.park()) {
            if !stored.iter().any(is_read) {
                self.waiting.insert(entry.path.clone());
            }
            return;
        }
        match self.open(entry, &stored, now) {
            Ok(()) => {}
            // It was renamed or deleted since; the next scan tells.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.failed(&entry.path.display().to_string(), &error),
        }
    }

    fn open(
        &mut self,
        entry: &Entry,
        stored: &[(String, Position)],
        now: Instant,
    ) -> io::Result<()> {
        let inode = entry.stat.inode;
        for (key, position) in stored {
            let (mut tail, is_same) = Tail::open(&entry.path, Some((key, position)), now)?;
            if is_same {
                self.known.remove(inode, key);
                tail.missing_since = (!entry.is_match).then_some(now);
                self.tails.push(tail);
                return Ok(());
            }
        }
        let tail = match entry.is_match {
            true => Some(Tail::open(&entry.path, None, now)?.0),
            false => None,
        };
        // The inode was used again or the file overwritten: what is stored
        // about it holds no longer.
        for (key, _) in stored {
            self.known.remove(inode, key);
            if tail.as_ref().is_none_or(|tail| tail.key != *key) {
                self.removed.push_back(key.clone());
            }
        }
        self.tails.extend(tail);
        Ok(())
    }

    /// Closes the file that has been silent for longest to make room, keeping
    /// its position. Tells whether there was one.
    fn park(&mut self) -> bool {
        let tails = self.tails.iter().enumerate();
        let idle = tails
            .filter(|(_, tail)| tail.missing_since.is_none() && tail.is_idle())
            .min_by_key(|(_, tail)| tail.active);
        let Some(at) = idle.map(|(at, _)| at) else {
            return false;
        };
        let tail = self.tails.remove(at);
        self.known.insert(tail.key, tail.position);
        true
    }

    /// Looks at the tails in turn until one has something.
    fn look(&mut self) -> Option<Ready> {
        let count = self.tails.len();
        let start = self.turn;
        let mut is_waiting = false;
        for at in (start..count).chain(0..start.min(count)) {
            let (before, rest) = self.tails.split_at_mut(at);
            let Some(tail) = rest.first_mut().filter(|tail| !tail.is_quiet) else {
                continue;
            };
            let precedes = |other: &Tail| !other.is_quiet && other.input == tail.input;
            if before.iter().any(precedes) {
                is_waiting = true;
                continue;
            }
            self.turn = at + 1;
            match tail.look(&mut self.scratch, &self.limits) {
                Ok(Look::Lines(end)) => return Some(Ready::Lines(at, end)),
                Ok(Look::Partial) => return Some(Ready::Nothing),
                Ok(Look::Restarted) => {
                    let name = &tail.input;
                    tracing::warn!(
                        "{name} was truncated or overwritten; it is read from its start"
                    );
                    self.restarts += 1;
                    return Some(Ready::Nothing);
                }
                Ok(Look::Nothing) if tail.is_final => {
                    let tail = self.tails.remove(at);
                    if tail.is_beside {
                        // Should it grow after all, it is found again.
                        self.known.insert(tail.key, tail.position);
                        return Some(Ready::Nothing);
                    }
                    self.removed.push_back(tail.key);
                    return Some(Ready::Remove);
                }
                Ok(Look::Nothing) => tail.is_quiet = true,
                Err(error) => {
                    let tail = self.tails.remove(at);
                    self.failed(&tail.input.clone(), &error);
                    self.known.insert(tail.key, tail.position);
                    return Some(Ready::Nothing);
                }
            }
        }
        // What it waited for has nothing more now.
        is_waiting.then_some(Ready::Nothing)
    }

    fn failed(&mut self, name: &str, error: &io::Error) {
        let problem = format!("{name} cannot be read: {error}");
        self.problems.insert(name.to_owned(), problem);
    }
}

impl Reading for Follower {
    fn folder(&self) -> PathBuf {
        self.pattern.folder().to_owned()
    }

    fn scan(&mut self, now: Instant) {
        self.problems.clear();
        match self.pattern.list() {
            Ok(entries) => self.look_around(&entries, now),
            Err(error) => {
                // Files that are open are read on meanwhile.
                for tail in &mut self.tails {
                    tail.is_quiet = false;
                }
                let folder = self.pattern.folder().display().to_string();
                self.failed(&folder, &error);
            }
        }
    }

    fn ready(&mut self, now: Instant) -> Option<usize> {
        self.is_whole_next = !self.is_whole_next;
        let whole = match self.is_whole_next {
            true => self.wholes.ready(now),
            false => None,
        };
        let (ready, bytes) = if !self.removed.is_empty() {
            (Ready::Remove, 0)
        } else if let Some(bytes) = whole {
            (Ready::Whole, bytes)
        } else {
            match self.look() {
                Some(Ready::Lines(at, end)) => {
                    let offset = self.tails.get(at).map_or(end, |tail| tail.position.offset);
                    let bytes = usize::try_from(end - offset).unwrap_or(usize::MAX);
                    let most = self.limits.max_record + self.limits.read;
                    (Ready::Lines(at, end), bytes.min(most))
                }
                Some(ready) => (ready, 0),
                None => (Ready::Whole, self.wholes.ready(now)?),
            }
        };
        self.ready = Some(ready);
        Some(bytes)
    }

    fn take(&mut self, now: Instant) -> Option<Turn> {
        match self.ready.take()? {
            Ready::Remove => self.removed.pop_front().map(Turn::removal),
            Ready::Whole => self.wholes.take(),
            Ready::Nothing => None,
            Ready::Lines(at, end) => {
                let tail = self.tails.get_mut(at)?;
                let first_record = tail.position.records;
                let taken = tail.take(end, &self.scratch, &self.limits, now);
                let records = match taken {
                    Ok(records) => records?,
                    Err(error) => {
                        let name = tail.input.clone();
                        self.failed(&name, &error);
                        return None;
                    }
                };
                let checkpoint = Checkpoint {
                    key: tail.key.clone(),
                    value: store(Kind::Position, &tail.position),
                };
                let input = tail.input.clone();
                (!records.is_empty()).then_some(Turn {
                    input,
                    records,
                    first_record,
                    checkpoint,
                    may_come_again: false,
                })
            }
        }
    }

    fn pass_over(&mut self, now: Instant) -> u64 {
        match self.ready {
            // Room for nothing is always there, so nothing is lost here.
            Some(Ready::Remove) => 0,
            // The lines were read to see where they end; what is spared is
            // that they wait in memory.
            _ => self.take(now).map_or(0, |turn| turn.records.len() as u64),
        }
    }

    fn status(&self) -> (String, Option<String>) {
        let (whole, waiting) = self.wholes.counts();
        let waiting = waiting + self.waiting.len();
        let mut state = format!("following {}", self.tails.len());
        for (count, what) in [
            (whole as u64, "compressed"),
            (waiting as u64, "waiting"),
            (self.restarts, "times truncated or overwritten"),
        ] {
            if count > 0 {
                state += &format!(", {count} {what}");
            }
        }
        let problems = self.problems.values().map(String::as_str);
        let problems = problems.chain(self.wholes.problems());
        (state, problems_of(problems))
    }
}

/// Problems in one line; none if there are none.
pub(in crate::ingest) fn problems_of<'a>(
    problems: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let problems = list(problems.map(str::to_owned));
    (!problems.is_empty()).then_some(problems)
}

/// The first few, and how many more.
fn list(mut names: impl Iterator<Item = String>) -> String {
    let named: Vec<String> = names.by_ref().take(NAMED).collect();
    let mut text = named.join("; ");
    let more = names.count();
    if more > 0 {
        text += &format!("; and {more} more");
    }
    text
}

fn is_compressed(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ending.eq_ignore_ascii_case("gz") || ending.eq_ignore_ascii_case("zst")
}
