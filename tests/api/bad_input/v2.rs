//! JSON of protocol v2.

use serde_json::{Value, json};

use super::{bad_request, error_of, not_found};
use crate::support::{floats, infer_path};

/// The answer of a model with one input `x` of FP32 [N, 3].
fn error(body: impl AsRef<[u8]>) -> (u16, String) {
    error_of(&infer_path("symbolic_batch"), body)
}

/// The same for a model with inputs `A` [N, 3] and `B` [N, 2].
fn error_of_two(request: &Value) -> (u16, String) {
    error_of(&infer_path("two_inputs"), request.to_string())
}

fn good() -> Value {
    floats(&[1, 3], &[1.0, 2.0, 3.0])
}

/// A good request but for one member of its input.
fn good_but(member: &str, value: Value) -> String {
    let mut request = good();
    request["inputs"][0][member] = value;
    request.to_string()
}

fn good_without(member: &str) -> String {
    let mut request = good();
    request["inputs"][0].as_object_mut().expect("an input is an object").remove(member);
    request.to_string()
}

/// Input data written as it is.
fn good_with_data(data: &str) -> String {
    format!(r#"{{"inputs":[{{"name":"x","datatype":"FP32","shape":[1,3],"data":{data}}}]}}"#)
}

fn input_a() -> Value {
    json!({"name": "A", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]})
}

fn input_b() -> Value {
    json!({"name": "B", "datatype": "FP32", "shape": [1, 2], "data": [4, 5]})
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    let message = "malformed JSON: expected an object, came 'h' at byte 0";
    assert_eq!(error("hello"), bad_request(message));
}

#[test]
fn an_empty_body_is_refused() {
    let message = "malformed JSON: expected an object, came the end of the text at byte 0";
    assert_eq!(error(""), bad_request(message));
}

