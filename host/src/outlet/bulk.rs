//! Findings to a consumer of the Elasticsearch bulk protocol.
//!
//! Entries are created under their uid, so one that is there already is
//! answered with a conflict and not written twice.

use std::{collections::BTreeMap, io::Write, time::Duration};

use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use ureq::http::header;

use super::{
    Delivered, Destination, Entry, Misconfigured, Undelivered,
    http::{Answer, Endpoint, Post, Verdict, verdict},
    progress::Progress,
};
use crate::config::Bulk;

/// How much of an answer is read. It has a few hundred bytes for each entry,
/// and the reason for each that failed.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// Statuses of a document that is there already, and of a request that is too
/// large.
const CONFLICT: u16 = 409;
const TOO_LARGE: u16 = 413;

/// An index or data stream that takes findings.
#[derive(Debug)]
pub struct BulkDestination {
    endpoint: Endpoint,
    index: String,
    progress: Progress,
}

/// The answer to a bulk request.
#[derive(Debug, Deserialize)]
struct BulkAnswer {
    /// Absent in answers of lesser implementations.
    errors: Option<bool>,
    /// An object with one member each, which is named after the action.
    #[serde(default)]
    items: Vec<BTreeMap<String, Item>>,
}

#[derive(Debug, Deserialize)]
struct Item {
    status: u16,
    error: Option<serde_json::Value>,
}

impl BulkDestination {
    /// A consumer as configured.
    pub fn new(config: &Bulk) -> Result<Self, Misconfigured> {
        let (base, query) = match config.url.split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (&*config.url, String::new()),
        };
        let url = format!("{}/_bulk{query}", base.trim_end_matches('/'));
        let timeout = Duration::from_secs(config.timeout_seconds);
        Ok(Self {
            endpoint: Endpoint::new("bulk", &url, &config.headers, timeout)?,
            index: config.index.clone(),
            progress: Progress::default(),
        })
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// Posts entries, in halves if they are too many bytes at once.
    fn post(&mut self, entries: &[&Entry]) -> Result<(), Undelivered> {
        if entries.is_empty() {
            return Ok(());
        }
        let body = self.body(entries).map_err(|error| Undelivered {
            reason: format!("the request cannot be made: {error}"),
            retry_after: None,
        })?;
        let answer = self.endpoint.post(&Post {
            body: &body,
            headers: &[
                (header::CONTENT_TYPE, "application/x-ndjson"),
                (header::CONTENT_ENCODING, "gzip"),
            ],
            limit: MAX_ANSWER,
        })?;
        match (answer.status, entries) {
            (TOO_LARGE, [entry]) => {
                let reason = self.endpoint.describe(&answer);
                self.progress.settle(entry, Some(reason));
                Ok(())
            }
            (TOO_LARGE, _) => {
                let (earlier, later) = entries.split_at(entries.len() / 2);
                self.post(earlier)?;
                self.post(later)
            }
            (200..=299, _) => self.judge(entries, &answer),
            // A bad document is told of in its item. What fails the whole
            // request is no fault of the findings in it.
            _ => Err(self.endpoint.undelivered(&answer)),
        }
    }

    /// Settles every entry that the answer settles.
    fn judge(&mut self, entries: &[&Entry], answer: &Answer) -> Result<(), Undelivered> {
        let unclear = || Undelivered {
            reason: format!(
                "{} does not answer as the bulk protocol has it",
                self.endpoint.host()
            ),
            retry_after: answer.retry_after,
        };
        let parsed: BulkAnswer = serde_json::from_slice(&answer.body).map_err(|_| unclear())?;
        if parsed.errors == Some(false) {
            for entry in entries {
                self.progress.settle(entry, None);
            }
            return Ok(());
        }
        let items: Vec<&Item> = parsed
            .items
            .iter()
            .filter_map(|item| item.values().next())
            .collect();
        if items.len() != entries.len() {
            return Err(unclear());
        }
        let mut first_later = None;
        for (entry, item) in entries.iter().zip(items) {
            match verdict(item.status) {
                _ if item.status == CONFLICT => self.progress.settle(entry, None),
                Verdict::Taken => self.progress.settle(entry, None),
                Verdict::Refused => self.progress.settle(entry, Some(self.reason(item))),
                Verdict::Later => first_later = first_later.or(Some(item)),
            }
        }
        match first_later {
            None => Ok(()),
            Some(item) => Err(Undelivered {
                reason: self.reason(item),
                retry_after: answer.retry_after,
            }),
        }
    }

    fn reason(&self, item: &Item) -> String {
        let text = |error: &serde_json::Value, key| {
            let text = error.get(key).and_then(serde_json::Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let said = match &item.error {
            None => String::new(),
            Some(serde_json::Value::String(error)) => error.clone(),
            Some(error) => format!("{} {}", text(error, "type"), text(error, "reason")),
        };
        let body = said.into_bytes();
        self.endpoint.describe(&Answer {
            status: item.status,
            retry_after: None,
            body,
        })
    }

    fn body(&self, entries: &[&Entry]) -> std::io::Result<Vec<u8>> {
        let mut body = GzEncoder::new(Vec::new(), Compression::fast());
        let index = serde_json::to_string(&self.index)?;
        for entry in entries {
            let id = serde_json::to_string(&*entry.uid)?;
            writeln!(body, r#"{{"create":{{"_index":{index},"_id":{id}}}}}"#)?;
            write_document(&mut body, entry)?;
        }
        body.finish()
    }
}

/// Writes the finding with the time where data streams look for it.
fn write_document(body: &mut impl Write, entry: &Entry) -> std::io::Result<()> {
    let time = jiff::Timestamp::from_millisecond(entry.time);
    match (time, entry.json.strip_prefix(b"{")) {
        (Ok(time), Some(members)) => {
            let separator = if members == b"}" { "" } else { "," };
            write!(body, r#"{{"@timestamp":"{time}"{separator}"#)?;
            body.write_all(members)?;
        }
        // Further from now than a calendar reaches: the consumer decides.
        _ => body.write_all(&entry.json)?,
    }
    body.write_all(b"\n")
}

impl Destination for BulkDestination {
    /// What is there already is told when it is created again.
    fn resume(&mut self, _entries: &[Entry]) -> Result<usize, Undelivered> {
        Ok(0)
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Delivered, Undelivered> {
        let pending = self.progress.pending(entries);
        self.post(&pending)?;
        Ok(self.progress.finish())
    }
}
