use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
};

use sandtrap_tests::{ANALYTICS, daemon::variant, root, sandtrap_binary};
use serde_json::Value;

/// A hardened daemon and what it says.
struct Hardened {
    child: Child,
    log: Box<dyn Iterator<Item = Value>>,
}

impl Hardened {
    fn start(program: &Path, config: &Path, cache: &Path) -> Self {
        let mut child = Command::new(program)
            .args(["run", "--harden", "--config"])
            .arg(config)
            // Empty, so that everything is compiled.
            .arg("--cache")
            .arg(cache)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        Self {
            child,
            log: Box::new(log),
        }
    }

    /// Its next line of the log with this message.
    fn says(&mut self, message: &str) -> Value {
        let line = self.log.find(|line| line["message"] == message);
        line.unwrap_or_else(|| panic!("it ended without saying `{message}`"))
    }
}

impl Drop for Hardened {
    fn drop(&mut self) {
        // It may have ended; either way it is over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Events come in, findings go out, analytics are compiled and replaced; what
/// lies outside the configured places is out of reach.
#[test]
fn a_hardened_daemon_does_its_work_and_nothing_else() {
    let program = sandtrap_binary().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("analytics")).unwrap();
    let file = "an1252_powershell_chain.wasm";
    let component = fs::read(ANALYTICS.join(file)).unwrap();
    let installed = place("analytics").join(file);
    fs::write(&installed, &component).unwrap();
    let config = place("etc").join("sandtrap.toml");
    fs::create_dir(place("etc")).unwrap();
    let text = format!(
        "analytics_folder = '{}'\nstate_folder = '{}'\ntrust.unsigned = true\n\
         log.format = 'json'\nhttp.listen = '127.0.0.1:0'\nsources.stdin = true\n\
         [[sinks.file]]\npath = '{}'\n",
        place("analytics").display(),
        place("state").display(),
        place("findings/all.ndjson").display(),
    );
    fs::write(&config, text).unwrap();

    let mut daemon = Hardened::start(&program, &config, &place("cache"));
    let hardened = daemon.says("hardened");
    assert_eq!(hardened["seccomp"], "full", "{hardened}");
    if hardened["landlock"] == "missing" {
        eprintln!("this kernel has no Landlock; what is out of reach is not tested");
    }
    let ready = daemon.says("ready");
    let url = format!("http://{}", ready["address"].as_str().unwrap());
    let reload = || {
        let output = Command::new(&program)
            .args(["reload", "--json", "--url", &url, "--token-file"])
            .arg(place("state/api.token"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{text}"))
    };

    let before = reload();
    fs::write(&installed, variant(&component, 1)).unwrap();
    let after = reload();
    // Whether this reload took it in or the daemon saw it first.
    assert_eq!(after["refused"], serde_json::json!({}), "{after}");
    assert_ne!(before["analytics"], after["analytics"], "{after}");
    if hardened["landlock"] != "missing" {
        let target = outside.path().join("other.wasm");
        fs::write(&target, &component).unwrap();
        symlink(&target, place("analytics").join("other.wasm")).unwrap();
        let report = reload().to_string();
        assert!(report.contains("other.wasm"), "{report}");
        assert!(report.contains("cannot be read"), "{report}");
    }

    let events = "tests/scenarios/an1252/encoded-stager-from-script-host/events.ndjson";
    let mut input = daemon.child.stdin.take().unwrap();
    input
        .write_all(&fs::read(root().join(events)).unwrap())
        .unwrap();
    drop(input);
    daemon.says("stopped");
    assert!(daemon.child.wait().unwrap().success());
    let found = fs::read_to_string(place("findings/all.ndjson")).unwrap();
    assert!(found.lines().count() > 0);
}
