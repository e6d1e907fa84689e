//! Every guest of the gallery is dropped into the folder of a running daemon
//! while events stream in. Each is refused or contained for the reason it
//! names, and the others find what they find without it.

mod traffic;
mod trial;

use std::{thread, time::Duration};

use serde_json::json;

use self::{
    traffic::Traffic,
    trial::{Ended, Trial},
};
use crate::{
    Order,
    bench::Bench,
    daemon::Setup,
    findings::Findings,
    progress::Progress,
    report::{Report, rounded},
};
use sandtrap_tests::hostile::{Expectation, Guest, guests};

/// What guests may use of the daemon's time in a call: less than others, so
/// that those that use it all do so sooner.
const CALL_MS: u64 = 200;

/// The most memory the daemon may take, whatever is dropped into its folder:
/// what it takes for so many events, and on each of two shards the marks, the
/// keys and the instance of a guest that fills them all.
const MEMORY: u64 = 1536 << 20;

pub fn run(bench: &Bench, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let guests = chosen(order)?;
    let folder = bench.analytics("attacked")?;
    let good = ids(&folder)?;
    let setup = Setup::new(bench, "daemon", &folder)?.with(&budgets(&guests))?;
    let mut daemon = setup.start_ready()?;
    let traffic = Traffic::new(order.seed);
    let sender = setup.sender()?;
    let progress = Progress::start("hostile", guests.len() as u64);
    let mut summary = Vec::new();
    let mut most_memory = 0;
    let attacked = thread::scope(|scope| {
        let sending = scope.spawn(|| traffic.send(&sender));
        let mut trial = Trial {
            setup: &setup,
            folder: &folder,
            traffic: &traffic,
        };
        let mut attempt = || {
            for (number, guest) in guests.iter().enumerate() {
                let ended = trial.run(guest)?;
                daemon.expect_alive()?;
                let memory = daemon.resident()?;
                most_memory = most_memory.max(memory);
                report.promise(ended.broken.is_none(), || {
                    format!(
                        "{}: {}",
                        guest.name,
                        ended.broken.clone().unwrap_or_default()
                    )
                });
                summary.push(show(guest, &ended, memory));
                progress.at(number as u64 + 1);
            }
            anyhow::Ok(())
        };
        let attempted = attempt();
        traffic.stop();
        let sent = sending
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the sender panicked")))?;
        attempted?;
        anyhow::Ok(sent)
    });
    report.set("guests", json!(summary));
    let sent = attacked?;
    let still_runs = running(&setup)?;
    report.promise(good.iter().all(|id| still_runs.contains(id)), || {
        format!("of {good:?} only {still_runs:?} run still")
    });
    let has_stopped_well = daemon.stop()?;
    report.promise(has_stopped_well, || {
        "the daemon did not stop well on SIGTERM".to_owned()
    });

    let found = Findings::read_of(&setup.findings(), false, |id| {
        good.iter().any(|own| own == id)
    })?;
    let calm = Setup::new(bench, "undisturbed", &bench.analytics("untouched")?)?;
    let undisturbed = calm.start_ready()?;
    traffic.send_again(&sent, &calm.sender()?)?;
    undisturbed.stop()?;
    let calm = Findings::read(&calm.findings(), false)?;
    let difference = found.compare(&calm);
    let is_same = difference.missing + difference.doubled + difference.invented == 0
        && difference.altered == 0;
    report.promise(is_same, || {
        format!("the other analytics found something else: {difference:?}")
    });
    report.promise(calm.by_analytic.contains_key("AN1252"), || {
        "the undisturbed run found no attack".to_owned()
    });
    report.promise(most_memory <= MEMORY, || {
        format!("the daemon took {} MiB", most_memory >> 20)
    });
    report.set("bodies", sent.len());
    report.set("findings_by_analytic", json!(found.by_analytic));
    report.set("difference", serde_json::to_value(&difference)?);
    report.set(
        "most_memory_mib",
        rounded(most_memory as f64 / f64::from(1 << 20)),
    );
    Ok(())
}

/// The guests of an order. One that the canary would keep out comes a second
/// time, as one that works well until it is let in.
fn chosen(order: &Order) -> anyhow::Result<Vec<Guest>> {
    let mut chosen = Vec::new();
    let all = guests()?.into_iter();
    let wanted = all.filter(|guest| guest.name.contains(&order.only));
    for guest in wanted.take(order.count as usize) {
        if !matches!(guest.header.expect, Expectation::Refused(_)) {
            chosen.extend(guest.sleeper());
        }
        chosen.push(guest);
    }
    Ok(chosen)
}

/// What the guests are granted and told, as lines of a configuration.
pub fn budgets(guests: &[Guest]) -> String {
    let mut text = String::new();
    let mut known = std::collections::BTreeSet::new();
    for guest in guests {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '-';
        // The configuration is for analytics that can be named in it.
        if !guest.id().chars().all(is_plain) || guest.id() == "AN1252" || !known.insert(guest.id())
        {
            continue;
        }
        text += &format!("[analytics.{}]\n", guest.id());
        if let Some(grants) = &guest.header.grants {
            text += &format!("grants = {grants:?}\n");
        }
        if let Some(settings) = &guest.header.settings {
            text += &format!("settings = {}\n", inline(settings));
        }
        let call = guest.header.call.unwrap_or(Duration::from_millis(CALL_MS));
        text += &format!("budget = {{ call_ms = {} }}\n", call.as_millis());
    }
    text
}

/// JSON as TOML, as far as guests have it.
fn inline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // Texts, numbers and lists are written alike.
        other => other.to_string(),
    }
}

/// The analytics of a folder, as the daemon calls them.
fn ids(folder: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let catalog = sandtrap::catalog::Catalog::load(
        &sandtrap_tests::ENGINE,
        &sandtrap::catalog::components(folder)?,
        true,
        &sandtrap::config::Config::default(),
    )?;
    let analytics = catalog.analytics();
    Ok(analytics
        .map(|loaded| loaded.prepared().id().to_owned())
        .collect())
}

/// What runs now.
fn running(setup: &Setup) -> anyhow::Result<Vec<String>> {
    let status = setup.operator()?.get("/api/v1/status")?;
    let analytics = status.get("analytics").and_then(|all| all.as_object());
    Ok(analytics
        .map(|all| all.keys().cloned().collect())
        .unwrap_or_default())
}

fn show(guest: &Guest, ended: &Ended, memory: u64) -> serde_json::Value {
    json!({
        "guest": guest.name,
        "outcome": ended.outcome,
        "reason": ended.reason,
        "blame": ended.blame,
        "contained_ms": ended.contained.as_millis() as u64,
        "memory_mib": memory >> 20,
    })
}
