//! How an event changes what is known of its device's processes.

use crate::{
    event::{Event, Fields, Processes},
    normalise::is_always_kept,
    vocabulary::{ClassId, FieldId, classes, fields},
};

use super::{
    LineageStats,
    device::{Device, OPEN},
    identity::{
        SLACK, command_key, guid_time, handle_of_command, handle_of_guid, handle_of_pid,
        images_differ, is_plausible_start, known_image, may_host,
    },
    process::{Facts, Report},
};

/// Milliseconds within which a GUID's clock counts as the events' own.
const SAME_CLOCK: i64 = 60_000;

/// Milliseconds a process known only by what PowerShell said of it stays the
/// one meant when the same command line is reported again.
const SAME_SESSION: i64 = 600_000;

/// Milliseconds by which a record about PowerShell may come before the start
/// of its process, or after its end.
const SCRIPT_SLACK: i64 = 5_000;

/// The event at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub sequence: u64,
    pub time: i64,
}

impl Device {
    /// Learns from an event and finds the handles of its processes.
    pub fn take_in(&mut self, event: &Event, stats: &mut LineageStats) -> Processes {
        let at = Moment {
            sequence: event.sequence,
            time: event.time,
        };
        let fields = &event.fields;
        let mut processes = Processes::default();
        if !is_always_kept(event.class) {
            // It is here because some analytic wants it. What lineage knows
            // must not depend on who is installed, so it learns nothing.
            return Processes {
                actor: self.look_up(&actor(fields), at),
                process: self.look_up(&target(fields), at),
                parent: 0,
            };
        }
        self.clock = self.clock.max(event.time);
        self.last_sequence = at.sequence;
        self.note_class(event.class, event.sequence);
        match event.class {
            classes::PROCESS_LAUNCH => {
                (processes.process, processes.parent) = self.launch(fields, at, stats);
            }
            classes::PROCESS_TERMINATE => {
                processes.process = self.mention(&target(fields), at, true, stats);
                self.end(processes.process, at);
            }
            classes::PROCESS_INJECT => {
                processes.actor = self.mention(&actor(fields), at, true, stats);
                processes.process = self.mention(&target(fields), at, true, stats);
                // The second may have shown what the first really was.
                processes.actor = self.canonical(processes.actor, OPEN);
            }
            classes::SCRIPT_EXECUTE | classes::SCRIPT_COMMAND | classes::SCRIPT_ENGINE => {
                processes.actor = self.script(fields, at, stats);
            }
            classes::MODULE_LOAD => {
                let report = actor(fields);
                processes.actor = self.mention(&report, at, true, stats);
                self.own_image(fields, report.image, processes.actor, at);
            }
            _ => processes.actor = self.mention(&actor(fields), at, true, stats),
        }
        processes
    }

    /// The handles of the processes of an event that was taken in before.
    /// Learning from it a second time would do harm: its pid may be another
    /// process's by now.
    pub fn recall(&self, event: &Event) -> Processes {
        let at = Moment {
            sequence: event.sequence,
            time: event.time,
        };
        let fields = &event.fields;
        let mut processes = Processes::default();
        match event.class {
            classes::PROCESS_LAUNCH => {
                processes.process = self.started(&launched(fields), at);
                let facts = self.facts(processes.process);
                let known = facts.map_or(0, |(_, facts)| self.canonical(facts.parent, OPEN));
                processes.parent = match self.look_up(&parent(fields), at) {
                    parent if parent == 0 || parent == processes.process => known,
                    parent => parent,
                };
            }
            classes::PROCESS_TERMINATE => processes.process = self.look_up(&target(fields), at),
            classes::SCRIPT_EXECUTE | classes::SCRIPT_COMMAND | classes::SCRIPT_ENGINE => {
                let report = actor(fields);
                let key = command_key(fields.text(fields::SCRIPT_HOST_APPLICATION));
                processes.actor = self
                    .hosting(key, report.pid, at)
                    .filter(|_| report.guid.is_empty())
                    .unwrap_or_else(|| self.look_up(&report, at));
            }
            _ => {
                processes.actor = self.look_up(&actor(fields), at);
                processes.process = self.look_up(&target(fields), at);
            }
        }
        processes
    }

