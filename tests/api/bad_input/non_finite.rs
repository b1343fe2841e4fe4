//! NaN, infinities and null, which JSON has no agreed form for.

use super::{answer_to, bad_request, error_of};
use crate::support::infer_path;

/// The body of the answer of `y = x`.
fn echoed(parameters: &str, data: &str) -> String {
    let input = format!(r#"{{"name":"x","datatype":"FP32","shape":[1,3],"data":{data}}}"#);
    let request = format!(r#"{{"parameters":{parameters},"inputs":[{input}]}}"#);
    let path = infer_path("scale_1");
    let answer = answer_to(|connection| connection.post(&path, request.as_bytes()));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

fn answer_with(data: &str) -> String {
    let output = format!(r#"{{"name":"y","datatype":"FP32","shape":[1,3],"data":{data}}}"#);
    format!(r#"{{"model_name":"scale_1","model_version":"1","outputs":[{output}]}}"#)
}

#[test]
fn bare_tokens_come_in_and_go_out() {
    let tokens = "[NaN,Infinity,-Infinity]";
    assert_eq!(echoed("{}", tokens), answer_with(tokens));
}

#[test]
fn null_is_a_missing_value() {
    assert_eq!(echoed("{}", "[null,1,2]"), answer_with("[NaN,1.0,2.0]"));
}

#[test]
fn strict_json_goes_out_with_null() {
    let parameters = r#"{"strict_json":true}"#;
    assert_eq!(echoed(parameters, "[NaN,Infinity,0.5]"), answer_with("[null,null,0.5]"));
}

#[test]
fn integers_have_no_missing_value() {
    for (data, came) in [("[null,1,2]", "null"), ("[NaN,1,2]", "a number"), ("[1.5,1,2]", "1.5")] {
        let body = format!(
            r#"{{"inputs":[{{"name":"x","datatype":"INT64","shape":[1,3],"data":{data}}}]}}"#
        );
        let message = format!("input 'x': data: expected INT64, came {came} at byte 64");
        assert_eq!(error_of(&infer_path("dtype_int64"), body), bad_request(&message));
    }
}
