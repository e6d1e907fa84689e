//! What the daemon must find again after a restart, in one database.
//!
//! One transaction holds everything that came of some deliveries: what changed
//! of the state, the findings, which records were seen, how far sources came.
//! So after a crash either all of it is there or none of it.

mod letters;
mod restore;
mod tables;
mod versions;

use std::{collections::BTreeMap, path::Path};

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use crate::{
    baselines::{BaselineStore, StoreError},
    change::{Change, Damaged},
    ingest::Checkpoint,
    outlet::Entry,
    pipeline::StateChanges,
};
use letters::Post;
pub use letters::Selection;
use tables::{
    CHECKPOINTS, CONFIRMED, DEAD_LETTERS, FINDINGS, HOURS, LINEAGE, META, RECORDS, SCRIPTS,
    SECRETS, SIGNATURES, UIDS, VERSIONS, changes_table, issued_name, marks_name,
};

/// How many findings are kept although every sink has them, to be shown.
const RETAINED: u64 = 10_000;

/// How many findings' identifiers are remembered, so that none is issued
/// twice.
pub const REMEMBERED_FINDINGS: u64 = 1_000_000;

/// The database.
#[derive(Debug)]
pub struct Store {
    baselines: BaselineStore,
}

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] StoreError),
    /// The database failed.
    #[error("the state cannot be read or written")]
    Database(#[source] Box<redb::Error>),
    /// Something in it makes no sense.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// There is no randomness for its keys.
    #[error("the system gives no random numbers")]
    Random,
}

impl<E: Into<redb::Error>> From<E> for StateError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// What came of some deliveries.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The last event's place in the run, and of how many events it is the
    /// last.
    pub sequence: u64,
    /// Records that were processed.
    pub records: u64,
    /// What changed of the state of the shards.
    pub changes: StateChanges,
    /// What changed of the script blocks that wait for parts.
    pub scripts: Vec<Change>,
    /// Fingerprints of the records that were kept.
    pub fingerprints: Vec<u64>,
    /// Findings, by number.
    pub findings: Vec<Entry>,
    /// How far sources came.
    pub checkpoints: Vec<Checkpoint>,
    /// What could not be handled, each a JSON object.
    pub dead_letters: Vec<Vec<u8>>,
    /// Earlier ones that were tried again, by number: what replaces each, or
    /// nothing if it was handled.
    pub replayed: Vec<(u64, Option<Vec<u8>>)>,
}

/// Numbers that go on after a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    /// The last event's place.
    pub sequence: u64,
    /// Records processed.
    pub records: u64,
    /// The last finding's number.
    pub findings: u64,
}

