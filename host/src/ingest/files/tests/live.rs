//! Through the thread, the watcher and the gate.

use tokio::time::timeout;

use super::*;
use crate::{
    config::OnFull,
    ingest::{
        Inlet, Receipt, Work,
        feed::testing::{feed, status},
    },
};

/// Longer than anything takes that works.
const BOUND: Duration = Duration::from_secs(30);

async fn next(inlet: &mut Inlet) -> Work {
    timeout(BOUND, inlet.next()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_delivered_until_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ndjson");
    let (feed, mut inlet) = feed(1 << 20, OnFull::Block);
    let running = start(
        folder.path().to_str().unwrap(),
        &BTreeMap::new(),
        feed.clone(),
    )
    .unwrap();
    for line in 0..3 {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(&path).unwrap();
        writeln!(file, "{{\"n\":{line}}}").unwrap();
        let Work {
            delivery, receipt, ..
        } = next(&mut inlet).await;
        assert_eq!(delivery.first_record, line);
        assert_eq!(*delivery.input, *path.to_str().unwrap());
        assert!(delivery.checkpoint.unwrap().value.is_some());
        receipt.send(Receipt::default()).unwrap();
    }
    timeout(BOUND, running.stop()).await.unwrap();
    assert_eq!(status(&feed).state, "stopped");
    assert!(feed.metrics.queue_bytes.get() == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_holds_the_source_back_and_it_stops_nevertheless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ndjson");
    fs::write(&path, "{}\n".repeat(1000)).unwrap();
    let (feed, mut inlet) = feed(1024, OnFull::Block);
    let held = feed.gate.try_reserve(1024).unwrap();
    let running = start(path.to_str().unwrap(), &BTreeMap::new(), feed.clone()).unwrap();
    // It waits in line for room, so whoever comes later gets none.
    while status(&feed).state.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(inlet.try_next().is_none());
    drop(held);
    let work = next(&mut inlet).await;
    assert_eq!(work.delivery.records.len(), 1000);
    fs::write(&path, "{\"other\":1}\n".repeat(1000)).unwrap();
    timeout(BOUND, running.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_operator_says_so_what_does_not_fit_is_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ndjson");
    fs::write(&path, "{}\n".repeat(1000)).unwrap();
    let (feed, mut inlet) = feed(1 << 20, OnFull::Drop);
    let held = feed.gate.try_reserve(1 << 20).unwrap();
    let running = start(path.to_str().unwrap(), &BTreeMap::new(), feed.clone()).unwrap();
    let source = crate::metrics::Source {
        source: "test".to_owned(),
    };
    let dropped = feed.metrics.dropped.get_or_create_owned(&source);
    let until_dropped = async {
        while dropped.get() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(BOUND, until_dropped).await.unwrap();
    assert_eq!(dropped.get(), 1000);
    drop(held);
    let mut options = OpenOptions::new();
    let mut file = options.append(true).open(&path).unwrap();
    file.write_all(b"{}\n").unwrap();
    let work = next(&mut inlet).await;
    assert_eq!(work.delivery.first_record, 1000);
    // A closed gate is not a full one.
    feed.gate.close();
    file.write_all(b"{}\n").unwrap();
    timeout(BOUND, running.over()).await.unwrap();
    assert_eq!(dropped.get(), 1000);
}
