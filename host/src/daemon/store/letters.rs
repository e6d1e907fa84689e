//! The dead letters: bounded in number and bytes. The oldest of whoever has
//! most go first.

mod shares;

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};

use self::shares::{Excess, Shares};
use super::{DEAD_LETTERS, META, StateError, Store, Transaction};
use crate::daemon::letters::{Letter, Numbered};

/// How many letters are kept.
pub(super) const LETTERS: u64 = 10_000;

/// How many bytes of them are kept. Long records would otherwise take ten
/// times what all the rest of the state does.
pub(super) const BYTES: u64 = 64 << 20;

/// The names in `META` of the last letter's number, which is not given again
/// when the letter is gone, and of how many bytes there are.
const LAST: &str = "letters";
const SIZE: &str = "letter_bytes";

/// Which letters are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those after this number, the first of them; without, the latest.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Only those about this analytic.
    pub analytic: Option<String>,
    /// Only those for this reason.
    pub reason: Option<String>,
}

impl Selection {
    fn takes(&self, letter: &Letter) -> bool {
        let analytic = self.analytic.as_ref();
        let reason = self.reason.as_ref();
        analytic.is_none_or(|asked| letter.analytic.as_ref() == Some(asked))
            && reason.is_none_or(|asked| letter.reason == *asked)
    }
}

impl Store {
    /// A letter.
    pub fn letter(&self, number: u64) -> Result<Option<Letter>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(DEAD_LETTERS)?;
        let stored = table.get(number)?;
        Ok(stored.map(|stored| Letter::decode(stored.value())))
    }

    /// Letters in the order of their numbers, without their events.
    pub fn letters(&self, which: &Selection) -> Result<Vec<Numbered>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(DEAD_LETTERS)?;
        let mut range = table.range(which.after.unwrap_or(0).saturating_add(1)..)?;
        let mut found = Vec::new();
        while found.len() < which.limit {
            let next = match which.after {
                Some(_) => range.next(),
                None => range.next_back(),
            };
            let Some(entry) = next else { break };
            let (number, stored) = entry?;
            let letter = Letter::decode(stored.value());
            if which.takes(&letter) {
                let (number, letter) = (number.value(), letter.without_event());
                found.push(Numbered { number, letter });
            }
        }
        if which.after.is_none() {
            found.reverse();
        }
        Ok(found)
    }
}

/// The letters while they are written to.
pub(super) struct Post {
    last: u64,
    bytes: u64,
}

impl Post {
    pub fn open(write: &WriteTransaction) -> Result<Self, StateError> {
        let meta = write.open_table(META)?;
        let letters = write.open_table(DEAD_LETTERS)?;
        let stored = |name: &str| -> Result<Option<u64>, StateError> {
            Ok(meta.get(name)?.map(|number| number.value()))
        };
        let newest = letters.last()?.map_or(0, |(number, _)| number.value());
        let bytes = match stored(SIZE)? {
            Some(bytes) => bytes,
            None => {
                let mut bytes = 0;
                for entry in letters.iter()? {
                    bytes += entry?.1.value().len() as u64;
                }
                bytes
            }
        };
        Ok(Self {
            last: stored(LAST)?.unwrap_or(0).max(newest),
            bytes,
        })
    }

    /// Adds a transaction's letters, and removes or replaces those it tried
    /// again. One that went meanwhile does not come back.
    pub fn settle(
        &mut self,
        write: &WriteTransaction,
        transaction: &Transaction,
    ) -> Result<(), StateError> {
        if transaction.replayed.is_empty() {
            return self.add(write, &transaction.dead_letters);
        }
        let mut letters = write.open_table(DEAD_LETTERS)?;
        let mut shares = Shares::open(write)?;
        for (number, letter) in &transaction.replayed {
            let Some(old) = letters.remove(number)? else {
                continue;
            };
            self.bytes = self.bytes.saturating_sub(old.value().len() as u64);
            shares.remove(*number, old.value())?;
            drop(old);
            if let Some(letter) = letter {
                self.bytes += letter.len() as u64;
                shares.add(*number, letter)?;
                letters.insert(number, letter.as_slice())?;
            }
        }
        drop((letters, shares));
        self.add(write, &transaction.dead_letters)
    }

    /// Adds letters.
    pub fn add(&mut self, write: &WriteTransaction, new: &[Vec<u8>]) -> Result<(), StateError> {
        if new.is_empty() {
            return Ok(());
        }
        let mut letters = write.open_table(DEAD_LETTERS)?;
        let mut shares = Shares::open(write)?;
        for letter in new {
            self.last += 1;
            self.bytes += letter.len() as u64;
            shares.add(self.last, letter)?;
            letters.insert(self.last, letter.as_slice())?;
        }
        Ok(())
    }

    /// Makes room, and tells how many letters had to go for that.
    pub fn close(mut self, write: &WriteTransaction) -> Result<u64, StateError> {
        let mut letters = write.open_table(DEAD_LETTERS)?;
        let mut shares = Shares::open(write)?;
        let mut gone = 0;
        loop {
            let excess = match letters.len()? > LETTERS {
                true => Excess::Number,
                false if self.bytes > BYTES => Excess::Bytes,
                false => break,
            };
            let Some(number) = shares.remove_next(excess)? else {
                break;
            };
            if let Some(letter) = letters.remove(number)? {
                self.bytes = self.bytes.saturating_sub(letter.value().len() as u64);
                gone += 1;
            }
        }
        let mut meta = write.open_table(META)?;
        meta.insert(LAST, self.last)?;
        meta.insert(SIZE, self.bytes)?;
        Ok(gone)
    }
}
