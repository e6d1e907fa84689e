//! Analytics are replaced while events stream in: every event is processed
//! once, by the old version or the new one, and the events hardly wait.

mod chain;
mod replace;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use self::replace::Replacer;
use crate::{
    Order,
    bench::Bench,
    client::{Client, metric, sum},
    daemon::Setup,
    findings::Findings,
    generator::{Counts, Plan},
    progress::Progress,
    report::{Report, milliseconds, quantile},
    stream::Stream,
};

/// Connections. One, because what is usual for the whole fleet depends on the
/// order in which events arrive, and the run is compared with another one.
const SENDERS: u64 = 1;

/// Events of a body.
const BATCH: u64 = 500;

/// How long a body may wait.
const LIMIT: Duration = Duration::from_secs(120);

/// How long events may wait at 99 of 100 replacements.
const GOAL: Duration = Duration::from_millis(5);

/// Of fewer replacements the 99th percentile is the longest, which says more
/// about who else uses the machine.
const ENOUGH: usize = 100;

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let folder = bench.analytics("replaced")?;
    let setup = Setup::new(bench, "daemon", &folder)?;
    let mut daemon = setup.start_ready()?;
    chain::check(&setup, &folder, order.seed, report)?;

    let started = Instant::now();
    let is_over = AtomicBool::new(false);
    let bodies: Vec<AtomicU64> = (0..SENDERS).map(|_| AtomicU64::new(0)).collect();
    let sender = setup.sender()?;
    let mut replacer = Replacer::new(&setup, &folder, order.count)?;
    let sent = thread::scope(|scope| {
        let mut sending = Vec::new();
        for (number, bodies) in (0..).zip(&bodies) {
            let plan = plan(order, number);
            let (sender, is_over) = (sender.clone(), &is_over);
            sending.push(scope.spawn(move || {
                let is_over = || is_over.load(Ordering::Acquire);
                deliver(&plan, &sender, bodies, is_over)
            }));
        }
        let replaced = replacer.replace_all(&mut daemon, || {
            bodies.iter().map(|one| one.load(Ordering::Acquire)).sum()
        });
        is_over.store(true, Ordering::Release);
        let mut sent = BTreeMap::new();
        for (number, one) in (0..).zip(sending) {
            let counts = one
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a sender panicked")))?;
            sent.insert(plan(order, number).series, counts);
        }
        replaced?;
        anyhow::Ok(sent)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let metrics = setup.operator()?.text("/metrics")?;
    let has_stopped_well = daemon.stop()?;
    report.promise(has_stopped_well, || {
        "the daemon did not stop well on SIGTERM".to_owned()
    });
    let found = Findings::read(&setup.findings(), true)?;

    let bodies: Vec<u64> = bodies
        .iter()
        .map(|one| one.load(Ordering::Acquire))
        .collect();
    let calm = undisturbed(bench, order, &bodies)?;
    let events: u64 = sent.values().map(|counts| counts.events).sum();
    report.set("events", events);
    report.set("events_per_second", (events as f64 / seconds).round());
    pauses(&replacer, &metrics, report);
    judge(&found, &calm, &sent, &metrics, report)
}

fn plan(order: &Order, number: u64) -> Plan {
    Plan {
        seed: order.seed + number,
        series: format!("reload{number}"),
        devices: 50,
        pace: 1,
        serial_every: 10,
        attack_every: 2_000,
    }
}

/// Sends bodies until it is over, and returns what was in them.
fn deliver(
    plan: &Plan,
    sender: &Client,
    bodies: &AtomicU64,
    is_over: impl Fn() -> bool,
) -> anyhow::Result<Counts> {
    let mut stream = Stream::new(plan, BATCH);
    while !is_over() {
        sender.deliver(stream.next_body(), LIMIT)?;
        bodies.fetch_add(1, Ordering::AcqRel);
    }
    Ok(stream.counts())
}

/// What is found in the same events when nothing is replaced.
fn undisturbed(bench: &Bench, order: &Order, bodies: &[u64]) -> anyhow::Result<Findings> {
    let folder = bench.analytics("untouched")?;
    let setup = Setup::new(bench, "undisturbed", &folder)?;
    let daemon = setup.start_ready()?;
    chain::send(&setup, order.seed)?;
    let sender = setup.sender()?;
    let progress = Progress::start("the same undisturbed", bodies.iter().sum());
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        let mut sending = Vec::new();
        for (number, count) in (0..).zip(bodies) {
            let plan = plan(order, number);
            let (sender, done, progress) = (sender.clone(), &done, &progress);
            sending.push(scope.spawn(move || {
                let sent = AtomicU64::new(0);
                let is_over = || {
                    progress.at(done.fetch_add(1, Ordering::AcqRel));
                    sent.load(Ordering::Acquire) >= *count
                };
                deliver(&plan, &sender, &sent, is_over)
            }));
        }
        for one in sending {
            one.join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a sender panicked")))?;
        }
        anyhow::Ok(())
    })?;
    daemon.stop()?;
    Findings::read(&setup.findings(), true)
}

