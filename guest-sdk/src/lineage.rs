//! Processes, what led to them, and an analytic's own marks on them. A
//! component that calls nothing here does not ask for the capability.
//!
//! Every answer is as of the row: it never holds what came after it, whatever
//! the batch size. Most analytics put and read marks through
//! [`Chain`](crate::Chain) rather than one by one.

use std::time::Duration;

use crate::{Event, Row};

#[cfg(target_family = "wasm")]
use crate::bindings::sandtrap::analytic::lineage as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::lineage as host;

pub use crate::bindings::sandtrap::analytic::lineage::{
    Mark, MarkError, NewMark, Process, ProcessInfo, Subject,
};

/// What is known of a process.
pub fn process(row: &Row<'_>, process: Process) -> Option<ProcessInfo> {
    processes(row, &[process]).pop().flatten()
}

/// What is known of each process, in one call; none for those never seen.
pub fn processes(row: &Row<'_>, processes: &[Process]) -> Vec<Option<ProcessInfo>> {
    host::processes(row.event(), processes)
}

/// The ancestors of a process, nearest first, at most `limit` (64).
pub fn ancestors(row: &Row<'_>, process: Process, limit: u32) -> Vec<ProcessInfo> {
    ancestors_of(row, &[process], limit)
        .pop()
        .unwrap_or_default()
}

/// The ancestors of each process, in one call.
pub fn ancestors_of(row: &Row<'_>, processes: &[Process], limit: u32) -> Vec<Vec<ProcessInfo>> {
    host::ancestors(row.event(), processes, limit)
}

/// The children of a process, oldest first, at most `limit` (256).
pub fn children(row: &Row<'_>, process: Process, limit: u32) -> Vec<ProcessInfo> {
    children_of(row, &[process], limit)
        .pop()
        .unwrap_or_default()
}

/// The children of each process, in one call.
pub fn children_of(row: &Row<'_>, processes: &[Process], limit: u32) -> Vec<Vec<ProcessInfo>> {
    host::children(row.event(), processes, limit)
}

/// The descendants of a process, breadth first, at most `limit` (1024).
pub fn descendants(row: &Row<'_>, process: Process, limit: u32) -> Vec<ProcessInfo> {
    descendants_of(row, &[process], limit)
        .pop()
        .unwrap_or_default()
}

/// The descendants of each process, in one call.
pub fn descendants_of(row: &Row<'_>, processes: &[Process], limit: u32) -> Vec<Vec<ProcessInfo>> {
    host::descendants(row.event(), processes, limit)
}

/// The process that had an id on the row's device at a time in milliseconds
/// since 1970 UTC.
pub fn find(row: &Row<'_>, pid: u32, time: i64) -> Option<Process> {
    find_all(row, &[(pid, time)]).pop().flatten()
}

/// The process that had each id at each time, in one call.
pub fn find_all(row: &Row<'_>, queries: &[(u32, i64)]) -> Vec<Option<Process>> {
    host::find(row.event(), queries)
}

/// Puts a mark. An `Err` means that it was not put; the host counts refusals,
/// so it may be ignored.
pub fn mark(row: &Row<'_>, mark: NewMark) -> Result<(), MarkError> {
    put_marks(row, &[mark])
}

/// Puts marks in one call, all or none.
pub fn put_marks(row: &Row<'_>, marks: &[NewMark]) -> Result<(), MarkError> {
    host::put_marks(row.event(), marks)
}

/// This analytic's marks on a subject that have not expired, oldest event
/// first.
pub fn marks_on(row: &Row<'_>, subject: impl Into<Subject>) -> Vec<Mark> {
    marks(row, &[subject.into()]).pop().unwrap_or_default()
}

/// This analytic's marks on each subject, in one call.
pub fn marks(row: &Row<'_>, subjects: &[Subject]) -> Vec<Vec<Mark>> {
    host::marks(row.event(), subjects)
}

impl Subject {
    /// Anything of the row's device that is no process, by a name of the
    /// analytic's choosing.
    pub fn item(name: impl Into<String>) -> Self {
        Self::Item(name.into())
    }
}

impl From<Process> for Subject {
    fn from(process: Process) -> Self {
        Self::Process(process)
    }
}

impl NewMark {
    /// A mark earned by the row's event. A subject has one mark for each
    /// stage: a later one replaces an earlier one. `lifetime` is event time
    /// from the row on, in whole seconds.
    pub fn new(
        row: &Row<'_>,
        subject: impl Into<Subject>,
        stage: impl Into<String>,
        score: i32,
        note: impl Into<String>,
        lifetime: Duration,
    ) -> Self {
        Self {
            subject: subject.into(),
            stage: stage.into(),
            score,
            note: note.into(),
            event: row.event(),
            lifetime: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX),
        }
    }

    /// Earned by an earlier event, which another mark of this analytic holds.
    #[must_use]
    pub fn earned_by(mut self, event: Event) -> Self {
        self.event = event;
        self
    }
}

impl ProcessInfo {
    /// The last part of the image's path, in lower case. For what a program
    /// really is, whatever it is called, see
    /// [`windows::process_name`](crate::windows::process_name).
    pub fn file_name(&self) -> String {
        let name = self.image.rsplit(['\\', '/']).next().unwrap_or_default();
        name.to_ascii_lowercase()
    }
}
