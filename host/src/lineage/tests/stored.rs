//! Lineage that is rebuilt from what was stored goes on as if nothing had
//! happened.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{prelude::*, sample::Index};

use super::{
    at,
    batches::{answers, any_event, stream},
    event,
};
use crate::{
    change::Damaged,
    event::Event,
    lineage::{AsOf, Limits, Lineage},
    vocabulary::{classes, fields::*},
};

/// What is stored, by device and key.
type Store = BTreeMap<(Arc<str>, Vec<u8>), Vec<u8>>;

/// Lineage and what is stored of it.
struct Kept {
    limits: Limits,
    mention: i64,
    lineage: Lineage,
    store: Store,
}

impl Kept {
    fn new(limits: &Limits, mention: i64) -> Self {
        let mut lineage = Lineage::new(limits.clone());
        lineage.keep_changes_and_mentions(mention);
        Self {
            limits: limits.clone(),
            mention,
            lineage,
            store: Store::new(),
        }
    }

    /// Takes a batch in and answers as of its events.
    fn batch(&mut self, events: &mut [Event], handles: &[u64]) -> Vec<String> {
        for event in events.iter_mut() {
            self.lineage.take_in(event);
        }
        let answers = events
            .iter()
            .map(|event| {
                let answers = answers(&self.lineage, &AsOf::of(event), handles);
                format!("{:?}\n{answers}", event.processes)
            })
            .collect();
        self.lineage.end_batch();
        answers
    }

    fn save(&mut self) {
        let changes = self.lineage.take_changes();
        assert!(
            changes.is_sorted_by(|one, next| (&one.device, &one.key) < (&next.device, &next.key))
        );
        for change in changes {
            let key = (change.device, change.key);
            match change.value {
                Some(value) => self.store.insert(key, value),
                None => self.store.remove(&key),
            };
        }
        assert_eq!(self.lineage.take_changes(), []);
    }

    fn restart(&mut self) -> Result<(), Damaged> {
        let fresh = Self::new(&self.limits, self.mention);
        self.lineage = fresh.lineage;
        for ((device, key), value) in &self.store {
            self.lineage.restore(device, key, value)?;
        }
        self.lineage.end_restore()?;
        assert_eq!(self.lineage.take_changes(), []);
        Ok(())
    }

    /// Devices, processes and bytes held.
    fn held(&self) -> [usize; 3] {
        let stats = self.lineage.stats();
        [stats.devices, stats.processes, stats.bytes]
    }
}

/// Small, so that processes and devices are forgotten.
fn tight(processes: usize, devices: usize) -> Limits {
    Limits {
        processes,
        devices,
        ended_lifetime: 60_000,
        lifetime: 200_000,
        ..Limits::default()
    }
}

/// All handles that events get.
fn handles(events: &[Event], limits: &Limits) -> Vec<u64> {
    let mut lineage = Lineage::new(limits.clone());
    let mut handles = Vec::new();
    for mut event in events.iter().cloned() {
        lineage.take_in(&mut event);
        lineage.end_batch();
        let processes = event.processes;
        handles.extend([processes.process, processes.parent, processes.actor]);
    }
    // A scan stores nothing and collects nothing for it.
    assert_eq!(lineage.take_changes(), []);
    handles.sort_unstable();
    handles.dedup();
    handles
}

/// Batches of these sizes, in turn. After each, whether it is saved and whether
/// the host then starts anew.
fn any_course() -> impl Strategy<Value = Vec<(usize, bool, bool)>> {
    proptest::collection::vec((1..12_usize, any::<bool>(), any::<bool>()), 1..8)
}

