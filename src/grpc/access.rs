//! What each call needs, as others see it, and how one is refused before its message is read.

use tonic::{Code, Status};

use super::calls::{CALLS, SERVICE};
use super::error;
use crate::access::{Need, Refused};

/// Every call of the protocol and what it needs. A look at the health needs nothing, and what
/// is not here, reflection and watching the health for example, any key.
pub fn calls() -> impl Iterator<Item = (String, Need)> {
    CALLS.into_iter().map(|(name, _, need)| (format!("/{SERVICE}/{name}"), need))
}

/// How a call is told that it is refused.
pub(super) fn status(refused: &Refused) -> Status {
    let status = Status::new(Code::from_i32(refused.grpc_code()), refused.to_string());
    error::with_retry(status, refused.retry_after())
}
