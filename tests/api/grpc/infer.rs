//! Predictions: both forms of contents, errors as HTTP has them, parameters, compression.

use onnxd::grpc::generated::infer_parameter::ParameterChoice;
use onnxd::grpc::generated::model_infer_request::InferRequestedOutputTensor;
use onnxd::grpc::generated::{InferParameter, InferTensorContents, ModelInferRequest};
use serde_json::json;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use super::{bytes_of, floats, input, raw_floats, start};
use crate::support::{self, Repository};

const DATA: [f32; 6] = [1.0, -2.0, 3.5, 0.0, 1e-3, 4e5];

fn doubled() -> Vec<u8> {
    bytes_of(&DATA.map(|value| 2.0 * value))
}

#[test]
fn contents_in_their_field_and_raw_are_the_same_to_a_model() {
    let repository = Repository::with(&["scale_2"]);
    let (server, grpc) = start(&repository, &[]);
    for mut request in [floats("scale_2", &[2, 3], &DATA), raw_floats("scale_2", &[2, 3], &DATA)] {
        request.id = "the-7th".to_owned();
        let answer = grpc.infer(request).expect("it is right").into_inner();
        assert_eq!((answer.model_name.as_str(), answer.model_version.as_str()), ("scale_2", "1"));
        assert_eq!(answer.id, "the-7th");
        let [output] = &answer.outputs[..] else { panic!("one output: {answer:?}") };
        assert_eq!((output.name.as_str(), output.datatype.as_str()), ("y", "FP32"));
        assert_eq!((&output.shape[..], &output.contents), (&[2, 3][..], &None));
        assert_eq!(answer.raw_output_contents, [doubled()]);
    }
    let counted =
        r#"onnxd_requests_total{model="scale_2",outcome="ok",protocol="grpc",version="1"}"#;
    assert_eq!(server.metric(counted), 2);
    server.stop();
}

#[test]
fn a_large_tensor_comes_back_whole() {
    let repository = Repository::with(&["scale_2"]);
    let (server, grpc) = start(&repository, &[]);
    let rows = 1_000_000;
    let data: Vec<f32> = (0..1000_u16).map(f32::from).cycle().take(3_000_000).collect();
    let expected = bytes_of(&data.iter().map(|value| 2.0 * value).collect::<Vec<_>>());
    for request in [floats("scale_2", &[rows, 3], &data), raw_floats("scale_2", &[rows, 3], &data)]
    {
        let answer = grpc.infer(request).expect("it is right").into_inner();
        assert!(answer.raw_output_contents == [expected.clone()], "the numbers are others");
    }
    server.stop();
}

/// The code and message of a refusal.
fn refused(grpc: &support::Grpc, request: ModelInferRequest) -> (Code, String) {
    let status = grpc.infer(request).expect_err("it is wrong");
    (status.code(), status.message().to_owned())
}

