use super::*;

fn script(kind: Kind, line: &str) -> Option<Script> {
    let program = Program {
        image: "",
        original: "",
        command_line: line,
        directory: r"C:\Users\ann\Desktop\",
    };
    program.script(kind)
}

#[test]
fn the_script_of_each_interpreter() {
    for (kind, line, expected) in [
        (
            Kind::ScriptHost,
            r#""C:\Windows\System32\WScript.exe" "C:\Users\ann\a b.vbs" /x"#,
            r"C:\Users\ann\a b.vbs",
        ),
        (
            Kind::ScriptHost,
            "cscript //nologo //b t.js",
            r"C:\Users\ann\Desktop\t.js",
        ),
        (
            Kind::PowerShell,
            r#"powershell -ep bypass -File "C:\a b\x.ps1" -y"#,
            r"C:\a b\x.ps1",
        ),
        (
            Kind::PowerShell,
            r#"powershell -Command "& 'C:\Temp\x y.ps1'""#,
            r"C:\Temp\x y.ps1",
        ),
        (
            Kind::PowerShell,
            r"powershell -ep bypass C:\Temp\x.ps1 -a 1",
            r"C:\Temp\x.ps1",
        ),
        (
            Kind::PowerShell,
            r"powershell -ep bypass -c Import-Module .\x.ps1; Invoke-X",
            r"C:\Users\ann\Desktop\x.ps1",
        ),
        (
            Kind::PowerShell,
            r"powershell .\x.ps1",
            r"C:\Users\ann\Desktop\x.ps1",
        ),
        (Kind::Shell, r#"cmd.exe /c ""D:\n.bat" now""#, r"D:\n.bat"),
        (Kind::Shell, r"cmd /q /c call D:\n.cmd", r"D:\n.cmd"),
        (
            Kind::HtmlHost,
            "mshta http://203.0.113.1/a.hta",
            "http://203.0.113.1/a.hta",
        ),
        (Kind::Foreign, r"python -u D:\x.py", r"D:\x.py"),
    ] {
        assert_eq!(
            script(kind, line).map(|found| found.path).as_deref(),
            Some(expected),
            "{line}"
        );
    }
    for (kind, line) in [
        (Kind::ScriptHost, "wscript.exe"),
        (Kind::PowerShell, "powershell -c Get-Date"),
        (Kind::PowerShell, "powershell -c gci *.ps1xml"),
        (
            Kind::PowerShell,
            r"powershell -c Start-BitsTransfer -Source http://x/a -Destination C:\Temp\a.ps1",
        ),
        (Kind::Shell, "cmd /c dir"),
        (Kind::Shell, "cmd.exe"),
        (Kind::Foreign, "python -m pip install x"),
    ] {
        assert_eq!(script(kind, line), None, "{line}");
    }
}

#[test]
fn the_engine_asked_for() {
    let found = script(Kind::ScriptHost, r"wscript /E:vbs c:\windows\temp\i.ico x").unwrap();
    assert_eq!(found.engine.as_deref(), Some("vbs"));
    assert!(!found.has_script_extension() && !found.is_stream());
    let found = script(Kind::ScriptHost, "cscript.exe  //e:jscript t.js").unwrap();
    assert_eq!(found.engine.as_deref(), Some("jscript"));
    assert!(found.has_script_extension());
    assert!(
        script(Kind::ScriptHost, r"wscript C:\a\b.txt:c.vbs")
            .unwrap()
            .is_stream()
    );
}

#[test]
fn where_scripts_of_windows_and_of_the_domain_lie() {
    let at = |path: &str| plain(path.to_owned());
    assert!(at(r"C:\windows\system32\update.vbs").is_foreign_in_system());
    assert!(!at(r"C:\Windows\System32\gatherNetworkInfo.vbs").is_foreign_in_system());
    assert!(
        !at(r"C:\Windows\System32\Printing_Admin_Scripts\en-US\prnport.vbs").is_foreign_in_system()
    );
    assert!(at(r"\\corp.example\SysVol\corp.example\scripts\a.vbs").is_domain_share());
    assert!(!at(r"\\files\tools\a.vbs").is_domain_share());
}
