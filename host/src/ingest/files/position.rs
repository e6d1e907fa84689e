//! What is stored about a file between two runs.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How many bytes at the beginning tell a file from another.
pub(super) const HEAD: usize = 1024;

/// The form of what is stored; another is not read.
const VERSION: u8 = 1;

/// How a file begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    /// How many bytes it was made of.
    pub(super) length: u16,
    hash: [u8; 16],
}

/// How far a file that grows was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The path under which it was found first.
    pub(super) path: String,
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Made of bytes before the offset only, as those stay as they are.
    pub(super) fingerprint: Fingerprint,
    /// After the last whole line.
    pub(super) offset: u64,
    /// Records before the offset.
    pub(super) records: u64,
}

/// How far a file that is read once, as a whole, was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The path under which it was found first.
    pub(super) path: String,
    /// What it was at that time.
    pub(super) stamp: Stamp,
    /// Records that were handed over.
    pub(super) records: u64,
    /// Whether these are all.
    pub(super) is_finished: bool,
}

/// What tells a file from what it was before, wherever it is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) modified: i64,
    pub(super) fingerprint: Fingerprint,
}

impl Fingerprint {
    /// Of the first bytes of a file.
    pub(super) fn new(head: &[u8]) -> Self {
        let head = head.get(..HEAD).unwrap_or(head);
        let whole = blake3::hash(head);
        let (hash, _) = whole.as_bytes().split_at(16);
        Self {
            length: u16::try_from(head.len()).unwrap_or(u16::MAX),
            hash: hash.try_into().unwrap_or_default(),
        }
    }
}

impl Position {
    /// Under which name it is stored. Two files may have had the same path.
    pub(super) fn key(&self) -> String {
        format!("files:{}#{:x}-{:x}", self.path, self.device, self.inode)
    }
}

impl Progress {
    /// Under which name it is stored, after the kind of the source.
    pub(super) fn key(&self, kind: &str) -> String {
        let hash = Fingerprint::new(&encode(&self.stamp).unwrap_or_default()).hash;
        let (hash, _) = hash.split_at(8);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}:{}#{hash}", self.path)
    }
}

/// As it is stored. The kind tells the two apart that files have.
pub(super) fn store(kind: Kind, value: &impl Serialize) -> Option<Vec<u8>> {
    let mut bytes = vec![VERSION, kind as u8];
    bytes.extend(encode(value)?);
    Some(bytes)
}

/// What was stored, if it is of that kind and can be read.
pub(super) fn load<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Option<T> {
    let value = bytes.strip_prefix(&[VERSION, kind as u8])?;
    postcard::from_bytes(value).ok()
}

/// What a stored value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Position = 0,
    Progress = 1,
}

fn encode(value: &impl Serialize) -> Option<Vec<u8>> {
    // It cannot fail: nothing in these types has no form in postcard.
    postcard::to_stdvec(value).ok()
}

/// Reads so many bytes from a place, or fewer at the end of the file.
pub(super) fn read_at(
    file: &mut File,
    from: u64,
    bytes: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    buffer.clear();
    file.seek(SeekFrom::Start(from))?;
    file.take(bytes as u64).read_to_end(buffer)?;
    Ok(())
}
