use super::*;

fn stage(path: &str, change: Change<'_>) -> Option<&'static str> {
    match judge(path, change)? {
        Turn::Opened(switch) => Some(switch.stage),
        Turn::Closed(_) => None,
    }
}

const ON: Change<'static> = Change::Set("DWORD (0x00000001)");
const OFF: Change<'static> = Change::Set("DWORD (0x00000000)");

#[test]
fn the_same_switch_in_every_hive() {
    for path in [
        r"HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings\Enabled",
        r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows Script Host\Settings\Enabled",
        r"HKU\S-1-5-21-1-2-3-1001\Software\Microsoft\Windows Script Host\Settings\Enabled",
        r"HKLM\LOADED\Microsoft\Windows Script Host\Settings\Enabled",
    ] {
        assert_eq!(stage(path, ON), Some("script-host"), "{path}");
        assert_eq!(stage(path, Change::Set("1")), Some("script-host"), "{path}");
        assert_eq!(stage(path, Change::Deleted), Some("script-host"), "{path}");
        assert_eq!(stage(path, OFF), None, "{path}");
        assert!(matches!(judge(path, OFF), Some(Turn::Closed(_))), "{path}");
    }
}

#[test]
fn the_policy_that_allows_most_weighs_most() {
    let path =
        r"HKLM\SOFTWARE\Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell\ExecutionPolicy";
    for (policy, expected) in [
        ("Unrestricted", Some("execution-policy")),
        ("bypass", Some("execution-policy")),
        ("RemoteSigned", Some("remote-signed")),
        ("AllSigned", None),
    ] {
        assert_eq!(stage(path, Change::Set(policy)), expected, "{policy}");
    }
    assert!(matches!(
        judge(path, Change::Deleted),
        Some(Turn::Closed(_))
    ));
}

#[test]
fn macros_logging_scanner_and_control() {
    for (path, change, expected) in [
        (
            r"HKU\S-1-5-21-1\Software\Microsoft\Office\16.0\Excel\Security\VBAWarnings",
            ON,
            "macros",
        ),
        (
            r"HKU\S-1-5-21-1\Software\Policies\Microsoft\Office\16.0\Word\Security\AccessVBOM",
            ON,
            "macro-object-model",
        ),
        (
            r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging\EnableScriptBlockLogging",
            OFF,
            "block-logging",
        ),
        (
            r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging\EnableScriptBlockLogging",
            Change::Deleted,
            "block-logging",
        ),
        (
            r"HKU\S-1-5-21-1\Software\Microsoft\Windows Script\Settings\AmsiEnable",
            OFF,
            "amsi",
        ),
        (
            r"HKLM\System\CurrentControlSet\Control\Session Manager\Environment\__PSLockdownPolicy",
            Change::Deleted,
            "language-mode",
        ),
        (
            r"HKLM\SYSTEM\ControlSet001\Services\AppIDSvc\Start",
            Change::Set("DWORD (0x00000004)"),
            "applocker-service",
        ),
    ] {
        assert_eq!(stage(path, change), Some(expected), "{path}");
    }
    let key = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging";
    assert_eq!(
        judge_key(key).map(|switch| switch.stage),
        Some("block-logging")
    );
}

#[test]
fn what_is_no_switch_is_nothing() {
    for path in [
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\Microsoft-Windows-CAPI2/Operational\Enabled",
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\Settings\Enabled",
        "Enabled",
        "",
    ] {
        assert!(judge(path, ON).is_none(), "{path}");
    }
    assert!(judge_key(r"HKLM\SOFTWARE\Microsoft\Windows").is_none());
}

#[test]
fn hives_tell_whose_scripts() {
    assert!(is_machine_wide(r"HKLM\SOFTWARE\x"));
    assert!(!is_machine_wide(r"HKU\S-1-5-21-1\SOFTWARE\x"));
    assert!(!is_machine_wide(r"HKCU:\SOFTWARE\x"));
    assert!(is_policy(r"HKLM\SOFTWARE\Policies\Microsoft\x"));
}

#[test]
fn paths_are_lower_case_and_tails_begin_a_component() {
    for switch in SWITCHES.iter().chain(DELETED_KEYS) {
        assert_eq!(switch.path, switch.path.to_ascii_lowercase());
        assert!(
            switch.tail().starts_with('\\') || switch.path.ends_with('*'),
            "{}",
            switch.path
        );
    }
}
