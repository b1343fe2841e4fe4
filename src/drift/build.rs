//! Makes a reference profile out of data that may be larger than memory. The data is gone
//! through twice: a [`Survey`] finds the bins, a [`Census`] counts what falls into them.

use std::time::Duration;

use super::blocks;
use super::column::Column;
use super::profile::{FORMAT, FeatureProfile, Profile};
use super::reference::{Parts, Reference, Watched};
use super::tally::Tally;
use crate::engine::Signature;
use crate::features;
use crate::tensor::Tensor;

/// Features that are watched at most; each takes some 16 kB in the server.
pub const MAX_FEATURES: usize = 1_000;

/// Rows that a reference must have: of fewer, bins are chance.
pub const LEAST_ROWS: u64 = 200;

/// Numbers kept for exact quantiles, of all features together: a quarter of a gigabyte. Of more
/// they are found with a sketch, which moves edges by a little; counts are exact all the same.
const KEPT_NUMBERS: usize = 1 << 25;

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BuildError {
    #[error("the model has no feature that can be watched")]
    NoFeatures,
    #[error("{0} rows are too few for a reference, expected at least {LEAST_ROWS}")]
    TooFewRows(u64),
    #[error("the data changed while it was read: {first} rows at first, {second} rows then")]
    Changed { first: u64, second: u64 },
}

/// In which order the rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One that means nothing.
    Any,
    /// Rows that stand together are of one time, so that the reference can be compared with
    /// itself over time. From the first to the last it took so long, if that is known.
    Time(Option<Duration>),
}

/// The first pass.
pub struct Survey {
    columns: Vec<Column>,
    left_out: usize,
    rows: u64,
}

impl Survey {
    /// # Errors
    /// [`BuildError::NoFeatures`].
    pub fn new(signature: &Signature) -> Result<Self, BuildError> {
        let mut features = features::of(signature);
        if features.is_empty() {
            return Err(BuildError::NoFeatures);
        }
        // What comes out of the model tells most; the sort keeps the order otherwise.
        features.sort_by_key(|feature| std::cmp::Reverse(feature.role));
        let left_out = features.len().saturating_sub(MAX_FEATURES);
        features.truncate(MAX_FEATURES);
        features.sort_by_key(|feature| feature.role);
        let kept = KEPT_NUMBERS / features.len();
        let columns = features.into_iter().map(|feature| Column::new(feature, kept)).collect();
        Ok(Self { columns, left_out, rows: 0 })
    }

    /// Features beyond [`MAX_FEATURES`].
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Looks at some rows. Both in the order of the signature.
    pub fn add(&mut self, inputs: &[Tensor], outputs: &[Tensor], rows: usize) {
        self.rows += rows as u64;
        self.columns.iter_mut().for_each(|column| column.add(inputs, outputs));
    }

    /// Fixes the bins.
    ///
    /// # Errors
    /// [`BuildError::TooFewRows`].
    pub fn finish(self, order: Order) -> Result<Census, BuildError> {
        if self.rows < LEAST_ROWS {
            return Err(BuildError::TooFewRows(self.rows));
        }
        let mut first = 0;
        let mut watched = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            let one = column.finish(first);
            first += one.binning.bins();
            watched.push(one);
        }
        let parts = Parts::new(String::new(), self.rows, watched);
        let (blocks, span) = match order {
            Order::Any => (1, None),
            Order::Time(span) => (blocks::number(self.rows, first), span),
        };
        let reference = Reference::from(parts);
        let blocks = vec![Tally::new(&reference); blocks];
        Ok(Census { reference, blocks, span, rows: 0 })
    }
}

/// The second pass.
pub struct Census {
    reference: Reference,
    /// What was counted, by stretches of rows that follow each other.
    blocks: Vec<Tally>,
    span: Option<Duration>,
    rows: u64,
}

impl Census {
    /// Rows that the first pass saw, and that this one is going to see.
    #[must_use]
    pub fn expected_rows(&self) -> u64 {
        self.reference.rows
    }

