//! The HTTP interface. This file is its table of contents: every path.

mod access;
mod api;
mod body;
mod dashboard;
mod deadline;
#[doc(hidden)]
pub mod decoding;
mod document;
mod error;
mod exchange;
mod fallback;
mod health;
mod log;
mod openapi;
mod path;
mod query;
mod recorded;
mod reply;
mod route;
mod server;
mod text;
mod v1;
mod v2;

use std::sync::Arc;
use std::time::Duration;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};
use axum::{Extension, Router};

use crate::access::{Access, Door, Need};
use crate::describe::Readiness;
use crate::drift::Monitors;
use crate::history::History;
use crate::jobs::Jobs;
use crate::metrics;
use crate::predict::Predictor;
use crate::quality::Board;
use crate::telemetry::Telemetry;

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
    /// Where the dashboard finds more figures.
    pub prometheus: Option<Arc<str>>,
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
    history: History,
    /// None if no place is allowed to them.
    jobs: Option<Jobs>,
    scorer: api::score::Scorer,
    telemetry: Telemetry,
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
        (monitors, board, history): (Monitors, Board, History),
        jobs: Option<Jobs>,
        telemetry: Telemetry,
    ) -> Self {
        let scorer = api::score::Scorer::new(&config);
        Self(Arc::new(Parts {
            config,
            predictor,
            readiness,
            metrics,
            monitors,
            board,
            history,
            jobs,
            scorer,
            telemetry,
        }))
    }
}

/// A method of a path, and who may ask for it.
struct Route {
    method: Method,
    path: &'static str,
    need: Need,
    handler: MethodRouter<Api>,
    /// The handler has the door as an extension, to tell what it lets in.
    knows_door: bool,
}

