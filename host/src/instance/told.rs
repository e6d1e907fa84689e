//! What lineage may tell an analytic of processes: what it may also see of
//! them in events.

use crate::{grant::Scope, lineage::ProcessInfo};

/// What of a process an analytic is told. How processes descend from one
/// another and when they ran is what lineage is for, and told to whoever is
/// granted it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    pid: bool,
    image: bool,
    original_file_name: bool,
    command_line: bool,
    working_directory: bool,
    user: bool,
    integrity: bool,
    sha256: bool,
}

impl Told {
    /// What the scope of fields allows.
    pub fn granted(fields: &Scope) -> Self {
        Self {
            pid: fields.allows("process.pid"),
            image: fields.allows("process.file.path"),
            original_file_name: fields.allows("process.file.internal_name"),
            command_line: fields.allows("process.cmd_line"),
            working_directory: fields.allows("process.working_directory"),
            user: fields.allows("process.user.name"),
            integrity: fields.allows("process.integrity"),
            sha256: fields.allows("process.file.hashes.sha256"),
        }
    }

    /// The process as it may be told. What may not is empty, as if it was not
    /// known.
    pub fn of<'a>(&self, process: ProcessInfo<'a>) -> ProcessInfo<'a> {
        let told = |is_told: bool, text: &'a str| if is_told { text } else { "" };
        ProcessInfo {
            pid: process.pid.filter(|_| self.pid),
            image: told(self.image, process.image),
            original_file_name: told(self.original_file_name, process.original_file_name),
            command_line: told(self.command_line, process.command_line),
            working_directory: told(self.working_directory, process.working_directory),
            user: told(self.user, process.user),
            integrity: told(self.integrity, process.integrity),
            sha256: told(self.sha256, process.sha256),
            ..process
        }
    }
}
