//! What an analytic did and what that took.

use std::time::Duration;

use super::Quarantine;
use crate::{capabilities::HostCalls, instance::Instance};

/// What an analytic did and what that took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Rows it was handed.
    pub rows: u64,
    /// Calls of `inspect`.
    pub calls: u64,
    /// Findings issued.
    pub findings: u64,
    /// Events it could not handle.
    pub faults: u64,
    /// Events it was not shown because it was in quarantine.
    pub unseen: u64,
    /// Why it is not called, if it is not; of several shards the one that
    /// leaves it out the longest.
    pub quarantine: Option<Quarantine>,
    /// Time spent in calls and on what they put.
    pub time: Duration,
    /// The longest of them.
    pub longest: Duration,
    /// Linear memory of the instance, in bytes.
    pub memory: usize,
    /// The functions of the host it called.
    pub host_calls: HostCalls,
}

impl Usage {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            calls: self.calls + other.calls,
            findings: self.findings + other.findings,
            faults: self.faults + other.faults,
            unseen: self.unseen + other.unseen,
            quarantine: later(self.quarantine, other.quarantine),
            time: self.time + other.time,
            longest: self.longest.max(other.longest),
            memory: self.memory.max(other.memory),
            host_calls: self.host_calls.and(other.host_calls),
        }
    }
}

impl Usage {
    pub(super) fn count_call(&mut self, time: Duration, instance: Option<&Instance>) {
        self.calls += 1;
        self.time += time;
        self.longest = self.longest.max(time);
        if let Some(instance) = instance {
            self.memory = instance.memory();
            self.host_calls = self.host_calls.and(instance.host_calls());
        }
    }
}

fn later(one: Option<Quarantine>, other: Option<Quarantine>) -> Option<Quarantine> {
    let (Some(left), Some(right)) = (one, other) else {
        return one.or(other);
    };
    // For good is longer than until any time.
    let is_left = left
        .until
        .is_none_or(|until| right.until.is_some_and(|other| other < until));
    Some(if is_left { left } else { right })
}
