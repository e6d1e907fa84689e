use std::sync::Arc;

use super::*;

fn entry(number: u64) -> Entry {
    Entry {
        number,
        uid: Arc::from(format!("uid-{number}")),
        analytic: Arc::from("AN1"),
        time: 7,
        json: Arc::from(&b"{}"[..]),
    }
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let secret = store.secret("records").unwrap();
    let mut transaction = Transaction {
        sequence: 9,
        records: 11,
        fingerprints: vec![1, 2, 3],
        findings: vec![entry(1), entry(2)],
        checkpoints: vec![Checkpoint {
            key: "files:a".to_owned(),
            value: Some(vec![5]),
        }],
        dead_letters: vec![b"{}".to_vec()],
        ..Transaction::default()
    };
    transaction.changes.lineage.push(Change {
        device: Arc::from("host"),
        key: vec![1],
        value: Some(vec![2]),
    });
    let confirmed = BTreeMap::from([("file".to_owned(), 1)]);
    store.commit([&transaction], &[], &confirmed, 100).unwrap();
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    let meta = Meta {
        sequence: 9,
        records: 11,
        findings: 2,
    };
    assert_eq!(store.meta().unwrap(), meta);
    assert_eq!(store.secret("records").unwrap(), secret);
    assert_eq!(store.fingerprints().unwrap(), [[1, 2, 3]]);
    assert_eq!(store.findings(1, 10).unwrap(), [entry(2)]);
    assert_eq!(store.confirmed().unwrap(), confirmed);
    assert_eq!(store.checkpoints().unwrap()["files:a"], [5]);
    assert_eq!(store.dead_letters().unwrap().len(), 1);
    let mut lineage = Vec::new();
    store
        .part(crate::pipeline::Part::Lineage, |changes| {
            lineage.extend(changes);
            Ok(())
        })
        .unwrap();
    assert_eq!(lineage, transaction.changes.lineage);
}

#[test]
fn what_is_kept_is_bounded_and_nothing_unconfirmed_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let count = 3 * RETAINED / 2;
    let transaction = Transaction {
        findings: (1..=count).map(entry).collect(),
        ..Transaction::default()
    };
    let mut confirmed = BTreeMap::from([("slow".to_owned(), 3)]);
    store.commit([&transaction], &[], &confirmed, 10).unwrap();
    assert_eq!(store.findings(0, 1).unwrap(), [entry(3)]);
    confirmed.insert("slow".to_owned(), count);
    let prints = |prints: std::ops::Range<u64>| Transaction {
        fingerprints: prints.collect(),
        ..Transaction::default()
    };
    let later = [prints(0..4), prints(4..8), prints(8..12)];
    store.commit(&later, &[], &confirmed, 10).unwrap();
    assert_eq!(store.findings(0, 1).unwrap(), [entry(count - RETAINED)]);
    assert_eq!(store.fingerprints().unwrap().len(), 2);
}

#[test]
fn the_highest_version_that_ran_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let highest = |store: &Store| store.highest_version("AN1").unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(highest(&store), None);
    for (ran, expected) in [
        ("0.9.0", "0.9.0"),
        ("0.10.0", "0.10.0"),
        ("0.9.1", "0.10.0"),
        ("0.10.0-rc.1", "0.10.0"),
        ("newest", "0.10.0"),
        ("0.10.0", "0.10.0"),
    ] {
        store.ran("AN1", ran).unwrap();
        assert_eq!(highest(&store).as_deref(), Some(expected), "after {ran}");
    }
    store.ran("AN2", "7.0.0").unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(highest(&store).as_deref(), Some("0.10.0"));
}
