use super::*;
use crate::windows::command_line::tests::quote;
use crate::windows::payload::tests::encode;
use proptest::prelude::*;

const DASHES: [&str; 8] = [
    "-",
    "/",
    "\u{2013}",
    "\u{2014}",
    "\u{2015}",
    "--",
    "/-",
    "\u{2013}-",
];
const PAYLOADS: [&str; 3] = [
    "whoami",
    "Write-Output 'Grüße' | Out-File C:\\a.txt",
    "$x = 1..10; $x | % { $_ * 2 }; exit 0",
];

/// The 14 prefixes of the full name, and the alias.
fn spellings() -> Vec<String> {
    let full = "EncodedCommand";
    let mut list: Vec<String> = (1..=full.len())
        .map(|end| {
            let prefix = &full[..end];
            if end % 2 == 0 {
                prefix.to_owned()
            } else {
                prefix.to_lowercase()
            }
        })
        .collect();
    list.push("eC".to_owned());
    list
}

fn lines(switch: &str, payload: &str) -> [String; 5] {
    let exe = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
    [
        format!("powershell.exe {switch} {payload}"),
        format!("\"{exe}\" -nop   {switch}    {payload}  "),
        format!("pow\"er\"shell -w hidden\t{switch}\t\"{payload}\""),
        format!("{exe} \"{switch}\" \" {payload} \" -NonI"),
        format!(
            "pwsh -ep bypass {switch} \"{}\" ",
            payload.replace('A', "A ")
        ),
    ]
}