    /// The process whose start was reported at that moment.
    fn started(&self, report: &Report<'_>, at: Moment) -> u64 {
        let own = report.pid.map(|pid| handle_of_pid(self.seed, pid, at.time));
        match own.and_then(|own| self.facts(own)) {
            Some((handle, _)) if report.guid.is_empty() => handle,
            _ => self.look_up(report, at),
        }
    }

    /// The handle of the process that a report is about, without learning
    /// anything from it.
    fn look_up(&self, report: &Report<'_>, at: Moment) -> u64 {
        if !report.guid.is_empty() {
            return self.canonical(handle_of_guid(self.seed, report.guid), OPEN);
        }
        report
            .pid
            .and_then(|pid| self.resolve(pid, at.time, OPEN))
            .filter(|(_, facts)| !images_differ(report.image, &facts.image))
            .map_or(0, |(handle, _)| handle)
    }

    pub(super) fn note_class(&mut self, class: ClassId, sequence: u64) {
        let class = usize::from(class.0);
        if self.classes.len() <= class {
            self.classes.resize(class + 1, 0);
        }
        if let Some(first) = self.classes.get_mut(class)
            && *first == 0
        {
            *first = sequence;
            if let Some(journal) = &mut self.journal {
                journal.has_new_class = true;
            }
        }
    }

    /// Finds the process that a report is about. One never seen is made known
    /// if `creates` says so.
    pub(super) fn mention(
        &mut self,
        report: &Report<'_>,
        at: Moment,
        creates: bool,
        stats: &mut LineageStats,
    ) -> u64 {
        if !report.guid.is_empty() {
            let handle = handle_of_guid(self.seed, report.guid);
            let known = self.canonical(handle, OPEN);
            if self.note(known, report, at, creates) {
                return known;
            }
            if let Some(twin) = self.mentioned_twin(report, at) {
                if creates {
                    self.alias(handle, twin, at.sequence);
                }
                self.note(twin, report, at, creates);
                return twin;
            }
            if creates {
                self.placeholder(handle, report, at, stats);
            }
            return handle;
        }
        let Some(pid) = report.pid else { return 0 };
        let known = self
            .resolve(pid, at.time, OPEN)
            .filter(|(_, facts)| !images_differ(report.image, &facts.image))
            .map(|(handle, _)| handle);
        if let Some(known) = known {
            self.note(known, report, at, creates);
            return known;
        }
        if !creates || report.image.is_empty() {
            stats.misses += 1;
            return 0;
        }
        let handle = handle_of_pid(self.seed, pid, at.time);
        self.placeholder(handle, report, at, stats)
    }

    /// Notes that a process was named and, if `learns` says so, what the
    /// report adds. False if the process is not known.
    fn note(&mut self, handle: u64, report: &Report<'_>, at: Moment, learns: bool) -> bool {
        let clock = self.clock;
        let Some(node) = self.nodes.get_mut(&handle) else {
            return false;
        };
        let Some(adds) = node.facts().map(|facts| report.adds_to(facts)) else {
            return false;
        };
        node.last_seen = clock;
        node.last_sequence = at.sequence;
        if let Some(journal) = &mut self.journal {
            journal.note_mention(handle, node, at.sequence);
        }
        if adds && learns {
            self.edit(handle, at.sequence, |facts| report.apply(facts, false));
        }
        true
    }

    /// Makes a process known that was only mentioned.
    fn placeholder(
        &mut self,
        handle: u64,
        report: &Report<'_>,
        at: Moment,
        stats: &mut LineageStats,
    ) -> u64 {
        stats.misses += 1;
        if let Some((known, _)) = self.facts(handle) {
            return known;
        }
        let is_pid_known = report
            .pid
            .is_some_and(|pid| self.with_pid(pid, OPEN).next().is_some());
        let mut facts = Facts {
            started: self.guid_start(report.guid, at),
            created: at.sequence,
            first_seen: at.time,
            // Whoever had the pid before has it no more.
            appeared: if is_pid_known {
                at.time.saturating_sub(SLACK)
            } else {
                i64::MIN
            },
            ..Facts::default()
        };
        report.apply(&mut facts, true);
        self.create(handle, facts, at.sequence);
        stats.placeholders += 1;
        handle
    }

    /// When the process of a GUID started, by the clock of the events.
    pub(super) fn guid_start(&self, guid: &str, at: Moment) -> Option<i64> {
        guid_time(guid)
            .map(|time| time.saturating_add(self.guid_offset.unwrap_or(0)))
            .filter(|start| is_plausible_start(*start, at.time))
    }

