//! Binary tensor data and the header that says where it starts.

use serde_json::{Value, json};

use super::{answer_to, bad_request};
use crate::support::{Answer, infer_path};

const HEADER: &str = "Inference-Header-Content-Length";

/// The answer to JSON with a blob behind it and the header's value.
fn answer(model: &str, json: &str, blob: &[u8], length: &str) -> Answer {
    let body = [json.as_bytes(), blob].concat();
    let path = infer_path(model);
    answer_to(|connection| connection.request("POST", &path, &[(HEADER, length)], &body))
}

/// The same with the true length of the JSON.
fn error(model: &str, json: &Value, blob: &[u8]) -> (u16, String) {
    let json = json.to_string();
    answer(model, &json, blob, &json.len().to_string()).error()
}

fn raw_error(model: &str, blob: &[u8]) -> (u16, String) {
    answer(model, "", blob, "0").error()
}

fn announcing(datatype: &str, shape: [usize; 2], bytes: i64) -> Value {
    let parameters = json!({"binary_data_size": bytes});
    let input =
        json!({"name": "x", "datatype": datatype, "shape": shape, "parameters": parameters});
    json!({"inputs": [input]})
}

fn blob() -> Vec<u8> {
    [1.0f32, 2.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn a_blob_shorter_than_announced_is_refused() {
    let message = "input 'x': binary_data_size is 12, but 8 of the 8 bytes of binary data are left";
    let request = announcing("FP32", [1, 3], 12);
    assert_eq!(error("symbolic_batch", &request, &blob()[..8]), bad_request(message));
}

#[test]
fn a_blob_longer_than_announced_is_refused() {
    let message = "4 of the 16 bytes of binary data belong to no input";
    let request = announcing("FP32", [1, 3], 12);
    let blob = [blob(), b"abcd".to_vec()].concat();
    assert_eq!(error("symbolic_batch", &request, &blob), bad_request(message));
}

#[test]
fn a_blob_that_does_not_fill_its_shape_is_refused() {
    let message = "input 'x': shape [1, 3] of FP32 takes 12 bytes, came 8";
    let request = announcing("FP32", [1, 3], 8);
    assert_eq!(error("symbolic_batch", &request, &blob()[..8]), bad_request(message));
}

#[test]
fn a_negative_size_is_refused() {
    let message = "parameter 'binary_data_size': expected UINT64, came -12 at byte 74";
    let request = announcing("FP32", [1, 3], -12);
    assert_eq!(error("symbolic_batch", &request, &blob()), bad_request(message));
}

#[test]
fn both_data_and_a_binary_size_are_refused() {
    let message = "input 'x': it has both 'data' and 'binary_data_size'";
    let mut request = announcing("FP32", [1, 3], 12);
    request["inputs"][0]["data"] = json!([1, 2, 3]);
    assert_eq!(error("symbolic_batch", &request, &blob()), bad_request(message));
}

#[test]
fn a_header_outside_of_the_body_is_refused() {
    let json = announcing("FP32", [1, 3], 12).to_string();
    for length in ["100000", "-1", "abc", "", "18446744073709551616"] {
        let message = format!(
            "Inference-Header-Content-Length is '{length}', expected a number from 0 to the {} bytes of the body",
            json.len() + 12
        );
        let answer = answer("symbolic_batch", &json, &blob(), length);
        assert_eq!(answer.error(), bad_request(&message));
    }
}

#[test]
fn a_header_that_cuts_the_json_is_refused() {
    let json = announcing("FP32", [1, 3], 12).to_string();
    let message = "malformed JSON: expected an array, came the end of the text at byte 10";
    assert_eq!(answer("symbolic_batch", &json, &blob(), "10").error(), bad_request(message));
}

#[test]
fn a_raw_body_that_fills_no_whole_rows_is_refused() {
    let message = "input 'x': 10 bytes do not fill whole rows of shape [N, 3] of FP32";
    assert_eq!(raw_error("symbolic_batch", &blob()[..10]), bad_request(message));
}

#[test]
fn a_raw_body_for_several_inputs_is_refused() {
    let message = "a raw request needs a model with one input, this one has 2";
    assert_eq!(raw_error("two_inputs", &blob()), bad_request(message));
}

#[test]
fn a_raw_body_for_several_variable_dimensions_is_refused() {
    let message =
        "input 'x': a raw request needs at most one variable dimension, the shape is [N, M]";
    assert_eq!(raw_error("symbolic_many", &blob()), bad_request(message));
}

#[test]
fn a_raw_body_gets_a_raw_answer() {
    let answer = answer("symbolic_batch", "", &blob(), "0");
    let json_bytes = answer.header("inference-header-content-length").map(str::parse);
    let Some(Ok(json_bytes)) = json_bytes else { panic!("no length of the JSON: {answer:?}") };
    let values = [22.5f32, 27.5];
    let expected: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(answer.body.split_at(json_bytes).1, expected);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    let message = "input 'x': element 1 of BYTES is not UTF-8, which ONNX strings are";
    let request = announcing("BYTES", [1, 2], 10);
    let blob = b"\x01\0\0\0a\x01\0\0\0\xff";
    assert_eq!(error("dtype_bytes", &request, blob), bad_request(message));
}

#[test]
fn bytes_that_end_past_the_data_are_refused() {
    let message = "input 'x': element 1 of BYTES ends past the data's 9 bytes";
    let request = announcing("BYTES", [1, 2], 9);
    let blob = b"\x01\0\0\0a\xff\xff\xff\xff";
    assert_eq!(error("dtype_bytes", &request, blob), bad_request(message));
}

#[test]
fn bytes_left_over_are_refused() {
    let message = "input 'x': 5 bytes are left over after the 1 elements of shape [1, 1]";
    let request = announcing("BYTES", [1, 1], 10);
    let blob = b"\x01\0\0\0a\x01\0\0\0b";
    assert_eq!(error("dtype_bytes", &request, blob), bad_request(message));
}

#[test]
fn a_boolean_that_is_neither_0_nor_1_is_refused() {
    let message = "input 'x': element 2 of BOOL is 2, expected 0 or 1";
    let request = announcing("BOOL", [1, 3], 3);
    assert_eq!(error("dtype_bool", &request, b"\0\x01\x02"), bad_request(message));
}
