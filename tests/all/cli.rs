use std::{path::PathBuf, sync::LazyLock};

use assert_cmd::Command;
use sandtrap_tests::{ANALYTICS, root, sandtrap_binary};
use serde_json::Value;

pub(crate) fn sandtrap() -> Command {
    let mut command = Command::new(&*BINARY);
    command.current_dir(root());
    command
}

static BINARY: LazyLock<PathBuf> = LazyLock::new(|| sandtrap_binary().unwrap());

fn scenario(name: &str) -> String {
    format!("tests/scenarios/{name}/events.ndjson")
}

#[test]
fn piped_findings_are_ocsf_lines() {
    let output = sandtrap()
        .args([
            "scan",
            &scenario("an1252/encoded-stager-from-script-host"),
            "--analytics",
        ])
        .arg(&*ANALYTICS)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty());
    for line in text.lines() {
        let finding: Value = serde_json::from_str(line).unwrap();
        assert_eq!(finding["class_uid"], 2004);
        assert!(
            finding["evidences"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        );
    }
}

#[test]
fn findings_fail_a_build_only_where_asked() {
    sandtrap()
        .args([
            "scan",
            &scenario("an1252/encoded-stager-from-script-host"),
            "--fail-on-findings",
            "--analytics",
        ])
        .arg(&*ANALYTICS)
        .assert()
        .code(1);
}

#[test]
fn errors_say_what_to_do() {
    for (arguments, code, words) in [
        (
            &["scan", "no/such/file.evtx", "--no-analytics"][..],
            2,
            &["no/such/file.evtx"][..],
        ),
        (
            &["scan", "README.md", "--analytics", "no/such/folder"],
            3,
            &["no/such/folder", "sandtrap build", "--analytics"],
        ),
        (
            &["backtest", "tests", "--analytics", "no/such/folder"],
            2,
            &["labels.json"],
        ),
        (
            &["inspect", "README.md"],
            2,
            &["README.md", "no WebAssembly file"],
        ),
        (&["scan", "README.md", "--no-analytics"], 2, &["README.md"]),
        (
            &["run", "--config", "no/such/file.toml"],
            3,
            &["no/such/file.toml"],
        ),
        (
            &["status", "--token-file", "no/such/token"],
            3,
            &["no/such/token", "--token-file", "--config"],
        ),
        (
            &["deadletter", "list", "--reason", "trp"],
            2,
            &["undecodable", "trap"],
        ),
        (
            &["config", "check", "--config", "no/such/file.toml"],
            3,
            &["no/such/file.toml"],
        ),
        (
            &["inspect", "no/such/file.wasm"],
            2,
            &["no/such/file.wasm: cannot be read: "],
        ),
    ] {
        let output = sandtrap().args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        for word in words {
            assert!(error.contains(word), "{arguments:?}: {error}");
        }
    }
}

/// The daemon with a pipe as its only source ends with it, and finds what a
/// scan finds; what it had found before a restart it does not find again.
#[test]
fn a_pipe_into_the_daemon_finds_what_a_scan_finds() {
    let events = scenario("an1252/encoded-stager-from-script-host");
    let uids = |text: Vec<u8>| {
        let mut uids: Vec<String> = String::from_utf8(text)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|finding| finding["metadata"]["uid"].as_str().unwrap().to_owned())
            .collect();
        uids.sort();
        uids
    };
    let mut scan = sandtrap();
    scan.args(["scan", "--json", &events, "--analytics"])
        .arg(&*ANALYTICS);
    let scanned = uids(scan.output().unwrap().stdout);
    assert!(!scanned.is_empty());

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sandtrap.toml");
    let state = folder.path().join("state");
    let text = format!(
        "state_folder = '{}'\ntrust.unsigned = true\nsources.stdin = true\nhttp.listen = '127.0.0.1:0'\n",
        state.display()
    );
    std::fs::write(&config, text).unwrap();
    let run = || {
        let mut run = sandtrap();
        run.args(["run", "--config"])
            .arg(&config)
            .arg("--analytics")
            .arg(&*ANALYTICS)
            .pipe_stdin(root().join(&events))
            .unwrap();
        let output = run.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output
    };
    assert_eq!(uids(run().stdout), scanned);
    assert_eq!(uids(run().stdout), Vec::<String>::new());
}

#[test]
fn list_and_inspect_speak_json() {
    let output = sandtrap()
        .args(["list", "--json", "--analytics"])
        .arg(&*ANALYTICS)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    for line in text.lines() {
        let one: Value = serde_json::from_str(line).unwrap();
        let output = sandtrap()
            .args(["inspect", "--json", one["path"].as_str().unwrap()])
            .output()
            .unwrap();
        let inspected: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(inspected["id"], one["id"]);
        assert!(
            inspected["settings"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        );
    }
}
