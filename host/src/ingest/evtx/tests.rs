use std::{env, fs, path::PathBuf, time::Duration};

use super::*;
use crate::ingest::reading::Turn;

/// Reads all there is, from what was stored.
fn read(folder: &Path, stored: &BTreeMap<String, Vec<u8>>) -> (Vec<Turn>, Option<String>) {
    let mut drops = Drops::new(folder, stored, Limits::default());
    let mut now = Instant::now();
    let mut turns = Vec::new();
    for _ in 0..2 {
        drops.scan(now);
        while drops.ready(now).is_some() {
            turns.extend(drops.take(now));
        }
        now += Duration::from_secs(1);
    }
    drops.scan(now);
    (turns, drops.status().1)
}

fn commit(turns: &[Turn], stored: &mut BTreeMap<String, Vec<u8>>) {
    for Turn { checkpoint, .. } in turns {
        let value = checkpoint.value.clone().unwrap();
        stored.insert(checkpoint.key.clone(), value);
    }
}

fn records(turns: &[Turn]) -> Vec<(u64, Vec<u8>)> {
    let records = turns.iter().flat_map(|turn| {
        let records = turn.records.iter().map(|(record, _)| record.to_vec());
        (turn.first_record..).zip(records)
    });
    records.collect()
}

#[test]
fn what_is_no_event_log_is_named_and_a_damaged_one_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.evtx"), "{\"json\":1}\n").unwrap();
    let mut damaged = b"ElfFile\0".to_vec();
    damaged.resize(4096 + 65536, 7);
    fs::write(path("B.EVTX"), damaged).unwrap();
    fs::write(path("c.json"), "{}").unwrap();
    let mut stored = BTreeMap::new();
    let (turns, error) = read(folder.path(), &stored);
    let error = error.unwrap();
    assert!(error.contains("a.evtx is no Windows event log"), "{error}");
    assert!(error.contains("B.EVTX cannot be read in whole"), "{error}");
    assert_eq!(records(&turns).len(), 1);
    assert!(turns[0].records.iter().all(|(_, fault)| fault.is_some()));
    commit(&turns, &mut stored);
    let (turns, _) = read(folder.path(), &stored);
    assert!(turns.is_empty());
}

#[expect(
    clippy::disallowed_methods,
    reason = "it tells where telemetry lies that must not be part of the project"
)]
fn corpus() -> Option<PathBuf> {
    let folder = match env::var_os("SANDTRAP_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
    };
    let file = folder.join("files/s10.evtx");
    file.exists().then_some(file)
}

#[test]
fn after_a_restart_the_rest_of_a_log_is_read() {
    let Some(log) = corpus() else {
        eprintln!("skipped: no corpus beside the project; set SANDTRAP_CORPUS");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    fs::copy(&log, &path).unwrap();
    let (all, error) = read(folder.path(), &BTreeMap::new());
    assert_eq!(error, None);
    assert!(all.len() >= 2, "the records and that these are all");
    for committed in 0..=all.len() {
        let mut stored = BTreeMap::new();
        commit(&all[..committed], &mut stored);
        let (rest, _) = read(folder.path(), &stored);
        assert_eq!(records(&rest), records(&all[committed..]), "{committed}");
    }
    // One that changed is read from its start.
    let mut stored = BTreeMap::new();
    commit(&all, &mut stored);
    let mut longer = fs::read(&path).unwrap();
    longer.push(0);
    fs::write(&path, longer).unwrap();
    let (again, _) = read(folder.path(), &stored);
    assert!(records(&again).starts_with(&records(&all)));
}
