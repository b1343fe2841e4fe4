//! Errors as clients see them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::reply;
use crate::away::Lost;
use crate::predict;
use crate::registry::{Outcome, Refusal};

/// An error of the HTTP layer or below, with the status it becomes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The request cannot be understood.
    #[error("{0}")]
    Malformed(String),
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive within {seconds} s")]
    SlowBody { seconds: u64 },
    #[error("the body could not be read: {0}")]
    BrokenBody(String),
    #[error("Content-Encoding '{0}' is not supported, expected identity, gzip or deflate")]
    ContentEncoding(String),
    #[error("{0}")]
    MediaType(String),
    #[error("{0}")]
    NotAcceptable(String),
    /// The model fails, or what it gives cannot be written.
    #[error("{0}")]
    Scoring(String),
    #[error("{limit} files are being scored, and no more may be at once (max-scores)")]
    TooManyScores { limit: usize },
    /// Whoever asked does not read the answer.
    #[error("nobody reads the answer")]
    Unread,
    #[error(transparent)]
    Predict(#[from] predict::Error),
    #[error("internal error")]
    Internal,
}

impl From<Lost> for Error {
    fn from(_: Lost) -> Self {
        Self::Internal
    }
}

impl Error {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::BrokenBody(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody { .. } | Self::Unread => StatusCode::REQUEST_TIMEOUT,
            Self::ContentEncoding(_) | Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::TooManyScores { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Predict(error) => StatusCode::from_u16(error.kind().status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::Scoring(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds after which trying again makes sense.
    pub(super) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Predict(error) => error.retry_after(),
            Self::TooManyScores { .. } => Some(1),
            _ => None,
        }
    }

    /// Why the request was turned away, if nothing was wrong with it.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Predict(error) => error.refusal(),
            Self::TooManyScores { .. } => Some(Refusal::QueueFull),
            _ => None,
        }
    }

    /// How the request counts.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::SlowBody { .. }
            | Self::BrokenBody(_)
            | Self::ContentEncoding(_)
            | Self::MediaType(_)
            | Self::NotAcceptable(_) => Outcome::Invalid,
            Self::TooManyScores { .. } => Outcome::Overloaded,
            Self::Unread => Outcome::Cancelled,
            Self::Predict(error) => error.kind().outcome(),
            Self::Scoring(_) | Self::Internal => Outcome::Failed,
        }
    }
}

/// What a failed request says in the log; put beside the response for the log layer.
#[derive(Clone)]
pub(super) struct Message(pub(super) String);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let message = self.to_string();
        let mut response = match &self {
            Self::Predict(predict::Error::Contract(refusal)) => {
                reply::violations(self.status(), &message, refusal)
            }
            _ => reply::error(self.status(), &message),
        };
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Message(message));
        response
    }
}
