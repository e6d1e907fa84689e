//! What a store does, for tests of what is kept in one; and that nothing in it
//! does harm.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use crate::{
    change::Change,
    event::Event,
    finding::Evidence,
    issue::Issued,
    lineage::tests::{as_of, event},
    marks::{MarkLimits, Marks, NewMark, Subject},
    normalise::{ScriptBlocks, ScriptPart},
    signatures::{SignatureLimits, Signatures},
    vocabulary::{FieldNames, classes, fields::*},
};

/// Values by device and key.
pub(crate) type Store = BTreeMap<(Arc<str>, Vec<u8>), Vec<u8>>;

/// Writes changes, which must be sorted, each place once.
pub(crate) fn write(store: &mut Store, changes: Vec<Change>) {
    let place = |one: &Change| (Arc::clone(&one.device), one.key.clone());
    assert!(changes.is_sorted_by(|one, other| place(one) < place(other)));
    for change in changes {
        match change.value {
            Some(value) => store.insert((change.device, change.key), value),
            None => store.remove(&(change.device, change.key)),
        };
    }
}

/// Every part of the state that is stored, with limits soon met.
struct State {
    marks: Marks,
    issued: Issued,
    scripts: ScriptBlocks,
    signatures: Signatures,
}

impl State {
    fn new() -> Self {
        let limits = MarkLimits {
            marks: 3,
            ..MarkLimits::default()
        };
        let few = SignatureLimits {
            per_device: 2,
            verdicts: 4,
        };
        let mut state = Self {
            marks: Marks::new(limits),
            issued: Issued::default(),
            scripts: ScriptBlocks::default(),
            signatures: Signatures::new(few, Arc::default()),
        };
        state.marks.keep_changes();
        state.issued.keep_changes();
        state.scripts.keep_changes();
        state.signatures.keep_changes();
        state
    }

    /// Goes on from whatever was restored.
    fn go_on(&mut self, sequence: u64, time: i64) {
        let at = as_of(sequence, time);
        let new = NewMark {
            subject: Subject::Item("x".into()),
            stage: "a".into(),
            score: 1,
            note: "".into(),
            evidence: Arc::new(Evidence {
                sequence,
                uid: sequence,
                time,
                process: 1,
                class: "other",
                input: Arc::from("in"),
                origin: Default::default(),
                fields: vec![("process.cmd_line", "x".to_owned())],
                is_cut: false,
            }),
            lifetime: 1,
        };
        let _ = self.marks.put(&at, vec![new]);
        self.marks.commit();
        self.marks
            .get(&at, &[Subject::Process(1), Subject::Item("x".into())]);
        self.issued.again(&at.device, "chain");
        let texts = [
            (MODULE_FILE_PATH, r"C:\x.dll".into()),
            (MODULE_FILE_SIGNATURE_STATUS, "Valid".into()),
            (SCRIPT_UID, "block".into()),
        ];
        let load = event(sequence, time, classes::MODULE_LOAD, texts);
        self.signatures.take_in(&load);
        self.signatures.end_batch();
        let mut done: Vec<Event> = Vec::new();
        let part = ScriptPart {
            event: load,
            number: 1,
            total: 3,
        };
        self.scripts.add(part, &mut done);
    }

    fn take_changes(&mut self) -> Vec<Change> {
        let names = FieldNames::default();
        let mut all = self.marks.take_changes();
        all.extend(self.issued.take_changes());
        all.extend(self.scripts.take_changes(&names, &|_| Arc::from("in")));
        all.extend(self.signatures.take_changes());
        all
    }
}

/// Keys and values of every part, each of them whole or damaged, and noise.
fn any_entry() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let mut state = State::new();
    state.go_on(5, 1_000);
    let changes = state.take_changes();
    let whole: Vec<(Vec<u8>, Vec<u8>)> = changes
        .into_iter()
        .filter_map(|change| Some((change.key, change.value?)))
        .collect();
    assert!(whole.len() >= 6);
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let noise = (bytes(), bytes());
    let damage = (any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    let damaged = (prop::sample::select(whole.clone()), damage.clone(), damage);
    let damaged = damaged.prop_map(|((mut key, mut value), of_key, of_value)| {
        for (bytes, (place, byte, is_cut)) in [(&mut key, of_key), (&mut value, of_value)] {
            if bytes.is_empty() || byte < 64 {
                continue;
            }
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if is_cut {
                bytes.truncate(place);
            }
        }
        (key, value)
    });
    prop_oneof![prop::sample::select(whole), damaged, noise]
}

proptest! {
    #[test]
    fn whatever_is_restored_does_no_harm(
        entries in prop::collection::vec((any::<bool>(), any_entry()), 0..20),
    ) {
        let mut state = State::new();
        let names = FieldNames::default();
        for (is_first, (key, value)) in &entries {
            let device = if *is_first { "d" } else { "e" };
            let _ = state.marks.restore(device, key, value);
            let _ = state.issued.restore(device, key, value);
            let _ = state.scripts.restore(device, key, value, &names, &mut |_| 0);
            let _ = state.signatures.restore(device, key, value);
        }
        state.issued.end_restore();
        state.scripts.end_restore();
        state.signatures.end_restore();
        for (sequence, time) in [(1, 0), (9, 9_000), (10, 200 * 3_600_000), (11, i64::MAX)] {
            state.go_on(sequence, time);
        }
        let mut done = Vec::new();
        state.scripts.finish_older_than(i64::MAX, 0, &mut done);
        state.scripts.finish_older_than(i64::MIN, i64::MAX, &mut done);
        state.scripts.finish_all(&mut done);
        state.take_changes();
    }
}
