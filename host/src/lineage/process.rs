//! One process: what is known of it, and what the host keeps beside that.

use serde::{Deserialize, Serialize};

use super::{
    device::OPEN,
    identity::{command_key, images_differ},
    versioned::Versioned,
};

/// Longest command line kept, in bytes: as long as Windows allows, so nothing
/// real is lost, and no forged record takes more.
const COMMAND_LINE: usize = 32 * 1024;

/// Longest other text kept, in bytes. Answers a forged record of megabytes.
const TEXT: usize = 4 * 1024;

/// What a process is charged beside its text, in bytes: its node and its
/// places in the indexes.
const OVERHEAD: usize = 640;

/// What a query returns of a process: text is empty and numbers are none where
/// nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessInfo<'a> {
    /// Its canonical handle.
    pub process: u64,
    /// The handle of its parent.
    pub parent: Option<u64>,
    /// Its process id.
    pub pid: Option<u32>,
    /// When it started, milliseconds since 1970 UTC.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// Path of its image.
    pub image: &'a str,
    /// The name in the image's version resource.
    pub original_file_name: &'a str,
    /// Its command line.
    pub command_line: &'a str,
    /// Its working directory.
    pub working_directory: &'a str,
    /// The account it runs as.
    pub user: &'a str,
    /// Its integrity level.
    pub integrity: &'a str,
    /// SHA-256 of its image, lower-case hexadecimal.
    pub sha256: &'a str,
    /// The source's GUID of it.
    pub guid: &'a str,
    /// Sequence of the event that reported its start.
    pub start_event: Option<u64>,
}

/// What is known of a process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    /// Handle of the parent as it was reported; 0 where there is none.
    pub parent: u64,
    pub pid: Option<u32>,
    pub started: Option<i64>,
    pub ended: Option<i64>,
    pub start_event: Option<u64>,
    pub image: Box<str>,
    pub original_file_name: Box<str>,
    pub command_line: Box<str>,
    pub working_directory: Box<str>,
    pub user: Box<str>,
    pub integrity: Box<str>,
    pub sha256: Box<str>,
    pub guid: Box<str>,
    /// Other handles of this process.
    pub aliases: Vec<u64>,
    /// [`command_key`] of the command line.
    pub command_key: u64,
    /// Which logs reported the start.
    pub launches: Launches,
    /// Sequence of the event that first mentioned it.
    pub created: u64,
    /// Time of that event.
    pub first_seen: i64,
    /// Since when its pid is taken to be its own while its start is unknown.
    pub appeared: i64,
}

/// Which logs reported a start: each does so once for each process, so a
/// second report of the same log is about another one.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Launches {
    pub with_guid: bool,
    pub without_guid: bool,
}

impl Facts {
    /// Where it stands among the processes that had its pid.
    pub fn order(&self) -> i64 {
        self.started.unwrap_or(self.appeared)
    }

    /// Whether only PowerShell ever told of it, by its command line, and so
    /// nothing will ever tell its end.
    pub fn is_known_by_command_only(&self) -> bool {
        self.image.is_empty() && self.ended.is_none() && self.command_key != 0
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        OVERHEAD
            + self.image.len()
            + self.original_file_name.len()
            + self.command_line.len()
            + self.working_directory.len()
            + self.user.len()
            + self.integrity.len()
            + self.sha256.len()
            + self.guid.len()
            + self.aliases.len() * 64
    }

    /// Takes what it lacks from another node of the same process, or
    /// everything that the other one knows if that saw the start and this one
    /// did not.
    pub fn absorb(&mut self, other: &Self) {
        let overwrite = self.start_event.is_none() && other.start_event.is_some();
        let report = Report {
            guid: &other.guid,
            pid: other.pid,
            image: &other.image,
            original_file_name: &other.original_file_name,
            command_line: &other.command_line,
            working_directory: &other.working_directory,
            user: &other.user,
            integrity: &other.integrity,
            sha256: &other.sha256,
        };
        report.apply(self, overwrite);
        if overwrite || self.started.is_none() {
            self.started = other.started.or(self.started);
        }
        if overwrite || self.parent == 0 {
            self.parent = if other.parent == 0 {
                self.parent
            } else {
                other.parent
            };
        }
        self.start_event = self.start_event.or(other.start_event);
        self.ended = self.ended.or(other.ended);
        self.launches.with_guid |= other.launches.with_guid;
        self.launches.without_guid |= other.launches.without_guid;
        self.first_seen = self.first_seen.min(other.first_seen);
        self.appeared = self.appeared.min(other.appeared);
    }

    /// The answer to a query.
    pub fn info(&self, process: u64, parent: u64) -> ProcessInfo<'_> {
        ProcessInfo {
            process,
            parent: (parent != 0).then_some(parent),
            pid: self.pid,
            started: self.started,
            ended: self.ended,
            image: &self.image,
            original_file_name: &self.original_file_name,
            command_line: &self.command_line,
            working_directory: &self.working_directory,
            user: &self.user,
            integrity: &self.integrity,
            sha256: &self.sha256,
            guid: &self.guid,
            start_event: self.start_event,
        }
    }
}

