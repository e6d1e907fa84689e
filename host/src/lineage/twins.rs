//! Which reports of different logs are about one process.
//!
//! Sysmon names processes by GUID, the other logs by pid, and some recordings
//! of Sysmon lack the pid. Starts are matched by pid, image and time, or where
//! a pid is missing by image, command line and time.

use super::{
    device::{Device, OPEN},
    identity::{SAME_START, SLACK, command_key},
    intake::Moment,
    process::{Facts, Report},
};

/// Most processes looked at that started about the same time. Answers a
/// forged burst of starts.
const NEARBY: usize = 256;

impl Device {
    /// The process, other than the one the handle stands for, whose start is
    /// reported.
    pub fn launched_twin(
        &self,
        report: &Report<'_>,
        known: Option<u64>,
        at: Moment,
    ) -> Option<u64> {
        let fits = |handle: u64, facts: &Facts| {
            Some(handle) != known && !report.contradicts(facts) && is_start_of(facts, report, at)
        };
        let key = command_key(report.command_line);
        let distance = |facts: &Facts| match facts.started {
            Some(started) => started.abs_diff(at.time),
            None => SAME_START.unsigned_abs(),
        };
        let by_pid = report.pid.and_then(|pid| {
            self.with_pid(pid, OPEN)
                .filter(|(handle, facts)| fits(*handle, facts))
                .min_by_key(|(handle, facts)| {
                    let differs = differ(facts.command_key, key);
                    (differs, distance(facts), facts.created, *handle)
                })
        });
        if let Some((twin, _)) = by_pid {
            return Some(twin);
        }
        let mut nearby: Vec<_> = self
            .starting(at.time.saturating_sub(SLACK), at.time.saturating_add(SLACK))
            .filter(|(handle, facts)| {
                (facts.pid.is_none() || report.pid.is_none())
                    && !facts.image.is_empty()
                    && !report.image.is_empty()
                    && !differ(facts.command_key, key)
                    && fits(*handle, facts)
            })
            .collect();
        nearby.sort_by_key(|(handle, facts)| {
            let is_unsure = facts.command_key != key || key == 0;
            (is_unsure, distance(facts), facts.created, *handle)
        });
        match nearby.as_slice() {
            [(twin, _)] => Some(*twin),
            [(twin, facts), ..] if facts.command_key == key && key != 0 => Some(*twin),
            _ => None,
        }
    }

    /// The process known without a GUID that a report with an unknown GUID is
    /// about.
    pub fn mentioned_twin(&self, report: &Report<'_>, at: Moment) -> Option<u64> {
        let start = self.guid_start(report.guid, at);
        if let Some(pid) = report.pid {
            return self
                .resolve(pid, at.time, OPEN)
                .filter(|(_, facts)| facts.guid.is_empty() && !report.contradicts(facts))
                .filter(|(_, facts)| may_be_same(facts.started, start))
                .map(|(handle, _)| handle);
        }
        let start = start?;
        // A GUID's time is cut to seconds.
        let mut nearby = self
            .starting(
                start.saturating_sub(SLACK),
                start.saturating_add(SLACK + 1_000),
            )
            .filter(|(_, facts)| {
                facts.guid.is_empty()
                    && !facts.image.is_empty()
                    && !report.image.is_empty()
                    && !report.contradicts(facts)
            });
        match (nearby.next(), nearby.next()) {
            (Some((twin, _)), None) => Some(twin),
            _ => None,
        }
    }

    /// Whether two nodes that both seem to be meant can be one process.
    pub fn are_same(&self, one: u64, other: u64) -> bool {
        let (Some((_, one)), Some((_, other))) = (self.facts(one), self.facts(other)) else {
            return false;
        };
        let report = Report {
            guid: &one.guid,
            pid: one.pid,
            image: &one.image,
            ..Report::default()
        };
        let are_both_reported = (one.launches.with_guid && other.launches.with_guid)
            || (one.launches.without_guid && other.launches.without_guid);
        !are_both_reported && !report.contradicts(other) && may_be_same(one.started, other.started)
    }

    fn starting(&self, from: i64, to: i64) -> impl Iterator<Item = (u64, &Facts)> {
        self.by_start
            .range((from, 0)..=(to, u64::MAX))
            .take(NEARBY)
            .filter_map(|(_, handle)| Some((*handle, self.nodes.get(handle)?.facts()?)))
    }
}

/// Whether the start of a process may be the one reported.
fn is_start_of(facts: &Facts, report: &Report<'_>, at: Moment) -> bool {
    let is_reported = if report.guid.is_empty() {
        facts.launches.without_guid
    } else {
        facts.launches.with_guid
    };
    let is_over = facts
        .ended
        .is_some_and(|ended| ended.saturating_add(SLACK) < at.time);
    !is_reported
        && !is_over
        && match facts.started {
            Some(_) => may_be_same(facts.started, Some(at.time)),
            // Only mentioned: by events after its start.
            None => facts.first_seen >= at.time.saturating_sub(SLACK),
        }
}

fn may_be_same(one: Option<i64>, other: Option<i64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= SAME_START.unsigned_abs(),
        _ => true,
    }
}

/// Whether two command lines are known and different.
fn differ(one: u64, other: u64) -> bool {
    one != 0 && other != 0 && one != other
}
