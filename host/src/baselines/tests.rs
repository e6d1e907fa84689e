//! Baselines as a whole.

use std::{collections::BTreeMap, fs};

use super::*;
use crate::lineage::tests::as_of;

const MINUTE: i64 = 60_000;

fn on(device: &str, sequence: u64, time: i64) -> AsOf {
    AsOf {
        device: Arc::from(device),
        ..as_of(sequence, time)
    }
}

#[test]
fn observations_are_exact_as_of_the_event_and_can_be_taken_back() {
    let mut baselines = Baselines::default();
    baselines.observe(&on("d", 1, 10), &[("b", "k")]).unwrap();
    baselines
        .observe(&on("d", 3, 30), &[("b", "k"), ("b", "k")])
        .unwrap();
    // Out of order, as an analytic may do it.
    baselines
        .observe(&on("d", 2, 5), &[("b", "k"), ("b", "l")])
        .unwrap();
    let count = |baselines: &Baselines, sequence| {
        let found = baselines.lookup(&on("d", sequence, 30), "b", "k").device;
        (found.count, found.first_seen, found.last_seen)
    };
    assert_eq!(count(&baselines, 0), (0, None, None));
    assert_eq!(count(&baselines, 1), (1, Some(10), Some(10)));
    assert_eq!(count(&baselines, 2), (2, Some(5), Some(10)));
    assert_eq!(count(&baselines, 3), (4, Some(5), Some(30)));
    assert_eq!(baselines.keys(), 2);
    baselines.roll_back();
    assert_eq!(count(&baselines, 9), (0, None, None));
    assert_eq!((baselines.keys(), baselines.devices.len()), (0, 0));

    baselines.observe(&on("d", 1, 10), &[("b", "k")]).unwrap();
    baselines.commit();
    baselines.observe(&on("d", 2, 20), &[("b", "k")]).unwrap();
    baselines.roll_back();
    assert_eq!(count(&baselines, 9), (1, Some(10), Some(10)));
    let unknown = baselines.lookup(&on("d", 9, 30), "b", "other");
    assert_eq!(unknown.device.learning_since, Some(10));
    let elsewhere = baselines.lookup(&on("e", 9, 30), "b", "k");
    assert_eq!(elsewhere.device, Prevalence::default());
}

#[test]
fn limits_hold_for_all_or_none() {
    let mut baselines = Baselines::new(BaselineLimits {
        keys: 2,
        ..BaselineLimits::default()
    });
    let at = as_of(1, 0);
    let full = baselines.observe(&at, &[("b", "1"), ("b", "2"), ("b", "3")]);
    assert_eq!(full, Err(ObserveError::Full));
    assert_eq!(baselines.keys(), 0);
    baselines
        .observe(&at, &[("b", "1"), ("b", "2"), ("b", "1")])
        .unwrap();
    baselines.observe(&at, &[("b", "2")]).unwrap();
    assert_eq!(
        baselines.observe(&at, &[("c", "1")]),
        Err(ObserveError::Full)
    );
    baselines.roll_back();
    assert_eq!((baselines.keys(), baselines.bytes()), (0, 0));
    baselines.limit(BaselineLimits {
        bytes: 2_000,
        ..BaselineLimits::default()
    });
    let half = "x".repeat(400);
    baselines.observe(&at, &[("b", &half)]).unwrap();
    baselines.commit();
    let full = baselines.observe(&at, &[("c", &half)]);
    assert_eq!(full, Err(ObserveError::Full));
    let long = "x".repeat(2_000);
    assert_eq!(
        baselines.observe(&at, &[("b", &long)]),
        Err(ObserveError::TooLong)
    );
}

/// Observes and looks up on some devices for three hours, the devices spread
/// over so many shards and so many events committed together.
fn run(shards: usize, batch: u64) -> Vec<String> {
    let devices = ["a", "b", "c", "d", "e"];
    let mut all: Vec<Baselines> = (0..shards).map(|_| Baselines::default()).collect();
    let mut answers = Vec::new();
    let mut hour = 0;
    for sequence in 0..300_u64 {
        let time = sequence as i64 * 37_000;
        if time / 3_600_000 > hour {
            hour = time / 3_600_000;
            all.iter_mut().for_each(|one| {
                one.commit();
            });
            let fleet = all[0].fleet();
            let deltas: Vec<_> = all.iter_mut().rev().map(Baselines::take_delta).collect();
            let fleet = fleet.merged(deltas);
            all.iter_mut()
                .for_each(|shard| shard.set_fleet(Arc::clone(&fleet)));
        }
        let which = (sequence * 7 % 11) as usize % devices.len();
        let shard = &mut all[which % shards];
        let at = on(devices[which], sequence, time);
        let key = format!("k{}", sequence % 3);
        shard.observe(&at, &[("b", &key)]).unwrap();
        answers.push(format!(
            "{:?} {:?}",
            shard.lookup(&at, "b", &key),
            shard.rate(&at, "b", &key, 5)
        ));
        if sequence.is_multiple_of(batch) {
            all.iter_mut().for_each(|one| {
                one.commit();
            });
        }
    }
    answers
}

