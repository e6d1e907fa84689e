//! The switches of `powershell.exe` and `pwsh.exe`.

/// A switch, with those that change nothing an analytic asks about lumped together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    Command,
    CommandWithArguments,
    EncodedArguments,
    EncodedCommand,
    ExecutionPolicy,
    File,
    NoExit,
    NoLogo,
    NonInteractive,
    NoProfile,
    Sta,
    Version,
    WindowStyle,
    /// Any other without a value.
    Flag,
    /// Any other with a value.
    Valued,
}

/// Full name, fewest letters, meaning. The first that fits counts, as in PowerShell.
const SWITCHES: &[(&str, usize, Switch)] = &[
    ("version", 1, Switch::Version),
    ("help", 1, Switch::Flag),
    ("login", 1, Switch::Flag),
    ("noexit", 3, Switch::NoExit),
    ("noprofile", 3, Switch::NoProfile),
    ("nologo", 3, Switch::NoLogo),
    ("noninteractive", 4, Switch::NonInteractive),
    ("noprofileloadtime", 17, Switch::Flag),
    ("socketservermode", 2, Switch::Flag),
    ("v2socketservermode", 4, Switch::Flag),
    ("servermode", 1, Switch::Flag),
    ("namedpipeservermode", 3, Switch::Flag),
    ("sshservermode", 4, Switch::Flag),
    ("interactive", 1, Switch::Flag),
    ("configurationfile", 14, Switch::Valued),
    ("configurationname", 6, Switch::Valued),
    ("custompipename", 3, Switch::Valued),
    ("commandwithargs", 15, Switch::CommandWithArguments),
    ("cwa", 3, Switch::CommandWithArguments),
    ("command", 1, Switch::Command),
    ("windowstyle", 1, Switch::WindowStyle),
    ("file", 1, Switch::File),
    ("outputformat", 1, Switch::Valued),
    ("of", 1, Switch::Valued),
    ("inputformat", 3, Switch::Valued),
    ("if", 2, Switch::Valued),
    ("executionpolicy", 2, Switch::ExecutionPolicy),
    ("ep", 2, Switch::ExecutionPolicy),
    ("encodedcommand", 1, Switch::EncodedCommand),
    ("ec", 1, Switch::EncodedCommand),
    ("encodedarguments", 8, Switch::EncodedArguments),
    ("ea", 2, Switch::EncodedArguments),
    ("settingsfile", 8, Switch::Valued),
    ("sta", 3, Switch::Sta),
    ("mta", 3, Switch::Flag),
    ("workingdirectory", 2, Switch::Valued),
    ("wd", 2, Switch::Valued),
    ("token", 5, Switch::Valued),
    ("utctimestamp", 3, Switch::Valued),
    ("psconsolefile", 3, Switch::Valued),
    ("importsystemmodules", 3, Switch::Flag),
    ("modules", 3, Switch::Valued),
    ("removeworkingdirectorytrailingcharacter", 39, Switch::Flag),
    ("?", 1, Switch::Flag),
];

impl Switch {
    /// The switch an argument spells, if any.
    pub(super) fn parse(argument: &str) -> Option<Self> {
        let key = key(argument)?;
        SWITCHES
            .iter()
            .find(|(name, minimum, _)| {
                key.len() >= *minimum
                    && name
                        .get(..key.len())
                        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(key))
            })
            .map(|(_, _, switch)| *switch)
    }
}

/// Whether an argument begins like a switch and has a name.
pub(super) fn is_switch(argument: &str) -> bool {
    key(argument).is_some_and(|key| !key.is_empty())
}

/// The name after one or two dashes.
fn key(argument: &str) -> Option<&str> {
    let key = argument
        .strip_prefix(is_dash)
        .or_else(|| argument.strip_prefix('/'))?;
    Some(key.strip_prefix(is_dash).unwrap_or(key).trim())
}

/// Hyphen-minus, en dash, em dash and horizontal bar.
fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2013}' | '\u{2014}' | '\u{2015}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_are_kept() {
        for (argument, switch) in [
            ("-nop", Some(Switch::NoProfile)),
            ("-NoProfile", Some(Switch::NoProfile)),
            ("-no", None),
            ("-noni", Some(Switch::NonInteractive)),
            ("-non", None),
            ("-noe", Some(Switch::NoExit)),
            ("-v", Some(Switch::Version)),
            ("-ex", Some(Switch::ExecutionPolicy)),
            ("-EP", Some(Switch::ExecutionPolicy)),
            ("-encodeda", Some(Switch::EncodedArguments)),
            ("-encoded", Some(Switch::EncodedCommand)),
            ("-encodedcommands", None),
            ("-inp", Some(Switch::Valued)),
            ("-enc:AAAA", None),
            ("//enc", None),
            ("---enc", None),
            ("-é", None),
            ("-", None),
            ("enc", None),
        ] {
            assert_eq!(Switch::parse(argument), switch, "{argument}");
        }
    }
}
