//! A sender that waits for each acknowledgement and sends again what was not
//! acknowledged.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{BATCH, Job, LIMIT, Measured, Reaper, events};
use crate::{client::Client, daemon::Setup, progress::Progress, stream::Stream};

pub fn run(job: &Job<'_>, calm: Setup, killed: Setup) -> anyhow::Result<(Setup, Setup, Measured)> {
    let daemon = calm.start_ready()?;
    {
        let progress = Progress::start("http: undisturbed", job.batches);
        let done = AtomicU64::new(0);
        deliver(job, &calm.sender()?, &done, |at| progress.at(at))?;
    }
    daemon.stop()?;

    let daemon = killed.start_ready()?;
    let sender = killed.sender()?;
    let mut reaper = Reaper::new(&killed, job);
    let done = AtomicU64::new(0);
    let (daemon, delivered) = thread::scope(|scope| {
        let sending = scope.spawn(|| deliver(job, &sender, &done, |_| {}));
        let daemon = reaper.reap(daemon, "http", || Ok(done.load(Ordering::Acquire)));
        // Without a daemon the sender gives up after its limit.
        let delivered = sending
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the sender panicked")));
        anyhow::Ok((daemon?, delivered?))
    })?;
    let mut measured = reaper.measured;
    measured.sent_again = delivered.sent_again;
    measured.duplicates = delivered.duplicates;
    measured.events = events(&killed)?;
    measured.has_stopped_well = daemon.stop()?;
    Ok((calm, killed, measured))
}

#[derive(Default)]
struct Delivered {
    sent_again: u64,
    duplicates: u64,
}

fn deliver(
    job: &Job<'_>,
    sender: &Client,
    done: &AtomicU64,
    show: impl Fn(u64),
) -> anyhow::Result<Delivered> {
    let mut stream = Stream::new(job.plan, BATCH);
    let mut delivered = Delivered::default();
    for batch in 1..=job.batches {
        let (receipt, sent) = sender.deliver(stream.next_body(), LIMIT)?;
        anyhow::ensure!(
            receipt.records == BATCH && receipt.undecodable == 0,
            "a body of {BATCH} events was acknowledged as {receipt:?}"
        );
        delivered.sent_again += sent - 1;
        delivered.duplicates += receipt.duplicates;
        done.store(batch, Ordering::Release);
        show(batch);
    }
    Ok(delivered)
}
