//! What a hostile guest costs the others: how fast events are taken in beside
//! it, once it is contained, against how fast without it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use sandtrap_tests::hostile::{Expectation, Guest, events::launches, guests};
use serde_json::{Value, json};

use crate::{
    Order,
    bench::Bench,
    client::Client,
    daemon::{Daemon, Setup},
    generator::Plan,
    hostile::budgets,
    progress::Progress,
    report::{Report, rounded},
    stream::Stream,
    wait,
};

/// The share of the throughput that must be left.
const GOAL: f64 = 0.8;

/// Events of a body, and bodies of a measurement.
const BATCH: u64 = 2_000;
const BODIES: u64 = 30;

/// Bodies before anything is measured: what is remembered of events grows in
/// the beginning, which makes them slower, and a guest that sleeps wakes after
/// so many.
const WARM_UP: u64 = 800;

/// How often is measured at most. Others use the machine too, so what counts is
/// the best ratio.
const ATTEMPTS: usize = 5;

/// How long a body may wait.
const LIMIT: Duration = Duration::from_secs(300);

/// The share of the time below which a guest may take what it takes.
const MODEST: f64 = 0.15;

/// How long events stream in at most until a guest is contained.
const SETTLE: Duration = Duration::from_secs(120);

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let guests: Vec<Guest> = guests()?
        .into_iter()
        .filter(|guest| !matches!(guest.header.expect, Expectation::Refused(_)))
        .filter(|guest| guest.name.contains(&order.only))
        .filter_map(|guest| guest.sleeper())
        .take(order.count as usize)
        .collect();
    let folder = bench.analytics("analytics")?;
    let setup = Setup::new(bench, "daemon", &folder)?.with(&budgets(&guests))?;
    let mut daemon = setup.start_ready()?;
    let mut meter = Meter::new(order, setup.sender()?);
    for _ in 0..WARM_UP {
        meter.deliver_next()?;
    }
    let progress = Progress::start("neighbour", guests.len() as u64);
    let mut ratios = Vec::new();
    for (number, guest) in guests.iter().enumerate() {
        let measured = beside(guest, &setup, &folder, &mut meter, &mut daemon)?;
        let ratio = rounded(measured.ratio());
        report.promise(ratio >= GOAL, || {
            format!(
                "beside {} the throughput is {ratio} of that alone",
                guest.name
            )
        });
        ratios.push(json!({
            "guest": guest.name,
            "state": measured.state,
            "alone_per_second": measured.alone.round(),
            "beside_per_second": measured.beside.round(),
            "ratio": ratio,
        }));
        progress.at(number as u64 + 1);
    }
    let lowest = ratios
        .iter()
        .filter_map(|one| one.get("ratio").and_then(Value::as_f64))
        .min_by(f64::total_cmp);
    report.set("lowest_ratio", lowest);
    report.set("ratios", ratios);
    let has_stopped_well = daemon.stop()?;
    report.promise(has_stopped_well, || {
        "the daemon did not stop well on SIGTERM".to_owned()
    });
    Ok(())
}

/// Events a second, alone and beside a guest.
#[derive(Debug, Default)]
struct Measured {
    alone: f64,
    beside: f64,
    state: String,
}

impl Measured {
    fn ratio(&self) -> f64 {
        self.beside / self.alone
    }
}

/// Measures beside a guest, and alone before and after it: what the daemon
/// remembers grows with the events, and slows it down.
fn beside(
    guest: &Guest,
    setup: &Setup,
    folder: &Path,
    meter: &mut Meter,
    daemon: &mut Daemon,
) -> anyhow::Result<Measured> {
    let operator = setup.operator()?;
    let path = folder.join(format!("z-{}.wasm", guest.name));
    let component = guest.component()?;
    let mut best = Measured::default();
    let mut before = meter.measure()?;
    for attempt in 0..ATTEMPTS {
        fs::write(&path, &component)?;
        let answer = operator.reload()?;
        let refused = answer
            .get("refused")
            .and_then(|refused| refused.get(path.to_string_lossy().as_ref()));
        anyhow::ensure!(refused.is_none(), "{}: {refused:?}", guest.name);
        meter.deliver(launches(&format!("{}-{attempt}", guest.name)).as_bytes())?;
        let state = settle(guest, &operator, meter)?;
        let beside = meter.measure()?;
        daemon.expect_alive()?;
        fs::remove_file(&path)?;
        operator.reload()?;
        let after = meter.measure()?;
        let alone = f64::midpoint(before, after);
        before = after;
        let measured = Measured {
            alone,
            beside,
            state,
        };
        if attempt == 0 || measured.ratio() > best.ratio() {
            best = measured;
        }
        if best.ratio() >= GOAL {
            break;
        }
    }
    Ok(best)
}

/// Has events stream in until a guest is stopped, or until it shows that it
/// takes no more than its share. Returns its state.
fn settle(guest: &Guest, operator: &Client, meter: &mut Meter) -> anyhow::Result<String> {
    let started = Instant::now();
    let fails = matches!(guest.header.expect, Expectation::Faults(_));
    let (mut taken_before, mut looked) = (0, started);
    loop {
        wait::check()?;
        meter.deliver_next()?;
        let status = operator.get("/api/v1/status")?;
        let of_guest = status.get("analytics").and_then(|all| all.get(guest.id()));
        let state = of_guest
            .and_then(|analytic| analytic.get("state"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let taken = of_guest
            .and_then(|analytic| analytic.get("budget")?.get("calls_total_ms"))
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let passed = started.elapsed();
        // It stands on each shard for itself, and is told to be in quarantine
        // from the first on.
        let since = looked.elapsed();
        let taken_since = Duration::from_millis(taken.saturating_sub(taken_before));
        let is_modest_now = taken_since < since.mul_f64(MODEST);
        if since > SETTLE / 120 {
            (taken_before, looked) = (taken, Instant::now());
        }
        let has_settled = if state == "running" {
            let is_modest = Duration::from_millis(taken) < passed.mul_f64(MODEST);
            passed > SETTLE / 12 && is_modest && !fails
        } else {
            since > SETTLE / 120 && is_modest_now
        };
        if has_settled || passed > SETTLE {
            return Ok(state);
        }
    }
}

/// Sends events and says how fast they were taken in.
struct Meter {
    stream: Stream,
    sender: Client,
}

impl Meter {
    fn new(order: &Order, sender: Client) -> Self {
        let plan = Plan {
            seed: order.seed,
            series: "neighbour".to_owned(),
            devices: 20,
            pace: 1,
            serial_every: 100,
            attack_every: 5_000,
        };
        Self {
            stream: Stream::new(&plan, BATCH),
            sender,
        }
    }

    /// Events a second.
    fn measure(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        for _ in 0..BODIES {
            self.deliver_next()?;
        }
        Ok((BATCH * BODIES) as f64 / started.elapsed().as_secs_f64())
    }

    fn deliver_next(&mut self) -> anyhow::Result<()> {
        self.sender.deliver(self.stream.next_body(), LIMIT)?;
        Ok(())
    }

    fn deliver(&self, body: &[u8]) -> anyhow::Result<()> {
        self.sender.deliver(body, LIMIT)?;
        Ok(())
    }
}
