//! What onnxruntime answers to the fixtures, this server answers too; what it cannot
//! serve, it says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{
    Example, Repository, Server, Tolerance, assert_answer, examples, fixture, floats, fp16_request,
    fp16_values,
};

/// One plan that is compiled for the only shapes there are.
const FIXED: [&str; 7] = [
    "concrete",
    "scalar_input",
    "lstm_states",
    "gru_bidirectional",
    "gru_usual_activations",
    "rnn_reverse_old",
    "recurrence_in_a_branch",
];

/// One plan for all shapes, which may have company for popular shapes.
const SYMBOLIC: [&str; 35] = [
    "equal_dimension",
    "gru_reverse",
    "lstm_reverse",
    "symbolic_batch",
    "symbolic_many",
    "anonymous_dims",
    "repeated_symbol",
    "negative_dim",
    "shape_changing_range",
    "data_dependent",
    "value_info_lies",
    "initializers_as_inputs",
    "tdim_output",
    "constant_if",
    "whole_tensor_max",
    "softmax_rows",
    "batch_not_leading",
    "two_inputs",
    "dtype_bool",
    "dtype_uint8",
    "dtype_uint16",
    "dtype_uint32",
    "dtype_uint64",
    "dtype_int8",
    "dtype_int16",
    "dtype_int32",
    "dtype_int64",
    "dtype_fp32",
    "dtype_fp64",
    "dtype_bytes",
    "index_out_of_range",
    "mismatched_rows",
    "opset_too_new",
    "scale_1",
    "scale_2",
];

/// A plan for each shape that comes.
const PER_SHAPE: [&str; 8] = [
    "if_shape",
    "if_nested",
    "lstm_cell_without_states",
    "unknown_rank",
    "shape_changing",
    "shape_changing_pad",
    "shape_changing_resize",
    "squeeze_columns",
];

/// Fixtures with a test of their own, `slow` with those of models that are loading.
const ALONE: [&str; 5] = ["dtype_fp16", "external_data", "divide_by_zero", "slow", "scale_3"];

/// What onnxruntime runs and this server refuses to load, with the reason that it states.
const REFUSED: [(&str, &str); 3] = [
    // tract wants shapes to follow from shapes.
    (
        "reshape_by_input",
        "the model cannot be compiled: Translating node #2 \"reshape_y\" Reshape ToTypedTranslator: \
         shape input is variable",
    ),
    // tract has no Det.
    ("unsupported_standard_operator", "unsupported operator: Det (node 'volume/det')"),
    // It runs for some numbers of rows only, and nothing tells which: see the test below.
    (
        "rows_of_three",
        "the model cannot be compiled: Failed analyse for node #2 \"reshape_y\" Reshape: Infering \
         facts: Applying rule GivenRule { (inputs[0].shape, inputs[1]) }: Reshaping [Val(1), \
         Val(4)] to [Val(-1), Val(3)]: invalid",
    ),
];

/// Two runtimes add in different orders.
const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-6 };

fn expected() -> std::collections::BTreeMap<String, Vec<Example>> {
    examples(&fixture("expected.json"))
}

/// Loads these fixtures and compares all their answers. `is_strategy` looks at what the
/// server says about how it runs them; `declared` is what its log must warn of.
fn assert_right(names: &[&str], is_strategy: impl Fn(&str) -> bool, declared: &[&str]) {
    let repository = Repository::with(names);
    let server = Server::start(repository.path(), &[]);
    let expected = expected();
    for name in names {
        let model = server.model(name);
        let strategy = model["versions"][0]["strategy"].as_str();
        assert!(strategy.is_some_and(&is_strategy), "{name}: {model}");
        for (number, example) in expected[&format!("{name}.onnx")].iter().enumerate() {
            let answer = server.infer(name, &example.request);
            assert_answer(&format!("{name} {number}"), &answer, &example.response, TOLERANCE);
        }
    }
    server.stop_after(declared);
}

