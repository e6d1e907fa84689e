//! Marks as the store keeps them.
//!
//! A key is the number of a slot, eight bytes, and the value its mark with the
//! subject. Under number 0 stands the device's clock. So the keys of a device
//! begin with its clock.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Mark, Marks, Subject, device::Slot};
use crate::{
    change::{Change, Damaged},
    event::Origin,
    finding::Evidence,
    lineage::versioned::Versioned,
    stored,
    vocabulary::vocabulary,
};

#[derive(Serialize, Deserialize)]
struct StoredMark<'a> {
    #[serde(borrow)]
    subject: StoredSubject<'a>,
    stage: &'a str,
    score: i32,
    note: &'a str,
    expires: i64,
    put: u64,
    evidence: StoredEvidence<'a>,
}

#[derive(Serialize, Deserialize)]
enum StoredSubject<'a> {
    Process(u64),
    Item(&'a str),
}

#[derive(Serialize, Deserialize)]
struct StoredEvidence<'a> {
    sequence: u64,
    uid: u64,
    time: i64,
    process: u64,
    class: &'a str,
    input: &'a str,
    /// Input and record.
    origin: (u32, u32),
    #[serde(borrow)]
    fields: Vec<(&'a str, &'a str)>,
    is_cut: bool,
}

/// What storing a mark takes at least, in bytes.
const ENTRY: usize = 512;

impl Marks {
    /// Notes from now on what changes, for [`take_changes`](Self::take_changes).
    pub fn keep_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// What changed since the last time, sorted. To be called between batches,
    /// when everything put was committed or taken back.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let asked = std::mem::replace(&mut self.asked, self.next);
        let changed = self.changed.as_mut().map(std::mem::take);
        let changes = changed.into_iter().flatten();
        changes
            .filter_map(|(name, number)| {
                let value = self.stored(&name, number);
                // A slot that came and went since is not in the store.
                (value.is_some() || number <= asked).then(|| Change {
                    device: name,
                    key: stored::key(number),
                    value,
                })
            })
            .collect()
    }

    /// Takes back what was stored, each device's in the order of the keys, and
    /// before anything is put. It was within the limits and is not checked
    /// against them again. Evidence loses the fields this version does not
    /// know.
    pub fn restore(&mut self, device: &str, key: &[u8], value: &[u8]) -> Result<(), Damaged> {
        let done = stored::number(key)
            .filter(|number| *number <= stored::MAX_COUNTER)
            .and_then(|number| match number {
                0 => self.restore_clock(device, value),
                _ => self.restore_mark(device, number, value),
            });
        done.ok_or_else(|| Damaged {
            part: "marks",
            device: device.to_owned(),
        })
    }

    /// Notes what a commit is about to change; the bytes of what was not noted
    /// before.
    pub(super) fn note_changes(&mut self) -> usize {
        let Some(changed) = &mut self.changed else {
            return 0;
        };
        let mut bytes = 0;
        for (name, number) in &self.pending {
            // With its last mark a device loses its clock.
            changed.insert((Arc::clone(name), 0));
            if changed.insert((Arc::clone(name), *number)) {
                let device = self.devices.get(name);
                let slot = device.and_then(|device| device.slots.get(number));
                bytes += slot.map_or(0, |slot| slot.charge().1).max(ENTRY);
            }
        }
        bytes
    }

    fn stored(&self, name: &str, number: u64) -> Option<Vec<u8>> {
        let device = self.devices.get(name)?;
        if number == 0 {
            return Some(stored::encode(device.clock.settled()));
        }
        let slot = device.slots.get(&number)?;
        let mark = slot.mark.settled().as_ref()?;
        Some(stored::encode(&StoredMark::of(&slot.subject, mark)))
    }

    fn restore_clock(&mut self, name: &str, value: &[u8]) -> Option<()> {
        let clock = stored::decode(value)?;
        let device = self.devices.entry(Arc::from(name)).or_default();
        device.clock = settled(clock);
        Some(())
    }

    fn restore_mark(&mut self, name: &str, number: u64, value: &[u8]) -> Option<()> {
        let stored: StoredMark<'_> = stored::decode(value)?;
        let device = self.devices.get_mut(name)?;
        let subject = match stored.subject {
            StoredSubject::Process(handle) => Subject::Process(handle),
            StoredSubject::Item(name) => Subject::Item(name.into()),
        };
        let is_known =
            device.slots.contains_key(&number) || device.slot(&subject, stored.stage).is_some();
        if is_known {
            return None;
        }
        let mark = stored.mark();
        let slots = device.by_subject.entry(subject.clone()).or_default();
        slots.push(number);
        let slots = device.by_event.entry(mark.evidence.sequence).or_default();
        slots.insert(number);
        device.expiry.insert((mark.expires, number));
        let slot = Slot {
            subject,
            stage: mark.stage.clone(),
            mark: settled(Some(mark)),
        };
        let (held, bytes) = slot.charge();
        self.held += held;
        self.bytes = self.bytes.saturating_add(bytes);
        self.settled = (self.held, self.bytes);
        device.slots.insert(number, slot);
        device.live = device.slots.len();
        self.next = self.next.max(number);
        self.asked = self.next;
        Some(())
    }
}

fn settled<T: Default>(value: T) -> Versioned<T> {
    let mut versioned = Versioned::default();
    versioned.set(0, value);
    versioned.settle();
    versioned
}

impl<'a> StoredMark<'a> {
    fn of(subject: &'a Subject, mark: &'a Mark) -> Self {
        let evidence = &*mark.evidence;
        let fields = evidence.fields.iter();
        Self {
            subject: match subject {
                Subject::Process(handle) => StoredSubject::Process(*handle),
                Subject::Item(name) => StoredSubject::Item(name),
            },
            stage: &mark.stage,
            score: mark.score,
            note: &mark.note,
            expires: mark.expires,
            put: mark.put,
            evidence: StoredEvidence {
                sequence: evidence.sequence,
                uid: evidence.uid,
                time: evidence.time,
                process: evidence.process,
                class: evidence.class,
                input: &evidence.input,
                origin: (evidence.origin.input, evidence.origin.record),
                fields: fields.map(|(name, value)| (*name, &**value)).collect(),
                is_cut: evidence.is_cut,
            },
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            stage: self.stage.into(),
            score: self.score,
            note: self.note.into(),
            evidence: Arc::new(self.evidence.evidence()),
            expires: self.expires,
            put: self.put,
        }
    }
}

impl StoredEvidence<'_> {
    fn evidence(&self) -> Evidence {
        let class = vocabulary().class(self.class);
        let fields = self.fields.iter().filter_map(|(name, value)| {
            let (id, _) = vocabulary().field(name)?;
            let (name, _) = vocabulary().describe(id)?;
            Some((name, (*value).to_owned()))
        });
        let (input, record) = self.origin;
        Evidence {
            sequence: self.sequence,
            uid: self.uid,
            time: self.time,
            process: self.process,
            class: class.map_or("other", |(_, class)| class.name.as_str()),
            input: Arc::from(self.input),
            origin: Origin { input, record },
            fields: fields.collect(),
            is_cut: self.is_cut,
        }
    }
}
