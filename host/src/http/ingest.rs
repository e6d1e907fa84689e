//! `POST /ingest`: lines of JSON, or JSON in any layout.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, Request, State},
    http::Uri,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Site,
    body::{self, Full, Purse, Received, Tally, WhenFull, Whole},
    problem::{BodyRead, Problem},
    routes::HTTP,
};
use crate::{
    ingest::{Delivery, Place, Receipt, Records},
    metrics::{Metrics, Source},
    sources::{
        Encoding, Shape,
        blocks::{Fault, Piece, cut_whole},
    },
};

/// What a record costs besides its bytes: its place, and what is said of it if
/// it cannot be decoded. Otherwise a body of lines of one byte would take many
/// times its size.
const RECORD: usize = 128;

/// How much of what is no record is kept.
const KEPT: usize = 1024;

/// How many undecodable records an answer names.
const NAMED: usize = 100;

/// The longest name of an input.
const NAME: usize = 128;

#[derive(Debug, Deserialize)]
struct Parameters {
    input: Option<String>,
}

/// The handler.
pub(super) async fn ingest(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Problem> {
    let media_type = body::media_type(request.headers());
    let known = [
        "",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/json",
        "text/plain",
    ];
    if !known.contains(&media_type.as_str()) {
        return Err(Problem::content_type(format!(
            "{media_type:?} is not taken; send application/x-ndjson or application/json"
        )));
    }
    let input = input(request.uri(), HTTP)?;
    let when_full = WhenFull::of(site.limits.on_full);
    let received = body::receive(&site, request, when_full).await?;
    let mut response = match take_in(&site, received, input).await {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}

/// How the sender wants its records to be named in findings.
pub(super) fn input(uri: &Uri, otherwise: &str) -> Result<Arc<str>, Problem> {
    let parameters = Query::<Parameters>::try_from_uri(uri)
        .map_err(|error| Problem::malformed(format!("the query cannot be read: {error}")))?;
    let name = parameters.0.input.unwrap_or_default();
    if name.len() > NAME || name.contains(char::is_control) {
        return Err(Problem::malformed(format!(
            "the name of an input has at most {NAME} bytes and no control characters"
        )));
    }
    Ok(if name.is_empty() {
        otherwise.into()
    } else {
        name.into()
    })
}

async fn take_in(site: &Site, received: Received, input: Arc<str>) -> Result<Value, Problem> {
    let whole = match received {
        Received::Whole(whole) => whole,
        Received::Dropped(tally) => return Ok(dropped(&site.metrics, &tally)),
    };
    let limit = site.limits.record;
    let when_full = WhenFull::of(site.limits.on_full);
    match body::blocking(move || cut(whole, limit, when_full)).await?? {
        Cut::Records(records, _) if records.is_empty() => Ok(answer(&Receipt::default())),
        Cut::Records(records, purse) => {
            let receipt = submit(site, HTTP, input, records, purse).await?;
            Ok(answer(&receipt))
        }
        Cut::Dropped(tally) => Ok(dropped(&site.metrics, &tally)),
    }
}

/// Hands records over and waits until all that comes of them is committed.
pub(super) async fn submit(
    site: &Site,
    source: &'static str,
    input: Arc<str>,
    records: Records,
    purse: Purse,
) -> Result<Receipt, Problem> {
    let (count, size) = (records.len(), records.size());
    let delivery = Delivery {
        source: source.into(),
        input,
        records,
        first_record: 0,
        checkpoint: None,
        may_come_again: true,
    };
    let room = purse.into_room().ok_or_else(Problem::stopping)?;
    let submitted = site
        .gate
        .submit(delivery, room)
        .map_err(|_| Problem::stopping())?;
    let labels = Source {
        source: source.to_owned(),
    };
    let metrics = &site.metrics;
    metrics.records.get_or_create(&labels).inc_by(count as u64);
    metrics
        .record_bytes
        .get_or_create(&labels)
        .inc_by(size as u64);
    match timeout(site.limits.commit, submitted.receipt()).await {
        Ok(receipt) => receipt.map_err(|_| Problem::stopping()),
        Err(_) => Err(Problem::uncommitted()),
    }
}

enum Cut {
    Records(Records, Purse),
    Dropped(Tally),
}

fn cut(whole: Whole, max_record: usize, when_full: WhenFull) -> Result<Cut, Problem> {
    let Whole { bytes, mut purse } = whole;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let before = bytes.len() - text.len();
    let shape = shape(text)?;
    let mut places = Vec::new();
    let cut = cut_whole(text, shape, max_record, |piece| {
        if places.len() == places.capacity() {
            let more = places.len().clamp(8, 8192);
            purse.take(more * RECORD)?;
            places.reserve_exact(more);
        }
        places.push(place(&piece, before));
        Ok::<(), Full>(())
    });
    match cut {
        Ok(()) => Ok(Cut::Records(
            Records::within(Encoding::Json, bytes, places),
            purse,
        )),
        Err(full) if !full.is_counted(when_full) => Err(full.problem()),
        Err(_) => {
            let mut tally = Tally::default();
            tally.add(text);
            Ok(Cut::Dropped(tally))
        }
    }
}

/// The layout, preferring lines: whatever a line is, it does not spoil others.
fn shape(text: &[u8]) -> Result<Shape, Problem> {
    let other = match text {
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "the body is compressed, which the header Content-Encoding must say"
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the body is UTF-16; send UTF-8",
        _ => match Shape::recognise(text, true) {
            Some(Shape::Evtx | Shape::Xml) => {
                "only JSON is taken here; put EVTX and XML files into a folder that is watched"
            }
            Some(Shape::Json) => return Ok(Shape::Json),
            Some(Shape::JsonLines) | None => return Ok(Shape::JsonLines),
        },
    };
    Err(Problem::content_type(other))
}

fn place(piece: &Piece, before: usize) -> Place {
    let (start, end) = (before + piece.start, before + piece.end);
    match &piece.fault {
        None => Place {
            bytes: start..end,
            fault: None,
        },
        Some(fault) => Place {
            bytes: start..end.min(start + KEPT),
            fault: Some(match fault {
                Fault::Malformed(reason) => reason.to_string(),
                Fault::Input(reason) => reason.clone(),
            }),
        },
    }
}

fn answer(receipt: &Receipt) -> Value {
    let named = receipt.undecodable.iter().take(NAMED);
    let errors: Vec<Value> = named
        .map(|(record, error)| json!({"record": record, "error": error}))
        .collect();
    json!({
        "records": receipt.records,
        "duplicates": receipt.duplicates,
        "undecodable": receipt.undecodable.len(),
        "errors": errors,
    })
}

/// The sender is told, and told so that it does not send again: that is what
/// the operator chose.
fn dropped(metrics: &Metrics, tally: &Tally) -> Value {
    json!({
        "records": 0,
        "duplicates": 0,
        "undecodable": 0,
        "errors": [],
        "dropped": count_dropped(metrics, HTTP, tally.records()),
    })
}

/// Counts records that were dropped.
pub(super) fn count_dropped(metrics: &Metrics, source: &str, records: u64) -> u64 {
    let labels = Source {
        source: source.to_owned(),
    };
    metrics.dropped.get_or_create(&labels).inc_by(records);
    records
}
