//! The HTTP interface. This file is its table of contents: every path.

mod api;
mod body;
mod deadline;
mod error;
mod exchange;
mod fallback;
mod health;
mod log;
mod path;
mod reply;
mod server;
mod v1;
mod v2;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};

use crate::describe::Readiness;
use crate::drift::Monitors;
use crate::jobs::Jobs;
use crate::metrics;
use crate::predict::Predictor;
use crate::quality::Board;

pub use server::serve;

/// Settings of the HTTP interface.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bytes of a request body, before and after decompression.
    pub max_body: usize,
    /// Time for a client to send a request's head, and again for its body.
    pub read_timeout: Duration,
    pub scores: Scores,
    /// Totals are on the page of metrics under Triton's names as well.
    pub triton_metrics: bool,
}

/// How files are scored while they come.
#[derive(Debug, Clone, Copy)]
pub struct Scores {
    /// Files at the same time.
    pub at_once: usize,
    /// Threads of each.
    pub threads: usize,
    /// Bytes of a file that must be there as a whole before it can be read.
    pub max_file: usize,
    /// Of one core, what each thread takes while requests keep the process busy.
    pub share: f64,
}

/// What handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

/// The insides of [`Api`].
pub struct Parts {
    config: Config,
    predictor: Predictor,
    readiness: Readiness,
    metrics: metrics::Registry,
    monitors: Monitors,
    board: Board,
    /// None if no place is allowed to them.
    jobs: Option<Jobs>,
    scorer: api::score::Scorer,
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Api {
    #[must_use]
    pub fn new(
        config: Config,
        predictor: Predictor,
        readiness: Readiness,
        metrics: metrics::Registry,
        (monitors, board): (Monitors, Board),
        jobs: Option<Jobs>,
    ) -> Self {
        let scorer = api::score::Scorer::new(&config);
        Self(Arc::new(Parts {
            config,
            predictor,
            readiness,
            metrics,
            monitors,
            board,
            jobs,
            scorer,
        }))
    }
}

/// All paths.
pub fn router(api: Api) -> Router {
    let mut router = Router::new();
    // Written out, not nested: every level of nesting costs a request a step.
    for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        router = router
            .route(model, get(v2::metadata::model))
            .route(&format!("{model}/ready"), get(v2::health::model_ready))
            .route(&format!("{model}/infer"), post(v2::infer::infer))
            .route(&format!("{model}/config"), get(v2::config::config))
            .route(&format!("{model}/stats"), get(v2::statistics::of_model));
    }
    router
        .route("/", get(health::alive))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/metrics/drift", get(health::drift_metrics))
        .route("/api/models", get(api::models::list))
        .route("/api/models/{model}/contract", get(api::contract::report))
        .route("/api/models/{model}/quarantine", get(api::contract::quarantine))
        .route("/api/models/{model}/drift", get(api::drift::report))
        .route("/api/models/{model}/drift/state", get(api::drift::state))
        .route("/api/models/{model}/quality", get(api::quality::report))
        .route("/api/models/{model}/feedback", post(api::quality::feedback))
        .route(
            "/api/models/{model}/routing",
            get(api::routing::get).put(api::routing::put).delete(api::routing::delete),
        )
        .route("/api/models/{model}/score", post(api::score::score))
        .route("/api/models/{model}/versions/{version}/score", post(api::score::score_version))
        .route("/api/models/{model}/rollback", post(api::rollback::roll_back))
        .route("/api/jobs", get(api::jobs::list).post(api::jobs::submit))
        .route("/api/jobs/{id}", get(api::jobs::get).delete(api::jobs::delete))
        .route("/api/jobs/{id}/retry", post(api::jobs::retry))
        .route("/api/jobs/{id}/events", get(api::jobs::events))
        .route("/api/schedules", get(api::schedules::list))
        .route("/api/schedules/{name}/run", post(api::schedules::run))
        .route("/v1/models", get(v1::status::list))
        // The last segment is `name:verb`, which a path pattern cannot split.
        .route("/v1/models/{model}", get(v1::status::model).post(v1::predict::predict))
        .route("/v1/models/{model}/metadata", get(v1::status::metadata))
        .route(
            "/v1/models/{model}/versions/{version}",
            get(v1::status::version).post(v1::predict::predict_version),
        )
        .route(
            "/v1/models/{model}/labels/{label}",
            get(v1::status::label).post(v1::predict::predict_version),
        )
        .route("/v2", get(v2::metadata::server))
        .route("/v2/", get(v2::metadata::server))
        .route("/v2/health/live", get(health::live))
        .route("/v2/health/ready", get(health::ready))
        .route("/v2/models/stats", get(v2::statistics::of_all))
        .route("/v2/repository/index", post(v2::repository::index))
        .route("/v2/repository/models/{model}/load", post(v2::repository::load))
        .route("/v2/repository/models/{model}/unload", post(v2::repository::unload))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .with_state(api)
}

/// Only what a scraper and a probe need, for an address of their own.
pub fn metrics_router(api: Api) -> Router {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/metrics/drift", get(health::drift_metrics))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .with_state(api)
}
