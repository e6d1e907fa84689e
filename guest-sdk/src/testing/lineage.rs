//! Stand-in for lineage and marks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{current, world::World};
use crate::lineage::{Mark, MarkError, NewMark, Process, ProcessInfo, Subject};

/// Most stages of one subject.
const MAX_STAGES: usize = 64;

/// A process, or an item of a device.
pub(super) type SubjectOnDevice = (Option<Process>, String, String);

#[derive(Debug, Clone)]
pub(super) struct HeldMark {
    subject: Subject,
    mark: Mark,
    expires: i64,
}

pub(crate) fn processes(as_of: u64, processes: &[Process]) -> Vec<Option<ProcessInfo>> {
    current::as_of(as_of, |world, _, _| {
        processes
            .iter()
            .map(|process| info(world, *process, as_of))
            .collect()
    })
}

pub(crate) fn ancestors(as_of: u64, processes: &[Process], limit: u32) -> Vec<Vec<ProcessInfo>> {
    let limit = limit.min(64) as usize;
    current::as_of(as_of, |world, _, _| {
        let line = |process: &Process| {
            let parent = |of: &ProcessInfo| info(world, of.parent?, as_of);
            let first = info(world, *process, as_of).and_then(|info| parent(&info));
            std::iter::successors(first, parent).take(limit).collect()
        };
        processes.iter().map(line).collect()
    })
}

pub(crate) fn children(as_of: u64, processes: &[Process], limit: u32) -> Vec<Vec<ProcessInfo>> {
    let limit = limit.min(256) as usize;
    current::as_of(as_of, |world, _, _| {
        let brood = |process: &Process| {
            let mut found = children_in(world, *process, as_of);
            found.truncate(limit);
            found
        };
        processes.iter().map(brood).collect()
    })
}

pub(crate) fn descendants(as_of: u64, processes: &[Process], limit: u32) -> Vec<Vec<ProcessInfo>> {
    let limit = limit.min(1024) as usize;
    current::as_of(as_of, |world, _, _| {
        let tree = |process: &Process| {
            let mut found = Vec::new();
            let mut seen = BTreeSet::from([*process]);
            let mut next = VecDeque::from([*process]);
            while let Some(process) = next.pop_front() {
                for child in children_in(world, process, as_of) {
                    if seen.insert(child.process) {
                        next.push_back(child.process);
                        found.push(child);
                    }
                }
            }
            found.truncate(limit);
            found
        };
        processes.iter().map(tree).collect()
    })
}

pub(crate) fn find(as_of: u64, queries: &[(u32, i64)]) -> Vec<Option<Process>> {
    current::as_of(as_of, |world, _, device| {
        let known = || {
            let handles = world.processes.keys();
            handles.filter_map(|process| world.known(*process, as_of))
        };
        let find = |(pid, time): &(u32, i64)| {
            known()
                .filter(|known| known.device == device && known.info.pid == Some(*pid))
                .filter(|known| known.info.started.is_none_or(|started| started <= *time))
                .filter(|known| known.info.ended.is_none_or(|ended| ended >= *time))
                .max_by_key(|known| known.info.started)
                .map(|known| known.info.process)
        };
        queries.iter().map(find).collect()
    })
}

pub(crate) fn put_marks(as_of: u64, marks: &[NewMark]) -> Result<(), MarkError> {
    current::as_of(as_of, |world, now, device| {
        let mut held: BTreeMap<u64, i64> = BTreeMap::new();
        for mark in world.marks.values().flat_map(BTreeMap::values) {
            if mark.expires >= now {
                held.insert(mark.mark.event, mark.mark.time);
            }
        }
        let mut accepted = Vec::new();
        for mark in marks {
            let item = match &mark.subject {
                Subject::Item(item) => item.len(),
                Subject::Process(_) => 0,
            };
            if mark.stage.len() > 64 || mark.note.len() > 1024 || item > 1024 {
                return Err(MarkError::TooLong);
            }
            let at_hand = mark.event == as_of;
            let time = match held.get(&mark.event) {
                Some(time) => *time,
                None if at_hand => world.happened[mark.event as usize - 1].0,
                None => return Err(MarkError::UnknownEvent),
            };
            let stands = Mark {
                stage: mark.stage.clone(),
                score: mark.score,
                note: mark.note.clone(),
                event: mark.event,
                time,
            };
            let expires = now + i64::from(mark.lifetime) * 1000;
            let subject = mark.subject.clone();
            accepted.push(HeldMark {
                subject,
                mark: stands,
                expires,
            });
        }
        for held in &accepted {
            let known = world.marks.get(&key(&held.subject, device));
            let mut stages: BTreeSet<&str> = known
                .into_iter()
                .flat_map(|stages| stages.keys().map(String::as_str))
                .collect();
            let same = accepted
                .iter()
                .filter(|other| other.subject == held.subject);
            stages.extend(same.map(|other| other.mark.stage.as_str()));
            if stages.len() > MAX_STAGES {
                return Err(MarkError::Full);
            }
        }
        for held in accepted {
            let stages = world.marks.entry(key(&held.subject, device)).or_default();
            stages.insert(held.mark.stage.clone(), held);
        }
        Ok(())
    })
}

pub(crate) fn marks(as_of: u64, subjects: &[Subject]) -> Vec<Vec<Mark>> {
    current::as_of(as_of, |world, now, device| {
        let standing = |subject: &Subject| {
            let held = world.marks.get(&key(subject, device)).into_iter();
            let held = held
                .flat_map(BTreeMap::values)
                .filter(|held| held.expires >= now);
            let mut marks: Vec<_> = held.map(|held| held.mark.clone()).collect();
            marks.sort_by(|one, other| (one.event, &one.stage).cmp(&(other.event, &other.stage)));
            marks
        };
        subjects.iter().map(standing).collect()
    })
}

impl World {
    pub(super) fn marks_left(&self) -> Vec<(Subject, Mark)> {
        let now = self.happened.last().map_or(0, |(time, _)| *time);
        let held = self.marks.values().flat_map(BTreeMap::values);
        held.filter(|held| held.expires >= now)
            .map(|held| (held.subject.clone(), held.mark.clone()))
            .collect()
    }
}

fn key(subject: &Subject, device: &str) -> SubjectOnDevice {
    match subject {
        Subject::Process(process) => (Some(*process), String::new(), String::new()),
        Subject::Item(item) => (None, device.to_owned(), item.clone()),
    }
}

fn info(world: &World, process: Process, as_of: u64) -> Option<ProcessInfo> {
    world.known(process, as_of).map(|known| known.info.clone())
}

fn children_in(world: &World, parent: Process, as_of: u64) -> Vec<ProcessInfo> {
    let handles = world.processes.keys();
    let known = handles.filter_map(|process| info(world, *process, as_of));
    let mut found: Vec<_> = known.filter(|info| info.parent == Some(parent)).collect();
    found.sort_by_key(|info| (info.started, info.process));
    found
}
