//! Answers as of an event do not depend on where batches begin and end.

use std::sync::Arc;

use proptest::prelude::*;

use super::{at, event, guid};
use crate::{
    event::{Event, Processes},
    lineage::{AsOf, Limits, Lineage, ProcessInfo},
    vocabulary::{classes, fields::*},
};

pub(super) fn any_event() -> impl Strategy<Value = (u8, u8, u8, u8, i64)> {
    (0..10_u8, 0..6_u8, 0..6_u8, 0..3_u8, -5..30_i64)
}

/// Events of few processes, so that they meet in every way.
pub(super) fn stream(steps: &[(u8, u8, u8, u8, i64)]) -> Vec<Event> {
    let mut seconds = 100;
    let mut events = Vec::new();
    for (step, (kind, process, other, image, pause)) in steps.iter().enumerate() {
        seconds += pause;
        let sequence = step as u64 + 1;
        let one = guid(i64::from(*process) * 20, (*process).into());
        let two = guid(i64::from(*other) * 20, (*other).into());
        let pid = u32::from(*process % 4) + 1;
        let parent_pid = u32::from(*other % 4) + 1;
        let path = format!(r"C:\{image}.exe");
        let time = at(seconds);
        let line = format!("{image} run");
        let mut event = match kind {
            0 | 1 => event(
                sequence,
                time,
                classes::PROCESS_LAUNCH,
                [
                    (PROCESS_UID, (&one).into()),
                    (PROCESS_FILE_PATH, (&path).into()),
                    (PROCESS_CMD_LINE, (&line).into()),
                    (PROCESS_PARENT_PROCESS_UID, (&two).into()),
                ],
            ),
            2 | 3 => event(
                sequence,
                time,
                classes::PROCESS_LAUNCH,
                [
                    (PROCESS_PID, pid.into()),
                    (PROCESS_FILE_PATH, (&path).into()),
                    (PROCESS_CMD_LINE, (&line).into()),
                    (PROCESS_PARENT_PROCESS_PID, parent_pid.into()),
                    (PROCESS_PARENT_PROCESS_FILE_PATH, r"C:\1.exe".into()),
                ],
            ),
            4 => event(
                sequence,
                time,
                classes::PROCESS_TERMINATE,
                [(PROCESS_UID, (&one).into()), (PROCESS_PID, pid.into())],
            ),
            5 => event(
                sequence,
                time,
                classes::PROCESS_TERMINATE,
                [
                    (PROCESS_PID, pid.into()),
                    (PROCESS_FILE_PATH, (&path).into()),
                ],
            ),
            6 => event(
                sequence,
                time,
                classes::MODULE_LOAD,
                [
                    (ACTOR_PROCESS_UID, (&one).into()),
                    (ACTOR_PROCESS_PID, pid.into()),
                    (ACTOR_PROCESS_FILE_PATH, (&path).into()),
                ],
            ),
            7 => event(
                sequence,
                time,
                classes::SCRIPT_COMMAND,
                [
                    (ACTOR_PROCESS_PID, pid.into()),
                    (SCRIPT_HOST_APPLICATION, (&line).into()),
                ],
            ),
            8 => event(
                sequence,
                time,
                classes::PROCESS_INJECT,
                [
                    (ACTOR_PROCESS_PID, pid.into()),
                    (PROCESS_UID, (&two).into()),
                    (PROCESS_PID, parent_pid.into()),
                ],
            ),
            _ => event(
                sequence,
                time,
                classes::SCRIPT_ENGINE,
                [(SCRIPT_HOST_APPLICATION, (&line).into())],
            ),
        };
        if *kind == 0 {
            event.fields.set_number(PROCESS_PID, pid.into());
            event
                .fields
                .set_number(PROCESS_PARENT_PROCESS_PID, parent_pid.into());
        }
        match image + process {
            3 => event.device = Arc::from("e"),
            5 => event.device = Arc::from("f"),
            _ => {}
        }
        events.push(event);
    }
    events
}

