//! What is read back of the state, which may be damaged.

use std::sync::Arc;

use super::Shape;
use crate::{
    baselines::{self, BaselineLimits, Baselines},
    change::Change,
    event::{Event, Fields, Origin, Processes},
    issue::Issued,
    lineage::{AsOf, Limits, Lineage},
    marks::{MarkLimits, Marks, Subject},
    normalise::{ScriptBlocks, ScriptPart},
    signatures::{SignatureLimits, Signatures},
    vocabulary::{ClassId, FieldNames, classes, fields},
};

/// Values of every part of the state, and then events.
///
/// Each value may be refused, and lineage altogether; whatever is taken goes on
/// without harm, and what changes of it can be stored.
pub fn state(bytes: &[u8]) {
    let mut shape = Shape::new(bytes);
    let mut parts = Parts::new();
    for _ in 0..shape.below(24) {
        let device = if shape.below(2) == 0 { "d" } else { "e" };
        let part = shape.below(6);
        let length = shape.below(24);
        let key = shape.bytes(length);
        let length = shape.below(200);
        let value = shape.bytes(length);
        parts.restore(part, device, key, value);
    }
    parts.end_restore();
    for number in 1..8_u64 {
        let time = i64::from_le_bytes(shape.number().to_le_bytes());
        parts.go_on(number, time);
    }
    parts.store();
}

struct Parts {
    /// None once it was damaged.
    lineage: Option<Lineage>,
    marks: Marks,
    issued: Issued,
    scripts: ScriptBlocks,
    signatures: Signatures,
    baselines: Baselines,
}

impl Parts {
    fn new() -> Self {
        let few = SignatureLimits {
            per_device: 2,
            verdicts: 4,
        };
        let limits = MarkLimits {
            marks: 3,
            ..MarkLimits::default()
        };
        let mut parts = Self {
            lineage: Some(Lineage::new(Limits {
                devices: 2,
                processes: 8,
                ..Limits::default()
            })),
            marks: Marks::new(limits),
            issued: Issued::default(),
            scripts: ScriptBlocks::default(),
            signatures: Signatures::new(few, Arc::default()),
            baselines: Baselines::new(BaselineLimits::default()),
        };
        if let Some(lineage) = &mut parts.lineage {
            lineage.keep_changes();
        }
        parts.marks.keep_changes();
        parts.issued.keep_changes();
        parts.scripts.keep_changes();
        parts.signatures.keep_changes();
        parts.baselines.keep_changes();
        parts
    }

    fn restore(&mut self, part: usize, device: &str, key: &[u8], value: &[u8]) {
        // Values that are refused are left out; a store would not go on.
        let _ = match part {
            0 => {
                let taken = self.lineage.as_mut();
                let taken = taken.map_or(Ok(()), |lineage| lineage.restore(device, key, value));
                if taken.is_err() {
                    self.lineage = None;
                }
                taken
            }
            1 => self.marks.restore(device, key, value),
            2 => self.issued.restore(device, key, value),
            3 => {
                let names = FieldNames::default();
                self.scripts.restore(device, key, value, &names, &mut |_| 0)
            }
            4 => self.signatures.restore(device, key, value),
            _ => {
                let name = String::from_utf8_lossy(key);
                if let Some(entry) = baselines::stored((device, "baseline", &name), value) {
                    self.baselines.restore(entry);
                }
                Ok(())
            }
        };
    }

    fn end_restore(&mut self) {
        if self
            .lineage
            .as_mut()
            .is_some_and(|lineage| lineage.end_restore().is_err())
        {
            self.lineage = None;
        }
        self.issued.end_restore();
        self.scripts.end_restore();
        self.signatures.end_restore();
    }

    fn go_on(&mut self, number: u64, time: i64) {
        // Sequences go on where those of the stored events ended.
        let sequence = u64::MAX / 2 + number;
        let launch = event(sequence, time, classes::PROCESS_LAUNCH);
        let load = event(sequence, time, classes::MODULE_LOAD);
        if let Some(lineage) = &mut self.lineage {
            let mut launch = launch.clone();
            lineage.take_in(&mut launch);
            lineage.end_batch();
        }
        let at = AsOf::of(&load);
        let subjects = [Subject::Process(1), Subject::Item("x".into())];
        self.marks.get(&at, &subjects);
        self.marks.commit();
        self.issued.again(&at.device, "chain");
        self.signatures.take_in(&load);
        self.signatures.end_batch();
        let part = ScriptPart {
            event: load,
            number: 1,
            total: 3,
        };
        self.scripts.add(part, &mut Vec::new());
        let _ = self.baselines.observe(&at, &[("baseline", "key")]);
        self.baselines.commit();
        self.baselines.lookup(&at, "baseline", "key");
        self.baselines.rate(&at, "baseline", "key", 10);
    }

    /// What changed is told in order and each place once, as the store expects.
    fn store(mut self) {
        let names = FieldNames::default();
        self.scripts.finish_all(&mut Vec::new());
        let lineage = self.lineage.as_mut().map(Lineage::take_changes);
        for changes in [
            lineage.unwrap_or_default(),
            self.marks.take_changes(),
            self.issued.take_changes(),
            self.scripts.take_changes(&names, &|_| Arc::from("in")),
            self.signatures.take_changes(),
        ] {
            assert!(changes.is_sorted_by(|one, next| place(one) < place(next)));
        }
        self.baselines.take_changes();
    }
}

fn place(change: &Change) -> (&str, &[u8]) {
    (&change.device, &change.key)
}

fn event(sequence: u64, time: i64, class: ClassId) -> Event {
    let mut values = Fields::default();
    values.set_number(fields::PROCESS_PID, sequence % 3);
    values.set_text(fields::PROCESS_FILE_PATH, r"C:\x.exe");
    values.set_text(fields::PROCESS_CMD_LINE, "x");
    values.set_text(fields::MODULE_FILE_PATH, r"C:\x.dll");
    values.set_text(fields::MODULE_FILE_SIGNATURE_STATUS, "Valid");
    values.set_text(fields::SCRIPT_UID, "block");
    Event {
        sequence,
        uid: sequence,
        time,
        device: Arc::from("d"),
        class,
        origin: Origin::default(),
        processes: Processes::default(),
        matches: Box::default(),
        fields: values,
        is_again: false,
    }
}