/// Compares lineage that goes on undisturbed with one that is dropped and
/// rebuilt again and again.
fn compare(
    events: &[Event],
    course: &[(usize, bool, bool)],
    limits: &Limits,
    mention: i64,
) -> Result<(Kept, Kept), TestCaseError> {
    let handles = handles(events, limits);
    let mut undisturbed = Kept::new(limits, mention);
    let mut rebuilt = Kept::new(limits, mention);
    let mut rest = events;
    for (size, is_saved, is_restarted) in course.iter().cycle() {
        let (batch, later) = rest.split_at(rest.len().min(*size));
        rest = later;
        let expected = undisturbed.batch(&mut batch.to_vec(), &handles);
        let got = rebuilt.batch(&mut batch.to_vec(), &handles);
        for (position, (expected, got)) in expected.iter().zip(&got).enumerate() {
            prop_assert_eq!(expected, got, "event {}", batch[position].sequence);
        }
        prop_assert_eq!(undisturbed.held(), rebuilt.held());
        if *is_saved || rest.is_empty() {
            undisturbed.save();
            rebuilt.save();
            if *is_restarted {
                rebuilt.restart()?;
            }
            prop_assert_eq!(undisturbed.held(), rebuilt.held());
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok((undisturbed, rebuilt))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With every mention stored it is the same to the last byte.
    #[test]
    fn rebuilt_lineage_goes_on_exactly(
        steps in proptest::collection::vec(any_event(), 1..120),
        course in any_course(),
        processes in 3..9_usize,
        devices in 1..4_usize,
    ) {
        let events = stream(&steps);
        let (undisturbed, rebuilt) = compare(&events, &course, &tight(processes, devices), 0)?;
        prop_assert_eq!(&undisturbed.store, &rebuilt.store);
        // Nothing stays behind of what was forgotten: stored from nothing, it
        // would be as much.
        let mut anew = rebuilt;
        anew.restart()?;
        prop_assert_eq!(undisturbed.held(), anew.held());
    }

    /// With mentions stored by the minute only what is forgotten to make room,
    /// and when, may differ.
    #[test]
    fn mentions_stored_late_change_no_answer(
        steps in proptest::collection::vec(any_event(), 1..120),
        course in any_course(),
    ) {
        compare(&stream(&steps), &course, &Limits::default(), 60_000)?;
    }

    #[test]
    fn damage_is_refused_or_does_no_harm(
        steps in proptest::collection::vec(any_event(), 1..60),
        damages in proptest::collection::vec(
            (any::<Index>(), any::<Index>(), 0..3_u8, any::<u8>()),
            1..4,
        ),
    ) {
        let events = stream(&steps);
        let limits = tight(5, 2);
        let handles = handles(&events, &limits);
        let (before, after) = events.split_at(events.len() / 2);
        let mut kept = Kept::new(&limits, 0);
        kept.batch(&mut before.to_vec(), &handles);
        kept.save();
        for (entry, position, kind, byte) in damages {
            let Some(key) = kept.store.keys().nth(entry.index(kept.store.len().max(1))).cloned() else {
                break;
            };
            let value = kept.store.get_mut(&key).unwrap();
            match kind {
                0 => drop(kept.store.remove(&key)),
                1 => value.truncate(position.index(value.len() + 1)),
                _ if value.is_empty() => {}
                _ => {
                    let position = position.index(value.len());
                    value[position] = byte;
                }
            }
        }
        if kept.restart().is_ok() {
            kept.batch(&mut after.to_vec(), &handles);
            kept.save();
        }
    }
}

/// A pid and a command line find the last so many processes, and after a
/// restart the same ones.
#[test]
fn crowds_are_cut_alike() {
    for (shares_pid, shares_line) in [(true, false), (false, true)] {
        let pid = |number: u32| if shares_pid { 1 } else { number };
        let line = |number: u32| format!("a run {}", if shares_line { 1 } else { number });
        let time = |number: u32| at(i64::from(number) * 20);
        let launch = |number: u32| {
            event(
                number.into(),
                time(number),
                classes::PROCESS_LAUNCH,
                [
                    (PROCESS_PID, pid(number).into()),
                    (PROCESS_FILE_PATH, r"C:\a.exe".into()),
                    (PROCESS_CMD_LINE, (&line(number)).into()),
                ],
            )
        };
        // Late records about each, by command line and by pid.
        let script = |number: u32| {
            event(
                u64::from(number) + 200,
                time(number),
                classes::SCRIPT_ENGINE,
                [(SCRIPT_HOST_APPLICATION, (&line(number)).into())],
            )
        };
        let load = |number: u32| {
            event(
                u64::from(number) + 400,
                time(number),
                classes::MODULE_LOAD,
                [(ACTOR_PROCESS_PID, pid(number).into())],
            )
        };
        let numbers = 1..=150;
        let launches = numbers.clone().map(launch);
        let events: Vec<Event> = launches
            .chain(numbers.clone().map(script))
            .chain(numbers.map(load))
            .collect();
        let course = [(30, true, true), (7, false, false)];
        let (undisturbed, rebuilt) = compare(&events, &course, &Limits::default(), 0).unwrap();
        assert_eq!(undisturbed.store, rebuilt.store);
    }
}

/// Whether PowerShell goes on in a process known from its records alone is told
/// by the last of them, so that is stored however recent the one before.
#[test]
fn sessions_of_powershell_go_on() {
    let events = [(1, 0), (2, 30), (3, 620), (4, 1300)].map(|(sequence, seconds)| {
        event(
            sequence,
            at(seconds),
            classes::SCRIPT_ENGINE,
            [(SCRIPT_HOST_APPLICATION, "pwsh".into())],
        )
    });
    assert_eq!(handles(&events, &Limits::default()).len(), 3, "0 and two");
    compare(&events, &[(1, true, true)], &Limits::default(), 60_000).unwrap();
}

#[test]
fn what_comes_later_is_stored_behind_what_came_before() {
    let mut kept = Kept::new(&Limits::default(), 0);
    let launches: Vec<_> = (0..6).map(|process| (1, process, process, 6, 1)).collect();
    let mut last: Option<Vec<u8>> = None;
    for events in stream(&launches).chunks_mut(2) {
        kept.batch(events, &[]);
        let known = kept.store.clone();
        kept.save();
        let new = kept.store.keys().filter(|place| !known.contains_key(place));
        let new: Vec<_> = new.map(|(_, key)| key.clone()).collect();
        assert!(new.len() >= 2, "a node for each process");
        assert!(new.iter().all(|key| last.as_ref() < Some(key)));
        last = new.last().cloned();
    }
}

#[test]
fn what_is_missing_or_odd_is_refused() {
    let mut kept = Kept::new(&Limits::default(), 0);
    kept.batch(&mut stream(&[(0, 1, 0, 0, 1)]), &[]);
    kept.save();
    let device: Arc<str> = Arc::from("d");
    let header = (Arc::clone(&device), vec![0]);
    assert_eq!(kept.store.len(), 4, "a device, its classes, two processes");
    for (key, value) in [
        // A node of no process, a key unknown, too many bytes.
        ([&[2][..], &[0; 16]].concat(), vec![1, 1]),
        (vec![3], vec![]),
        (vec![1], vec![0, 0]),
        // Another name of what is not there.
        ([&[2][..], &[9; 16]].concat(), vec![1, 1]),
    ] {
        let sound = kept.store.clone();
        kept.store.insert((Arc::clone(&device), key), value);
        let damaged = kept.restart().unwrap_err();
        assert_eq!((damaged.part, &*damaged.device), ("lineage", "d"));
        kept.store = sound;
    }
    kept.restart().unwrap();
    kept.store.remove(&header);
    kept.restart().unwrap_err();
}
