//! Why a request is refused before it is read, and the one table of what each reason means to
//! a client.

use std::time::Duration;

use super::Role;

/// Why a request is refused. The message is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a key is needed: 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")]
    NoKey,
    #[error("the key is not known")]
    UnknownKey,
    #[error("a key with the role '{0}' is needed")]
    Role(Role),
    #[error(
        "without keys (auth-keys) the server is operated from its own machine only, unless \
         open-operate says otherwise"
    )]
    Far,
    #[error(
        "without keys (auth-keys) the server is operated by the names of its own machine only: \
         'Host' is not localhost or a loopback address"
    )]
    Name,
    #[error("a page of another site may not operate the server")]
    Page,
    #[error("the key has used up its requests per second")]
    Rate(Duration),
}

impl Refused {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NoKey | Self::UnknownKey => 401,
            Self::Role(_) | Self::Far | Self::Name | Self::Page => 403,
            Self::Rate(_) => 429,
        }
    }

    /// The status code of gRPC.
    #[must_use]
    pub fn grpc_code(&self) -> i32 {
        match self {
            Self::NoKey | Self::UnknownKey => 16,
            Self::Role(_) | Self::Far | Self::Name | Self::Page => 7,
            Self::Rate(_) => 8,
        }
    }

    /// The label in metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoKey | Self::UnknownKey => "unauthenticated",
            Self::Role(_) | Self::Far | Self::Name | Self::Page => "forbidden",
            Self::Rate(_) => "rate",
        }
    }

    /// Seconds after which trying again makes sense.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Rate(wait) => {
                let seconds = wait.as_millis().div_ceil(1000).max(1);
                Some(u32::try_from(seconds).unwrap_or(u32::MAX))
            }
            _ => None,
        }
    }
}
