//! Marks as a whole.

mod restart;

use super::*;
use crate::{
    event::Origin,
    lineage::{
        Lineage,
        tests::{as_of, event},
    },
    vocabulary::{classes, fields::*},
};

fn mark(subject: Subject, stage: &str, event: u64, lifetime: u32) -> NewMark {
    NewMark {
        subject,
        stage: stage.into(),
        score: 10,
        note: "".into(),
        evidence: Arc::new(Evidence {
            sequence: event,
            uid: event,
            time: event as i64,
            process: 0,
            class: "other",
            input: Arc::from(""),
            origin: Default::default(),
            fields: Vec::new(),
            is_cut: false,
        }),
        lifetime,
    }
}

fn events(marks: &Marks, as_of: &AsOf, names: &[Subject]) -> Vec<u64> {
    marks
        .get(as_of, names)
        .iter()
        .map(|mark| mark.evidence.sequence)
        .collect()
}

const ONE: Subject = Subject::Process(1);
const TWO: Subject = Subject::Process(2);

#[test]
fn what_is_not_committed_is_seen_and_can_be_taken_back() {
    let mut marks = Marks::default();
    marks
        .put(
            &as_of(5, 0),
            vec![mark(ONE, "a", 5, 60), mark(ONE, "b", 4, 60)],
        )
        .unwrap();
    assert_eq!(events(&marks, &as_of(5, 0), &[ONE]), [4, 5]);
    assert!(events(&marks, &as_of(4, 0), &[ONE]).is_empty());
    marks.roll_back();
    assert!(events(&marks, &as_of(5, 0), &[ONE]).is_empty());
    assert_eq!((marks.held(), marks.bytes, marks.devices.len()), (0, 0, 0));

    marks
        .put(&as_of(5, 0), vec![mark(ONE, "a", 5, 60)])
        .unwrap();
    marks.commit();
    marks
        .put(&as_of(7, 0), vec![mark(ONE, "a", 7, 60)])
        .unwrap();
    assert_eq!(events(&marks, &as_of(6, 0), &[ONE]), [5]);
    assert_eq!(events(&marks, &as_of(7, 0), &[ONE]), [7]);
    let is_there = |marks: &Marks, sequence| {
        let evidence = marks.evidence(&as_of(sequence, 0), 5, &mut 1);
        evidence.map(|evidence| evidence.is_some())
    };
    assert_eq!(is_there(&marks, 6), Ok(true));
    assert_eq!(is_there(&marks, 7), Ok(false));
    marks.roll_back();
    assert_eq!(events(&marks, &as_of(7, 0), &[ONE]), [5]);
    marks
        .put(&as_of(7, 0), vec![mark(ONE, "a", 7, 60)])
        .unwrap();
    marks.commit();
    assert_eq!(events(&marks, &as_of(6, 0), &[ONE]), [7]);
    assert_eq!(marks.held(), 1);
}

/// An event that many marks held costs as many looks, expired or not, until
/// none are left.
#[test]
fn looking_for_evidence_is_bounded() {
    let mut marks = Marks::default();
    for process in 0..10 {
        let mark = mark(Subject::Process(process), "a", 1, u32::from(process == 9));
        marks.put(&as_of(1, 0), vec![mark]).unwrap();
    }
    marks.commit();
    // A millisecond later only the last mark is still there.
    let later = as_of(2, 1);
    let mut looks = 25;
    for left in [15, 5] {
        assert!(marks.evidence(&later, 1, &mut looks).unwrap().is_some());
        assert_eq!(looks, left);
    }
    assert_eq!(marks.evidence(&later, 1, &mut looks), Err(NoLooks));
    assert_eq!(marks.evidence(&later, 2, &mut looks), Ok(None));
}

#[test]
fn marks_under_any_handle_are_found() {
    let mut marks = Marks::default();
    marks
        .put(&as_of(1, 0), vec![mark(ONE, "a", 1, 60)])
        .unwrap();
    marks
        .put(&as_of(2, 0), vec![mark(TWO, "a", 2, 60)])
        .unwrap();
    marks
        .put(&as_of(3, 0), vec![mark(TWO, "b", 3, 60)])
        .unwrap();
    assert_eq!(events(&marks, &as_of(3, 0), &[ONE, TWO]), [2, 3]);
    assert_eq!(events(&marks, &as_of(1, 0), &[ONE, TWO]), [1]);
}

