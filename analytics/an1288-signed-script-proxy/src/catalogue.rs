//! The scripts that Microsoft signs and ships, and what turns each into a proxy.

use sandtrap_sdk::windows::path::{self, Place};

use crate::stage::{Stage, brief};

/// Scripts that Windows keeps in `System32` or below, by file name.
const SHIPPED: &[&str] = &[
    "gathernetworkinfo.vbs",
    "gatherwirelessinfo.vbs",
    "gatherwiredinfo.vbs",
    "manage-bde.wsf",
    "prncnfg.vbs",
    "prndrvr.vbs",
    "prnjobs.vbs",
    "prnmngr.vbs",
    "prnport.vbs",
    "prnqctl.vbs",
    "pubprn.vbs",
    "scregedit.wsf",
    "slmgr.vbs",
    "syncappvpublishingserver.vbs",
    "winrm.vbs",
];

/// Whether a file name is that of a script that comes with Windows.
pub fn is_shipped(file_name: &str) -> bool {
    SHIPPED
        .iter()
        .any(|known| known.eq_ignore_ascii_case(file_name))
}

/// What a script of the catalogue is told to do that only an abuser would tell it.
///
/// `script` is its path, `arguments` what it gets, `host` the image of the script host.
pub fn abuse(script: &str, arguments: &[String], host: &str) -> Option<Stage> {
    let name = path::file_name(script).to_ascii_lowercase();
    match name.as_str() {
        "winrm.vbs" => winrm(arguments, host),
        "syncappvpublishingserver.vbs" => appended_command(arguments),
        _ => None,
    }
}

/// Arguments that go on after the end of the PowerShell command they are pasted into.
pub fn appended_command(arguments: &[String]) -> Option<Stage> {
    let has_end = |argument: &&String| argument.contains([';', '\n', '\r', '|']);
    let argument = arguments.iter().find(has_end)?;
    Some(Stage::new(
        "abuse.appended-command",
        50,
        format!(
            "was given a server name that goes on as a command: {}",
            brief(argument)
        ),
    ))
}

fn winrm(arguments: &[String], host: &str) -> Option<Stage> {
    let mut words = arguments
        .iter()
        .map(|argument| argument.to_ascii_lowercase());
    let (verb, second, class) = (words.next()?, words.next(), words.next());
    let is = |word: &Option<String>, names: &[&str]| {
        word.as_deref().is_some_and(|word| names.contains(&word))
    };
    let starts = class
        .as_deref()
        .is_some_and(|class| class.contains("win32_process") || class.contains("win32_service"));
    if matches!(verb.as_str(), "i" | "invoke") && is(&second, &["c", "create"]) && starts {
        return Some(Stage::new(
            "abuse.remote-process-creation",
            50,
            format!(
                "used winrm.vbs to create a process through WMI: {}",
                brief(&arguments.join(" "))
            ),
        ));
    }
    // The script looks for its stylesheet beside the host, so a copied host runs anyone's.
    let is_formatted = arguments.iter().any(|argument| {
        let argument = argument.to_ascii_lowercase();
        let value = argument
            .trim_start_matches(['-', '/'])
            .strip_prefix("format:");
        matches!(value, Some("pretty" | "text"))
    });
    let is_copied = !matches!(
        path::place(host),
        Place::System | Place::Unknown | Place::Relative
    );
    (is_formatted && is_copied).then(|| {
        Stage::new(
            "abuse.unguarded-stylesheet",
            50,
            "formatted the output of winrm.vbs with a stylesheet beside a copied script host",
        )
    })
}

/// A child that shows that `manage-bde.wsf` was made to start another program in place of
/// the command shell or the tool it wraps.
pub fn foreign_child(script: &str, child: &str) -> Option<Stage> {
    if !path::file_name(script).eq_ignore_ascii_case("manage-bde.wsf") || child.is_empty() {
        return None;
    }
    let name = path::file_name(child).to_ascii_lowercase();
    let is_own = matches!(
        name.as_str(),
        "cmd.exe"
            | "manage-bde.exe"
            | "conhost.exe"
            | "werfault.exe"
            | "wscript.exe"
            | "cscript.exe"
    );
    if is_own && path::place(child) == Place::System {
        return None;
    }
    Some(Stage::new(
        "abuse.foreign-child",
        50,
        format!("was made to start {} by manage-bde.wsf", brief(child)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "C:\\Windows\\System32\\cscript.exe";

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn winrm_creates_processes_only_for_abusers() {
        let abuse = |line: &str, host: &str| {
            abuse("C:\\Windows\\System32\\winrm.vbs", &words(line), host).map(|stage| stage.name)
        };
        let create = Some("abuse.remote-process-creation");
        assert_eq!(
            abuse("i c wmicimv2/Win32_Process @{CommandLine=\"calc\"}", HOST),
            create
        );
        assert_eq!(
            abuse("INVOKE Create wmicimv2/Win32_Service @{} -r:http://h", HOST),
            create
        );
        assert_eq!(abuse("quickconfig -q", HOST), None);
        assert_eq!(abuse("create winrm/config/Listener?Address=*", HOST), None);
        assert_eq!(abuse("e winrm/config/listener -format:pretty", HOST), None);
        let copied = abuse(
            "e winrm/config/listener -format:pretty",
            "C:\\Temp\\cscript.exe",
        );
        assert_eq!(copied, Some("abuse.unguarded-stylesheet"));
    }

    #[test]
    fn publishing_takes_a_server_and_nothing_behind_it() {
        let script = "C:\\Windows\\System32\\SyncAppvPublishingServer.vbs";
        let abuse = |argument: &str| abuse(script, &[argument.to_owned()], HOST);
        assert!(abuse("n; calc").is_some());
        assert!(abuse("1").is_none());
    }

    #[test]
    fn manage_bde_starts_its_own_tools_only() {
        let script = "c:\\windows\\system32\\manage-bde.wsf";
        let is_foreign = |child: &str| foreign_child(script, child).is_some();
        assert!(!is_foreign("C:\\Windows\\System32\\cmd.exe"));
        assert!(!is_foreign("C:\\Windows\\System32\\manage-bde.exe"));
        assert!(is_foreign("C:\\Windows\\System32\\calc.exe"));
        assert!(is_foreign("C:\\Users\\a\\manage-bde.exe"));
        assert!(foreign_child("C:\\x\\other.vbs", "C:\\x\\y.exe").is_none());
    }
}
