//! Findings in a file of NDJSON that is rotated by size.
//!
//! The file at the configured path is the newest; `.1` is the one before it,
//! and so on, as logrotate does it. Every line is a whole finding, and no
//! finding stands in the files twice, whatever happens between two lines.

mod lines;
mod rotation;
mod tail;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Delivered, Destination, Entry, Undelivered};
use crate::config::FileSink;
use lines::Lines;

/// A rotated file.
#[derive(Debug)]
pub struct FileDestination {
    path: PathBuf,
    /// The size at which a new file is begun.
    limit: u64,
    keep: u32,
    open: Option<Lines>,
    /// Number of the last entry that was written.
    written: u64,
    /// Number of the last entry that a loss of power would leave.
    safe: u64,
}

impl FileDestination {
    /// A file as configured. Nothing is touched before the first use.
    pub fn new(config: &FileSink) -> Self {
        let limit = u64::from(config.rotate_mib.max(1)) * 1024 * 1024;
        Self::with_limit(config.path.clone(), limit, config.keep)
    }

    fn with_limit(path: PathBuf, limit: u64, keep: u32) -> Self {
        Self {
            path,
            limit,
            keep,
            open: None,
            written: 0,
            safe: 0,
        }
    }

    /// The file to write to: the one that is open, unless somebody moved it
    /// away or changed it. What a failed attempt left in it is cut off.
    fn current(&mut self) -> io::Result<&mut Lines> {
        let open = match self.open.take() {
            Some(mut lines) => {
                if let Err(error) = lines.restore() {
                    self.open = Some(lines);
                    return Err(error);
                }
                Some(lines).filter(|lines| lines.is_at(&self.path))
            }
            None => None,
        };
        self.written = self.safe;
        let lines = match open {
            Some(lines) => lines,
            None => {
                make_parent(&self.path)?;
                Lines::open(&self.path)?
            }
        };
        Ok(self.open.insert(lines))
    }

    fn write(&mut self, entries: &[Entry]) -> io::Result<()> {
        let limit = self.limit;
        self.current()?;
        for entry in entries {
            if entry.number <= self.written {
                continue;
            }
            if self
                .open
                .as_ref()
                .is_some_and(|lines| !lines.has_room(&entry.json, limit))
            {
                self.sync()?;
                self.open = None;
                rotation::rotate(&self.path, self.keep)?;
                self.current()?;
            }
            if let Some(lines) = &mut self.open {
                lines.append(&entry.json)?;
            }
            self.written = entry.number;
        }
        Ok(())
    }

    /// Makes what was written so far safe.
    fn sync(&mut self) -> io::Result<()> {
        if let Some(lines) = &mut self.open {
            lines.sync()?;
            self.safe = self.written;
        }
        Ok(())
    }

    fn last_uid(&mut self) -> io::Result<Option<String>> {
        make_parent(&self.path)?;
        let mut lines = Lines::open(&self.path)?;
        lines.cut_torn()?;
        let last = lines.last()?;
        self.open = Some(lines);
        let last = match last {
            Some(last) => Some(last),
            // It stopped just after a rotation.
            None => tail::last_line_of(&rotation::numbered(&self.path, 1))?,
        };
        Ok(last.and_then(|line| tail::uid(&line)))
    }

    fn undelivered(&self, error: &io::Error) -> Undelivered {
        Undelivered {
            reason: format!("cannot write {}: {error}", self.path.display()),
            retry_after: None,
        }
    }
}

impl Destination for FileDestination {
    fn resume(&mut self, entries: &[Entry]) -> Result<usize, Undelivered> {
        let uid = self.last_uid().map_err(|error| self.undelivered(&error))?;
        let last = entries
            .iter()
            .rposition(|entry| uid.as_deref() == Some(&*entry.uid));
        Ok(last.map_or(0, |position| position + 1))
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Delivered, Undelivered> {
        // Lines that were written before an error stay if they can.
        let written = self.write(entries);
        let synced = self.sync();
        written
            .and(synced)
            .map_err(|error| self.undelivered(&error))?;
        Ok(Delivered::default())
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
