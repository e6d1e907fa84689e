//! The daemon is killed again and again, and at the end it found what it finds
//! when it is left alone: nothing missing, nothing twice, every line the same.

mod files;
mod http;

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    Order,
    bench::Bench,
    daemon::{Daemon, Setup, folder_size},
    findings::Findings,
    generator::{Plan, Random},
    progress::Progress,
    report::{Report, milliseconds, quantile},
    wait,
};

/// How many events a body or an appended piece has, and how many of them there
/// are for each kill.
const BATCH: u64 = 100;
const BATCHES_A_KILL: u64 = 40;

/// Longest time between two kills, and for everything to be processed.
const LIMIT: Duration = Duration::from_secs(180);

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let analytics = bench.analytics("analytics")?;
    let half = order.count.div_ceil(2);
    for (name, kills) in [("http", half), ("files", order.count - half)] {
        if kills == 0 {
            continue;
        }
        let plan = Plan {
            seed: order.seed,
            series: name.to_owned(),
            devices: 40,
            pace: 1,
            serial_every: 4,
            attack_every: 500,
        };
        let batches = kills * BATCHES_A_KILL;
        let job = Job {
            plan: &plan,
            batches,
            kills,
            seed: order.seed,
        };
        let calm = Setup::new(bench, &format!("{name}-calm"), &analytics)?;
        let killed = Setup::new(bench, &format!("{name}-killed"), &analytics)?;
        let (calm, killed, measured) = match name {
            "http" => http::run(&job, calm, killed)?,
            _ => files::run(bench, &job, calm, killed)?,
        };
        judge(name, &job, &calm, &killed, measured, report)?;
    }
    Ok(())
}

/// What is to be done.
struct Job<'a> {
    plan: &'a Plan,
    batches: u64,
    kills: u64,
    seed: u64,
}

/// What was seen of a run with kills.
#[derive(Default)]
struct Measured {
    kills: u64,
    /// Of them, while the daemon started.
    early_kills: u64,
    time_to_ready: Vec<Duration>,
    sent_again: u64,
    duplicates: u64,
    events: u64,
    has_stopped_well: bool,
}

/// Kills and starts a daemon while something else keeps it busy.
struct Reaper<'a> {
    setup: &'a Setup,
    job: &'a Job<'a>,
    random: Random,
    measured: Measured,
}

impl<'a> Reaper<'a> {
    fn new(setup: &'a Setup, job: &'a Job<'a>) -> Self {
        Self {
            setup,
            job,
            random: Random::new(job.seed ^ 0x6b69_6c6c),
            measured: Measured::default(),
        }
    }

    /// Kills the daemon each time another part of the work is done, which
    /// `done` says in batches. Every fourth kill comes while it starts.
    fn reap(
        &mut self,
        mut daemon: Daemon,
        what: &str,
        mut done: impl FnMut() -> anyhow::Result<u64>,
    ) -> anyhow::Result<Daemon> {
        let (batches, kills) = (self.job.batches, self.job.kills);
        let progress = Progress::start(&format!("{what}: killing"), kills);
        while self.measured.kills < kills {
            let part = batches / (kills + 1);
            let target = part * self.measured.kills + self.random.below(part) + 1;
            wait::until("the work to go on", LIMIT, || {
                daemon.expect_alive()?;
                Ok((done()? >= target).then_some(()))
            })?;
            wait::pause(Duration::from_micros(self.random.below(20_000)))?;
            daemon.kill()?;
            self.measured.kills += 1;
            daemon = self.start()?;
            progress.at(self.measured.kills);
        }
        Ok(daemon)
    }

    fn start(&mut self) -> anyhow::Result<Daemon> {
        loop {
            let mut daemon = self.setup.start()?;
            if self.measured.kills < self.job.kills && self.random.below(4) == 0 {
                let usual = quantile(&self.measured.time_to_ready, 0.5);
                let usual = usual.unwrap_or(Duration::from_millis(300)).as_micros() as u64;
                wait::pause(Duration::from_micros(self.random.below(usual.max(1))))?;
                daemon.kill()?;
                self.measured.kills += 1;
                self.measured.early_kills += 1;
                continue;
            }
            let time = daemon.wait_ready()?;
            self.measured.time_to_ready.push(time);
            return Ok(daemon);
        }
    }
}

/// The events that a daemon says it processed in its life.
fn events(setup: &Setup) -> anyhow::Result<u64> {
    let status = setup.operator()?.get("/api/v1/status")?;
    status
        .get("events")
        .and_then(Value::as_u64)
        .context("the status has no events")
}

/// Compares the two runs.
fn judge(
    name: &str,
    job: &Job<'_>,
    calm: &Setup,
    killed: &Setup,
    measured: Measured,
    report: &mut Report,
) -> anyhow::Result<()> {
    let expected = Findings::read(&calm.findings(), false)?;
    let found = Findings::read(&killed.findings(), false)?;
    let difference = found.compare(&expected);
    let sent = job.batches * BATCH;
    let times = &measured.time_to_ready;
    let shown = |share| quantile(times, share).map(milliseconds);
    report.set(
        name,
        json!({
            "kills": measured.kills,
            "kills_during_start": measured.early_kills,
            "ready_ms": {"p50": shown(0.5), "max": shown(1.0)},
            "events_sent": sent,
            "events_in_status": measured.events,
            "bodies_sent_again": measured.sent_again,
            "duplicates_recognised": measured.duplicates,
            "findings": found.count(),
            "findings_undisturbed": expected.count(),
            "findings_by_analytic": found.by_analytic,
            "difference": serde_json::to_value(&difference)?,
            "compared": "every line byte for byte; nothing may differ",
            "state_bytes": folder_size(&killed.state()),
        }),
    );
    report.promise(expected.by_analytic.contains_key("AN1252"), || {
        format!("{name}: the undisturbed run found no attack")
    });
    report.promise(difference == Default::default(), || {
        format!("{name}: the findings differ from the undisturbed run: {difference:?}")
    });
    report.promise(measured.kills == job.kills, || {
        format!("{name}: only {} kills", measured.kills)
    });
    report.promise(measured.events >= sent, || {
        format!("{name}: {sent} events sent, {} reflected", measured.events)
    });
    report.promise(measured.has_stopped_well, || {
        format!("{name}: the daemon did not stop well on SIGTERM")
    });
    Ok(())
}
