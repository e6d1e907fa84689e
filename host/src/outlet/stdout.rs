//! Findings as lines on standard output.

use std::io::{self, Write};

use super::{Delivered, Destination, Entry, Undelivered};

/// Writes a line per finding to something that cannot be read back.
#[derive(Debug)]
pub struct LineDestination<W> {
    writer: W,
    /// Number of the last entry of which every byte was written.
    written: u64,
    /// How many bytes of the next entry's line were written. A retry goes on
    /// there, so that a line is neither torn nor doubled.
    begun: usize,
}

impl<W: Write> LineDestination<W> {
    /// Writes to this. It should hold nothing back, for what it holds back
    /// when an error occurs may be written twice.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            written: 0,
            begun: 0,
        }
    }

    fn write_new(&mut self, entries: &[Entry]) -> io::Result<()> {
        for entry in entries {
            if entry.number > self.written {
                self.write(entry)?;
            }
        }
        self.writer.flush()
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let line = [&*entry.json, b"\n"].concat();
        while let Some(rest) = line.get(self.begun..).filter(|rest| !rest.is_empty()) {
            match self.writer.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.begun += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.begun = 0;
        self.written = entry.number;
        Ok(())
    }
}

impl<W: Write + Send> Destination for LineDestination<W> {
    /// What a reader saw before is not known, so everything goes out again.
    fn resume(&mut self, _entries: &[Entry]) -> Result<usize, Undelivered> {
        Ok(0)
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Delivered, Undelivered> {
        self.write_new(entries).map_err(|error| Undelivered {
            reason: format!("cannot write to standard output: {error}"),
            retry_after: None,
        })?;
        Ok(Delivered::default())
    }
}

/// Standard output, past the buffer of the standard library.
#[cfg(unix)]
pub fn stdout() -> io::Result<LineDestination<std::fs::File>> {
    use std::os::fd::AsFd;
    let owned = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(LineDestination::new(owned.into()))
}

/// Standard output.
#[cfg(not(unix))]
pub fn stdout() -> io::Result<LineDestination<io::Stdout>> {
    Ok(LineDestination::new(io::stdout()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlet::tests::entries;

    /// Takes three bytes at a time, and fails every other time.
    #[derive(Default)]
    struct Fickle {
        taken: Vec<u8>,
        calls: usize,
    }

    impl Write for Fickle {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(2) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let count = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_neither_torn_nor_doubled_by_failures() {
        let mut destination = LineDestination::new(Fickle::default());
        let batch = entries(1..=3);
        let mut failures = 0;
        while let Err(error) = destination.deliver(&batch) {
            assert!(error.reason.contains("standard output"), "{error}");
            failures += 1;
        }
        assert!(failures > 3);
        let lines: Vec<_> = batch
            .iter()
            .map(|entry| [&entry.json, &b"\n"[..]].concat())
            .collect();
        assert_eq!(destination.writer.taken, lines.concat());
    }
}
