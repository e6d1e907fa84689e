//! Reads a request's body, which is where a sender can do harm: it may be
//! endless, slow, or expand to a thousand times its size.

mod decode;
pub(crate) mod fuzzing;
mod purse;
mod tally;

use std::{future::poll_fn, pin::Pin};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use tokio::time::{Instant, timeout_at};

use self::decode::{Coding, Decoder, Sink};
use super::{Limits, Site, problem::Problem};

pub(super) use self::{
    purse::{Full, Purse, WhenFull},
    tally::Tally,
};

/// What is read and thrown away of bodies that nobody looks at, such as the
/// index templates of shippers, which are up to a few MiB.
const DISCARDED: usize = 16 * 1024 * 1024;

/// A body that was read to its end and decompressed.
pub(super) enum Received {
    /// All of it.
    Whole(Whole),
    /// There was no room, and what has none was to be counted.
    Dropped(Tally),
}

/// A whole body and the room it takes.
pub(super) struct Whole {
    pub(super) bytes: Vec<u8>,
    pub(super) purse: Purse,
}

/// The media type of a body, without parameters and in lower case; empty if it
/// is not told.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let end = value.iter().position(|byte| *byte == b';');
    let essence = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
    String::from_utf8_lossy(essence.trim_ascii()).to_ascii_lowercase()
}

/// Reads a body, decompresses it, and takes room for it.
pub(super) async fn receive(
    site: &Site,
    request: Request,
    when_full: WhenFull,
) -> Result<Received, Problem> {
    if site.is_stopping() {
        return Err(Problem::stopping());
    }
    let limits = &site.limits;
    let coding = Coding::of(request.headers().get(CONTENT_ENCODING))?;
    let length = content_length(request.headers());
    if length.is_some_and(|length| length > limits.body as u64) {
        return Err(decode::too_large(limits.body));
    }
    let purse = Purse::new(site.gate.clone());
    let expected = if coding == Coding::Identity {
        length
    } else {
        None
    };
    let sink = Sink::new(limits, when_full, purse, expected.unwrap_or_default());
    let mut decoder = Decoder::new(coding, sink)?;
    let mut pieces = Pieces::new(request.into_body(), limits, limits.body);
    while let Some(piece) = pieces.next().await? {
        decoder = if coding == Coding::Identity {
            decoder.write(&piece)?
        } else {
            // A piece of 64 KiB can stand for minutes of work.
            blocking(move || decoder.write(&piece)).await??
        };
    }
    blocking(move || decoder.finish()).await?
}

/// Reads a body that nobody looks at.
pub(super) async fn discard(site: &Site, request: Request) -> Result<(), Problem> {
    let mut pieces = Pieces::new(request.into_body(), &site.limits, DISCARDED);
    while pieces.next().await?.is_some() {}
    Ok(())
}

/// Does work that takes long away from the threads that serve connections.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request's work panicked");
        Problem::defect()
    })
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body as it arrives, which must be in time.
struct Pieces {
    body: Body,
    limits: Limits,
    most: usize,
    began: Instant,
    received: u64,
}

impl Pieces {
    fn new(body: Body, limits: &Limits, most: usize) -> Self {
        Self {
            body,
            limits: limits.clone(),
            most,
            began: Instant::now(),
            received: 0,
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let deadline = self.deadline();
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
            let frame = timeout_at(deadline, frame).await;
            let Some(frame) = frame.map_err(|_| self.too_slow())? else {
                return Ok(None);
            };
            let frame = frame
                .map_err(|error| Problem::malformed(format!("the body breaks off: {error}")))?;
            // Trailers say nothing that matters here.
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            self.received += piece.len() as u64;
            if self.received > self.most as u64 {
                return Err(decode::too_large(self.most));
            }
            return Ok(Some(piece));
        }
    }

    /// When the next piece must be there.
    fn deadline(&self) -> Instant {
        let limits = &self.limits;
        let earned = std::time::Duration::from_secs(self.received / limits.pace.max(1));
        let by_pace = self.began + limits.grace + earned;
        let by_piece = Instant::now() + limits.read;
        by_piece.min(by_pace).min(self.began + limits.whole)
    }

    fn too_slow(&self) -> Problem {
        let limits = &self.limits;
        Problem::too_slow(format!(
            "the body is too slow; send a piece at least every {} s, {} bytes a second after \
             the first {} s, and all of it within {} s",
            limits.read.as_secs(),
            limits.pace,
            limits.grace.as_secs(),
            limits.whole.as_secs()
        ))
    }
}
