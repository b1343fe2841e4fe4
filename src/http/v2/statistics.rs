//! GET `…/stats`: running totals in the form that Triton's clients read. They read every
//! field, so every field is there.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Target;
use crate::http::error::Error;
use crate::http::path::Path;
use crate::http::{Api, reply};
use crate::registry::{Counted, LiveModel};

#[derive(Serialize)]
struct Document {
    model_stats: Vec<ModelStatistics>,
}

#[derive(Serialize)]
struct ModelStatistics {
    name: String,
    version: String,
    last_inference: u64,
    inference_count: u64,
    execution_count: u64,
    inference_stats: InferenceStatistics,
    /// Always empty: models that answer in several parts are not served.
    response_stats: Empty,
    batch_stats: Vec<BatchStatistics>,
    memory_usage: Vec<()>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct InferenceStatistics {
    success: Pair,
    fail: Pair,
    queue: Pair,
    compute_input: Pair,
    compute_infer: Pair,
    compute_output: Pair,
    cache_hit: Pair,
    cache_miss: Pair,
}

#[derive(Serialize)]
struct BatchStatistics {
    batch_size: usize,
    compute_input: Pair,
    compute_infer: Pair,
    compute_output: Pair,
}

#[derive(Serialize, Default)]
struct Pair {
    count: u64,
    ns: u64,
}

impl From<Counted> for Pair {
    fn from(counted: Counted) -> Self {
        Self { count: counted.count, ns: counted.ns }
    }
}

pub(in crate::http) async fn of_all(State(api): State<Api>) -> Response {
    let snapshot = api.predictor.registry().snapshot();
    reply::json(&Document { model_stats: snapshot.live_models().map(statistics).collect() })
}

pub(in crate::http) async fn of_model(
    State(api): State<Api>,
    Path(target): Path<Target>,
) -> Response {
    match api.predictor.resolve(target.as_asked()) {
        Ok(live) => reply::json(&Document { model_stats: vec![statistics(&live)] }),
        Err(error) => Error::from(error).into_response(),
    }
}

fn statistics(live: &Arc<LiveModel>) -> ModelStatistics {
    let totals = live.counts.totals();
    let batches = totals.batches().map(|(batch_size, infer)| BatchStatistics {
        batch_size,
        // Decoding and encoding belong to requests, not to batches.
        compute_input: Pair { count: infer.count, ns: 0 },
        compute_infer: infer.into(),
        compute_output: Pair { count: infer.count, ns: 0 },
    });
    ModelStatistics {
        name: live.name.clone(),
        version: live.version_text.clone(),
        last_inference: totals.last_inference_ms,
        inference_count: totals.inferences,
        execution_count: totals.executions(),
        inference_stats: InferenceStatistics {
            success: totals.success.into(),
            fail: totals.fail.into(),
            queue: totals.queue.into(),
            compute_input: totals.compute_input.into(),
            compute_infer: totals.compute_infer.into(),
            compute_output: totals.compute_output.into(),
            cache_hit: Pair::default(),
            cache_miss: Pair::default(),
        },
        response_stats: Empty {},
        batch_stats: batches.collect(),
        memory_usage: Vec::new(),
    }
}