/// What was noted on a process before it turned out to be one that is known
/// under another handle is found under either.
#[test]
fn marks_survive_that_two_processes_are_one() {
    let mut lineage = Lineage::default();
    let line = "pwsh -c x";
    let mut block = event(
        1,
        1_000,
        classes::SCRIPT_EXECUTE,
        [(ACTOR_PROCESS_PID, 99.into())],
    );
    block.fields.set_text(ACTOR_USER_NAME, "u");
    let mut launch = event(
        2,
        0,
        classes::PROCESS_LAUNCH,
        [
            (PROCESS_UID, "b59756a9-b239-5f17-5307-000000000400".into()),
            (PROCESS_FILE_PATH, r"C:\pwsh.exe".into()),
            (PROCESS_CMD_LINE, line.into()),
        ],
    );
    let mut command = event(
        3,
        2_000,
        classes::SCRIPT_COMMAND,
        [
            (ACTOR_PROCESS_PID, 99.into()),
            (SCRIPT_HOST_APPLICATION, line.into()),
        ],
    );
    for event in [&mut block, &mut launch, &mut command] {
        lineage.take_in(event);
    }
    let mut marks = Marks::default();
    for event in [&block, &launch] {
        let subject = Subject::Process(event.processes.doer());
        let stage = event.sequence.to_string();
        let mark = mark(subject, &stage, event.sequence, 60);
        marks.put(&AsOf::of(event), vec![mark]).unwrap();
    }
    for handle in [launch.processes.process, command.processes.actor] {
        let names: Vec<Subject> = lineage
            .handles_of(&as_of(3, 0), handle)
            .into_iter()
            .map(Subject::Process)
            .collect();
        assert_eq!(events(&marks, &as_of(3, 0), &names), [1, 2]);
    }
}

#[test]
fn expired_marks_vanish_and_make_room() {
    let limits = MarkLimits {
        marks: 2,
        ..MarkLimits::default()
    };
    let mut marks = Marks::new(limits);
    marks.put(&as_of(1, 0), vec![mark(ONE, "a", 1, 1)]).unwrap();
    marks
        .put(&as_of(2, 0), vec![mark(ONE, "b", 2, 9_999)])
        .unwrap();
    marks.commit();
    assert_eq!(events(&marks, &as_of(9, 1_000), &[ONE]), [1, 2]);
    assert_eq!(events(&marks, &as_of(9, 1_001), &[ONE]), [2]);
    let third = || vec![mark(TWO, "a", 3, 1)];
    let full = marks.put(&as_of(3, 1_001), third());
    assert_eq!(full, Err(MarkError::Full));
    let later = 1_001 + GRACE;
    marks.put(&as_of(4, later), third()).unwrap();
    marks.roll_back();
    assert_eq!(events(&marks, &as_of(9, 0), &[ONE]), [1, 2]);
    assert_eq!(marks.put(&as_of(3, 1_001), third()), Err(MarkError::Full));
    marks.put(&as_of(4, later), third()).unwrap();
    marks.commit();
    assert_eq!(events(&marks, &as_of(9, 0), &[ONE]), [2]);
    assert_eq!(marks.held(), 2);

    // A device that fell silent holds its room for a day, not for ever.
    let mut other = as_of(5, later + SILENCE);
    other.device = Arc::from("e");
    let full = marks.put(&other, vec![mark(ONE, "a", 5, 1), mark(ONE, "b", 5, 1)]);
    assert_eq!(full, Err(MarkError::Full));
    marks.roll_back();
    other.time += GRACE * 4;
    marks.put(&other, vec![mark(ONE, "a", 5, 1)]).unwrap();
    let long = mark(Subject::Item("x".repeat(2_000).into()), "a", 1, 1);
    assert_eq!(marks.put(&other, vec![long]), Err(MarkError::TooLong));
}

/// Counts what is held anew, and checks that the indexes hold nothing else.
fn check(marks: &Marks) {
    let slots = || marks.devices.values().flat_map(|one| one.slots.values());
    let charges = slots().map(Slot::charge);
    let (held, bytes) = charges.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!((marks.held, marks.bytes), (held, bytes));
    let versions: usize = slots().map(|slot| slot.versions().count()).sum();
    for device in marks.devices.values() {
        assert!(device.expiry.len() <= versions, "{device:?}");
        assert!(device.by_event.len() <= versions, "{device:?}");
    }
}

#[test]
fn putting_a_mark_again_leaves_nothing_behind() {
    let mut marks = Marks::default();
    for round in 0..20_u64 {
        for put in 0..50_u32 {
            let sequence = round * 100 + u64::from(put) / 2;
            let again = mark(ONE, "a", sequence + u64::from(put), 1_000 + put);
            marks.put(&as_of(sequence, 0), vec![again]).unwrap();
            check(&marks);
        }
        assert!(marks.pending.len() <= 2);
        if round % 3 == 0 {
            marks.roll_back();
        } else {
            marks.commit();
        }
        check(&marks);
        let kept = usize::from(round > 0);
        assert_eq!(marks.held(), kept);
        for device in marks.devices.values() {
            assert_eq!((device.expiry.len(), device.by_event.len()), (1, 1));
        }
        assert_eq!(marks.devices.len(), kept);
    }
}

