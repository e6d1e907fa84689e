//! What is known before the first event, and what the events teach.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut, RangeInclusive},
};

use super::{
    TestEvent,
    baselines::{Learning, Observation},
    lineage::{HeldMark, SubjectOnDevice},
    signatures::{Said, self_load},
};
use crate::{
    class, field,
    lineage::{Process, ProcessInfo},
    log::Level,
    signatures::{Signature, Source, State},
};

pub(super) const DEVICE: &str = "device-1";

/// What the host knows besides the events.
#[derive(Debug, Clone)]
pub struct World {
    /// Each process as it was known from an event on; 0 is before the first.
    pub(super) processes: BTreeMap<Process, Vec<(u64, ProcessSpec)>>,
    pub(super) signatures: Vec<Said>,
    pub(super) observations: Vec<Observation>,
    pub(super) learning: Learning,
    pub(super) marks: BTreeMap<SubjectOnDevice, BTreeMap<String, HeldMark>>,
    pub(super) messages: Vec<(Level, String)>,
    /// Time and device of each event.
    pub(super) happened: Vec<(i64, String)>,
    /// The events that may be referred to.
    pub(super) batch: RangeInclusive<u64>,
}

/// A process that started before the first event.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    pub(super) info: ProcessInfo,
    pub(super) device: String,
}

/// A process by its handle, on the device `device-1`.
pub fn process(process: Process) -> ProcessSpec {
    let info = ProcessInfo {
        process,
        parent: None,
        pid: None,
        started: None,
        ended: None,
        image: String::new(),
        original_file_name: String::new(),
        command_line: String::new(),
        working_directory: String::new(),
        user: String::new(),
        integrity: String::new(),
        sha256: String::new(),
        start_event: None,
    };
    ProcessSpec {
        info,
        device: DEVICE.to_owned(),
    }
}

impl ProcessSpec {
    /// The path of its image.
    #[must_use]
    pub fn image(mut self, path: &str) -> Self {
        path.clone_into(&mut self.info.image);
        self
    }

    /// Its command line.
    #[must_use]
    pub fn command_line(mut self, command_line: &str) -> Self {
        command_line.clone_into(&mut self.info.command_line);
        self
    }

    /// Its parent.
    #[must_use]
    pub fn child_of(mut self, parent: Process) -> Self {
        self.info.parent = Some(parent);
        self
    }

    /// The device it runs on.
    #[must_use]
    pub fn on(mut self, device: &str) -> Self {
        device.clone_into(&mut self.device);
        self
    }
}

/// Everything else that is known of it can be set directly.
impl Deref for ProcessSpec {
    type Target = ProcessInfo;

    fn deref(&self) -> &ProcessInfo {
        &self.info
    }
}

impl DerefMut for ProcessSpec {
    fn deref_mut(&mut self) -> &mut ProcessInfo {
        &mut self.info
    }
}

impl Default for World {
    fn default() -> Self {
        Self {
            processes: BTreeMap::new(),
            signatures: Vec::new(),
            observations: Vec::new(),
            learning: Learning::new(),
            marks: BTreeMap::new(),
            messages: Vec::new(),
            happened: Vec::new(),
            batch: RangeInclusive::new(1, 0),
        }
    }
}

impl World {
    /// A world of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// A process that started before the first event.
    #[must_use]
    pub fn process(mut self, process: ProcessSpec) -> Self {
        self.processes
            .insert(process.info.process, vec![(0, process)]);
        self
    }

    /// Files whose path equals `path`, but for case, carry this signature.
    #[must_use]
    pub fn signature(mut self, path: &str, state: State, signer: &str) -> Self {
        let signature = Signature {
            state,
            signer: signer.to_owned(),
            source: Source::Catalogue,
        };
        self.signatures.push(Said::of_file(path, signature));
        self
    }

    /// A key was observed so many times on a device before the first event.
    #[must_use]
    pub fn observed(
        mut self,
        baseline: &str,
        key: &str,
        device: &str,
        time: i64,
        count: u64,
    ) -> Self {
        self.observations
            .push(Observation::new(baseline, key, device, time, count));
        self
    }

    /// A baseline has been learning since then, whether or not it observed
    /// anything.
    #[must_use]
    pub fn learning_since(mut self, baseline: &str, time: i64) -> Self {
        self.learning.insert(baseline.to_owned(), time);
        self
    }

