//! Files that a utility wrote, remembered until someone runs them.
//!
//! A child that the utility starts through WMI, the shell or a task is no descendant, so
//! the writer is found by the file: its path is a subject of its own, whose mark holds the
//! writer's handle.

use sandtrap_sdk::{
    Row, field,
    lineage::{self, NewMark, Process, Subject},
    windows::path,
};

use crate::{
    proxy::Proxy,
    settings::Tuning,
    stage::{Stage, brief},
    utility::Utility,
};

/// What the predicate lets through: programs, and scripts that are run by their name.
pub const EXTENSIONS: &[&str] = &[
    ".exe", ".scr", ".com", ".pif", ".dll", ".cpl", ".msi", ".bat", ".cmd", ".ps1", ".vbs", ".vbe",
    ".js", ".jse", ".wsf", ".hta", ".sct",
];
const WROTE: &str = "wrote";
/// How many children are compared with a file that turns up after them.
const CHILDREN: u32 = 64;

/// Remembers a file that a utility wrote, and says what writing it is worth.
pub fn remember(row: &Row<'_>, proxy: &Proxy, tuning: &Tuning) -> Vec<Stage> {
    let file = row.text(field::FILE_PATH);
    // Builds and registrations write libraries as their trade.
    let is_trade = matches!(proxy.utility, Utility::MsBuild | Utility::Registration);
    if is_trade || !path::is_user_writable(file) {
        return Vec::new();
    }
    let writer = proxy.process.to_string();
    let mark = NewMark::new(row, subject(file), WROTE, 0, writer, tuning.drop_window);
    // A refusal is counted by the host and costs only this link.
    let _ = lineage::mark(row, mark);
    let note = format!("wrote {}", brief(file));
    let mut stages = vec![Stage::new("effect.wrote-program", 10, note)];
    let ran = lineage::children(row, proxy.process, CHILDREN)
        .iter()
        .any(|child| path::is_same_file(&child.image, file));
    if ran {
        stages.push(ran_stage(file));
    }
    stages
}

/// The processes that wrote any of these files, each with the file.
pub fn writers(row: &Row<'_>, files: &[&str]) -> Vec<(Process, Stage)> {
    let files: Vec<&str> = files
        .iter()
        .copied()
        .filter(|file| path::is_user_writable(file))
        .collect();
    if files.is_empty() {
        return Vec::new();
    }
    let subjects: Vec<Subject> = files.iter().map(|file| subject(file)).collect();
    let marks = lineage::marks(row, &subjects);
    files
        .iter()
        .zip(marks)
        .filter_map(|(file, marks)| {
            let mark = marks.into_iter().find(|mark| mark.stage == WROTE)?;
            Some((mark.note.parse().ok()?, ran_stage(file)))
        })
        .collect()
}

fn ran_stage(file: &str) -> Stage {
    let note = format!("wrote a program that then ran: {}", brief(file));
    Stage::new("effect.ran-what-it-wrote", 25, note)
}

fn subject(file: &str) -> Subject {
    let mut name = path::normalise(file);
    name.truncate(name.floor_char_boundary(200));
    Subject::item(format!("file {name}"))
}
