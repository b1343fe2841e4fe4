//! The features of a profile as columns of data, where no model is at hand to say more.

use std::path::Path;

use crate::drift::{Bins, FeatureProfile, Profile};
use crate::engine::{Dim, Signature, TensorSpec};
use crate::features::{Reading, Role};
use crate::stats::single;
use crate::table::Table;
use crate::tensor::DataType;

/// What of a profile the data has columns for.
pub(super) struct Columns {
    /// The profile with these features alone.
    pub(super) profile: Profile,
    /// An input for each of them, those of the model first.
    pub(super) signature: Signature,
    /// How many are inputs of the model.
    pub(super) inputs: usize,
    /// The others, and why they cannot be compared.
    pub(super) left: Vec<(String, String)>,
}

impl Columns {
    /// Inputs must be there; predictions are compared if they are.
    pub(super) fn new(profile: &Profile, data: &Path) -> Result<Self, String> {
        let columns = Table::open(data)?.columns;
        let mut profile = profile.clone();
        let mut left = Vec::new();
        profile.features.retain(|feature| {
            let reason = unreadable(feature, &columns);
            let keep = reason.is_none();
            left.extend(reason.map(|reason| (feature.name.clone(), reason.to_owned())));
            keep
        });
        // Stable: each side keeps its order, as its tensors do.
        profile.features.sort_by_key(|feature| feature.role);
        let inputs = profile.features.iter().filter(|of| of.role == Role::Input).count();
        let signature =
            Signature { inputs: profile.features.iter().map(spec).collect(), outputs: Vec::new() };
        Ok(Self { profile, signature, inputs, left })
    }
}

fn unreadable(feature: &FeatureProfile, columns: &[String]) -> Option<&'static str> {
    if matches!(feature.reading, Reading::Mean | Reading::Norm) {
        return Some("it is of a whole tensor, which is no column");
    }
    let is_there = columns.contains(&feature.name);
    (feature.role == Role::Prediction && !is_there)
        .then_some("the data has no such column; with --model it is computed")
}

fn spec(feature: &FeatureProfile) -> TensorSpec {
    let data_type = match feature.reading {
        Reading::Text | Reading::Length => DataType::Bytes,
        _ if is_of_singles(feature) => DataType::Fp32,
        _ => DataType::Fp64,
    };
    let name = feature.name.clone();
    TensorSpec { name, data_type, dims: Some(vec![Dim::Unknown]), columns: None }
}

/// Whether the model saw nothing but numbers in single precision: then 0.1 of the data is the
/// 0.1 that it saw.
fn is_of_singles(feature: &FeatureProfile) -> bool {
    let own: &[f64] = match &feature.bins {
        Bins::Numbers(numbers) => numbers,
        Bins::Edges(_) | Bins::Texts(_) => &[],
    };
    own.iter().chain(&feature.quantiles).all(|number| single(*number).is_some())
}
