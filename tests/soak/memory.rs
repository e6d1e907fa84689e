//! Millions of events, and memory that does not grow with them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Order,
    bench::Bench,
    client::{Client, metric, sum},
    daemon::{Daemon, Setup, folder_size},
    generator::Plan,
    progress::Progress,
    report::{Report, rounded},
    stream::Stream,
    wait,
};

/// Connections, each with devices of its own.
const SENDERS: u64 = 4;
const DEVICES: u32 = 50;

/// Events of a body.
const BATCH: u64 = 1_000;

/// The time that all events span, however many they are, in milliseconds of
/// event time: five weeks. What is remembered longest, a process that was not
/// heard of again, is forgotten after a week, and as long the analytics learn
/// what is usual. Both are over in the first quarter, so the second one shows
/// what is needed in the long run.
const SPAN: u64 = 35 * 24 * 3_600_000;

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(100);

/// How much higher memory may be in the last half than it was in the second
/// quarter. By then every device was seen, all instances run, and what is
/// forgotten after a time is forgotten; what grows on would show.
const GROWTH: f64 = 1.15;

/// Or by how many bytes: in short runs the page cache of the database and the
/// allocator have not settled.
const ALLOWANCE: u64 = 32 << 20;

/// How long a body may wait.
const LIMIT: Duration = Duration::from_secs(120);

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let analytics = bench.analytics("analytics")?;
    // What is remembered by number must be full early, too, for memory to be
    // flat then: no more than a tenth of the events.
    let remembered = (order.count / 10).clamp(10_000, 1_000_000);
    let setup = Setup::new(bench, "daemon", &analytics)?.remembering(remembered)?;
    let mut daemon = setup.start_ready()?;
    let batches = order.count.div_ceil(SENDERS * BATCH).max(4);
    let total = batches * SENDERS * BATCH;
    let sent = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let sender = setup.sender()?;
    let started = Instant::now();
    let samples = thread::scope(|scope| {
        let mut sending = Vec::new();
        for number in 0..SENDERS {
            let plan = plan(order, number, batches * BATCH);
            let (sender, sent, is_over) = (sender.clone(), &sent, &is_over);
            sending.push(scope.spawn(move || deliver(&plan, batches, &sender, sent, is_over)));
        }
        let samples = watch(&mut daemon, &setup, total, &sent, || {
            sending.iter().all(thread::ScopedJoinHandle::is_finished)
        });
        is_over.store(true, Ordering::Release);
        for one in sending {
            one.join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a sender panicked")))?;
        }
        samples
    })?;
    let seconds = started.elapsed().as_secs_f64();
    judge(&samples, total, report);
    report.set("events", total);
    report.set("events_per_second", (total as f64 / seconds).round());
    report.set("connections", SENDERS);
    report.set("devices", SENDERS * u64::from(DEVICES));
    report.set("state_bytes", folder_size(&setup.state()));
    let status = setup.operator()?.get("/api/v1/status")?;
    let metrics = setup.operator()?.text("/metrics")?;
    let shown = [
        "sandtrap_lineage_processes",
        "sandtrap_lineage_bytes",
        "sandtrap_lineage_capacity_bytes",
        "sandtrap_lineage_evictions",
    ];
    for name in shown {
        report.set(name, metric(&metrics, name));
    }
    let known = |key| status.get(key).and_then(serde_json::Value::as_u64);
    report.set("findings", known("findings"));
    let processed = known("events");
    report.promise(processed == Some(total), || {
        format!("{total} events sent, {processed:?} processed")
    });
    let has_stopped_well = daemon.stop()?;
    report.promise(has_stopped_well, || {
        "the daemon did not stop well on SIGTERM".to_owned()
    });
    Ok(())
}

fn plan(order: &Order, number: u64, events: u64) -> Plan {
    Plan {
        pace: SPAN / events,
        seed: order.seed + number,
        series: format!("memory{number}"),
        devices: DEVICES,
        serial_every: 1_000,
        attack_every: 50_000,
    }
}

fn deliver(
    plan: &Plan,
    batches: u64,
    sender: &Client,
    sent: &AtomicU64,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    let mut stream = Stream::new(plan, BATCH);
    for _ in 0..batches {
        if is_over.load(Ordering::Acquire) {
            break;
        }
        sender.deliver(stream.next_body(), LIMIT)?;
        sent.fetch_add(BATCH, Ordering::AcqRel);
    }
    Ok(())
}

