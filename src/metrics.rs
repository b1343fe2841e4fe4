//! The Prometheus registry and the bucket boundaries that all latency histograms share.
//!
//! Components own their metrics as structs of fields and register them here; nothing is
//! global.

mod per_thread;
mod shelf;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub use per_thread::PerThread;
use prometheus::core::Collector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, TextEncoder,
};
pub use shelf::{Place, Shelf, Shelved};

/// Seconds. About 1-2.5-5 per decade: a quantile read from them is off by at most a factor
/// of 2.5, and a histogram stays at 16 series. 100 µs is below what one request over HTTP
/// costs, 10 s is above what a caller waits.
pub const LATENCY_BUCKETS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Rows. Powers of two, as batch sizes are.
pub const ROW_BUCKETS: [f64; 11] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Counts that wait somewhere until somebody wants to see them.
pub trait Settle: Send + Sync {
    /// Moves them into their series.
    fn settle(&self);
}

/// Where components register their metrics. Cheap to clone; all clones are one registry.
#[derive(Clone, Default)]
pub struct Registry {
    series: prometheus::Registry,
    counts: Arc<Mutex<Vec<Weak<dyn Settle>>>>,
}

impl Registry {
    #[must_use]
    pub fn new() -> Self {
        let registry = Self::without_process();
        #[cfg(target_os = "linux")]
        registry.add(prometheus::process_collector::ProcessCollector::for_self());
        registry
    }

    /// For a further page, which does not say again how the process is.
    #[must_use]
    pub fn without_process() -> Self {
        Self::default()
    }

    /// Registers a metric; a second of the same name is a programming error that the
    /// metrics test catches, and is left out.
    pub fn add(&self, collector: impl Collector + 'static) {
        if let Err(error) = self.series.register(Box::new(collector)) {
            tracing::error!(error = %error, "a metric is left out");
        }
    }

    /// Settles these counts before each look at the metrics, as long as they are there.
    pub fn settle<C: Settle + 'static>(&self, counts: &Arc<C>) {
        let counts: Arc<dyn Settle> = Arc::clone(counts) as _;
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|counts| counts.strong_count() > 0);
        all.push(Arc::downgrade(&counts));
    }

    #[must_use]
    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        made(IntCounterVec::new(Opts::new(name, help), labels), self)
    }

    #[must_use]
    pub fn float_counter(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::CounterVec {
        made(prometheus::CounterVec::new(Opts::new(name, help), labels), self)
    }

    #[must_use]
    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        made(IntGaugeVec::new(Opts::new(name, help), labels), self)
    }

    #[must_use]
    pub fn float_gauge(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::GaugeVec {
        made(prometheus::GaugeVec::new(Opts::new(name, help), labels), self)
    }

    #[must_use]
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        made(HistogramVec::new(options, labels), self)
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for counts in counts.iter().filter_map(Weak::upgrade) {
            counts.settle();
        }
        let mut page = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.series.gather(), &mut page) {
            tracing::error!(error = %error, "the metrics page is incomplete");
        }
        page
    }
}

/// The content type of [`Registry::text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

fn made<C: Collector + Clone + 'static>(metric: prometheus::Result<C>, registry: &Registry) -> C {
    #[expect(clippy::expect_used, reason = "names and labels are literals; a test builds them all")]
    let metric = metric.expect("metric names, labels and buckets are valid");
    registry.add(metric.clone());
    metric
}

/// What the text format says before the samples of a metric of this kind.
#[must_use]
pub fn head(name: &str, help: &str, kind: &str) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")
}

/// As the text format wants the value of a label.
#[must_use]
pub fn label_value(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

/// Seconds as Prometheus counts them.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