/// What one event says of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report<'a> {
    pub guid: &'a str,
    pub pid: Option<u32>,
    pub image: &'a str,
    pub original_file_name: &'a str,
    pub command_line: &'a str,
    pub working_directory: &'a str,
    pub user: &'a str,
    pub integrity: &'a str,
    pub sha256: &'a str,
}

impl Report<'_> {
    /// Whether it says something that is not known yet, looking only at what
    /// a mention can say.
    pub fn adds_to(&self, facts: &Facts) -> bool {
        (facts.pid.is_none() && self.pid.is_some())
            || (facts.image.is_empty() && !self.image.is_empty())
            || (facts.guid.is_empty() && !self.guid.is_empty())
            || (facts.user.is_empty() && !self.user.is_empty())
            || (facts.command_line.is_empty() && !self.command_line.is_empty())
    }

    /// Whether it cannot be about that process.
    pub fn contradicts(&self, facts: &Facts) -> bool {
        images_differ(self.image, &facts.image)
            || (!self.guid.is_empty() && !facts.guid.is_empty() && *self.guid != *facts.guid)
            || matches!((self.pid, facts.pid), (Some(one), Some(other)) if one != other)
    }

    /// Adds what it says, in place of what is known only if told so.
    pub fn apply(&self, facts: &mut Facts, overwrite: bool) {
        facts.pid = facts.pid.or(self.pid);
        fill(&mut facts.guid, self.guid, false, TEXT);
        fill(&mut facts.image, self.image, overwrite, TEXT);
        fill(
            &mut facts.original_file_name,
            self.original_file_name,
            overwrite,
            TEXT,
        );
        fill(
            &mut facts.working_directory,
            self.working_directory,
            overwrite,
            TEXT,
        );
        fill(&mut facts.user, self.user, overwrite, TEXT);
        fill(&mut facts.integrity, self.integrity, overwrite, TEXT);
        fill(&mut facts.sha256, self.sha256, overwrite, TEXT);
        let is_new = fill(
            &mut facts.command_line,
            self.command_line,
            overwrite,
            COMMAND_LINE,
        );
        if is_new {
            facts.command_key = command_key(&facts.command_line);
        }
    }
}

fn fill(known: &mut Box<str>, said: &str, overwrite: bool, longest: usize) -> bool {
    if said.is_empty() || (!overwrite && !known.is_empty()) || **known == *said {
        return false;
    }
    let end = said.floor_char_boundary(longest.min(said.len()));
    *known = said.get(..end).unwrap_or_default().into();
    true
}

/// A handle's meaning.
#[derive(Debug, Clone, Default)]
pub(super) enum State {
    /// None: never seen, or evicted.
    #[default]
    Absent,
    /// A process.
    Known(Box<Facts>),
    /// Another name of a process.
    Alias(u64),
}

/// A handle and what the host keeps under it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub state: Versioned<State>,
    /// Its children by start, then handle.
    pub children: Vec<Link>,
    /// The device's clock when it was last named.
    pub last_seen: i64,
    /// Sequence of the last event that named it.
    pub last_sequence: u64,
    /// Under which keys the indexes know it.
    pub indexed: Indexed,
    /// Whether it has changes to settle.
    pub is_dirty: bool,
    /// What was stored as the time it was last named, if it was stored.
    pub stored: Option<i64>,
    /// Since when it is stored, or noted to be.
    pub stored_since: Option<u64>,
    /// Whether it is among those to be stored.
    pub is_noted: bool,
}

/// That a process is the child of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub start: i64,
    pub child: u64,
    pub since: u64,
    pub until: u64,
}

/// The keys under which the indexes know a process.
#[derive(Debug, Default)]
pub(super) struct Indexed {
    pub pid: Option<u32>,
    pub command_key: u64,
    pub start: Option<i64>,
    /// Whether it waits for eviction with the ended ones, and at which place.
    pub queue: Option<(bool, Place)>,
    /// Its parent's handle and the start its link is sorted by.
    pub parent: Option<(u64, i64)>,
    pub size: usize,
}

/// A place in the order of eviction: a sequence, the device's clock then, and
/// the handle.
pub(super) type Place = (u64, i64, u64);

impl Indexed {
    /// The keys of a process with those facts.
    pub fn of(facts: &Facts, queue: (bool, Place)) -> Self {
        Self {
            pid: facts.pid,
            command_key: facts.command_key,
            start: facts.started,
            queue: Some(queue),
            parent: (facts.parent != 0).then(|| (facts.parent, facts.order())),
            size: facts.size(),
        }
    }
}

impl Node {
    /// The facts after all that was taken in.
    pub fn facts(&self) -> Option<&Facts> {
        match self.state.now() {
            State::Known(facts) => Some(facts),
            _ => None,
        }
    }

    /// The facts as of a sequence.
    pub fn facts_at(&self, sequence: u64) -> Option<&Facts> {
        match self.state.at(sequence) {
            State::Known(facts) => Some(facts),
            _ => None,
        }
    }

    /// Whether a process that started then is among its children.
    pub fn has_child(&self, start: i64, child: u64) -> bool {
        let from = self
            .children
            .partition_point(|link| (link.start, link.child) < (start, child));
        self.children
            .iter()
            .skip(from)
            .take_while(|link| (link.start, link.child) == (start, child))
            .any(|link| link.until == OPEN)
    }
}
