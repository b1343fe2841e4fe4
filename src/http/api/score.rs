//! POST `/api/models/{model}/score`: a file comes, and its predictions go while it comes.
//!
//! The status is sent with the first predictions and cannot be taken back: what fails later cuts
//! the answer off.

mod answer;
mod media;
mod upload;

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::batch::{Live, OnBadRow, Stream, Written};
use crate::coding::Coding;
use crate::courtesy::{Loading, step_back};
use crate::engine::guard;
use crate::http::error::{Error, Message};
use crate::http::path::Path;
use crate::http::recorded::Recorded;
use crate::http::{Api, Config, exchange, reply};
use crate::predict::Watch;
use crate::registry::{LiveModel, Protocol};
use crate::table::{Format, Kind, Origin};
use answer::Writer;
use upload::Upload;

/// What all requests to score share.
pub(in crate::http) struct Scorer {
    /// One permit for each file.
    slots: Arc<Semaphore>,
    manner: Arc<Loading>,
}

impl Scorer {
    pub(in crate::http) fn new(config: &Config) -> Self {
        let slots = Arc::new(Semaphore::new(config.scores.at_once));
        Self { slots, manner: Loading::new(config.scores.share) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Names with commas between.
    #[serde(default)]
    keep: String,
    /// A bad row of many should not cut an answer off whose status was sent long ago.
    #[serde(default = "null")]
    on_bad_row: OnBadRow,
}

fn null() -> OnBadRow {
    OnBadRow::Null
}

/// A file that is being scored.
struct Work {
    api: Api,
    live: Arc<LiveModel>,
    watch: Watch,
    asked: Asked,
    upload: Upload,
    writer: Writer,
    slot: OwnedSemaphorePermit,
}

/// What is wanted.
struct Asked {
    input: Kind,
    output: Written,
    keep: Vec<String>,
    on_bad_row: OnBadRow,
}

pub(in crate::http) async fn score(
    State(api): State<Api>,
    Path(model): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Recorded(record): Recorded,
    body: Body,
) -> Response {
    let watch = api.predictor.watch(Protocol::Score, record);
    let answer = answer(&api, watch, (&model, None), &uri, &headers, body).await;
    answer.unwrap_or_else(|error| problem(&error))
}

pub(in crate::http) async fn score_version(
    State(api): State<Api>,
    Path((model, version)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    Recorded(record): Recorded,
    body: Body,
) -> Response {
    let watch = api.predictor.watch(Protocol::Score, record);
    let target = (&*model, Some(&*version));
    let answer = answer(&api, watch, target, &uri, &headers, body).await;
    answer.unwrap_or_else(|error| problem(&error))
}

async fn answer(
    api: &Api,
    mut watch: Watch,
    target: (&str, Option<&str>),
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let prepared = prepare(api, &mut watch, target, uri, headers).await;
    let (live, asked, slot) =
        prepared.inspect_err(|error| watch.failed(error.outcome(), error.refusal()))?;
    let idle = api.config.read_timeout;
    // Its end says where everything is, so it lies in a file before it is read.
    let limit = (asked.input.format == Format::Parquet).then_some(api.config.scores.max_file);
    let output = asked.output;
    let (upload, state) = upload::start(body, idle, limit);
    let says_why = output.format() == Format::Ndjson;
    let (writer, answer) = answer::channel(idle, state, says_why);
    let (api, of) = (api.clone(), Arc::clone(&live));
    let work = Work { api, live: of, watch, asked, upload, writer, slot };
    let thread = thread::Builder::new().name("score".to_owned());
    let run = || {
        if let Err(caught) = guard::catch(|| work.run()) {
            tracing::error!(reason = caught.0, "scoring a file broke off");
        }
    };
    thread.spawn(run).map_err(|error| {
        tracing::error!(error = %error, "a file cannot be scored");
        Error::Internal
    })?;
    let body = answer.begin().await?;
    Ok(exchange::ok(&live, media::content_type(output), Coding::Identity, body))
}

async fn prepare(
    api: &Api,
    watch: &mut Watch,
    (model, version): (&str, Option<&str>),
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(Arc<LiveModel>, Asked, OwnedSemaphorePermit), Error> {
    let target = exchange::target(model, version, headers)?;
    let live = api.predictor.resolve_awake(target, watch.started()).await?;
    watch.resolved(&live);
    let input = media::Input::of(headers)?;
    let output = input.output(headers)?;
    let parameters = Query::<Parameters>::try_from_uri(uri);
    let Query(parameters) = parameters.map_err(|error| Error::Malformed(error.body_text()))?;
    let keep = parameters.keep.split(',').filter(|name| !name.is_empty());
    let keep = keep.map(str::to_owned).collect();
    let on_bad_row = parameters.on_bad_row;
    let limit = api.config.scores.at_once;
    let slot = Arc::clone(&api.scorer.slots).try_acquire_owned();
    let slot = slot.map_err(|_| Error::TooManyScores { limit })?;
    Ok((live, Asked { input: input.kind, output, keep, on_bad_row }, slot))
}

impl Work {
    fn run(self) {
        let Self { api, live, mut watch, asked, upload, mut writer, slot } = self;
        let started = Instant::now();
        // Threads that this one begins are like it.
        step_back();
        let is_stopped = writer.probe();
        let manner = &api.scorer.manner;
        let model = Live::new(Arc::clone(&live), manner, &is_stopped);
        let stream = Stream {
            model: &model,
            input: asked.input,
            output: asked.output,
            keep: &asked.keep,
            on_bad_row: asked.on_bad_row,
            threads: api.config.scores.threads,
        };
        let origin = Origin::Stream(Box::new(upload));
        match manner.run(|| stream.run(origin, &mut writer)) {
            Ok(totals) => {
                watch.scored(totals.rows);
                // Who has the whole answer may send the next file.
                drop(slot);
                writer.end();
                tracing::info!(
                    model.name = live.name,
                    model.version = live.version,
                    rows = totals.rows,
                    bad = totals.bad,
                    ms = started.elapsed().as_secs_f64() * 1e3,
                    "a file was scored"
                );
            }
            Err(error) => {
                let (outcome, refusal) = writer.outcome();
                watch.failed(outcome, refusal);
                tracing::info!(
                    model.name = live.name,
                    model.version = live.version,
                    reason = %error,
                    "a file was not scored to its end"
                );
            }
        }
    }
}

fn problem(error: &Error) -> Response {
    let message = error.to_string();
    let mut response = reply::problem(error.status(), &message);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(Message(message));
    response
}