    fn launch(&mut self, fields: &Fields, at: Moment, stats: &mut LineageStats) -> (u64, u64) {
        let report = launched(fields);
        let handle = match (report.guid, report.pid) {
            ("", None) => return (0, 0),
            ("", Some(pid)) => handle_of_pid(self.seed, pid, at.time),
            (guid, _) => {
                self.learn_clock(guid, at);
                handle_of_guid(self.seed, guid)
            }
        };
        let known = self.facts(handle).map(|(known, _)| known);
        let process = match (known, self.launched_twin(&report, known, at)) {
            (Some(known), Some(twin)) => {
                stats.merged += 1;
                self.merge(known, twin, at.sequence)
            }
            (Some(known), None) => known,
            (None, Some(twin)) => {
                stats.merged += 1;
                if !report.guid.is_empty() {
                    self.alias(handle, twin, at.sequence);
                }
                twin
            }
            (None, None) => {
                let facts = Facts {
                    created: at.sequence,
                    first_seen: at.time,
                    ..Facts::default()
                };
                self.create(handle, facts, at.sequence);
                handle
            }
        };
        self.touch(process, at.sequence);
        self.edit(process, at.sequence, |facts| {
            let is_first = facts.start_event.is_none();
            report.apply(facts, is_first);
            if is_first {
                facts.started = Some(at.time);
                facts.start_event = Some(at.sequence);
            }
            if report.guid.is_empty() {
                facts.launches.without_guid = true;
            } else {
                facts.launches.with_guid = true;
            }
        });
        let parent = self.parent(fields, process, at, stats);
        (self.canonical(process, OPEN), parent)
    }

    /// Learns how far the events' clock is from the one behind the GUIDs: in
    /// some recordings they are hours apart.
    fn learn_clock(&mut self, guid: &str, at: Moment) {
        if let Some(time) = guid_time(guid) {
            let offset = at.time.saturating_sub(time);
            let is_same = offset.saturating_abs() < SAME_CLOCK;
            self.guid_offset = Some(if is_same { 0 } else { offset });
        }
    }

    /// Finds the parent of a process that started.
    fn parent(&mut self, fields: &Fields, child: u64, at: Moment, stats: &mut LineageStats) -> u64 {
        let mut parent = self.mention(&parent(fields), at, true, stats);
        let Some((child, facts)) = self.facts(child) else {
            return parent;
        };
        let known = self.canonical(facts.parent, OPEN);
        if parent == 0 || parent == child {
            return known;
        }
        if known == 0 {
            self.edit(child, at.sequence, |facts| facts.parent = parent);
        } else if known != parent && self.are_same(known, parent) {
            stats.merged += 1;
            parent = self.merge(known, parent, at.sequence);
        }
        parent
    }

    fn end(&mut self, process: u64, at: Moment) {
        if let Some((process, facts)) = self.facts(process)
            && facts.ended.is_none()
        {
            self.edit(process, at.sequence, |facts| facts.ended = Some(at.time));
        }
    }

    /// A process loading its own image tells the image's hash, where its start
    /// was not seen.
    fn own_image(&mut self, fields: &Fields, image: &str, process: u64, at: Moment) {
        let module = fields.text(fields::MODULE_FILE_PATH);
        if module.len() != image.len() || !module.eq_ignore_ascii_case(image) {
            return;
        }
        let sha256 = fields.text(fields::MODULE_FILE_HASHES_SHA256);
        let lacks = self
            .facts(process)
            .is_some_and(|(_, facts)| facts.sha256.is_empty());
        if lacks && !sha256.is_empty() {
            let report = Report {
                sha256,
                original_file_name: fields.text(fields::MODULE_FILE_INTERNAL_NAME),
                ..Report::default()
            };
            self.edit(process, at.sequence, |facts| report.apply(facts, false));
        }
    }

