//! What PowerShell was told to do on its command line.
//!
//! A pattern for `-enc` misses most spellings, because PowerShell accepts any prefix of
//! a switch down to a minimum, five kinds of dash and a second dash. [`Invocation`]
//! follows PowerShell's own parser instead (`CommandLineParameterParser` in the
//! PowerShell repository, and the behaviour of Windows PowerShell 5.1 where it differs):
//!
//! - a switch begins with `-`, `/`, U+2013, U+2014 or U+2015; one more dash is skipped,
//!   of any kind, as older versions do;
//! - the rest, in any case, must begin the switch's full name and be at least as long as
//!   its minimum, or equal an alias: `-e` to `-encodedcommand` and `-ec` are the encoded
//!   command, `-ex` and `-ep` the execution policy;
//! - a value is the next argument. PowerShell knows no attached form: `-enc:AAAA` is an
//!   unknown switch, which makes it the beginning of the command or file;
//! - `-Command` takes everything after it, `-File` a path and everything after it;
//! - the first argument that is no known switch begins the command in Windows
//!   PowerShell and the file in PowerShell 7 ([`Edition`]);
//! - `-` in place of a command or file means standard input.
//!
//! The parser reads on where PowerShell would stop with an error (a second command, a
//! value that does not decode), because the line may have been cut or altered in the log.

mod nested;
mod switch;

use super::command_line::{self, Argument};
use super::path;
use super::payload::{self, Decoded};
use switch::Switch;

/// How many arguments of a script are kept.
const MAX_ARGUMENTS: usize = 256;

/// The two lines of PowerShell, which treat an unknown first argument differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Edition {
    /// Windows PowerShell, `powershell.exe`, up to 5.1: the rest is a command.
    #[default]
    Windows,
    /// PowerShell 6 and later, `pwsh.exe`: the rest is a file and its arguments.
    Core,
}

/// The value of `-EncodedCommand`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// The argument as given.
    pub argument: String,
    /// The decoded text; `None` if the argument holds none.
    pub text: Option<String>,
    /// Whether the argument ended early, so that the text is only a beginning.
    pub truncated: bool,
}

/// The value of `-File`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptFile {
    /// The path as given.
    pub path: String,
    /// What the script gets, at most 256 arguments.
    pub arguments: Vec<String>,
}

/// A PowerShell command line, understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The rules it was read by.
    pub edition: Edition,
    /// `-EncodedCommand`.
    pub encoded_command: Option<Payload>,
    /// `-EncodedArguments`, as given.
    pub encoded_arguments: Option<String>,
    /// `-Command` or `-CommandWithArgs`, or what stands for it, arguments joined by blanks.
    pub command: Option<String>,
    /// `-File`, or what stands for it.
    pub file: Option<ScriptFile>,
    /// `-ExecutionPolicy`, as given.
    pub execution_policy: Option<String>,
    /// `-Version`, as given.
    pub version: Option<String>,
    /// `-WindowStyle` with a prefix of `hidden`, or its number, 1.
    pub window_hidden: bool,
    /// `-NoProfile`.
    pub no_profile: bool,
    /// `-NonInteractive`.
    pub non_interactive: bool,
    /// `-NoLogo`.
    pub no_logo: bool,
    /// `-NoExit`.
    pub no_exit: bool,
    /// `-Sta`.
    pub sta: bool,
    /// Whether the script comes from standard input and is not on the command line.
    pub reads_standard_input: bool,
    /// How many arguments looked like a switch and were none; at most one, since it
    /// begins the command or file.
    pub unknown_switches: u32,
}

impl Invocation {
    /// Reads a command line whose first word is PowerShell, with the edition told by its name.
    ///
    /// The name may be a path, quoted in any place (`pow"er"shell`); any name other than
    /// `pwsh` is taken for Windows PowerShell, so call this for processes known to be
    /// PowerShell, by [`ProcessName`](super::ProcessName), and not for any line.
    #[must_use]
    pub fn parse(command_line: &str) -> Self {
        let edition = Edition::of(command_line::executable(command_line));
        Self::parse_as(edition, command_line)
    }

    /// Reads a command line by the rules of one edition.
    #[must_use]
    pub fn parse_as(edition: Edition, command_line: &str) -> Self {
        let arguments = command_line::arguments_after_executable(command_line);
        Self::from_arguments(edition, arguments)
    }

    /// Finds PowerShell within the command line of another program (`cmd /c powershell ...`,
    /// `wscript x "powershell ..."`) and reads the rest of that line.
    ///
    /// Carets are removed where the program is `cmd.exe`. The first occurrence counts.
    /// `None` if there is none, or if nothing follows the name.
    #[must_use]
    pub fn nested(command_line: &str) -> Option<Self> {
        nested::find(command_line)
    }

