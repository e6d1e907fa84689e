//! The marks of one device, and the indexes over them.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::{Mark, Subject};
use crate::{
    finding::Evidence,
    lineage::{AsOf, versioned::Versioned},
};

#[derive(Debug, Default)]
pub(super) struct DeviceMarks {
    pub slots: HashMap<u64, Slot, RandomState>,
    pub by_subject: HashMap<Subject, Vec<u64>, RandomState>,
    pub by_event: HashMap<u64, BTreeSet<u64>, RandomState>,
    /// Expiry and slot of every version, except those that a free took since
    /// the last commit.
    pub expiry: BTreeSet<(i64, u64)>,
    /// The latest time of a put.
    pub clock: Versioned<i64>,
    /// How many marks it has.
    pub live: usize,
}

/// The place of one stage on one subject.
#[derive(Debug)]
pub(super) struct Slot {
    pub subject: Subject,
    pub stage: Box<str>,
    pub mark: Versioned<Option<Mark>>,
}

impl DeviceMarks {
    /// Notes that no version of a slot holds an event.
    pub fn forget(&mut self, event: u64, number: u64) {
        if let Some(slots) = self.by_event.get_mut(&event) {
            slots.remove(&number);
            if slots.is_empty() {
                self.by_event.remove(&event);
            }
        }
    }

    /// How many stages a subject has.
    pub fn stages(&self, subject: &Subject) -> usize {
        let slots = self.by_subject.get(subject).into_iter().flatten();
        slots
            .filter_map(|number| self.slots.get(number))
            .filter(|slot| slot.mark.now().is_some())
            .count()
    }

    pub fn slot(&self, subject: &Subject, stage: &str) -> Option<(u64, &Slot)> {
        self.by_subject.get(subject)?.iter().find_map(|number| {
            let slot = self.slots.get(number)?;
            (*slot.stage == *stage).then_some((*number, slot))
        })
    }
}

impl Slot {
    pub fn visible(&self, as_of: &AsOf) -> Option<&Mark> {
        self.mark
            .at(as_of.sequence)
            .as_ref()
            .filter(|mark| as_of.time <= mark.expires)
    }

    /// What the latest version takes of the limits: marks and bytes.
    pub fn charge(&self) -> (usize, usize) {
        self.mark
            .now()
            .as_ref()
            .map_or((0, 0), |mark| (1, size(&mark.note, &mark.evidence)))
    }

    /// Whether a later version follows what is set from a sequence on.
    pub fn changes_after(&self, sequence: u64) -> bool {
        let latest = self.mark.steps_until(u64::MAX).last();
        latest.is_some_and(|(since, _)| *since > sequence)
    }

    /// All versions that are marks.
    pub fn versions(&self) -> impl Iterator<Item = &Mark> {
        let steps = self.mark.steps_until(u64::MAX).iter();
        let marks = steps.map(|(_, mark)| mark).chain([self.mark.settled()]);
        marks.flatten()
    }

    /// The events of all versions.
    pub fn events(&self) -> Vec<u64> {
        distinct(self.versions().map(|mark| mark.evidence.sequence))
    }

    /// When the versions expire.
    pub fn expiries(&self) -> Vec<i64> {
        distinct(self.versions().map(|mark| mark.expires))
    }
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// How many bytes a mark is charged.
pub(super) fn size(note: &str, evidence: &Evidence) -> usize {
    note.len() + evidence.size()
}
