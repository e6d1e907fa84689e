use std::sync::Arc;

use super::*;
use crate::daemon::letters::{Form, Letter};

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

fn letter(reason: &str, analytic: Option<&str>, bytes: usize) -> Vec<u8> {
    let letter = Letter {
        analytic: analytic.map(str::to_owned),
        ..Letter::new(reason, "why")
    };
    letter
        .with_record(Form::Json, "x".repeat(bytes).as_bytes())
        .encode()
}

fn numbers(store: &Store, which: &Selection) -> Vec<u64> {
    let letters = store.letters(which).unwrap();
    letters.iter().map(|letter| letter.number).collect()
}

#[test]
fn letters_are_chosen_removed_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let commit = |transaction: Transaction| {
        let gone = store.commit([&transaction], &[], &BTreeMap::new(), 10);
        assert_eq!(gone.unwrap(), 0);
    };
    commit(Transaction {
        dead_letters: vec![
            letter("undecodable", None, 3),
            letter("trap", Some("AN1"), 3),
            letter("trap", Some("AN2"), 3),
            letter("deadline", Some("AN1"), 3),
        ],
        ..Transaction::default()
    });
    let all = Selection {
        limit: 10,
        ..Selection::default()
    };
    for (after, limit, analytic, reason, expected) in [
        (None, 10, None, None, &[1, 2, 3, 4][..]),
        (None, 2, None, None, &[3, 4]),
        (Some(1), 2, None, None, &[2, 3]),
        (None, 1, Some("AN1"), None, &[4]),
        (Some(0), 1, Some("AN1"), None, &[2]),
        (None, 10, None, Some("trap"), &[2, 3]),
        (None, 10, Some("AN1"), Some("undecodable"), &[]),
        (Some(u64::MAX), 10, None, None, &[]),
    ] {
        let which = Selection {
            after,
            limit,
            analytic: analytic.map(str::to_owned),
            reason: reason.map(str::to_owned),
        };
        assert_eq!(numbers(&store, &which), expected, "{which:?}");
    }
    assert!(store.letters(&all).unwrap()[0].letter.event.is_empty());
    assert_eq!(store.letter(1).unwrap().unwrap().event, "xxx");

    commit(Transaction {
        replayed: vec![
            (2, Some(letter("memory", Some("AN1"), 5))),
            (4, None),
            // It went meanwhile, and does not come back.
            (9, Some(letter("memory", None, 5))),
        ],
        ..Transaction::default()
    });
    assert_eq!(numbers(&store, &all), [1, 2, 3]);
    assert_eq!(store.letter(2).unwrap().unwrap().reason, "memory");
    // The number of the last one is not given again.
    commit(Transaction {
        dead_letters: vec![letter("trap", None, 3)],
        ..Transaction::default()
    });
    assert_eq!(numbers(&store, &all), [1, 2, 3, 5]);
}

#[test]
fn letters_are_bounded_in_number_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let commit = |count: u64, bytes: usize| {
        let one = letter("trap", None, bytes);
        let dead_letters = vec![one.clone(); usize::try_from(count).unwrap()];
        let transaction = Transaction {
            dead_letters,
            ..Transaction::default()
        };
        let gone = store.commit([&transaction], &[], &BTreeMap::new(), 10);
        (gone.unwrap(), one.len() as u64)
    };
    assert_eq!(commit(letters::LETTERS + 7, 1).0, 7);
    let kept = || {
        let which = Selection {
            limit: usize::MAX,
            ..Selection::default()
        };
        numbers(&store, &which)
    };
    assert_eq!(kept()[0], 8);
    // As many large ones as there is room for, and some more.
    let large = 60 * 1024;
    let (_, size) = commit(1, large);
    let fit = letters::BYTES / size;
    commit(fit + 2, large);
    assert_eq!(kept().len() as u64, fit);
    // What is counted is what is there.
    let (gone, _) = commit(1, large);
    assert_eq!((gone, kept().len() as u64), (1, fit));
}

/// One that fails all the time does not push out what others could not handle.
#[test]
fn who_has_most_letters_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let commit = |analytic: Option<&str>, count: u64| {
        let one = letter("trap", analytic, 1);
        let transaction = Transaction {
            dead_letters: vec![one; usize::try_from(count).unwrap()],
            ..Transaction::default()
        };
        let gone = store.commit([&transaction], &[], &BTreeMap::new(), 10);
        gone.unwrap()
    };
    commit(Some("AN1"), 5);
    commit(None, 5);
    assert_eq!(commit(Some("AN2"), letters::LETTERS), 10);
    assert_eq!(commit(Some("AN2"), 100), 100);
    let of = |analytic: Option<&str>| {
        let which = Selection {
            limit: usize::MAX,
            analytic: analytic.map(str::to_owned),
            ..Selection::default()
        };
        numbers(&store, &which)
    };
    assert_eq!(of(Some("AN1")), [1, 2, 3, 4, 5]);
    assert_eq!(of(None).len() as u64, letters::LETTERS);
    assert_eq!(of(Some("AN2")).first(), Some(&121));
}
