//! Signed scripts that PowerShell or a command shell runs, and what turns each into a proxy.
//!
//! They are told by the text of a command: a command line, or a script block.

use crate::stage::{Stage, brief};

/// Scripts of the troubleshooting packs, and the functions in them that run what they
/// are given.
const DIAGNOSTIC_SCRIPTS: &[&str] = &[
    "cl_invocation",
    "cl_mutexverifiers",
    "cl_loadassembly",
    "utilityfunctions.ps1",
];
const DIAGNOSTIC_FUNCTIONS: &[&str] = &[
    "syncinvoke",
    "runaftercancelprocess",
    "loadassemblyfrompath",
    "loadassemblyfromns",
    "regsnapin",
];

/// What of a command line makes it worth a look although it names no utility.
pub const NAMED_SCRIPTS: &[&str] = &[
    "cl_invocation",
    "cl_mutexverifiers",
    "cl_loadassembly",
    "utilityfunctions.ps1",
    "launch-vsdevshell.ps1",
    "pester.bat",
    "sync-appvpublishingserver",
    "runscripthelper",
];

/// Abuse of a signed script that PowerShell or a shell runs, by the text of the command.
pub fn abuse(text: &str) -> Option<Stage> {
    let lower = text.to_ascii_lowercase();
    diagnostic_function(&lower)
        .or_else(|| developer_script(&lower))
        .or_else(|| publishing_command(&lower))
        .or_else(|| script_helper(&lower))
}

fn diagnostic_function(lower: &str) -> Option<Stage> {
    let script = DIAGNOSTIC_SCRIPTS
        .iter()
        .find(|name| lower.contains(**name))?;
    let function = DIAGNOSTIC_FUNCTIONS.iter().find(|name| {
        lower.contains(**name)
            // The script itself, as it is loaded, is no call.
            && !lower.contains(&format!("function {name}"))
    })?;
    Some(Stage::new(
        "abuse.diagnostic-function",
        50,
        format!("called {function} of the troubleshooting script {script}"),
    ))
}

fn developer_script(lower: &str) -> Option<Stage> {
    if let Some((_, rest)) = lower.split_once("launch-vsdevshell.ps1") {
        let (_, value) = rest
            .split_once("-vswherepath")
            .or_else(|| rest.split_once("-vsinstallationpath"))?;
        let value = value.trim_matches([' ', ':', '"', '\'']);
        let is_own = value.contains("vswhere.exe") && !value.contains(';');
        let is_plain = rest.contains("-vsinstallationpath") && !value.contains(';');
        return (!is_own && !is_plain).then(|| {
            Stage::new(
                "abuse.developer-script",
                50,
                format!("had Launch-VsDevShell.ps1 run {}", brief(value)),
            )
        });
    }
    let (_, rest) = lower.split_once("pester.bat")?;
    rest.contains(';').then(|| {
        Stage::new(
            "abuse.developer-script",
            50,
            format!(
                "had Pester.bat run {}",
                brief(rest.trim_start_matches(['"', '\'']))
            ),
        )
    })
}

/// The command that the App-V script builds, with more behind the server's name.
fn publishing_command(lower: &str) -> Option<Stage> {
    let (before, rest) = lower.split_once("sync-appvpublishingserver")?;
    let is_built = before.contains("import-module appvclient") && before.contains("psmodulepath");
    let (_, appended) = rest.split_once([';', '\n', '|'])?;
    let appended = appended.trim_matches([' ', '}', '"', '\r', '\n']);
    (is_built && !appended.is_empty()).then(|| {
        Stage::new(
            "abuse.appended-command",
            50,
            format!(
                "was given a server name that goes on as a command: {}",
                brief(appended)
            ),
        )
    })
}

fn script_helper(lower: &str) -> Option<Stage> {
    let (_, rest) = lower.split_once("runscripthelper")?;
    let (_, script) = rest.split_once("surfacecheck")?;
    let script = script.trim().trim_start_matches("\\\\?\\");
    let is_own = script.starts_with("c:\\programdata\\microsoft\\diagnosis\\scripts\\");
    (!is_own && !script.is_empty()).then(|| {
        Stage::new(
            "abuse.script-helper",
            50,
            format!("had Runscripthelper.exe run {}", brief(script)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_troubleshooting_scripts_are_called_by_abusers() {
        let call = ". C:\\Windows\\diagnostics\\system\\AERO\\CL_Invocation.ps1; SyncInvoke cmd";
        assert!(abuse(call).is_some());
        assert!(abuse("# CL_Invocation.ps1\nfunction SyncInvoke($a) {}").is_none());
        assert!(abuse("SyncInvoke cmd").is_none());
    }

    #[test]
    fn developer_scripts_run_what_stands_behind_a_semicolon() {
        let is_abuse = |text: &str| abuse(text).is_some();
        assert!(is_abuse("cmd /c Pester.bat /help \"$null; calc\""));
        assert!(!is_abuse("cmd /c Pester.bat Tests"));
        assert!(is_abuse(
            "powershell Launch-VsDevShell.ps1 -VsWherePath \"C:\\Temp\\calc.exe\""
        ));
        assert!(!is_abuse("powershell Launch-VsDevShell.ps1 -Arch amd64"));
        assert!(is_abuse(
            "runscripthelper.exe surfacecheck \\\\?\\C:\\Test\\t.txt C:\\Test"
        ));
    }

    #[test]
    fn publishing_takes_a_server_and_nothing_behind_it() {
        let child = |end: &str| {
            let line = "&{$env:psmodulepath = [IO.Directory]::GetCurrentDirectory(); \
                        import-module AppvClient; Sync-AppvPublishingServer";
            abuse(&format!("powershell.exe -Command {line} {end}}}"))
        };
        assert!(child("n; calc").is_some());
        assert!(child("1").is_none());
    }
}
