//! Tables: a row as an object, columns with names, values that are missing.

use serde_json::{Value, json};

use crate::support::{Repository, Server, models_that_ship, text_of};

const FLIGHTS: &str = "/v1/models/flight-delay:predict";

fn flight() -> Value {
    json!({
        "carrier": "UA", "origin": "LGA", "dest": "IAH", "weekday": 7, "hour": 7, "distance": 1416,
        "temp": 42.98, "humid": 52.87, "wind_speed": 16.11, "precip": 0, "pressure": 1006.9,
        "visib": 10
    })
}

fn serve(model: &str) -> Server {
    Server::start(&models_that_ship().join(model), &[])
}

/// What a server says about instances.
fn predictions(server: &Server, instances: &Value) -> Value {
    let answer = server.post(FLIGHTS, json!({"instances": instances}).to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["predictions"].clone()
}

#[test]
fn a_row_is_an_object_and_so_are_the_scores_of_its_classes() {
    let server = serve("flight-delay");
    let predictions = predictions(&server, &json!([flight(), flight()]));
    assert_eq!(predictions[0], predictions[1]);
    let scores = predictions[0]["probabilities"].as_object().expect("scores have names");
    assert_eq!(scores.keys().collect::<Vec<_>>(), ["late", "on-time"]);
    let sum: f64 = scores.values().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{predictions}");
    let likelier = if scores["late"].as_f64() > Some(0.5) { "late" } else { "on-time" };
    assert_eq!(predictions[0]["label"], likelier);
    server.stop();
}

#[test]
fn null_and_nan_are_the_same_missing_number_and_null_and_nothing_the_same_missing_text() {
    let server = serve("flight-delay");
    let with = |column: &str, value: Value| {
        let mut flight = flight();
        flight[column] = value;
        predictions(&server, &json!([flight]))
    };
    let missing = with("hour", Value::Null);
    let body = json!({"instances": [flight()]}).to_string().replace("\"hour\":7", "\"hour\":NaN");
    let answer = server.post(FLIGHTS, body);
    assert_eq!(answer.json()["predictions"], missing);
    assert_ne!(missing, with("hour", json!(7)));
    assert_eq!(with("origin", Value::Null), with("origin", json!("")));
    assert_ne!(with("origin", Value::Null), with("origin", json!("LGA")));
    server.stop();
}

#[test]
fn a_column_left_out_is_named() {
    let server = serve("flight-delay");
    let mut short = flight();
    short.as_object_mut().expect("a flight is an object").remove("hour");
    let answer = server.post(FLIGHTS, json!({"instances": [flight(), short]}).to_string());
    let (status, message) = answer.error();
    assert_eq!(status, 400);
    assert!(message.starts_with("instance 1: input 'hour' is missing"), "{message}");
    server.stop();
}

#[test]
fn a_text_that_the_encoder_does_not_know_is_refused_and_named() {
    let exports =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/exports");
    let server = Server::start(&exports.join("one-hot-known-texts"), &[]);
    let metadata = server.get("/v2/models/one-hot-known-texts").json();
    let ask = |text: &str| {
        let input = json!({"name": metadata["inputs"][0]["name"], "shape": [1, 1], "datatype": "BYTES", "data": [text]});
        server.post("/v2/models/one-hot-known-texts/infer", json!({"inputs": [input]}).to_string())
    };
    let (status, message) = ask("never heard of it").error();
    assert_eq!(status, 400, "{message}");
    assert!(
        message.starts_with("the model does not accept these values: OneHotEncoder"),
        "{message}"
    );
    assert!(message.contains("\"never heard of it\" is not among the"), "{message}");
    server.stop_after(&["made-up values do not run"]);
}

#[test]
fn classes_are_known_by_their_labels_in_metadata_and_classification() {
    let server = serve("flight-delay");
    let metadata = server.get("/v2/models/flight-delay").json();
    assert_eq!(metadata["outputs"][1]["parameters"]["labels"], json!(["late", "on-time"]));
    assert_eq!(metadata["outputs"][0].get("parameters"), None);
    let example = std::fs::read(models_that_ship().join("flight-delay/example.json"));
    let mut request: Value =
        serde_json::from_slice(&example.expect("it ships")).expect("it is JSON");
    request["outputs"] = json!([{"name": "probabilities", "parameters": {"classification": 1}}]);
    let best = server.infer("flight-delay", &request).json();
    let best = text_of(&best["outputs"][0]["data"][0]);
    assert!(best.ends_with(":1:on-time"), "{best}");
    server.stop();
}

#[test]
fn features_named_in_the_settings_feed_the_only_matrix() {
    let repository = Repository::with(&["named_matrix"]);
    let settings = "features = [\"distance\", \"hour\", \"temp\"]";
    repository.write("named_matrix/model.toml", settings);
    let server = Server::start(repository.path(), &[]);
    let path = "/v1/models/named_matrix:predict";
    let by_name = json!({"instances": [{"temp": 3, "distance": 1, "hour": null}]}).to_string();
    let in_order = r#"{"instances": [[1, NaN, 3]]}"#;
    let (named, ordered) = (server.post(path, by_name), server.post(path, in_order));
    assert_eq!((named.status, named.json()), (200, ordered.json()));
    let metadata = server.get("/v2/models/named_matrix").json();
    let features = &metadata["inputs"][0]["parameters"]["features"];
    assert_eq!(*features, json!(["distance", "hour", "temp"]));
    server.stop();
}

#[test]
fn features_that_do_not_fit_the_matrix_are_refused_with_both_numbers() {
    let repository = Repository::with(&["named_matrix"]);
    repository.write("named_matrix/model.toml", "features = [\"distance\", \"hour\"]");
    let server = Server::launch(repository.path(), &[]);
    let reason = server.wait_for_state("named_matrix", "1", "UNAVAILABLE");
    assert_eq!(reason, "2 features are named, but input 'x' has 3 columns");
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn the_map_of_a_dict_vectorizer_is_a_row_whose_absent_keys_are_nought() {
    let repository = Repository::with(&["named_map"]);
    let server = Server::start(repository.path(), &[]);
    let path = "/v1/models/named_map:predict";
    let rows = json!({"instances": [{"b": 2.5}, {}, {"c": 3, "a": 1}]}).to_string();
    let answer = server.post(path, rows);
    assert_eq!(
        answer.json()["predictions"],
        json!([[0.0, 2.5, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]])
    );
    server.stop();
}
