//! One file that grows.

use std::{fs::File, io, path::Path, sync::Arc, time::Instant};

use memchr::memrchr;

use super::{
    Limits,
    pattern::Stat,
    position::{Fingerprint, HEAD, Position, read_at},
};
use crate::{
    ingest::{
        Records,
        lines::cut::{KEPT, TOO_LONG, push, split_line},
    },
    sources::Encoding,
};

/// A file that is held open and read from where it was read to. Nothing of it
/// is kept in memory but its beginning: an unfinished line is read again when
/// it is finished.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    /// Under which name its position is stored.
    pub(super) key: String,
    pub(super) position: Position,
    pub(super) input: Arc<str>,
    /// The bytes that the fingerprint is made of.
    head: Vec<u8>,
    /// No line ends between the offset and here.
    scanned: u64,
    /// What the system said when there was nothing to read.
    seen: Option<Stat>,
    /// There was nothing to read; look again after the next scan.
    pub(super) is_quiet: bool,
    /// Since when no name that is meant leads to it.
    pub(super) missing_since: Option<Instant>,
    /// Whether it lies beside the files that are meant, under another name.
    pub(super) is_beside: bool,
    /// When something came last.
    pub(super) active: Instant,
    /// Nothing more will come: what is left counts as a line.
    pub(super) is_final: bool,
}

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    Nothing,
    /// Whole lines up to here.
    Lines(u64),
    /// Part of a long line was passed.
    Partial,
    /// It was truncated or overwritten; it begins anew.
    Restarted,
}

impl Tail {
    /// Opens a file, at a position that was stored if it is the same file.
    pub(super) fn open(
        path: &Path,
        stored: Option<(&str, &Position)>,
        now: Instant,
    ) -> io::Result<(Self, bool)> {
        let mut file = crate::file::open(path)?;
        let stat = Stat::new(&file.metadata()?, path);
        let mut head = Vec::new();
        let mut found = None;
        if let Some((key, position)) = stored {
            let length = usize::from(position.fingerprint.length);
            read_at(&mut file, 0, length, &mut head)?;
            // The device's number may change when the system starts anew.
            let is_same = position.inode == stat.inode
                && position.offset <= stat.size
                && Fingerprint::new(&head) == position.fingerprint;
            found = is_same.then(|| (key.to_owned(), position.clone()));
        }
        let is_resumed = found.is_some();
        let (key, mut position) = found.unwrap_or_else(|| {
            head.clear();
            let position = Position {
                path: path.to_string_lossy().into_owned(),
                device: 0,
                inode: stat.inode,
                fingerprint: Fingerprint::new(&[]),
                offset: 0,
                records: 0,
            };
            (String::new(), position)
        });
        position.device = stat.device;
        let key = if is_resumed { key } else { position.key() };
        let tail = Self {
            file,
            key,
            input: Arc::from(position.path.as_str()),
            scanned: position.offset,
            position,
            head,
            seen: None,
            is_quiet: false,
            missing_since: None,
            is_beside: false,
            active: now,
            is_final: false,
        };
        Ok((tail, is_resumed))
    }

    /// Whether all there was at the last look is read.
    pub(super) fn is_idle(&self) -> bool {
        self.seen.is_some()
    }

    /// Looks for whole lines. What was read last is in `scratch` for
    /// [`Self::take`].
    pub(super) fn look(&mut self, scratch: &mut Vec<u8>, limits: &Limits) -> io::Result<Look> {
        let stat = Stat::new(&self.file.metadata()?, Path::new(&*self.input));
        if stat.size < self.position.offset {
            return Ok(self.restart());
        }
        if self.seen == Some(stat) && !self.is_final {
            return Ok(Look::Nothing);
        }
        // A writer may take back a line that it had not finished.
        if stat.size < self.scanned {
            self.scanned = self.position.offset;
        }
        read_at(&mut self.file, self.scanned, limits.read, scratch)?;
        // After reading, so that what was read is known to be of this file.
        if !self.is_same()? {
            return Ok(self.restart());
        }
        if let Some(end) = memrchr(b'\n', scratch) {
            return Ok(Look::Lines(self.scanned + end as u64 + 1));
        }
        if scratch.len() < limits.read && !self.is_final {
            self.scanned += scratch.len() as u64;
            scratch.clear();
            self.seen = Some(stat);
            return Ok(Look::Nothing);
        }
        if scratch.is_empty() {
            // Final: what is left of an unfinished line.
            let is_left = self.scanned > self.position.offset;
            return Ok(if is_left {
                Look::Lines(self.scanned)
            } else {
                Look::Nothing
            });
        }
        self.scanned += scratch.len() as u64;
        Ok(Look::Partial)
    }

    /// Takes the lines up to `end`, which [`Self::look`] just found; none if
    /// the file was overwritten since.
    pub(super) fn take(
        &mut self,
        end: u64,
        scratch: &[u8],
        limits: &Limits,
        now: Instant,
    ) -> io::Result<Option<Records>> {
        let mut records = Records::new(Encoding::Json);
        let fresh = usize::try_from(end - self.scanned).unwrap_or(usize::MAX);
        let mut fresh = scratch.get(..fresh).unwrap_or(scratch);
        let before = usize::try_from(self.scanned - self.position.offset).unwrap_or(usize::MAX);
        // The first line began before what is in the scratch.
        if before > 0 {
            let mut line = Vec::new();
            let (rest, later) = split_line(fresh).unwrap_or((fresh, &[]));
            let is_long = before + rest.len() > limits.max_record;
            let wanted = if is_long {
                before.min(KEPT.max(HEAD))
            } else {
                before
            };
            read_at(&mut self.file, self.position.offset, wanted, &mut line)?;
            if line.len() < wanted || !self.is_same()? {
                self.restart();
                return Ok(None);
            }
            self.begin(&line);
            self.begin(rest);
            self.begin(b"\n");
            if is_long {
                let beginning = line.get(..KEPT).unwrap_or(&line);
                records.push_undecodable(beginning, TOO_LONG.to_owned());
            } else {
                line.extend_from_slice(rest);
                push(&line, &mut records);
            }
            fresh = later;
        }
        self.begin(fresh);
        while let Some((line, rest)) = split_line(fresh) {
            push(line, &mut records);
            fresh = rest;
        }
        push(fresh, &mut records);
        self.advance(end, records.len() as u64, now);
        Ok(Some(records))
    }

    fn advance(&mut self, end: u64, records: u64, now: Instant) {
        let covered = usize::try_from(end).unwrap_or(usize::MAX);
        self.head.truncate(covered.min(HEAD));
        self.position.fingerprint = Fingerprint::new(&self.head);
        self.position.offset = end;
        self.position.records += records;
        self.scanned = end;
        self.seen = None;
        self.active = now;
    }

    /// Keeps what belongs to the beginning of the file.
    fn begin(&mut self, bytes: &[u8]) {
        let missing = HEAD.saturating_sub(self.head.len());
        let bytes = bytes.get(..missing).unwrap_or(bytes);
        self.head.extend_from_slice(bytes);
    }

    /// Whether it still begins as it did. Content that begins alike cannot be
    /// told apart.
    fn is_same(&mut self) -> io::Result<bool> {
        let mut head = Vec::with_capacity(self.head.len());
        read_at(&mut self.file, 0, self.head.len(), &mut head)?;
        Ok(head == self.head)
    }

    fn restart(&mut self) -> Look {
        self.head.clear();
        self.position.fingerprint = Fingerprint::new(&[]);
        self.position.offset = 0;
        self.position.records = 0;
        self.scanned = 0;
        self.seen = None;
        Look::Restarted
    }
}
