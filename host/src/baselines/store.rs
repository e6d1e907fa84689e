//! The baselines on disk: one file for all analytics, a table for each.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    TableError, TableHandle, WriteTransaction,
};
use serde::Serialize;
use thiserror::Error;

use super::seen::Seen;

/// The file's name in the state directory.
const FILE: &str = "state.redb";

/// How much of the file the database keeps in memory, in bytes.
const PAGES: usize = 64 << 20;

/// What the file says it is, and in which form.
const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("sandtrap.format");
const FORMAT_KEY: &str = "baselines";
const FORMAT_VERSION: u64 = 1;

/// What the table of an analytic is called before its identifier.
const PREFIX: &str = "analytic.";

/// Device, baseline and key.
type Place<'a> = (&'a str, &'a str, &'a str);

/// A key of one device, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The device.
    pub device: Box<str>,
    /// The baseline's name.
    pub baseline: Box<str>,
    /// The key.
    pub key: Box<str>,
    /// What the fleet's snapshot holds of it.
    pub merged: Seen,
    /// What it does not hold yet.
    pub fresh: Seen,
    /// Counts by minute since 1970, ascending.
    pub minutes: Vec<(i32, u32)>,
}

/// A baseline in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The analytic it belongs to.
    pub analytic: String,
    /// Its name.
    pub baseline: String,
    /// How many keys it has, each counted once for every device.
    pub keys: u64,
    /// How many devices it was observed on.
    pub devices: u64,
    /// How many observations it holds.
    pub count: u64,
    /// The first time, milliseconds since 1970 UTC.
    pub first_seen: i64,
    /// The last time.
    pub last_seen: i64,
}

/// Why baselines could not be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file could not be opened.
    #[error("cannot open the baselines {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<DatabaseError>,
    },
    /// The directory could not be made.
    #[error("cannot make the directory of the baselines {path}")]
    Directory {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The file is a database of something else or of a later version.
    #[error("{path} does not hold baselines in a form this version reads")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database failed.
    #[error("the baselines {path} failed")]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<redb::Error>,
    },
    /// An entry makes no sense.
    #[error("the baselines {path} are damaged: key {key:?} of {baseline:?} of {analytic}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The analytic.
        analytic: String,
        /// The baseline's name.
        baseline: String,
        /// The key.
        key: String,
    },
    /// The export could not be written.
    #[error("cannot write the export")]
    Export(#[source] io::Error),
}

/// The file.
#[derive(Debug)]
pub struct BaselineStore {
    path: PathBuf,
    database: Database,
}