/// What was seen at a time.
#[derive(Debug, Clone, Copy)]
struct Sample {
    time: Duration,
    events: u64,
    memory: u64,
    state: u64,
    /// Looked at once for each twentieth of the events.
    metrics: Option<Known>,
}

/// What the daemon says of its memory.
#[derive(Debug, Clone, Copy)]
struct Known {
    processes: f64,
    lineage: f64,
    /// Linear memory of the analytics.
    analytics: f64,
}

fn watch(
    daemon: &mut Daemon,
    setup: &Setup,
    total: u64,
    sent: &AtomicU64,
    is_done: impl Fn() -> bool,
) -> anyhow::Result<Vec<Sample>> {
    let progress = Progress::start("memory", total);
    let operator = setup.operator()?;
    let started = Instant::now();
    let mut samples = Vec::new();
    let mut looked = 0;
    while !is_done() {
        daemon.expect_alive()?;
        let events = sent.load(Ordering::Acquire);
        let part = events * 20 / total;
        let metrics = if part > looked {
            looked = part;
            let metrics = operator.text("/metrics")?;
            Some(Known {
                processes: metric(&metrics, "sandtrap_lineage_processes"),
                lineage: metric(&metrics, "sandtrap_lineage_bytes"),
                analytics: sum(&metrics, "sandtrap_analytic_memory_bytes"),
            })
        } else {
            None
        };
        samples.push(Sample {
            time: started.elapsed(),
            events,
            memory: daemon.resident()?,
            state: folder_size(&setup.state()),
            metrics,
        });
        progress.at(events);
        wait::pause(SAMPLE)?;
    }
    Ok(samples)
}

fn judge(samples: &[Sample], total: u64, report: &mut Report) {
    let within = |from: f64, to: f64| {
        let range = (total as f64 * from) as u64..(total as f64 * to) as u64 + 1;
        let within = samples.iter().filter(|one| range.contains(&one.events));
        within.copied().collect::<Vec<Sample>>()
    };
    let most = |from: f64, to: f64, of: fn(&Sample) -> u64| {
        within(from, to).iter().map(of).max().unwrap_or(0)
    };
    let mut curve = Vec::new();
    for tenth in 0..10 {
        let (from, to) = (f64::from(tenth) / 10.0, f64::from(tenth + 1) / 10.0);
        let samples = within(from, to);
        let least = samples.iter().map(|one| one.memory).min().unwrap_or(0);
        let known = samples.iter().filter_map(|one| one.metrics).next_back();
        curve.push(json!({
            "events": (total as f64 * to) as u64,
            "events_per_second": rate(&samples),
            "rss_mib": mib(most(from, to, |one| one.memory)),
            "rss_mib_least": mib(least),
            "state_mib": mib(most(from, to, |one| one.state)),
            "lineage_processes": known.map(|known| known.processes),
            "lineage_mib": known.map(|known| mib(known.lineage as u64)),
            "analytics_mib": known.map(|known| mib(known.analytics as u64)),
        }));
    }
    report.set("curve", curve);
    report.set(
        "criterion",
        format!(
            "the most memory in the last half is at most {GROWTH} times the most in the second \
             quarter or {} MiB above it, and so is the size of the state folder",
            ALLOWANCE >> 20
        ),
    );
    for (name, of) in [
        ("rss", (|one| one.memory) as fn(&Sample) -> u64),
        ("state", |one| one.state),
    ] {
        let (before, after) = (most(0.25, 0.5, of), most(0.5, 1.0, of));
        let growth = after as f64 / before.max(1) as f64;
        report.set(&format!("{name}_growth"), rounded(growth));
        report.promise(growth <= GROWTH || after <= before + ALLOWANCE, || {
            format!("{name} grew by {growth:.3} in the last half")
        });
    }
}

fn rate(samples: &[Sample]) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let seconds = (last.time - first.time).as_secs_f64();
    (seconds > 0.0).then(|| ((last.events - first.events) as f64 / seconds).round())
}

fn mib(bytes: u64) -> f64 {
    rounded(bytes as f64 / f64::from(1 << 20))
}
