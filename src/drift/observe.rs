//! The hot path: from the tensors of one request to counts.

use super::reference::{Reference, Watched};
use super::tally::Tally;
use crate::features::{self, Reading, Role};
use crate::tensor::Tensor;

/// Rows of one request that are counted at most; of more, every second, third … one is.
const MAX_ROWS: usize = 2_000;

/// Larger numbers are summed up as this one, so that no sum overflows.
const LARGEST: f64 = 1e200;

impl Tally {
    /// Counts the inputs of a request. Its rows are counted here, too.
    pub fn observe_inputs(&mut self, reference: &Reference, inputs: &[Tensor]) {
        let watched = reference.watched.iter().map(|watched| &watched.feature);
        let rows = features::rows(watched.filter(|feature| feature.role == Role::Input), inputs);
        let step = step(rows);
        self.rows += rows as u64;
        self.counted += rows.div_ceil(step) as u64;
        self.observe(reference, Role::Input, inputs, step);
    }

    /// Counts what the model made of them.
    pub fn observe_predictions(&mut self, reference: &Reference, outputs: &[Tensor]) {
        let watched = reference.watched.iter().map(|watched| &watched.feature);
        let predictions = watched.filter(|feature| feature.role == Role::Prediction);
        let step = step(features::rows(predictions, outputs));
        self.observe(reference, Role::Prediction, outputs, step);
    }

    fn observe(&mut self, reference: &Reference, role: Role, tensors: &[Tensor], step: usize) {
        for (place, watched) in reference.watched.iter().enumerate() {
            if watched.feature.role == role {
                self.observe_feature(place, watched, tensors, step);
            }
        }
    }

    fn observe_feature(
        &mut self,
        place: usize,
        watched: &Watched,
        tensors: &[Tensor],
        step: usize,
    ) {
        let (binning, feature) = (&watched.binning, &watched.feature);
        let bins = watched.first..watched.first + binning.bins();
        let Some(counts) = self.counts.get_mut(bins.clone()) else { return };
        if feature.reading == Reading::Text {
            feature.each_text(tensors, step, |text| counts[binning.of_text(text)] += 1);
            return;
        }
        let (Some(sums), Some(outside)) = (self.sums.get_mut(bins), self.outside.get_mut(place))
        else {
            return;
        };
        let (least, greatest) = watched.range();
        feature.each_number(tensors, step, |number| {
            let bin = binning.of_number(number);
            counts[bin] += 1;
            if number.is_finite() {
                sums[bin] += number.clamp(-LARGEST, LARGEST);
                *outside += u64::from(number < least || number > greatest);
            }
        });
    }
}

fn step(rows: usize) -> usize {
    rows.div_ceil(MAX_ROWS).max(1)
}

impl Watched {
    /// The least and the greatest finite number of the reference; all numbers if it had none.
    fn range(&self) -> (f64, f64) {
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        self.profile.moments.map_or(all, |moments| (moments.least, moments.greatest))
    }
}
