//! Totals under the names of Triton's metrics, for dashboards and autoscalers that know those
//! (Triton Inference Server, `docs/user_guide/metrics.md`).

use std::fmt::Write as _;

use super::ModelStatistics;
use crate::metrics::label_value;
use crate::registry::Snapshot;

/// The name of a metric, what Triton says of it, and what it is of the totals.
type Metric = (&'static str, &'static str, fn(&ModelStatistics) -> u64);

const COUNTERS: [Metric; 9] = [
    (
        "nv_inference_request_success",
        "Number of successful inference requests, all batch sizes",
        |it| it.inference_stats.success.count,
    ),
    (
        "nv_inference_request_failure",
        "Number of failed inference requests, all batch sizes",
        |it| it.inference_stats.fail.count,
    ),
    ("nv_inference_count", "Number of inferences performed", |it| it.inference_count),
    ("nv_inference_exec_count", "Number of model executions performed", |it| it.execution_count),
    (
        "nv_inference_request_duration_us",
        "Cumulative inference request duration in microseconds",
        |it| it.inference_stats.success.ns / 1000,
    ),
    (
        "nv_inference_queue_duration_us",
        "Cumulative inference queuing duration in microseconds",
        |it| it.inference_stats.queue.ns / 1000,
    ),
    (
        "nv_inference_compute_input_duration_us",
        "Cumulative compute input duration in microseconds",
        |it| it.inference_stats.compute_input.ns / 1000,
    ),
    (
        "nv_inference_compute_infer_duration_us",
        "Cumulative compute inference duration in microseconds",
        |it| it.inference_stats.compute_infer.ns / 1000,
    ),
    (
        "nv_inference_compute_output_duration_us",
        "Cumulative inference compute output duration in microseconds",
        |it| it.inference_stats.compute_output.ns / 1000,
    ),
];

/// The metrics of all versions that serve, in Prometheus' text format.
#[must_use]
pub fn triton_metrics(snapshot: &Snapshot) -> String {
    let live: Vec<_> = snapshot.live_models().collect();
    let models: Vec<_> = live.iter().map(|live| ModelStatistics::of(live)).collect();
    let mut page = String::new();
    for (name, help, value) in COUNTERS {
        // Writing into a string cannot fail.
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} counter");
        for model in &models {
            let (model_name, version) = (label_value(&model.name), &model.version);
            let value = value(model);
            let _ =
                writeln!(page, "{name}{{model=\"{model_name}\",version=\"{version}\"}} {value}");
        }
    }
    let name = "nv_inference_pending_request_count";
    let help = "Instantaneous number of pending requests awaiting execution per-model";
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge");
    for live in live {
        let (model, version, depth) =
            (label_value(&live.name), &live.version_text, live.queue.depth());
        let _ = writeln!(page, "{name}{{model=\"{model}\",version=\"{version}\"}} {depth}");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::COUNTERS;

    #[test]
    fn every_name_is_one_of_tritons_and_comes_once() {
        let mut names: Vec<&str> = COUNTERS.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTERS.len());
        assert!(names.iter().all(|name| name.starts_with("nv_inference_")));
    }
}
