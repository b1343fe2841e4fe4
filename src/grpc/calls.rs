//! The calls of the Open Inference Protocol, each in a few lines.

use prost::Message;

use super::error::Error;
use super::generated::{
    ModelConfigRequest, ModelConfigResponse, ModelInferRequest, ModelMetadataRequest,
    ModelReadyRequest, ModelReadyResponse, ModelStatistics, ModelStatisticsRequest,
    ModelStatisticsResponse, RepositoryIndexRequest, RepositoryIndexResponse,
    RepositoryModelLoadRequest, RepositoryModelLoadResponse, RepositoryModelUnloadRequest,
    RepositoryModelUnloadResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerReadyRequest, ServerReadyResponse,
};
use super::head::Head;
use super::message::{self, Received, Room};
use super::reply::{Reply, reply};
use super::{Api, crowd, describe, given, infer, repository};
use crate::access::Need;
use crate::away;
use crate::coding::Coding;
use crate::describe::{Configuration, ModelMetadata, ModelStatistics as Statistics};
use crate::describe::{index, is_model_ready};
use crate::predict::{Target, Watch};

/// What the service is called.
pub(super) const SERVICE: &str = "inference.GRPCInferenceService";

/// A call of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    ServerLive,
    ServerReady,
    ModelReady,
    ServerMetadata,
    ModelMetadata,
    ModelInfer,
    ModelConfig,
    ModelStatistics,
    RepositoryIndex,
    RepositoryModelLoad,
    RepositoryModelUnload,
}

/// All of them by their names, and what each needs.
pub(super) const CALLS: [(&str, Call, Need); 11] = [
    ("ServerLive", Call::ServerLive, Need::Public),
    ("ServerReady", Call::ServerReady, Need::Public),
    ("ServerMetadata", Call::ServerMetadata, Need::Any),
    ("ModelReady", Call::ModelReady, Need::Any),
    ("ModelMetadata", Call::ModelMetadata, Need::Any),
    ("ModelConfig", Call::ModelConfig, Need::Any),
    ("ModelStatistics", Call::ModelStatistics, Need::Any),
    ("ModelInfer", Call::ModelInfer, Need::PREDICT),
    ("RepositoryIndex", Call::RepositoryIndex, Need::Any),
    ("RepositoryModelLoad", Call::RepositoryModelLoad, Need::OPERATE),
    ("RepositoryModelUnload", Call::RepositoryModelUnload, Need::OPERATE),
];

/// Bytes of a message where a few words are all there is to say.
const MAX_SMALL: usize = 16 * 1024;

impl Call {
    /// The call with this name, and what it needs.
    pub(super) fn named(name: &str) -> Option<(Self, Need)> {
        CALLS.iter().find(|(known, ..)| *known == name).map(|(_, call, need)| (*call, *need))
    }

    /// Bytes of its message, unpacked.
    fn limit(self, max_body: usize) -> usize {
        match self {
            Self::ModelInfer | Self::RepositoryModelLoad => max_body,
            _ => MAX_SMALL.min(max_body),
        }
    }
}

