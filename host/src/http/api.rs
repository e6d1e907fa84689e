//! What operators look at.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Site, body, follow,
    problem::{BodyRead, Problem},
};
use crate::{
    daemon::board::{AnalyticStatus, Status},
    metrics::Metrics,
};

/// Most findings of an answer.
const FINDINGS: usize = 1000;

/// Findings of an answer where nobody says how many.
const SOME_FINDINGS: usize = 100;

/// The process lives.
pub(super) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The analytics are loaded and events are taken in.
pub(super) async fn readyz(State(site): State<Arc<Site>>) -> Response {
    let status = site.board.status();
    let (code, word) = if site.is_stopping() || status.stopping {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if status.ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting")
    };
    (code, Json(json!({"status": word}))).into_response()
}

/// All metrics, for Prometheus.
pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = Metrics::render(&site.registry);
    ([(CONTENT_TYPE, content_type)], text).into_response()
}

/// The state of everything.
pub(super) async fn status(State(site): State<Arc<Site>>) -> Json<Status> {
    Json(site.board.status())
}

#[derive(Serialize)]
struct Analytic {
    id: String,
    #[serde(flatten)]
    status: AnalyticStatus,
}

#[derive(Serialize)]
struct Analytics {
    analytics: Vec<Analytic>,
    refused: BTreeMap<String, String>,
}

/// The analytics, and the files that did not load.
pub(super) async fn analytics(State(site): State<Arc<Site>>) -> Response {
    let status = site.board.status();
    let analytics = status.analytics.into_iter();
    Json(Analytics {
        analytics: analytics
            .map(|(id, status)| Analytic { id, status })
            .collect(),
        refused: status.refused,
    })
    .into_response()
}

/// One analytic.
pub(super) async fn analytic(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut status = site.board.status();
    let status = status.analytics.remove(&id).ok_or_else(|| {
        Problem::not_found(format!(
            "no analytic {id:?} is loaded; GET /api/v1/analytics lists them"
        ))
    })?;
    Ok(Json(Analytic { id, status }).into_response())
}

/// Which findings are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Findings {
    limit: Option<usize>,
    after: Option<u64>,
    #[serde(default)]
    follow: bool,
}

/// Recent findings; with `follow` also those to come, a line each.
pub(super) async fn findings(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Query::<Findings>::try_from_uri(request.uri()).map_err(|error| {
        Problem::malformed(format!("limit, after and follow cannot be read: {error}"))
    })?;
    let limit = asked.limit.unwrap_or(SOME_FINDINGS).min(FINDINGS);
    if asked.follow {
        let body = Body::new(follow::follow(&site, limit, asked.after));
        return Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response());
    }
    let mut text = b"{\"findings\":[".to_vec();
    for (place, (number, finding)) in site.control.findings(limit, asked.after).iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        write(&mut text, *number, finding);
    }
    text.extend_from_slice(b"]}");
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// A finding with its number, by which one goes on after it.
pub(super) fn write(text: &mut Vec<u8>, number: u64, finding: &[u8]) {
    text.extend_from_slice(format!("{{\"number\":{number},\"finding\":").as_bytes());
    text.extend_from_slice(finding);
    text.push(b'}');
}

/// Reads configuration and analytics again.
pub(super) async fn reload(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Problem> {
    body::discard(&site, request).await?;
    let control = Arc::clone(&site.control);
    // It goes on when the client does not wait.
    let reloaded = tokio::spawn(async move { control.reload().await }).await;
    let mut response = match reloaded {
        Ok(Ok(outcome)) => Json(outcome).into_response(),
        Ok(Err(reason)) => Problem::reload(reason).into_response(),
        Err(error) => {
            tracing::error!(%error, "reloading panicked");
            Problem::defect().into_response()
        }
    };
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}
