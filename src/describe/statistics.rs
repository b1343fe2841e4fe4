//! Running totals in the form that Triton's clients read. They read every field, so every field
//! is there.

use serde::Serialize;

use crate::registry::{Counted, LiveModel};

/// Of one version.
#[derive(Serialize)]
pub struct ModelStatistics {
    pub name: String,
    pub version: String,
    pub last_inference: u64,
    pub inference_count: u64,
    pub execution_count: u64,
    pub inference_stats: InferenceStatistics,
    /// Always empty: models that answer in several parts are not served.
    response_stats: Empty,
    pub batch_stats: Vec<BatchStatistics>,
    memory_usage: Vec<()>,
}

#[derive(Serialize)]
struct Empty {}

/// Of its requests.
#[derive(Serialize)]
pub struct InferenceStatistics {
    pub success: Pair,
    pub fail: Pair,
    pub queue: Pair,
    pub compute_input: Pair,
    pub compute_infer: Pair,
    pub compute_output: Pair,
    pub cache_hit: Pair,
    pub cache_miss: Pair,
}

/// Of its batches of one size.
#[derive(Serialize)]
pub struct BatchStatistics {
    pub batch_size: usize,
    pub compute_input: Pair,
    pub compute_infer: Pair,
    pub compute_output: Pair,
}

/// How often, and for how long altogether.
#[derive(Serialize, Clone, Copy, Default)]
pub struct Pair {
    pub count: u64,
    pub ns: u64,
}

impl From<Counted> for Pair {
    fn from(counted: Counted) -> Self {
        Self { count: counted.count, ns: counted.ns }
    }
}

impl ModelStatistics {
    #[must_use]
    pub fn of(live: &LiveModel) -> Self {
        let totals = live.counts.totals();
        let batches = totals.batches().map(|(batch_size, infer)| BatchStatistics {
            batch_size,
            // Decoding and encoding belong to requests, not to batches.
            compute_input: Pair { count: infer.count, ns: 0 },
            compute_infer: infer.into(),
            compute_output: Pair { count: infer.count, ns: 0 },
        });
        Self {
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
}
