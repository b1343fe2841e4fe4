//! JSON of protocol v1.

use super::{MAX_BODY, answer_to, bad_request, error_of, not_found, too_large};
use crate::support::predict_path;

fn error(body: impl AsRef<[u8]>) -> (u16, String) {
    error_of(&predict_path("symbolic_batch"), body)
}

fn error_of_two(body: &str) -> (u16, String) {
    error_of(&predict_path("two_inputs"), body)
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    let message = "malformed JSON: expected an object, came 'h' at byte 0";
    assert_eq!(error("hello"), bad_request(message));
}

#[test]
fn truncated_json_is_refused_at_its_end() {
    let message = "malformed JSON: the text ends within a value at byte 18";
    assert_eq!(error(r#"{"instances":[[1,2"#), bad_request(message));
}

#[test]
fn both_keys_are_refused() {
    let message = "expected one of 'inputs' and 'instances', came both";
    assert_eq!(error(r#"{"instances":[[1,2,3]],"inputs":[[1,2,3]]}"#), bad_request(message));
}

#[test]
fn neither_key_is_refused() {
    assert_eq!(error("{}"), bad_request("Missing 'inputs' or 'instances' key"));
}

#[test]
fn instances_that_are_no_list_are_refused() {
    assert_eq!(error(r#"{"instances":5}"#), bad_request("'instances' is no list"));
}

#[test]
fn a_ragged_instance_is_named() {
    let message = "instance 1: input 'x' has shape [2], in the instances before it was [3]";
    assert_eq!(error(r#"{"instances":[[1,2,3],[1,2]]}"#), bad_request(message));
}

#[test]
fn a_wrong_type_names_its_instance() {
    let message = "instance 1: input 'x': expected FP32, came a string at byte 25";
    assert_eq!(error(r#"{"instances":[[1,2,3],[1,"a",3]]}"#), bad_request(message));
}

#[test]
fn a_wrong_dimension_is_refused() {
    let message = "input 'x': expected 3 in dimension 1 of shape [N, 3], came 4 (shape [1, 4])";
    assert_eq!(error(r#"{"instances":[[1,2,3,4]]}"#), bad_request(message));
}

#[test]
fn a_wrong_rank_is_refused() {
    let message = "input 'x': expected 2 dimensions (shape [N, 3]), came 1 dimension (shape [1])";
    assert_eq!(error(r#"{"instances":[1]}"#), bad_request(message));
}

#[test]
fn a_plain_instance_for_several_inputs_is_refused() {
    let message =
        "instance 0: the model has 2 inputs, expected an object with a value for each of 'A', 'B'";
    assert_eq!(error_of_two(r#"{"instances":[[1,2,3]]}"#), bad_request(message));
}

#[test]
fn an_input_missing_in_an_instance_is_named() {
    let message = "instance 1: input 'B' is missing, the model has 'A', 'B'";
    let body = r#"{"instances":[{"A":[1,2,3],"B":[1,2]},{"A":[1,2,3]}]}"#;
    assert_eq!(error_of_two(body), bad_request(message));
}

#[test]
fn an_unknown_input_in_an_instance_is_named() {
    let message = "instance 0: unknown input 'C', the model has 'A', 'B'";
    assert_eq!(error_of_two(r#"{"instances":[{"A":[1,2,3],"C":1}]}"#), bad_request(message));
}

#[test]
fn an_input_given_twice_in_an_instance_is_refused() {
    let message = "instance 0: input 'A' is given twice";
    let body = r#"{"instances":[{"A":[1,2,3],"A":[1,2,3],"B":[1,2]}]}"#;
    assert_eq!(error_of_two(body), bad_request(message));
}

#[test]
fn columns_are_checked_as_inputs_are() {
    let missing = "input 'B' is missing, the model has 'A', 'B'";
    assert_eq!(error_of_two(r#"{"inputs":{"A":[[1,2,3]]}}"#), bad_request(missing));
    let unknown = "unknown input 'Z', the model has 'A', 'B'";
    assert_eq!(error_of_two(r#"{"inputs":{"Z":[[1,2,3]]}}"#), bad_request(unknown));
    let twice = r#"{"inputs":{"A":[[1,2,3]],"A":[[1,2,3]],"B":[[1,2]]}}"#;
    assert_eq!(error_of_two(twice), bad_request("input 'A' is given twice"));
}

#[test]
fn base64_that_is_none_is_refused() {
    let message = "instance 0: input 'x': invalid base64: Invalid symbol 37, offset 0. at byte 25";
    let body = r#"{"instances":[[{"b64":"%"},"a"]]}"#;
    assert_eq!(error_of(&predict_path("dtype_bytes"), body), bad_request(message));
}

#[test]
fn base64_that_holds_no_utf_8_is_refused() {
    let message =
        "instance 0: input 'x': the base64 text is not UTF-8, which ONNX strings are at byte 28";
    let body = r#"{"instances":[[{"b64":"/w=="},"a"]]}"#;
    assert_eq!(error_of(&predict_path("dtype_bytes"), body), bad_request(message));
}

#[test]
fn a_depth_bomb_is_refused() {
    let message = "malformed JSON: JSON nests deeper than 40 levels at byte 52";
    let body = format!(r#"{{"instances":{}"#, "[".repeat(10_000));
    assert_eq!(error(body), bad_request(message));
}

#[test]
fn a_body_over_the_limit_is_too_large() {
    assert_eq!(error(vec![b' '; MAX_BODY + 1]), too_large());
}

#[test]
fn an_unknown_model_or_version_is_not_found() {
    let body = r#"{"instances":[[1,2,3]]}"#;
    let message = "Request for unknown model: 'nope' is not found";
    assert_eq!(error_of(&predict_path("nope"), body), not_found(message));
    let message = "Request for unknown model: 'symbolic_batch' version '9' is not found";
    let path = "/v1/models/symbolic_batch/versions/9:predict";
    assert_eq!(error_of(path, body), not_found(message));
}

#[test]
fn an_unknown_verb_is_not_found() {
    let message = "unknown verb ':classify', expected ':predict'";
    assert_eq!(error_of("/v1/models/symbolic_batch:classify", "{}"), not_found(message));
}

#[test]
fn a_post_without_a_verb_is_told_how_to_say_it() {
    let path = "/v1/models/symbolic_batch";
    let answer = answer_to(|connection| connection.post(path, b"{}"));
    let message = "POST needs a verb, as in /v1/models/NAME:predict";
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    assert_eq!(answer.error(), (405, message.to_owned()));
}
