use std::{fs, io::ErrorKind};

use super::*;

/// Runs in a thread of its own, because there is no way back.
fn apart<T: Send + 'static>(probe: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(probe).join().unwrap()
}

/// Configured places stay within reach, each for what it is for, and nothing
/// else does.
#[test]
fn only_configured_places_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for name in ["etc", "analytics", "logs", "elsewhere"] {
        fs::create_dir(place(name)).unwrap();
        fs::write(place(name).join("file"), name).unwrap();
    }
    let text = format!(
        "[[sources.files]]\npath = '{}'\n[[sinks.file]]\npath = '{}'\n",
        place("logs/*.ndjson").display(),
        place("sinks/findings.ndjson").display(),
    );
    let config: crate::config::Config = toml::from_str(&text).unwrap();
    let places = Places::of(
        &config,
        &place("etc/sandtrap.toml"),
        &place("analytics"),
        &place("state"),
        &place("cache"),
    );
    let root = folder.path().to_owned();
    let hardened = apart(move || {
        let hardened = daemon(&places);
        let refused = |result: std::io::Result<()>, what: &str| {
            let error = result.expect_err(what);
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}");
        };
        if hardened.landlock == Degree::Missing {
            eprintln!("skipped: this kernel has no Landlock");
            return hardened;
        }
        for name in ["etc", "analytics", "logs"] {
            let file = root.join(name).join("file");
            assert_eq!(fs::read_to_string(&file).unwrap(), name);
            refused(fs::write(&file, ""), name);
            refused(fs::remove_file(&file), name);
        }
        for name in ["state", "cache", "sinks"] {
            let (file, other) = (root.join(name).join("a"), root.join(name).join("b"));
            fs::write(&file, name).unwrap();
            fs::rename(&file, &other).unwrap();
            assert_eq!(fs::read_to_string(&other).unwrap(), name);
        }
        let elsewhere = root.join("elsewhere/file");
        refused(fs::read(&elsewhere).map(drop), "elsewhere");
        refused(fs::read_dir(&root).map(drop), "the folder above");
        refused(fs::read("/etc/passwd").map(drop), "/etc/passwd");
        let shell = std::process::Command::new("/bin/sh")
            .arg("-c")
            .arg("")
            .status();
        refused(shell.map(drop), "a shell");
        hardened
    });
    assert_eq!(hardened.seccomp, Degree::Full);
}

#[test]
fn system_calls_of_intruders_are_refused() {
    let (error, status) = apart(|| {
        syscalls::take_from_daemon().unwrap();
        let error = std::os::unix::fs::chroot("/").unwrap_err();
        (
            error,
            fs::read_to_string("/proc/thread-self/status").unwrap(),
        )
    });
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    // Not every user may do it anyway.
    assert!(status.contains("Seccomp:\t2"), "{status}");
    // A worker cannot even open what anyone may read.
    let error = apart(|| {
        nothing_but_pipes(|| Ok::<_, ()>(())).unwrap();
        fs::read("/").unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_worker_reaches_no_file() {
    let (degree, error) = apart(|| {
        let degree = files::leave_nothing().unwrap();
        (degree, fs::read("/etc/passwd").err())
    });
    if degree == Degree::Missing {
        eprintln!("skipped: this kernel has no Landlock");
        return;
    }
    assert_eq!(error.unwrap().kind(), ErrorKind::PermissionDenied);
}
