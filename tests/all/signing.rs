use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use assert_cmd::Command;
use sandtrap_tests::{GUESTS, root, sandtrap_binary};
use serde_json::Value;

static BINARY: LazyLock<PathBuf> = LazyLock::new(|| sandtrap_binary().unwrap());

/// Runs the command in a folder; its code, standard output and error.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(&*BINARY)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let (code, output, error) = run(folder, arguments);
    assert_eq!(code, 0, "{arguments:?}: {error}");
    output
}

/// From keys to a component that is trusted, and what is not any more.
#[test]
fn what_is_signed_is_trusted_until_a_byte_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(
        GUESTS.join("sandtrap_guest_tally.wasm"),
        folder.join("tally.wasm"),
    )
    .unwrap();
    let public = |key: &str| {
        let made = succeed(folder, &["keygen", "--no-password", "--key", key]);
        let quoted = made.split('"').nth(1).unwrap();
        quoted.to_owned()
    };
    let (vendor, own) = (public("vendor.key"), public("own.key"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.join("own.key")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }
    // Keys are not made twice by mistake.
    let (code, _, error) = run(folder, &["keygen", "--no-password", "--key", "own.key"]);
    assert!(code == 2 && error.contains("--force"), "{error}");

    let verify = ["verify", "tally.wasm", "--public-key", &vendor];
    let (code, _, error) = run(folder, &verify);
    assert!(code == 2 && error.contains("sandtrap sign"), "{error}");

    let sign = ["sign", "tally.wasm", "--key"];
    let signed = succeed(
        folder,
        &[&sign[..], &["vendor.key", "--budget", "memory_mib=32"]].concat(),
    );
    let signed: Value = serde_json::from_str(&signed).unwrap();
    assert_eq!(signed["new_manifest"], true);
    assert_eq!(signed["manifest"]["budget"]["memory_mib"], 32);
    // A second signature is over the same manifest, budget and all.
    let signed = succeed(folder, &[&sign[..], &["own.key"]].concat());
    let signed: Value = serde_json::from_str(&signed).unwrap();
    assert_eq!(signed["new_manifest"], false);
    assert_eq!(signed["manifest"]["budget"]["memory_mib"], 32);

    let checked: Value = serde_json::from_str(&succeed(folder, &verify)).unwrap();
    assert_eq!(checked["signers"][0], vendor);
    assert_eq!(checked["foreign"].as_array().unwrap().len(), 1);
    let id = checked["manifest"]["id"].as_str().unwrap();

    // Both are wanted, and each for what it may sign.
    let config = |glob: &str| {
        let text = format!(
            "[trust]\nsigners = 2\n[trust.keys.vendor]\npublic_key = '{vendor}'\n\
             analytics = ['{glob}']\n[trust.keys.own]\npublic_key_file = 'own.pub'\n"
        );
        fs::write(folder.join("sandtrap.toml"), text).unwrap();
        run(
            folder,
            &["verify", "tally.wasm", "--config", "sandtrap.toml"],
        )
    };
    let (code, output, error) = config(id);
    assert_eq!(code, 0, "{error}");
    let checked: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(checked["signers"], serde_json::json!(["own", "vendor"]));
    let (code, _, error) = config("another");
    assert!(code == 2 && error.contains("analytics"), "{error}");
    assert!(own != vendor);

    // In all three files, any byte.
    let key = signed["key"].as_str().unwrap();
    let verify = ["verify", "tally.wasm", "--public-key", &own];
    for file in [
        "tally.wasm".to_owned(),
        "tally.manifest.json".to_owned(),
        format!("tally.manifest.{key}.minisig"),
    ] {
        let path = folder.join(&file);
        let whole = fs::read(&path).unwrap();
        for position in [0, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let (code, output, _) = run(folder, &verify);
            assert_eq!(code, 2, "{file} byte {position}");
            let refused: Value = serde_json::from_str(&output).unwrap();
            assert_eq!(refused["ok"], false);
        }
        fs::write(&path, whole).unwrap();
    }
    succeed(folder, &verify);
}

