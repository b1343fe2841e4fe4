//! Every datatype in both forms, with the answers that onnxruntime gave.

use half::f16;
use onnxd::grpc::generated::{InferTensorContents, ModelInferRequest};
use serde_json::Value;
use tonic::Code;

use super::{input, start};
use crate::support::{Repository, examples, fixture, text_of};

const DATATYPES: [&str; 13] = [
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
    "FP32", "FP64", "BYTES",
];

fn signed(value: &Value) -> i64 {
    value.as_i64().expect("it is a whole number")
}

fn unsigned(value: &Value) -> u64 {
    value.as_u64().expect("it is a whole number")
}

fn float(value: &Value) -> f64 {
    value.as_f64().expect("it is a number")
}

/// The little-endian bytes of one element.
#[expect(clippy::cast_possible_truncation, reason = "the examples fit their types")]
fn raw(datatype: &str, value: &Value) -> Vec<u8> {
    match datatype {
        "BOOL" => vec![u8::from(value.as_bool().expect("it is true or false"))],
        "UINT8" | "UINT16" | "UINT32" | "UINT64" => {
            unsigned(value).to_le_bytes()[..size(datatype)].to_vec()
        }
        "INT8" | "INT16" | "INT32" | "INT64" => {
            signed(value).to_le_bytes()[..size(datatype)].to_vec()
        }
        "FP16" => f16::from_f64(float(value)).to_le_bytes().to_vec(),
        "FP32" => (float(value) as f32).to_le_bytes().to_vec(),
        "FP64" => float(value).to_le_bytes().to_vec(),
        _ => {
            let text = text_of(value).as_bytes();
            let length = u32::try_from(text.len()).expect("it is short");
            [&length.to_le_bytes(), text].concat()
        }
    }
}

fn size(datatype: &str) -> usize {
    let bits = datatype.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    bits.parse::<usize>().expect("it ends with its bits") / 8
}

fn raw_of(datatype: &str, data: &Value) -> Vec<u8> {
    let data = data.as_array().expect("data is a list");
    data.iter().flat_map(|value| raw(datatype, value)).collect()
}

/// The elements in the field of their type.
#[expect(clippy::cast_possible_truncation, reason = "the examples fit their types")]
fn contents(datatype: &str, data: &Value) -> InferTensorContents {
    let data = data.as_array().expect("data is a list").iter();
    let mut contents = InferTensorContents::default();
    match datatype {
        "BOOL" => contents.bool_contents = data.map(|v| v.as_bool().expect("it is one")).collect(),
        "UINT8" | "UINT16" | "UINT32" => {
            contents.uint_contents = data.map(|v| unsigned(v) as u32).collect();
        }
        "UINT64" => contents.uint64_contents = data.map(unsigned).collect(),
        "INT8" | "INT16" | "INT32" => {
            contents.int_contents = data.map(|v| signed(v) as i32).collect();
        }
        "INT64" => contents.int64_contents = data.map(signed).collect(),
        "FP64" => contents.fp64_contents = data.map(float).collect(),
        "BYTES" => {
            contents.bytes_contents =
                data.map(|v| text_of(v).to_owned().into_bytes().into()).collect();
        }
        // FP16 has no field.
        _ => contents.fp32_contents = data.map(|v| float(v) as f32).collect(),
    }
    contents
}

#[test]
fn every_datatype_travels_in_both_forms() {
    let names = DATATYPES.map(|datatype| format!("dtype_{}", datatype.to_lowercase()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let repository = Repository::with(&names);
    let (server, grpc) = start(&repository, &[]);
    let expected = examples(&fixture("expected.json"));
    for (datatype, name) in DATATYPES.into_iter().zip(names) {
        let examples = &expected[&format!("{name}.onnx")];
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            let (asked, wanted) = (&example.request["inputs"][0], &example.response["outputs"][0]);
            let shape: Vec<i64> =
                asked["shape"].as_array().expect("it is a list").iter().map(signed).collect();
            let model_name = name.to_owned();
            let typed = input(datatype, &shape, Some(contents(datatype, &asked["data"])));
            let typed = ModelInferRequest {
                model_name: model_name.clone(),
                inputs: vec![typed],
                ..Default::default()
            };
            let raw = ModelInferRequest {
                model_name,
                inputs: vec![input(datatype, &shape, None)],
                raw_input_contents: vec![raw_of(datatype, &asked["data"]).into()],
                ..Default::default()
            };
            for request in [typed, raw] {
                let is_typed = request.raw_input_contents.is_empty();
                let answer = grpc.infer(request);
                if datatype == "FP16" && is_typed {
                    let status = answer.expect_err("there is no such field");
                    assert_eq!(status.code(), Code::InvalidArgument);
                    assert_eq!(
                        status.message(),
                        "input 'x': FP16 travels in raw_input_contents only"
                    );
                    continue;
                }
                let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}")).into_inner();
                assert_eq!(answer.outputs[0].datatype, datatype);
                let expected = raw_of(datatype, &wanted["data"]);
                assert_eq!(answer.raw_output_contents, [expected], "{name}, typed: {is_typed}");
            }
        }
    }
    server.stop();
}

#[test]
fn texts_that_are_none_are_refused_by_name() {
    let repository = Repository::with(&["dtype_bytes"]);
    let (server, grpc) = start(&repository, &[]);
    let raw = |bytes: &'static [u8]| ModelInferRequest {
        model_name: "dtype_bytes".to_owned(),
        inputs: vec![input("BYTES", &[1, 2], None)],
        raw_input_contents: vec![bytes.into()],
        ..Default::default()
    };
    for (bytes, message) in [
        (
            &b"\x01\0\0\0a\x01\0\0\0\xff"[..],
            "element 1 of BYTES is not UTF-8, which ONNX strings are",
        ),
        (b"\x01\0\0\0a\xff\xff\xff\xffb", "element 1 of BYTES ends past the data's 10 bytes"),
    ] {
        let status = grpc.infer(raw(bytes)).expect_err("it is no text");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), format!("input 'x': {message}"));
    }
    server.stop();
}
