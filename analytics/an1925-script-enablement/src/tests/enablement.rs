use super::*;

#[test]
fn scripts_switched_on_are_a_finding_of_their_own() {
    let found = run([set_value(2, POWERSHELL, EXECUTION_POLICY, "Unrestricted").at(NOON)]);
    let [finding] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(finding.severity, Severity::Medium);
    assert_eq!(finding.process, Some(2));
    assert_eq!(finding.chain, "enabled:powershell");
    assert!(
        finding.title.contains("ExecutionPolicy to Unrestricted"),
        "{}",
        finding.title
    );
}

#[test]
fn inside_a_maintenance_window_it_is_for_the_record() {
    let site =
        json!({ "maintenance_windows": [{ "days": ["mon"], "from": "11:00", "to": "13:00" }] });
    let found = at_site(
        site,
        [set_value(2, POWERSHELL, EXECUTION_POLICY, "Bypass").at(NOON)],
    );
    assert_eq!(found[0].severity, Severity::Informational);
}

#[test]
fn the_operator_may_turn_that_off() {
    let settings = json!({ "ConfigurationFindings": false });
    let event = set_value(2, POWERSHELL, EXECUTION_POLICY, "Bypass").at(NOON);
    assert!(testing::run::<An1925>(World::new(), settings, json!({}), [event]).is_empty());
}

#[test]
fn windows_script_host_set_on_or_its_lock_deleted() {
    for event in [
        set_value(
            2,
            r"C:\Windows\System32\reg.exe",
            WSH_ENABLED,
            "DWORD (0x00000001)",
        ),
        event(class::REGISTRY_KEY)
            .by(2)
            .set(field::REG_TARGET_PATH, WSH_ENABLED)
            .set(field::REG_TARGET_OPERATION, "DeleteValue"),
        event(class::REGISTRY_KEY)
            .by(2)
            .set(
                field::REG_TARGET_PATH,
                r"HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings",
            )
            .set(field::REG_TARGET_OPERATION, "DeleteKey"),
        start(
            2,
            r"C:\Windows\System32\reg.exe",
            r#"reg add "HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings" /v Enabled /d 1 /f"#,
            1,
            CMD,
        ),
    ] {
        let found = run([event.clone().at(NOON)]);
        assert_eq!(found.len(), 1, "{event:?}");
        assert_eq!(found[0].chain, "enabled:script-host");
    }
}

#[test]
fn scripts_switched_on_and_run_hours_later() {
    let found = run([
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
            r#"wscript "C:\Users\Public\a.vbs""#,
            1,
            EXPLORER,
        )
        .at(NOON + 20 * HOUR),
    ]);
    let [_, chain] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!((chain.severity, chain.process), (Severity::High, Some(3)));
    assert!(stages(chain).contains(&"enablement.script-host"));
}

#[test]
fn a_day_later_it_no_longer_counts_but_a_policy_does() {
    let later = |path: &str| {
        run([
            set_value(2, POWERSHELL, path, "Bypass").at(NOON),
            start(
                3,
                POWERSHELL,
                r"powershell -File C:\Users\Public\a.ps1",
                1,
                EXPLORER,
            )
            .at(NOON + 30 * HOUR),
        ])
        .len()
    };
    assert_eq!(later(EXECUTION_POLICY), 1);
    let policy = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\ExecutionPolicy";
    assert_eq!(later(policy), 2);
}

#[test]
fn odd_writers_and_quick_reverts_weigh_more() {
    let office =
        r"HKU\S-1-5-21-1-2-3-1001\Software\Microsoft\Office\16.0\Excel\Security\AccessVBOM";
    let wmi = r"C:\Windows\System32\wbem\WmiPrvSE.exe";
    let found = run([
        set_value(2, wmi, office, "DWORD (0x00000001)").at(NOON),
        set_value(2, wmi, office, "DWORD (0x00000000)").at(NOON + HOUR / 2),
    ]);
    assert_eq!(found[0].score, 30);
    // Reverted: 40 in all, still no worse than medium, so not told twice.
    assert_eq!(found.len(), 1);
}

#[test]
fn several_switches_of_one_family_are_one_finding() {
    let logging = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging\EnableScriptBlockLogging";
    let found = run([
        set_value(2, POWERSHELL, EXECUTION_POLICY, "Bypass").at(NOON),
        set_value(2, POWERSHELL, logging, "DWORD (0x00000000)"),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Medium);
    let with_old = run([
        set_value(2, POWERSHELL, EXECUTION_POLICY, "Bypass").at(NOON),
        set_value(2, POWERSHELL, logging, "DWORD (0x00000000)"),
        set_value(
            2,
            WSCRIPT,
            r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment\__PSLockdownPolicy",
            "0",
        ),
    ]);
    // Capped at 50: configuration alone never passes for a run.
    assert!(
        with_old
            .iter()
            .all(|finding| finding.severity == Severity::Medium)
    );
}

#[test]
fn group_policy_and_deployment_agents_are_silent() {
    let svchost = r"C:\Windows\System32\svchost.exe";
    let policy = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\EnableScripts";
    let gpsvc = testing::process(8)
        .image(svchost)
        .command_line(r"C:\Windows\system32\svchost.exe -k netsvcs -p -s gpsvc");
    let remote = testing::process(8)
        .image(svchost)
        .command_line(r"svchost.exe -k localService -p -s RemoteRegistry");
    let event = || set_value(8, svchost, policy, "DWORD (0x00000001)").at(NOON);
    let with = |process| {
        testing::run::<An1925>(
            World::new().process(process),
            json!({}),
            json!({}),
            [event()],
        )
    };
    assert!(with(gpsvc).is_empty());
    assert_eq!(with(remote).len(), 1);
    assert!(run([event()]).is_empty());
    let enroller = r"C:\Windows\System32\DeviceEnroller.exe";
    assert!(run([set_value(2, enroller, policy, "DWORD (0x00000001)").at(NOON)]).is_empty());
}

#[test]
fn commands_in_scripts_and_logged_pipelines() {
    let block = event(class::SCRIPT_EXECUTE)
        .by(5)
        .set(
            field::SCRIPT_CONTENT,
            "Set-ExecutionPolicy Unrestricted -Force",
        )
        .at(NOON);
    let pipeline = event(class::SCRIPT_COMMAND)
        .by(5)
        .set(
            field::SCRIPT_CONTENT,
            "CommandInvocation(Set-ExecutionPolicy): \"Set-ExecutionPolicy\"\nParameterBinding(Set-ExecutionPolicy): name=\"ExecutionPolicy\"; value=\"Bypass\"",
        )
        .at(NOON);
    for event in [block.clone(), pipeline.clone()] {
        assert_eq!(run([event]).len(), 1);
    }
    assert_eq!(run([block, pipeline]).len(), 1);
}

#[test]
fn a_weak_setting_alone_is_silent() {
    for (path, data) in [
        (EXECUTION_POLICY, "RemoteSigned"),
        (EXECUTION_POLICY, "Restricted"),
        (WSH_ENABLED, "DWORD (0x00000000)"),
        (
            r"HKU\S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\Policies\Attachments\SaveZoneInformation",
            "DWORD (0x00000001)",
        ),
    ] {
        assert!(
            run([set_value(2, POWERSHELL, path, data).at(NOON)]).is_empty(),
            "{path} {data}"
        );
    }
    let unchanged = set_value(2, POWERSHELL, EXECUTION_POLICY, "Bypass")
        .set(field::REG_TARGET_PREVIOUS_DATA, "Bypass")
        .at(NOON);
    assert!(run([unchanged]).is_empty());
}
