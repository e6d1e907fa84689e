//! The bulk protocol of Elasticsearch, as far as shippers use it: documents
//! come in, and each is answered in order.

mod actions;
mod answer;

use std::{sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use self::actions::Parsed;
use super::{
    Site,
    body::{self, Received},
    ingest::{count_dropped, input, submit},
    problem::{BodyRead, Problem},
    routes::BULK,
};
use crate::ingest::Receipt;

/// Where documents go that do not say it.
const INDEX: &str = "sandtrap";

/// `/_bulk`.
pub(super) async fn bulk(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Problem> {
    serve(&site, request, None).await
}

/// `/{index}/_bulk`.
pub(super) async fn of_index(
    State(site): State<Arc<Site>>,
    Path(index): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    if index.len() > actions::INDEX {
        return Err(Problem::malformed("the index name is too long"));
    }
    serve(&site, request, Some(index)).await
}

async fn serve(
    site: &Arc<Site>,
    request: Request,
    index: Option<String>,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let media_type = body::media_type(request.headers());
    let known = [
        "",
        "application/x-ndjson",
        "application/ndjson",
        "application/json",
        // The official clients of version 8 and later.
        "application/vnd.elasticsearch+x-ndjson",
        "application/vnd.elasticsearch+json",
        "text/plain",
    ];
    if !known.contains(&media_type.as_str()) {
        return Err(Problem::content_type(format!(
            "{media_type:?} is not taken; send application/x-ndjson"
        )));
    }
    let input = input(request.uri(), index.as_deref().unwrap_or(BULK))?;
    let received = body::receive(site, request).await?;
    let index = index.unwrap_or_else(|| INDEX.to_owned());
    let answered = take_in(site, received, input, &index, began).await;
    let mut response = match answered {
        Ok(answer) => ([(CONTENT_TYPE, "application/json")], Body::from(answer)).into_response(),
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}

async fn take_in(
    site: &Site,
    received: Received,
    input: Arc<str>,
    index: &str,
    began: Instant,
) -> Result<Bytes, Problem> {
    let whole = match received {
        Received::Whole(whole) => whole,
        Received::Dropped(tally) => {
            // A document is a line after a line.
            let dropped = count_dropped(&site.metrics, BULK, tally.lines() / 2);
            return Ok(answer::dropped(dropped));
        }
    };
    let (limits, index) = (site.limits.clone(), Arc::from(index));
    let parsed = body::blocking(move || actions::parse(whole, &index, &limits)).await??;
    let (records, purse, answer) = match parsed {
        Parsed::Batch {
            records,
            purse,
            answer,
        } => (records, purse, answer),
        Parsed::Dropped(documents) => {
            let dropped = count_dropped(&site.metrics, BULK, documents);
            return Ok(answer::dropped(dropped));
        }
    };
    let receipt = if records.is_empty() {
        Receipt::default()
    } else {
        submit(site, BULK, input, records, purse).await?
    };
    body::blocking(move || answer.write(receipt, began.elapsed())).await
}
