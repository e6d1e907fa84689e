//! The status as a page for a terminal. Errors may quote what others wrote, so
//! every text is made neutral.

use comfy_table::Table;
use jiff::{SpanRound, Timestamp, Unit};

use crate::{
    cli::output::{item, table},
    daemon::board::{AnalyticStatus, Status},
    sinks::terminal::neutral,
};

/// How much of a hash tells components apart.
const SHORT_HASH: usize = 12;

/// The whole page.
pub fn page(status: &Status, now: Timestamp) -> String {
    let mut page = format!("{}\n", head(status, now));
    if status.ready && status.analytics.is_empty() {
        page.push_str("\nNo analytic runs: events are taken in and seen by none.\n");
    }
    let mut section = |title: &str, table: Table| {
        if table.row_count() > 0 {
            page.push_str(&format!("\n{title}\n{}\n", table.trim_fmt()));
        }
    };
    section("Analytics", analytics(status));
    section("Quarantined", quarantined(status));
    section("Sources", sources(status));
    section("Sinks", sinks(status));
    for (title, entries) in [
        ("Last errors", last_errors(status)),
        ("Not loaded", refused(status)),
    ] {
        if !entries.is_empty() {
            page.push_str(&format!("\n{title}\n{entries}"));
        }
    }
    if let Some(error) = &status.configuration_error {
        let error = neutral(error);
        page.push_str(&format!("\nThe configuration was not reloaded: {error}\n"));
    }
    page
}

fn head(status: &Status, now: Timestamp) -> String {
    let state = match (status.stopping, status.ready) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "starting",
    };
    format!(
        "Sandtrap {}  {state}  up {}  {} events  {} findings  {} changes of analytics",
        neutral(&status.version),
        uptime(&status.started, now),
        status.events,
        status.findings,
        status.reloads
    )
}

fn uptime(started: &str, now: Timestamp) -> String {
    let round = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let span = started
        .parse::<Timestamp>()
        .and_then(|started| now.duration_since(started).try_into())
        .and_then(|span: jiff::Span| span.round(round.smallest(Unit::Second)));
    span.map_or_else(|_| "?".to_owned(), |span| format!("{span:#}"))
}

fn analytics(status: &Status) -> Table {
    let header = [
        "ID",
        "STATE",
        "VERSION",
        "SHA-256",
        "SIGNED BY",
        "EVENTS",
        "FINDINGS",
        "FAULTS",
        "TIME",
        "MEMORY",
    ];
    let mut table = table(&header, 5..10);
    for (id, one) in &status.analytics {
        table.add_row([
            neutral(id),
            neutral(&one.state),
            neutral(&one.version),
            neutral(&one.sha256).chars().take(SHORT_HASH).collect(),
            signers(one),
            one.events.to_string(),
            one.findings.to_string(),
            one.faults.to_string(),
            time(one.budget.calls_total_ms),
            memory(one),
        ]);
    }
    table
}

fn signers(one: &AnalyticStatus) -> String {
    match one.signers.as_slice() {
        [] => "nobody".to_owned(),
        names => neutral(&names.join(" ")),
    }
}

/// The last errors, and whose they are if they are faults.
fn last_errors(status: &Status) -> String {
    let mut text = String::new();
    for (id, one) in &status.analytics {
        text += &match (&one.last_error, &one.last_fault) {
            (Some(error), Some(fault)) if *error == fault.error => {
                let error = format!("{}: {}", neutral(&fault.blame), neutral(error));
                item(&neutral(id), &error)
            }
            (Some(error), _) => item(&neutral(id), &neutral(error)),
            (None, _) => continue,
        };
    }
    text
}

fn quarantined(status: &Status) -> Table {
    let mut table = table(&["ID", "UNTIL", "TIMES", "FAULTS", "WHY"], 2..3);
    for (id, one) in &status.analytics {
        if let Some(quarantine) = &one.quarantine {
            let faults = one.fault_reasons.iter();
            let faults: Vec<String> = faults
                .map(|(reason, count)| format!("{count} {}", neutral(reason)))
                .collect();
            let until = quarantine.until.as_deref().unwrap_or("released");
            table.add_row([
                neutral(id),
                neutral(until),
                quarantine.times.to_string(),
                faults.join(", "),
                neutral(&quarantine.reason),
            ]);
        }
    }
    table
}

