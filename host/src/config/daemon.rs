//! What the daemon is told: where events come from, where findings go, and
//! how much it may use. Sizes are in MiB, times in seconds.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Daemon {
    /// Threads that analyse, each with its own devices.
    pub shards: u16,
    /// Most events handed to the analytics at once.
    pub batch: u32,
    /// Most MiB of records that wait to be processed. Beyond it sources are
    /// told to wait.
    pub queue_mib: u32,
    /// How many records are remembered to recognise those that are delivered
    /// again.
    pub remembered_records: u32,
    /// How long stopping may take. What is not done by then is not
    /// acknowledged, and delivered again.
    pub drain_seconds: u64,
    /// How often the folder of the analytics and the configuration are looked
    /// at, besides being watched. Some file systems do not tell of changes.
    pub poll_seconds: u64,
    /// Signatures of known files, NDJSON as `sandtrap signatures scan` makes.
    pub signatures: Option<PathBuf>,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            shards: 1,
            batch: 4_096,
            queue_mib: 256,
            remembered_records: 1_000_000,
            drain_seconds: 30,
            poll_seconds: 10,
            signatures: None,
        }
    }
}

/// How the daemon logs, to standard error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is logged, such as `info` or `sandtrap=debug,warn`. The variable
    /// `SANDTRAP_LOG` has precedence.
    pub level: Option<String>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line to read.
    #[default]
    Human,
    /// A JSON object a line.
    Json,
}

/// The HTTP server: ingestion, metrics and the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// Permits an address that is not loopback although the server speaks
    /// plain HTTP, such as behind a proxy that ends TLS.
    pub plaintext: bool,
    /// File with the token of the API and the metrics. Made in the state
    /// folder if absent.
    pub token_file: Option<PathBuf>,
    /// File with the token that shippers send. Made in the state folder if
    /// absent.
    pub ingest_token_file: Option<PathBuf>,
    /// Largest body after decompression, in MiB.
    pub max_body_mib: u32,
    /// Most connections at once.
    pub max_connections: u32,
    /// How long a client may take for a request's headers, and between two
    /// pieces of its body.
    pub read_seconds: u64,
    /// How long a request waits for its events to be committed; then it is
    /// answered 503 and should be sent again.
    pub commit_seconds: u64,
    /// What happens when the queue is full.
    pub on_full: OnFull,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7373)),
            plaintext: false,
            token_file: None,
            ingest_token_file: None,
            max_body_mib: 64,
            max_connections: 1_024,
            read_seconds: 30,
            commit_seconds: 60,
            on_full: OnFull::Block,
        }
    }
}

/// What a queue does when it is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// Whoever puts in must wait; nothing is lost.
    #[default]
    Block,
    /// What does not fit is dropped and counted.
    Drop,
}

/// Where events come from, besides HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sources {
    /// Files of lines of JSON that grow.
    pub files: Vec<Files>,
    /// Folders that EVTX files are dropped into.
    pub evtx: Vec<EvtxFolder>,
    /// Lines of JSON over TCP.
    pub tcp: Vec<Tcp>,
    /// Lines of JSON over a Unix socket.
    pub unix: Vec<Unix>,
    /// Lines of JSON from standard input.
    pub stdin: bool,
}

/// Files of lines of JSON that grow, rotate and are truncated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// A folder, a file or a glob such as `/var/log/windows/*.ndjson`.
    pub path: String,
    /// What happens when the queue is full.
    #[serde(default)]
    pub on_full: OnFull,
}

/// A folder that EVTX files are dropped into.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvtxFolder {
    /// The folder.
    pub path: PathBuf,
}

/// Lines of JSON over TCP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// Address and port.
    pub listen: SocketAddr,
    /// Permits an address that is not loopback. There is no authentication.
    #[serde(default)]
    pub plaintext: bool,
    /// What happens when the queue is full.
    #[serde(default)]
    pub on_full: OnFull,
}

/// Lines of JSON over a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unix {
    /// The socket; made with access for its owner and group.
    pub path: PathBuf,
    /// What happens when the queue is full.
    #[serde(default)]
    pub on_full: OnFull,
}

/// Where findings go. Without any they go to standard output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sinks {
    /// Files of OCSF NDJSON.
    pub file: Vec<FileSink>,
    /// Standard output, OCSF NDJSON.
    pub stdout: bool,
    /// HTTP endpoints that take a JSON array of findings.
    pub webhook: Vec<Webhook>,
    /// Consumers of the Elasticsearch bulk protocol.
    pub bulk: Vec<Bulk>,
}

/// A file of OCSF NDJSON.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSink {
    /// The file.
    pub path: PathBuf,
    /// The size at which a new file is begun.
    #[serde(default = "rotate_mib")]
    pub rotate_mib: u32,
    /// How many old files are kept.
    #[serde(default = "keep")]
    pub keep: u32,
}

/// An HTTP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where findings are posted.
    pub url: String,
    /// Further headers, such as `Authorization`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long a request may take.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// What happens when the sink's queue is full.
    #[serde(default)]
    pub on_full: OnFull,
}

/// A consumer of the Elasticsearch bulk protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// Its base, such as `https://search.example:9200`; `/_bulk` is added.
    pub url: String,
    /// The index or data stream.
    #[serde(default = "index")]
    pub index: String,
    /// Further headers, such as `Authorization`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long a request may take.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// What happens when the sink's queue is full.
    #[serde(default)]
    pub on_full: OnFull,
}

fn rotate_mib() -> u32 {
    100
}

fn keep() -> u32 {
    10
}

fn timeout_seconds() -> u64 {
    10
}

fn index() -> String {
    "sandtrap-findings".to_owned()
}