    /// Learns from the events, and completes them by what is known.
    pub(super) fn with_events(
        mut self,
        events: impl IntoIterator<Item = TestEvent>,
    ) -> (Self, Vec<TestEvent>) {
        let mut time = 0;
        let mut complete = Vec::new();
        for (number, mut event) in (1_u64..).zip(events) {
            time = *event.time.get_or_insert(time + 1);
            let device = event.device.clone();
            event.complete(field::DEVICE_HOSTNAME, &device);
            self.happened.push((time, device));
            self.learn(number, time, &mut event);
            complete.push(event);
        }
        (self, complete)
    }

    /// What was known of a process as of an event.
    pub(super) fn known(&self, process: Process, as_of: u64) -> Option<&ProcessSpec> {
        let versions = self.processes.get(&process)?;
        let version = versions.iter().rev().find(|(since, _)| *since <= as_of);
        version.map(|(_, known)| known)
    }

    fn learn(&mut self, number: u64, time: i64, event: &mut TestEvent) {
        if let Some(parent) = event.process_in(field::PROCESS_PARENT_PROCESS_HANDLE) {
            let (path, line) = (
                field::PROCESS_PARENT_PROCESS_FILE_PATH,
                field::PROCESS_PARENT_PROCESS_CMD_LINE,
            );
            let info = &mut self.version(parent, number, &event.device).info;
            fill(&mut info.image, event.text(path));
            fill(&mut info.command_line, event.text(line));
            let info = info.clone();
            event.complete(path, &info.image);
            event.complete(line, &info.command_line);
        }
        if let Some(process) = event.process_in(field::PROCESS_HANDLE) {
            let info = &mut self.version(process, number, &event.device).info;
            fill(&mut info.image, event.text(field::PROCESS_FILE_PATH));
            fill(&mut info.user, event.text(field::PROCESS_USER_NAME));
            info.pid = info.pid.or(pid(event, field::PROCESS_PID));
            match event.class {
                class::PROCESS_LAUNCH => {
                    fill(
                        &mut info.original_file_name,
                        event.text(field::PROCESS_FILE_INTERNAL_NAME),
                    );
                    fill(&mut info.command_line, event.text(field::PROCESS_CMD_LINE));
                    fill(
                        &mut info.working_directory,
                        event.text(field::PROCESS_WORKING_DIRECTORY),
                    );
                    fill(&mut info.integrity, event.text(field::PROCESS_INTEGRITY));
                    fill(
                        &mut info.sha256,
                        event.text(field::PROCESS_FILE_HASHES_SHA256),
                    );
                    info.started = Some(time);
                    info.start_event = Some(number);
                    let parent = event.process_in(field::PROCESS_PARENT_PROCESS_HANDLE);
                    info.parent = info.parent.or(parent);
                }
                class::PROCESS_TERMINATE => info.ended = Some(time),
                _ => {}
            }
        }
        if let Some(actor) = event.process_in(field::ACTOR_PROCESS_HANDLE) {
            let info = &mut self.version(actor, number, &event.device).info;
            fill(&mut info.image, event.text(field::ACTOR_PROCESS_FILE_PATH));
            info.pid = info.pid.or(pid(event, field::ACTOR_PROCESS_PID));
            let image = info.image.clone();
            event.complete(field::ACTOR_PROCESS_FILE_PATH, &image);
            self.signatures.extend(self_load(number, actor, event));
        }
    }

    /// What is known of a process from this event on, to be added to.
    fn version(&mut self, handle: Process, number: u64, device: &str) -> &mut ProcessSpec {
        let latest = self.known(handle, number).cloned();
        let latest = latest.unwrap_or_else(|| process(handle).on(device));
        let versions = self.processes.entry(handle).or_default();
        versions.push((number, latest));
        let last = versions.len() - 1;
        &mut versions[last].1
    }
}

fn fill(known: &mut String, said: &str) {
    if !said.is_empty() {
        said.clone_into(known);
    }
}

fn pid(event: &TestEvent, field: crate::vocabulary::Unsigned) -> Option<u32> {
    event.number(field).and_then(|pid| u32::try_from(pid).ok())
}
