//! `/api/jobs`: batch jobs, one by one and all of them.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};

use super::malformed;
use crate::away;
use crate::http::error::{Error, Message};
use crate::http::path::Path;
use crate::http::query::Query;
use crate::http::{Api, body, document, reply};
use crate::jobs::{self, Follower, Jobs, Progress, Refused, Request, Status};

/// Lists of files may be long.
const MAX_BODY: usize = 1 << 20;

/// Jobs of a list, unless more are asked for.
const LISTED: usize = 100;

/// Between two events of a job.
const PACE: Duration = Duration::from_millis(250);

const OFF: &str = "jobs are off: start the server with --job-root DIR, the directory that jobs may read and write, or with --job-prefixes URLS";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    state: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Document {
    jobs: Vec<Status>,
}

pub(in crate::http) async fn submit(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let bytes = match body::read_up_to(MAX_BODY, &api.config, &headers, body).await {
        Ok(bytes) => bytes,
        Err(error) => return malformed(&error),
    };
    let submit = move |jobs: &Jobs| {
        let request = document::parsed(&bytes, Request::parse).map_err(Refused::Invalid)?;
        jobs.submit(request)
    };
    done(&api, submit, |status| {
        let mut response = reply::with_status(StatusCode::ACCEPTED, &status);
        if let Ok(location) = HeaderValue::try_from(format!("/api/jobs/{}", status.id)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    })
    .await
}

pub(in crate::http) async fn list(
    State(api): State<Api>,
    Query(Wanted { state, limit }): Query<Wanted>,
) -> Response {
    let list = move |jobs: &Jobs| {
        let state = state.as_deref().map(jobs::State::parse).transpose();
        let state = state.map_err(Refused::Invalid)?;
        Ok(jobs.list(state, limit.unwrap_or(LISTED)))
    };
    done(&api, list, |jobs| reply::json(&Document { jobs })).await
}

pub(in crate::http) async fn get(State(api): State<Api>, Path(id): Path<String>) -> Response {
    done(&api, move |jobs| jobs.find(&id), |status| reply::json(&status)).await
}

/// Cancels a job, or forgets one that has ended.
pub(in crate::http) async fn delete(State(api): State<Api>, Path(id): Path<String>) -> Response {
    done(
        &api,
        move |jobs| jobs.cancel(&id),
        |left| match left {
            // A job that runs stops soon.
            Some(status) => reply::with_status(StatusCode::ACCEPTED, &status),
            None => StatusCode::NO_CONTENT.into_response(),
        },
    )
    .await
}

pub(in crate::http) async fn retry(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let retry = move |jobs: &Jobs| jobs.retry(&id);
    done(&api, retry, |status| reply::with_status(StatusCode::ACCEPTED, &status)).await
}

/// Server-sent events `progress`, and `end` at the end.
pub(in crate::http) async fn events(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let follow = move |jobs: &Jobs| jobs.follow(&id);
    done(&api, follow, |follower| {
        Sse::new(told(follower)).keep_alive(KeepAlive::default()).into_response()
    })
    .await
}

/// Events are made when there is room for them: a client that does not read costs nothing, and
/// then sees how far the job is by then.
fn told(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((Some(follower), false), async |(follower, is_later)| {
        let mut follower = follower?;
        if is_later {
            tokio::time::sleep(PACE).await;
        }
        let status = follower.next().await?;
        if status.state.has_ended() {
            return Some((Ok(event("end", &status)), (None, true)));
        }
        let progress = Told { state: status.state, progress: status.progress };
        Some((Ok(event("progress", &progress)), (Some(follower), true)))
    })
}

#[derive(Serialize)]
struct Told {
    state: jobs::State,
    #[serde(flatten)]
    progress: Progress,
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // Documents here are made of strings, numbers and lists: they always serialise.
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

/// Does something with the jobs, on a thread that may wait for the disk.
pub(super) async fn done<T: Send + 'static>(
    api: &Api,
    work: impl FnOnce(&Jobs) -> Result<T, Refused> + Send + 'static,
    answer: impl FnOnce(T) -> Response,
) -> Response {
    let Some(jobs) = api.jobs.clone() else {
        return reply::problem(StatusCode::FORBIDDEN, OFF);
    };
    match away::blocking(move || work(&jobs)).await {
        Ok(Ok(done)) => answer(done),
        Ok(Err(refused)) => self::refused(refused),
        Err(lost) => {
            let error = Error::from(lost);
            failed(error.status(), &error.to_string())
        }
    }
}

fn refused(refused: Refused) -> Response {
    let message = refused.to_string();
    let (status, retry_after) = match refused {
        Refused::Forbidden(_) => (StatusCode::FORBIDDEN, None),
        Refused::Invalid(_) => (StatusCode::BAD_REQUEST, None),
        Refused::Unknown(_) | Refused::UnknownSchedule(_) => (StatusCode::NOT_FOUND, None),
        Refused::Conflict(_) => (StatusCode::CONFLICT, None),
        Refused::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, Some(10)),
        Refused::Held => (StatusCode::SERVICE_UNAVAILABLE, Some(1)),
        Refused::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, None),
        Refused::Store(_) => return failed(StatusCode::INTERNAL_SERVER_ERROR, &message),
        Refused::Model(error) => {
            let retry_after = error.retry_after();
            (Error::Predict(error).status(), retry_after)
        }
    };
    let mut response = reply::problem(status, &message);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What the log should know, too.
fn failed(status: StatusCode, message: &str) -> Response {
    let mut response = reply::problem(status, message);
    response.extensions_mut().insert(Message(message.to_owned()));
    response
}
