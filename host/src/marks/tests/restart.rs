//! Marks that were stored and restored answer like those that never were.

use proptest::prelude::*;

use super::*;
use crate::stored::tests::{Store, write};

#[derive(Debug, Clone)]
struct Put {
    device: u8,
    /// After the beginning of the batch, in events.
    sequence: u64,
    hour: i64,
    marks: Vec<(u64, u8, u64, u32, usize)>,
}

#[derive(Debug, Clone)]
enum Step {
    Put(Put),
    Commit,
    RollBack,
    EndBatch { is_restart: bool },
}

fn any_step() -> impl Strategy<Value = Step> {
    let mark = (0..3_u64, 0..3_u8, 0..15_u64, 0..9_000_u32, 0..500_usize);
    let put = (
        0..3_u8,
        0..8_u64,
        0..40_i64,
        prop::collection::vec(mark, 0..4),
    );
    prop_oneof![
        8 => put.prop_map(|(device, sequence, hour, marks)| {
            Step::Put(Put { device, sequence, hour, marks })
        }),
        1 => Just(Step::Commit),
        1 => Just(Step::RollBack),
        2 => any::<bool>().prop_map(|is_restart| Step::EndBatch { is_restart }),
    ]
}

fn restored(limits: &MarkLimits, store: &Store) -> Marks {
    let mut marks = Marks::new(limits.clone());
    marks.keep_changes();
    for ((device, key), value) in store {
        marks.restore(device, key, value).unwrap();
    }
    marks
}

fn subject(number: u64) -> Subject {
    match number {
        0 => Subject::Item("item".into()),
        process => Subject::Process(process),
    }
}

fn on(device: u8, sequence: u64, hour: i64) -> AsOf {
    AsOf {
        device: Arc::from(["d", "e", "f"][usize::from(device)]),
        ..as_of(sequence, hour * GRACE)
    }
}

fn assert_equal(one: &Marks, other: &Marks, at: &AsOf) {
    let names = [0, 1, 2].map(subject);
    for names in [&names[..1], &names[1..2], &names] {
        assert_eq!(one.get(at, names), other.get(at, names));
    }
    for event in at.sequence.saturating_sub(40)..=at.sequence {
        let evidence = |marks: &Marks| marks.evidence(at, event, &mut u64::MAX.clone());
        assert_eq!(evidence(one), evidence(other));
    }
    assert_eq!((one.held, one.bytes), (other.held, other.bytes));
}

proptest! {
    #[test]
    fn a_restart_cannot_be_seen(steps in prop::collection::vec(any_step(), 1..150)) {
        let limits = MarkLimits {
            marks: 6,
            bytes: 2_500,
            stages: 2,
            ..MarkLimits::default()
        };
        let mut undisturbed = Marks::new(limits.clone());
        let mut store = Store::new();
        let mut again = restored(&limits, &store);
        let mut base = 20;
        for step in steps {
            match step {
                Step::Put(put) => {
                    let at = on(put.device, base + put.sequence, put.hour);
                    let new = put.marks.iter().map(|&(of, stage, event, lifetime, note)| NewMark {
                        note: "x".repeat(note).into(),
                        ..mark(subject(of), ["a", "b", "c"][usize::from(stage)], base - event, lifetime)
                    });
                    let new: Vec<NewMark> = new.collect();
                    prop_assert_eq!(undisturbed.put(&at, new.clone()), again.put(&at, new));
                    assert_equal(&undisturbed, &again, &at);
                }
                Step::Commit => {
                    undisturbed.commit();
                    again.commit();
                }
                Step::RollBack => {
                    undisturbed.roll_back();
                    again.roll_back();
                }
                Step::EndBatch { is_restart } => {
                    undisturbed.commit();
                    again.commit();
                    write(&mut store, again.take_changes());
                    prop_assert!(again.take_changes().is_empty());
                    // A clock for every device, and a mark for every mark.
                    prop_assert_eq!(store.len(), again.held + again.devices.len());
                    if is_restart {
                        again = restored(&limits, &store);
                    }
                    check(&again);
                    base += 8;
                    for device in 0..3 {
                        assert_equal(&undisturbed, &again, &on(device, base, 0));
                    }
                }
            }
        }
    }
}

#[test]
fn evidence_comes_back_whole_but_for_fields_unknown_here() {
    let mut marks = Marks::default();
    marks.keep_changes();
    let mut new = mark(ONE, "a", 5, 60);
    new.evidence = Arc::new(Evidence {
        class: "process.launch",
        input: Arc::from("in"),
        origin: Origin {
            input: 1,
            record: 2,
        },
        fields: vec![
            ("process.cmd_line", "x -y".to_owned()),
            ("of.another.version", "z".to_owned()),
        ],
        is_cut: true,
        ..Evidence::clone(&new.evidence)
    });
    marks.put(&as_of(5, 7), vec![new]).unwrap();
    marks.commit();
    let mut store = Store::new();
    write(&mut store, marks.take_changes());
    let again = restored(&MarkLimits::default(), &store);
    let mut expected = marks.get(&as_of(9, 7), &[ONE])[0].clone();
    Arc::make_mut(&mut expected.evidence).fields.truncate(1);
    assert_eq!(again.get(&as_of(9, 7), &[ONE]), [&expected]);

    // Nothing is noted for who does not ask, nor for what came and went.
    let mut unasked = Marks::default();
    unasked
        .put(&as_of(1, 0), vec![mark(ONE, "a", 1, 0)])
        .unwrap();
    unasked.commit();
    assert!(unasked.changed.is_none() && unasked.take_changes().is_empty());
    let mut short = Marks::default();
    short.keep_changes();
    short.put(&as_of(1, 0), vec![mark(ONE, "a", 1, 0)]).unwrap();
    short.commit();
    short.put(&as_of(2, 2 * GRACE), Vec::new()).unwrap();
    short.commit();
    assert!(
        short
            .take_changes()
            .iter()
            .all(|change| change.value.is_none() && change.key == [0; 8])
    );
}
