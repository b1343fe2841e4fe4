//! What is wrong with the values of a request, in the form that Google's APIs give details of
//! errors in: `google.rpc.Status` with a `BadRequest` and an `ErrorInfo` (googleapis,
//! `google/rpc/status.proto` and `error_details.proto`).

use std::collections::BTreeMap;

use prost::Message;
use tonic::Code;

use crate::contract::{Refusal, Violation};

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    /// A pointer into the request in the form of the protocol v2, as over HTTP.
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, tag = "3")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

/// Details are a header: all that is listed takes at most so many bytes. The number of all is
/// told.
const MAX_BYTES: usize = 3 * 1024;

fn any(kind: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/google.rpc.{kind}"),
        value: message.encode_to_vec(),
    }
}

/// The details of a refusal, encoded.
pub(super) fn of(code: Code, message: &str, refusal: &Refusal) -> Vec<u8> {
    let info = ErrorInfo {
        reason: "CONTRACT_VIOLATION".to_owned(),
        domain: "onnxd".to_owned(),
        metadata: BTreeMap::from([("total".to_owned(), refusal.total.to_string())]),
    };
    let mut details = vec![any("ErrorInfo", &info)];
    // What is wrong with an answer is no field of the request.
    if !refusal.of_answer {
        let mut listed = BadRequest { field_violations: Vec::new() };
        for violation in &refusal.violations {
            listed.field_violations.push(field(violation));
            if listed.encoded_len() > MAX_BYTES {
                listed.field_violations.pop();
                break;
            }
        }
        details.push(any("BadRequest", &listed));
    }
    Status { code: code.into(), message: message.to_owned(), details }.encode_to_vec()
}

fn field(violation: &Violation) -> FieldViolation {
    let Violation { feature, row, expected, value, .. } = violation;
    let row = row.map_or_else(String::new, |row| format!(" row {row}"));
    let came = value.as_ref().map_or_else(String::new, |value| format!(", came {value}"));
    FieldViolation {
        field: violation.pointer.clone(),
        description: format!("'{feature}'{row}: expected {expected}{came}"),
        reason: violation.code.as_str().to_uppercase(),
    }
}
