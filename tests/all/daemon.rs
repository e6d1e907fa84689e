use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sandtrap::{
    analytic::Prepared,
    catalog::Catalog,
    config::{BudgetConfig, Config},
    engine::Engine,
    trust::{KeyPair, Manifest, SecretKey},
};
use sandtrap_tests::{
    ANALYTICS,
    daemon::{Daemon, variant},
    scenario,
};

/// The first and the second half of every recorded scenario, as text.
fn halves() -> (Vec<String>, Vec<String>) {
    let mut halves = (Vec::new(), Vec::new());
    for folder in scenario::all() {
        let Ok(text) = fs::read_to_string(folder.join("events.ndjson")) else {
            continue;
        };
        let lines: Vec<&str> = text.lines().collect();
        let (first, second) = lines.split_at(lines.len() / 2);
        halves.0.push(first.join("\n"));
        halves.1.push(second.join("\n"));
    }
    assert!(halves.0.len() >= 20, "{}", halves.0.len());
    halves
}

fn uids(daemon: &Daemon) -> BTreeSet<String> {
    let findings = daemon.findings();
    let uids: BTreeSet<String> = findings.iter().map(|entry| entry.uid.to_string()).collect();
    assert_eq!(uids.len(), findings.len(), "a finding was issued twice");
    assert_eq!(daemon.written().len(), findings.len(), "the file differs");
    uids
}

/// All first halves, something else, and all second halves.
fn found(shards: u16, meanwhile: impl FnOnce(&mut Daemon)) -> BTreeSet<String> {
    let (first, second) = halves();
    let mut daemon = Daemon::new(&ANALYTICS, shards);
    daemon.start();
    for half in &first {
        let receipt = daemon.deliver(half);
        assert_eq!((receipt.duplicates, receipt.undecodable.len()), (0, 0));
        assert_eq!(receipt.records, half.lines().count() as u64);
    }
    let before = uids(&daemon).len();
    meanwhile(&mut daemon);
    for half in &second {
        daemon.deliver(half);
    }
    let found = uids(&daemon);
    assert!(found.len() > before + 10, "{before} and {}", found.len());
    found
}

/// Nothing of what was seen before a restart is lost, and what is delivered
/// twice changes nothing.
#[test]
fn a_restart_and_a_second_delivery_change_nothing() {
    let undisturbed = found(1, |_| {});
    for shards in [1, 2] {
        let disturbed = found(shards, |daemon| {
            daemon.stop();
            daemon.start();
            for half in halves().0 {
                let again = daemon.deliver(&half);
                assert!(again.duplicates > 0);
            }
        });
        assert_eq!(disturbed, undisturbed, "{shards} shards");
    }
    // Another number of shards after the restart.
    let regrouped = found(2, |daemon| {
        daemon.stop();
        daemon.shards = 3;
        daemon.start();
    });
    assert_eq!(regrouped, undisturbed);
}

