//! A model in the form of Triton's model configuration, for clients that ask for it before they
//! send anything.

use serde::{Serialize, Serializer};

use crate::engine::TensorSpec;
use crate::registry::LiveModel;
use crate::repository;
use crate::tensor::DataType;

/// A model, as Triton configures one.
#[derive(Serialize)]
pub struct Configuration<'a> {
    pub name: &'a str,
    pub platform: &'static str,
    pub backend: &'static str,
    pub max_batch_size: usize,
    pub input: Vec<ConfigurationTensor<'a>>,
    pub output: Vec<ConfigurationTensor<'a>>,
    pub version_policy: VersionPolicy,
    /// There if rows of several requests run together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_batching: Option<DynamicBatching>,
}

/// Which versions are served; as in protobuf's JSON, numbers of 64 bits are texts.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionPolicy {
    Latest { num_versions: usize },
    All {},
    Specific { versions: Vec<String> },
}

impl VersionPolicy {
    fn of(policy: &repository::VersionPolicy) -> Self {
        match policy {
            repository::VersionPolicy::Latest(count) => Self::Latest { num_versions: *count },
            repository::VersionPolicy::All => Self::All {},
            repository::VersionPolicy::These(versions) => {
                Self::Specific { versions: versions.iter().map(ToString::to_string).collect() }
            }
        }
    }
}

/// Rows that run together.
#[derive(Serialize)]
pub struct DynamicBatching {
    pub preferred_batch_size: [usize; 1],
}

/// An input or output.
#[derive(Serialize)]
pub struct ConfigurationTensor<'a> {
    pub name: &'a str,
    #[serde(serialize_with = "type_name")]
    pub data_type: DataType,
    pub dims: Vec<i64>,
}

impl<'a> Configuration<'a> {
    #[must_use]
    pub fn of(live: &'a LiveModel) -> Self {
        let max_batch_size = live.max_batch_rows();
        Self {
            name: &live.name,
            platform: "onnxruntime_onnx",
            backend: "onnxruntime",
            max_batch_size,
            input: tensors(&live.signature().inputs, max_batch_size),
            output: tensors(&live.signature().outputs, max_batch_size),
            version_policy: VersionPolicy::of(&live.version_policy),
            dynamic_batching: live
                .queue
                .batch_rows()
                .filter(|rows| *rows > 1)
                .map(|rows| DynamicBatching { preferred_batch_size: [rows] }),
        }
    }
}

fn tensors(specs: &[TensorSpec], max_batch_size: usize) -> Vec<ConfigurationTensor<'_>> {
    specs
        .iter()
        .map(|spec| ConfigurationTensor {
            name: &spec.name,
            data_type: spec.data_type,
            // Triton leaves the batch axis out where there is one.
            dims: spec.wire_shape().split_off(usize::from(max_batch_size > 0)),
        })
        .collect()
}

/// A datatype as Triton's configuration calls it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn type_name<S: Serializer>(data_type: &DataType, serializer: S) -> Result<S::Ok, S::Error> {
    match data_type {
        DataType::Bytes => serializer.serialize_str("TYPE_STRING"),
        other => serializer.collect_str(&format_args!("TYPE_{other}")),
    }
}
