//! Which files are meant.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// How the names of files in a folder end that are followed.
const ENDINGS: [&str; 4] = [".json", ".jsonl", ".ndjson", ".log"];

/// Most files of a folder that are looked at. Answers a folder that is filled
/// to keep the daemon listing.
const MAX_ENTRIES: usize = 100_000;

/// Files of a folder.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct Pattern {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// A file of that name, or the telemetry in a folder of that name.
    Named,
    /// What matches `*` and `?` in the last component.
    Glob(String),
    /// The event logs in the folder.
    Evtx,
}

/// Why a path is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: `*` and `?` may stand in the last component only")]
pub struct BadPattern(String);

/// A file that was found.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct Entry {
    pub(super) path: PathBuf,
    /// Whether it is meant, or only lies beside those that are.
    pub(in crate::ingest) is_match: bool,
    pub(super) stat: Stat,
}

/// What the system says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ingest) struct Stat {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    /// In nanoseconds since 1970.
    pub(super) modified: i64,
}

impl Pattern {
    /// What the configuration names: a file, a folder or a glob.
    pub(super) fn new(path: &str) -> Result<Self, BadPattern> {
        let is_glob = |text: &str| text.contains(['*', '?']);
        let path = Path::new(path);
        let folder = path.parent().unwrap_or(path);
        if is_glob(&folder.to_string_lossy()) {
            return Err(BadPattern(path.display().to_string()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let kind = if is_glob(&name) {
            Kind::Glob(name.into_owned())
        } else {
            Kind::Named
        };
        Ok(Self {
            path: path.to_owned(),
            kind,
        })
    }

    /// The event logs of a folder.
    pub(in crate::ingest) fn evtx(folder: &Path) -> Self {
        Self {
            path: folder.to_owned(),
            kind: Kind::Evtx,
        }
    }

    /// The folder that the files lie in.
    pub(in crate::ingest) fn folder(&self) -> &Path {
        let is_folder = match self.kind {
            Kind::Evtx => true,
            Kind::Named => self.path.is_dir(),
            Kind::Glob(_) => false,
        };
        let parent = self.path.parent().filter(|_| !is_folder);
        match parent {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => &self.path,
        }
    }

    /// Whether a path is one of those meant.
    pub(in crate::ingest) fn is_match(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match &self.kind {
            Kind::Named if path == self.path => return true,
            Kind::Named if !is_telemetry(&name) => return false,
            Kind::Glob(glob) if !matches(glob.as_bytes(), name.as_bytes()) => return false,
            Kind::Evtx if !name.to_ascii_lowercase().ends_with(".evtx") => return false,
            _ => {}
        }
        let folder = match self.kind {
            Kind::Glob(_) => self.path.parent(),
            Kind::Named | Kind::Evtx => Some(self.path.as_path()),
        };
        path.parent() == folder
    }

    /// The files of the folder, the oldest first.
    pub(in crate::ingest) fn list(&self) -> io::Result<Vec<Entry>> {
        let folder = self.folder();
        // So that paths are as they were configured.
        let is_here = self.path.parent() == Some(Path::new("")) && folder != self.path;
        let prefix = if is_here { Path::new("") } else { folder };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = prefix.join(entry?.file_name());
            // What just vanished, and links to nothing, are no files.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            if entries.len() == MAX_ENTRIES {
                let error = format!("more than {MAX_ENTRIES} files");
                return Err(io::Error::other(error));
            }
            entries.push(Entry {
                is_match: self.is_match(&path),
                stat: Stat::new(&metadata, &path),
                path,
            });
        }
        entries.sort_by(|a, b| (a.stat.modified, &a.path).cmp(&(b.stat.modified, &b.path)));
        Ok(entries)
    }
}

impl Stat {
    pub(super) fn new(metadata: &Metadata, path: &Path) -> Self {
        let (device, inode) = identity(metadata, path);
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            device,
            inode,
            size: metadata.len(),
            modified: modified
                .and_then(|time| i64::try_from(time.as_nanos()).ok())
                .unwrap_or_default(),
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata, _: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Where the system does not tell, the path must do; a file that was replaced
/// then shows by its beginning.
#[cfg(not(unix))]
fn identity(_: &Metadata, path: &Path) -> (u64, u64) {
    let path = path.to_string_lossy();
    (0, xxhash_rust::xxh3::xxh3_64(path.as_bytes()))
}

fn is_telemetry(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name);
    !name.starts_with('.') && ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// Whether a name matches a glob of `*` and `?`. It goes back to the last star
/// only, so no glob takes longer than the product of the lengths.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while let Some(byte) = name.get(place) {
        match glob.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    place = taken + 1;
                }
                None => return false,
            },
        }
    }
    let rest = glob.get(at..).unwrap_or_default();
    rest.iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_names() {
        for (glob, name, expected) in [
            ("*.ndjson", "a.ndjson", true),
            ("*.ndjson", "a.ndjson.1", false),
            ("a?c*", "abc", true),
            ("a?c*", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
            ("?", "", false),
        ] {
            assert_eq!(
                matches(glob.as_bytes(), name.as_bytes()),
                expected,
                "{glob} {name}"
            );
        }
    }

    #[test]
    fn a_path_is_a_file_a_folder_or_a_glob() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [
            "a.ndjson",
            "b.LOG.gz",
            "a.ndjson.1",
            "c.evtx",
            ".d.json",
            "D.EVTX",
        ] {
            fs::write(path(name), name).unwrap();
        }
        let found = |pattern: Pattern| {
            let entries = pattern.list().unwrap();
            assert_eq!(entries.len(), 6);
            let matching = entries.into_iter().filter(|entry| entry.is_match);
            let mut names: Vec<_> = matching
                .map(|entry| entry.path.file_name().unwrap().to_str().unwrap().to_owned())
                .collect();
            names.sort();
            names.join(" ")
        };
        let of = |path: PathBuf| Pattern::new(path.to_str().unwrap()).unwrap();
        assert_eq!(found(of(folder.path().to_owned())), "a.ndjson b.LOG.gz");
        assert_eq!(found(of(path("a.ndjson.1"))), "a.ndjson.1");
        assert_eq!(found(of(path("*.nd*"))), "a.ndjson a.ndjson.1");
        assert_eq!(found(Pattern::evtx(folder.path())), "D.EVTX c.evtx");
        let error = Pattern::new("/var/*/a.json").unwrap_err().to_string();
        assert!(error.contains("last component"), "{error}");
    }
}
