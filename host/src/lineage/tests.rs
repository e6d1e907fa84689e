//! Lineage as a whole, by events.

mod batches;
mod stored;

use std::sync::Arc;

use super::*;
use crate::{
    event::{Fields, Origin, Processes},
    vocabulary::{FieldId, classes, fields::*},
};

/// A value of a field.
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// An event of the device `d`.
pub(crate) fn event<const N: usize>(
    sequence: u64,
    time: i64,
    class: ClassId,
    values: [(FieldId, Value<'_>); N],
) -> Event {
    let mut fields = Fields::default();
    for (field, value) in values {
        match value {
            Value::Text(text) => fields.set_text(field, text),
            Value::Number(number) => fields.set_number(field, number),
        }
    }
    Event {
        sequence,
        uid: sequence,
        time,
        device: Arc::from("d"),
        class,
        origin: Origin::default(),
        processes: Processes::default(),
        matches: Box::default(),
        is_again: false,
        fields,
    }
}

/// The point of view of the device `d`.
pub(crate) fn as_of(sequence: u64, time: i64) -> AsOf {
    AsOf {
        sequence,
        time,
        device: Arc::from("d"),
    }
}

const LATER: u64 = 1_000_000;
const START: i64 = 1_600_000_000_000;

/// A GUID whose process started so many seconds after [`START`].
fn guid(seconds: i64, unique: u32) -> String {
    let time = u32::try_from(START / 1_000 + seconds).unwrap();
    format!(
        "b59756a9-{:04x}-{:04x}-{unique:04x}-000000000400",
        time & 0xffff,
        time >> 16
    )
}

fn at(seconds: i64) -> i64 {
    START + seconds * 1_000
}

/// What is shown again finds its own processes although their pid is another's
/// by now, and takes nothing from that one.
#[test]
fn an_event_shown_again_keeps_to_its_own_time() {
    let mut lineage = Lineage::default();
    let pid = || (PROCESS_PID, 100.into());
    let path = |path| (PROCESS_FILE_PATH, Value::Text(path));
    let mut launch = event(
        1,
        at(0),
        classes::PROCESS_LAUNCH,
        [pid(), path(r"C:\a.exe")],
    );
    let mut end = event(
        2,
        at(50),
        classes::PROCESS_TERMINATE,
        [pid(), path(r"C:\a.exe")],
    );
    // Nobody saw the second one start.
    let mut connection = event(
        3,
        at(600),
        classes::NETWORK_OPEN,
        [
            (ACTOR_PROCESS_PID, 100.into()),
            (ACTOR_PROCESS_FILE_PATH, r"C:\a.exe".into()),
        ],
    );
    for event in [&mut launch, &mut end, &mut connection] {
        lineage.take_in(event);
        lineage.end_batch();
    }
    let (first, second) = (launch.processes.process, connection.processes.actor);
    assert!(first != second && second != 0);
    for (sequence, then) in [(4, &launch), (5, &end), (6, &connection)] {
        let mut again = Event {
            sequence,
            is_again: true,
            ..then.clone()
        };
        lineage.take_in(&mut again);
        assert_eq!(again.processes, then.processes);
    }
    let known = |handle| lineage.process(&as_of(LATER, at(600)), handle).unwrap();
    assert_eq!(known(first).ended, Some(at(50)));
    assert_eq!(known(second).started, None);
    assert_eq!(lineage.stats().processes, 2);
}

#[test]
fn pid_is_of_whoever_started_last() {
    let mut lineage = Lineage::default();
    let launch = |sequence, seconds, image| {
        event(
            sequence,
            at(seconds),
            classes::PROCESS_LAUNCH,
            [
                (PROCESS_PID, 100.into()),
                (PROCESS_FILE_PATH, Value::Text(image)),
            ],
        )
    };
    let mut first = launch(1, 0, r"C:\a.exe");
    let mut end = event(
        2,
        at(50),
        classes::PROCESS_TERMINATE,
        [
            (PROCESS_PID, 100.into()),
            (PROCESS_FILE_PATH, r"\A.EXE".into()),
        ],
    );
    let mut second = launch(3, 60, r"C:\b.exe");
    // The end of the second was lost.
    let mut third = launch(4, 600, r"C:\b.exe");
    let mut connection = event(
        5,
        at(700),
        classes::NETWORK_OPEN,
        [
            (ACTOR_PROCESS_PID, 100.into()),
            (ACTOR_PROCESS_FILE_PATH, r"\b.exe".into()),
        ],
    );
    for event in [
        &mut first,
        &mut end,
        &mut second,
        &mut third,
        &mut connection,
    ] {
        lineage.take_in(event);
    }
    let handles = [&first, &second, &third].map(|event| event.processes.process);
    assert_eq!(end.processes.process, handles[0]);
    assert_eq!(connection.processes.actor, handles[2]);
    let find = |sequence, seconds| lineage.find(&as_of(sequence, 0), 100, at(seconds));
    assert_eq!(find(LATER, 40), Some(handles[0]));
    assert_eq!(find(LATER, 55), None);
    assert_eq!(find(LATER, 61), Some(handles[1]));
    assert_eq!(find(LATER, 601), Some(handles[2]));
    // Before it was known to have ended, the first still had the pid.
    assert_eq!(find(1, 55), Some(handles[0]));
    assert_eq!(find(3, 601), Some(handles[1]));
}

#[test]
fn late_start_fills_the_placeholder() {
    let mut lineage = Lineage::default();
    let (child, parent) = (guid(1, 1), guid(0, 2));
    let mut mention = event(
        1,
        at(3),
        classes::NETWORK_OPEN,
        [
            (ACTOR_PROCESS_UID, (&child).into()),
            (ACTOR_PROCESS_PID, 7.into()),
            (ACTOR_PROCESS_FILE_PATH, r"C:\x.exe".into()),
        ],
    );
    let mut launch = event(
        2,
        at(1),
        classes::PROCESS_LAUNCH,
        [
            (PROCESS_UID, (&child).into()),
            (PROCESS_PID, 7.into()),
            (PROCESS_FILE_PATH, r"C:\x.exe".into()),
            (PROCESS_CMD_LINE, "x -y".into()),
            (PROCESS_PARENT_PROCESS_UID, (&parent).into()),
            (PROCESS_PARENT_PROCESS_PID, 4.into()),
            (PROCESS_PARENT_PROCESS_CMD_LINE, "up".into()),
        ],
    );
    lineage.take_in(&mut mention);
    lineage.take_in(&mut launch);
    let handle = mention.processes.actor;
    assert_eq!(launch.processes.process, handle);
    let early = lineage.process(&as_of(1, 0), handle).unwrap();
    assert_eq!((early.command_line, early.parent), ("", None));
    assert_eq!(early.started, Some(at(1)), "from the GUID");
    let late = lineage.process(&as_of(2, 0), handle).unwrap();
    assert_eq!((late.command_line, late.start_event), ("x -y", Some(2)));
    assert_eq!(late.parent, Some(launch.processes.parent));
    let parent = lineage.ancestors(&as_of(2, 0), handle, 64);
    assert_eq!(parent[0].command_line, "up");
    assert!(lineage.ancestors(&as_of(1, 0), handle, 64).is_empty());
}

/// Both logs report a start, in either order, with and without a pid in
/// Sysmon's; then PowerShell writes with the pid.
#[test]
fn two_logs_report_one_process() {
    for (is_sysmon_first, has_pid) in [(true, true), (false, true), (true, false), (false, false)] {
        let mut lineage = Lineage::default();
        let id = guid(0, 1);
        let line = r#""C:\Windows\powershell.exe" -enc AAAA"#;
        let sysmon = |sequence| {
            let mut event = event(
                sequence,
                at(0),
                classes::PROCESS_LAUNCH,
                [
                    (PROCESS_UID, (&id).into()),
                    (PROCESS_FILE_PATH, r"C:\Windows\powershell.exe".into()),
                    (PROCESS_CMD_LINE, line.into()),
                    (PROCESS_INTEGRITY, "High".into()),
                ],
            );
            if has_pid {
                event.fields.set_number(PROCESS_PID, 2316);
            }
            event
        };
        let security = |sequence| {
            event(
                sequence,
                at(0) + 40,
                classes::PROCESS_LAUNCH,
                [
                    (PROCESS_PID, 2316.into()),
                    (PROCESS_FILE_PATH, r"C:\WINDOWS\PowerShell.exe".into()),
                    (PROCESS_CMD_LINE, line.into()),
                ],
            )
        };
        let (mut one, mut other) = if is_sysmon_first {
            (sysmon(1), security(2))
        } else {
            (security(1), sysmon(2))
        };
        let mut script = event(
            3,
            at(5),
            classes::SCRIPT_EXECUTE,
            [(ACTOR_PROCESS_PID, 2316.into())],
        );
        let mut load = event(
            4,
            at(6),
            classes::MODULE_LOAD,
            [(ACTOR_PROCESS_UID, (&id).into())],
        );
        for event in [&mut one, &mut other, &mut script, &mut load] {
            lineage.take_in(event);
        }
        let handle = one.processes.process;
        assert_eq!(other.processes.process, handle);
        assert_eq!(script.processes.actor, handle);
        assert_eq!(load.processes.actor, handle);
        let known = lineage.process(&as_of(2, 0), handle).unwrap();
        assert_eq!((known.pid, known.integrity), (Some(2316), "High"));
        assert_eq!(known.guid, id);
        assert_eq!(lineage.stats().processes, 1);
    }
}

#[test]
fn script_finds_its_host_by_command_line() {
    let mut lineage = Lineage::default();
    let id = guid(0, 1);
    let mut launch = event(
        2,
        at(0),
        classes::PROCESS_LAUNCH,
        [
            (PROCESS_UID, (&id).into()),
            (PROCESS_FILE_PATH, r"C:\Windows\powershell.exe".into()),
            (
                PROCESS_CMD_LINE,
                r#""C:\Windows\powershell.exe"  -c "iex x""#.into(),
            ),
        ],
    );
    // A script block before anything tells whose pid it is.
    let mut block = event(
        1,
        at(1),
        classes::SCRIPT_EXECUTE,
        [(ACTOR_PROCESS_PID, 99.into())],
    );
    let mut command = event(
        3,
        at(2),
        classes::SCRIPT_COMMAND,
        [
            (ACTOR_PROCESS_PID, 99.into()),
            (
                SCRIPT_HOST_APPLICATION,
                r"c:\windows\powershell.exe -c iex x".into(),
            ),
        ],
    );
    let mut engine = event(
        4,
        at(3),
        classes::SCRIPT_ENGINE,
        [(
            SCRIPT_HOST_APPLICATION,
            r"C:\Windows\powershell.exe -c iex x".into(),
        )],
    );
    let mut other = event(
        5,
        at(4),
        classes::SCRIPT_ENGINE,
        [(SCRIPT_HOST_APPLICATION, "pwsh".into())],
    );
    for event in [
        &mut block,
        &mut launch,
        &mut command,
        &mut engine,
        &mut other,
    ] {
        lineage.take_in(event);
    }
    let handle = command.processes.actor;
    assert_eq!(engine.processes.actor, handle);
    assert_ne!(other.processes.actor, handle);
    assert_eq!(lineage.process(&as_of(3, 0), handle).unwrap().pid, Some(99));
    // The block's placeholder was the first to be known.
    assert_eq!(handle, block.processes.actor);
    let launched = launch.processes.process;
    let names = lineage.handles_of(&as_of(3, 0), launched);
    assert_eq!(names, [handle, launched]);
    assert_eq!(lineage.handles_of(&as_of(2, 0), launched), [launched]);
    assert_eq!(
        lineage.process(&as_of(2, 0), handle).unwrap().command_line,
        ""
    );
}

#[test]
fn open_creates_nothing_and_devices_are_apart() {
    let mut lineage = Lineage::default();
    let id = guid(0, 1);
    let mut open = event(
        1,
        at(1),
        classes::PROCESS_OPEN,
        [
            (ACTOR_PROCESS_UID, (&id).into()),
            (PROCESS_PID, 5.into()),
            (PROCESS_FILE_PATH, r"C:\lsass.exe".into()),
        ],
    );
    lineage.take_in(&mut open);
    assert_ne!(open.processes.actor, 0);
    assert_eq!(open.processes.process, 0);
    assert_eq!(lineage.stats().processes, 0);
    let mut elsewhere = open.clone();
    elsewhere.device = Arc::from("e");
    elsewhere.sequence = 2;
    lineage.take_in(&mut elsewhere);
    assert_ne!(elsewhere.processes.actor, open.processes.actor);
    assert_eq!(lineage.stats().devices, 0);
    // It may be here or not, as analytics want it: nobody may tell.
    assert_eq!(lineage.seen(&as_of(1, 0), classes::PROCESS_OPEN), None);
    let mut lookup = event(3, at(3), classes::DNS_QUERY, []);
    lineage.take_in(&mut lookup);
    assert_eq!(lineage.seen(&as_of(3, 0), classes::DNS_QUERY), Some(3));
    assert_eq!(lineage.seen(&as_of(2, 0), classes::DNS_QUERY), None);
}

#[test]
fn tree_shows_the_path_and_the_oldest_children() {
    let mut lineage = Lineage::default();
    let launch = |sequence: u64, parent: u64| {
        event(
            sequence,
            at(sequence as i64),
            classes::PROCESS_LAUNCH,
            [
                (
                    PROCESS_UID,
                    (&guid(sequence as i64, sequence as u32)).into(),
                ),
                (
                    PROCESS_PARENT_PROCESS_UID,
                    (&guid(parent as i64, parent as u32)).into(),
                ),
            ],
        )
    };
    let mut handles = vec![0];
    for sequence in 1..=100 {
        // A chain of twelve, then children of the twelfth; the last is the
        // child of the one before it.
        let parent = match sequence {
            ..=12 => sequence - 1,
            100 => 99,
            _ => 12,
        };
        let mut event = launch(sequence, parent);
        lineage.take_in(&mut event);
        handles.push(event.processes.process);
    }
    let tree = lineage.tree(&as_of(LATER, 0), handles[12], &[handles[100]]);
    let guilty = tree.iter().position(|process| process.is_guilty).unwrap();
    assert_eq!((guilty, tree[guilty].depth), (8, 8));
    assert_eq!(tree.len(), 9 + 40);
    assert_eq!(tree[9].process, handles[13]);
    assert_eq!(tree.last().unwrap().process, handles[100]);
    assert_eq!(tree.last().unwrap().depth, 10);
    let hidden: u32 = tree.iter().map(|process| process.hidden_children).sum();
    assert_eq!(hidden, 88 - 40);
    // What the finding cites beside the guilty process is shown, others are not.
    let tree = lineage.tree(&as_of(LATER, 0), handles[13], &[handles[20]]);
    let last = &tree[tree.len() - 2..];
    assert_eq!(
        [last[0].process, last[1].process],
        [handles[13], handles[20]]
    );
    assert!(last[0].is_guilty && last[0].depth == last[1].depth);
}

#[test]
fn bounds_hold_and_the_oldest_ended_go_first() {
    let mut lineage = Lineage::new(Limits {
        processes: 10,
        devices: 2,
        ..Limits::default()
    });
    let mut handles = Vec::new();
    for sequence in 1..=30_u32 {
        let mut launch = event(
            sequence.into(),
            at(sequence.into()),
            classes::PROCESS_LAUNCH,
            [(PROCESS_PID, sequence.into())],
        );
        lineage.take_in(&mut launch);
        handles.push(launch.processes.process);
        if sequence == 8 {
            let mut end = event(
                sequence.into(),
                at(sequence.into()),
                classes::PROCESS_TERMINATE,
                [(PROCESS_PID, 5.into())],
            );
            lineage.take_in(&mut end);
        }
        assert!(lineage.stats().processes <= 10);
    }
    // The fifth had ended, so it went before the first.
    let is_known = |sequence, process: usize| {
        lineage
            .process(&as_of(sequence, 0), handles[process - 1])
            .is_some()
    };
    assert!(is_known(10, 5) && !is_known(11, 5));
    assert!(is_known(11, 1) && !is_known(12, 1));
    assert!(is_known(30, 21) && !is_known(30, 20));
    lineage.end_batch();
    for (sequence, name) in [(31, "e"), (32, "f")] {
        let mut other = event(sequence, at(40), classes::DNS_QUERY, []);
        other.device = Arc::from(name);
        lineage.take_in(&mut other);
    }
    assert_eq!(lineage.stats().evicted_devices, 1);
    assert!(lineage.process(&as_of(31, 0), handles[29]).is_some());
    assert!(lineage.process(&as_of(32, 0), handles[29]).is_none());
    lineage.end_batch();
    assert!(lineage.process(&as_of(31, 0), handles[29]).is_none());
    assert_eq!(lineage.stats().processes, 0);
    assert_eq!(lineage.stats().bytes, 0);
}
