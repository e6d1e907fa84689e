//! Compiled components on disk, so that a start takes milliseconds.
//!
//! Machine code from a file is run as it is: whoever can write it owns the
//! host. So an entry counts only under a seal whose key lies beside the
//! entries, readable by this user alone, and which binds it to the component it
//! was compiled from. Whoever can read the key could replace the host itself.
//! Anything else, damaged or foreign, is compiled anew.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ring::{
    digest::{Context, SHA256},
    rand::{SecureRandom, SystemRandom},
};

use rustix::process::geteuid;

use crate::{
    budget::ARTIFACT,
    compiler::{Artifact, Seal},
};

/// Stands for the exact versions of all libraries, the compiler among them.
const LIBRARIES: &str = env!("SANDTRAP_LIBRARIES");

/// Rights that nobody else may have on the folder, and on the key.
const GROUP_AND_OTHERS_WRITE: u32 = 0o022;
const GROUP_AND_OTHERS: u32 = 0o077;

const KEY_FILE: &str = "key";
const KEY_LENGTH: usize = 32;

/// How many entries are kept; older ones make room.
const MAX_ENTRIES: usize = 256;

/// Largest entry that is read back: an artifact and its tag.
const MAX_ENTRY: u64 = ARTIFACT + 1024;

/// A folder of compiled components.
pub struct Cache {
    folder: PathBuf,
    seal: Seal,
}

impl Cache {
    /// Opens the folder, or makes it with a new key.
    pub fn open(folder: &Path) -> io::Result<Self> {
        make_private(folder)?;
        check_private(&fs::metadata(folder)?, GROUP_AND_OTHERS_WRITE)?;
        let path = folder.join(KEY_FILE);
        let mut key = Vec::new();
        match crate::file::open(&path) {
            Ok(file) => {
                check_private(&file.metadata()?, GROUP_AND_OTHERS)?;
                file.take(KEY_LENGTH as u64 + 1).read_to_end(&mut key)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                key = vec![0; KEY_LENGTH];
                SystemRandom::new()
                    .fill(&mut key)
                    .map_err(|_| io::Error::other("no randomness"))?;
                write_private(&path, &[&key])?;
            }
            Err(error) => return Err(error),
        }
        if key.len() != KEY_LENGTH {
            return Err(io::Error::other("its key is damaged; delete the folder"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            seal: Seal::new(&key),
        })
    }

    /// The machine code compiled from these bytes, if an entry holds it.
    pub(crate) fn get(&self, bytes: &[u8]) -> Option<Artifact> {
        let name = name(bytes);
        let file = fs::File::open(self.folder.join(&name)).ok()?;
        let mut entry = Vec::new();
        file.take(MAX_ENTRY).read_to_end(&mut entry).ok()?;
        self.seal.open(&name, &entry)
    }

    /// Keeps what was compiled from these bytes. A cache that cannot be written
    /// costs time and nothing else.
    pub(crate) fn put(&self, bytes: &[u8], artifact: &Artifact) {
        let name = name(bytes);
        let tag = self.seal.tag(&name, artifact);
        let parts = [tag.as_ref(), artifact.bytes()];
        let kept = self
            .make_room()
            .and_then(|()| write_private(&self.folder.join(name), &parts));
        if let Err(error) = kept {
            tracing::debug!("a compiled component was not kept: {error}");
        }
    }

    fn make_room(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name() != KEY_FILE {
                entries.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        entries.sort();
        for (_, path) in entries.iter().rev().skip(MAX_ENTRIES - 1) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// What an entry is called: the hash of its component and of the libraries that
/// this program is built from. What an earlier compiler made is not taken, as
/// it may have the defect that a later one mends.
fn name(bytes: &[u8]) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(LIBRARIES.as_bytes());
    hash.update(bytes);
    hash.finish()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Whoever else can write the key or put one there can have the host run what
/// they like.
fn check_private(found: &fs::Metadata, rights: u32) -> io::Result<()> {
    if found.uid() == geteuid().as_raw() && found.mode() & rights == 0 {
        return Ok(());
    }
    Err(io::Error::other(
        "it belongs to another user, or others have rights to it; delete it, or name another \
         with --cache",
    ))
}

/// Writes a file aside, for this user alone, and puts it in its place at once.
fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let aside = path.with_extension(format!("partial-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&aside)?;
    for part in parts {
        file.write_all(part)?;
    }
    drop(file);
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use super::*;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn entry(folder: &Path) -> PathBuf {
        folder.join(name(EMPTY))
    }

    #[test]
    fn what_was_kept_comes_back_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let engine = wasmtime::Engine::default();
        let artifact = Artifact::compile(&engine, EMPTY).unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert!(cache.get(EMPTY).is_none());
        cache.put(EMPTY, &artifact);
        let again = Cache::open(folder.path()).unwrap();
        for cache in [&cache, &again] {
            let kept = cache.get(EMPTY).unwrap();
            assert!(kept.load(&engine).is_ok());
        }

        // Any byte changed, the tag's own among them, and it does not count.
        let whole = fs::read(entry(folder.path())).unwrap();
        for position in (0..whole.len()).step_by(97) {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            fs::write(entry(folder.path()), &damaged).unwrap();
            assert!(cache.get(EMPTY).is_none(), "byte {position}");
        }
        // Nor does a folder or a key that others can reach.
        for (path, mode, rest) in [
            (folder.path().to_owned(), 0o770, 0o700),
            (folder.path().join(KEY_FILE), 0o640, 0o600),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(Cache::open(folder.path()).is_err(), "{path:?}");
            fs::set_permissions(&path, Permissions::from_mode(rest)).unwrap();
        }
        // Nor does an entry of another component, or of another key.
        fs::write(folder.path().join(name(b"another")), &whole).unwrap();
        assert!(cache.get(b"another").is_none());
        let other = tempfile::tempdir().unwrap();
        let foreign = Cache::open(other.path()).unwrap();
        fs::write(entry(other.path()), &whole).unwrap();
        assert!(foreign.get(EMPTY).is_none());
    }
}