impl Route {
    fn with_door(self) -> Self {
        Self { knows_door: true, ..self }
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        $(
            fn $name<H, T>(path: &'static str, need: Need, handler: H) -> Route
            where
                H: Handler<T, Api>,
                T: 'static,
            {
                let handler = routing::$name(handler);
                Route { method: Method::$method, path, need, handler, knows_door: false }
            }
        )*
    };
}

methods!(get GET, post POST, put PUT, delete DELETE);

const PUBLIC: Need = Need::Public;
const ANY: Need = Need::Any;
const PREDICT: Need = Need::PREDICT;
const OPERATE: Need = Need::OPERATE;
const METRICS: Need = Need::METRICS;

/// What a probe and a scraper need.
fn watching() -> [Route; 4] {
    [
        get("/healthz", PUBLIC, health::live),
        get("/readyz", PUBLIC, health::ready),
        get("/metrics", METRICS, health::metrics),
        get("/metrics/drift", METRICS, health::drift_metrics),
    ]
}

/// All others.
#[rustfmt::skip]
fn table() -> Vec<Route> {
    vec![
        get("/", PUBLIC, dashboard::start),
        get("/ui/{*file}", PUBLIC, dashboard::file),
        // Written out, not nested: every level of nesting costs a request a step.
        get("/v2/models/{model}", ANY, v2::metadata::model),
        get("/v2/models/{model}/ready", ANY, v2::health::model_ready),
        post("/v2/models/{model}/infer", PREDICT, v2::infer::infer),
        get("/v2/models/{model}/config", ANY, v2::config::config),
        get("/v2/models/{model}/stats", ANY, v2::statistics::of_model),
        get("/v2/models/{model}/versions/{version}", ANY, v2::metadata::model),
        get("/v2/models/{model}/versions/{version}/ready", ANY, v2::health::model_ready),
        post("/v2/models/{model}/versions/{version}/infer", PREDICT, v2::infer::infer),
        get("/v2/models/{model}/versions/{version}/config", ANY, v2::config::config),
        get("/v2/models/{model}/versions/{version}/stats", ANY, v2::statistics::of_model),
        get("/api/session", PUBLIC, api::session::session).with_door(),
        get("/api/models", ANY, api::models::list),
        get("/api/overview", METRICS, api::overview::overview),
        get("/api/models/{model}/history", METRICS, api::history::history),
        get("/api/models/{model}/versions/{version}", ANY, api::version::get),
        get("/api/models/{model}/example", PREDICT, api::example::get),
        get("/api/models/{model}/contract", METRICS, api::contract::report),
        // It holds data of callers.
        get("/api/models/{model}/quarantine", OPERATE, api::contract::quarantine),
        get("/api/models/{model}/drift", METRICS, api::drift::report),
        get("/api/models/{model}/drift/state", METRICS, api::drift::state),
        get("/api/models/{model}/drift/distribution", METRICS, api::distribution::get),
        get("/api/models/{model}/quality", METRICS, api::quality::report),
        post("/api/models/{model}/feedback", PREDICT, api::quality::feedback),
        get("/api/models/{model}/routing", ANY, api::routing::get),
        put("/api/models/{model}/routing", OPERATE, api::routing::put),
        delete("/api/models/{model}/routing", OPERATE, api::routing::delete),
        post("/api/models/{model}/score", PREDICT, api::score::score),
        post("/api/models/{model}/versions/{version}/score", PREDICT, api::score::score_version),
        post("/api/models/{model}/rollback", OPERATE, api::rollback::roll_back),
        // Jobs name places of data.
        get("/api/jobs", OPERATE, api::jobs::list),
        post("/api/jobs", OPERATE, api::jobs::submit),
        get("/api/jobs/{id}", OPERATE, api::jobs::get),
        delete("/api/jobs/{id}", OPERATE, api::jobs::delete),
        post("/api/jobs/{id}/retry", OPERATE, api::jobs::retry),
        get("/api/jobs/{id}/events", OPERATE, api::jobs::events),
        get("/api/schedules", OPERATE, api::schedules::list),
        post("/api/schedules/{name}/run", OPERATE, api::schedules::run),
        get("/v1/models", ANY, v1::status::list),
        // The last segment is `name:verb`, which a path pattern cannot split.
        get("/v1/models/{model}", ANY, v1::status::model),
        post("/v1/models/{model}", PREDICT, v1::predict::predict),
        get("/v1/models/{model}/metadata", ANY, v1::status::metadata),
        get("/v1/models/{model}/versions/{version}", ANY, v1::status::version),
        post("/v1/models/{model}/versions/{version}", PREDICT, v1::predict::predict_version),
        get("/v1/models/{model}/labels/{label}", ANY, v1::status::label),
        post("/v1/models/{model}/labels/{label}", PREDICT, v1::predict::predict_version),
        get("/v2", ANY, v2::metadata::server),
        get("/v2/", ANY, v2::metadata::server),
        get("/v2/health/live", PUBLIC, health::live),
        get("/v2/health/ready", PUBLIC, health::ready),
        get("/v2/models/stats", ANY, v2::statistics::of_all),
        post("/v2/repository/index", ANY, v2::repository::index),
        post("/v2/repository/models/{model}/load", OPERATE, v2::repository::load),
        post("/v2/repository/models/{model}/unload", OPERATE, v2::repository::unload),
        get("/openapi.json", PUBLIC, openapi::json),
        get("/docs", PUBLIC, openapi::page),
    ]
}

/// Every method of every path, and what it needs.
#[must_use]
pub fn routes() -> Vec<(Method, &'static str, Need)> {
    let all = watching().into_iter().chain(table());
    all.map(|route| (route.method, route.path, route.need)).collect()
}

/// All paths.
#[must_use]
pub fn routers(api: &Api, access: &Access) -> Routers {
    let all = || watching().into_iter().chain(table());
    Routers::new(api, access, |door| router(all(), door, api))
}

/// Only what a scraper and a probe need, for an address of their own.
#[must_use]
pub fn metrics_routers(api: &Api, access: &Access) -> Routers {
    Routers::new(api, access, |door| router(watching(), door, api))
}

/// For connections of this machine and of others. What is asked for is decided when they are
/// made, so that nothing need be looked up for a request that nothing is asked of.
pub struct Routers {
    near: Router,
    far: Router,
    telemetry: Telemetry,
}

impl Routers {
    fn new(api: &Api, access: &Access, make: impl Fn(&Door) -> Router) -> Self {
        let (near, far) = (make(access.door(true)), make(access.door(false)));
        Self { near, far, telemetry: api.telemetry.clone() }
    }

    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn behind(&self, is_near: bool) -> &Router {
        if is_near { &self.near } else { &self.far }
    }
}

fn router(routes: impl IntoIterator<Item = Route>, door: &Door, api: &Api) -> Router {
    let mut router = Router::new();
    for Route { path, need, handler, knows_door, .. } in routes {
        let handler = if knows_door { handler.layer(Extension(door.clone())) } else { handler };
        router = router.route(path, access::behind(door, need, handler));
    }
    router
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .with_state(api.clone())
}
