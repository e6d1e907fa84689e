//! Script blocks as a whole.

use super::*;
use crate::{
    change::Change,
    event::{Origin, Processes},
    stored::tests::{Store, write},
    vocabulary::{FieldNames, classes},
};

fn part(id: &str, number: u32, total: u32, text: &str) -> ScriptPart {
    let mut values = Fields::default();
    values.set_text(fields::SCRIPT_UID, id);
    values.set_text(fields::SCRIPT_CONTENT, text);
    let event = Event {
        sequence: 0,
        uid: u64::from(number),
        time: i64::from(number),
        device: "d".into(),
        class: classes::SCRIPT_EXECUTE,
        origin: Origin {
            input: 0,
            record: number,
        },
        processes: Processes::default(),
        matches: Box::default(),
        is_again: false,
        fields: values,
    };
    ScriptPart {
        event,
        number,
        total,
    }
}

#[test]
fn parts_join_whatever_their_order() {
    let mut joined = Vec::new();
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let mut blocks = ScriptBlocks::default();
        let mut done = Vec::new();
        for number in order {
            assert!(done.is_empty());
            blocks.add(part("x", number, 3, &format!("<{number}>")), &mut done);
            // Delivered twice.
            if done.is_empty() {
                blocks.add(part("x", number, 3, "again"), &mut done);
            }
        }
        assert_eq!(done.len(), 1);
        let event = done.remove(0);
        assert_eq!(event.fields.text(fields::SCRIPT_CONTENT), "<1><2><3>");
        assert_eq!((event.time, event.origin.record), (1, 1));
        joined.push(event.uid);
        assert_eq!(blocks.bytes, 0);
    }
    assert!(joined.iter().all(|uid| *uid == joined[0]));
}

#[test]
fn incomplete_blocks_come_as_far_as_they_got_and_stay_bounded() {
    let mut blocks = ScriptBlocks::default();
    let mut done = Vec::new();
    for number in 0..3 * MAX_OPEN {
        blocks.add(part(&number.to_string(), 2, 3, "b"), &mut done);
    }
    assert_eq!(done.len(), 2 * MAX_OPEN);
    blocks.finish_all(&mut done);
    assert_eq!(done.len(), 3 * MAX_OPEN);
    assert_eq!(done[0].fields.text(fields::SCRIPT_CONTENT), "b");
}

fn names(raw: &[&str]) -> FieldNames {
    let mut names = FieldNames::default();
    for name in raw {
        names.resolve(name).unwrap();
    }
    names
}

/// The inputs change their order together with the names.
fn input(which: usize) -> impl Fn(u32) -> Arc<str> {
    move |number| Arc::from(["in 0", "in 1"][number as usize ^ which])
}

fn restored(
    stored: impl IntoIterator<Item = Change>,
    names: &FieldNames,
    which: usize,
) -> ScriptBlocks {
    let mut blocks = ScriptBlocks::default();
    blocks.keep_changes();
    for Change { device, key, value } in stored {
        let mut index = |name: &str| u32::from(name == "in 1") ^ which as u32;
        let value = value.unwrap();
        blocks
            .restore(&device, &key, &value, names, &mut index)
            .unwrap();
    }
    blocks.end_restore();
    blocks
}

fn all(store: &Store) -> Vec<Change> {
    let changes = store.iter().map(|((device, key), value)| Change {
        device: Arc::clone(device),
        key: key.clone(),
        value: Some(value.clone()),
    });
    changes.collect()
}

/// Blocks that are stored and restored time and again, some of them under
/// other names, come out like those that just wait.
#[test]
fn a_restart_cannot_be_seen() {
    let both = [
        names(&["unmapped.a", "unmapped.b"]),
        names(&["unmapped.b", "unmapped.c"]),
    ];
    let mut undisturbed = ScriptBlocks::default();
    let mut store = Store::new();
    let mut again = restored([], &both[0], 0);
    let (mut expected, mut done) = (Vec::new(), Vec::new());
    let mut which = 0;
    for step in 0..3_000_u32 {
        let then = which;
        let id = (step.wrapping_mul(2_654_435_761) >> 16) % 150;
        let make = |names: &FieldNames, which: usize| {
            let mut part = part(&id.to_string(), step % 4 + 1, 3 + id % 9, &step.to_string());
            part.event.device = ["d", "e"][id as usize % 2].into();
            part.event.time = i64::from(step);
            part.event.origin.input = (step % 2) ^ which as u32;
            let raw = names.find("unmapped.b").unwrap();
            part.event.fields.set_text(raw, &format!("raw {step}"));
            part.event
                .fields
                .set_number(fields::PROCESS_PID, step.into());
            part
        };
        let one = make(&both[0], 0);
        undisturbed.add(one, &mut expected);
        again.add(make(&both[which], which), &mut done);
        undisturbed.finish_older_than(i64::from(step), 400, &mut expected);
        again.finish_older_than(i64::from(step), 400, &mut done);
        if step % 13 == 0 {
            write(&mut store, again.take_changes(&both[which], &input(which)));
            let exported = again.export(&both[which], &input(which));
            assert!(all(&store) == exported);
            if step % 3 == 0 {
                which = 1 - which;
                again = restored(exported, &both[which], which);
            }
        }
        assert_eq!(
            (again.open.len(), done.len()),
            (undisturbed.open.len(), expected.len())
        );
        for (one, other) in expected.drain(..).zip(done.drain(..)) {
            let of = |event: &Event, which: usize| {
                let names = &both[which];
                let values = event.fields.ids().map(|id| {
                    let text = event.fields.text(id).to_owned();
                    (
                        names.name(id).unwrap().into_owned(),
                        text,
                        event.fields.number(id),
                    )
                });
                let origin = (input(which)(event.origin.input), event.origin.record);
                (
                    event.uid,
                    event.time,
                    Arc::clone(&event.device),
                    origin,
                    values.collect::<Vec<_>>(),
                )
            };
            assert_eq!(of(&one, 0), of(&other, then));
        }
    }
    undisturbed.finish_older_than(3_000, 0, &mut expected);
    assert!(undisturbed.open.is_empty() && undisturbed.order.is_empty());
    assert_eq!(undisturbed.bytes, 0);
    assert!(undisturbed.changed.is_none());
}