#[test]
fn a_refusal_says_what_http_says() {
    let repository = Repository::with(&["scale_1", "divide_by_zero"]);
    repository.add("corrupt", 1, "corrupt");
    let (server, grpc) = start(&repository, &[]);
    let http = |model: &str, body: serde_json::Value| server.infer(model, &body).error().1;
    let three = || floats("scale_1", &[1, 3], &[1.0; 3]);

    let unknown = || ModelInferRequest { model_name: "nobody".to_owned(), ..three() };
    let message = http("nobody", support::floats(&[1, 3], &[1.0; 3]));
    assert_eq!(refused(&grpc, unknown()), (Code::NotFound, message));

    let message = "Request for unknown model: 'scale_1' version '9' is not found".to_owned();
    let other = ModelInferRequest { model_version: "9".to_owned(), ..three() };
    assert_eq!(refused(&grpc, other), (Code::NotFound, message));

    let mut wrong = three();
    wrong.inputs[0].name = "z".to_owned();
    let body =
        json!({"inputs": [{"name": "z", "datatype": "FP32", "shape": [1, 3], "data": [1, 1, 1]}]});
    assert_eq!(refused(&grpc, wrong), (Code::InvalidArgument, http("scale_1", body)));

    let message = http("scale_1", support::floats(&[1, 4], &[1.0; 4]));
    let wrong = floats("scale_1", &[1, 4], &[1.0; 4]);
    assert_eq!(refused(&grpc, wrong), (Code::InvalidArgument, message));

    let mut wrong = three();
    let output =
        |name: &str| InferRequestedOutputTensor { name: name.to_owned(), ..Default::default() };
    wrong.outputs = vec![output("nothing")];
    let mut body = support::floats(&[1, 3], &[1.0; 3]);
    body["outputs"] = json!([{"name": "nothing"}]);
    assert_eq!(refused(&grpc, wrong), (Code::InvalidArgument, http("scale_1", body)));

    let mut mixed = raw_floats("scale_1", &[1, 3], &[1.0; 3]);
    mixed.inputs[0].contents = three().inputs[0].contents.clone();
    let message = "input 'x': it has 'contents' beside raw_input_contents".to_owned();
    assert_eq!(refused(&grpc, mixed), (Code::InvalidArgument, message));

    let mut short = raw_floats("scale_1", &[1, 3], &[1.0; 3]);
    short.raw_input_contents[0].truncate(11);
    let message = "input 'x': shape [1, 3] of FP32 takes 12 bytes, came 11".to_owned();
    assert_eq!(refused(&grpc, short), (Code::InvalidArgument, message));

    let contents =
        |value| InferTensorContents { int64_contents: vec![value], ..Default::default() };
    let mut by = input("INT64", &[1], Some(contents(0)));
    by.name = "by".to_owned();
    let inputs = vec![input("INT64", &[1], Some(contents(1))), by];
    let fails =
        ModelInferRequest { model_name: "divide_by_zero".to_owned(), inputs, ..Default::default() };
    let tensor = |name: &str, value: i64| json!({"name": name, "datatype": "INT64", "shape": [1], "data": [value]});
    let message = http("divide_by_zero", json!({"inputs": [tensor("x", 1), tensor("by", 0)]}));
    assert_eq!(refused(&grpc, fails), (Code::Internal, message));

    let status = grpc.infer(floats("corrupt", &[1, 3], &[1.0; 3])).expect_err("it does not serve");
    let message = http("corrupt", support::floats(&[1, 3], &[1.0; 3]));
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, message.as_str()));

    let invalid =
        r#"onnxd_requests_total{model="scale_1",outcome="invalid",protocol="grpc",version="1"}"#;
    assert_eq!(server.metric(invalid), 5);
    let failed = r#"onnxd_requests_total{model="divide_by_zero",outcome="failed",protocol="grpc",version="1"}"#;
    assert_eq!(server.metric(failed), 1);
    server.stop_after(&[
        "request failed",
        "made-up values",
        "an operator panicked",
        "a model version was refused",
    ]);
}

#[test]
fn bytes_that_are_no_message_are_the_callers_mistake() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    let path = "/inference.GRPCInferenceService/ModelInfer";
    for body in [
        &b"\0\0\0\0\x02\xff\xff"[..],
        b"\0\0\0\0\x09\0",
        b"\x01\0\0\0\x01\0",
        b"",
        b"\x07",
        b"\0\0\0\0\0\0\0\0\0\0",
    ] {
        let status = grpc.post(path, http_body(body), &[]);
        assert_eq!(status.code(), Code::InvalidArgument, "{body:?} {status:?}");
    }
    let status = grpc.post(path, http_body(b"\x01\0\0\0\x02no"), &[("grpc-encoding", "gzip")]);
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let status = grpc.post(path, http_body(b""), &[("grpc-encoding", "snappy")]);
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
    server.stop();
}

fn http_body(bytes: &[u8]) -> tonic::body::Body {
    tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::copy_from_slice(bytes)))
}

#[test]
fn more_inputs_than_any_model_has_are_refused_before_they_are_kept() {
    let repository = Repository::with(&["scale_1"]);
    let (server, grpc) = start(&repository, &[]);
    let mut request = floats("scale_1", &[1, 3], &[1.0; 3]);
    request.inputs = vec![request.inputs[0].clone(); 10_001];
    let message = "the request has more than 10000 inputs".to_owned();
    assert_eq!(refused(&grpc, request), (Code::InvalidArgument, message));
    server.stop();
}

#[test]
fn classes_come_best_first_as_texts() {
    let repository = Repository::with(&["softmax_rows"]);
    let (server, grpc) = start(&repository, &[]);
    let mut request = floats("softmax_rows", &[2, 4], &[0.0, 3.0, 1.0, 2.0, 9.0, 0.0, 0.0, 0.0]);
    let parameter = InferParameter { parameter_choice: Some(ParameterChoice::Int64Param(2)) };
    request.outputs = vec![InferRequestedOutputTensor {
        name: "y".to_owned(),
        parameters: [("classification".to_owned(), parameter)].into(),
    }];
    let answer = grpc.infer(request).expect("it is right").into_inner();
    let output = &answer.outputs[0];
    assert_eq!((output.datatype.as_str(), &output.shape[..]), ("BYTES", &[2, 2][..]));
    let raw = &answer.raw_output_contents[0];
    let length = usize::from(raw[0]);
    let first = std::str::from_utf8(&raw[4..4 + length]).expect("it is text");
    assert!(first.ends_with(":1"), "{first}");
    server.stop();
}