/// What an analytic took of the time of all shards together.
fn time(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{milliseconds} ms"),
        _ => format!("{} s", milliseconds / 1_000),
    }
}

fn memory(one: &AnalyticStatus) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    let budget = &one.budget;
    format!("{}/{} MiB", mib(budget.memory), mib(budget.memory_limit))
}

fn sources(status: &Status) -> Table {
    let mut table = table(&["SOURCE", "STATE", "RECORDS", "LAST ERROR"], 2..3);
    for (name, one) in &status.sources {
        table.add_row([
            neutral(name),
            neutral(&one.state),
            one.records.to_string(),
            optional(one.last_error.as_deref()),
        ]);
    }
    table
}

fn sinks(status: &Status) -> Table {
    let mut table = table(&["SINK", "CONFIRMED", "WAITING", "LAST ERROR"], 1..3);
    for (name, one) in &status.sinks {
        table.add_row([
            neutral(name),
            one.confirmed.to_string(),
            one.waiting.to_string(),
            optional(one.last_error.as_deref()),
        ]);
    }
    table
}

fn refused(status: &Status) -> String {
    let entries = status.refused.iter();
    entries
        .map(|(file, why)| format!("  {}\n{}", neutral(file), item("", &neutral(why))))
        .collect()
}

fn optional(error: Option<&str>) -> String {
    error.map_or_else(|| "-".to_owned(), neutral)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_everything_that_matters_and_no_control_characters() {
        let status: Status = serde_json::from_str(
            r#"{"version":"0.1.0","ready":true,"started":"2026-03-04T09:00:00Z","events":12,
                "findings":3,"reloads":1,
                "analytics":{"AN1":{"state":"running","version":"1.0.0","sha256":"0123456789abcdef","signers":["acme","own"],
                    "events":10,"findings":3,"faults":1,"last_error":"trap\u001b[2J",
                    "budget":{"calls_total_ms":30400,"memory":2000000,"memory_limit":67108864}},
                  "AN2":{"state":"quarantined","budget":{"calls_total_ms":10},
                    "last_error":"too late","last_fault":{"reason":"deadline","blame":"guest","error":"too late"},
                    "fault_reasons":{"deadline":31,"trap":1},
                    "quarantine":{"reason":"32 calls failed","until":"2026-03-05T11:00:00Z","times":2}}},
                "refused":{"/a/b.wasm":"not a component"},
                "sources":{"http":{"records":12,"state":"listening"}},
                "sinks":{"file:/f":{"confirmed":2,"waiting":1,"last_error":"disk full"}},
                "configuration_error":"line 3","added_later":true}"#,
        )
        .unwrap();
        let page = page(&status, "2026-03-05T10:01:02Z".parse().unwrap());
        assert!(
            page.starts_with("Sandtrap 0.1.0  ready  up 1d 1h 1m 2s  12 events"),
            "{page}"
        );
        for words in [
            "0123456789ab ",
            "acme own",
            "1 changes of analytics",
            " 30 s ",
            " 10 ms ",
            "2/64 MiB",
            "trap␛[2J",
            "quarantined",
            "guest: too late",
            "31 deadline, 1 trap",
            "32 calls failed",
            "2026-03-05T11:00:00Z",
            "/a/b.wasm",
            "not a component",
            "listening",
            "disk full",
            "not reloaded: line 3",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains('\u{1b}'), "{page}");
        assert!(!page.contains("No analytic runs"), "{page}");
        let idle = Status {
            ready: true,
            ..Status::default()
        };
        let idle = super::page(&idle, "2026-03-05T10:01:02Z".parse().unwrap());
        assert!(idle.contains("No analytic runs"), "{idle}");
    }
}