    /// Rows that may come next at once: a block ends after them.
    #[must_use]
    pub fn room(&self) -> usize {
        let block = self.block() as u64 + 1;
        let end = block * self.reference.rows / self.blocks.len() as u64;
        usize::try_from(end.saturating_sub(self.rows)).unwrap_or(usize::MAX).max(1)
    }

    fn block(&self) -> usize {
        let blocks = self.blocks.len() as u64;
        let within = |block: &u64| (block + 1) * self.reference.rows / blocks > self.rows;
        let block = (0..blocks).find(within).unwrap_or(blocks - 1);
        usize::try_from(block).unwrap_or(usize::MAX)
    }

    /// Counts some rows, at most [`Census::room`].
    pub fn add(&mut self, inputs: &[Tensor], outputs: &[Tensor], rows: usize) {
        let block = self.block();
        self.rows += rows as u64;
        self.blocks[block].observe_inputs(&self.reference, inputs);
        self.blocks[block].observe_predictions(&self.reference, outputs);
    }

    /// The profile of the model file with this digest.
    ///
    /// # Errors
    /// [`BuildError::Changed`] if the second pass saw other rows than the first one.
    pub fn finish(self, sha256: &str) -> Result<Profile, BuildError> {
        if self.rows != self.reference.rows {
            return Err(BuildError::Changed { first: self.reference.rows, second: self.rows });
        }
        let mut total = Tally::new(&self.reference);
        self.blocks.iter().for_each(|block| total.add(block));
        let watched = self.reference.watched.iter();
        let features =
            watched.map(|watched| profile(watched, &total, &self.blocks, self.span)).collect();
        Ok(Profile {
            format: FORMAT,
            sha256: sha256.to_owned(),
            rows: self.rows,
            features,
            target: None,
        })
    }
}

fn profile(
    watched: &Watched,
    total: &Tally,
    blocks: &[Tally],
    span: Option<Duration>,
) -> FeatureProfile {
    let bins = watched.first..watched.first + watched.binning.bins();
    let sums = watched.first..watched.first + watched.binning.finite();
    FeatureProfile {
        counts: total.counts[bins].to_vec(),
        sums: watched.binning.is_of_numbers().then(|| total.sums[sums].to_vec()),
        blocks: blocks::of(watched, blocks, span),
        ..watched.profile.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Columns, Dim, Label, Role, TensorSpec};
    use crate::tensor::DataType;

    #[test]
    fn of_ten_thousand_features_as_many_are_watched_as_there_is_room_for_and_all_predictions() {
        let names = (0..10_000).map(|column| Label::Text(format!("c{column}"))).collect();
        let spec = |name: &str, width, columns| TensorSpec {
            name: name.to_owned(),
            data_type: DataType::Fp32,
            dims: Some(vec![Dim::Unknown, Dim::Fixed(width)]),
            columns,
        };
        let columns = Columns::new(names, Role::Features).unwrap();
        let signature = Signature {
            inputs: vec![spec("x", 10_000, Some(columns))],
            outputs: vec![spec("y", 2, None)],
        };
        let survey = Survey::new(&signature).unwrap();
        assert_eq!((survey.columns.len(), survey.left_out()), (MAX_FEATURES, 9_002));
        let names = survey.columns.iter().map(Column::name);
        let names: Vec<&str> = names.collect();
        assert_eq!((names[0], names[997], names[998]), ("c0", "c997", "y[0]"));
    }

    #[test]
    fn a_model_of_texts_without_columns_has_nothing_to_watch() {
        let texts = TensorSpec {
            name: "x".to_owned(),
            data_type: DataType::Bytes,
            dims: None,
            columns: None,
        };
        let signature = Signature { inputs: vec![texts], outputs: Vec::new() };
        assert_eq!(Survey::new(&signature).err(), Some(BuildError::NoFeatures));
    }
}