fn is_symbolic(strategy: &str) -> bool {
    matches!(strategy, "one symbolic plan" | "a symbolic plan, and one per popular shape")
}

#[test]
fn every_fixture_that_onnxruntime_runs_is_tested_here() {
    let refused = REFUSED.map(|(name, _)| name);
    let tested: BTreeSet<String> = [&FIXED[..], &SYMBOLIC, &PER_SHAPE, &ALONE, &refused]
        .concat()
        .iter()
        .map(|name| format!("{name}.onnx"))
        .collect();
    assert_eq!(tested, expected().into_keys().collect());
}

#[test]
fn models_of_fixed_shape_answer_as_onnxruntime_does() {
    assert_right(&FIXED, |strategy| strategy == "one plan for the fixed shape", &[]);
}

#[test]
fn models_with_one_symbolic_plan_answer_as_onnxruntime_does() {
    assert_right(&SYMBOLIC, is_symbolic, &[]);
}

#[test]
fn models_with_a_plan_per_shape_answer_as_onnxruntime_does() {
    assert_right(&PER_SHAPE, |strategy| strategy == "a plan per shape", &[]);
}

#[test]
fn a_divisor_of_zero_in_the_warm_up_keeps_no_model_from_serving() {
    assert_right(&["divide_by_zero"], is_symbolic, &["the warm-up's made-up values do not run"]);
}

#[test]
fn fp16_travels_in_binary() {
    let repository = Repository::with(&["dtype_fp16"]);
    let server = Server::start(repository.path(), &[]);
    for example in &expected()["dtype_fp16.onnx"] {
        let (body, length) = fp16_request(&example.request);
        let headers = [("Inference-Header-Content-Length", length.as_str())];
        let answer =
            server.connect().request("POST", "/v2/models/dtype_fp16/infer", &headers, &body);
        let wanted = example.response["outputs"][0]["data"].as_array().expect("it is a list");
        for (came, wanted) in fp16_values(&answer).into_iter().zip(wanted) {
            let wanted = wanted.as_f64().expect("FP16 examples are numbers");
            assert!((came - wanted).abs() <= 1e-3 * wanted.abs(), "{came} is not {wanted}");
        }
    }
    server.stop();
}

#[test]
fn weights_in_a_second_file_are_found() {
    let repository = Repository::new();
    repository.copy("external_data.onnx", "external_data/1/model.onnx");
    repository.copy("external_data.bin", "external_data/1/external_data.bin");
    let server = Server::start(repository.path(), &[]);
    for example in &expected()["external_data.onnx"] {
        let answer = server.infer("external_data", &example.request);
        assert_answer("external_data", &answer, &example.response, TOLERANCE);
    }
    server.stop();
}

#[test]
fn what_cannot_be_served_states_its_reason() {
    let repository = Repository::with(&REFUSED.map(|(name, _)| name));
    repository.add("scale_3", 1, "scale_3");
    let server = Server::start(repository.path(), &[]);
    for (name, reason) in REFUSED {
        let state = server.state(name, "1").expect("it is in the index");
        assert_eq!(state, ("UNAVAILABLE".to_owned(), reason.to_owned()));
        let request = &expected()[&format!("{name}.onnx")][0].request;
        let message = format!("model '{name}' is not ready: version 1: {reason}");
        assert_eq!(server.infer(name, request).error(), (503, message));
    }
    for example in &expected()["scale_3.onnx"] {
        let answer = server.infer("scale_3", &example.request);
        assert_answer("scale_3", &answer, &example.response, TOLERANCE);
    }
    server.stop_after(&["a model version was refused", "request failed"]);
}