    fn from_arguments<'a>(
        edition: Edition,
        mut arguments: impl Iterator<Item = Argument<'a>>,
    ) -> Self {
        let mut found = Self {
            edition,
            ..Self::default()
        };
        while let Some(argument) = arguments.next() {
            let text = argument.text.trim();
            if text.is_empty() {
                continue;
            }
            let Some(switch) = Switch::parse(text) else {
                found.unknown_switches += u32::from(switch::is_switch(text));
                let text = text.to_owned();
                match edition {
                    Edition::Windows => found.take_command(text, arguments),
                    Edition::Core => found.take_file(text, arguments),
                }
                break;
            };
            match switch {
                Switch::NoProfile => found.no_profile = true,
                Switch::NonInteractive => found.non_interactive = true,
                Switch::NoLogo => found.no_logo = true,
                Switch::NoExit => found.no_exit = true,
                Switch::Sta => found.sta = true,
                Switch::Flag => {}
                Switch::Command | Switch::CommandWithArguments => {
                    if let Some(first) = arguments.next() {
                        found.take_command(first.text.into_owned(), arguments);
                    }
                    break;
                }
                Switch::File => {
                    if let Some(first) = arguments.next() {
                        found.take_file(first.text.into_owned(), arguments);
                    }
                    break;
                }
                _ => {
                    let Some(value) = arguments.next() else { break };
                    found.take_value(switch, value.text.into_owned());
                }
            }
        }
        found
    }

    fn take_value(&mut self, switch: Switch, value: String) {
        match switch {
            Switch::EncodedCommand => {
                self.encoded_command
                    .get_or_insert_with(|| Payload::of(value));
            }
            Switch::EncodedArguments => self.encoded_arguments = Some(value),
            Switch::ExecutionPolicy => self.execution_policy = Some(value),
            Switch::Version => self.version = Some(value),
            Switch::WindowStyle => self.window_hidden = is_hidden(&value),
            _ => {}
        }
    }

    fn take_command<'a>(&mut self, first: String, rest: impl Iterator<Item = Argument<'a>>) {
        if first == "-" {
            self.reads_standard_input = true;
            return;
        }
        let command = rest.fold(first, |mut command, argument| {
            command.push(' ');
            command.push_str(&argument.text);
            command
        });
        self.command = Some(command);
    }

    fn take_file<'a>(&mut self, path: String, rest: impl Iterator<Item = Argument<'a>>) {
        if path == "-" {
            self.reads_standard_input = true;
            return;
        }
        let arguments = rest
            .take(MAX_ARGUMENTS)
            .map(|argument| argument.text.into_owned())
            .collect();
        self.file = Some(ScriptFile { path, arguments });
    }

    /// The script text on the command line: the decoded command if there is one, or the command.
    #[must_use]
    pub fn script(&self) -> Option<&str> {
        let encoded = self.encoded_command.as_ref();
        encoded
            .and_then(|payload| payload.text.as_deref())
            .or(self.command.as_deref())
    }

    /// Whether the execution policy lets any script run: `Bypass` or `Unrestricted`.
    #[must_use]
    pub fn is_policy_bypassed(&self) -> bool {
        self.execution_policy.as_deref().is_some_and(|policy| {
            let policy = policy.trim();
            ["bypass", "unrestricted"]
                .iter()
                .any(|open| policy.eq_ignore_ascii_case(open))
        })
    }

    /// Whether an engine of version 1 or 2 was asked for, which logs no script blocks and
    /// knows no AMSI. PowerShell 7 takes no engine version.
    #[must_use]
    pub fn is_downgraded(&self) -> bool {
        let major = self.version.as_deref().and_then(|version| {
            let mut parts = version.trim().splitn(2, '.');
            parts.next()
        });
        self.edition == Edition::Windows && matches!(major, Some("1" | "2"))
    }
}

impl Edition {
    /// The edition a program's name or path tells: [`Edition::Core`] for `pwsh`.
    #[must_use]
    pub fn of(executable: &str) -> Self {
        let name: String = path::file_name(executable)
            .chars()
            .filter(|c| *c != '"')
            .take(16)
            .collect();
        let is_core = ["pwsh", "pwsh.exe", "pwsh.dll", "pwsh-preview.exe"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        if is_core { Self::Core } else { Self::Windows }
    }
}

impl Payload {
    fn of(argument: String) -> Self {
        match payload::decode_encoded_command(&argument) {
            Some(Decoded { text, truncated }) => Self {
                argument,
                text: Some(text),
                truncated,
            },
            None => Self {
                argument,
                text: None,
                truncated: false,
            },
        }
    }
}

/// `hidden` may be cut down to `h`; its number may have a sign, zeros and blanks.
fn is_hidden(value: &str) -> bool {
    let value = value.trim();
    let is_prefix = "hidden"
        .get(..value.len())
        .is_some_and(|prefix| !prefix.is_empty() && prefix.eq_ignore_ascii_case(value));
    is_prefix || value.parse::<i32>() == Ok(1)
}

#[cfg(test)]
mod tests;
