//! What shippers ask before they send to Elasticsearch. They are told what lets
//! them go on: everything they want to set up is there, and nothing is stored.
//!
//! - Logstash: `GET` and `HEAD /`, `/_license`, `/_xpack`, index templates,
//!   ILM policies, `HEAD` and `PUT` of the index, and `/_nodes/http` if it
//!   sniffs.
//! - Filebeat and Winlogbeat: `GET /` on every connection, `/_license` or
//!   `/_xpack`, index template, data stream, ILM policy, ingest pipelines.
//! - Vector: `/_cluster/health`, and `GET /` for the version.
//! - rsyslog (omelasticsearch): `/_cat/health` before it sends.
//! - Fluent Bit: nothing; it reads the answers of `/_bulk` only.
//! - The official clients: the header `X-Elastic-Product`, and the media type
//!   they asked for.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::HeaderValue,
    response::{IntoResponse, Response},
    routing::{any, get, head},
};
use serde_json::{Value, json};

use super::{
    Site, body,
    problem::{BodyRead, Problem},
    routes::not_found,
};

/// The version that is spoken. Shippers of version 8 refuse servers much older
/// or newer than they are.
const VERSION: &str = "8.17.0";

/// Shippers keep it and compare it; it names no cluster.
const UUID: &str = "c2FuZHRyYXAtaG9zdA0000";

/// The media type that the clients of version 8 and later ask for.
const VERSIONED: &[u8] = b"application/vnd.elasticsearch+json";

/// The calls.
pub(super) fn routes() -> Router<Arc<Site>> {
    let index = head(set_up).put(set_up).fallback(not_found);
    Router::new()
        .route("/", get(info))
        .route("/_license", get(license))
        .route("/_xpack", get(xpack))
        .route("/_cluster/health", get(health))
        .route("/_cat/health", get(async || "sandtrap green\n"))
        .route("/_nodes", get(nodes))
        .route("/_nodes/{*rest}", get(nodes))
        .route("/_index_template/{name}", any(index_template))
        .route("/_component_template/{name}", any(named))
        .route("/_template/{name}", any(named))
        .route("/_ilm/policy/{name}", any(policy))
        .route("/_data_stream/{name}", any(data_stream))
        .route("/_ingest/pipeline/{name}", any(named))
        .route("/{index}", index)
}

/// The media type an answer is to have, if the request names a version.
pub(super) fn versioned_type(accept: Option<&HeaderValue>) -> Option<HeaderValue> {
    let accept = accept?.as_bytes().to_ascii_lowercase();
    let at = memchr::memmem::find(&accept, VERSIONED)?;
    let rest = accept.get(at..)?;
    let asked = memchr::memmem::find(rest, b"compatible-with=")
        .and_then(|at| rest.get(at + b"compatible-with=".len()))
        .filter(|digit| digit.is_ascii_digit());
    let version = char::from(*asked.unwrap_or(&b'8'));
    let value = format!("application/vnd.elasticsearch+json;compatible-with={version}");
    HeaderValue::from_str(&value).ok()
}

async fn info() -> Json<Value> {
    Json(json!({
        "name": "sandtrap",
        "cluster_name": "sandtrap",
        "cluster_uuid": UUID,
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0000000000000000000000000000000000000000",
            "build_date": "2024-12-11T12:08:05.663969764Z",
            "build_snapshot": false,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

fn basic_license() -> Value {
    json!({
        "status": "active",
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "mode": "basic",
        "issue_date": "2024-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_704_067_200_000_u64,
        "max_nodes": 1000,
        "issued_to": "sandtrap",
        "issuer": "sandtrap",
        "start_date_in_millis": -1,
    })
}

async fn license() -> Json<Value> {
    Json(json!({"license": basic_license()}))
}

async fn xpack() -> Json<Value> {
    Json(json!({
        "build": {"hash": "0000000000000000000000000000000000000000"},
        "license": basic_license(),
        "features": {"ilm": {"available": true, "enabled": true}},
        "tagline": "You know, for X",
    }))
}

async fn health() -> Json<Value> {
    Json(json!({
        "cluster_name": "sandtrap",
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
    }))
}

async fn nodes(State(site): State<Arc<Site>>) -> Json<Value> {
    let address = site.address.to_string();
    Json(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": "sandtrap",
        "nodes": {"sandtrap": {
            "name": "sandtrap",
            "version": VERSION,
            "roles": ["data", "ingest"],
            "http": {"bound_address": [&address], "publish_address": &address},
        }},
    }))
}

async fn index_template(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let template = json!({"index_patterns": [], "composed_of": []});
    let there = json!({"index_templates": [{"name": name, "index_template": template}]});
    answer(&site, request, there).await
}

async fn policy(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let there = json!({name: {"version": 1, "policy": {"phases": {}}}});
    answer(&site, request, there).await
}

async fn data_stream(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let there = json!({"data_streams": [{
        "name": name,
        "timestamp_field": {"name": "@timestamp"},
        "indices": [],
        "generation": 1,
        "status": "GREEN",
        "template": name,
    }]});
    answer(&site, request, there).await
}

async fn named(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    answer(&site, request, json!({name: {}})).await
}

async fn set_up(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let there = json!({"acknowledged": true, "shards_acknowledged": true, "index": name});
    answer(&site, request, there).await
}

/// Whoever asks is told that it is there, whoever sets up that it is done.
async fn answer(site: &Site, request: Request, there: Value) -> Result<Response, Problem> {
    let asks = request.method().is_safe();
    body::discard(site, request).await?;
    let done = || json!({"acknowledged": true, "shards_acknowledged": true});
    let mut response = Json(if asks { there } else { done() }).into_response();
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_asked_for_is_answered() {
        let answer = |accept: &'static str| {
            let value = versioned_type(Some(&HeaderValue::from_static(accept)))?;
            Some(value.to_str().unwrap().to_owned())
        };
        let of = |version| {
            Some(format!(
                "application/vnd.elasticsearch+json;compatible-with={version}"
            ))
        };
        assert_eq!(
            answer("application/vnd.elasticsearch+json; compatible-with=9"),
            of(9)
        );
        assert_eq!(
            answer("text/plain, Application/vnd.elasticsearch+json"),
            of(8)
        );
        assert_eq!(answer("application/json"), None);
    }
}
