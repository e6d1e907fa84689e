//! Reports one finding for each event with everything it was told, so that
//! tests of the host see what crossed. Asked to by `Misbehave`, it breaks one
//! rule at the chosen event.
//!
//! Its capabilities are features, so that tests can build it without.

#![forbid(unsafe_code)]

mod misbehaviour;
mod questions;

use std::cell::Cell;

use sandtrap_sdk::{
    Analytic, Description, Field, Finding, Findings, Row, Severity, Site, Stage, Subscription,
    class, field, fields,
};
use serde::Deserialize;

use misbehaviour::Misbehaviour;

/// What the test asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(rename = "Misbehave")]
    misbehave: Option<Misbehaviour>,
    #[serde(rename = "Refuse")]
    refuse: bool,
    #[serde(rename = "Ask")]
    ask: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            misbehave: None,
            refuse: false,
            ask: true,
        }
    }
}

/// Reports everything.
pub struct Echo {
    settings: Settings,
    site: Site,
    /// Only to misbehave at a certain event: findings must not depend on it.
    seen: Cell<u64>,
}

const LAUNCH: [Field; 9] = fields![
    field::PROCESS_HANDLE,
    field::PROCESS_PID,
    field::PROCESS_FILE_PATH,
    field::PROCESS_CMD_LINE,
    field::PROCESS_USER_NAME,
    field::PROCESS_PARENT_PROCESS_HANDLE,
    field::PROCESS_PARENT_PROCESS_FILE_PATH,
    field::DEVICE_HOSTNAME,
    field::raw("RuleName"),
];

const CONNECTION: [Field; 5] = fields![
    field::ACTOR_PROCESS_HANDLE,
    field::ACTOR_PROCESS_FILE_PATH,
    field::DST_ENDPOINT_IP,
    field::DST_ENDPOINT_PORT,
    field::CONNECTION_INFO_OUTBOUND,
];

const SCRIPT: [Field; 3] = fields![
    field::ACTOR_PROCESS_HANDLE,
    field::SCRIPT_CONTENT,
    field::SCRIPT_PATH
];

impl Analytic for Echo {
    type Settings = Settings;

    fn description() -> Description {
        Description::new("echo", "Echo", env!("CARGO_PKG_VERSION"))
            .summary("Reports everything it is told.")
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
            .setting(
                "Misbehave",
                sandtrap_sdk::json!(null),
                "Which rule to break, and when.",
            )
            .setting("Refuse", false, "Whether to refuse these settings.")
            .setting("Ask", true, "Whether to ask the host about each event.")
            .subscribe(Subscription::to(class::PROCESS_LAUNCH).fields(LAUNCH))
            .subscribe(
                Subscription::to(class::NETWORK_OPEN)
                    .when(field::DST_ENDPOINT_PORT.in_range(1..=u64::from(u16::MAX)))
                    .fields(CONNECTION),
            )
            .subscribe(
                Subscription::to(class::SCRIPT_EXECUTE)
                    .when(field::SCRIPT_CONTENT.is_present())
                    .fields(SCRIPT),
            )
            .input(class::MODULE_LOAD, "signatures are unknown")
            .site_input("internal_networks", "the scope of an address is a guess")
    }

    fn new(settings: Settings, site: Site) -> Result<Self, String> {
        if settings.refuse {
            return Err("it was asked to refuse".to_owned());
        }
        #[cfg(feature = "log")]
        sandtrap_sdk::log::report_panics();
        Ok(Self {
            settings,
            site,
            seen: Cell::new(0),
        })
    }

    fn inspect(&self, row: &Row<'_>, findings: &mut Findings) {
        self.seen.set(self.seen.get() + 1);
        if let Some(misbehaviour) = &self.settings.misbehave
            && misbehaviour.is_due(self.seen.get(), row)
        {
            misbehaviour.commit(row, findings);
        }
        let fields: &[Field] = match row.class() {
            class::PROCESS_LAUNCH => &LAUNCH,
            class::NETWORK_OPEN => &CONNECTION,
            _ => &SCRIPT,
        };
        let process = [field::PROCESS_HANDLE, field::ACTOR_PROCESS_HANDLE]
            .into_iter()
            .find(|field| row.has(*field))
            .and_then(|field| row.process(field));
        let mut finding = Finding::new(row.class().name(), Severity::Informational, row.event())
            .process(process)
            .score(1)
            .chain(format!("echo-{}", row.subscription()))
            .detail("time", row.time().to_string());
        for field in fields {
            let value = match field {
                Field::Text(field) => row.text(*field).to_owned(),
                Field::Unsigned(field) => row
                    .number(*field)
                    .map(|number| number.to_string())
                    .unwrap_or_default(),
            };
            finding = finding.detail(field.name(), value);
        }
        if row.has(field::DST_ENDPOINT_IP) {
            let scope = self.site.scope(row.text(field::DST_ENDPOINT_IP));
            finding = finding.detail("scope", format!("{scope:?}"));
        }
        finding = finding.stage(Stage {
            name: "echo".to_owned(),
            score: 1,
            summary: "was seen".to_owned(),
            events: vec![row.event()],
        });
        if self.settings.ask {
            finding = questions::ask(row, process, finding);
        }
        findings.report(finding);
    }
}

sandtrap_sdk::export_analytic!(Echo);

#[cfg(test)]
mod tests;
