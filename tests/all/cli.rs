use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use assert_cmd::Command;
use sandtrap_tests::{ANALYTICS, root};
use serde_json::Value;

fn sandtrap() -> Command {
    let mut command = Command::new(&*BINARY);
    command.current_dir(root());
    command
}

/// The command, built as it is now: cargo builds a package's binary for its own
/// integration tests only.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    let is_release = folder.ends_with("release");
    let built = std::process::Command::new("cargo")
        .args(["build", "--package", "sandtrap", "--profile"])
        .arg(if is_release { "release" } else { "dev" })
        .current_dir(root())
        .status()
        .unwrap();
    assert!(built.success());
    folder.join("sandtrap")
});

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
            &["status", "--token-file", "no/such/token"],
            3,
            &["no/such/token", "--token-file", "--config"],
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