/// How long events had to wait.
fn pauses(replacer: &Replacer<'_>, metrics: &str, report: &mut Report) {
    let pauses = &replacer.pauses;
    let shown = |share| quantile(pauses, share).map(milliseconds);
    let histogram: BTreeMap<&str, f64> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("sandtrap_swap_seconds_bucket{le=\""))
        .filter_map(|line| line.split_once("\"} "))
        .filter_map(|(bound, count)| Some((bound, count.parse().ok()?)))
        .collect();
    let swaps = metric(metrics, "sandtrap_swap_seconds_count");
    // The bound below which 99 of 100 swaps lie, those that the watcher began
    // as well.
    let within = histogram.get("0.005").copied().unwrap_or(0.0);
    report.set("reloads", replacer.done);
    report.set("reloads_by", json!(replacer.ways));
    report.set(
        "reload_ms",
        json!({
            "p50": quantile(&replacer.times, 0.5).map(milliseconds),
            "max": quantile(&replacer.times, 1.0).map(milliseconds),
        }),
    );
    report.set(
        "pause_ms",
        json!({
            "measured": pauses.len(),
            "p50": shown(0.5),
            "p99": shown(0.99),
            "max": shown(1.0),
        }),
    );
    report.set(
        "swap_seconds",
        json!({
            "count": swaps,
            "mean_ms": crate::report::rounded(
                metric(metrics, "sandtrap_swap_seconds_sum") / swaps.max(1.0) * 1_000.0
            ),
            "within_5_ms": within / swaps.max(1.0),
            "buckets": histogram,
        }),
    );
    let is_short = quantile(pauses, 0.99).is_none_or(|pause| pause <= GOAL);
    report.promise(is_short || pauses.len() < ENOUGH, || {
        format!("the pause at the 99th percentile is {:?} ms", shown(0.99))
    });
    report.promise(within >= swaps * 0.99 || swaps < ENOUGH as f64, || {
        format!("only {within} of {swaps} swaps took at most 5 ms")
    });
}

fn judge(
    found: &Findings,
    calm: &Findings,
    sent: &BTreeMap<String, Counts>,
    metrics: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let expected = sent
        .iter()
        .map(|(series, counts)| (series.clone(), counts.serials))
        .collect();
    let (missing, doubled) = found.check_serials(&expected);
    let serials: u64 = expected.values().sum();
    let launches: u64 = sent.values().map(|counts| counts.launches).sum();
    let difference = found.compare(calm);
    report.set(
        "serials",
        json!({
            "sent": serials,
            "reported": found.serials.len(),
            "missing": missing,
            "doubled": doubled,
            "versions_that_reported": found.by_version.len(),
        }),
    );
    report.set("launches", launches);
    report.set("findings_by_analytic", json!(found.by_analytic));
    report.set("difference", serde_json::to_value(&difference)?);
    let failed = metric(metrics, "sandtrap_reloads_total{result=\"failed\"}");
    let faults = sum(metrics, "sandtrap_analytic_faults_total{");
    let shown = sum(metrics, "sandtrap_analytic_events_total{analytic=\"tally\"");
    report.set("failed_reloads", failed);
    report.set("faults", faults);
    report.set("launches_shown_to_tally", shown);
    report.promise(
        missing == 0 && doubled == 0 && found.serials.len() as u64 == serials,
        || format!("of {serials} serial numbers {missing} are missing and {doubled} doubled"),
    );
    let is_same = difference.missing + difference.doubled + difference.invented == 0;
    report.promise(is_same, || {
        format!("the other analytics found something else: {difference:?}")
    });
    report.promise(calm.by_analytic.contains_key("AN1252"), || {
        "the undisturbed run found no attack".to_owned()
    });
    // The attack that was sent apart has two launches.
    report.promise(shown == (launches + 2) as f64, || {
        format!("of {} launches the tally was shown {shown}", launches + 2)
    });
    report.promise(failed == 0.0, || format!("{failed} reloads were refused"));
    report.promise(faults == 0.0, || {
        format!("{faults} events could not be handled")
    });
    Ok(())
}

/// Reads a component that is to be replaced.
fn read(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    use anyhow::Context;
    let path = folder.join(name);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
