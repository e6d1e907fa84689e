//! Talks to the daemon over HTTP.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use crate::wait;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(90);

/// How long a sender waits before it sends again what was not acknowledged.
const AGAIN: Duration = Duration::from_millis(10);

/// What the daemon answers to a delivery.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Receipt {
    pub records: u64,
    pub duplicates: u64,
    pub undecodable: u64,
}

/// Someone who talks to the daemon with a token.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Client {
    pub fn new(port: u16, token: &str) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            agent,
            base: format!("http://127.0.0.1:{port}"),
            authorization: format!("Bearer {}", token.trim()),
        }
    }

    /// Whether the daemon says that it is ready. It may not be there at all.
    pub fn is_ready(&self) -> bool {
        self.agent
            .get(format!("{}/readyz", self.base))
            .call()
            .is_ok_and(|answer| answer.status() == 200)
    }

    /// An answer of the API.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        let text = self.text(path)?;
        serde_json::from_str(&text).with_context(|| format!("{path} answers {text}"))
    }

    /// An answer as text.
    pub fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("Authorization", &self.authorization)
            .call()
            .with_context(|| format!("no answer from {path}"))?;
        let text = answer.body_mut().read_to_string()?;
        if answer.status() != 200 {
            bail!("{path} answers {}: {text}", answer.status());
        }
        Ok(text)
    }

    /// Asks for a reload and returns its report.
    pub fn reload(&self) -> anyhow::Result<Value> {
        let mut answer = self
            .agent
            .post(format!("{}/api/v1/reload", self.base))
            .header("Authorization", &self.authorization)
            .send_empty()
            .context("no answer to a reload")?;
        let text = answer.body_mut().read_to_string()?;
        if answer.status() != 200 {
            bail!("a reload was answered {}: {text}", answer.status());
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Sends events once.
    fn send(&self, body: &[u8]) -> anyhow::Result<Receipt> {
        let mut answer = self
            .agent
            .post(format!("{}/ingest", self.base))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/x-ndjson")
            .send(body)?;
        let text = answer.body_mut().read_to_string()?;
        if answer.status() != 200 {
            bail!("{}: {text}", answer.status());
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Sends events, the same again and again until they are acknowledged.
    /// Returns what was acknowledged and how often it was sent.
    pub fn deliver(&self, body: &[u8], limit: Duration) -> anyhow::Result<(Receipt, u64)> {
        let started = Instant::now();
        for sent in 1.. {
            wait::check()?;
            match self.send(body) {
                Ok(receipt) => return Ok((receipt, sent)),
                Err(error) if started.elapsed() > limit => {
                    return Err(error.context(format!(
                        "events were not acknowledged within {} s",
                        limit.as_secs()
                    )));
                }
                Err(_) => thread::sleep(AGAIN),
            }
        }
        bail!("sent too often")
    }
}

/// The value of a metric, as `sandtrap_reloads_total{result="failed"}` names
/// it; 0 where it is absent.
pub fn metric(text: &str, name: &str) -> f64 {
    text.lines()
        .filter_map(|line| line.rsplit_once(' '))
        .find(|(found, _)| *found == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0.0)
}

/// The sum of all values whose names begin so.
pub fn sum(text: &str, prefix: &str) -> f64 {
    text.lines()
        .filter(|line| line.starts_with(prefix))
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(_, value)| value.parse::<f64>().ok())
        .fold(0.0, |sum, value| sum + value)
}