#[test]
fn limits_hold_when_marks_are_freed_as_of_an_earlier_event() {
    let limits = MarkLimits {
        marks: 2,
        ..MarkLimits::default()
    };
    let mut marks = Marks::new(limits);
    let late = GRACE * 2;
    for round in 0..10_u64 {
        let first = round * 10;
        // As of a later event, but expired by the time of an earlier one.
        for (sequence, time) in [(first + 5, 0), (first + 1, late), (first + 9, late)] {
            for name in ["x", "y", "z"] {
                let subject = Subject::Item(name.into());
                let put = marks.put(&as_of(sequence, time), vec![mark(subject, "a", first, 0)]);
                assert!(put.is_ok() || put == Err(MarkError::Full));
                check(&marks);
                assert!(marks.held() <= 2);
            }
        }
        if round % 2 == 0 {
            marks.commit();
        } else {
            marks.roll_back();
        }
        check(&marks);
        assert_eq!(marks.held(), 2);
    }
}

#[test]
fn a_later_mark_outlives_a_free_as_of_an_earlier_event() {
    let mut marks = Marks::default();
    marks
        .put(&as_of(1, 0), vec![mark(ONE, "a", 1, 1_000_000)])
        .unwrap();
    marks.put(&as_of(9, 0), vec![mark(ONE, "a", 9, 0)]).unwrap();
    marks.put(&as_of(5, GRACE * 2), Vec::new()).unwrap();
    assert_eq!(events(&marks, &as_of(6, 0), &[ONE]), [1]);
    assert_eq!(events(&marks, &as_of(9, 0), &[ONE]), [9]);
    marks.commit();
    assert_eq!(marks.held(), 1);
    // Its expiry came back, so that now it goes.
    marks.put(&as_of(10, GRACE * 2), Vec::new()).unwrap();
    assert_eq!(marks.held(), 0);
    marks.commit();
    assert!(marks.devices.is_empty());
}

#[test]
fn versions_of_one_batch_are_bounded() {
    let limits = MarkLimits {
        versions: 4,
        ..MarkLimits::default()
    };
    let mut marks = Marks::new(limits);
    let again = || vec![mark(ONE, "a", 1, 1)];
    for sequence in [1, 2, 2, 2, 3, 4] {
        marks.put(&as_of(sequence, 0), again()).unwrap();
    }
    let put = marks.put(&as_of(5, 0), again());
    assert_eq!(put, Err(MarkError::TooMany));
    assert_eq!(events(&marks, &as_of(9, 0), &[ONE]), [1]);
    marks.commit();
    let many = (0..5).map(|_| mark(ONE, "a", 1, 1)).collect();
    assert_eq!(marks.put(&as_of(5, 0), many), Err(MarkError::TooMany));
    marks.put(&as_of(5, 0), again()).unwrap();
    check(&marks);
}

#[test]
fn bytes_count_each_slot_of_a_call_once() {
    let limits = MarkLimits {
        bytes: 4_030,
        ..MarkLimits::default()
    };
    let mut marks = Marks::new(limits);
    let large = |stage: &str| NewMark {
        note: "x".repeat(1_000).into(),
        ..mark(ONE, stage, 1, 60)
    };
    marks.put(&as_of(1, 0), vec![large("a")]).unwrap();
    // Replacing the one mark time and again makes room only once.
    let mut many: Vec<NewMark> = (0..9).map(|_| mark(ONE, "a", 1, 60)).collect();
    many.extend(["b", "c", "d", "e"].map(large));
    assert_eq!(marks.put(&as_of(3, 0), many), Err(MarkError::Full));
    marks.put(&as_of(3, 0), vec![large("a")]).unwrap();
    // Nor does replacing what it was as of an earlier event.
    let many = vec![mark(ONE, "a", 1, 60), large("b"), large("c"), large("d")];
    assert_eq!(marks.put(&as_of(2, 0), many), Err(MarkError::Full));
    check(&marks);
}

/// Puts, frees, commits and roll-backs in whatever order leave counts, limits
/// and indexes right.
#[test]
fn counts_follow_whatever_is_put() {
    let limits = MarkLimits {
        marks: 6,
        bytes: 2_500,
        ..MarkLimits::default()
    };
    let mut marks = Marks::new(limits.clone());
    let mut random = 1_u64;
    let mut below = |end: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % end
    };
    for _ in 0..20_000 {
        let at = AsOf {
            device: Arc::from(["d", "e"][below(2) as usize]),
            ..as_of(below(50), below(40) as i64 * GRACE)
        };
        let new = (0..below(4)).map(|_| NewMark {
            note: "x".repeat(below(500) as usize).into(),
            ..mark(
                Subject::Process(below(3)),
                ["a", "b"][below(2) as usize],
                below(50),
                below(9_000) as u32,
            )
        });
        let _ = marks.put(&at, new.collect());
        match below(10) {
            0 => drop(marks.commit()),
            1 => marks.roll_back(),
            _ => {}
        }
        check(&marks);
        assert!(marks.held <= limits.marks && marks.bytes <= limits.bytes);
        for device in marks.devices.values() {
            let live = device
                .slots
                .values()
                .filter(|slot| slot.mark.now().is_some());
            assert_eq!(device.live, live.count());
        }
    }
    marks.roll_back();
    let slots = marks.devices.values().map(|device| device.slots.len());
    assert_eq!(slots.sum::<usize>(), marks.held);
    for device in marks.devices.values() {
        assert_eq!(device.expiry.len(), device.slots.len());
    }
}
