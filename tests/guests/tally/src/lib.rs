//! Issues one finding for each launch whose command line carries
//! `--serial=NUMBER`, so that a test can prove that every event was processed
//! once.
//!
//! Its version is a text of fixed length. A test makes another version by
//! writing another text of that length into the component. The version is part
//! of the chain: the same event processed by two versions gives two findings,
//! which the host must not take for one.

#![forbid(unsafe_code)]

use sandtrap_sdk::{
    Analytic, Description, Field, Finding, Findings, Row, Severity, Site, Subscription, class,
    field, fields,
};
use serde::Deserialize;

/// Its version, until a test writes another.
const VERSION: &str = "1.0.10000-tally";

/// What comes before the serial number.
const SERIAL: &str = "--serial=";

const LAUNCH: [Field; 2] = fields![field::PROCESS_HANDLE, field::PROCESS_CMD_LINE];

/// There is nothing to tune.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

/// The version, as it stands in the component's data. The compiler must not
/// take it apart, or a test could not replace it.
fn version() -> &'static str {
    std::hint::black_box(VERSION)
}

/// Counts.
pub struct Tally;

impl Analytic for Tally {
    type Settings = Settings;

    fn description() -> Description {
        Description::new("tally", "Tally", version())
            .summary("Reports every launch with a serial number.")
            .technique("T0000", "None")
            .tactics(["none"])
            .platforms(["Windows"])
            .strategy("DET0000", "None")
            .log_source(
                "DC0032",
                "Process Creation",
                "WinEventLog:Sysmon",
                "EventCode=1",
            )
            .subscribe(Subscription::to(class::PROCESS_LAUNCH).fields(LAUNCH))
    }

    fn new(_settings: Self::Settings, _site: Site) -> Result<Self, String> {
        Ok(Self)
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        let Some((_, serial)) = row.text(field::PROCESS_CMD_LINE).split_once(SERIAL) else {
            return;
        };
        let serial = serial.split(' ').next().unwrap_or_default();
        findings.report(
            Finding::new(serial, Severity::Informational, row.event())
                .process(row.process(field::PROCESS_HANDLE))
                .chain(format!("{serial} {}", version())),
        );
    }
}

sandtrap_sdk::export_analytic!(Tally);

#[cfg(test)]
mod tests {
    use sandtrap_sdk::{
        json,
        testing::{self, World},
    };

    use super::*;

    #[test]
    fn every_serial_number_is_reported() {
        let events = [
            testing::launch(1).command_line("a.exe --serial=17 --quiet"),
            testing::launch(2).command_line("a.exe"),
            testing::launch(3).command_line("a.exe --serial=18"),
        ];
        let found = testing::run::<Tally>(World::new(), json!({}), json!({}), events);
        let titles: Vec<&str> = found.iter().map(|finding| &*finding.title).collect();
        assert_eq!(titles, ["17", "18"]);
    }
}
