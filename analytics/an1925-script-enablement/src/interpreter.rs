//! Which interpreter a process is, and which script it runs.

use sandtrap_sdk::windows::{
    Invocation, Place, ProcessName,
    command_line::{self, Argument},
    path,
    process_name::POWERSHELL_HOSTS,
};

use crate::switchboard::Family;

/// How many arguments are looked at.
const MAX_ARGUMENTS: usize = 64;

/// Interpreters that do not come with Windows.
pub const FOREIGN: &[&str] = &[
    "python.exe",
    "pythonw.exe",
    "autoit3.exe",
    "autohotkey.exe",
    "autohotkeyu64.exe",
    "node.exe",
    "lua.exe",
    "perl.exe",
    "ruby.exe",
    "php.exe",
];

/// Extensions of the scripts of foreign interpreters.
const FOREIGN_EXTENSIONS: &[&str] = &[
    "py", "pyw", "au3", "a3x", "ahk", "js", "mjs", "lua", "pl", "rb", "php",
];

/// Extensions that Windows Script Host knows without being told the engine.
const SCRIPT_HOST_EXTENSIONS: &[&str] = &["vbs", "vbe", "js", "jse", "wsf", "wsh", "wsc", "sct"];

/// Scripts that Windows keeps in its own system directory.
const SHIPPED: &[&str] = &[
    "slmgr.vbs",
    "winrm.vbs",
    "winrm.cmd",
    "gathernetworkinfo.vbs",
    "syncappvpublishingserver.vbs",
    "manage-bde.wsf",
    "silcollector.cmd",
    "calluxxprovider.vbs",
    "startlayout.vbs",
    "winrmprov.vbs",
    "eventquery.vbs",
    "pagefileconfig.vbs",
    "prncnfg.vbs",
    "prndrvr.vbs",
    "prnjobs.vbs",
    "prnmngr.vbs",
    "prnport.vbs",
    "prnqctl.vbs",
    "pubprn.vbs",
    "iisreset.cmd",
];

/// What is known of a process, from its launch or from lineage.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Path of its image.
    pub image: &'a str,
    /// The name in the image's version resource.
    pub original: &'a str,
    /// Its command line.
    pub command_line: &'a str,
    /// Its working directory.
    pub directory: &'a str,
}

/// What kind of interpreter a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `wscript.exe` or `cscript.exe`.
    ScriptHost,
    /// `mshta.exe`.
    HtmlHost,
    /// PowerShell.
    PowerShell,
    /// `cmd.exe`.
    Shell,
    /// One that does not come with Windows.
    Foreign,
}

/// A script that a process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its path, with the working directory before it if it is relative.
    pub path: String,
    /// The engine that was asked for by name.
    pub engine: Option<String>,
}

impl Kind {
    /// The kind of a program, whatever its file is called.
    pub fn of(name: &ProcessName) -> Option<Self> {
        if name.is_any(&["wscript.exe", "cscript.exe"]) {
            Some(Self::ScriptHost)
        } else if name.is("mshta.exe") {
            Some(Self::HtmlHost)
        } else if name.is_any(POWERSHELL_HOSTS) {
            Some(Self::PowerShell)
        } else if name.is("cmd.exe") {
            Some(Self::Shell)
        } else if name.is_any(FOREIGN) {
            Some(Self::Foreign)
        } else {
            None
        }
    }

    /// Whose switches decide whether it runs.
    pub fn family(self) -> Family {
        match self {
            Self::ScriptHost | Self::HtmlHost => Family::ScriptHost,
            Self::PowerShell => Family::PowerShell,
            Self::Shell | Self::Foreign => Family::All,
        }
    }
}

impl Program<'_> {
    /// The program's name.
    pub fn name(&self) -> ProcessName {
        let image = if self.image.is_empty() {
            command_line::executable(self.command_line)
        } else {
            self.image
        };
        ProcessName::of(image, self.original)
    }

    /// The script it runs, if it is an interpreter and was given one.
    pub fn script(&self, kind: Kind) -> Option<Script> {
        let script = match kind {
            Kind::ScriptHost => script_host(self.command_line)?,
            Kind::HtmlHost => plain(first(self.command_line)?),
            Kind::PowerShell => plain(powershell(self.command_line)?),
            Kind::Shell => plain(batch(self.command_line)?),
            Kind::Foreign => plain(foreign(self.command_line)?),
        };
        Some(script.below(self.directory))
    }
}

impl Script {
    /// The script with the working directory before its path, if that is relative.
    pub fn below(mut self, directory: &str) -> Self {
        if !is_url(&self.path) && path::place(&self.path) == Place::Relative {
            let directory = directory.trim_end_matches('\\');
            if !directory.is_empty() {
                self.path = format!("{directory}\\{}", self.path.trim_start_matches(".\\"));
            }
        }
        self
    }

    /// Whether the file's extension is one that Windows Script Host runs.
    pub fn has_script_extension(&self) -> bool {
        let extension = path::extension(&self.path);
        SCRIPT_HOST_EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    }

