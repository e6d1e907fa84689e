//! Findings to an HTTP endpoint, as JSON arrays.

use std::time::Duration;

use ureq::http::{HeaderName, header};

use super::{
    Delivered, Destination, Entry, Misconfigured, Undelivered,
    http::{Endpoint, Post, Verdict, verdict},
    progress::Progress,
};
use crate::config::Webhook;

/// How much of an answer is read.
const MAX_ANSWER: u64 = 64 * 1024;

/// An HTTP endpoint that takes findings.
#[derive(Debug)]
pub struct WebhookDestination {
    endpoint: Endpoint,
    progress: Progress,
}

impl WebhookDestination {
    /// An endpoint as configured.
    pub fn new(config: &Webhook) -> Result<Self, Misconfigured> {
        let timeout = Duration::from_secs(config.timeout_seconds);
        Ok(Self {
            endpoint: Endpoint::new("webhook", &config.url, &config.headers, timeout)?,
            progress: Progress::default(),
        })
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// Posts entries. If the endpoint refuses them, it gets them in halves, so
    /// that a finding it cannot take does not keep others from it.
    fn post(&mut self, entries: &[&Entry]) -> Result<(), Undelivered> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let key = idempotency_key(first, last);
        let answer = self.endpoint.post(&Post {
            body: &array(entries),
            headers: &[
                (header::CONTENT_TYPE, "application/json"),
                (HeaderName::from_static("idempotency-key"), &key),
            ],
            limit: MAX_ANSWER,
        })?;
        match (verdict(answer.status), entries) {
            (Verdict::Taken, _) => {
                for entry in entries {
                    self.progress.settle(entry, None);
                }
                Ok(())
            }
            (Verdict::Later, _) => Err(self.endpoint.undelivered(&answer)),
            (Verdict::Refused, [entry]) => {
                let reason = self.endpoint.describe(&answer);
                self.progress.settle(entry, Some(reason));
                Ok(())
            }
            (Verdict::Refused, _) => {
                let (earlier, later) = entries.split_at(entries.len() / 2);
                self.post(earlier)?;
                self.post(later)
            }
        }
    }
}

impl Destination for WebhookDestination {
    /// An endpoint cannot be asked; it may recognise what it has by the key.
    fn resume(&mut self, _entries: &[Entry]) -> Result<usize, Undelivered> {
        Ok(0)
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Delivered, Undelivered> {
        let pending = self.progress.pending(entries);
        self.post(&pending)?;
        Ok(self.progress.finish())
    }
}

/// The same for the same entries, however often they are sent.
fn idempotency_key(first: &Entry, last: &Entry) -> String {
    let uid = first.uid.chars().filter(char::is_ascii_graphic);
    let uid: String = uid.take(128).collect();
    format!("{uid}-{}-{}", first.number, last.number)
}

fn array(entries: &[&Entry]) -> Vec<u8> {
    let mut body = vec![b'['];
    for (position, entry) in entries.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&entry.json);
    }
    body.push(b']');
    body
}
