//! The server over real connections, with a daemon behind it that says it
//! committed what it was given.

mod access;
mod bulk;
mod client;
mod connections;
mod hostile;
mod ingestion;
mod letters;
mod operations;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::watch};

use self::client::{Answer, Client};
use super::{
    Control, Letter, Limits, Numbered, Pending, RepairError, ReplayReport, Selection, Server,
    StateError, Token, Tokens, Which,
};
use crate::{
    config::Http,
    daemon::board::SharedBoard,
    ingest::{Gate, Inlet, Receipt},
    metrics::Metrics,
};

const API: &str = "the-api-token";
const INGEST: &str = "the-ingest-token";

/// A server and what is behind it.
struct Daemon {
    address: SocketAddr,
    server: Option<Server>,
    gate: Gate,
    metrics: Metrics,
    board: SharedBoard,
    findings: Arc<Findings>,
    /// Records that were handed over: input, record, and why it is none.
    taken: Arc<Mutex<Vec<Taken>>>,
    /// Keeps deliveries from being committed.
    inlet: Option<Inlet>,
    runtime: Runtime,
}

type Taken = (String, String, Option<String>);

/// A daemon whose limits are such, and room at its gate.
struct Setup {
    limits: Limits,
    room: usize,
    commits: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let room = 64 * 1024 * 1024;
        let limits = Limits {
            read: Duration::from_secs(20),
            grace: Duration::from_secs(20),
            linger: Duration::from_secs(5),
            ..Limits::new(&Http::default(), room)
        };
        Self {
            limits,
            room,
            commits: true,
        }
    }
}

impl Setup {
    /// Changes limits.
    fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    fn start(self) -> Daemon {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let metrics = Metrics::default();
        let (gate, inlet) = Gate::new(self.room, metrics.clone());
        let tokens = Tokens {
            api: Token::new(API, "/state/api-token"),
            ingest: Token::new(INGEST, "/state/ingest-token"),
        };
        let board = SharedBoard::default();
        let findings = Arc::new(Findings::default());
        let server = runtime.block_on(Server::with_limits(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            self.limits,
            tokens,
            gate.clone(),
            metrics.clone(),
            Arc::clone(&board),
            Arc::clone(&findings) as Arc<dyn Control>,
        ));
        let server = server.unwrap();
        let taken = Arc::default();
        let mut kept = None;
        if self.commits {
            runtime.spawn(commit(inlet, Arc::clone(&taken)));
        } else {
            kept = Some(inlet);
        }
        Daemon {
            address: server.address(),
            server: Some(server),
            gate,
            metrics,
            board,
            findings,
            taken,
            inlet: kept,
            runtime,
        }
    }
}

impl Daemon {
    fn start() -> Self {
        Setup::default().start()
    }

    /// A new connection.
    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// A request with the ingest token on a connection of its own.
    fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        let headers = format!("Authorization: Bearer {INGEST}\r\n{headers}");
        self.client().request("POST", path, &headers, body)
    }

    /// A request with the API token on a connection of its own.
    fn api(&self, method: &str, path: &str) -> Answer {
        let headers = format!("Authorization: Bearer {API}\r\n");
        self.client().request(method, path, &headers, b"")
    }

    fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// A line of the metrics that begins so, without its beginning.
    fn metric(&self, beginning: &str) -> Option<String> {
        let text = Metrics::render(&self.metrics.registry());
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(beginning));
        line.map(|rest| rest.trim().to_owned())
    }

    fn refused(&self, source: &str, reason: &str) -> Option<String> {
        self.metric(&format!(
            "sandtrap_refused_total{{source=\"{source}\",reason=\"{reason}\"}}"
        ))
    }
}

/// Says of everything that it is committed; what has no brace cannot be
/// decoded, and what is `{"again":1}` was there before.
async fn commit(mut inlet: Inlet, taken: Arc<Mutex<Vec<Taken>>>) {
    while let Some(work) = inlet.next().await {
        let mut receipt = Receipt {
            records: work.delivery.records.len() as u64,
            ..Receipt::default()
        };
        for (place, (record, fault)) in work.delivery.records.iter().enumerate() {
            let input = work.delivery.input.to_string();
            let text = String::from_utf8_lossy(record).into_owned();
            let fault = fault.map(str::to_owned);
            let reason = match &fault {
                Some(reason) => Some(reason.clone()),
                None if !text.starts_with('{') => Some("not a JSON object".to_owned()),
                None => None,
            };
            receipt.duplicates += u64::from(text == "{\"again\":1}");
            receipt
                .undecodable
                .extend(reason.map(|reason| (place as u32, reason)));
            taken.lock().unwrap().push((input, text, fault));
        }
        let _ = work.receipt.send(receipt);
    }
}

/// Findings 1 to as many as there are, and what was asked of the daemon.
struct Findings(watch::Sender<u64>, Mutex<Vec<String>>);

impl Default for Findings {
    fn default() -> Self {
        Self(watch::channel(0).0, Mutex::default())
    }
}

impl Findings {
    fn asked(&self, what: String) {
        self.1.lock().unwrap().push(what);
    }
}

impl Control for Findings {
    fn reload(&self) -> Pending<'_, Result<Value, String>> {
        Box::pin(async { Ok(json!({"loaded": ["one"]})) })
    }

    fn findings(&self, limit: usize, after: Option<u64>) -> Vec<(u64, Arc<[u8]>)> {
        let last = *self.0.borrow();
        let first = match after {
            Some(after) => after + 1,
            None => last.saturating_sub(limit as u64) + 1,
        };
        let finding = |number| (number, format!("{{\"n\":{number}}}").into_bytes().into());
        (first..=last).take(limit).map(finding).collect()
    }

    fn latest(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn letters(&self, which: &Selection) -> Result<Vec<Numbered>, StateError> {
        self.asked(format!("{which:?}"));
        let letter = Letter::new("trap", "trapped");
        Ok(vec![Numbered { number: 7, letter }])
    }

    fn letter(&self, number: u64) -> Result<Option<Letter>, StateError> {
        Ok((number == 7).then(|| Letter::new("trap", "trapped")))
    }

    fn replay(&self, which: Which) -> Pending<'_, Result<ReplayReport, RepairError>> {
        self.asked(format!("{which:?}"));
        Box::pin(async { Ok(ReplayReport::default()) })
    }

    fn release(&self, id: String) -> Pending<'_, Result<(), RepairError>> {
        self.asked(id);
        Box::pin(async { Err(RepairError::HeldUp) })
    }
}
