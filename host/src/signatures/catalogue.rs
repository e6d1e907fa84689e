//! What the operator says about files: a list loaded from NDJSON, and how to
//! make one from the files of a directory.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    State,
    authenticode::{Examined, examine, sha256},
    chain::TrustedRoots,
    verdict::fold_case,
};

/// Longest line, in bytes.
const LINE: u64 = 64 * 1024;

/// Deepest directory below the one that is scanned.
const DEPTH: usize = 64;

/// Most errors of a scan kept in words; all are counted.
const ERRORS: usize = 100;

/// A line of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// SHA-256 of the file, hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Its path on Windows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What is known of its signature.
    pub state: State,
    /// The signer's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signer: String,
}

/// A file's signature as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub state: State,
    pub signer: Box<str>,
    sha256: Option<[u8; 32]>,
}

/// The operator's catalogue, read-only while analytics run.
#[derive(Debug, Default)]
pub struct Catalogue {
    by_hash: HashMap<[u8; 32], Listed, RandomState>,
    by_path: HashMap<Box<str>, Listed, RandomState>,
}

/// Why a catalogue could not be loaded.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// The file could not be read.
    #[error("cannot read the catalogue {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// A line is not an entry.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Catalogue {
    /// Loads a catalogue, one JSON object a line.
    pub fn load(path: &Path) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        catalogue.add_file(path)?;
        Ok(catalogue)
    }

    /// Adds the entries of a file. Of two about one file the later counts.
    pub fn add_file(&mut self, path: &Path) -> Result<(), CatalogueError> {
        let read = |source| CatalogueError::Read {
            path: path.to_owned(),
            source,
        };
        let mut reader = BufReader::new(File::open(path).map_err(read)?);
        self.add_lines(path, &mut reader)
    }

    /// Adds the entries of a file that is read.
    pub(crate) fn add_lines(
        &mut self,
        path: &Path,
        reader: &mut impl BufRead,
    ) -> Result<(), CatalogueError> {
        let read = |source| CatalogueError::Read {
            path: path.to_owned(),
            source,
        };
        let mut text = Vec::new();
        for line in 1.. {
            let wrong = |reason: String| CatalogueError::Line {
                path: path.to_owned(),
                line,
                reason,
            };
            text.clear();
            let mut limited = reader.by_ref().take(LINE);
            if limited.read_until(b'\n', &mut text).map_err(read)? == 0 {
                break;
            }
            if text.len() as u64 == LINE && text.last() != Some(&b'\n') {
                return Err(wrong(format!("longer than {LINE} bytes")));
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
            self.add(entry).map_err(|reason| wrong(reason.to_owned()))?;
        }
        Ok(())
    }

    /// Adds an entry.
    pub fn add(&mut self, entry: CatalogueEntry) -> Result<(), &'static str> {
        let sha256 = match entry.sha256.as_str() {
            "" => None,
            text => Some(hash_of(text).ok_or("sha256 is not 64 hexadecimal digits")?),
        };
        let listed = Listed {
            state: entry.state,
            signer: entry.signer.into(),
            sha256,
        };
        if sha256.is_none() && entry.path.is_empty() {
            return Err("neither sha256 nor path");
        }
        if !entry.path.is_empty() {
            let mut path = String::new();
            fold_case(&entry.path, &mut path);
            self.by_path.insert(path.into(), listed.clone());
        }
        if let Some(hash) = sha256 {
            self.by_hash.insert(hash, listed);
        }
        Ok(())
    }

    /// How many files it lists, by hash and by path.
    pub fn len(&self) -> (usize, usize) {
        (self.by_hash.len(), self.by_path.len())
    }

    /// Whether it lists none.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// What it says of a file, the path in lower case. A path counts only if
    /// the hash, where both are known, is the same.
    pub(super) fn lookup(&self, path: &str, sha256: &str) -> Option<&Listed> {
        let hash = hash_of(sha256);
        let by_hash = hash.and_then(|hash| self.by_hash.get(&hash));
        by_hash.or_else(|| {
            self.by_path
                .get(path)
                .filter(|listed| hash.is_none() || listed.sha256.is_none() || listed.sha256 == hash)
        })
    }

    /// Examines the PE files of a directory and all below it, in order of
    /// their names. Errors of single files are counted, not fatal.
    pub fn scan(
        directory: &Path,
        options: &ScanOptions,
        mut progress: impl FnMut(&Path),
    ) -> Result<Scan, io::Error> {
        let mut scan = Scan::default();
        scan.directory(directory, options, DEPTH, &mut progress)?;
        Ok(scan)
    }
}

