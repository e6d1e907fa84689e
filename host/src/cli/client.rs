//! Talking to a running daemon over its API, and saying what to do where that
//! does not work.

use std::{
    io::Read,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde::{Deserialize, de::DeserializeOwned};
use toml::de::{DeTable, Deserializer};
use ureq::{
    Body,
    http::{Response, StatusCode},
};

use crate::{
    config::{Config, ConfigError, Http},
    sinks::terminal::neutral,
};

/// Which daemon.
#[derive(Debug, Args)]
pub struct Connection {
    /// Where the daemon's API is [default: what --config says, or
    /// http://127.0.0.1:7373].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The daemon's configuration, for the address and the token.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file with the API's token [default: what --config says, or
    /// api.token in the state folder].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Where the state is unless a configuration says otherwise.
const STATE_FOLDER: &str = "/var/lib/sandtrap";

/// The API's token in the state folder.
const TOKEN: &str = "api.token";

/// Largest answer.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// Largest answer to a request that failed.
const MAX_REFUSAL: u64 = 64 * 1024;

/// Who can be asked.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: String,
    token_file: PathBuf,
}

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The token cannot be read.
    #[error(
        "cannot read the API's token {path}: {reason}; name its file with --token-file or the \
         daemon's configuration with --config (the daemon makes it when it starts, readable by \
         its own user)"
    )]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file holds something else.
    #[error("{0} holds no token: one line of visible ASCII characters")]
    NoToken(PathBuf),
    /// Not a URL.
    #[error("`{0}` is no URL of a daemon; write such as http://127.0.0.1:7373")]
    Url(String),
    /// Nobody answers.
    #[error(
        "no daemon answers at {url} ({reason}); start it with `sandtrap run --config FILE`, or \
         say where it listens with --url or --config"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// The token does not open this.
    #[error(
        "the daemon at {url} does not accept the token from {path}; name the file of its API's \
         token with --token-file (the ingest token does not open the API)"
    )]
    Refused {
        /// Where.
        url: String,
        /// The token's file.
        path: PathBuf,
    },
    /// Not now.
    #[error("the daemon at {url} is starting or stopping ({reason}); try again in a moment")]
    Unavailable {
        /// Where.
        url: String,
        /// What it says.
        reason: String,
    },
    /// The daemon knows nothing of this name or number.
    #[error("{what}; `{command}` lists them")]
    Missing {
        /// What is missing, as the daemon says it.
        what: String,
        /// The command that lists what there is.
        command: &'static str,
    },
    /// The daemon says no.
    #[error("the daemon at {url} answers {status}: {reason}")]
    Status {
        /// Where.
        url: String,
        /// The status.
        status: StatusCode,
        /// What it says.
        reason: String,
    },
    /// Something else answers.
    #[error("what answers at {url} is no Sandtrap daemon of this version: {reason}")]
    Answer {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// Whether the address or the token is at fault.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Token { .. } | Self::NoToken(_) | Self::Url(_) | Self::Refused { .. }
        )
    }

    /// The same with a command in place of the path that lists what there is.
    pub fn naming(self, command: &'static str) -> Self {
        let Self::Status { status, reason, .. } = &self else {
            return self;
        };
        match reason.split_once("; GET /api/") {
            Some((what, _)) if *status == StatusCode::NOT_FOUND => Self::Missing {
                what: what.to_owned(),
                command,
            },
            _ => self,
        }
    }

    /// Whether it may work in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}

impl Connection {
    /// Reads what is needed to ask the daemon.
    pub fn client(&self) -> anyhow::Result<Client> {
        let access = match &self.config {
            Some(path) => Access::read(path)?,
            None => Access::default(),
        };
        let base = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(access.http.listen)),
        };
        let token_file = self.token_file(&access);
        let token = read_token(&token_file)?;
        Ok(Client::new(base, token, token_file))
    }

    fn token_file(&self, access: &Access) -> PathBuf {
        let named = self.token_file.as_ref().or(access.http.token_file.as_ref());
        named.cloned().unwrap_or_else(|| {
            let folder = access.state_folder.as_deref();
            folder.unwrap_or(Path::new(STATE_FOLDER)).join(TOKEN)
        })
    }
}

/// What of a configuration says how to reach the daemon.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Access {
    state_folder: Option<PathBuf>,
    http: Http,
}

