//! Inputs and outputs of a model, as every protocol describes them.

use serde::Serialize;

use crate::engine::{Label, Role, TensorSpec};

/// One input or output.
#[derive(Serialize)]
pub(super) struct TensorMetadata<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<TensorParameters<'a>>,
}

/// What the columns of a tensor stand for.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum TensorParameters<'a> {
    /// The features of an input.
    Features(&'a [Label]),
    /// The classes of an output.
    Labels(&'a [Label]),
}

pub(super) fn tensors(specs: &[TensorSpec]) -> Vec<TensorMetadata<'_>> {
    specs
        .iter()
        .map(|spec| TensorMetadata {
            name: &spec.name,
            datatype: spec.data_type.as_str(),
            shape: spec.wire_shape(),
            parameters: spec.columns.as_ref().map(|columns| match columns.role() {
                Role::Features | Role::SparseFeatures => {
                    TensorParameters::Features(columns.names())
                }
                Role::Classes | Role::ClassMap => TensorParameters::Labels(columns.names()),
            }),
        })
        .collect()
}
