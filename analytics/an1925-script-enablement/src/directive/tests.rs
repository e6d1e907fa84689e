use super::*;

fn stages(text: &str) -> Vec<(&'static str, Scope)> {
    of(text)
        .into_iter()
        .map(|found| (found.stage, found.scope))
        .collect()
}

#[test]
fn the_execution_policy_by_scope() {
    for (text, expected) in [
        (
            "Set-ExecutionPolicy Unrestricted",
            Some(("execution-policy", Scope::Machine)),
        ),
        (
            "powershell.exe -c \"Set-ExecutionPolicy -ExecutionPolicy ByPass -Force\"",
            Some(("execution-policy", Scope::Machine)),
        ),
        (
            "Set-ExecutionPolicy -Scope CurrentUser 'Bypass'",
            Some(("execution-policy", Scope::User)),
        ),
        (
            "Set-ExecutionPolicy Bypass -Scope Process -Force; iex 1",
            Some(("process-policy", Scope::Process)),
        ),
        (
            "Set-ExecutionPolicy RemoteSigned",
            Some(("remote-signed", Scope::Machine)),
        ),
        ("Set-ExecutionPolicy Restricted", None),
        ("Get-Help Set-ExecutionPolicy", None),
        ("Get-ExecutionPolicy; 'bypass'", None),
        (
            "$env:PSExecutionPolicyPreference = 'Bypass'",
            Some(("policy-preference", Scope::Process)),
        ),
        (
            "set PSExecutionPolicyPreference=Bypass&&powershell x.ps1",
            Some(("policy-preference", Scope::Process)),
        ),
        (
            "setx PSExecutionPolicyPreference Bypass /m",
            Some(("execution-policy", Scope::Machine)),
        ),
    ] {
        assert_eq!(stages(text).first().copied(), expected, "{text}");
    }
}

#[test]
fn registry_commands() {
    for text in [
        r#"reg add "HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings" /v Enabled /t REG_DWORD /d 1 /f"#,
        r#"C:\Windows\System32\reg.exe ADD "HKCU\Software\Microsoft\Windows Script Host\Settings" /v Enabled /d 0x1"#,
        r#"reg delete "HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings" /v Enabled /f"#,
        r"Set-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows Script Host\Settings' -Name Enabled -Value 1",
        r"New-ItemProperty 'HKCU:\Software\Microsoft\Windows Script Host\Settings' Enabled 1",
        r"Remove-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows Script Host\Settings' -Name Enabled",
        r#"cmd /c "reg add HKLM\Software\Microsoft\WINDOW~1\x /v y /d 1 & dism /online /add-capability /capabilityname:VBSCRIPT~~~~"#,
    ] {
        assert_eq!(
            stages(text).first().map(|found| found.0),
            Some("script-host"),
            "{text}"
        );
    }
    assert!(
        stages(r#"reg query "HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings" /v Enabled"#)
            .is_empty()
    );
    assert!(
        stages(r#"reg add "HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings" /v Enabled /d 0"#)
            .is_empty()
    );
}

#[test]
fn control_and_databases() {
    assert_eq!(stages("sc stop AppIDSvc")[0].0, "applocker-service");
    assert_eq!(stages("Stop-Service AppIDSvc")[0].0, "applocker-service");
    assert_eq!(
        stages("Set-AppLockerPolicy -XmlPolicy a.xml")[0].0,
        "applocker"
    );
    assert_eq!(
        stages("EXEC sp_configure 'xp_cmdshell', 1; RECONFIGURE")[0].0,
        "sql-shell"
    );
    assert!(stages("sc query AppIDSvc").is_empty());
    assert!(stages("EXEC sp_configure 'xp_cmdshell', 0").is_empty());
}

#[test]
fn module_logging() {
    let payload = "CommandInvocation(Set-ExecutionPolicy): \"Set-ExecutionPolicy\"\n\
        ParameterBinding(Set-ExecutionPolicy): name=\"Scope\"; value=\"CurrentUser\"\n\
        ParameterBinding(Set-ExecutionPolicy): name=\"ExecutionPolicy\"; value=\"Unrestricted\"";
    let found = of_pipeline(payload);
    assert_eq!(
        (found[0].stage, found[0].scope),
        ("execution-policy", Scope::User)
    );
    assert!(of_pipeline("CommandInvocation(Get-ExecutionPolicy)").is_empty());
}
