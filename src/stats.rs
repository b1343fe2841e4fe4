//! How far apart two distributions are, and how much of that is chance.
//!
//! Pure numbers: nothing here knows a model, a request, a window or a metric, and nothing here
//! decides what is an alarm. `divergence` has the formulas on proportions, `counts` what counts
//! in bins say, `samples` what only the values themselves say; `quantiles` sees a column once,
//! `distinct` and `moments` are what it keeps, `cuts` makes bins of that and `bins` finds the
//! bin of a value; `calibration` tells how much a column differs from itself over time.

pub mod binary;
pub mod bins;
pub mod calibration;
pub mod counts;
mod cuts;
mod distinct;
pub mod divergence;
mod moments;
mod quantiles;
pub mod samples;

pub use bins::{EdgeError, Edges, Mass, wasserstein_bins};
pub use counts::{Alpha, AlphaError};
pub use cuts::{Precision, quantile_edges};
pub use distinct::Distinct;
pub use moments::Moments;
pub use quantiles::Collector;

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 are as good rounded")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// The number in single precision, if it goes through it without a change.
pub(crate) fn single(number: f64) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "to see whether anything is lost")]
    let single = number as f32;
    (f64::from(single).to_bits() == number.to_bits()).then_some(single)
}

/// A distance in units of a standard deviation. `None` if that is not above zero: there is
/// nothing to measure in.
fn in_sigmas(distance: f64, sigma: f64) -> Option<f64> {
    (sigma > 0.0).then(|| distance / sigma)
}
