//! Commands that switch scripts on, read from command lines and script text.
//!
//! The registry says so too where it is watched; a command is all there is where
//! it is not, and where a switch lives for one process only.

mod registry;

use sandtrap_sdk::windows::{command_line, script};

use crate::switchboard::{Change, Family, Weight};

/// How many words after a command are taken for its arguments.
const MAX_ARGUMENTS: usize = 24;

/// How many commands of one text are read.
const MAX_COMMANDS: usize = 16;

/// A command that switches scripts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Stage name, without its class.
    pub stage: &'static str,
    /// Whose scripts.
    pub family: Family,
    /// How much it weighs.
    pub weight: Weight,
    /// For how many it holds.
    pub scope: Scope,
    /// Whether it is kept as a policy.
    pub is_policy: bool,
    /// What that means, as the end of a sentence.
    pub meaning: String,
}

/// For how many a switch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The process that ran the command.
    Process,
    /// One user.
    User,
    /// Everybody.
    Machine,
}

/// Words of which one must occur for [`of`] to find anything; for predicates.
pub const HINTS: &[&str] = &[
    "Set-ExecutionPolicy",
    "PSExecutionPolicyPreference",
    "__PSLockdownPolicy",
    "Windows Script Host",
    "Windows Script\\Settings",
    "VBAWarnings",
    "AccessVBOM",
    "EnableScripts",
    "ScriptBlockLogging",
    "EnableModuleLogging",
    "EnableTranscripting",
    "Set-AppLockerPolicy",
    "AppIDSvc",
    "xp_cmdshell",
    "VBSCRIPT~",
    "ShellIds\\Microsoft.PowerShell",
];

/// Every such command in a command line or a script.
pub fn of(text: &str) -> Vec<Directive> {
    let text = text
        .get(..text.floor_char_boundary(script::MAX_LENGTH))
        .unwrap_or(text);
    let mut found = Vec::new();
    let words: Vec<String> = words(text);
    for (at, word) in words.iter().enumerate() {
        if found.len() >= MAX_COMMANDS {
            break;
        }
        let rest = words.get(at + 1..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|word| word == ";")
            .unwrap_or(rest.len())
            .min(MAX_ARGUMENTS);
        let arguments = rest.get(..end).unwrap_or_default();
        found.extend(command(word, arguments));
    }
    found.extend(assignment(text));
    found
}

/// What module logging wrote of a pipeline.
pub fn of_pipeline(payload: &str) -> Vec<Directive> {
    let lower = payload.to_ascii_lowercase();
    if !lower.contains("commandinvocation(set-executionpolicy)") {
        return Vec::new();
    }
    let bound = |name: &str| {
        let (_, rest) = lower.split_once(&format!("name=\"{name}\""))?;
        let (_, value) = rest.split_once("value=\"")?;
        value.split('"').next()
    };
    let scope = scope(bound("scope").unwrap_or_default());
    bound("executionpolicy")
        .and_then(|policy| execution_policy(policy, scope))
        .into_iter()
        .collect()
}

fn command(name: &str, arguments: &[String]) -> Option<Directive> {
    let file = name.rsplit(['\\', '/']).next().unwrap_or(name);
    match file.trim_end_matches(".exe") {
        "set-executionpolicy" => {
            let policy = arguments.iter().find_map(|word| policy_word(word))?;
            let scope = arguments
                .iter()
                .find(|word| matches!(word.as_str(), "process" | "currentuser" | "localmachine"))
                .map_or("", String::as_str);
            execution_policy(policy, self::scope(scope))
        }
        "reg" => registry::reg(arguments),
        "set-itemproperty" | "new-itemproperty" | "sp" => {
            registry::property(arguments, Change::Set)
        }
        "remove-itemproperty" | "rp" => registry::property(arguments, |_| Change::Deleted),
        "setx" => {
            let is_policy = arguments.first()? == "psexecutionpolicypreference";
            let policy = policy_word(arguments.get(1)?).filter(|_| is_policy)?;
            let is_machine = arguments.iter().any(|word| word == "/m");
            execution_policy(
                policy,
                if is_machine {
                    Scope::Machine
                } else {
                    Scope::User
                },
            )
        }
        "sc" | "net" | "stop-service" | "set-service" => stops_applocker(arguments),
        "set-applockerpolicy" => Some(control("applocker", "AppLocker's rules are replaced")),
        "sp_configure" => {
            let turns_on = arguments.first().is_some_and(|word| word == "xp_cmdshell")
                && arguments.iter().skip(1).take(2).any(|word| word == "1");
            turns_on.then(|| Directive {
                weight: Weight::Full,
                ..control("sql-shell", "SQL Server may run programs")
            })
        }
        "dism" | "add-windowscapability" => {
            let adds = arguments.iter().any(|word| word.contains("vbscript~"))
                && (file.starts_with("add")
                    || arguments
                        .iter()
                        .any(|word| word.starts_with("/add-capability")));
            adds.then(|| Directive {
                stage: "script-host",
                family: Family::ScriptHost,
                weight: Weight::Full,
                scope: Scope::Machine,
                is_policy: true,
                meaning: "VBScript is installed again".to_owned(),
            })
        }
        _ => None,
    }
}