#[test]
fn attributes_that_the_engine_would_ignore_are_named() {
    let refused = [
        ("gru_batch_first", "GRU (node 'gru_y'): its attribute layout = 1"),
        ("lstm_clip", "LSTM (node 'lstm_y'): its attribute clip = 0.5"),
        ("lstm_input_forget", "LSTM (node 'lstm_y'): its attribute input_forget = 1"),
        ("rnn_relu", "RNN (node 'rnn_y'): its attribute activations = Relu"),
    ];
    let repository = Repository::with(&refused.map(|(name, _)| name));
    let server = Server::launch(repository.path(), &[]);
    for (name, attribute) in refused {
        let reason = server.wait_for_state(name, "1", "UNAVAILABLE");
        assert_eq!(reason, format!("the model cannot be compiled: {attribute} is not supported"));
    }
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn a_golden_example_tells_which_shapes_a_picky_model_takes() {
    let repository = Repository::with(&["rows_of_three"]);
    let expected = &expected()["rows_of_three.onnx"];
    let request = &expected[0].request;
    let example = serde_json::json!({"request": request, "response": expected[0].response});
    let tolerance = serde_json::json!({"relative": 1e-3, "absolute": 1e-5});
    let golden = serde_json::json!({"tolerance": tolerance, "examples": [example]});
    repository.write("rows_of_three/1/golden.json", golden.to_string());
    let server = Server::start(repository.path(), &[]);
    for example in expected {
        let answer = server.infer("rows_of_three", &example.request);
        assert_answer("rows_of_three", &answer, &example.response, TOLERANCE);
    }
    server.stop();
}

/// What fails when it runs, with its status and message.
const FAILING: [(&str, u16, &[&str]); 4] = [
    (
        "index_out_of_range",
        500,
        &[
            "inference failed: Gather (node 'gather_y') cannot work with these values",
            "inference failed: Gather (node 'gather_y') cannot work with these values",
        ],
    ),
    (
        "mismatched_rows",
        500,
        &["inference failed: Evaluating #2 \"add_y\" Add: Can not broadcast 2 against 3"],
    ),
    (
        "squeeze_columns",
        400,
        &["the model does not accept inputs of shapes [2, 2]: Failed analyse for node #2 \
           \"squeeze_y\" Squeeze13: Infering facts: Applying rule GivenRule { (inputs[0].shape, \
           inputs[1]) }: Attempt to squeeze an axis which dimension is not one Squeeze { axes: \
           Some([1]) }, [Val(2), Val(2)]"],
    ),
    (
        "divide_by_zero",
        500,
        &["inference failed: Div (node 'div_y') cannot work with these values"],
    ),
];

#[test]
fn values_that_an_operator_refuses_fail_their_request_and_no_other() {
    let mut requests: std::collections::BTreeMap<String, Vec<Value>> = {
        let text = std::fs::read(fixture("failing.json")).expect("the examples are there");
        serde_json::from_slice(&text).expect("the examples are JSON")
    };
    let repository = Repository::with(&FAILING.map(|(name, ..)| name));
    repository.add("scale_3", 1, "scale_3");
    let server = Server::start(repository.path(), &[]);
    for (name, status, messages) in FAILING {
        let requests = requests.remove(&format!("{name}.onnx")).expect("it has requests");
        assert_eq!(requests.len(), messages.len(), "{name}");
        for (request, message) in requests.iter().zip(messages) {
            assert_eq!(server.infer(name, request).error(), (status, (*message).to_owned()));
            let other = server.infer("scale_3", &floats(&[1, 3], &[1.0, 2.0, 3.0])).json();
            assert_eq!(other["outputs"][0]["data"], serde_json::json!([3.0, 6.0, 9.0]));
        }
        let example = &expected()[&format!("{name}.onnx")][0];
        let answer = server.infer(name, &example.request);
        assert_answer(name, &answer, &example.response, TOLERANCE);
    }
    let refused: BTreeSet<String> = requests.into_keys().collect();
    let not_loaded = ["reshape_by_input.onnx", "rows_of_three.onnx"];
    assert_eq!(refused, not_loaded.map(str::to_owned).into());
    server.stop_after(&["request failed", "made-up values", "an operator panicked"]);
}
