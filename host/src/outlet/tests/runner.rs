use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use super::{entries, entry};
use crate::{
    config::OnFull,
    daemon::board::{Board, SinkStatus},
    metrics::{Metrics, Sink},
    outlet::{
        Backoff, Delivered, Destination, Ended, Entry, Outlet, Settled, Setup, Undelivered,
        queue::{BATCH, CAPACITY},
    },
};

const LONG: Duration = Duration::from_secs(3_600);

/// Delivers as told, after so many of the backlog had arrived.
struct Told<F>(usize, F);

impl<F> Destination for Told<F>
where
    F: FnMut(&[Entry]) -> Result<Delivered, Undelivered> + Send,
{
    fn resume(&mut self, _entries: &[Entry]) -> Result<usize, Undelivered> {
        Ok(self.0)
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Delivered, Undelivered> {
        (self.1)(entries)
    }
}

struct Running {
    outlet: Outlet,
    settled: Receiver<Settled>,
    metrics: Metrics,
    board: Arc<Board>,
}

impl Running {
    fn start(
        on_full: OnFull,
        backlog: Vec<Entry>,
        backoff: Duration,
        destination: impl Destination + 'static,
    ) -> Self {
        let (metrics, board) = (Metrics::default(), Arc::new(Board::default()));
        let setup = Setup {
            name: "told".into(),
            on_full,
            backlog,
            backoff: Backoff::new(backoff, backoff),
            metrics: metrics.clone(),
            board: board.clone(),
        };
        let (settle, settled) = mpsc::channel();
        let report = move |what| drop(settle.send(what));
        let outlet = Outlet::start(setup, Box::new(destination), report).unwrap();
        Self {
            outlet,
            settled,
            metrics,
            board,
        }
    }

    fn through(&self) -> u64 {
        self.settled.recv().unwrap().through
    }

    fn drain(&self) -> bool {
        self.outlet.stop(Instant::now() + LONG);
        self.outlet.wait()
    }

    fn dropped(&self) -> u64 {
        let sink = "told".to_owned();
        self.metrics
            .sink_dropped
            .get_or_create(&Sink { sink })
            .get()
    }

    fn status(&self) -> SinkStatus {
        self.board.status().sinks["told"].clone()
    }
}

fn failure() -> Undelivered {
    Undelivered {
        reason: "it is down".to_owned(),
        retry_after: None,
    }
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn the_backlog_goes_first_and_all_of_it() {
    let (tell, told) = mpsc::channel();
    let destination = Told(100, move |entries: &[Entry]| {
        tell.send(numbers(entries)).unwrap();
        Ok(Delivered::default())
    });
    let backlog = entries(1..=2 * CAPACITY as u64);
    let running = Running::start(OnFull::Block, backlog, LONG, destination);
    for number in 2_001..=2_100 {
        running.outlet.send(entry(number)).unwrap();
    }
    assert!(running.drain());
    assert_eq!(running.outlet.send(entry(2_101)), Err(Ended));
    let batches: Vec<_> = told.try_iter().collect();
    assert!(batches.iter().all(|batch| batch.len() <= BATCH));
    assert!(batches.concat().into_iter().eq(101..=2_100));
    let through: Vec<_> = running
        .settled
        .try_iter()
        .map(|what| what.through)
        .collect();
    assert_eq!(through.first(), Some(&100));
    assert_eq!(through.last(), Some(&2_100));
    assert!(through.is_sorted());
}

#[test]
fn what_is_dropped_is_confirmed_after_what_waits() {
    let (open, gate) = mpsc::channel();
    let destination = Told(0, move |_: &[Entry]| {
        gate.recv().unwrap();
        Ok(Delivered::default())
    });
    let full = CAPACITY as u64;
    let running = Running::start(OnFull::Drop, entries(1..=full), LONG, destination);
    for number in full + 1..=full + 5 {
        running.outlet.send(entry(number)).unwrap();
    }
    assert_eq!(running.dropped(), 5);
    assert_eq!(running.status().waiting, full);
    open.send(()).unwrap();
    assert_eq!(running.through(), BATCH as u64);
    running.outlet.send(entry(full + 6)).unwrap();
    open.send(()).unwrap();
    open.send(()).unwrap();
    // The second batch was taken before or after the last entry came.
    let through: Vec<u64> = running
        .settled
        .iter()
        .map(|what| what.through)
        .take(2)
        .collect();
    assert_eq!(through, [full + 5, full + 6]);
    assert!(running.drain());
}

#[test]
fn refused_findings_come_back_with_the_confirmation() {
    let destination = Told(0, |entries: &[Entry]| {
        let bad = entries.iter().filter(|entry| entry.number == 2);
        Ok(Delivered {
            refused: bad.map(|entry| (entry.number, "odd".to_owned())).collect(),
        })
    });
    let running = Running::start(OnFull::Block, entries(1..=3), LONG, destination);
    let settled = running.settled.recv().unwrap();
    assert_eq!(settled.through, 3);
    assert_eq!(settled.refused, [(entry(2), "odd".to_owned())]);
    assert_eq!(running.dropped(), 1);
}

#[test]
fn stopping_ends_the_wait_and_lets_senders_go() {
    let (tell, told) = mpsc::channel();
    let destination = Told(0, move |_: &[Entry]| {
        tell.send(()).unwrap();
        Err(failure())
    });
    let full = CAPACITY as u64;
    let running = Running::start(OnFull::Block, entries(1..=full), LONG, destination);
    told.recv().unwrap();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| running.outlet.send(entry(full + 1)));
        assert!(!running.drain());
        assert_eq!(sent.join().unwrap(), Err(Ended));
    });
    assert_eq!(running.status().last_error.as_deref(), Some("it is down"));
    assert_eq!(running.status().waiting, full);
    assert!(running.settled.try_recv().is_err());
}

#[test]
fn a_destination_that_recovers_is_shown_as_well() {
    let (mut calls, mut tried) = (0, Vec::new());
    let destination = Told(0, move |entries: &[Entry]| {
        calls += 1;
        tried.push(numbers(entries));
        assert_eq!(tried.first(), tried.last());
        if calls < 50 {
            Err(failure())
        } else {
            Ok(Delivered::default())
        }
    });
    let running = Running::start(OnFull::Block, entries(1..=3), Duration::ZERO, destination);
    assert_eq!(running.through(), 3);
    assert_eq!(running.status().last_error, None);
    let sink = "told".to_owned();
    let retries = running.metrics.sink_retries.get_or_create(&Sink { sink });
    assert_eq!(retries.get(), 49);
}

#[test]
fn a_panic_leaves_nobody_waiting() {
    let destination = Told(0, |_: &[Entry]| panic!("a mistake of ours"));
    let running = Running::start(OnFull::Block, entries(1..=1), LONG, destination);
    running.outlet.stop(Instant::now() + LONG);
    assert!(!running.outlet.wait());
    assert_eq!(running.outlet.send(entry(2)), Err(Ended));
    assert!(running.status().last_error.is_some());
}
