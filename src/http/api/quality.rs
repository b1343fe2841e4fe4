//! `/api/models/{model}/quality` and `/api/models/{model}/feedback`: how good predictions are, and
//! the truths that say so.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{malformed, refused};
use crate::away;
use crate::drift;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, body, document, reply};
use crate::quality::{Board, Fate, Feedback, Named, Report, Truth};
use crate::registry::ControlError;

#[derive(Serialize)]
struct Reports<'a> {
    model: &'a str,
    /// By version, those that serve and are watched.
    versions: BTreeMap<u64, Report>,
}

pub(in crate::http) async fn report(State(api): State<Api>, Path(model): Path<String>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    let Some(found) = snapshot.models.get(&model) else {
        return refused(&ControlError::UnknownModel(model));
    };
    let versions = found.versions.iter().filter_map(|(version, entry)| {
        Some((*version, entry.live.as_ref()?.quality.as_ref()?.report()))
    });
    reply::json(&Reports { model: &model, versions: versions.collect() })
}

/// `{"feedback": [{"token": "…", "row": 0, "actual": "late"}]}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    feedback: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    token: Option<String>,
    id: Option<String>,
    #[serde(default)]
    row: usize,
    actual: Actual,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Actual {
    Bool(bool),
    Number(f64),
    Text(String),
}

#[derive(Serialize, Default)]
struct Fates {
    accepted: usize,
    unknown: usize,
    expired: usize,
    duplicate: usize,
    invalid: usize,
}

pub(in crate::http) async fn feedback(
    State(api): State<Api>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !api.predictor.registry().snapshot().models.contains_key(&model) {
        return refused(&ControlError::UnknownModel(model));
    }
    match take(&api, model, &headers, body).await {
        Ok(fates) => reply::with_status(StatusCode::ACCEPTED, &fates),
        Err(error) => malformed(&error),
    }
}

async fn take(api: &Api, model: String, headers: &HeaderMap, body: Body) -> Result<Fates, Error> {
    let bytes = body::read(&api.config, headers, body).await?;
    let board = api.board.clone();
    // Thousands of signatures take a while.
    away::blocking(move || count(&board, &model, &bytes)).await?
}

fn count(board: &Board, model: &str, bytes: &[u8]) -> Result<Fates, Error> {
    let document: Document = document::object(bytes, "feedback")?;
    let now = drift::now();
    let mut fates = Fates::default();
    for item in document.feedback {
        let fate =
            item.feedback().map_or(Fate::Invalid, |feedback| board.feedback(model, &feedback, now));
        *fates.of(fate) += 1;
    }
    Ok(fates)
}

impl Item {
    /// `None` if it does not say what it is about, or says it twice.
    fn feedback(self) -> Option<Feedback> {
        let of = match (self.token, self.id) {
            (Some(token), None) => Named::Token(token),
            (None, Some(id)) => Named::Id(id),
            _ => return None,
        };
        let truth = match self.actual {
            Actual::Bool(truth) => Truth::Bool(truth),
            Actual::Number(number) => Truth::Number(number),
            Actual::Text(text) => Truth::Text(text),
        };
        Some(Feedback { of, row: self.row, truth })
    }
}

impl Fates {
    fn of(&mut self, fate: Fate) -> &mut usize {
        match fate {
            Fate::Accepted => &mut self.accepted,
            Fate::Unknown => &mut self.unknown,
            Fate::Expired => &mut self.expired,
            Fate::Duplicate => &mut self.duplicate,
            Fate::Invalid => &mut self.invalid,
        }
    }
}
