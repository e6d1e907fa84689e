//! Reading the state back.

use std::{collections::BTreeMap, sync::Arc};

use redb::{ReadableDatabase, ReadableTable, TableError};

use super::{
    CHECKPOINTS, CONFIRMED, Change, DEAD_LETTERS, Entry, FINDINGS, HOURS, LINEAGE, META, Meta,
    RECORDS, SCRIPTS, SECRETS, SIGNATURES, StateError, Store, UIDS, changes_table, issued_name,
    marks_name,
};
use crate::pipeline::{AnalyticState, Part};

/// How many entries are handed out at once.
const CHUNK: usize = 10_000;

impl Store {
    /// The numbers that go on.
    pub fn meta(&self) -> Result<Meta, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(META)?;
        let number = |name: &str| -> Result<u64, StateError> {
            Ok(table.get(name)?.map_or(0, |number| number.value()))
        };
        Ok(Meta {
            sequence: number("sequence")?,
            records: number("records")?,
            findings: number("findings")?,
        })
    }

    /// A secret of 16 bytes, made at random the first time it is asked for.
    pub fn secret(&self, name: &str) -> Result<[u8; 16], StateError> {
        let write = self.begin()?;
        let secret = {
            let mut table = write.open_table(SECRETS)?;
            let known = table
                .get(name)?
                .and_then(|known| known.value().try_into().ok());
            match known {
                Some(known) => known,
                None => {
                    let mut fresh = [0; 16];
                    let random = ring::rand::SystemRandom::new();
                    ring::rand::SecureRandom::fill(&random, &mut fresh)
                        .map_err(|_| StateError::Random)?;
                    table.insert(name, fresh.as_slice())?;
                    fresh
                }
            }
        };
        write.commit()?;
        Ok(secret)
    }

    /// Hands out a part of what the shards know, in order and in pieces.
    pub fn part(
        &self,
        part: Part,
        mut take: impl FnMut(Vec<Change>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let name = match part {
            Part::Lineage => LINEAGE,
            Part::Signatures => SIGNATURES,
        };
        self.changes(name, &mut take)
    }

    /// The script blocks that wait for parts.
    pub fn scripts(&self) -> Result<Vec<Change>, StateError> {
        let mut all = Vec::new();
        self.changes(SCRIPTS, &mut |changes| {
            all.extend(changes);
            Ok(())
        })?;
        Ok(all)
    }

    /// All that is stored of an analytic.
    pub fn analytic(&self, id: &str) -> Result<AnalyticState, StateError> {
        let mut state = AnalyticState::default();
        self.changes(&marks_name(id), &mut |changes| {
            state.marks.extend(changes);
            Ok(())
        })?;
        self.changes(&issued_name(id), &mut |changes| {
            state.issued.extend(changes);
            Ok(())
        })?;
        self.baselines
            .load(id, |entry| state.baselines.push(entry))?;
        let read = self.baselines.database().begin_read()?;
        state.hour = read.open_table(HOURS)?.get(id)?.map(|hour| hour.value());
        Ok(state)
    }

    fn changes(
        &self,
        name: &str,
        take: &mut dyn FnMut(Vec<Change>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = match read.open_table(changes_table(name)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut chunk = Vec::new();
        let mut device: Arc<str> = Arc::from("");
        for entry in table.iter()? {
            let (place, value) = entry?;
            let (of, key) = place.value();
            if *device != *of {
                device = Arc::from(of);
            }
            chunk.push(Change {
                device: Arc::clone(&device),
                key: key.to_vec(),
                value: Some(value.value().to_vec()),
            });
            if chunk.len() >= CHUNK {
                take(std::mem::take(&mut chunk))?;
            }
        }
        take(chunk)
    }

    /// The fingerprints of records by transaction, the oldest first.
    pub fn fingerprints(&self) -> Result<Vec<Vec<u64>>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(RECORDS)?;
        let mut all = Vec::new();
        for entry in table.iter()? {
            let (_, bytes) = entry?;
            let (prints, _) = bytes.value().as_chunks::<8>();
            all.push(
                prints
                    .iter()
                    .map(|print| u64::from_le_bytes(*print))
                    .collect(),
            );
        }
        Ok(all)
    }

    /// The identifiers of the findings issued before, the oldest first.
    pub fn uids(&self) -> Result<Vec<Vec<u8>>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(UIDS)?;
        let mut all = Vec::new();
        for entry in table.iter()? {
            let (_, uid) = entry?;
            all.push(uid.value().to_vec());
        }
        Ok(all)
    }

    /// The findings after a number, at most so many.
    pub fn findings(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(FINDINGS)?;
        let mut all = Vec::new();
        for entry in table.range(after.saturating_add(1)..)?.take(limit) {
            let (number, value) = entry?;
            let (uid, analytic, time, json) = value.value();
            all.push(Entry {
                number: number.value(),
                uid: Arc::from(uid),
                analytic: Arc::from(analytic),
                time,
                json: Arc::from(json),
            });
        }
        Ok(all)
    }

    /// The number of the last finding that each sink confirmed.
    pub fn confirmed(&self) -> Result<BTreeMap<String, u64>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(CONFIRMED)?;
        let mut all = BTreeMap::new();
        for entry in table.iter()? {
            let (sink, number) = entry?;
            all.insert(sink.value().to_owned(), number.value());
        }
        Ok(all)
    }

    /// Forgets sinks that are not configured any more, for which findings
    /// would otherwise be kept for ever.
    pub fn keep_sinks(&self, names: &[String]) -> Result<(), StateError> {
        let write = self.begin()?;
        write
            .open_table(CONFIRMED)?
            .retain(|sink, _| names.iter().any(|name| name == sink))?;
        write.commit()?;
        Ok(())
    }

    /// How far sources came.
    pub fn checkpoints(&self) -> Result<BTreeMap<String, Vec<u8>>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(CHECKPOINTS)?;
        let mut all = BTreeMap::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            all.insert(key.value().to_owned(), value.value().to_vec());
        }
        Ok(all)
    }

    /// The dead letters, the oldest first: number and JSON.
    pub fn dead_letters(&self) -> Result<Vec<(u64, Vec<u8>)>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(DEAD_LETTERS)?;
        let mut all = Vec::new();
        for entry in table.iter()? {
            let (number, letter) = entry?;
            all.push((number.value(), letter.value().to_vec()));
        }
        Ok(all)
    }
}
