//! Dead letters and quarantined analytics.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, Request, State},
    http::Uri,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Site, body,
    problem::{BodyRead, Problem},
};
use crate::daemon::{
    repairs::{Numbered, REASONS, RepairError, Selection, Which},
    store::StateError,
};

/// Most letters of an answer.
const LETTERS: usize = 1000;

/// Letters of an answer where nobody says how many.
const SOME_LETTERS: usize = 100;

/// Most letters that one request has tried again.
const REPLAYS: usize = 100;

/// Which letters are asked for. A name that is not known is refused: without
/// the filter that was meant, all letters would be tried again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    after: Option<u64>,
    limit: Option<usize>,
    analytic: Option<String>,
    reason: Option<String>,
    numbers: Option<String>,
}

impl Asked {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        let asked = Query::<Self>::try_from_uri(uri).map_err(|error| {
            Problem::malformed(format!(
                "after, limit, analytic, reason and numbers cannot be read: {error}"
            ))
        })?;
        match &asked.reason {
            Some(reason) if !REASONS.contains(&reason.as_str()) => {
                Err(Problem::malformed(format!(
                    "no letter has the reason {reason:?}; the reasons are {}",
                    REASONS.join(", ")
                )))
            }
            _ => Ok(asked.0),
        }
    }

    fn selection(self, some: usize, most: usize) -> Selection {
        Selection {
            after: self.after,
            limit: self.limit.unwrap_or(some).min(most),
            analytic: self.analytic,
            reason: self.reason,
        }
    }

    /// What is to be tried again, which has to be said.
    fn which(self) -> Result<Which, Problem> {
        let is_filtered = self.after.is_some() || self.analytic.is_some() || self.reason.is_some();
        match self.numbers {
            Some(_) if is_filtered => Err(Problem::malformed(
                "numbers stand alone; ask for after, analytic and reason without them",
            )),
            Some(numbers) => {
                let read: Result<Vec<u64>, _> = numbers.split(',').map(str::parse).collect();
                let numbers = read
                    .map_err(|_| Problem::malformed("numbers are those of letters, such as 3,4"))?;
                if numbers.len() > REPLAYS {
                    return Err(Problem::malformed(format!(
                        "{} letters are too many for a request; send at most {REPLAYS} numbers",
                        numbers.len()
                    )));
                }
                Ok(Which::Numbers(numbers))
            }
            None if is_filtered => {
                let mut selection = self.selection(REPLAYS, REPLAYS);
                // The oldest first, so that whoever asks can go on after them.
                selection.after.get_or_insert(0);
                Ok(Which::Selected(selection))
            }
            None => Err(Problem::malformed(
                "say which letters: numbers=3,4 or analytic=ID or reason=WORD, or after=0 for all",
            )),
        }
    }
}

/// Letters in the order of their numbers, without their events.
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Asked::of(request.uri())?;
    if asked.numbers.is_some() {
        return Err(Problem::malformed(
            "GET /api/v1/deadletters/NUMBER shows one letter",
        ));
    }
    let selection = asked.selection(SOME_LETTERS, LETTERS);
    let letters = site.control.letters(&selection).map_err(unreadable)?;
    Ok(Json(json!({ "letters": letters })).into_response())
}

/// One letter with its event.
pub(super) async fn letter(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let parsed = number.parse().map_err(|_| {
        Problem::malformed("a dead letter has a number; GET /api/v1/deadletters lists them")
    })?;
    let letter = site.control.letter(parsed).map_err(unreadable)?;
    let letter = letter.ok_or_else(|| {
        Problem::not_found(format!(
            "there is no dead letter {parsed}, or not any more; GET /api/v1/deadletters lists them"
        ))
    })?;
    let number = parsed;
    Ok(Json(Numbered { number, letter }).into_response())
}

/// Tries letters again.
pub(super) async fn replay(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Problem> {
    let which = Asked::of(request.uri())?.which()?;
    body::discard(&site, request).await?;
    let report = site.control.replay(which).await.map_err(failed)?;
    let mut response = Json(report).into_response();
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}

/// Lifts the quarantine of an analytic.
pub(super) async fn release(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    body::discard(&site, request).await?;
    let mut status = site.board.status();
    let status = status.analytics.remove(&id).ok_or_else(|| {
        Problem::not_found(format!(
            "no analytic {id:?} is loaded; GET /api/v1/analytics lists them"
        ))
    })?;
    site.control.release(id.clone()).await.map_err(failed)?;
    let mut response = Json(json!({"id": id, "was": status.state})).into_response();
    response.extensions_mut().insert(BodyRead);
    Ok(response)
}

fn failed(error: RepairError) -> Problem {
    match error {
        RepairError::State(error) => unreadable(error),
        RepairError::Stopping => Problem::stopping(),
        RepairError::HeldUp => Problem::held_up(error.to_string()),
    }
}

fn unreadable(error: StateError) -> Problem {
    tracing::error!("dead letters cannot be read: {error}");
    Problem::defect()
}
