//! Totals under the names of Triton's metrics, for dashboards and autoscalers that know those
//! (Triton Inference Server, `docs/user_guide/metrics.md`).

use std::fmt::Write as _;

use super::ModelStatistics;
use crate::metrics::{head, label_value};
use crate::registry::{LiveModel, Snapshot};

/// The name of a metric, what Triton says of it, and what it is of the totals.
type Counter = (&'static str, &'static str, fn(&ModelStatistics) -> u64);

const COUNTERS: [Counter; 9] = [
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
    let live: Vec<_> =
        snapshot.live_models().map(|live| (live, ModelStatistics::of(live))).collect();
    let mut page = String::new();
    let mut add = |(name, help, kind), value: &dyn Fn(&LiveModel, &ModelStatistics) -> u64| {
        page.push_str(&head(name, help, kind));
        for (live, statistics) in &live {
            let (model, version) = (label_value(&live.name), &live.version_text);
            let value = value(live, statistics);
            // Writing into a string cannot fail.
            let _ = writeln!(page, "{name}{{model=\"{model}\",version=\"{version}\"}} {value}");
        }
    };
    for (name, help, value) in COUNTERS {
        add((name, help, "counter"), &|_, statistics| value(statistics));
    }
    let help = "Instantaneous number of pending requests awaiting execution per-model";
    add(("nv_inference_pending_request_count", help, "gauge"), &|live, _| {
        live.queue.depth() as u64
    });
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
