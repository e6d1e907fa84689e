//! Programs of control systems that are given a script.

use sandtrap_sdk::{
    site::Pattern,
    windows::{ProcessName, command_line, path, process_name::SHELLS},
};

use crate::{
    found::Found,
    interpreter::{Kind, Program, Script},
    tree::short,
};

use super::excerpt;

/// Options by which control-system programs take a script.
pub const ICS_HINTS: &[&str] = &[
    " -do ", " /do ", "-script", "/script", "-macro", "/macro", ".scil", "\\scil\\",
];

/// Stages of a control-system program that is given a script.
pub fn stages(
    apps: &[Pattern],
    program: &Program<'_>,
    name: &ProcessName,
    parent: &str,
) -> Vec<Found> {
    let is_app = apps
        .iter()
        .any(|app| app.fits(name.file_name()) || app.fits(name.original_file_name()));
    if !is_app || !takes_script(program.command_line) {
        return Vec::new();
    }
    let text = format!(
        "is a control-system program that runs a script: {}",
        excerpt(program.command_line)
    );
    let mut found = vec![Found::new("proxy.ics-script", 20, text)];
    let parent_name = ProcessName::of(parent, "");
    let by_interpreter = Kind::of(&parent_name).is_some() || parent_name.is_any(SHELLS);
    if by_interpreter || path::is_user_writable(parent) {
        let text = format!("is started by {}, not by the control system", short(parent));
        found.push(Found::new("proxy.ics-odd-parent", 20, text));
    }
    found
}

/// The script that a control-system program is given, where it can be told from
/// its other arguments.
pub fn script(program: &Program<'_>) -> Option<Script> {
    let path = script_argument(program.command_line)?;
    let script = Script { path, engine: None };
    Some(script.below(program.directory))
}

/// An option or an argument that is a file other than a program.
fn takes_script(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let has_option = ICS_HINTS.iter().any(|hint| lower.contains(hint));
    has_option || script_argument(line).is_some()
}

fn script_argument(line: &str) -> Option<String> {
    command_line::arguments_after_executable(line)
        .take(16)
        .map(|word| word.text.into_owned())
        .find(|word| {
            let extension = path::extension(word);
            ["txt", "scl", "bas", "ci", "vba"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
                || path::is_script_extension(extension)
        })
}
