//! What hostile guests are shown: launches on two devices, each by the one
//! before it, with process ids that tell a guest where it is.

use std::fmt::Write as _;

/// How many launches.
pub const LAUNCHES: u32 = 64;

/// The process id of the first; the others follow in steps of one.
pub const FIRST_PID: u32 = 1_000;

/// The launches as lines of JSON. `series` names the devices.
pub fn launches(series: &str) -> String {
    let mut lines = String::new();
    for number in 0..LAUNCHES {
        let device = number % 2;
        let (minute, second) = (number / 60, number % 60);
        let (pid, parent) = (FIRST_PID + number, (FIRST_PID + number).saturating_sub(2));
        let line = serde_json::json!({
            "EventID": 1,
            "RecordNumber": number + 1,
            "SourceName": "Microsoft-Windows-Sysmon",
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Hostname": format!("{series}-{device}.corp.example"),
            "@timestamp": format!("2026-03-04T10:{minute:02}:{second:02}.000Z"),
            "UtcTime": format!("2026-03-04 10:{minute:02}:{second:02}.000"),
            "ProcessGuid": guid(pid),
            "ProcessId": pid.to_string(),
            "Image": r"C:\Program Files\Backup Agent\agent.exe",
            "CommandLine": format!("agent.exe --part {number}"),
            "User": r"CORP\svc-backup",
            "ParentProcessGuid": guid(parent),
            "ParentProcessId": parent.to_string(),
            "ParentImage": r"C:\Program Files\Backup Agent\agent.exe",
        });
        // Writing into a text cannot fail.
        let _ = writeln!(lines, "{line}");
    }
    lines
}

fn guid(pid: u32) -> String {
    format!("{{5a7d7e57-0000-69a7-{pid:04x}-000000000000}}")
}
