//! Compiled components on disk, so that a start takes milliseconds.
//!
//! Machine code from a file is run as it is: whoever can write it owns the
//! host. So an entry counts only with a tag (HMAC-SHA-256, RFC 2104) made with
//! a key that lies beside the entries, readable by this user alone, and bound
//! to the component it was compiled from. Whoever can read the key could
//! replace the host itself. Anything else, damaged or foreign, is compiled
//! anew.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use ring::{
    digest::{SHA256, digest},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use wasmtime::{Engine, component::Component};

const KEY_FILE: &str = "key";
const KEY_LENGTH: usize = 32;
const TAG_LENGTH: usize = 32;

/// How many entries are kept; older ones make room.
const MAX_ENTRIES: usize = 256;

/// Largest entry that is read back. Answers a file put there to fill memory.
const MAX_ENTRY: u64 = 512 << 20;

/// A folder of compiled components.
pub struct Cache {
    folder: PathBuf,
    key: hmac::Key,
}

impl Cache {
    /// Opens the folder, or makes it with a new key.
    pub fn open(folder: &Path) -> io::Result<Self> {
        make_private(folder)?;
        let path = folder.join(KEY_FILE);
        let mut key = Vec::new();
        match fs::File::open(&path) {
            Ok(file) => {
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
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        })
    }

    /// The component compiled from these bytes, if an entry holds it.
    pub fn get(&self, engine: &Engine, bytes: &[u8]) -> Option<Component> {
        let name = name(bytes);
        let file = fs::File::open(self.folder.join(&name)).ok()?;
        let mut entry = Vec::new();
        file.take(MAX_ENTRY).read_to_end(&mut entry).ok()?;
        let (tag, code) = entry.split_at_checked(TAG_LENGTH)?;
        hmac::verify(&self.key, &signed(&name, code), tag).ok()?;
        #[expect(
            unsafe_code,
            reason = "the only one: deserialising runs what the file holds, and the tag just \
                      verified shows that this host wrote it for this component; wasmtime itself \
                      refuses code of another version or configuration"
        )]
        let component = unsafe { Component::deserialize(engine, code) };
        component.ok()
    }

    /// Keeps a compiled component. A cache that cannot be written costs time
    /// and nothing else.
    pub fn put(&self, bytes: &[u8], component: &Component) {
        let kept = || -> io::Result<()> {
            let code = component.serialize().map_err(io::Error::other)?;
            let name = name(bytes);
            let tag = hmac::sign(&self.key, &signed(&name, &code));
            self.make_room()?;
            write_private(&self.folder.join(name), &[tag.as_ref(), &code])
        };
        if let Err(error) = kept() {
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

/// What an entry is called: the hash of its component.
fn name(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What the tag is made of: the code and what it was compiled from. The name is
/// of fixed length, so the two cannot be shifted against each other.
fn signed(name: &str, code: &[u8]) -> Vec<u8> {
    [name.as_bytes(), code].concat()
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Writes a file aside, for this user alone, and puts it in its place at once.
fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let aside = path.with_extension(format!("partial-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&aside)?;
    for part in parts {
        file.write_all(part)?;
    }
    drop(file);
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn entry(folder: &Path) -> PathBuf {
        folder.join(name(EMPTY))
    }

    #[test]
    fn what_was_kept_comes_back_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let component = Component::from_binary(&engine, EMPTY).unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert!(cache.get(&engine, EMPTY).is_none());
        cache.put(EMPTY, &component);
        assert!(cache.get(&engine, EMPTY).is_some());
        assert!(
            Cache::open(folder.path())
                .unwrap()
                .get(&engine, EMPTY)
                .is_some()
        );

        // Any byte changed, the tag's own among them, and it does not count.
        let whole = fs::read(entry(folder.path())).unwrap();
        for position in (0..whole.len()).step_by(97) {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            fs::write(entry(folder.path()), &damaged).unwrap();
            assert!(cache.get(&engine, EMPTY).is_none(), "byte {position}");
        }
        // Nor does an entry of another component, or of another key.
        fs::write(folder.path().join(name(b"another")), &whole).unwrap();
        assert!(cache.get(&engine, b"another").is_none());
        let other = tempfile::tempdir().unwrap();
        let foreign = Cache::open(other.path()).unwrap();
        fs::write(entry(other.path()), &whole).unwrap();
        assert!(foreign.get(&engine, EMPTY).is_none());
    }
}