/// `$env:PSExecutionPolicyPreference = 'Bypass'`, `set PSExecutionPolicyPreference=Bypass`.
fn assignment(text: &str) -> Option<Directive> {
    let lower = text.to_ascii_lowercase();
    let (before, rest) = lower.split_once("psexecutionpolicypreference")?;
    if before.trim_end().ends_with("setx") {
        return None;
    }
    let word: String = rest
        .chars()
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take_while(char::is_ascii_alphabetic)
        .collect();
    let policy = policy_word(&word)?;
    let mut directive = execution_policy(policy, Scope::Process)?;
    directive.stage = "policy-preference";
    Some(directive)
}

fn execution_policy(policy: &str, scope: Scope) -> Option<Directive> {
    let (stage, weight) = match policy {
        "bypass" | "unrestricted" => ("execution-policy", Weight::Full),
        "remotesigned" => ("remote-signed", Weight::Weak),
        _ => return None,
    };
    let stage = if scope == Scope::Process {
        "process-policy"
    } else {
        stage
    };
    Some(Directive {
        stage,
        family: Family::PowerShell,
        weight,
        scope,
        is_policy: false,
        meaning: format!("the execution policy becomes {policy}"),
    })
}

fn stops_applocker(arguments: &[String]) -> Option<Directive> {
    let names_it = arguments.iter().any(|word| word == "appidsvc");
    let stops = arguments.iter().any(|word| {
        matches!(
            word.as_str(),
            "stop" | "disabled" | "delete" | "start=disabled"
        )
    });
    // `Stop-Service AppIDSvc` has no further word.
    let is_bare = arguments
        .iter()
        .all(|word| word == "appidsvc" || word.starts_with('-'));
    (names_it && (stops || is_bare))
        .then(|| control("applocker-service", "AppLocker's service is stopped"))
}

fn control(stage: &'static str, meaning: &str) -> Directive {
    Directive {
        stage,
        family: Family::All,
        weight: Weight::Control,
        scope: Scope::Machine,
        is_policy: false,
        meaning: meaning.to_owned(),
    }
}

fn scope(word: &str) -> Scope {
    match word {
        "process" => Scope::Process,
        "currentuser" => Scope::User,
        _ => Scope::Machine,
    }
}

fn policy_word(word: &str) -> Option<&'static str> {
    ["bypass", "unrestricted", "remotesigned"]
        .into_iter()
        .find(|policy| *policy == word)
}

/// The words of a command line or script in lower case, without their quotes;
/// what ends a command is the word `;`.
fn words(text: &str) -> Vec<String> {
    let normal = text.to_ascii_lowercase().replace('`', "");
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in normal.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.push(c),
            (';' | '|' | '&' | '\n' | '\r' | '{' | '}' | '(' | ')', None) => {
                flush(&mut word, &mut words);
                words.push(";".to_owned());
            }
            (c, None) if c.is_whitespace() || c == ',' => flush(&mut word, &mut words),
            (c, None) => word.push(c),
        }
    }
    flush(&mut word, &mut words);
    // A shell's command is one quoted word: read what is in it as well.
    let nested: Vec<String> = words
        .iter()
        .filter(|word| word.contains(' ') && has_hint(word))
        .flat_map(|word| {
            let inner = command_line::arguments(word).map(|inner| inner.text.into_owned());
            std::iter::once(";".to_owned()).chain(inner)
        })
        .collect();
    words.extend(nested);
    words
}

fn has_hint(lower: &str) -> bool {
    HINTS
        .iter()
        .any(|hint| lower.contains(&hint.to_ascii_lowercase()))
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests;