    /// Whether it is a named stream of another file.
    pub fn is_stream(&self) -> bool {
        !is_url(&self.path) && path::file_name(&self.path).contains(':')
    }

    /// Whether it lies in the system directory and did not come with Windows.
    pub fn is_foreign_in_system(&self) -> bool {
        let normal = path::normalise(&self.path);
        let rest = [
            "/windows/system32/",
            "/windows/syswow64/",
            "/windows/sysnative/",
        ]
        .iter()
        .find_map(|home| normal.split_once(home).map(|(_, rest)| rest));
        rest.is_some_and(|file| {
            !file.contains('/')
                && path::is_script_extension(path::extension(file))
                && !SHIPPED.contains(&file)
        })
    }

    /// Whether it comes from where a domain keeps its own scripts.
    pub fn is_domain_share(&self) -> bool {
        let normal = path::normalise(&self.path);
        let share = normal
            .strip_prefix("//")
            .and_then(|rest| rest.split('/').nth(1));
        share.is_some_and(|share| matches!(share, "sysvol" | "netlogon"))
    }
}

/// Whether a script is given by address rather than by path.
pub fn is_url(text: &str) -> bool {
    let lower = text.get(..12).unwrap_or(text).to_ascii_lowercase();
    [
        "http:",
        "https:",
        "ftp:",
        "file:",
        "script:",
        "javascript:",
        "vbscript:",
        "about:",
        "data:",
    ]
    .iter()
    .any(|scheme| lower.starts_with(scheme))
}

fn plain(path: String) -> Script {
    Script { path, engine: None }
}

fn words(line: &str) -> impl Iterator<Item = Argument<'_>> {
    command_line::arguments_after_executable(line).take(MAX_ARGUMENTS)
}

fn first(line: &str) -> Option<String> {
    words(line)
        .map(|word| word.text.into_owned())
        .find(|word| !word.trim().is_empty())
}

/// `wscript [//options] script [arguments]`; one slash does as well as two.
fn script_host(line: &str) -> Option<Script> {
    let mut engine = None;
    let mut script = None;
    for word in words(line) {
        let text = word.text.trim();
        let option = text.strip_prefix("//").or_else(|| match script {
            None => text.strip_prefix('/'),
            Some(_) => None,
        });
        match option {
            Some(option) => {
                if let Some(name) = option.get(2..)
                    && option
                        .get(..2)
                        .is_some_and(|head| head.eq_ignore_ascii_case("e:"))
                {
                    engine = Some(name.to_ascii_lowercase());
                }
            }
            None if script.is_none() && !text.is_empty() => script = Some(text.to_owned()),
            None => {}
        }
    }
    script.map(|path| Script { path, engine })
}

fn powershell(line: &str) -> Option<String> {
    let invocation = Invocation::parse(line);
    match invocation.file {
        Some(file) => Some(file.path),
        None => script_in(invocation.command.as_deref()?),
    }
}

/// The first `.ps1` that a command names.
fn script_in(command: &str) -> Option<String> {
    let lower = command.to_ascii_lowercase();
    let end = lower.find(".ps1")? + 4;
    let after = lower.get(end..).and_then(|rest| rest.chars().next());
    if after.is_some_and(|c| c.is_alphanumeric()) {
        return None;
    }
    let head = command.get(..end)?;
    let start = match after {
        Some(quote @ ('"' | '\'')) => head.rfind(quote).map(|at| at + 1),
        _ => head
            .rfind(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | '&' | ';' | '='))
            .map(|at| at + 1),
    };
    let start = start.unwrap_or(0);
    // A script that is only named, as the target of a copy, does not run.
    let before = head.get(..start)?;
    let before = before.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let is_run = before.is_empty()
        || before.ends_with(['&', ';', '{', '(', '|'])
        || [".", "import-module", "ipmo", "gc", "get-content", "-raw"]
            .iter()
            .any(|run| {
                word.trim_start_matches(['(', '"'])
                    .eq_ignore_ascii_case(run)
            });
    head.get(start..)
        .map(str::trim)
        .filter(|path| is_run && path.len() > 4)
        .map(str::to_owned)
}

/// The batch file that `cmd /c` runs, also behind `call`.
fn batch(line: &str) -> Option<String> {
    let command = command_line::shell_command(line)?;
    let command = command_line::remove_carets(command);
    let mut rest = command.trim_start_matches(['@', ' ']);
    if let Some(called) = rest
        .get(..5)
        .filter(|head| head.eq_ignore_ascii_case("call "))
    {
        rest = rest.get(called.len()..)?.trim_start();
    }
    let file = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split([' ', '\t', '"', '&', '|', '>']).next()?,
    };
    let extension = path::extension(file);
    ["bat", "cmd"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
        .then(|| file.to_owned())
}

fn foreign(line: &str) -> Option<String> {
    words(line).map(|word| word.text.into_owned()).find(|word| {
        let extension = path::extension(word);
        !word.starts_with('-')
            && FOREIGN_EXTENSIONS
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests;
