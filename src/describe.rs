//! What clients are told of the server and its models besides predictions, whatever the protocol:
//! metadata, the model configuration, statistics, the index of the repository, readiness.
//!
//! The documents are values; the adapters write them.

mod configuration;
mod index;
mod metadata;
mod readiness;
mod statistics;
mod triton_metrics;

pub use configuration::{Configuration, ConfigurationTensor, DynamicBatching, VersionPolicy};
pub use index::{IndexEntry, index};
pub use metadata::{
    ModelMetadata, PLATFORM, ServerMetadata, TensorMetadata, TensorParameters, outputs, tensors,
};
pub use readiness::{Readiness, is_model_ready};
pub use statistics::{BatchStatistics, InferenceStatistics, ModelStatistics, Pair};
pub use triton_metrics::triton_metrics;