#[test]
fn answers_depend_neither_on_shards_nor_on_batches() {
    let expected = run(1, 1);
    assert!(expected[299].contains("devices: 5"), "{}", expected[299]);
    for (shards, batch) in [(1, 50), (2, 1), (3, 7), (5, 300)] {
        assert_eq!(run(shards, batch), expected);
    }
}

#[test]
fn rate_compares_with_the_full_windows_before() {
    let mut baselines = Baselines::default();
    let mut sequence = 0;
    for minute in 0..180 {
        for _ in 0..if minute == 179 { 50 } else { 2 } {
            sequence += 1;
            let at = as_of(sequence, minute * MINUTE);
            baselines.observe(&at, &[("b", "k")]).unwrap();
        }
        if minute % 7 == 0 {
            baselines.commit();
        }
        if minute == 12 {
            let rate = baselines.rate(&as_of(sequence, 12 * MINUTE), "b", "k", 5);
            assert_eq!((rate.current, rate.windows), (10, 1));
        }
    }
    let now = as_of(sequence, 179 * MINUTE);
    let rate = baselines.rate(&now, "b", "k", 1);
    assert_eq!((rate.current, rate.windows), (50, 60));
    assert_eq!((rate.mean, rate.deviation), (2.0, 0.0));
    let rate = baselines.rate(&now, "b", "k", 60);
    assert_eq!((rate.current, rate.mean, rate.windows), (168, 120.0, 1));
    // A key never seen has a past of nothing, once the baseline has one.
    let rate = baselines.rate(&now, "b", "other", 1);
    assert_eq!((rate.current, rate.mean, rate.windows), (0, 0.0, 60));
    assert_eq!(baselines.rate(&now, "c", "k", 1), Rate::default());
    baselines
        .observe(&as_of(sequence + 1, 181 * MINUTE), &[("b", "k")])
        .unwrap();
    baselines
        .observe(&as_of(sequence + 2, 181 * MINUTE), &[("b", "m")])
        .unwrap();
    let rate = baselines.rate(&as_of(sequence + 1, 181 * MINUTE), "b", "k", 1);
    assert_eq!((rate.current, rate.windows), (1, 60));
}

#[test]
fn what_was_stored_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut baselines = Baselines::default();
    baselines
        .observe(&on("d", 1, MINUTE), &[("b", "k")])
        .unwrap();
    baselines
        .observe(&on("e", 2, 2 * MINUTE), &[("b", "k"), ("c", "ä")])
        .unwrap();
    baselines.commit();
    let fleet = baselines.fleet().merged([baselines.take_delta()]);
    baselines.set_fleet(fleet);
    baselines
        .observe(&on("d", 3, 3 * MINUTE), &[("b", "k")])
        .unwrap();
    baselines.commit();
    let store = BaselineStore::open(directory.path()).unwrap();
    store.flush([("an1", baselines.take_changes())]).unwrap();
    assert!(baselines.take_changes().is_empty());
    drop(store);

    let store = BaselineStore::open(directory.path()).unwrap();
    let mut restored = Baselines::default();
    store.load("an1", |entry| restored.restore(entry)).unwrap();
    store.load("an2", |_| panic!("nothing was stored")).unwrap();
    let fleet = restored.fleet().merged([restored.contributed()]);
    restored.set_fleet(fleet);
    for device in ["d", "e"] {
        let at = on(device, 9, 4 * MINUTE);
        assert_eq!(
            restored.lookup(&at, "b", "k"),
            baselines.lookup(&at, "b", "k")
        );
        assert_eq!(
            restored.rate(&at, "b", "k", 2),
            baselines.rate(&at, "b", "k", 2)
        );
    }
    let mut export = Vec::new();
    store.export("an1", &mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    assert_eq!(export.lines().count(), 3);
    assert_eq!(
        export.lines().next().unwrap(),
        r#"{"analytic":"an1","device":"d","baseline":"b","key":"k","count":2,"first_seen":60000,"last_seen":180000}"#
    );
    let summary = store.summary().unwrap();
    assert_eq!(summary.len(), 2);
    assert_eq!(
        (summary[0].keys, summary[0].devices, summary[0].count),
        (2, 2, 3)
    );
}

