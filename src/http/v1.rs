//! The REST API of TensorFlow Serving, as KServe's protocol v1 uses it too.

pub(super) mod decode;
mod encode;
pub(super) mod predict;
pub(super) mod status;
