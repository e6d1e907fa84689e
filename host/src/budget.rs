//! What an analytic may use. Each limit answers an attack or a defect; without
//! it, one analytic could harm the node or the others.

use std::time::Duration;

use crate::{baselines::BaselineLimits, config::BudgetConfig, marks::MarkLimits};

/// The budget of an analytic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Wall time of one call. Answers the endless loop.
    ///
    /// Enforced by epochs of [`TICK`], so a call may run one tick longer.
    pub time: Duration,
    /// Share of a shard's time that its calls may take while the daemon runs,
    /// in percent. Answers the analytic that uses up its time in every call:
    /// the others keep what is left, and by default four fifths of what they
    /// would do without it even where the costs around its calls are as much
    /// as a third of them.
    pub share: u32,
    /// Linear memory of an instance, in bytes. Answers the memory hog.
    pub memory: usize,
    /// Elements of all tables of an instance. Answers table growth.
    pub table_elements: usize,
    /// Bytes that one call may make the host allocate for what it passes to
    /// imports and returns. Answers results of a gigabyte.
    pub host_data: usize,
    /// Findings of one call. Answers the flood of findings.
    pub findings: usize,
    /// Bytes of text of one finding.
    pub finding_size: usize,
    /// Calls of imports in one call, an item of a bulk call counting as one.
    /// Answers queries for everything: epochs do not interrupt the host.
    pub host_calls: u64,
    /// Log lines a minute, and in one call; more are dropped and counted.
    /// Answers the flood that hides what matters.
    pub log_lines: u32,
    /// Marks on a shard. Answers marks without end.
    pub marks: usize,
    /// Keys of all its baselines on a shard. Answers keys without end.
    pub baseline_keys: usize,
    /// Bytes of its marks, and of its baselines, on a shard. What is kept is on
    /// disk as well, so this bounds both.
    pub stored: usize,
}

/// How often the epoch advances.
pub const TICK: Duration = Duration::from_millis(10);

/// Wall time that a call has at least, however few events it is about.
/// While an event that cannot be handled is searched for, each half has half
/// the time: a loop is found in twice its budget then, not in a dozen times.
pub const LEAST_TIME: Duration = Duration::from_millis(250);

/// Stack of an analytic, in bytes. Answers deep recursion.
pub const STACK: usize = 512 * 1024;

/// Longest text of a log line, a title, a summary and the like, in bytes.
pub const TEXT: usize = 4096;

/// Largest component, in bytes. Compiling costs time and memory in proportion.
pub const COMPONENT: u64 = 32 * 1024 * 1024;

/// Wall time of compiling a component. Answers functions made to be slow to
/// compile: the largest there may be can take minutes. A usual analytic takes
/// a second or two; a reload waits meanwhile, events do not.
pub const COMPILE_TIME: Duration = Duration::from_secs(60);

/// Address space of the process that compiles, in bytes. Answers components
/// made to exhaust the memory of the node while they are compiled: a function
/// of a megabyte can be made to need more than this. The allocator reserves
/// half of it at once and counts as much against it, so that what is used stays
/// below.
pub const COMPILE_MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// Most machine code of one component, in bytes; about three times what it was
/// compiled from is usual. Answers a worker that sends without end, and a file
/// put into the cache to fill memory.
pub const ARTIFACT: u64 = 256 * 1024 * 1024;

/// What an analytic may use unless told otherwise, in the order of
/// [`BudgetConfig::entries`]. Ample for an analytic that does its work, little
/// for the node: the five that come with Sandtrap stay below a hundredth of
/// each, and below a fourth of the share at full load.
const DEFAULTS: [u32; 12] = [
    2_000, 15, 64, 65_536, 16, 1_000_000, 1_000, 256, 100, 100_000, 100_000, 128,
];

impl Default for Budget {
    fn default() -> Self {
        Self::of(DEFAULTS)
    }
}

/// A manifest asks for more than it is granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "its manifest asks for {key} = {requested}, and {granted} is granted; \
     write {key} = {requested} under `budget` of {section} to grant it"
)]
pub struct Exceeded {
    key: &'static str,
    requested: u32,
    granted: u32,
    section: String,
}

impl Budget {
    /// What is granted by sections of the configuration, the analytic's own
    /// first, to an analytic whose manifest asks for so much.
    ///
    /// The operator's number for the analytic holds, up to the most its keys
    /// may be granted. Without one it gets what it asks for, up to that most or
    /// else the default, and the default if it asks for nothing.
    pub fn granted(
        sections: &[(&str, &BudgetConfig)],
        requested: &BudgetConfig,
    ) -> Result<Self, Exceeded> {
        let mut numbers = DEFAULTS;
        for (position, ((key, requested), number)) in requested
            .entries()
            .into_iter()
            .zip(&mut numbers)
            .enumerate()
        {
            let of = |budget: &BudgetConfig| budget.entries().get(position)?.1;
            let granting = sections
                .iter()
                .filter_map(|(section, budget)| Some((of(budget)?, *section)));
            let least = granting.min();
            let own = sections.first().and_then(|(_, budget)| of(budget));
            let (most, section) = least.unwrap_or_else(|| {
                let own = sections.first().map_or("", |(section, _)| section);
                (*number, own)
            });
            *number = match (own, requested) {
                (Some(own), _) => own.min(most),
                (None, Some(requested)) => requested,
                (None, None) => most.min(*number),
            };
            if let Some(requested) = requested.filter(|requested| *requested > most) {
                return Err(Exceeded {
                    key,
                    requested,
                    granted: most,
                    section: section.to_owned(),
                });
            }
        }
        Ok(Self::of(numbers))
    }

    fn of(numbers: [u32; 12]) -> Self {
        let [
            call_ms,
            share,
            memory_mib,
            table_elements,
            host_data_mib,
            host_calls,
            findings,
            finding_kib,
            log_lines,
            marks,
            baseline_keys,
            stored_mib,
        ] = numbers;
        Self {
            time: Duration::from_millis(call_ms.into()),
            share,
            memory: (memory_mib as usize) << 20,
            table_elements: table_elements as usize,
            host_data: (host_data_mib as usize) << 20,
            findings: findings as usize,
            finding_size: (finding_kib as usize) << 10,
            host_calls: host_calls.into(),
            log_lines,
            marks: marks as usize,
            baseline_keys: baseline_keys as usize,
            stored: (stored_mib as usize) << 20,
        }
    }

    /// Most bytes of events in one call; a batch that has more is shown in
    /// parts. The host holds them beside the copy in the instance, which needs
    /// room for more than them.
    pub fn batch(&self) -> usize {
        self.memory / 4
    }

    /// The time that is left for a part of a call's events, after it was halved
    /// so many times.
    pub fn time_of_part(&self, halvings: u32) -> Duration {
        let part = self.time / 2_u32.saturating_pow(halvings.min(31));
        part.max(LEAST_TIME).min(self.time)
    }

    /// How much it may note.
    pub fn mark_limits(&self) -> MarkLimits {
        MarkLimits {
            marks: self.marks,
            bytes: self.stored,
            ..MarkLimits::default()
        }
    }

    /// How much it may count.
    pub fn baseline_limits(&self) -> BaselineLimits {
        BaselineLimits {
            keys: self.baseline_keys,
            bytes: self.stored,
            ..BaselineLimits::default()
        }
    }
}
