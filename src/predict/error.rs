//! Everything that can go wrong with a prediction, and the one table that says what each
//! kind means to a client.

use super::inputs::InputError;
use crate::contract;
use crate::engine::{InputMismatch, RunError};
use crate::registry::{Outcome, Refusal};
use crate::scheduler::Rejection;

/// Why a prediction has no answer. The message is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{}", unknown(.model, .version.as_deref()))]
    UnknownModel { model: String, version: Option<String> },
    #[error("{}", not_ready(.model, *.loading, .reason))]
    NotReady { model: String, loading: bool, reason: String },
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Mismatch(#[from] InputMismatch),
    #[error("{0}")]
    Contract(Box<contract::Refusal>),
    /// A check broke off, which no values should do.
    #[error("internal error")]
    Check,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl From<contract::Refusal> for Error {
    fn from(refusal: contract::Refusal) -> Self {
        Self::Contract(Box::new(refusal))
    }
}

/// What a client can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    NotFound,
    Unavailable,
    Invalid,
    Overloaded,
    DeadlineExceeded,
    Failed,
}

impl Error {
    pub(super) fn starting(model: &str) -> Self {
        Self::NotReady { model: model.to_owned(), loading: true, reason: String::new() }
    }

    /// Why a request was turned away although nothing is wrong with it.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::NotReady { .. } => Some(Refusal::NotReady),
            Self::Rejected(Rejection::QueueFull { .. }) => Some(Refusal::QueueFull),
            Self::Rejected(Rejection::WouldBeLate { .. }) => Some(Refusal::WouldBeLate),
            Self::Rejected(Rejection::CompilerBusy | Rejection::Run(RunError::Busy)) => {
                Some(Refusal::CompilerBusy)
            }
            Self::Rejected(Rejection::DeadlineExceeded(_) | Rejection::Run(RunError::Stopped)) => {
                Some(Refusal::DeadlineExceeded)
            }
            Self::Rejected(Rejection::ShutDown) => Some(Refusal::ShuttingDown),
            Self::UnknownModel { .. }
            | Self::Input(_)
            | Self::Mismatch(_)
            | Self::Contract(_)
            | Self::Check
            | Self::Rejected(Rejection::Run(_)) => None,
        }
    }

    /// Seconds after which trying again makes sense: not where the model was refused.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::NotReady { loading: false, .. } => None,
            _ => self.kind().retry_after(),
        }
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::UnknownModel { .. } => Kind::NotFound,
            Self::NotReady { .. } => Kind::Unavailable,
            Self::Contract(refusal) if refusal.of_answer => Kind::Failed,
            Self::Check => Kind::Failed,
            Self::Input(_) | Self::Mismatch(_) | Self::Contract(_) => Kind::Invalid,
            Self::Rejected(rejection) => match rejection {
                Rejection::QueueFull { .. }
                | Rejection::WouldBeLate { .. }
                | Rejection::CompilerBusy
                | Rejection::Run(RunError::Busy) => Kind::Overloaded,
                Rejection::DeadlineExceeded(_) | Rejection::Run(RunError::Stopped) => {
                    Kind::DeadlineExceeded
                }
                // The graph does not take what came, whatever its signature says.
                Rejection::Run(RunError::Shapes { .. } | RunError::Values { .. }) => Kind::Invalid,
                Rejection::Run(
                    RunError::Operator { .. } | RunError::Panic { .. } | RunError::Output { .. },
                ) => Kind::Failed,
                Rejection::ShutDown => Kind::Unavailable,
            },
        }
    }
}

impl Kind {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::Failed => 500,
            Self::Unavailable | Self::Overloaded => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// The status code of gRPC. What is overloaded is UNAVAILABLE, which clients try again.
    #[must_use]
    pub fn grpc_code(self) -> i32 {
        match self {
            Self::Invalid => 3,
            Self::DeadlineExceeded => 4,
            Self::NotFound => 5,
            Self::Failed => 13,
            Self::Unavailable | Self::Overloaded => 14,
        }
    }

    fn retry_after(self) -> Option<u32> {
        match self {
            Self::Unavailable | Self::Overloaded => Some(1),
            Self::Invalid | Self::NotFound | Self::Failed | Self::DeadlineExceeded => None,
        }
    }

    /// The label in metrics.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::NotFound => Outcome::NotFound,
            Self::Unavailable => Outcome::Unavailable,
            Self::Invalid => Outcome::Invalid,
            Self::Overloaded => Outcome::Overloaded,
            Self::DeadlineExceeded => Outcome::DeadlineExceeded,
            Self::Failed => Outcome::Failed,
        }
    }
}

/// Clients of Triton look for this sentence.
fn unknown(model: &str, version: Option<&str>) -> String {
    match version {
        None => format!("Request for unknown model: '{model}' is not found"),
        Some(version) => {
            format!("Request for unknown model: '{model}' version '{version}' is not found")
        }
    }
}

fn not_ready(model: &str, loading: bool, reason: &str) -> String {
    match (loading, reason) {
        (true, _) => format!("model '{model}' is not ready: it is loading"),
        (false, "") => format!("model '{model}' is not ready"),
        (false, reason) => format!("model '{model}' is not ready: {reason}"),
    }
}