impl BaselineStore {
    /// Opens the file in a state directory, or makes it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        fs::create_dir_all(directory).map_err(|source| StoreError::Directory {
            path: path.clone(),
            source,
        })?;
        let is_new = fs::metadata(&path).map_or(true, |file| file.len() == 0);
        let database = Database::builder()
            .set_cache_size(PAGES)
            .create(&path)
            .map_err(|source| StoreError::Open {
                path: path.clone(),
                source: Box::new(source),
            })?;
        let store = Self { path, database };
        if is_new {
            store.attempt(|| {
                let write = store.database.begin_write()?;
                write
                    .open_table(FORMAT)?
                    .insert(FORMAT_KEY, FORMAT_VERSION)?;
                Ok(write.commit()?)
            })?;
        } else if store.attempt(|| store.format())? != Some(FORMAT_VERSION) {
            return Err(StoreError::Foreign { path: store.path });
        }
        Ok(store)
    }

    /// Reads an analytic's entries, sorted by device, baseline and key.
    pub fn load(
        &self,
        analytic: &str,
        mut each: impl FnMut(StoredEntry),
    ) -> Result<(), StoreError> {
        let read = self.attempt(|| Ok(self.database.begin_read()?))?;
        self.walk(&read, analytic, |entry| {
            each(entry);
            Ok(())
        })
    }

    /// Writes changed entries of analytics, all in one transaction.
    pub fn flush<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a str, Vec<StoredEntry>)>,
    ) -> Result<(), StoreError> {
        self.attempt(|| {
            let write = self.database.begin_write()?;
            for (analytic, entries) in changes {
                Self::write(&write, analytic, &entries)?;
            }
            Ok(write.commit()?)
        })
    }

    /// Writes changed entries of an analytic as part of a transaction.
    pub fn write(
        write: &WriteTransaction,
        analytic: &str,
        entries: &[StoredEntry],
    ) -> Result<(), redb::Error> {
        let name = table_name(analytic);
        let mut table = write.open_table(table(&name))?;
        for entry in entries {
            table.insert(entry.place(), encode(entry).as_slice())?;
        }
        Ok(())
    }

    /// The database, which the daemon shares for the rest of its state.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The analytics with baselines, sorted.
    pub fn analytics(&self) -> Result<Vec<String>, StoreError> {
        self.attempt(|| {
            let read = self.database.begin_read()?;
            let mut analytics: Vec<String> = read
                .list_tables()?
                .filter_map(|table| table.name().strip_prefix(PREFIX).map(str::to_owned))
                .collect();
            analytics.sort_unstable();
            Ok(analytics)
        })
    }

    /// Writes an analytic's entries as NDJSON, sorted by device, baseline and
    /// key.
    pub fn export(&self, analytic: &str, to: &mut impl Write) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Line<'a> {
            analytic: &'a str,
            device: &'a str,
            baseline: &'a str,
            key: &'a str,
            count: u64,
            first_seen: Option<i64>,
            last_seen: Option<i64>,
        }
        let read = self.attempt(|| Ok(self.database.begin_read()?))?;
        self.walk(&read, analytic, |entry| {
            let seen = entry.merged.and(entry.fresh);
            let line = Line {
                analytic,
                device: &entry.device,
                baseline: &entry.baseline,
                key: &entry.key,
                count: seen.count,
                first_seen: seen.first(),
                last_seen: seen.last(),
            };
            serde_json::to_writer(&mut *to, &line)
                .map_err(io::Error::from)
                .and_then(|()| to.write_all(b"\n"))
                .map_err(StoreError::Export)
        })
    }

    /// The baselines of all analytics in short, sorted.
    pub fn summary(&self) -> Result<Vec<Summary>, StoreError> {
        let mut summaries = BTreeMap::<(String, Box<str>), (Summary, Seen)>::new();
        for analytic in self.analytics()? {
            // Entries come device by device, so a baseline's devices are those
            // that differ from the one before.
            let mut last = BTreeMap::<Box<str>, Box<str>>::new();
            self.load(&analytic, |entry| {
                let place = (analytic.clone(), entry.baseline.clone());
                let (summary, seen) = summaries.entry(place).or_default();
                summary.keys += 1;
                *seen = seen.and(entry.merged).and(entry.fresh);
                let before = last.insert(entry.baseline, entry.device.clone());
                summary.devices += u64::from(before.as_ref() != Some(&entry.device));
            })?;
        }
        Ok(summaries
            .into_iter()
            .map(|((analytic, baseline), (summary, seen))| Summary {
                analytic,
                baseline: baseline.into(),
                count: seen.count,
                first_seen: seen.first,
                last_seen: seen.last,
                ..summary
            })
            .collect())
    }

    fn walk(
        &self,
        read: &ReadTransaction,
        analytic: &str,
        mut each: impl FnMut(StoredEntry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let name = table_name(analytic);
        let table = match read.open_table(table(&name)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(self.failed(error.into())),
        };
        let range = self.attempt(|| Ok(table.iter()?))?;
        for entry in range {
            let (place, value) = entry.map_err(|error| self.failed(error.into()))?;
            let (device, baseline, key) = place.value();
            let Some(entry) = decode((device, baseline, key), value.value()) else {
                return Err(StoreError::Damaged {
                    path: self.path.clone(),
                    analytic: analytic.to_owned(),
                    baseline: baseline.to_owned(),
                    key: key.to_owned(),
                });
            };
            each(entry)?;
        }
        Ok(())
    }

    fn format(&self) -> Result<Option<u64>, redb::Error> {
        let read = self.database.begin_read()?;
        match read.open_table(FORMAT) {
            Ok(table) => Ok(table.get(FORMAT_KEY)?.map(|version| version.value())),
            Err(
                TableError::TableDoesNotExist(_)
                | TableError::TableTypeMismatch { .. }
                | TableError::TableIsMultimap(_),
            ) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn attempt<T>(&self, step: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
        step().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        StoreError::Database {
            path: self.path.clone(),
            source: Box::new(error),
        }
    }
}

impl StoredEntry {
    pub(super) fn place(&self) -> Place<'_> {
        (&self.device, &self.baseline, &self.key)
    }
}

fn table_name(analytic: &str) -> String {
    format!("{PREFIX}{analytic}")
}

fn table(name: &str) -> TableDefinition<'_, Place<'static>, &'static [u8]> {
    TableDefinition::new(name)
}

/// The numbers one after the other, little-endian: count, first and last of
/// both parts, then minute and count of each minute.
fn encode(entry: &StoredEntry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48 + entry.minutes.len() * 8);
    for seen in [entry.merged, entry.fresh] {
        bytes.extend(seen.count.to_le_bytes());
        bytes.extend(seen.first.to_le_bytes());
        bytes.extend(seen.last.to_le_bytes());
    }
    for (minute, count) in &entry.minutes {
        bytes.extend(minute.to_le_bytes());
        bytes.extend(count.to_le_bytes());
    }
    bytes
}

/// An entry from its bytes.
pub(crate) fn decode((device, baseline, key): Place<'_>, bytes: &[u8]) -> Option<StoredEntry> {
    let (words, rest) = bytes.split_at_checked(48)?;
    let (words, _) = words.as_chunks::<8>();
    let [a, b, c, d, e, f] = *words else {
        return None;
    };
    let seen = |count, first, last| {
        let seen = Seen {
            count: u64::from_le_bytes(count),
            first: i64::from_le_bytes(first),
            last: i64::from_le_bytes(last),
        };
        (seen.first <= seen.last).then_some(seen)
    };
    let (pairs, []) = rest.as_chunks::<8>() else {
        return None;
    };
    let minutes: Vec<(i32, u32)> = pairs
        .iter()
        .map(|[a, b, c, d, e, f, g, h]| {
            (
                i32::from_le_bytes([*a, *b, *c, *d]),
                u32::from_le_bytes([*e, *f, *g, *h]),
            )
        })
        .collect();
    let is_ascending = minutes.is_sorted_by(|(one, _), (other, _)| one < other);
    is_ascending.then_some(StoredEntry {
        device: device.into(),
        baseline: baseline.into(),
        key: key.into(),
        merged: seen(a, b, c)?,
        fresh: seen(d, e, f)?,
        minutes,
    })
}
