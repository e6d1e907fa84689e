//! Marks as a whole.

use super::*;
use crate::{
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
    assert!(marks.evidence(&as_of(6, 0), 5).is_some());
    assert!(marks.evidence(&as_of(7, 0), 5).is_none());
    marks.roll_back();
    assert_eq!(events(&marks, &as_of(7, 0), &[ONE]), [5]);
    marks
        .put(&as_of(7, 0), vec![mark(ONE, "a", 7, 60)])
        .unwrap();
    marks.commit();
    assert_eq!(events(&marks, &as_of(6, 0), &[ONE]), [7]);
    assert_eq!(marks.held(), 1);
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