/// Answers a call from its body on.
///
/// # Errors
/// [`Error`] for the caller.
pub(super) async fn answer(
    api: &Api,
    call: Call,
    head: &mut Head,
    room: &Room,
    body: hyper::body::Incoming,
) -> Result<Reply, Error> {
    let (limit, packing) = (call.limit(api.config.max_body), head.coding()?);
    let received = head.in_time(api, message::receive(body, limit, room)).await?;
    let received = received.unpacked(packing, limit).await?;
    let coding = head.answer_coding(packing);
    match call {
        Call::ModelInfer => {
            if let Some(record) = head.watch.as_ref().and_then(Watch::record) {
                let bytes = received.bytes();
                record.came(infer::body(bytes.len()), |copy| copy.extend_from_slice(bytes));
            }
            let request = request(received, limit).await?;
            infer::infer(api, head, coding, request).await
        }
        Call::ServerLive => {
            let _: ServerLiveRequest = small(received)?;
            reply(ServerLiveResponse { live: true }, coding).await
        }
        Call::ServerReady => {
            let _: ServerReadyRequest = small(received)?;
            let ready = api.readiness.is_ready(&api.predictor.registry().snapshot());
            reply(ServerReadyResponse { ready }, coding).await
        }
        Call::ModelReady => {
            let request: ModelReadyRequest = small(received)?;
            // As Triton has it: what is not there is not ready. Clients wait for it so.
            let target = target(&request.name, &request.version);
            let ready = is_model_ready(&api.predictor, target).unwrap_or(false);
            reply(ModelReadyResponse { ready }, coding).await
        }
        Call::ServerMetadata => {
            let _: ServerMetadataRequest = small(received)?;
            reply(describe::server(), coding).await
        }
        Call::ModelMetadata => {
            let request: ModelMetadataRequest = small(received)?;
            let live = api.predictor.resolve(target(&request.name, &request.version))?;
            let snapshot = api.predictor.registry().snapshot();
            reply(describe::model(ModelMetadata::of(&live, &snapshot)), coding).await
        }
        Call::ModelConfig => {
            let request: ModelConfigRequest = small(received)?;
            let live = api.predictor.resolve(target(&request.name, &request.version))?;
            let config = Some(describe::configuration(Configuration::of(&live)));
            reply(ModelConfigResponse { config }, coding).await
        }
        Call::ModelStatistics => {
            let model_stats = statistics(api, small(received)?)?;
            reply(ModelStatisticsResponse { model_stats }, coding).await
        }
        Call::RepositoryIndex => {
            let request: RepositoryIndexRequest = small(received)?;
            let snapshot = api.predictor.registry().snapshot();
            let entries = index(&snapshot, request.ready);
            let models = entries.into_iter().map(describe::index_entry).collect();
            reply(RepositoryIndexResponse { models }, coding).await
        }
        Call::RepositoryModelLoad => {
            let request = Box::pin(load_request(received)).await?;
            let model = repository::named(&request.repository_name, &request.model_name);
            Box::pin(repository::load(api, model, request.parameters)).await?;
            let model_name = model.to_owned();
            reply(RepositoryModelLoadResponse { model_name, is_loaded: true }, coding).await
        }
        Call::RepositoryModelUnload => {
            // What its parameters say (`unload_dependents`) means nothing here.
            let request: RepositoryModelUnloadRequest = small(received)?;
            let model = repository::named(&request.repository_name, &request.model_name);
            Box::pin(repository::unload(api, model)).await?;
            let model_name = model.to_owned();
            reply(RepositoryModelUnloadResponse { model_name, is_unloaded: true }, coding).await
        }
    }
}

/// Without a key: what is asked for is not a prediction.
fn target<'a>(name: &'a str, version: &'a str) -> Target<'a> {
    Target::new(name, given(version))
}

fn statistics(api: &Api, request: ModelStatisticsRequest) -> Result<Vec<ModelStatistics>, Error> {
    if request.name.is_empty() {
        let snapshot = api.predictor.registry().snapshot();
        let of_all = snapshot.live_models().map(|live| Statistics::of(live));
        return Ok(of_all.map(describe::statistics).collect());
    }
    let live = api.predictor.resolve(target(&request.name, &request.version))?;
    Ok(vec![describe::statistics(Statistics::of(&live))])
}

/// A message of a few words.
fn small<M: Message + Default>(received: Received) -> Result<M, Error> {
    crowd::check(received.bytes())?;
    message::decode(received.bytes().clone())
}

async fn load_request(received: Received) -> Result<RepositoryModelLoadRequest, Error> {
    // Files may be large.
    let length = received.bytes().len();
    away::run(length, move || small(received)).await?
}

/// A request for a prediction. Tensors in the fields of their types are long work, raw ones stay
/// where they are.
pub(super) async fn request(received: Received, limit: usize) -> Result<ModelInferRequest, Error> {
    let weight = crowd::weight(received.bytes())?;
    let decode = move || {
        let bytes = received.bytes();
        crowd::check_parts(bytes, limit)?;
        let mut request: ModelInferRequest = message::decode(bytes.clone())?;
        // Raw tensors keep what they came in, and must not keep much else with it.
        if weight > bytes.len() / 4 {
            for raw in &mut request.raw_input_contents {
                *raw = bytes::Bytes::copy_from_slice(raw);
            }
        }
        Ok(request)
    };
    away::run(weight, decode).await?
}

/// The coding of packed messages by its name in `grpc-encoding`.
///
/// # Errors
/// The name.
pub(super) fn coding(name: &str) -> Result<Coding, Error> {
    Coding::from_name(name).ok_or_else(|| Error::Encoding(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_call_of_the_protocol_is_answered() {
        let described = FileDescriptorSet::decode(crate::grpc::DESCRIPTOR).unwrap();
        let services = described.file.iter().flat_map(|file| &file.service);
        let methods = services.flat_map(|service| &service.method);
        let mut names: Vec<_> = methods.map(|method| method.name().to_owned()).collect();
        let mut known: Vec<_> = CALLS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        names.sort();
        known.sort();
        assert_eq!(known, names);
    }
}