/// Everything that can be asked about some handles.
pub(super) fn answers(lineage: &Lineage, as_of: &AsOf, handles: &[u64]) -> String {
    let mut text = String::new();
    let list = |processes: Vec<ProcessInfo<'_>>| -> Vec<u64> {
        processes.iter().map(|process| process.process).collect()
    };
    for handle in handles {
        text += &format!(
            "{handle}: {:?}\n  {:?} {:?} {:?} {:?} {:?}\n",
            lineage.process(as_of, *handle),
            lineage.handles_of(as_of, *handle),
            list(lineage.ancestors(as_of, *handle, 64)),
            list(lineage.children(as_of, *handle, 256)),
            list(lineage.descendants(as_of, *handle, 3)),
            lineage.tree(as_of, *handle, &[]).len(),
        );
    }
    for pid in 1..=4 {
        for back in [0, 20, 60] {
            text += &format!("{:?} ", lineage.find(as_of, pid, as_of.time - back * 1_000));
        }
    }
    text + &format!("{:?}", lineage.seen(as_of, classes::SCRIPT_COMMAND))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_do_not_depend_on_the_batch_size(
        steps in proptest::collection::vec(any_event(), 1..80),
        size in 2..30_usize,
        processes in 4..9_usize,
        devices in 1..3_usize,
    ) {
        let limits = Limits {
            processes,
            devices,
            ended_lifetime: 60_000,
            lifetime: 200_000,
            ..Limits::default()
        };
        let mut singly = stream(&steps);
        let mut batched = singly.clone();
        let mut lineage = Lineage::new(limits.clone());
        let mut handles = Vec::new();
        for event in &mut singly {
            lineage.take_in(event);
            lineage.end_batch();
            let Processes { process, parent, actor } = event.processes;
            handles.extend([process, parent, actor]);
        }
        handles.sort_unstable();
        handles.dedup();
        // Once more, now that all handles are known.
        let mut lineage = Lineage::new(limits.clone());
        let mut expected = Vec::new();
        for event in &mut singly {
            lineage.take_in(event);
            expected.push(answers(&lineage, &AsOf::of(event), &handles));
            lineage.end_batch();
        }
        let mut lineage = Lineage::new(limits);
        let mut got = Vec::new();
        for batch in batched.chunks_mut(size) {
            for event in batch.iter_mut() {
                lineage.take_in(event);
            }
            for event in batch.iter() {
                got.push(answers(&lineage, &AsOf::of(event), &handles));
            }
            lineage.end_batch();
        }
        for (one, other) in singly.iter().zip(&batched) {
            prop_assert_eq!(one.processes, other.processes);
        }
        for (step, (expected, got)) in expected.iter().zip(&got).enumerate() {
            prop_assert_eq!(expected, got, "step {}", step);
        }
        prop_assert!(lineage.stats().processes <= processes * devices);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A dead letter that is tried again brings an event a second time, after
    /// everything that came since.
    #[test]
    fn an_event_that_is_shown_again_teaches_nothing(
        steps in proptest::collection::vec(any_event(), 1..60),
        again in any::<proptest::sample::Index>(),
    ) {
        let mut events = stream(&steps);
        let mut lineage = Lineage::new(Limits::default());
        let mut handles = Vec::new();
        for event in &mut events {
            lineage.take_in(event);
            lineage.end_batch();
            let Processes { process, parent, actor } = event.processes;
            handles.extend([process, parent, actor]);
        }
        handles.sort_unstable();
        handles.dedup();
        let last = events.len() as u64;
        let now: Vec<AsOf> = ["d", "e", "f"]
            .map(|device| AsOf {
                sequence: last + 1,
                time: at(10_000),
                device: Arc::from(device),
            })
            .into();
        let before: Vec<String> = now.iter().map(|now| answers(&lineage, now, &handles)).collect();
        let mut event = again.get(&events).clone();
        let first = event.processes;
        event.sequence = last + 1;
        event.is_again = true;
        lineage.take_in(&mut event);
        lineage.end_batch();
        let after: Vec<String> = now.iter().map(|now| answers(&lineage, now, &handles)).collect();
        prop_assert_eq!(before, after);
        let as_of = AsOf::of(&event);
        for (guid, then, now) in [
            (PROCESS_UID, first.process, event.processes.process),
            (PROCESS_PARENT_PROCESS_UID, first.parent, event.processes.parent),
            (ACTOR_PROCESS_UID, first.actor, event.processes.actor),
        ] {
            if then != 0 && event.fields.has(guid) {
                let handles = lineage.handles_of(&as_of, now);
                prop_assert!(handles.contains(&then), "{} {}", then, now);
            }
        }
    }
}
