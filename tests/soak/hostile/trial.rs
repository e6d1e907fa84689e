//! One guest: into the folder, looked at, and out of it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use sandtrap_tests::hostile::{Expectation, Guest};
use serde_json::Value;

use super::traffic::Traffic;
use crate::{daemon::Setup, wait};

/// How long a guest that is let in may take until it is contained.
const LIMIT: Duration = Duration::from_secs(240);

/// Where guests are tried.
pub struct Trial<'a> {
    pub setup: &'a Setup,
    pub folder: &'a Path,
    pub traffic: &'a Traffic,
}

/// What became of a guest.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    pub outcome: String,
    pub reason: Option<String>,
    pub blame: Option<String>,
    pub contained: Duration,
    /// What did not go as it must.
    pub broken: Option<String>,
}

impl Trial<'_> {
    pub fn run(&mut self, guest: &Guest) -> anyhow::Result<Ended> {
        // After the others by name, so that it cannot take their places.
        let path = self.folder.join(format!("z-{}.wasm", guest.name));
        let aside = path.with_extension("partial");
        fs::write(&aside, guest.component()?)?;
        fs::rename(&aside, &path)?;
        let operator = self.setup.operator()?;
        let started = Instant::now();
        let report = operator.reload()?;
        let refused = report
            .get("refused")
            .and_then(|refused| refused.get(path.to_string_lossy().as_ref()))
            .and_then(Value::as_str);
        let ended = match refused {
            Some(message) => refused_with(guest, message, started.elapsed()),
            None => self.watch(guest, started)?,
        };
        fs::remove_file(&path)?;
        operator.reload()?;
        Ok(ended)
    }

    /// Watches a guest that was let in until it is what it must be.
    fn watch(&self, guest: &Guest, started: Instant) -> anyhow::Result<Ended> {
        let operator = self.setup.operator()?;
        self.traffic.want(&guest.name);
        let mut last = Value::Null;
        let waited = wait::until(&format!("{} to be contained", guest.name), LIMIT, || {
            let status = operator.get("/api/v1/status")?;
            let analytic = status.get("analytics").and_then(|all| all.get(guest.id()));
            last = analytic.cloned().context("it is not in the status")?;
            wait::pause(Duration::from_millis(50))?;
            let is_settled = self.traffic.is_idle() && has_ended(guest, &last);
            Ok(is_settled.then_some(()))
        });
        wait::check()?;
        let message = last.get("last_error").and_then(Value::as_str);
        let mut ended = Ended {
            outcome: word(&last, "state").to_owned(),
            reason: message.map(str::to_owned),
            contained: started.elapsed(),
            ..Ended::default()
        };
        let metrics = operator.text("/metrics")?;
        let faults = format!(
            "sandtrap_analytic_faults_total{{analytic=\"{}\"",
            guest.id()
        );
        let line = metrics
            .lines()
            .find(|line| line.starts_with(&faults) && !line.ends_with(" 0"));
        ended.blame = line
            .and_then(|line| line.split("blame=\"").nth(1))
            .and_then(|rest| rest.split('"').next())
            .map(str::to_owned);
        let reason = guest.header.expect.reason();
        let is_named = match (reason, message) {
            (None, _) => true,
            (Some(reason), Some(message)) => message.contains(&reason.text),
            (Some(_), None) => false,
        };
        let is_blamed = ended.blame.as_deref() != Some("host");
        ended.broken = match waited {
            Err(error) => Some(format!("{error:#}; {last}")),
            Ok(()) if !is_named => Some(format!("the reason given is {message:?}")),
            Ok(()) if !is_blamed => Some("the host takes the blame".to_owned()),
            Ok(()) => None,
        };
        Ok(ended)
    }
}

fn refused_with(guest: &Guest, message: &str, contained: Duration) -> Ended {
    let reason = guest.header.expect.reason();
    let is_named = reason.is_some_and(|reason| message.contains(&reason.text));
    Ended {
        outcome: "refused".to_owned(),
        reason: Some(message.to_owned()),
        blame: Some("guest".to_owned()),
        contained,
        broken: (!is_named).then(|| format!("it was refused: {message}")),
    }
}

/// Whether a guest that was let in is what it must be in the end.
fn has_ended(guest: &Guest, status: &Value) -> bool {
    let count = |key| status.get(key).and_then(Value::as_u64).unwrap_or_default();
    let is_stopped = word(status, "state") != "running";
    match &guest.header.expect {
        Expectation::Refused(_) => false,
        Expectation::Faults(_) => is_stopped,
        Expectation::Loses(lost, _) => is_stopped || count("faults") >= *lost,
        // One that takes too large a share of the time may be stopped for it.
        Expectation::Held => is_stopped || count("findings") > 0,
        Expectation::Silenced => is_stopped || (count("events") > 0 && count("findings") == 0),
    }
}

fn word<'a>(status: &'a Value, key: &str) -> &'a str {
    status.get(key).and_then(Value::as_str).unwrap_or_default()
}
