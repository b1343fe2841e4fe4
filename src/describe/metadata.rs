//! The server, and inputs and outputs of a model, as every protocol describes them.

use serde::Serialize;

use crate::engine::{Label, Role, TensorSpec};
use crate::registry::{LiveModel, Snapshot};

/// What is offered beyond the protocol itself.
const EXTENSIONS: [&str; 7] = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
];

/// What serves every model.
pub const PLATFORM: &str = "onnx_onnxv1";

/// The server.
#[derive(Serialize)]
pub struct ServerMetadata {
    pub name: &'static str,
    pub version: &'static str,
    pub extensions: [&'static str; 7],
}

impl ServerMetadata {
    pub const THIS: Self = Self {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        extensions: EXTENSIONS,
    };
}

/// A model, and which of its versions serve.
#[derive(Serialize)]
pub struct ModelMetadata<'a> {
    pub name: &'a str,
    pub versions: Vec<String>,
    pub platform: &'static str,
    pub inputs: Vec<TensorMetadata<'a>>,
    pub outputs: Vec<TensorMetadata<'a>>,
}

impl<'a> ModelMetadata<'a> {
    /// By the signature of this version.
    #[must_use]
    pub fn of(live: &'a LiveModel, snapshot: &Snapshot) -> Self {
        let versions = snapshot
            .models
            .get(&live.name)
            .map(|model| model.live().map(|live| live.version_text.clone()).collect())
            .unwrap_or_default();
        Self {
            name: &live.name,
            versions,
            platform: PLATFORM,
            inputs: tensors(&live.signature().inputs),
            outputs: outputs(live),
        }
    }
}

/// With labels of classes that the model does not say itself.
#[must_use]
pub fn outputs(live: &LiveModel) -> Vec<TensorMetadata<'_>> {
    let specs = &live.signature().outputs;
    let mut outputs = tensors(specs);
    for (output, spec) in outputs.iter_mut().zip(specs) {
        let labels = live.labels(spec);
        if !labels.is_empty() {
            output.parameters = Some(TensorParameters::Labels(labels));
        }
    }
    outputs
}

/// One input or output.
#[derive(Serialize)]
pub struct TensorMetadata<'a> {
    pub name: &'a str,
    pub datatype: &'static str,
    pub shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<TensorParameters<'a>>,
}

/// What the columns of a tensor stand for.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TensorParameters<'a> {
    /// The features of an input.
    Features(&'a [Label]),
    /// The classes of an output.
    Labels(&'a [Label]),
}

#[must_use]
pub fn tensors(specs: &[TensorSpec]) -> Vec<TensorMetadata<'_>> {
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
