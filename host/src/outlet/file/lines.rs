//! A file that grows by whole lines.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write},
    path::Path,
};

use super::tail;

/// An open file.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    /// Its length, counting whole lines only.
    length: u64,
    /// How much of it a loss of power would leave.
    safe: u64,
    /// A line may have been written in part.
    torn: bool,
}

impl Lines {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        // Command lines in findings may hold passwords.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let file = options.open(path)?;
        let length = file.metadata()?.len();
        if length == 0 {
            sync_folder(path);
        }
        Ok(Self {
            file,
            length,
            safe: length,
            torn: false,
        })
    }

    /// Whether this is the file at the path, and as it was left.
    pub fn is_at(&self, path: &Path) -> bool {
        let (Ok(here), Ok(there)) = (self.file.metadata(), fs::metadata(path)) else {
            return false;
        };
        is_same(&here, &there) && here.len() == self.length
    }

    /// Whether a line may be added to it. An empty file takes any.
    pub fn has_room(&self, line: &[u8], limit: u64) -> bool {
        // Less, because of the line end.
        self.length == 0 || self.length + (line.len() as u64) < limit
    }

    /// Adds a line.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        // Written at once, so that readers hardly ever see half of it.
        let line = [line, b"\n"].concat();
        self.torn = true;
        self.file.write_all(&line)?;
        self.torn = false;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Makes the whole lines safe and takes off a torn one.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.torn {
            self.cut(self.length)?;
            self.torn = false;
        }
        if self.safe != self.length {
            self.file.sync_data()?;
            self.safe = self.length;
        }
        Ok(())
    }

    /// Goes back to what is safe, if the last attempt ended otherwise. Of what
    /// was not synced, nobody can say whether it is there.
    pub fn restore(&mut self) -> io::Result<()> {
        if self.torn || self.safe != self.length {
            self.cut(self.safe)?;
            self.length = self.safe;
            self.torn = false;
        }
        Ok(())
    }

    /// Cuts off a last line without an end, as a crash leaves it.
    pub fn cut_torn(&mut self) -> io::Result<()> {
        let whole = tail::whole_length(&mut self.file)?;
        self.cut(whole)?;
        // What the last life wrote may not have reached the disk.
        self.file.sync_data()?;
        self.length = whole;
        self.safe = whole;
        Ok(())
    }

    /// The last line.
    pub fn last(&mut self) -> io::Result<Option<Vec<u8>>> {
        tail::last_line(&mut self.file)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        // Somebody else may have made it shorter; it must not grow by zeros.
        if self.file.metadata()?.len() > length {
            self.file.set_len(length)?;
        }
        Ok(())
    }
}

/// Makes a new name last. Not every file system can, and none needs it to
/// keep the lines themselves.
pub(super) fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
}

#[cfg(unix)]
fn is_same(here: &Metadata, there: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (here.dev(), here.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_same(here: &Metadata, there: &Metadata) -> bool {
    here.len() == there.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failure_left_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("findings.ndjson");
        let content = || fs::read_to_string(&path).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        lines.append(b"{1}").unwrap();
        lines.sync().unwrap();

        // The disk was full in the middle of the third line.
        lines.append(b"{2}").unwrap();
        lines.file.write_all(b"{3").unwrap();
        lines.torn = true;
        assert!(!lines.is_at(&path));
        lines.sync().unwrap();
        assert_eq!(content(), "{1}\n{2}\n");

        // It could not even be synced then.
        lines.append(b"{3}").unwrap();
        lines.file.write_all(b"{4").unwrap();
        lines.torn = true;
        lines.restore().unwrap();
        assert_eq!(content(), "{1}\n{2}\n");
        assert!(lines.is_at(&path));
        lines.append(b"{3}").unwrap();
        assert_eq!(content(), "{1}\n{2}\n{3}\n");
    }
}