#[test]
fn every_spelling_of_the_encoded_command() {
    let mut count = 0;
    for dash in DASHES {
        for spelling in spellings() {
            for text in PAYLOADS {
                for line in lines(&format!("{dash}{spelling}"), &encode(text)) {
                    let found = Invocation::parse(&line);
                    let payload = found.encoded_command.expect(&line);
                    assert_eq!(payload.text.as_deref(), Some(text), "{line}");
                    assert!(!payload.truncated, "{line}");
                    assert_eq!(found.command, None, "{line}");
                    assert_eq!(found.file, None, "{line}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 1_800);
}

#[test]
fn the_execution_policy_is_never_an_encoded_command() {
    let full = "executionpolicy";
    let spellings = (2..=full.len()).map(|end| &full[..end]).chain(["ep"]);
    for spelling in spellings {
        for dash in DASHES {
            for line in lines(&format!("{dash}{spelling}"), &encode("whoami")) {
                let found = Invocation::parse(&line);
                assert_eq!(found.encoded_command, None, "{line}");
                assert!(found.execution_policy.is_some(), "{line}");
            }
        }
    }
    assert!(Invocation::parse("powershell -ep Bypass -c x").is_policy_bypassed());
}

#[test]
fn the_usual_flags() {
    let found = Invocation::parse("powershell -NoP -sta -NonI -nol -NoE -W 1 -v 2.0 -ExEc ByPass");
    assert!(found.no_profile && found.sta && found.non_interactive);
    assert!(found.no_logo && found.no_exit && found.window_hidden);
    assert!(found.is_downgraded() && found.is_policy_bypassed());
    assert_eq!(found.command, None);
    for (style, hidden) in [
        ("h", true),
        ("Hid", true),
        ("+01", true),
        ("normal", false),
        ("2", false),
    ] {
        let found = Invocation::parse(&format!("powershell -w {style}"));
        assert_eq!(found.window_hidden, hidden, "{style}");
    }
}

#[test]
fn commands_and_files() {
    let found = Invocation::parse(r#"powershell -nop -c "iex 'a'"  b -enc x"#);
    assert_eq!(found.command.as_deref(), Some("iex 'a' b -enc x"));
    assert_eq!(found.encoded_command, None);

    let found = Invocation::parse(r#"powershell /f "C:\a b.ps1" -enc x"#);
    let file = found.file.unwrap();
    assert_eq!(file.path, r"C:\a b.ps1");
    assert_eq!(file.arguments, ["-enc", "x"]);

    let windows = Invocation::parse("powershell.exe -nop Get-Date -u");
    assert_eq!(windows.command.as_deref(), Some("Get-Date -u"));
    let core = Invocation::parse(r"C:\Program Files\PowerShell\7\pwsh.exe -nop a.ps1 -u");
    assert_eq!(core.edition, Edition::Core);
    assert_eq!(core.file.unwrap().arguments, ["-u"]);

    let unknown = Invocation::parse("powershell -nop -enc:AAAA");
    assert_eq!(unknown.command.as_deref(), Some("-enc:AAAA"));
    assert_eq!(unknown.unknown_switches, 1);
}

#[test]
fn standard_input() {
    for line in [
        "powershell -",
        "powershell -nop -c -",
        "pwsh -File -",
        "powershell -noni -",
    ] {
        let found = Invocation::parse(line);
        assert!(found.reads_standard_input, "{line}");
        assert_eq!((found.command, found.file), (None, None), "{line}");
    }
}

#[test]
fn a_cut_payload_keeps_its_beginning() {
    let payload = encode("Get-Process | Out-Null");
    let found = Invocation::parse(&format!("powershell -e \"{}", &payload[..33]));
    let payload = found.encoded_command.clone().unwrap();
    assert!(payload.truncated);
    assert_eq!(found.script(), Some("Get-Process "));

    let junk = Invocation::parse("powershell -e Bypass")
        .encoded_command
        .unwrap();
    assert_eq!((junk.argument.as_str(), junk.text), ("Bypass", None));
}

#[test]
fn nested_in_another_line() {
    let payload = encode("whoami");
    for line in [
        format!("cmd /c p^ow^ershell -e {payload}"),
        format!(r#"C:\w\cmd.exe /c "start /min C:\w\powershell.exe -nop -e {payload}""#),
        format!(r#"cmd /c echo x&"C:\w\powershell.exe" -e {payload}"#),
        format!(r#"wscript.exe /e:vbs a.txt "powershell -enc {payload}""#),
        format!("conhost.exe powershell.exe -e {payload}"),
    ] {
        let found = Invocation::nested(&line).expect(&line);
        assert_eq!(found.script(), Some("whoami"), "{line}");
    }
    for line in [
        "cmd /c dir",
        r"notepad C:\powershell.txt",
        "cmd /c powershell",
        "",
    ] {
        assert_eq!(Invocation::nested(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_is_survived(line in any::<String>()) {
        let _ = Invocation::parse(&line);
        let _ = Invocation::nested(&line);
        let _ = Invocation::nested(&format!("cmd /c {line} powershell {line}"));
    }

    #[test]
    fn any_arguments_are_survived(line in "[-/–\"\\\\ ]?(p.exe|pwsh)[-/–\"\\\\ :=a-fA-F1nopwec]{0,60}") {
        let _ = (Invocation::parse(&line).is_downgraded(), Invocation::nested(&line));
    }

    #[test]
    fn an_invocation_round_trips(
        no_profile in any::<bool>(),
        window_hidden in any::<bool>(),
        policy in prop::option::of("[a-zA-Z]{1,12}"),
        version in prop::option::of("[1-7](\\.[0-9])?"),
        encoded in prop::option::of("[ -~]{1,60}"),
        tail in 0..3u8,
        text in "[a-z$(\\[][ -~]{0,60}[!-~]",
    ) {
        let mut line = String::from("powershell.exe");
        let mut expected = Invocation { no_profile, window_hidden, ..Invocation::default() };
        if no_profile {
            line.push_str(" -NoPro");
        }
        if window_hidden {
            line.push_str(" /win hidde");
        }
        if let Some(policy) = policy {
            line.push_str(&format!(" --ex {policy}"));
            expected.execution_policy = Some(policy);
        }
        if let Some(version) = version {
            line.push_str(&format!(" -ver {version}"));
            expected.version = Some(version);
        }
        if let Some(script) = encoded {
            let argument = encode(&script);
            line.push_str(&format!(" \u{2013}encod {argument}"));
            expected.encoded_command = Some(Payload { argument, text: Some(script), truncated: false });
        }
        match tail {
            0 => {
                line.push_str(&format!(" -co {}", quote(&text)));
                expected.command = Some(text);
            }
            1 => {
                line.push_str(&format!(" -fi {} -x", quote(&text)));
                expected.file = Some(ScriptFile { path: text, arguments: vec!["-x".into()] });
            }
            _ => {
                line.push_str(&format!(" {}", quote(&text)));
                expected.command = Some(text);
            }
        }
        prop_assert_eq!(Invocation::parse(&line), expected);
    }
}
