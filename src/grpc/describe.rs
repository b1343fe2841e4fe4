//! Metadata, configuration and statistics as messages.

use super::generated::model_config::SchedulingChoice;
use super::generated::model_metadata_response::TensorMetadata;
use super::generated::model_version_policy::{All, Latest, PolicyChoice, Specific};
use super::generated::repository_index_response::ModelIndex;
use super::generated::{
    DataType, InferBatchStatistics, InferStatistics, ModelConfig, ModelDynamicBatching, ModelInput,
    ModelMetadataResponse, ModelOutput, ModelStatistics, ModelVersionPolicy,
    ServerMetadataResponse, StatisticDuration,
};
use crate::{describe, tensor};

pub(super) fn server() -> ServerMetadataResponse {
    let server = describe::ServerMetadata::THIS;
    ServerMetadataResponse {
        name: server.name.to_owned(),
        version: server.version.to_owned(),
        extensions: server.extensions.map(str::to_owned).to_vec(),
    }
}

pub(super) fn model(model: describe::ModelMetadata<'_>) -> ModelMetadataResponse {
    let tensors = |tensors: Vec<describe::TensorMetadata<'_>>| {
        let message = |tensor: describe::TensorMetadata<'_>| TensorMetadata {
            name: tensor.name.to_owned(),
            datatype: tensor.datatype.to_owned(),
            shape: tensor.shape,
        };
        tensors.into_iter().map(message).collect()
    };
    ModelMetadataResponse {
        name: model.name.to_owned(),
        versions: model.versions,
        platform: model.platform.to_owned(),
        inputs: tensors(model.inputs),
        outputs: tensors(model.outputs),
    }
}

pub(super) fn configuration(configuration: describe::Configuration<'_>) -> ModelConfig {
    let input = |tensor: describe::ConfigurationTensor<'_>| ModelInput {
        name: tensor.name.to_owned(),
        data_type: data_type(tensor.data_type).into(),
        dims: tensor.dims,
    };
    let output = |tensor: describe::ConfigurationTensor<'_>| ModelOutput {
        name: tensor.name.to_owned(),
        data_type: data_type(tensor.data_type).into(),
        dims: tensor.dims,
    };
    let batching = |batching: describe::DynamicBatching| {
        let rows = batching.preferred_batch_size.map(signed).to_vec();
        SchedulingChoice::DynamicBatching(ModelDynamicBatching { preferred_batch_size: rows })
    };
    ModelConfig {
        name: configuration.name.to_owned(),
        platform: configuration.platform.to_owned(),
        backend: configuration.backend.to_owned(),
        version_policy: Some(policy(configuration.version_policy)),
        max_batch_size: signed(configuration.max_batch_size),
        input: configuration.input.into_iter().map(input).collect(),
        output: configuration.output.into_iter().map(output).collect(),
        scheduling_choice: configuration.dynamic_batching.map(batching),
    }
}

fn signed(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn policy(policy: describe::VersionPolicy) -> ModelVersionPolicy {
    let choice = match policy {
        describe::VersionPolicy::Latest { num_versions } => PolicyChoice::Latest(Latest {
            num_versions: u32::try_from(num_versions).unwrap_or(u32::MAX),
        }),
        describe::VersionPolicy::All {} => PolicyChoice::All(All {}),
        describe::VersionPolicy::Specific { versions } => {
            // They are numbers that were written as texts.
            let versions = versions.iter().filter_map(|version| version.parse().ok()).collect();
            PolicyChoice::Specific(Specific { versions })
        }
    };
    ModelVersionPolicy { policy_choice: Some(choice) }
}

fn data_type(data_type: tensor::DataType) -> DataType {
    match data_type {
        tensor::DataType::Bool => DataType::TypeBool,
        tensor::DataType::Uint8 => DataType::TypeUint8,
        tensor::DataType::Uint16 => DataType::TypeUint16,
        tensor::DataType::Uint32 => DataType::TypeUint32,
        tensor::DataType::Uint64 => DataType::TypeUint64,
        tensor::DataType::Int8 => DataType::TypeInt8,
        tensor::DataType::Int16 => DataType::TypeInt16,
        tensor::DataType::Int32 => DataType::TypeInt32,
        tensor::DataType::Int64 => DataType::TypeInt64,
        tensor::DataType::Fp16 => DataType::TypeFp16,
        tensor::DataType::Fp32 => DataType::TypeFp32,
        tensor::DataType::Fp64 => DataType::TypeFp64,
        tensor::DataType::Bytes => DataType::TypeString,
    }
}

pub(super) fn statistics(of: describe::ModelStatistics) -> ModelStatistics {
    let inference = &of.inference_stats;
    let batch = |batch: describe::BatchStatistics| InferBatchStatistics {
        batch_size: batch.batch_size as u64,
        compute_input: duration(batch.compute_input),
        compute_infer: duration(batch.compute_infer),
        compute_output: duration(batch.compute_output),
    };
    ModelStatistics {
        inference_stats: Some(InferStatistics {
            success: duration(inference.success),
            fail: duration(inference.fail),
            queue: duration(inference.queue),
            compute_input: duration(inference.compute_input),
            compute_infer: duration(inference.compute_infer),
            compute_output: duration(inference.compute_output),
            cache_hit: duration(inference.cache_hit),
            cache_miss: duration(inference.cache_miss),
        }),
        name: of.name,
        version: of.version,
        last_inference: of.last_inference,
        inference_count: of.inference_count,
        execution_count: of.execution_count,
        batch_stats: of.batch_stats.into_iter().map(batch).collect(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "fields that are messages are optional")]
fn duration(pair: describe::Pair) -> Option<StatisticDuration> {
    Some(StatisticDuration { count: pair.count, ns: pair.ns })
}

pub(super) fn index_entry(entry: describe::IndexEntry<'_>) -> ModelIndex {
    ModelIndex {
        name: entry.name.to_owned(),
        version: entry.version,
        state: entry.state.to_owned(),
        reason: entry.reason.to_owned(),
    }
}