    /// Finds the process that hosts a PowerShell engine. Its records carry a
    /// pid, or the command line of the host, or both.
    fn script(&mut self, fields: &Fields, at: Moment, stats: &mut LineageStats) -> u64 {
        let mut report = actor(fields);
        let application = fields.text(fields::SCRIPT_HOST_APPLICATION);
        if !report.guid.is_empty() {
            return self.mention(&report, at, true, stats);
        }
        let key = command_key(application);
        let by_pid = report
            .pid
            .and_then(|pid| self.resolve(pid, at.time, OPEN))
            .map(|(handle, facts)| {
                let is_certain = key == 0 || facts.command_key == key;
                let may_be = is_certain || may_host(&facts.image, application);
                (handle, is_certain, may_be)
            });
        if let Some((handle, true, _)) = by_pid {
            self.note(handle, &report, at, true);
            return handle;
        }
        let by_command = self.hosting(key, report.pid, at);
        report.command_line = application;
        let process = match (by_pid, by_command) {
            (Some((handle, _, true)), Some(other))
                if self.are_same(handle, other) && handle != other =>
            {
                stats.merged += 1;
                self.merge(handle, other, at.sequence)
            }
            (_, Some(other)) => other,
            (Some((handle, _, true)), None) => handle,
            (_, None) => {
                let handle = match report.pid {
                    Some(pid) => handle_of_pid(self.seed, pid, at.time),
                    None if key != 0 => handle_of_command(self.seed, key, at.time),
                    None => return 0,
                };
                return self.placeholder(handle, &report, at, stats);
            }
        };
        self.note(process, &report, at, true);
        process
    }

    /// The process with that command line that may have hosted an engine at
    /// that moment: of those the one that started last.
    fn hosting(&self, key: u64, pid: Option<u32>, at: Moment) -> Option<u64> {
        if key == 0 {
            return None;
        }
        self.with_command(key)
            .filter(|(_, facts)| pid.is_none() || facts.pid.is_none() || facts.pid == pid)
            .filter(|(_, facts)| facts.order() <= at.time.saturating_add(SCRIPT_SLACK))
            .filter(|(handle, facts)| match facts.ended {
                Some(ended) => ended.saturating_add(SCRIPT_SLACK) >= at.time,
                // Nothing will ever tell the end of one that no other log
                // knows.
                None if facts.image.is_empty() => {
                    let seen = self
                        .nodes
                        .get(handle)
                        .map_or(i64::MIN, |node| node.last_seen);
                    seen.saturating_add(SAME_SESSION) >= at.time
                }
                None => true,
            })
            .max_by_key(|(handle, facts)| (facts.order(), facts.created, *handle))
            .map(|(handle, _)| handle)
    }
}

fn actor<'a>(fields: &'a Fields) -> Report<'a> {
    Report {
        guid: fields.text(fields::ACTOR_PROCESS_UID),
        pid: pid(fields, fields::ACTOR_PROCESS_PID),
        image: known_image(fields.text(fields::ACTOR_PROCESS_FILE_PATH)),
        user: fields.text(fields::ACTOR_USER_NAME),
        ..Report::default()
    }
}

fn target<'a>(fields: &'a Fields) -> Report<'a> {
    Report {
        guid: fields.text(fields::PROCESS_UID),
        pid: pid(fields, fields::PROCESS_PID),
        image: known_image(fields.text(fields::PROCESS_FILE_PATH)),
        user: fields.text(fields::PROCESS_USER_NAME),
        ..Report::default()
    }
}

fn launched<'a>(fields: &'a Fields) -> Report<'a> {
    Report {
        original_file_name: fields.text(fields::PROCESS_FILE_INTERNAL_NAME),
        command_line: fields.text(fields::PROCESS_CMD_LINE),
        working_directory: fields.text(fields::PROCESS_WORKING_DIRECTORY),
        integrity: fields.text(fields::PROCESS_INTEGRITY),
        sha256: fields.text(fields::PROCESS_FILE_HASHES_SHA256),
        ..target(fields)
    }
}

fn parent<'a>(fields: &'a Fields) -> Report<'a> {
    Report {
        guid: fields.text(fields::PROCESS_PARENT_PROCESS_UID),
        pid: pid(fields, fields::PROCESS_PARENT_PROCESS_PID),
        image: known_image(fields.text(fields::PROCESS_PARENT_PROCESS_FILE_PATH)),
        command_line: fields.text(fields::PROCESS_PARENT_PROCESS_CMD_LINE),
        user: fields.text(fields::ACTOR_USER_NAME),
        ..Report::default()
    }
}

/// A process id. 0 is the idle process, or none known.
fn pid(fields: &Fields, field: FieldId) -> Option<u32> {
    let pid = u32::try_from(fields.number(field)?).ok()?;
    (pid != 0).then_some(pid)
}
