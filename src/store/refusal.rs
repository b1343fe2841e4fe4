//! Errors of stores as texts that are fit for callers.

use std::error::Error as _;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// Why a request failed: no URL, no path, nothing of what a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not what the listing said.
    Changed,
    /// The server does not send parts of a file.
    NoRanges,
    Missing,
    /// It may go away.
    Passing(String),
    /// The same request will be refused again.
    Lasting(String),
}

const DENIED: &str = "permission denied";
const UNAUTHENTICATED: &str = "the credentials are refused";

impl Refusal {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Changed => "it changed while it was downloaded".to_owned(),
            Self::NoRanges => "the server cannot continue a transfer".to_owned(),
            Self::Missing => "not found".to_owned(),
            Self::Passing(text) | Self::Lasting(text) => text.clone(),
        }
    }

    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::Missing,
            Error::Precondition { .. } | Error::NotModified { .. } => Self::Changed,
            Error::PermissionDenied { .. } => Self::Lasting(DENIED.to_owned()),
            Error::Unauthenticated { .. } => Self::Lasting(UNAUTHENTICATED.to_owned()),
            Error::InvalidPath { .. } => {
                Self::Lasting("it has a name that is no path, as 'a//b'".to_owned())
            }
            // A web server that ignores ranges.
            Error::NotSupported { .. } => Self::NoRanges,
            other => generic(other),
        }
    }

    /// What is wrong with the settings of a store: their names, not their values.
    pub(super) fn of_settings(error: &Error) -> String {
        match Self::of(error) {
            Self::Passing(_) | Self::Lasting(_) => innermost(error),
            other => other.text(),
        }
    }

    /// What an answer of this status means.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            // Listings have no errors of their own for these.
            401 => Self::Lasting(UNAUTHENTICATED.to_owned()),
            403 => Self::Lasting(DENIED.to_owned()),
            404 => Self::Missing,
            300..400 => Self::Lasting(format!("the server answered {status}, a redirection")),
            408 | 429 => Self::Passing(format!("the server answered {status}")),
            400..500 => Self::Lasting(format!("the server answered {status}")),
            _ => Self::Passing(format!("the server answered {status}")),
        }
    }
}

/// The crate's texts name URLs, which may hold signatures, so only kinds are taken.
fn generic(error: &Error) -> Refusal {
    let text = error.to_string();
    if text.contains("non-partial response") || text.contains("status code: 416") {
        return Refusal::NoRanges;
    }
    let mut source = error.source();
    if text_of_chain(error).contains("invalid peer certificate") {
        return Refusal::Lasting("the server's certificate is not trusted".to_owned());
    }
    while let Some(inner) = source {
        if let Some(http) = inner.downcast_ref::<HttpError>() {
            return Refusal::Passing(kind(http.kind()).to_owned());
        }
        source = inner.source();
    }
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    match status.and_then(|status| status.parse().ok()) {
        // S3 says so of a request that it had to wait for.
        Some(400) if text.contains("<Code>RequestTimeout</Code>") => Refusal::of_status(408),
        Some(status) => Refusal::of_status(status),
        None => Refusal::Passing("the answer is not what a store of this kind gives".to_owned()),
    }
}

fn text_of_chain(error: &Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        text += &inner.to_string();
        source = inner.source();
    }
    text
}

fn kind(kind: HttpErrorKind) -> &'static str {
    match kind {
        HttpErrorKind::Connect => "cannot connect",
        HttpErrorKind::Timeout => "no answer in time",
        HttpErrorKind::Decode => "the answer cannot be read",
        _ => "the connection broke",
    }
}

fn innermost(error: &Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_happened_and_nothing_of_the_url() {
        let generic = |text: &str| Error::Generic { store: "S3", source: text.into() };
        let error = generic("GET https://h/?sig=secret: non-2xx status code: 503 Slow: <xml>");
        assert_eq!(Refusal::of(&error), Refusal::Passing("the server answered 503".to_owned()));
        let error = generic("Received non-partial response when range requested");
        assert_eq!(Refusal::of(&error), Refusal::NoRanges);
        assert!(!Refusal::of(&generic("sig=secret")).text().contains("secret"));
    }

    #[test]
    fn of_the_callers_mistakes_only_those_of_time_may_go_away() {
        for (status, passes) in [(400, false), (409, false), (408, true), (429, true), (500, true)]
        {
            let refusal = Refusal::of_status(status);
            assert_eq!(matches!(refusal, Refusal::Passing(_)), passes, "{status}");
        }
        let slow = "non-2xx status code: 400 Bad Request: <Code>RequestTimeout</Code>";
        let error = Error::Generic { store: "S3", source: slow.into() };
        assert_eq!(Refusal::of(&error), Refusal::Passing("the server answered 408".to_owned()));
    }
}