#[test]
fn truncated_json_is_refused_at_its_end() {
    let message = "input 'x': data: expected ',' or ']', came the end of the text at byte 71";
    assert_eq!(
        error(r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1.5, 2.5"#),
        bad_request(message)
    );
}

#[test]
fn text_behind_the_json_is_refused() {
    let message = "malformed JSON: expected the end of the text, came 'x' at byte 74";
    assert_eq!(error(good_with_data("[1,2,3]") + "  x"), bad_request(message));
}

#[test]
fn json_that_is_no_object_is_refused() {
    let message = "malformed JSON: expected an object, came '[' at byte 0";
    assert_eq!(error("[]"), bad_request(message));
}

#[test]
fn a_request_without_inputs_is_refused() {
    assert_eq!(error("{}"), bad_request("the request has no 'inputs'"));
}

#[test]
fn an_input_of_another_datatype_is_refused() {
    let message = "input 'x': expected datatype FP32, came FP64";
    assert_eq!(error(good_but("datatype", json!("FP64"))), bad_request(message));
}

#[test]
fn a_datatype_that_does_not_exist_is_refused_with_those_that_do() {
    let message = "input 'x': unknown datatype 'FLOAT', expected one of BOOL, UINT8, UINT16, UINT32, \
        UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64, BYTES";
    let body = r#"{"inputs":[{"name":"x","datatype":"FLOAT","shape":[1],"data":[1]}]}"#;
    assert_eq!(error(body), bad_request(message));
}

#[test]
fn a_value_of_another_type_is_refused() {
    let message = "input 'x': data: expected FP32, came a string at byte 65";
    assert_eq!(error(good_with_data(r#"[1,"a",3]"#)), bad_request(message));
}

#[test]
fn a_number_beyond_its_datatype_is_refused() {
    let message = "input 'x': data: 1e39 is out of the range of FP32 at byte 65";
    assert_eq!(error(good_with_data("[1,1e39,3]")), bad_request(message));
}

#[test]
fn an_input_of_another_rank_is_refused() {
    let message = "input 'x': expected 2 dimensions (shape [N, 3]), came 1 dimension (shape [3])";
    assert_eq!(error(good_but("shape", json!([3]))), bad_request(message));
}

#[test]
fn an_input_with_another_dimension_is_refused() {
    let message = "input 'x': expected 3 in dimension 1 of shape [N, 3], came 4 (shape [1, 4])";
    let request = floats(&[1, 4], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(error(request.to_string()), bad_request(message));
}

#[test]
fn inputs_that_disagree_on_their_common_dimension_are_refused() {
    let message = "input 'B': dimension 0 of shape [N, 2] is 'N', which is 1 in input 'A', \
        came 2 (shape [2, 2])";
    let b = json!({"name": "B", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]});
    assert_eq!(error_of_two(&json!({"inputs": [input_a(), b]})), bad_request(message));
}

#[test]
fn fewer_values_than_the_shape_holds_are_refused() {
    let message = "input 'x': data: shape [1, 3] holds 3 elements, came 2";
    assert_eq!(error(good_with_data("[1,2]")), bad_request(message));
}

#[test]
fn more_values_than_the_shape_holds_are_refused() {
    let message = "input 'x': data: shape [1, 3] holds 3 elements, came 4";
    assert_eq!(error(good_with_data("[1,2,3,4]")), bad_request(message));
}

#[test]
fn data_nested_unlike_its_shape_is_refused() {
    let message = "input 'x': data: it is nested as [3, 1], expected [1, 3] or a flat list";
    assert_eq!(error(good_with_data("[[1],[2],[3]]")), bad_request(message));
}

#[test]
fn a_dimension_of_two_to_the_63_is_refused() {
    let message = "input 'x': shape: expected INT64, came 9223372036854775808 at byte 32";
    let body = r#"{"inputs":[{"name":"x","shape":[9223372036854775808],"data":[1]}]}"#;
    assert_eq!(error(body), bad_request(message));
}

#[test]
fn a_shape_whose_product_overflows_is_refused() {
    let message =
        "input 'x': shape [4611686018427387904, 4] has more elements than can be addressed";
    assert_eq!(error(good_but("shape", json!([1_u64 << 62, 4]))), bad_request(message));
}

#[test]
fn a_shape_larger_than_any_memory_is_refused() {
    let message = "input 'x': shape [140737488355328, 3] has more elements than can be addressed";
    assert_eq!(error(good_but("shape", json!([1_u64 << 47, 3]))), bad_request(message));
}

#[test]
fn a_shape_of_absurd_rank_is_refused() {
    let message = "input 'x': shape has 33 dimensions, at most 32 are allowed";
    assert_eq!(error(good_but("shape", json!(vec![1; 33]))), bad_request(message));
}

#[test]
fn a_negative_dimension_is_refused() {
    let message = "input 'x': dimension 0 of shape [-1, 3] is negative";
    assert_eq!(error(good_but("shape", json!([-1, 3]))), bad_request(message));
}

#[test]
fn an_unknown_input_is_refused_with_those_that_exist() {
    let message = "unknown input 'z', the model has 'x'";
    assert_eq!(error(good_but("name", json!("z"))), bad_request(message));
}

#[test]
fn a_missing_input_is_named() {
    let message = "input 'B' is missing, the model has 'A', 'B'";
    assert_eq!(error_of_two(&json!({"inputs": [input_a()]})), bad_request(message));
}

#[test]
fn an_input_given_twice_is_refused() {
    let request = json!({"inputs": [input_a(), input_b(), input_a()]});
    assert_eq!(error_of_two(&request), bad_request("input 'A' is given twice"));
}

#[test]
fn an_unknown_output_is_refused_with_those_that_exist() {
    let message = "unknown output 'nope', the model has 'joined', 'total'";
    let request = json!({"inputs": [input_a(), input_b()], "outputs": [{"name": "nope"}]});
    assert_eq!(error_of_two(&request), bad_request(message));
}

#[test]
fn an_input_without_a_name_is_refused() {
    assert_eq!(error(good_without("name")), bad_request("an input has no 'name'"));
}

#[test]
fn an_input_without_a_shape_is_refused() {
    assert_eq!(error(good_without("shape")), bad_request("input 'x': it has no 'shape'"));
}

#[test]
fn an_input_without_a_datatype_is_refused() {
    assert_eq!(error(good_without("datatype")), bad_request("input 'x': it has no 'datatype'"));
}

#[test]
fn an_input_without_data_is_refused() {
    let message = "input 'x': it has neither 'data' nor 'binary_data_size'";
    assert_eq!(error(good_without("data")), bad_request(message));
}

#[test]
fn a_depth_bomb_is_refused() {
    let message = "input 'x': data: JSON nests deeper than 40 levels at byte 100";
    assert_eq!(error(good_with_data(&"[".repeat(10_000))), bad_request(message));
}

#[test]
fn a_depth_bomb_in_a_member_that_nobody_reads_is_refused() {
    let message = "malformed JSON: JSON nests deeper than 40 levels at byte 48";
    assert_eq!(error(format!(r#"{{"junk": {}"#, "[".repeat(10_000))), bad_request(message));
}

#[test]
fn a_string_that_is_not_utf_8_is_refused() {
    let message = "input 'x': data: string is not UTF-8 at byte 68";
    let mut body =
        br#"{"inputs":[{"name":"x","datatype":"BYTES","shape":[1,2],"data":["a",""#.to_vec();
    body.extend(b"\xff\"]}]}");
    assert_eq!(error_of(&infer_path("dtype_bytes"), body), bad_request(message));
}

#[test]
fn fp16_as_json_is_refused() {
    let message = "input 'x': FP16 travels as binary data only, not as JSON";
    let body = good_but("datatype", json!("FP16"));
    assert_eq!(error_of(&infer_path("dtype_fp16"), body), bad_request(message));
}

#[test]
fn a_parameter_of_another_type_is_named() {
    let mut request = good();
    request["parameters"] = json!({"timeout": "soon"});
    let message = "parameter 'timeout': expected a whole number, came \"soon\"";
    assert_eq!(error(request.to_string()), bad_request(message));
}

#[test]
fn classes_of_an_output_that_holds_no_numbers_are_refused() {
    let request = json!({
        "inputs": [{"name": "x", "datatype": "BYTES", "shape": [1, 2], "data": ["a", "b"]}],
        "outputs": [{"name": "y", "parameters": {"classification": 1}}],
    });
    let message = "output 'y' holds no numbers to classify by";
    let answer = error_of(&infer_path("dtype_bytes"), request.to_string());
    assert_eq!(answer, bad_request(message));
}

#[test]
fn an_unknown_model_is_not_found() {
    let message = "Request for unknown model: 'nope' is not found";
    assert_eq!(error_of(&infer_path("nope"), good().to_string()), not_found(message));
}

#[test]
fn an_unknown_version_is_not_found() {
    for version in ["9", "one", "-1", "18446744073709551616"] {
        let path = format!("/v2/models/symbolic_batch/versions/{version}/infer");
        let message =
            format!("Request for unknown model: 'symbolic_batch' version '{version}' is not found");
        assert_eq!(error_of(&path, good().to_string()), not_found(&message));
    }
}

#[test]
fn an_index_request_that_is_malformed_is_refused() {
    let message = "malformed index request: invalid type: integer `1`, expected a boolean at line 1 \
        column 10";
    assert_eq!(error_of("/v2/repository/index", r#"{"ready":1}"#), bad_request(message));
}

#[test]
fn an_output_asked_for_twice_is_refused() {
    let twice = json!([{"name": "total"}, {"name": "joined"}, {"name": "total"}]);
    let request = json!({"inputs": [input_a(), input_b()], "outputs": twice});
    assert_eq!(error_of_two(&request), bad_request("output 'total' is asked for twice"));
}
