//! What the sinks that speak HTTP have in common.
//!
//! No error and no log line holds a header's value, nor more of a URL than its
//! host and port, for both may be secrets.

use std::{fmt, io::Read, time::Duration};

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::Undelivered;

/// How many characters of an answer go into a message.
const EXCERPT: usize = 200;

/// A sink that cannot work as configured.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Misconfigured {
    /// The URL is none.
    #[error("the URL of a {0} sink must begin with http:// or https:// and name a host")]
    Url(&'static str),
    /// The URL holds a name and a password.
    #[error(
        "the URL of the {0} sink for {1} must not hold a user name; set the header Authorization"
    )]
    UserInfo(&'static str, String),
    /// A header that cannot be sent.
    #[error("the header {1:?} of the sink for {0} cannot be sent: {2}")]
    Header(String, String, &'static str),
    /// Two sinks that would write to one file.
    #[error("two sinks write to {0}")]
    SameFile(String),
    /// Standard output is closed.
    #[error("standard output cannot be used: {0}")]
    Stdout(String),
}

/// Where requests go.
pub(super) struct Endpoint {
    agent: ureq::Agent,
    url: Uri,
    /// Host and port, for messages.
    host: String,
    headers: HeaderMap,
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Post<'a> {
    pub body: &'a [u8],
    /// Headers besides those configured, which have precedence.
    pub headers: &'a [(HeaderName, &'a str)],
    /// How much of the answer's body is read at most.
    pub limit: u64,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub body: Vec<u8>,
}

/// What a status means for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It arrived.
    Taken,
    /// It may be taken another time: the server is unwell, or it is not set up
    /// rightly yet.
    Later,
    /// It will never be taken.
    Refused,
}

/// What a status means. Wrong credentials, a wrong path and the like are
/// mistakes of the configuration; mending them must not have cost a finding.
pub(super) fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Taken,
        401 | 403 | 404 | 405 | 407 | 408 | 425 | 429 => Verdict::Later,
        400..=499 => Verdict::Refused,
        _ => Verdict::Later,
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Endpoint");
        shown.field("host", &self.host).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An endpoint for sinks of a kind.
    pub fn new<'a>(
        kind: &'static str,
        url: &str,
        headers: impl IntoIterator<Item = (&'a String, &'a String)>,
        timeout: Duration,
    ) -> Result<Self, Misconfigured> {
        let url: Uri = url.parse().map_err(|_| Misconfigured::Url(kind))?;
        let authority = url.authority().ok_or(Misconfigured::Url(kind))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
            return Err(Misconfigured::Url(kind));
        }
        let host = match authority.port_u16() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        if authority.as_str().contains('@') {
            return Err(Misconfigured::UserInfo(kind, host));
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let bad = |reason| Misconfigured::Header(host.clone(), name.clone(), reason);
            let key: HeaderName = name.parse().map_err(|_| bad("its name is not valid"))?;
            let value = HeaderValue::from_str(value).map_err(|_| bad("its value is not valid"))?;
            map.insert(key, value);
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout.max(Duration::from_secs(1))))
            .user_agent(concat!("sandtrap/", env!("CARGO_PKG_VERSION")))
            // Answers are read up to a limit, which must be that of what
            // arrives here, not of what it unpacks to.
            .accept_encoding(ureq::config::AutoHeaderValue::None)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url,
            host,
            headers: map,
        })
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends and waits for the answer, whatever its status.
    pub fn post(&self, post: &Post<'_>) -> Result<Answer, Undelivered> {
        let mut request = self.agent.post(&self.url);
        for (name, value) in post.headers {
            if !self.headers.contains_key(name) {
                request = request.header(name, *value);
            }
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send(post.body).map_err(|error| Undelivered {
            reason: format!(
                "{} cannot be reached: {}",
                self.host,
                self.excerpt(&error.to_string())
            ),
            retry_after: None,
        })?;
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut body = Vec::new();
        // The status counts, even if the rest of the answer got lost.
        let _ = response
            .body_mut()
            .as_reader()
            .take(post.limit)
            .read_to_end(&mut body);
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after,
            body,
        })
    }

    /// What the server said, for people.
    pub fn describe(&self, answer: &Answer) -> String {
        let said = self.excerpt(&String::from_utf8_lossy(&answer.body));
        let separator = if said.is_empty() { "" } else { ": " };
        format!("{} answered {}{separator}{said}", self.host, answer.status)
    }

    /// The beginning of a server's words on one line. Servers may repeat the
    /// credentials they were sent.
    pub fn excerpt(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in self
            .headers
            .values()
            .filter_map(|value| value.to_str().ok())
        {
            // The credentials themselves stand behind a scheme.
            let credentials = value.rsplit(' ').next().unwrap_or(value);
            for secret in [value, credentials] {
                if secret.len() >= 4 {
                    text = text.replace(secret, "***");
                }
            }
        }
        let words = text.split(|char: char| char.is_whitespace() || char.is_control());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join(" ").chars().take(EXCERPT).collect()
    }

    /// The answer as the reason to try again.
    pub fn undelivered(&self, answer: &Answer) -> Undelivered {
        Undelivered {
            reason: self.describe(answer),
            retry_after: answer.retry_after,
        }
    }
}
