//! PowerShell started from another program's command line.

use super::{Edition, Invocation};
use crate::windows::command_line::{
    arguments, arguments_after_executable, remove_carets, shell_command,
};
use crate::windows::process_name::ProcessName;
use crate::windows::{command_line, path};

/// How many arguments of the outer line are searched.
const MAX_ARGUMENTS: usize = 64;

pub(super) fn find(line: &str) -> Option<Invocation> {
    if ProcessName::of(command_line::executable(line), "").is("cmd.exe") {
        let command = remove_carets(shell_command(line)?);
        return within(&command);
    }
    // An argument may hold a whole line; its quotes are resolved by the outer program.
    let inner = arguments_after_executable(line)
        .take(MAX_ARGUMENTS)
        .filter(|argument| argument.was_quoted)
        .find_map(|argument| within(&argument.text));
    inner.or_else(|| {
        let start = arguments_after_executable(line).next()?.start;
        within(line.trim_start().get(start..)?)
    })
}

/// The first mention of PowerShell that starts a word and has something after it.
fn within(text: &str) -> Option<Invocation> {
    // Quotes inside the name, as in pow"er"shell, show only once arguments are split.
    let split = arguments(text)
        .take(MAX_ARGUMENTS)
        .find(|argument| is_powershell(&argument.text))
        .and_then(|argument| text.get(argument.start..));
    if let Some(line) = split {
        return Some(Invocation::parse(line)).filter(|_| arguments(line).nth(1).is_some());
    }
    let lower = text.to_ascii_lowercase();
    ["powershell", "pwsh"].iter().find_map(|name| {
        lower
            .match_indices(name)
            .take(MAX_ARGUMENTS)
            .find_map(|(at, name)| {
                let before = lower.get(..at)?.chars().next_back();
                let starts_word =
                    before.is_none_or(|c| !c.is_alphanumeric() && !"-_.$".contains(c));
                let rest = text.get(at + name.len()..)?;
                let rest = match rest.get(..4) {
                    Some(dot) if dot.eq_ignore_ascii_case(".exe") => rest.get(4..)?,
                    _ => rest,
                };
                let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
                let is_program = starts_word && rest.starts_with([' ', '\t']);
                let edition = Edition::of(name);
                let parse = || Invocation::parse_as(edition, &format!("{name}{rest}"));
                (is_program && !rest.trim().is_empty()).then(parse)
            })
    })
}

fn is_powershell(argument: &str) -> bool {
    let name = path::file_name(argument);
    let stem = name
        .len()
        .checked_sub(4)
        .and_then(|at| name.split_at_checked(at))
        .filter(|(_, extension)| extension.eq_ignore_ascii_case(".exe"))
        .map_or(name, |(stem, _)| stem);
    ["powershell", "pwsh"]
        .iter()
        .any(|known| stem.eq_ignore_ascii_case(known))
}
