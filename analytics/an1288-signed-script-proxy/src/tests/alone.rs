//! Single stages, and what looks alike, stay silent.

use super::*;

fn is_silent(events: impl IntoIterator<Item = TestEvent>) {
    let found = run(events);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_users_script_alone_is_silent() {
    is_silent([launch(WSCRIPT, "wscript C:\\Users\\a\\Downloads\\a.vbs")]);
    is_silent([launch(CSCRIPT, "cscript //e:jscript C:\\Users\\a\\a.js")]);
    is_silent([launch(WSCRIPT, "wscript \\\\server\\share\\a.vbs")]);
}

#[test]
fn a_child_alone_is_silent() {
    is_silent([
        launch(WSCRIPT, "wscript \"C:\\Program Files\\Acme\\a.vbs\""),
        child(POWERSHELL, &format!("powershell -enc {ENCODED}")),
    ]);
}

#[test]
fn an_uninstall_or_a_silenced_tool_alone_is_silent() {
    is_silent([launch(
        INSTALLUTIL,
        "InstallUtil.exe /u \"C:\\Program Files\\Acme\\a.exe\"",
    )]);
    is_silent([launch(
        INSTALLUTIL,
        "InstallUtil.exe /logfile= /LogToConsole=false /u \"C:\\Program Files\\Acme\\a.exe\"",
    )]);
    is_silent([launch(
        INSTALLUTIL,
        "InstallUtil.exe C:\\Users\\a\\svc\\bin\\Debug\\svc.exe",
    )]);
}

#[test]
fn effects_alone_are_silent() {
    is_silent([
        launch(WSCRIPT, ""),
        connection("203.0.113.9", 4444),
        wrote("C:\\ProgramData\\a.exe"),
    ]);
    is_silent([
        launch(WSCRIPT, ""),
        loaded(7, "C:\\Windows\\Microsoft.NET\\Framework\\v4\\clr.dll", 1),
    ]);
    let lsass = testing::event(class::PROCESS_OPEN)
        .by(7)
        .set(field::PROCESS_HANDLE, 30)
        .set(field::PROCESS_FILE_PATH, "C:\\Windows\\System32\\lsass.exe")
        .set(field::ACTUAL_PERMISSIONS, 0x1fffff);
    is_silent([launch(CSCRIPT, ""), lsass]);
}

#[test]
fn monitoring_agents_are_silent() {
    let agent = "C:\\Program Files\\Microsoft Monitoring Agent\\Agent\\MonitoringHost.exe";
    let world = World::new().process(testing::process(3).image(agent));
    let line = "\"cscript.exe\" /nologo \"MonitorKnowledgeDiscovery.vbs\"";
    let events = [
        launch(CSCRIPT, line),
        child(
            "C:\\Windows\\System32\\conhost.exe",
            "conhost.exe 0xffffffff -ForceV1",
        ),
    ];
    let found = testing::run::<SignedScriptProxy>(world, json!({}), json!({}), events);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_script_beside_an_installed_tool_is_silent() {
    let tool = "C:\\Program Files\\sysinternals\\bginfo.exe";
    is_silent([
        launch(
            WSCRIPT,
            "wscript.exe \"C:\\Program Files\\sysinternals\\bginfo.vbs\"",
        ),
        child(tool, "bginfo.exe /accepteula /silent /timer:0"),
    ]);
}

#[test]
fn inventories_with_dozens_of_tools_are_silent() {
    let commands = [
        "cmd.exe /c reg export \"HKLM\\SOFTWARE\\Microsoft\" Reg\\a.reg.txt /y",
        "cmd.exe /c netsh wlan show all > config\\envinfo.txt",
        "cmd.exe /c certutil -v -store -silent My >> config\\envinfo.txt",
    ];
    let children = commands.into_iter().map(|command| child(CMD, command));
    let script = launch(
        CSCRIPT,
        "cscript.exe C:\\Windows\\system32\\gatherNetworkInfo.vbs",
    );
    is_silent(std::iter::once(script).chain(children));
}

#[test]
fn logon_scripts_and_wrappers_are_silent() {
    is_silent([
        launch(WSCRIPT, "wscript \\\\corp.example\\NETLOGON\\logon.vbs"),
        child(CMD, "cmd.exe /c net use H: \\\\server\\home"),
        connection("10.0.0.5", 445),
    ]);
    is_silent([
        launch(WSCRIPT, "wscript C:\\ProgramData\\Intune\\run.vbs"),
        child(
            POWERSHELL,
            "powershell.exe -ExecutionPolicy Bypass -WindowStyle Hidden -File C:\\ProgramData\\Intune\\a.ps1",
        ),
    ]);
}

#[test]
fn winrm_and_printing_scripts_at_their_trade_are_silent() {
    let scripts = "C:\\Windows\\System32";
    for line in [
        format!("cscript //nologo \"{scripts}\\winrm.vbs\" quickconfig -q"),
        format!("cscript //nologo \"{scripts}\\winrm.vbs\" e winrm/config/listener -format:pretty"),
        format!("cscript {scripts}\\Printing_Admin_Scripts\\en-US\\pubprn.vbs server LDAP://CN=P"),
        format!("cscript {scripts}\\SyncAppvPublishingServer.vbs 1"),
        format!("cscript {scripts}\\slmgr.vbs /dlv"),
    ] {
        is_silent([launch(CSCRIPT, &line), connection("10.0.0.5", 5985)]);
    }
}

#[test]
fn builds_of_developers_are_silent() {
    let msbuild =
        "C:\\Program Files\\Microsoft Visual Studio\\2022\\MSBuild\\Current\\Bin\\MSBuild.exe";
    is_silent([
        launch(msbuild, "MSBuild.exe C:\\Users\\dev\\source\\a\\a.csproj"),
        child(
            "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\csc.exe",
            "csc.exe /noconfig @\"C:\\Users\\dev\\AppData\\Local\\Temp\\q\\q.cmdline\"",
        ),
        connection("203.0.113.9", 443),
    ]);
}

#[test]
fn approved_scripts_and_tools_do_not_add_up() {
    let events = || {
        [
            launch(WSCRIPT, "wscript C:\\ProgramData\\ops\\run.vbs"),
            child(POWERSHELL, &format!("powershell -enc {ENCODED}")),
        ]
    };
    assert_eq!(run(events()).len(), 1);
    let site = json!({ "approved_script_paths": ["C:\\ProgramData\\ops\\*"] });
    assert!(run_at(site, events()).is_empty());
    let site = json!({ "approved_deployment_paths": ["C:\\Windows\\explorer.exe"] });
    let weak = [
        launch(WSCRIPT, "wscript C:\\Users\\a\\x.vbs"),
        child(
            "C:\\Users\\a\\AppData\\Local\\Temp\\setup.exe",
            "setup.exe /S",
        ),
    ];
    assert_eq!(run(weak.clone()).len(), 1);
    assert!(run_at(site, weak).is_empty());
}
