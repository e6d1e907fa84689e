//! Old files: `.1` is the newest of them.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::lines::sync_folder;

/// Moves the current file to `.1`, and every old one a number further. More
/// than are to be kept are removed, also those of a time when more were kept.
///
/// It may be interrupted anywhere: the files are moved from the oldest on, and
/// a gap that is left is filled by the next rotation.
pub(super) fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let old = (1..).take_while(|number| exists(&numbered(path, *number)));
    let oldest: u32 = old.last().unwrap_or(0);
    for number in (keep.max(1)..=oldest).rev() {
        fs::remove_file(numbered(path, number))?;
    }
    for number in (1..=oldest).rev().filter(|number| *number < keep) {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    if keep == 0 {
        fs::remove_file(path)?;
    } else {
        fs::rename(path, numbered(path, 1))?;
    }
    sync_folder(path);
    Ok(())
}

/// An old file's path.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