/// A version that replaces another completes what that one began.
#[test]
fn a_chain_survives_the_replacement_of_its_analytic() {
    let undisturbed = found(1, |_| {});
    let replaced = found(1, |daemon| {
        for file in sandtrap::catalog::components(&daemon.analytics()).unwrap() {
            let other = variant(&fs::read(&file).unwrap(), 1);
            fs::write(file, other).unwrap();
        }
        let report = daemon.reload();
        assert_eq!(report.refused.len(), 0, "{report:?}");
        assert_eq!(report.loaded.len(), 5, "{report:?}");
    });
    assert_eq!(replaced, undisturbed);
    // Taken away and brought back.
    let returned = found(1, |daemon| {
        let folder = daemon.analytics();
        let aside = daemon.folder.path().join("aside");
        fs::rename(&folder, &aside).unwrap();
        fs::create_dir(&folder).unwrap();
        assert_eq!(daemon.reload().unloaded.len(), 5);
        fs::remove_dir(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
        assert_eq!(daemon.reload().loaded.len(), 5);
    });
    assert_eq!(returned, undisturbed);
}

/// Files that are no analytics, broken ones and unloaded ones: what runs goes
/// on, and the reason is told.
#[test]
fn a_bad_file_leaves_the_old_analytic_running() {
    let mut daemon = Daemon::new(&ANALYTICS, 1);
    daemon.start();
    let files = sandtrap::catalog::components(&daemon.analytics()).unwrap();
    let [first, second, ..] = files.as_slice() else {
        panic!("five analytics");
    };
    let whole = fs::read(first).unwrap();
    fs::write(first, &whole[..whole.len() / 2]).unwrap();
    fs::remove_file(second).unwrap();
    let twin = daemon.analytics().join("z-twin.wasm");
    fs::copy(&files[2], &twin).unwrap();
    let report = daemon.reload();
    assert_eq!(report.analytics.len(), 4, "{report:?}");
    assert_eq!(report.unloaded.len(), 1, "{report:?}");
    let refused: Vec<&String> = report.refused.keys().collect();
    assert_eq!(
        refused,
        [&first.display().to_string(), &twin.display().to_string()]
    );
    let status = daemon.core().board.status();
    assert_eq!(status.refused, report.refused);
    assert_eq!(status.analytics.len(), 4);

    fs::write(first, &whole).unwrap();
    fs::remove_file(&twin).unwrap();
    fs::write(
        second,
        fs::read(ANALYTICS.join(second.file_name().unwrap())).unwrap(),
    )
    .unwrap();
    let report = daemon.reload();
    assert_eq!(report.analytics.len(), 5, "{report:?}");
    assert!(report.refused.is_empty(), "{report:?}");
    assert!(daemon.core().board.status().refused.is_empty());
}

/// Where unsigned analytics are permitted, one that takes the name of a signed
/// one does not get it, wherever it stands in the folder.
#[test]
fn an_unsigned_analytic_does_not_take_the_name_of_a_signed_one() {
    let mut daemon = Daemon::new(&ANALYTICS, 1);
    daemon.start();
    let files = sandtrap::catalog::components(&daemon.analytics()).unwrap();
    let unsigned = &files[0];
    let signed = daemon.analytics().join("z-signed.wasm");
    fs::write(&signed, variant(&fs::read(unsigned).unwrap(), 1)).unwrap();
    let public = sign(&signed, daemon.folder.path());
    daemon.configure(&format!("[trust.keys.vendor]\npublic_key = '{public}'\n"));
    let file_of = |daemon: &Daemon| {
        let status = daemon.core().board.status();
        PathBuf::from(&status.analytics["AN1229"].file)
    };
    let report = daemon.reload();
    assert_eq!(report.loaded, ["AN1229"], "{report:?}");
    let refusal = &report.refused[&unsigned.display().to_string()];
    assert!(refusal.contains("z-signed.wasm"), "{refusal}");
    assert_eq!(file_of(&daemon), signed);

    // Asking again, or starting anew, changes nothing.
    assert!(daemon.reload().loaded.is_empty());
    daemon.stop();
    let config = Config::read(&daemon.config()).unwrap();
    let engine = Engine::start().unwrap();
    let all = sandtrap::catalog::components(&daemon.analytics()).unwrap();
    let catalog = Catalog::load(&engine, &all, false, &config).unwrap();
    let refused: Vec<&PathBuf> = catalog.refused().iter().map(|(path, _)| path).collect();
    assert_eq!(refused, [unsigned]);

    // If nobody's key is trusted both are equal, and the first has the name.
    daemon.start();
    assert_eq!(file_of(&daemon), *unsigned);
    fs::remove_file(unsigned).unwrap();
    assert_eq!(daemon.reload().loaded, ["AN1229"]);
    assert_eq!(file_of(&daemon), signed);
}

/// Signs a component with a new key; the public one.
fn sign(component: &Path, folder: &Path) -> String {
    let pair = KeyPair::generate(None).unwrap();
    let file = folder.join("vendor.key");
    fs::write(&file, &pair.secret).unwrap();
    let engine = Engine::start().unwrap();
    let prepared = Prepared::new(&engine, "signed", &fs::read(component).unwrap()).unwrap();
    let manifest = Manifest::of(&prepared, BudgetConfig::default()).unwrap();
    let key = SecretKey::read(&file, || unreachable!("it has no password")).unwrap();
    key.sign(component, &manifest).unwrap();
    pair.public.lines().nth(1).unwrap().to_owned()
}

/// A grant that is taken away stops an analytic, and given back starts it;
/// settings that it refuses leave the old ones; a configuration that is none
/// changes nothing.
#[test]
fn grants_and_settings_follow_the_configuration() {
    let mut daemon = Daemon::new(&ANALYTICS, 1);
    daemon.start();
    daemon.configure("[analytics.AN1252]\ngrants = []\n");
    let report = daemon.reload();
    assert_eq!(report.unloaded, ["AN1252"], "{report:?}");
    let refused: Vec<&String> = report.refused.values().collect();
    assert!(refused[0].contains("grants"), "{refused:?}");
    assert_eq!(daemon.core().board.status().refused.len(), 1);

    daemon.configure("");
    let report = daemon.reload();
    assert_eq!(report.loaded, ["AN1252"], "{report:?}");
    assert!(daemon.core().board.status().refused.is_empty());

    daemon.configure("[analytics.AN1252.settings]\nScriptBlockLengthThreshold = 'x'\n");
    let report = daemon.reload();
    assert_eq!(
        (report.refused.len(), report.pause_us),
        (1, None),
        "{report:?}"
    );
    daemon.configure("[analytics.AN1252.settings]\nScriptBlockLengthThreshold = 1234\n");
    let report = daemon.reload();
    assert_eq!(report.loaded, ["AN1252"], "{report:?}");
    assert!(report.refused.is_empty(), "{report:?}");

    fs::write(daemon.config(), "[daemon\n").unwrap();
    let report = daemon.reload();
    assert_eq!(
        (report.refused.len(), report.pause_us),
        (1, None),
        "{report:?}"
    );
    let status = daemon.core().board.status();
    assert!(status.configuration_error.is_some());
    assert_eq!(status.analytics.len(), 5);
}

/// Equal records of one delivery are different events, those of a second
/// delivery are not; a record stamped in the future does not take the clocks
/// with it; one that cannot be decoded is kept aside.
#[test]
fn odd_records_are_accounted_for() {
    let mut daemon = Daemon::new(&ANALYTICS, 1);
    daemon.start();
    let line = r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"h","EventTime":"2099-01-01 00:00:00","UtcTime":"2099-01-01 00:00:00.000","ProcessId":7,"Image":"C:\\a.exe"}"#;
    let text = format!("{line}\n{line}\nnonsense\n");
    let receipt = daemon.deliver(&text);
    assert_eq!((receipt.records, receipt.duplicates), (3, 0));
    assert_eq!(receipt.undecodable.len(), 1);
    let receipt = daemon.deliver(&text);
    assert_eq!((receipt.records, receipt.duplicates), (3, 2));
    let metrics = &daemon.core().metrics;
    let source = sandtrap::metrics::Source {
        source: "test".to_owned(),
    };
    assert_eq!(metrics.mistimed.get_or_create(&source).get(), 2);
    let letters = daemon.core().store.dead_letters().unwrap();
    assert_eq!(letters.len(), 2);
    let letter = String::from_utf8(letters[0].1.clone()).unwrap();
    assert!(letter.contains("nonsense"), "{letter}");
}
