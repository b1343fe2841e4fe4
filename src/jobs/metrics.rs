//! What is counted of jobs.

use std::time::Duration;

use jiff::Timestamp;
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use super::record::State;
use crate::metrics::{Registry, seconds};

/// From what is done at once to what takes a night.
const BUCKETS: [f64; 10] =
    [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 10_800.0, 43_200.0, 86_400.0];

#[derive(Clone)]
pub(super) struct Metrics {
    jobs: IntGaugeVec,
    rows: IntCounterVec,
    duration: HistogramVec,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let jobs = registry.gauge("onnxd_jobs", "Jobs that are remembered, by state.", &["state"]);
        let rows = registry.counter(
            "onnxd_job_rows_total",
            "Rows that jobs have read, by what became of them.",
            &["outcome"],
        );
        let duration = registry.histogram(
            "onnxd_job_duration_seconds",
            "Time of an attempt of a job, by the state that it left.",
            &["state"],
            &BUCKETS,
        );
        let metrics = Self { jobs, rows, duration };
        metrics.states(|_| 0);
        metrics.rows(0, 0);
        metrics
    }

    pub(super) fn states(&self, count: impl Fn(State) -> usize) {
        for state in State::ALL {
            let jobs = self.jobs.with_label_values(&[state.as_str()]);
            jobs.set(i64::try_from(count(state)).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn rows(&self, ok: u64, bad: u64) {
        self.rows.with_label_values(&["ok"]).inc_by(ok);
        self.rows.with_label_values(&["bad"]).inc_by(bad);
    }

    pub(super) fn attempt(&self, state: State, took: Duration) {
        self.duration.with_label_values(&[state.as_str()]).observe(seconds(took));
    }
}

/// What is known of schedules.
pub(super) struct ScheduleMetrics {
    last_success: IntGaugeVec,
    next_run: IntGaugeVec,
    failed: IntGaugeVec,
}

impl ScheduleMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge = |name, help| registry.gauge(name, help, &["schedule"]);
        Self {
            last_success: gauge(
                "onnxd_schedule_last_success_timestamp_seconds",
                "When a run of the schedule last succeeded.",
            ),
            next_run: gauge(
                "onnxd_schedule_next_run_timestamp_seconds",
                "When the next run of the schedule is due.",
            ),
            failed: gauge(
                "onnxd_schedule_last_run_failed",
                "1 if the last attempt of the schedule failed.",
            ),
        }
    }

    pub(super) fn set(
        &self,
        schedule: &str,
        last_success: Option<Timestamp>,
        next_run: Option<Timestamp>,
        failed: bool,
    ) {
        for (gauge, time) in [(&self.last_success, last_success), (&self.next_run, next_run)] {
            if let Some(time) = time {
                gauge.with_label_values(&[schedule]).set(time.as_second());
            }
        }
        self.failed.with_label_values(&[schedule]).set(i64::from(failed));
    }
}
