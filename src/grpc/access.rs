//! What each call needs, and how it is refused before its message is read.

use tonic::{Code, Status};

use super::error;
use crate::access::{Need, Refused};

/// The calls of the Open Inference Protocol.
const CALLS: [(&str, Need); 11] = [
    ("ServerLive", Need::Public),
    ("ServerReady", Need::Public),
    ("ServerMetadata", Need::Any),
    ("ModelReady", Need::Any),
    ("ModelMetadata", Need::Any),
    ("ModelConfig", Need::Any),
    ("ModelStatistics", Need::Any),
    ("ModelInfer", Need::PREDICT),
    ("RepositoryIndex", Need::Any),
    ("RepositoryModelLoad", Need::OPERATE),
    ("RepositoryModelUnload", Need::OPERATE),
];

const SERVICE: &str = "/inference.GRPCInferenceService/";
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Every call of the protocol and what it needs. Health needs nothing, and what is not here,
/// reflection for example, any key.
pub fn calls() -> impl Iterator<Item = (String, Need)> {
    CALLS.into_iter().map(|(name, need)| (format!("{SERVICE}{name}"), need))
}

/// What a call of this path needs.
pub(super) fn need(path: &str) -> Need {
    if path.starts_with(HEALTH) {
        return Need::Public;
    }
    let name = path.strip_prefix(SERVICE).unwrap_or_default();
    CALLS.iter().find(|(known, _)| *known == name).map_or(Need::Any, |(_, need)| *need)
}

/// How a call is told that it is refused.
pub(super) fn status(refused: &Refused) -> Status {
    let status = Status::new(Code::from_i32(refused.grpc_code()), refused.to_string());
    error::with_retry(status, refused.retry_after())
}