#[test]
fn other_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.redb");
    fs::write(
        &path,
        "[settings]\nthis = \"is something else\"\n".repeat(500),
    )
    .unwrap();
    let error = BaselineStore::open(directory.path()).unwrap_err();
    assert!(error.to_string().contains("state.redb"), "{error}");
    fs::remove_file(&path).unwrap();
    drop(redb::Database::create(&path).unwrap());
    let error = BaselineStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn an_exchange_takes_each_observation_once() {
    let mut baselines = Baselines::default();
    let stored = |key: &str, merged, fresh| StoredEntry {
        device: "d".into(),
        baseline: "b".into(),
        key: key.into(),
        merged,
        fresh,
        minutes: Vec::new(),
    };
    let once = Seen {
        count: 1,
        first: 5,
        last: 5,
    };
    baselines.restore(stored("old", once, Seen::default()));
    baselines.restore(stored("both", once, once));
    baselines
        .observe(&on("d", 1, 10), &[("b", "gone")])
        .unwrap();
    baselines.roll_back();
    for sequence in 2..5 {
        let at = on("d", sequence, 10);
        baselines
            .observe(&at, &[("b", "both"), ("b", "new"), ("b", "new")])
            .unwrap();
        baselines.commit();
    }
    assert_eq!(baselines.fresh.len(), 2);
    let delta = baselines.take_delta();
    assert!(baselines.fresh.is_empty());
    assert!(baselines.take_delta().is_empty());
    let fleet = Arc::<Fleet>::default().merged([delta]);
    let count = |key| fleet.get("b", key).1.map(|entry| entry.seen.count);
    let counts = ["old", "both", "new", "gone"].map(count);
    assert_eq!(counts, [None, Some(4), Some(6), None]);
    let all = &baselines.devices["d"].baselines["b"].all;
    assert_eq!((all.fresh.count, all.merged.count), (0, 12));
}

#[test]
fn a_fleet_that_was_given_is_merged_in_place() {
    let mut baselines = Baselines::default();
    for sequence in 1..4 {
        let at = on("d", sequence, 10);
        baselines.observe(&at, &[("b", "k")]).unwrap();
        baselines.commit();
        let delta = baselines.take_delta();
        let mut fleet = baselines.give_fleet();
        assert!(sequence == 1 || Arc::get_mut(&mut fleet).is_some());
        baselines.set_fleet(fleet.merged([delta]));
        let found = baselines.lookup(&at, "b", "k");
        assert_eq!(
            (found.fleet.count, found.device.count),
            (sequence, sequence)
        );
    }
}

/// With events an hour apart an exchange costs what changed, not what is held.
#[test]
fn hourly_exchanges_stay_cheap() {
    let mut baselines = Baselines::default();
    for sequence in 0..40_000_u64 {
        let at = on("d", sequence, sequence as i64 * 60 * MINUTE);
        let key = sequence.to_string();
        baselines.observe(&at, &[("b", &key)]).unwrap();
        baselines.commit();
        assert_eq!(baselines.fresh.len(), 1);
        let delta = baselines.take_delta();
        let fleet = baselines.give_fleet().merged([delta]);
        baselines.set_fleet(fleet);
    }
    assert_eq!(baselines.keys(), 40_000);
}

/// Noted or looked for, the changes are the same, and each comes once.
#[test]
fn changes_come_at_the_cost_of_what_changed() {
    let mut noted = Baselines::default();
    noted.keep_changes();
    let mut looked_for = Baselines::default();
    let mut stored = BTreeMap::new();
    for sequence in 1..=600_u64 {
        let at = on(["d", "e"][sequence as usize % 2], sequence, 10);
        let key = (sequence * sequence % 37).to_string();
        for baselines in [&mut noted, &mut looked_for] {
            baselines.observe(&at, &[("b", &key), ("c", "k")]).unwrap();
            match sequence % 7 {
                0 | 1 => drop(baselines.commit()),
                2 => baselines.roll_back(),
                _ => {}
            }
            if sequence.is_multiple_of(50) {
                baselines.commit();
                baselines.take_delta();
            }
        }
        if sequence.is_multiple_of(25) {
            let changes = noted.take_changes();
            assert_eq!(changes, looked_for.take_changes());
            assert!(!changes.is_empty() && noted.take_changes().is_empty());
            for entry in changes {
                let place = (
                    entry.device.clone(),
                    entry.baseline.clone(),
                    entry.key.clone(),
                );
                stored.insert(place, entry);
            }
        }
    }
    assert_eq!(stored.len(), noted.keys());
    let mut again = Baselines::default();
    again.keep_changes();
    stored.into_values().for_each(|entry| again.restore(entry));
    assert!(again.take_changes().is_empty());
    let at = on("d", 1_000, 10);
    assert_eq!(
        again.lookup(&at, "c", "k"),
        looked_for.lookup(&at, "c", "k")
    );
}