/// How to scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The roots a chain must end in to be `valid`.
    pub roots: TrustedRoots,
    /// The present, for signatures without a time stamp, milliseconds since
    /// 1970 UTC.
    pub now: i64,
    /// The Windows path that the directory stands for; entries go by hash
    /// alone without it.
    pub stands_for: Option<String>,
    /// Whether to list files without a signature of their own as unsigned.
    /// Wrong for Windows' own files, which are signed in its catalogues.
    pub lists_unsigned: bool,
    /// Largest file examined, in bytes. Answers the disk image among them.
    pub max_size: u64,
    /// Most files examined.
    pub max_files: u64,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            roots: TrustedRoots::default(),
            now: 0,
            stands_for: None,
            lists_unsigned: false,
            max_size: 512 << 20,
            max_files: 1_000_000,
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// The files with a signature, in order of their paths.
    pub entries: Vec<CatalogueEntry>,
    /// Files looked at.
    pub files: u64,
    /// PE files among them without a signature of their own.
    pub without_signature: u64,
    /// Files that could not be examined.
    pub failed: u64,
    /// The first of those, and why.
    pub errors: Vec<(PathBuf, String)>,
    /// Whether there were more files than may be examined.
    pub is_cut: bool,
}

impl Scan {
    fn directory(
        &mut self,
        directory: &Path,
        options: &ScanOptions,
        depth: usize,
        progress: &mut impl FnMut(&Path),
    ) -> Result<(), io::Error> {
        let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            // Links are not followed: they may lead in circles.
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) => {
                    self.fail(path, error.to_string());
                    continue;
                }
            };
            if kind.is_dir() {
                let Some(depth) = depth.checked_sub(1) else {
                    self.fail(path, "too deep".to_owned());
                    continue;
                };
                let stands_for = options.stands_for.as_ref().map(|parent| {
                    let name = entry.file_name();
                    format!("{}\\{}", parent.trim_end_matches('\\'), name.display())
                });
                let below = ScanOptions {
                    stands_for,
                    ..options.clone()
                };
                if let Err(error) = self.directory(&path, &below, depth, progress) {
                    self.fail(path, error.to_string());
                }
            } else if kind.is_file() {
                if self.files >= options.max_files {
                    self.is_cut = true;
                    return Ok(());
                }
                self.files += 1;
                progress(&path);
                if let Err(reason) = self.file(&path, options) {
                    self.fail(path, reason);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, options: &ScanOptions) -> Result<(), String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let mut magic = Vec::new();
        let read = (&mut file).take(2).read_to_end(&mut magic);
        read.map_err(|error| error.to_string())?;
        if magic != b"MZ" {
            return Ok(());
        }
        let size = file.metadata().map_err(|error| error.to_string())?.len();
        if size > options.max_size {
            return Err(format!("{size} bytes, more than {}", options.max_size));
        }
        let mut bytes = magic;
        let read = file.take(options.max_size).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        let examined = examine(&bytes, &options.roots, options.now);
        let (state, signer) = match examined.map_err(|error| error.to_string())? {
            Examined::NotPe => return Ok(()),
            Examined::WithoutSignature => {
                self.without_signature += 1;
                if !options.lists_unsigned {
                    return Ok(());
                }
                (State::Unsigned, String::new())
            }
            Examined::Signed { state, signer } => (state, signer),
        };
        let name = path.file_name().unwrap_or_default();
        let stands_for = options
            .stands_for
            .as_ref()
            .map(|parent| format!("{}\\{}", parent.trim_end_matches('\\'), name.display()));
        self.entries.push(CatalogueEntry {
            sha256: sha256(&bytes),
            path: stands_for.unwrap_or_default(),
            state,
            signer,
        });
        Ok(())
    }

    fn fail(&mut self, path: PathBuf, reason: String) {
        self.failed += 1;
        if self.errors.len() < ERRORS {
            self.errors.push((path, reason));
        }
    }
}

fn hash_of(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let (pairs, _) = bytes.as_chunks::<2>();
    let mut hash = [0; 32];
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    Some(hash)
}
