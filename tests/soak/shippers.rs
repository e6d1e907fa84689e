//! Real clients deliver while the daemon restarts, and everything arrives.

mod python;
mod rsyslog;

use std::{collections::BTreeMap, path::Path, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    Order,
    bench::Bench,
    daemon::{Daemon, Setup},
    findings::Findings,
    generator::{Generator, Plan},
    process::Process,
    progress::Progress,
    report::Report,
    wait,
};

/// How long everything may take to arrive.
const LIMIT: Duration = Duration::from_secs(180);

/// How long the daemon is away.
const AWAY: Duration = Duration::from_secs(2);

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let analytics = bench.tally_only("analytics")?;
    for client in [&rsyslog::Rsyslog as &dyn Shipper, &python::Python] {
        let name = client.name();
        if let Some(reason) = client.missing() {
            eprintln!("{name}: skipped: {reason}");
            report.set(name, json!({ "skipped": reason }));
            report.promise(!order.is_required, || format!("{name}: {reason}"));
            continue;
        }
        let setup = Setup::new(bench, name, &analytics)?;
        let folder = bench.folder(&format!("{name}-client"))?;
        let measured = ship(client, &setup, &folder, order, report)?;
        report.set(name, measured);
    }
    Ok(())
}

/// A client that delivers the lines of a file to the bulk API.
trait Shipper {
    fn name(&self) -> &'static str;

    /// Which package to install, if it cannot run.
    fn missing(&self) -> Option<String>;

    /// Starts it. It delivers the file as it is now and as it grows, until
    /// `events` were delivered or longer.
    fn start(
        &self,
        setup: &Setup,
        folder: &Path,
        file: &Path,
        events: u64,
    ) -> anyhow::Result<Process>;
}

fn ship(
    client: &dyn Shipper,
    setup: &Setup,
    folder: &Path,
    order: &Order,
    report: &mut Report,
) -> anyhow::Result<Value> {
    let name = client.name();
    let mut generator = Generator::new(&Plan {
        seed: order.seed,
        series: name.to_owned(),
        devices: 20,
        pace: 1,
        serial_every: 1,
        attack_every: 0,
    });
    let file = folder.join("events.ndjson");
    std::fs::write(&file, [])?;
    let daemon = setup.start_ready()?;
    let mut shipper = client.start(setup, folder, &file, order.count)?;
    let progress = Progress::start(name, order.count);

    // The daemon goes away while the events flow, and comes back.
    let half = order.count / 2;
    append(&file, &mut generator, half)?;
    let some = wait_for(setup, &mut shipper, half.div_ceil(2), &progress)?;
    append(&file, &mut generator, order.count - half)?;
    let has_stopped_well = daemon.stop()?;
    wait::pause(AWAY)?;
    let daemon: Daemon = setup.start_ready()?;
    wait_for(setup, &mut shipper, order.count, &progress)?;
    // What should not come would come now.
    wait::pause(Duration::from_secs(1))?;
    shipper.stop(LIMIT)?;
    let status = setup.operator()?.get("/api/v1/status")?;
    let metrics = setup.operator()?.text("/metrics")?;
    let duplicates: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("sandtrap_duplicates_total"))
        .collect();
    let has_stopped_well = daemon.stop()? && has_stopped_well;
    let found = Findings::read(&setup.findings(), false)?;
    let expected = BTreeMap::from([(name.to_owned(), order.count)]);
    let (missing, doubled) = found.check_serials(&expected);
    report.promise(
        missing == 0 && doubled == 0 && found.serials.len() as u64 == order.count,
        || {
            format!(
                "{name}: of {} events {missing} are missing and {doubled} doubled",
                order.count
            )
        },
    );
    report.promise(has_stopped_well, || {
        format!("{name}: the daemon did not stop well on SIGTERM")
    });
    Ok(json!({
        "sent": order.count,
        "arrived_before_the_restart": some,
        "arrived": found.serials.len(),
        "missing": missing,
        "doubled": doubled,
        "records_in_status": status.get("events"),
        "duplicates_recognised": duplicates,
    }))
}

fn append(file: &Path, generator: &mut Generator, events: u64) -> anyhow::Result<()> {
    use std::io::Write;
    let mut lines = Vec::new();
    for _ in 0..events {
        generator.write_serial(&mut lines);
    }
    let mut file = std::fs::OpenOptions::new().append(true).open(file)?;
    Ok(file.write_all(&lines)?)
}

/// Waits until so many serial numbers were found, and says how many.
fn wait_for(
    setup: &Setup,
    shipper: &mut Process,
    events: u64,
    progress: &Progress,
) -> anyhow::Result<u64> {
    let mut seen = 0;
    wait::until("all events to arrive", LIMIT, || {
        thread::sleep(Duration::from_millis(50));
        if shipper.ended()?.is_some_and(|status| !status.success()) {
            anyhow::bail!("the client failed:\n{}", shipper.last_words());
        }
        // A line may be half-written now.
        if let Ok(found) = Findings::read(&setup.findings(), false) {
            seen = found.serials.len() as u64;
        }
        progress.at(seen);
        Ok((seen >= events).then_some(seen))
    })
    .map_err(|error| error.context(format!("{seen} arrived")))
}
