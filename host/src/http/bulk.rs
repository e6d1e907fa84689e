//! The bulk protocol of Elasticsearch, as far as shippers use it: documents
//! come in, and each is answered in order.

mod actions;
mod answer;
pub(crate) mod fuzzing;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Path, Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};

use self::actions::Parsed;
use super::{
    Site,
    body::{self, Received, WhenFull},
    ingest::{count_dropped, input, submit},
    problem::{BodyRead, Problem},
    routes::{BULK, count_refusal},
};
use crate::{config::OnFull, ingest::Receipt};

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
    let received = match body::receive(site, request, WhenFull::by_item(site.limits.on_full)).await
    {
        Ok(received) => received,
        Err(problem) if problem.is_unavailable() => return Ok(cut_off()),
        Err(problem) => return Err(problem),
    };
    let index = index.unwrap_or_else(|| INDEX.to_owned());
    let answered = take_in(site, received, input, &index, began).await;
    let json = [(CONTENT_TYPE, "application/json")];
    let mut response = match answered {
        Ok(Answered::Taken(answer)) => (json, Body::from(answer)).into_response(),
        Ok(Answered::Again(answer, reason)) => {
            count_refusal(site, BULK, reason);
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (RETRY_AFTER, HeaderValue::from_static("1")),
            ];
            (StatusCode::TOO_MANY_REQUESTS, headers, Body::from(answer)).into_response()
        }
        Err(problem) if problem.is_unavailable() => return Ok(cut_off()),
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}

/// An answer that breaks off. rsyslog throws away what an answer without items
/// is about, and which items there are is not known where the body was not
/// read; a broken connection has every shipper send again.
fn cut_off() -> Response {
    struct Broken;
    impl HttpBody for Broken {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            Poll::Ready(Some(Err(io::Error::other("the host is stopping"))))
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(2)
        }
    }
    Response::new(Body::new(Broken))
}

/// What is answered.
enum Answered {
    /// Item by item.
    Taken(Bytes),
    /// To send everything again, item by item as well, and why. Most shippers
    /// go by the status, but rsyslog by the items alone, and throws away what
    /// an answer without any is about.
    Again(Bytes, &'static str),
}

async fn take_in(
    site: &Site,
    received: Received,
    input: Arc<str>,
    index: &str,
    began: Instant,
) -> Result<Answered, Problem> {
    let full = |documents: u64| match site.limits.on_full {
        OnFull::Drop => {
            let dropped = count_dropped(&site.metrics, BULK, documents);
            Answered::Taken(answer::dropped(dropped))
        }
        OnFull::Block => Answered::Again(answer::again(documents, began.elapsed()), "full"),
    };
    let whole = match received {
        Received::Whole(whole) => whole,
        // A document is a line after a line.
        Received::Dropped(tally) => return Ok(full(tally.lines() / 2)),
    };
    let (limits, index) = (site.limits.clone(), Arc::from(index));
    let parsed = body::blocking(move || actions::parse(whole, &index, &limits)).await??;
    let (records, purse, answer) = match parsed {
        Parsed::Batch {
            records,
            purse,
            answer,
        } => (records, purse, answer),
        Parsed::Dropped(documents) => return Ok(full(documents)),
    };
    let receipt = if records.is_empty() {
        Receipt::default()
    } else {
        match submit(site, BULK, input, records, purse).await {
            Ok(receipt) => receipt,
            Err(_) => {
                let again = body::blocking(move || answer.write_again(began.elapsed())).await?;
                return Ok(Answered::Again(again, "commit"));
            }
        }
    };
    let taken = body::blocking(move || answer.write(receipt, began.elapsed())).await?;
    Ok(Answered::Taken(taken))
}