impl Access {
    /// Reads it from a file whose other sections may be wrong: a daemon that was
    /// started before goes on with what it has, and must be reachable then.
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let error = match Config::parse(path) {
            Ok(Config {
                state_folder, http, ..
            }) => return Ok(Self { state_folder, http }),
            Err(error @ ConfigError::Parse { .. }) => error,
            Err(error) => return Err(error),
        };
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let (table, _) = DeTable::parse_recoverable(&text);
        let Ok(access) = Self::deserialize(Deserializer::from(table)) else {
            return Err(error);
        };
        let reason = std::error::Error::source(&error).map_or_else(String::new, |source| {
            format!("\n{}", source.to_string().trim_end())
        });
        eprintln!(
            "warning: {} has an error, and the daemon does not take it until that is mended; \
             `sandtrap config check` tells more{reason}",
            path.display()
        );
        Ok(access)
    }
}

/// The address at which one reaches who listens on another.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}

fn read_token(path: &Path) -> Result<String, ClientError> {
    let text = std::fs::read_to_string(path).map_err(|reason| ClientError::Token {
        path: path.to_owned(),
        reason,
    })?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ClientError::NoToken(path.to_owned()));
    }
    Ok(token.to_owned())
}

impl Client {
    fn new(base: String, token: String, token_file: PathBuf) -> Self {
        // Neither a proxy nor whom a redirection names is to see the token.
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(5)))
            .build()
            .new_agent();
        Self {
            agent,
            base,
            token,
            token_file,
        }
    }

    /// Where the daemon is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Gets an answer as text.
    pub fn get(&self, path: &str) -> Result<String, ClientError> {
        let request = self
            .agent
            .get(self.url(path))
            .header("Authorization", self.bearer());
        let request = request.config().timeout_global(Some(ANSWER)).build();
        self.text(request.call())
    }

    /// Has something done, which may take long, and gets the answer as text.
    pub fn post(&self, path: &str, timeout: Duration) -> Result<String, ClientError> {
        let request = self
            .agent
            .post(self.url(path))
            .header("Authorization", self.bearer());
        let request = request.config().timeout_global(Some(timeout)).build();
        self.text(request.send_empty())
    }

    /// Gets an answer without end. The daemon sends an empty line now and
    /// then, so silence means that it is gone.
    pub fn follow(&self, path: &str) -> Result<impl Read + use<>, ClientError> {
        let request = self
            .agent
            .get(self.url(path))
            .header("Authorization", self.bearer());
        let request = request
            .config()
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(SILENCE))
            .build();
        Ok(self.accept(request.call())?.into_body().into_reader())
    }

    /// Reads an answer.
    pub fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, ClientError> {
        serde_json::from_str(text).map_err(|error| self.malformed(error))
    }

    /// The answer is not what it should be.
    pub fn malformed(&self, reason: impl ToString) -> ClientError {
        ClientError::Answer {
            url: self.base.clone(),
            reason: reason.to_string(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn text(&self, result: Result<Response<Body>, ureq::Error>) -> Result<String, ClientError> {
        let body = self.accept(result)?.into_body();
        read(body, MAX_ANSWER).map_err(|error| self.failed(error))
    }

    /// Makes errors of everything but success.
    fn accept(
        &self,
        result: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, ClientError> {
        let response = result.map_err(|error| self.failed(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let url = self.base.clone();
        let reason = reason(&read(response.into_body(), MAX_REFUSAL).unwrap_or_default());
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ClientError::Refused {
                url,
                path: self.token_file.clone(),
            },
            StatusCode::SERVICE_UNAVAILABLE => ClientError::Unavailable { url, reason },
            _ => ClientError::Status {
                url,
                status,
                reason,
            },
        })
    }

    fn failed(&self, error: ureq::Error) -> ClientError {
        match error {
            ureq::Error::Http(_) | ureq::Error::BadUri(_) => ClientError::Url(self.base.clone()),
            error => ClientError::Unreachable {
                url: self.base.clone(),
                reason: error.to_string(),
            },
        }
    }
}

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// How long a daemon that is followed may say nothing.
const SILENCE: Duration = Duration::from_secs(90);

/// A value as a part of a path or a query.
pub fn encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn read(body: Body, limit: u64) -> Result<String, ureq::Error> {
    body.into_with_config()
        .limit(limit)
        .lossy_utf8(true)
        .read_to_string()
}

/// What a refusal says, safe to be shown.
fn reason(text: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let said = parsed
        .pointer("/error/reason")
        .and_then(|said| said.as_str());
    let said: String = said.unwrap_or(text.trim()).chars().take(500).collect();
    if said.is_empty() {
        "no reason given".to_owned()
    } else {
        neutral(&said)
    }
}

#[cfg(test)]
pub(in crate::cli) mod tests;