/// What a manifest asks for beyond the defaults is told before anyone trusts
/// it, and granted by the configuration alone.
#[test]
fn a_larger_budget_is_told_and_has_to_be_granted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::copy(
        GUESTS.join("sandtrap_guest_tally.wasm"),
        folder.join("tally.wasm"),
    )
    .unwrap();
    succeed(folder, &["keygen", "--no-password"]);
    let sign = ["sign", "tally.wasm", "--key", "sandtrap.key", "--budget"];
    for (wrong, words) in [
        ("memory_mib=0", "1 to 4096"),
        ("memory_mib=999999999", "1 to 4096"),
        ("memory_mib=big", "not a whole number"),
    ] {
        let (code, _, error) = run(folder, &[&sign[..], &[wrong]].concat());
        assert!(code == 2 && error.contains(words), "{error}");
    }
    let budget = ["memory_mib=128", "--budget", "call_ms=100"];
    succeed(folder, &[&sign[..], &budget].concat());
    let inspected = succeed(folder, &["inspect", "tally.wasm", "--format", "text"]);
    assert!(inspected.contains("memory_mib=128"), "{inspected}");

    let verify = ["verify", "tally.wasm", "--public-key", "sandtrap.pub"];
    let checked: Value = serde_json::from_str(&succeed(folder, &verify)).unwrap();
    let beyond = serde_json::json!({ "budget": { "memory_mib": 128 } });
    assert_eq!(checked["to_grant"], beyond);
    let text = succeed(folder, &[&verify[..], &["--format", "text"]].concat());
    assert!(text.contains("memory_mib = 128 under"), "{text}");

    let id = checked["manifest"]["id"].as_str().unwrap();
    let trust = "[trust.keys.own]\npublic_key_file = 'sandtrap.pub'\n";
    let verify = ["verify", "tally.wasm", "--config", "sandtrap.toml"];
    for (granted, code) in [("64", 2), ("128", 0)] {
        let text = format!("{trust}[analytics.{id}.budget]\nmemory_mib = {granted}\n");
        fs::write(folder.join("sandtrap.toml"), text).unwrap();
        let (found, _, error) = run(folder, &verify);
        assert_eq!(found, code, "{error}");
    }
}

/// A manifest that is signed but does not say what the component says.
#[test]
fn a_manifest_that_asks_for_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let component = folder.join("echo.wasm");
    fs::copy(GUESTS.join("sandtrap_guest_echo.wasm"), &component).unwrap();
    succeed(folder, &["keygen", "--no-password"]);
    let sign = ["sign", "echo.wasm", "--key", "sandtrap.key"];
    let signed: Value = serde_json::from_str(&succeed(folder, &sign)).unwrap();
    let honest: Value = signed["manifest"].clone();
    let key = sandtrap::trust::SecretKey::read(&folder.join("sandtrap.key"), || {
        panic!("it has no password")
    })
    .unwrap();
    for (field, value, words) in [
        ("id", serde_json::json!("AN1"), "identifier"),
        ("name", serde_json::json!("Another"), "name"),
        ("version", serde_json::json!("99.0.0"), "version"),
        ("grants", serde_json::json!([]), "capability"),
        (
            "events",
            serde_json::json!(["registry.value.set", "driver.load"]),
            "event class",
        ),
        ("fields", serde_json::json!(["process.name"]), "field"),
    ] {
        let mut changed = honest.clone();
        assert_ne!(changed[field], value, "{field}");
        changed[field] = value;
        let manifest = sandtrap::trust::Manifest::parse(changed.to_string().as_bytes()).unwrap();
        key.sign(&component, &manifest).unwrap();
        let verify = ["verify", "echo.wasm", "--public-key", "sandtrap.pub"];
        let (code, _, error) = run(folder, &verify);
        assert_eq!(code, 2, "{field}");
        assert!(error.contains(words), "{field}: {error}");
    }
}

/// What must be mended in the configuration has another code than a component
/// that is not trusted.
#[test]
fn a_wrong_configuration_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("broken.pub"), "not a key").unwrap();
    fs::write(folder.join("empty.toml"), "").unwrap();
    for (arguments, code, words) in [
        (&["verify", "a.wasm"][..], 3, "--public-key"),
        (
            &["verify", "a.wasm", "--public-key", "no.pub"],
            3,
            "--public-key: it is neither a key",
        ),
        (
            &["verify", "a.wasm", "--public-key", "broken.pub"],
            3,
            "no minisign public key",
        ),
        (&["verify", "a.wasm", "--config", "no.toml"], 3, "no.toml"),
        (&["verify", "a.wasm", "--config", "empty.toml"], 2, "a.wasm"),
        (
            &["sign", "a.wasm", "--key", "broken.pub"],
            2,
            "no minisign secret key",
        ),
        (&["keygen"], 2, "--password-file"),
    ] {
        let (found, _, error) = run(folder, arguments);
        assert_eq!(found, code, "{arguments:?}: {error}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

/// One command from source to a signed component.
#[test]
fn what_is_built_can_be_signed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("password"), "correct horse\n").unwrap();
    let password = ["--password-file", "password"];
    succeed(folder, &[&["keygen"][..], &password].concat());
    let source = root().join("tests/guests/tally").display().to_string();
    let build = ["build", &source, "--output", ".", "--sign", "sandtrap.key"];
    let output = succeed(folder, &[&build[..], &password].concat());
    assert!(output.contains(".minisig"), "{output}");
    let component = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .unwrap();
    let component = component.file_name().unwrap().to_str().unwrap();
    succeed(
        folder,
        &["verify", component, "--public-key", "sandtrap.pub"],
    );
    let inspected: Value = serde_json::from_str(&succeed(folder, &["inspect", component])).unwrap();
    assert_eq!(inspected["signed_by"].as_array().unwrap().len(), 1);
}
