//! The end of a file of lines, read from behind.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use memchr::memrchr;
use serde::Deserialize;

/// How much is read at once.
const CHUNK: u64 = 64 * 1024;

/// The longest line that is looked into. No finding is that long.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// How much of the file is whole lines.
///
/// A rest that does not begin as a finding of ours was written by something
/// else: the path may be a mistake, and the file not ours to cut.
pub(super) fn whole_length(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let whole = line_start(file, length)?;
    if whole == length {
        return Ok(whole);
    }
    // A loss of power may leave zeros where data was not written yet.
    match read(file, whole, 1)?.first() {
        Some(b'{' | 0) => Ok(whole),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its end was not written by this program",
        )),
    }
}

/// The last line of a file that ends with a line end, without it.
pub(super) fn last_line(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let Some(end) = file.metadata()?.len().checked_sub(1) else {
        return Ok(None);
    };
    let start = line_start(file, end)?;
    read(file, start, (end - start).min(MAX_LINE)).map(Some)
}

/// The same of a file that may not exist.
pub(super) fn last_line_of(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match File::open(path) {
        Ok(mut file) => last_line(&mut file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A finding's message uid.
pub(super) fn uid(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Finding {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        uid: String,
    }
    let finding: Finding = serde_json::from_slice(line).ok()?;
    Some(finding.metadata.uid)
}

/// Where the line begins that the byte before `end` is in: behind the last
/// line end before it.
fn line_start(file: &mut File, end: u64) -> io::Result<u64> {
    let mut end = end;
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        let chunk = read(file, start, end - start)?;
        if let Some(position) = memrchr(b'\n', &chunk) {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn read(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