#[test]
fn a_packed_request_gets_a_packed_answer_and_no_other_does() {
    let repository = Repository::with(&["scale_2"]);
    let (server, grpc) = start(&repository, &[]);
    let rows = 20_000;
    let data = vec![1.0; 60_000];
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Deflate] {
        let client = grpc.client().accept_compressed(encoding);
        let request = raw_floats("scale_2", &[rows, 3], &data);
        let plain = grpc.wait(client.clone().model_infer(request.clone())).expect("it is right");
        assert_eq!(plain.metadata().get("grpc-encoding"), None);
        let packed = grpc.wait(client.send_compressed(encoding).model_infer(request));
        let packed = packed.expect("it is right");
        assert!(packed.metadata().get("grpc-encoding").is_some());
        assert!(packed.get_ref().raw_output_contents == plain.get_ref().raw_output_contents);
    }
    server.stop();
}

#[test]
fn an_answer_has_the_id_of_its_request_and_says_what_it_came_of() {
    let repository = Repository::with(&["scale_2"]);
    let (server, grpc) = start(&repository, &[]);
    let mut request = Request::new(floats("scale_2", &[1, 3], &[1.0; 3]));
    request.metadata_mut().insert("x-request-id", "abc-1".parse().expect("it is ASCII"));
    let answer = grpc.infer(request).expect("it is right");
    let told = |name: &str| {
        answer.metadata().get(name).map(|v| v.to_str().expect("it is text").to_owned())
    };
    assert_eq!(told("x-request-id").as_deref(), Some("abc-1"));
    assert!(told("onnxd-lineage").is_some_and(|lineage| lineage.starts_with("model=\"")));
    server.stop();
}

/// `google.rpc.Status` and what it holds, as far as this test looks.
mod rpc {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Status {
        #[prost(int32, tag = "1")]
        pub(super) code: i32,
        #[prost(message, repeated, tag = "3")]
        pub(super) details: Vec<Any>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Any {
        #[prost(string, tag = "1")]
        pub(super) type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct BadRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) field_violations: Vec<FieldViolation>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct FieldViolation {
        #[prost(string, tag = "1")]
        pub(super) field: String,
        #[prost(string, tag = "2")]
        pub(super) description: String,
        #[prost(string, tag = "3")]
        pub(super) reason: String,
    }
}

#[test]
fn values_that_break_the_contract_are_listed_as_details() {
    use prost::Message as _;
    let repository = Repository::with(&["scale_1"]);
    let contract = "mode = \"reject\"\n[[feature]]\nname = \"x[1]\"\nmax = 5\n";
    repository.write("scale_1/contract.toml", contract);
    let (server, grpc) = start(&repository, &[]);
    let status =
        grpc.infer(floats("scale_1", &[1, 3], &[9.0, 8.0, 7.0])).expect_err("it breaks it");
    assert_eq!(status.code(), Code::InvalidArgument);
    let http = server.infer("scale_1", &support::floats(&[1, 3], &[9.0, 8.0, 7.0]));
    assert_eq!(http.json()["error"], status.message());
    let told = rpc::Status::decode(status.details()).expect("it is a status");
    let kinds: Vec<&str> = told.details.iter().map(|any| any.type_url.as_str()).collect();
    let names =
        ["ErrorInfo", "BadRequest"].map(|name| format!("type.googleapis.com/google.rpc.{name}"));
    assert_eq!((told.code, kinds), (3, names.iter().map(String::as_str).collect()));
    let listed = rpc::BadRequest::decode(&told.details[1].value[..]).expect("it is one");
    let [one] = &listed.field_violations[..] else { panic!("one: {listed:?}") };
    let pointer = http.json()["violations"][0]["pointer"].as_str().expect("it is text").to_owned();
    assert_eq!((&one.field, one.reason.as_str()), (&pointer, "ABOVE_MAX"));
    assert!(one.description.contains("expected at most 5"), "{one:?}");
    let infer = "/inference.GRPCInferenceService/ModelInfer";
    assert_eq!(grpc.post(infer, http_body(b"\0\0\0\0\0"), &[]).details(), b"");
    server.stop();
}
