//! Whose dead letters there are how many of. Whoever has most makes room, so
//! that an analytic that fails all the time pushes out its own letters and not
//! those of others.

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::StateError;
use crate::daemon::letters::Letter;

/// The bytes of a letter, by whose it is and by its number.
const PLACES: TableDefinition<(&str, u64), u64> = TableDefinition::new("letter_places");

/// How many letters there are and how many bytes of them, by whose they are.
const SHARES: TableDefinition<&str, (u64, u64)> = TableDefinition::new("letter_shares");

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Letters.
    Number,
    /// Bytes of them.
    Bytes,
}

/// The shares while they are written to.
pub struct Shares<'a> {
    places: Table<'a, (&'static str, u64), u64>,
    shares: Table<'a, &'static str, (u64, u64)>,
}

impl<'a> Shares<'a> {
    pub fn open(write: &'a WriteTransaction) -> Result<Self, StateError> {
        Ok(Self {
            places: write.open_table(PLACES)?,
            shares: write.open_table(SHARES)?,
        })
    }

    /// Counts a letter.
    pub fn add(&mut self, number: u64, letter: &[u8]) -> Result<(), StateError> {
        let (whose, size) = (whose(letter), letter.len() as u64);
        self.places.insert((whose.as_str(), number), size)?;
        let (count, bytes) = self.share(&whose)?;
        self.shares
            .insert(whose.as_str(), (count + 1, bytes + size))?;
        Ok(())
    }

    /// Takes a letter out of the count.
    pub fn remove(&mut self, number: u64, letter: &[u8]) -> Result<(), StateError> {
        self.forget(&whose(letter), number)
    }

    /// Takes out the oldest letter of whoever has most of what there is too
    /// much of; its number.
    pub fn remove_next(&mut self, excess: Excess) -> Result<Option<u64>, StateError> {
        let mut most: Option<(u64, String)> = None;
        for entry in self.shares.iter()? {
            let (whose, share) = entry?;
            let (count, bytes) = share.value();
            let has = match excess {
                Excess::Number => count,
                Excess::Bytes => bytes,
            };
            if most.as_ref().is_none_or(|(known, _)| has > *known) {
                most = Some((has, whose.value().to_owned()));
            }
        }
        let Some((_, whose)) = most else {
            return Ok(None);
        };
        let all = (whose.as_str(), 0)..=(whose.as_str(), u64::MAX);
        let oldest = self.places.range(all)?.next().transpose()?;
        let Some(number) = oldest.map(|(place, _)| place.value().1) else {
            return Ok(None);
        };
        self.forget(&whose, number)?;
        Ok(Some(number))
    }

    fn forget(&mut self, whose: &str, number: u64) -> Result<(), StateError> {
        let size = self.places.remove((whose, number))?;
        let Some(size) = size.map(|size| size.value()) else {
            return Ok(());
        };
        let (count, bytes) = self.share(whose)?;
        let left = (count.saturating_sub(1), bytes.saturating_sub(size));
        if left.0 == 0 {
            self.shares.remove(whose)?;
        } else {
            self.shares.insert(whose, left)?;
        }
        Ok(())
    }

    fn share(&self, whose: &str) -> Result<(u64, u64), StateError> {
        Ok(self
            .shares
            .get(whose)?
            .map_or((0, 0), |share| share.value()))
    }
}

/// The analytic that a letter is about; nothing for records that could not be
/// decoded.
fn whose(letter: &[u8]) -> String {
    Letter::decode(letter).analytic.unwrap_or_default()
}