impl Store {
    /// Opens the database in a folder, or makes both.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let store = Self {
            baselines: BaselineStore::open(folder)?,
        };
        // All tables are there from now on, so that reading needs no care.
        let write = store.begin()?;
        for table in [LINEAGE, SIGNATURES, SCRIPTS] {
            write.open_table(changes_table(table))?;
        }
        for table in [META, CONFIRMED] {
            write.open_table(table)?;
        }
        for table in [SECRETS, CHECKPOINTS] {
            write.open_table(table)?;
        }
        for table in [RECORDS, UIDS, DEAD_LETTERS] {
            write.open_table(table)?;
        }
        write.open_table(FINDINGS)?;
        write.open_table(HOURS)?;
        write.open_table(VERSIONS)?;
        write.commit()?;
        Ok(store)
    }

    /// Writes transactions in their order, further dead letters, and what sinks
    /// confirmed, all of it or nothing. Returns once it is on disk, and how
    /// many dead letters had to make room.
    pub fn commit<'a>(
        &self,
        transactions: impl IntoIterator<Item = &'a Transaction>,
        dead_letters: &[Vec<u8>],
        confirmed: &BTreeMap<String, u64>,
        remembered: u64,
    ) -> Result<u64, StateError> {
        let write = self.begin()?;
        let mut post = Post::open(&write)?;
        for transaction in transactions {
            Self::add(&write, transaction)?;
            post.settle(&write, transaction)?;
        }
        post.add(&write, dead_letters)?;
        let gone = post.close(&write)?;
        {
            let mut table = write.open_table(CONFIRMED)?;
            for (sink, number) in confirmed {
                table.insert(sink.as_str(), number)?;
            }
        }
        prune(&write, remembered)?;
        write.commit()?;
        Ok(gone)
    }

    fn begin(&self) -> Result<WriteTransaction, StateError> {
        Ok(self.baselines.database().begin_write()?)
    }

    fn add(write: &WriteTransaction, transaction: &Transaction) -> Result<(), StateError> {
        let changes = &transaction.changes;
        put(write, LINEAGE, &changes.lineage)?;
        put(write, SIGNATURES, &changes.signatures)?;
        put(write, SCRIPTS, &transaction.scripts)?;
        for (id, state) in &changes.analytics {
            put(write, &marks_name(id), &state.marks)?;
            put(write, &issued_name(id), &state.issued)?;
            if !state.baselines.is_empty() {
                BaselineStore::write(write, id, &state.baselines)?;
            }
            if let Some(hour) = state.hour {
                write.open_table(HOURS)?.insert(id.as_str(), hour)?;
            }
        }
        let mut meta = write.open_table(META)?;
        meta.insert("sequence", transaction.sequence)?;
        meta.insert("records", transaction.records)?;
        if let Some(last) = transaction.findings.last() {
            meta.insert("findings", last.number)?;
            let mut findings = write.open_table(FINDINGS)?;
            let mut uids = write.open_table(UIDS)?;
            for entry in &transaction.findings {
                let value = (&*entry.uid, &*entry.analytic, entry.time, &*entry.json);
                findings.insert(entry.number, value)?;
                uids.insert(entry.number, entry.uid.as_bytes())?;
            }
        }
        if !transaction.fingerprints.is_empty() {
            let bytes: Vec<u8> = transaction
                .fingerprints
                .iter()
                .flat_map(|print| print.to_le_bytes())
                .collect();
            let mut records = write.open_table(RECORDS)?;
            let last = records.last()?.map_or(0, |(number, _)| number.value());
            records.insert(last + 1, bytes.as_slice())?;
        }
        let mut checkpoints = write.open_table(CHECKPOINTS)?;
        for checkpoint in &transaction.checkpoints {
            match &checkpoint.value {
                Some(value) => {
                    checkpoints.insert(checkpoint.key.as_str(), value.as_slice())?;
                }
                None => {
                    checkpoints.remove(checkpoint.key.as_str())?;
                }
            }
        }
        Ok(())
    }
}

fn put(write: &WriteTransaction, name: &str, changes: &[Change]) -> Result<(), StateError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(changes_table(name))?;
    for change in changes {
        let place = (&*change.device, change.key.as_slice());
        match &change.value {
            Some(value) => {
                table.insert(place, value.as_slice())?;
            }
            None => {
                table.remove(place)?;
            }
        }
    }
    Ok(())
}

/// Removes what is not needed any more.
fn prune(write: &WriteTransaction, remembered: u64) -> Result<(), StateError> {
    let settled = {
        let confirmed = write.open_table(CONFIRMED)?;
        let mut least = u64::MAX;
        for entry in confirmed.iter()? {
            least = least.min(entry?.1.value());
        }
        least
    };
    let mut findings = write.open_table(FINDINGS)?;
    let last = findings.last()?.map_or(0, |(number, _)| number.value());
    let keep_from = last.saturating_sub(RETAINED).min(settled);
    findings.retain_in(..keep_from, |_, _| false)?;
    let mut uids = write.open_table(UIDS)?;
    while uids.len()? > REMEMBERED_FINDINGS {
        uids.pop_first()?;
    }
    let mut meta = write.open_table(META)?;
    let mut records = write.open_table(RECORDS)?;
    // Fingerprints are counted when they come and go, so that this need not
    // look at all of them.
    let known = meta.get("fingerprints")?.map(|count| count.value());
    let counted_to = meta.get("counted")?.map_or(0, |number| number.value());
    let mut count = known.unwrap_or(0);
    let mut newest = counted_to;
    for entry in records.range(counted_to + 1..)? {
        let (number, bytes) = entry?;
        count += bytes.value().len() as u64 / 8;
        newest = number.value();
    }
    while count > remembered && records.len()? > 1 {
        let Some((_, bytes)) = records.pop_first()? else {
            break;
        };
        count = count.saturating_sub(bytes.value().len() as u64 / 8);
    }
    meta.insert("fingerprints", count)?;
    meta.insert("counted", newest)?;
    Ok(())
}

#[cfg(test)]
mod tests;
