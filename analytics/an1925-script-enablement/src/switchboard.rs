//! The registry values that decide whether scripts run, and whether anyone sees it.
//!
//! Values are recognised by the end of their path, so that the 32-bit view
//! (`WOW6432Node`), every user's hive, every control set and a hive loaded under
//! another name are all covered.

mod table;
mod value;

pub use table::{DELETED_KEYS, SWITCHES};

/// Whose scripts a switch is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// PowerShell.
    PowerShell,
    /// Windows Script Host and what shares its engines.
    ScriptHost,
    /// Macros of Office.
    Office,
    /// Anything that runs.
    All,
}

/// How much a switch weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Scripts run that did not: more for the whole machine than for one user.
    Full,
    /// Control or record of scripts is lost.
    Control,
    /// A common setting that helps scripts along.
    Weak,
}

/// Which data opens the switch.
#[derive(Debug, Clone, Copy)]
pub enum Opens {
    /// These numbers, as a DWORD or as text.
    Numbers(&'static [u64]),
    /// Every number but these.
    NumbersBut(&'static [u64]),
    /// These words, in any case.
    Words(&'static [&'static str]),
    /// Text that contains one of these, in any case.
    Contains(&'static [&'static str]),
}

/// A registry value that opens or closes the way for scripts.
#[derive(Debug)]
pub struct Switch {
    /// Stage name, without its class.
    pub stage: &'static str,
    /// Whose scripts.
    pub family: Family,
    /// How much it weighs.
    pub weight: Weight,
    /// The end of the value's path, lower case; `*` stands for one component.
    pub path: &'static str,
    /// The data that opens it.
    pub opens: Opens,
    /// Whether deleting the value opens it.
    pub opens_when_deleted: bool,
    /// What that means, as the end of a sentence.
    pub meaning: &'static str,
}

/// What became of a value.
#[derive(Debug, Clone, Copy)]
pub enum Change<'d> {
    /// It was set to this.
    Set(&'d str),
    /// It was deleted.
    Deleted,
}

/// What a change does.
#[derive(Debug)]
pub enum Turn {
    /// It opens the switch.
    Opened(&'static Switch),
    /// It closes the switch, as someone does who covers the traces.
    Closed(&'static Switch),
}

impl Family {
    /// The item that holds the marks of what was enabled.
    pub fn item(self) -> &'static str {
        match self {
            Self::PowerShell => "enabled:powershell",
            Self::ScriptHost => "enabled:script-host",
            Self::Office => "enabled:office",
            Self::All => "enabled:all",
        }
    }
}

impl Switch {
    /// The part of the path behind its last `*`, for a predicate.
    pub fn tail(&self) -> String {
        let tail = self.path.rsplit('*').next().unwrap_or(self.path);
        if tail.starts_with('\\') {
            tail.to_owned()
        } else {
            format!("\\{tail}")
        }
    }

    fn is_opened_by(&self, change: Change<'_>) -> bool {
        let data = match change {
            Change::Deleted => return self.opens_when_deleted,
            Change::Set(data) => data.trim(),
        };
        match self.opens {
            Opens::Numbers(wanted) => {
                value::number(data).is_some_and(|number| wanted.contains(&number))
            }
            Opens::NumbersBut(others) => {
                value::number(data).is_some_and(|number| !others.contains(&number))
            }
            Opens::Words(words) => words.iter().any(|word| word.eq_ignore_ascii_case(data)),
            Opens::Contains(parts) => {
                let data = data.to_ascii_lowercase();
                parts.iter().any(|part| data.contains(part))
            }
        }
    }
}

/// What a change of a value does; nothing if the value is no switch.
pub fn judge(path: &str, change: Change<'_>) -> Option<Turn> {
    let path = path.to_ascii_lowercase();
    let mut closed = None;
    for switch in SWITCHES {
        if !ends_with(&path, switch.path) {
            continue;
        }
        if switch.is_opened_by(change) {
            return Some(Turn::Opened(switch));
        }
        closed = closed.or(Some(Turn::Closed(switch)));
    }
    closed
}

/// What the deletion of a whole key does.
pub fn judge_key(path: &str) -> Option<&'static Switch> {
    let path = path.to_ascii_lowercase();
    DELETED_KEYS
        .iter()
        .find(|switch| ends_with(&path, switch.path))
}

/// Whether a value is the whole machine's rather than a user's.
pub fn is_machine_wide(path: &str) -> bool {
    let hive = path.split('\\').next().unwrap_or_default();
    !["hku", "hkcu", "hkcr", "hkey_current_user", "hkey_users"]
        .iter()
        .any(|user| hive.trim_end_matches(':').eq_ignore_ascii_case(user))
}

/// Whether a value lies where policies are kept.
pub fn is_policy(path: &str) -> bool {
    path.to_ascii_lowercase().contains("\\policies\\")
}

fn ends_with(path: &str, pattern: &str) -> bool {
    let mut components = path.rsplit('\\');
    pattern.rsplit('\\').all(|wanted| {
        components
            .next()
            .is_some_and(|own| wanted == "*" || own == wanted)
    })
}

#[cfg(test)]
mod tests;
