//! What there is under which path, and what every answer has in common.

use std::sync::Arc;

use axum::{
    Router,
    body::HttpBody,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{ACCEPT, CONNECTION, CONTENT_TYPE},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{
    Site, api,
    auth::Scope,
    bulk, handshake, ingest, letters,
    problem::{BodyRead, Problem, Refusal},
};
use crate::metrics::SourceReason;

/// The official clients speak to no server that does not say this.
const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// How the routes of a source are called in metrics.
pub(super) const HTTP: &str = "http";
pub(super) const BULK: &str = "bulk";

/// Everything the server answers.
pub(super) fn router(site: Arc<Site>) -> Router {
    let api = Router::new()
        .route("/metrics", get(api::metrics))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/analytics", get(api::analytics))
        .route("/api/v1/analytics/{id}", get(api::analytic))
        .route("/api/v1/analytics/{id}/release", post(letters::release))
        .route("/api/v1/findings", get(api::findings))
        .route("/api/v1/deadletters", get(letters::list))
        .route("/api/v1/deadletters/replay", post(letters::replay))
        .route("/api/v1/deadletters/{number}", get(letters::letter))
        .route("/api/v1/reload", post(api::reload));
    Router::new()
        .route("/healthz", get(api::healthz))
        .route("/readyz", get(api::readyz))
        .route("/ingest", post(ingest::ingest))
        .route("/_bulk", post(bulk::bulk).put(bulk::bulk))
        .route("/{index}/_bulk", post(bulk::of_index).put(bulk::of_index))
        .merge(api)
        .merge(handshake::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(async || Problem::method())
        .layer(from_fn_with_state(Arc::clone(&site), frame))
        .with_state(site)
}

/// Nothing is there; the paths people look for are listed.
pub(super) async fn not_found() -> Problem {
    Problem::not_found(
        "there is nothing under this path; there are POST /ingest, POST /_bulk, GET /metrics, \
         GET /healthz, GET /readyz, GET /api/v1/status, GET /api/v1/analytics, \
         POST /api/v1/analytics/ID/release, GET /api/v1/findings, GET /api/v1/deadletters, \
         POST /api/v1/deadletters/replay and POST /api/v1/reload",
    )
}

/// Checks the token, and finishes the answer: refusals are counted here, so
/// that none is forgotten.
async fn frame(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_bulk = path == "/_bulk" || path.ends_with("/_bulk");
    let is_api = path == "/metrics" || path.starts_with("/api/");
    let is_open = path == "/healthz" || path == "/readyz";
    let speaks_elasticsearch = !is_api && !is_open && path != "/ingest";
    let has_body = !request.body().is_end_stream();
    let content_type = speaks_elasticsearch
        .then(|| handshake::versioned_type(request.headers().get(ACCEPT)))
        .flatten();
    let scope = if is_api { Scope::Api } else { Scope::Ingest };
    let permitted = if is_open {
        Ok(())
    } else {
        site.tokens.check(request.headers(), scope)
    };
    let mut response = match permitted {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(Refusal(reason)) = response.extensions().get() {
        count_refusal(&site, if is_bulk { BULK } else { HTTP }, reason);
    }
    let is_read = response.extensions().get::<BodyRead>().is_some();
    let headers = response.headers_mut();
    if speaks_elasticsearch {
        headers.insert(PRODUCT, HeaderValue::from_static("Elasticsearch"));
    }
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if has_body && !is_read {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Counts a request or a connection that was refused.
pub(super) fn count_refusal(site: &Site, source: &str, reason: &'static str) {
    let labels = SourceReason {
        source: source.to_owned(),
        reason,
    };
    site.metrics.refused.get_or_create(&labels).inc();
}
