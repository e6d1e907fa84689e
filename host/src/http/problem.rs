//! Answers that say no. All have the form of Elasticsearch's, because shippers
//! read that one; people find what to do in `reason`.

use axum::{
    Json,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A request that is refused, and why.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    refusal: Refusal,
    /// The kind of error as Elasticsearch calls it.
    kind: &'static str,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Marks an answer that refuses, with the reason as metrics have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) &'static str);

/// Marks an answer to a request whose body was read to its end, so that the
/// connection can go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyRead;

impl Problem {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "security_exception",
            StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable_shards_exception",
            StatusCode::INTERNAL_SERVER_ERROR => "exception",
            StatusCode::NOT_FOUND => "resource_not_found_exception",
            _ => "illegal_argument_exception",
        };
        Self {
            status,
            refusal: Refusal(reason),
            kind,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The request cannot be understood.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    /// The body cannot be decompressed.
    pub(super) fn undecodable_body(coding: &str, error: &std::io::Error) -> Self {
        let message = format!("the body is not {coding} as Content-Encoding says: {error}");
        Self::new(StatusCode::BAD_REQUEST, "encoding", message)
    }

    /// No token, or one that opens nothing.
    pub(super) fn unauthorized(message: String) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"sandtrap\"");
        Self::new(StatusCode::UNAUTHORIZED, "token", message).with(WWW_AUTHENTICATE, challenge)
    }

    /// A token that opens something else.
    pub(super) fn forbidden(message: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "token", message)
    }

    /// There is nothing under this path.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "path", message)
    }

    /// The path takes other methods.
    pub(super) fn method() -> Self {
        let message = "the path does not take this method; the header Allow lists those it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", message)
    }

    /// The client took too long.
    pub(super) fn too_slow(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow", message).closing()
    }

    /// The body is larger than any may be.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "size", message)
    }

    /// The body is not of a type that is taken.
    pub(super) fn content_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "type", message)
    }

    /// The body is compressed in a way that is not known.
    pub(super) fn content_encoding(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", message)
            .with(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"))
    }

    /// A reload that was refused.
    pub(super) fn reload(message: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "reload", message)
    }

    /// It goes on, and nobody knows how long.
    pub(super) fn held_up(message: String) -> Self {
        Self::new(StatusCode::CONFLICT, "held_up", message)
    }

    /// Whether the server is going away.
    pub(super) fn is_unavailable(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// There is no room now.
    pub(super) fn full() -> Self {
        let message = "the queue is full; nothing of this was taken in, send it again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "full", message)
            .with(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// It was taken in, but is not committed yet.
    pub(super) fn uncommitted() -> Self {
        let message = "not acknowledged; send it again, what was processed is recognised";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "commit", message)
            .with(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// The daemon stops.
    pub(super) fn stopping() -> Self {
        let message = "the host is stopping; this was not acknowledged, send it again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message)
            .with(RETRY_AFTER, HeaderValue::from_static("5"))
            .closing()
    }

    /// A defect of this program.
    pub(super) fn defect() -> Self {
        let message = "a defect in Sandtrap; the log of the host has more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", message).closing()
    }

    fn closing(self) -> Self {
        self.with(CONNECTION, HeaderValue::from_static("close"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "error": {
                "root_cause": [{"type": self.kind, "reason": self.message}],
                "type": self.kind,
                "reason": self.message,
            },
            "status": self.status.as_u16(),
        });
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(self.refusal);
        response
    }
}
