//! A file that grows while the daemon that follows it is killed.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use super::{BATCH, Job, LIMIT, Measured, Reaper, events};
use crate::{
    bench::Bench, client::metric, daemon::Setup, findings::Findings, generator::Random,
    stream::Stream, tally, wait,
};

/// How many batches the file may be ahead of the daemon, so that there is
/// something to do until the last kill.
const AHEAD: u64 = 20;

pub fn run(
    bench: &Bench,
    job: &Job<'_>,
    calm: Setup,
    killed: Setup,
) -> anyhow::Result<(Setup, Setup, Measured)> {
    // Findings say which file an event came from, so that both runs follow the
    // same one.
    let file = bench.folder("followed")?.join("events.ndjson");
    let (calm, killed) = (calm.follow(&file)?, killed.follow(&file)?);

    eprintln!("files: undisturbed");
    File::create(&file)?;
    let daemon = calm.start_ready()?;
    let last = append(
        job,
        &file,
        &AtomicU64::new(u64::MAX / 2),
        &AtomicBool::new(false),
    )?;
    wait_for(&calm, &last)?;
    daemon.stop()?;

    fs::remove_file(&file)?;
    File::create(&file)?;
    let daemon = killed.start_ready()?;
    let mut reaper = Reaper::new(&killed, job);
    let (done, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (daemon, last) = thread::scope(|scope| {
        let writing = scope.spawn(|| append(job, &file, &done, &is_over));
        let daemon = reaper.reap(daemon, "files", || {
            let batches = events(&killed)? / BATCH;
            done.fetch_max(batches, Ordering::AcqRel);
            Ok(batches)
        });
        match &daemon {
            // What is left is written without waiting.
            Ok(_) => done.store(u64::MAX / 2, Ordering::Release),
            Err(_) => is_over.store(true, Ordering::Release),
        }
        let last = writing
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the writer panicked")));
        anyhow::Ok((daemon?, last?))
    })?;
    wait_for(&killed, &last)?;
    let mut measured = reaper.measured;
    measured.events = events(&killed)?;
    let metrics = killed.operator()?.text("/metrics")?;
    let source = format!("files:{}", file.display());
    let name = format!("sandtrap_duplicates_total{{source={source:?}}}");
    measured.duplicates = metric(&metrics, &name) as u64;
    measured.has_stopped_well = daemon.stop()?;
    Ok((calm, killed, measured))
}

/// Appends all events in pieces that end anywhere, also within a line, never
/// far ahead of the batches that are `done`. Returns the last serial number.
fn append(
    job: &Job<'_>,
    path: &Path,
    done: &AtomicU64,
    is_over: &AtomicBool,
) -> anyhow::Result<String> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let mut stream = Stream::new(job.plan, BATCH);
    let mut random = Random::new(job.seed ^ 0x6669_6c65);
    for batch in 1..=job.batches {
        wait::until("the daemon to follow", LIMIT, || {
            let is_near = done.load(Ordering::Acquire) + AHEAD > batch;
            Ok((is_near || is_over.load(Ordering::Acquire)).then_some(()))
        })?;
        let body = stream.next_body();
        let cut = random.below(body.len() as u64) as usize;
        let (one, other) = body.split_at(cut);
        file.write_all(one)?;
        thread::sleep(Duration::from_micros(random.below(2_000)));
        file.write_all(other)?;
    }
    let mut end = Vec::new();
    let counts = stream.write_serial(&mut end);
    file.write_all(&end)?;
    Ok(tally::serial(&job.plan.series, counts.serials))
}

/// Waits until the last event was found.
fn wait_for(setup: &Setup, serial: &str) -> anyhow::Result<()> {
    wait::until("the end of the file to be found", LIMIT, || {
        thread::sleep(Duration::from_millis(100));
        // A line may be half-written now.
        let found = Findings::read(&setup.findings(), false).unwrap_or_default();
        Ok(found.serials.contains_key(serial).then_some(()))
    })
}
