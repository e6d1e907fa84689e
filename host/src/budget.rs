//! What one call into an analytic may use. Each limit answers an attack or a
//! defect; without it, one analytic could harm the node or the others.

use std::time::Duration;

/// The budget of an analytic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Wall time of one call. Answers the endless loop.
    ///
    /// Enforced by epochs of [`TICK`], so a call may run one tick longer.
    pub time: Duration,
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
    /// Log lines of one call; more are dropped and counted.
    pub log_lines: u32,
}

/// How often the epoch advances.
pub const TICK: Duration = Duration::from_millis(10);

/// Stack of an analytic, in bytes. Answers deep recursion.
pub const STACK: usize = 512 * 1024;

/// Longest text of a log line, a title, a summary and the like, in bytes.
pub const TEXT: usize = 4096;

/// Largest component, in bytes. Compiling costs time and memory in proportion.
pub const COMPONENT: u64 = 32 * 1024 * 1024;

impl Default for Budget {
    /// Ample for an analytic that does its work, little for the node: the
    /// five that come with Sandtrap stay below a hundredth of each.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(2),
            memory: 64 * 1024 * 1024,
            table_elements: 65_536,
            host_data: 16 * 1024 * 1024,
            findings: 1_000,
            finding_size: 256 * 1024,
            host_calls: 1_000_000,
            log_lines: 100,
        }
    }
}
