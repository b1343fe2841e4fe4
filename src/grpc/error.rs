//! Errors as callers see them.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::details;
use crate::away::Lost;
use crate::predict::{self, Malformed};
use crate::registry::{ControlError, Outcome, Refusal};

/// An error of the gRPC layer or below, with the code it becomes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The request cannot be understood.
    #[error("{0}")]
    Malformed(String),
    #[error("grpc-encoding '{0}' is not supported, expected identity, gzip or deflate")]
    Encoding(String),
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive within {seconds} s")]
    SlowBody { seconds: u64 },
    /// Whoever called broke off.
    #[error("the message could not be read: {0}")]
    Broken(String),
    #[error("unknown call '{0}'")]
    Unknown(String),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Predict(#[from] predict::Error),
    #[error("internal error")]
    Internal,
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.0)
    }
}

impl From<Lost> for Error {
    fn from(_: Lost) -> Self {
        Self::Internal
    }
}

/// Bytes of a message as it travels: it is a header, and clients refuse long ones.
const MAX_MESSAGE: usize = 1024;

impl Error {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::InvalidArgument,
            Self::TooLarge { .. } => Code::ResourceExhausted,
            Self::SlowBody { .. } => Code::Aborted,
            Self::Broken(_) => Code::Cancelled,
            Self::Encoding(_) | Self::Unknown(_) => Code::Unimplemented,
            Self::Control(error) => match error {
                ControlError::UnknownModel(_) => Code::NotFound,
                ControlError::Invalid(_) => Code::InvalidArgument,
                ControlError::Failed(_) => Code::FailedPrecondition,
                ControlError::ShuttingDown => Code::Unavailable,
            },
            // Trying again does not help where the model was refused.
            Self::Predict(predict::Error::NotReady { loading: false, .. }) => {
                Code::FailedPrecondition
            }
            Self::Predict(error) => Code::from_i32(error.kind().grpc_code()),
            Self::Internal => Code::Internal,
        }
    }

    /// Whether the server failed, and not the caller: what HTTP has numbers from 500 for.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::Encoding(_)
            | Self::TooLarge { .. }
            | Self::SlowBody { .. }
            | Self::Broken(_)
            | Self::Unknown(_) => false,
            Self::Control(error) => matches!(error, ControlError::ShuttingDown),
            Self::Predict(error) => error.kind().status() >= 500,
            Self::Internal => true,
        }
    }

    /// Why the request was turned away, if nothing was wrong with it.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Predict(error) => error.refusal(),
            _ => None,
        }
    }

    /// How the request counts.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Malformed(_)
            | Self::Encoding(_)
            | Self::TooLarge { .. }
            | Self::SlowBody { .. }
            | Self::Unknown(_) => Outcome::Invalid,
            Self::Broken(_) => Outcome::Cancelled,
            Self::Predict(error) => error.kind().outcome(),
            Self::Control(_) | Self::Internal => Outcome::Failed,
        }
    }

    /// What it says, cut where it is too long for a header.
    pub(super) fn message(&self) -> String {
        cut(self.to_string())
    }

    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Predict(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// Cuts a text that takes more bytes as a header, where all but ASCII takes three for each.
fn cut(mut text: String) -> String {
    let mut bytes = 0;
    for (at, char) in text.char_indices() {
        let plain = char == ' ' || (char.is_ascii_graphic() && char != '%');
        bytes += if plain { 1 } else { 3 * char.len_utf8() };
        if bytes > MAX_MESSAGE {
            text.truncate(at);
            text.push('…');
            break;
        }
    }
    text
}

/// Seconds after which trying again makes sense, as HTTP says it.
const RETRY_AFTER: &str = "retry-after";

/// The same in milliseconds: clients that retry by themselves heed it.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

impl From<&Error> for Status {
    fn from(error: &Error) -> Self {
        let (code, message) = (error.code(), error.message());
        let details = match error {
            Error::Predict(predict::Error::Contract(refusal)) => {
                details::of(code, &message, refusal)
            }
            _ => Vec::new(),
        };
        with_retry(Self::with_details(code, message, details.into()), error.retry_after())
    }
}

/// Says when trying again makes sense, if it does.
pub(super) fn with_retry(mut status: Status, retry_after: Option<u32>) -> Status {
    if let Some(seconds) = retry_after {
        let metadata = status.metadata_mut();
        metadata.insert(RETRY_AFTER, MetadataValue::from(seconds));
        metadata.insert(PUSHBACK, MetadataValue::from(u64::from(seconds) * 1000));
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters_to_what_a_header_may_have() {
        assert_eq!(cut("input 'x'".to_owned()), "input 'x'");
        assert_eq!(cut("a".repeat(MAX_MESSAGE)).len(), MAX_MESSAGE);
        let long = cut("a".repeat(MAX_MESSAGE + 1));
        assert!(long.ends_with("a…") && long.len() == MAX_MESSAGE + '…'.len_utf8());
        let wide = cut("é".repeat(1000));
        assert_eq!(wide.chars().count(), MAX_MESSAGE / 6 + 1);
    }
}
