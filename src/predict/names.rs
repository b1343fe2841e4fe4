//! Names of what travels beside a request and its answer, whatever the protocol: as headers, or as
//! metadata of gRPC.

/// Requests with the same value here go to the same version.
pub const ROUTING_KEY: &str = "x-routing-key";

/// `true` asks for a token.
pub const TOKEN_ASKED: &str = "onnxd-token";

/// The token.
pub const TOKEN: &str = "onnxd-prediction-token";

/// The id of the prediction, where the protocol has none or another one.
pub const PREDICTION_ID: &str = "onnxd-prediction-id";

/// `true` asks for the times of the parts of a request (Server-Timing), over HTTP.
pub const TIMING_ASKED: &str = "onnxd-timing";

/// What the prediction came of: the digest of the model file, its contract, its reference.
pub const LINEAGE: &str = "onnxd-lineage";

/// Values that break the contract, and those that it has repaired.
pub const VIOLATIONS: &str = "onnxd-contract-violations";
pub const REPAIRED: &str = "onnxd-contract-repaired";
