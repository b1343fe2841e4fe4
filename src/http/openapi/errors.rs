//! What each status of an error means, and the two forms in which errors come.

use serde_json::{Value, json};

use super::schema::{Schema, count, of, text};

/// In which form an error comes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// `{"error": "…"}`.
    Error,
    /// RFC 9457.
    Problem,
}

/// An error that some operation has.
pub(super) struct Error {
    pub(super) status: u16,
    about: &'static str,
    header: Option<Header>,
}

/// A name, and what makes its schema.
type Header = (&'static str, fn() -> Schema);

impl Form {
    /// As `fallback::answer` has it.
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/api") { Self::Problem } else { Self::Error }
    }

    /// Of the component.
    pub(super) fn name(self, status: u16) -> String {
        match self {
            Self::Error => format!("Error{status}"),
            Self::Problem => format!("Problem{status}"),
        }
    }

    pub(super) fn reference(self, status: u16) -> Value {
        json!({"$ref": format!("#/components/responses/{}", self.name(status))})
    }

    pub(super) fn response(self, error: &Error) -> Value {
        let (media, schema) = match self {
            Self::Error => ("application/json", of("Error")),
            Self::Problem => ("application/problem+json", of("Problem")),
        };
        let mut response =
            json!({"description": error.about, "content": {media: {"schema": schema}}});
        if let Some((name, schema)) = error.header {
            response["headers"] = json!({name: {"schema": schema()}});
        }
        response
    }
}

const fn error(status: u16, about: &'static str) -> Error {
    Error { status, about, header: None }
}

const fn with(
    status: u16,
    name: &'static str,
    schema: fn() -> Schema,
    about: &'static str,
) -> Error {
    Error { status, about, header: Some((name, schema)) }
}

pub(super) const ERRORS: [Error; 14] = [
    error(
        400,
        "Anything is wrong with the request: the message says what, what was expected and what came.",
    ),
    with(
        401,
        "WWW-Authenticate",
        challenge,
        "A key is needed, and none came or one that is not known.",
    ),
    error(403, "The key does not have the role; or without keys: this is not for other machines."),
    error(404, "There is none of this name."),
    with(405, "Allow", methods, "Not with this method."),
    error(406, "Accept names no media type that an answer can have."),
    error(408, "The body did not arrive in time (read-timeout)."),
    error(409, "It contradicts what is there."),
    error(413, "The body is too large, before or after unpacking."),
    error(415, "A Content-Encoding or Content-Type that is not read."),
    with(429, "Retry-After", seconds, "The key has used up its requests."),
    error(500, "The server or the model fails."),
    with(
        503,
        "Retry-After",
        seconds,
        "Not now: loading, a full queue, would be late, going down. Without Retry-After trying again does not help.",
    ),
    error(504, "Out of time."),
];

fn challenge() -> Schema {
    text("Bearer.")
}

fn methods() -> Schema {
    text("The methods that there are.")
}

fn seconds() -> Schema {
    count("Seconds after which trying again makes sense.")
}
