//! What an operator of ours says to values that it cannot take.

use tract_onnx::prelude::{TractError, TractResult};

use super::compile::one_line;

/// The values are to blame, not the graph: it tells the caller, who can do something.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

/// What comes out of a run of an operator, with every error a refusal.
pub(super) fn of_values<T>(result: TractResult<T>) -> TractResult<T> {
    result.map_err(|error| TractError::new(Refusal(one_line(&error))))
}
