//! Feedback: what becomes of truths, and what they say of a model.

use serde_json::{Value, json};

use crate::support::{
    Repository, Server, floats, infer_path, models_that_ship, predict_path, until,
};

/// `flight-delay`, whose probability of being late is compared with the truth.
fn flights(settings: &str) -> Repository {
    let repository = Repository::new();
    let file = models_that_ship().join("flight-delay/2/model.onnx");
    repository.add_file("flight-delay", 2, &file);
    repository.write("flight-delay/model.toml", format!("[quality]\n{settings}"));
    repository
}

const SCORE: &str = "score = \"probabilities.late\"\n";

fn rows() -> String {
    let path = models_that_ship().join("flight-delay/rows.json");
    std::fs::read_to_string(path).expect("the example is there")
}

/// The token of three flights: on time, late, on time.
fn token(server: &Server) -> String {
    let path = predict_path("flight-delay");
    let answer = server.post_with(&path, rows(), &[("onnxd-token", "true")]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("onnxd-prediction-token").expect("it was asked for").to_owned()
}

fn feedback(server: &Server, items: Value) -> Value {
    let body = json!({"feedback": items}).to_string();
    let answer = server.post("/api/models/flight-delay/feedback", body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()
}

fn quality(server: &Server) -> Value {
    server.get("/api/models/flight-delay/quality").json()["versions"]["2"].clone()
}

fn fates(accepted: u64, unknown: u64, expired: u64, duplicate: u64, invalid: u64) -> Value {
    json!({"accepted": accepted, "unknown": unknown, "expired": expired, "duplicate": duplicate, "invalid": invalid})
}

#[test]
fn truths_are_counted_once_and_say_how_good_the_model_was() {
    let repository = flights(SCORE);
    let server = Server::start(repository.path(), &[]);
    let token = token(&server);
    let items = json!([
        {"token": token, "row": 0, "actual": "on-time"},
        {"token": token, "row": 1, "actual": "on-time"},
        {"token": token, "row": 2, "actual": false},
    ]);
    assert_eq!(feedback(&server, items.clone()), fates(3, 0, 0, 0, 0));
    assert_eq!(feedback(&server, items), fates(0, 0, 0, 3, 0));
    let quality = quality(&server);
    assert_eq!((&quality["predictions"], &quality["outcomes"]), (&json!(3), &json!(3)));
    let near = |value: &Value, expected: f64| {
        value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-3)
    };
    assert!(near(&quality["coverage"], 1.0), "{quality}");
    assert!(near(&quality["realised"]["accuracy"], 2.0 / 3.0), "{quality}");
    // What the model thought: late with 0.0989, 0.8446 and 0.4088.
    let estimated = (0.9011 + 0.8446 + 0.5912) / 3.0;
    assert!(near(&quality["estimated"]["accuracy"], estimated), "{quality}");
    let brier = (0.0989f64.powi(2) + 0.8446f64.powi(2) + 0.4088f64.powi(2)) / 3.0;
    assert!(near(&quality["realised"]["brier"], brier), "{quality}");
    let labels = r#"model="flight-delay",predicted="positive",version="2""#;
    let outcomes = format!(r#"onnxd_quality_outcomes_total{{actual="negative",{labels}}}"#);
    assert_eq!(server.metric(&outcomes), 1);
    let result = |result: &str| {
        server.metric(&format!(
            r#"onnxd_quality_feedback_total{{model="flight-delay",result="{result}",version="2"}}"#
        ))
    };
    assert_eq!((result("accepted"), result("duplicate")), (3, 3));
    server.stop();
}

#[test]
fn what_is_no_truth_is_told_apart_and_counts_nothing() {
    let repository = flights(SCORE);
    let server = Server::start(repository.path(), &[]);
    let token = token(&server);
    let mut forged = token.clone().into_bytes();
    forged[30] = if forged[30] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("still a text");
    let fate = |item: Value| feedback(&server, json!([item]));
    let invalid = fates(0, 0, 0, 0, 1);
    assert_eq!(fate(json!({"token": forged, "actual": "late"})), invalid);
    assert_eq!(fate(json!({"token": "", "actual": "late"})), invalid);
    assert_eq!(fate(json!({"token": token, "row": 3, "actual": "late"})), invalid);
    assert_eq!(fate(json!({"token": token, "actual": "early"})), invalid);
    assert_eq!(fate(json!({"token": token, "id": "a", "actual": "late"})), invalid);
    assert_eq!(fate(json!({"actual": "late"})), invalid);
    assert_eq!(fate(json!({"id": "a", "actual": "late"})), fates(0, 1, 0, 0, 0));
    assert_eq!(quality(&server)["outcomes"], 0);
    let bad = |body: &str| {
        let answer = server.post("/api/models/flight-delay/feedback", body);
        (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
    };
    let (status, detail) = bad(r#"{"feedback": [{"token": 1, "actual": 1}]}"#);
    assert_eq!(status, 400);
    assert!(detail.starts_with("malformed feedback: invalid type: integer `1`"), "{detail}");
    assert_eq!(bad("late").0, 400);
    assert_eq!(server.post("/api/models/other/feedback", "{}").status, 404);
    server.stop();
}

#[test]
fn feedback_that_comes_too_late_is_told_so() {
    let repository = flights(&format!("{SCORE}expires = \"1ms\"\n"));
    let server = Server::start(repository.path(), &[]);
    let token = token(&server);
    let item = json!([{"token": token, "actual": "late"}]);
    until("a millisecond has passed", || {
        (feedback(&server, item.clone()) == fates(0, 0, 1, 0, 0)).then_some(())
    });
    server.stop();
}

#[test]
fn a_token_counts_on_any_replica_with_the_same_key_and_on_no_other() {
    let repository = flights(SCORE);
    repository.write(".key", "a secret of more than sixteen bytes\n");
    let key = repository.path().join(".key").display().to_string();
    let first = Server::start(repository.path(), &["--feedback-key", &key]);
    let second = Server::start(repository.path(), &["--feedback-key", &key]);
    let stranger = Server::start(repository.path(), &[]);
    let item = json!([{"token": token(&first), "row": 1, "actual": 1}]);
    assert_eq!(feedback(&second, item.clone()), fates(1, 0, 0, 0, 0));
    assert_eq!(quality(&second)["realised"]["accuracy"], 1.0);
    assert_eq!(feedback(&stranger, item), fates(0, 0, 0, 0, 1));
    for server in [first, second, stranger] {
        server.stop();
    }
}

#[test]
fn a_request_with_an_id_is_remembered_where_that_is_wanted() {
    let repository = flights(&format!("{SCORE}remember = 2\n"));
    let server = Server::start(repository.path(), &[]);
    let ask = |id: &str| {
        let path = predict_path("flight-delay");
        let answer = server.post_with(&path, rows(), &[("onnxd-prediction-id", id)]);
        assert_eq!(answer.header("onnxd-prediction-token"), None);
    };
    ["a", "b", "c"].into_iter().for_each(ask);
    let fate = |id: &str| feedback(&server, json!([{"id": id, "row": 1, "actual": "late"}]));
    assert_eq!(fate("c"), fates(1, 0, 0, 0, 0));
    assert_eq!(fate("c"), fates(0, 0, 0, 1, 0));
    assert_eq!(fate("a"), fates(0, 1, 0, 0, 0), "only the last two are remembered");
    server.stop();
}

#[test]
fn a_version_that_has_left_still_learns_its_truths() {
    let repository = flights(SCORE);
    let file = models_that_ship().join("flight-delay/1/model.onnx");
    let server = Server::start(repository.path(), &[]);
    let token = token(&server);
    repository.add_file("flight-delay", 3, &file);
    server.wait_for_state("flight-delay", "3", "READY");
    let item = json!([{"token": token, "actual": "on-time"}]);
    assert_eq!(feedback(&server, item), fates(1, 0, 0, 0, 0));
    server.stop();
}

#[test]
fn a_token_of_a_file_that_was_replaced_is_unknown() {
    let repository = flights(SCORE);
    let server = Server::start(repository.path(), &[]);
    let digest = |server: &Server| {
        let answer = server.post(&predict_path("flight-delay"), rows());
        answer.header("onnxd-lineage").map(str::to_owned)
    };
    let (old, token) = (digest(&server), token(&server));
    let file = models_that_ship().join("flight-delay/1/model.onnx");
    let bytes = std::fs::read(file).expect("the model is there");
    repository.write("flight-delay/2/model.onnx", bytes);
    until("the other file serves", || (digest(&server) != old).then_some(()));
    let item = json!([{"token": token, "row": 1, "actual": "late"}]);
    assert_eq!(feedback(&server, item), fates(0, 1, 0, 0, 0));
    assert_eq!(quality(&server)["outcomes"], 0);
    server.stop();
}

#[test]
fn a_model_that_left_takes_its_figures_along() {
    let repository = flights(SCORE);
    let server = Server::start(repository.path(), &[]);
    let _ = token(&server);
    let shown = |server: &Server| {
        let pages = ["/metrics", "/metrics/drift"].map(|page| server.get(page).text().to_owned());
        pages.concat().contains("onnxd_quality_predictions_total{")
    };
    assert!(shown(&server));
    repository.remove("flight-delay");
    until("they are gone", || (!shown(&server)).then_some(()));
    server.stop();
}

#[test]
fn classes_and_numbers_have_truths_of_their_own() {
    let repository = flights("label = \"label\"\n");
    let server = Server::start(repository.path(), &[]);
    let token = token(&server);
    let items = json!([
        {"token": token, "row": 0, "actual": "on-time"},
        {"token": token, "row": 1, "actual": "cancelled"},
    ]);
    assert_eq!(feedback(&server, items), fates(2, 0, 0, 0, 0));
    assert_eq!(quality(&server)["realised"], json!({"accuracy": 0.5}));
    let page = server.get("/metrics").text().to_owned();
    let pair = r#"onnxd_quality_outcomes_total{actual="other",model="flight-delay",predicted="late",version="2"} 1"#;
    assert!(page.contains(pair), "{page}");
    server.stop();

    let repository = Repository::with(&["scale_1"]);
    repository.write("scale_1/model.toml", "[quality]\nvalue = \"y[1]\"\n");
    let server = Server::start(repository.path(), &[]);
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let answer = server.post_with(&infer_path("scale_1"), request, &[("onnxd-token", "true")]);
    let token = answer.header("onnxd-prediction-token").expect("it was asked for");
    let truth = |actual: Value| {
        let body = json!({"feedback": [{"token": token, "actual": actual}]}).to_string();
        server.post("/api/models/scale_1/feedback", body).json()
    };
    assert_eq!(truth(json!("a lot")), fates(0, 0, 0, 0, 1));
    assert_eq!(
        truth(json!(4.5)),
        fates(1, 0, 0, 0, 0),
        "nonsense before does not stand in its way"
    );
    let found = server.get("/api/models/scale_1/quality").json();
    let expected = json!({"mean_absolute_error": 2.5, "root_mean_squared_error": 2.5});
    assert_eq!(found["versions"]["1"]["realised"], expected);
    server.stop();
}

#[test]
fn a_prediction_that_the_model_does_not_make_keeps_it_from_serving() {
    let repository = flights("score = \"probabilities.early\"\n");
    let server = Server::launch(repository.path(), &[]);
    let reason = server.wait_for_state("flight-delay", "2", "UNAVAILABLE");
    assert_eq!(
        reason,
        "quality: quality: the model has no prediction 'probabilities.early', its predictions are: label, probabilities.late, probabilities.on-time"
    );
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn a_token_of_too_many_rows_is_refused_before_anything_runs() {
    let repository = Repository::with(&["scale_1"]);
    repository.write("scale_1/model.toml", "[quality]\nvalue = \"y[0]\"\n");
    let server = Server::start(repository.path(), &[]);
    let v1 = json!({"instances": vec![[1.0, 1.0, 1.0]; 257]}).to_string();
    let v2 = floats(&[257, 3], &[1.0; 771]).to_string();
    for (path, request) in [(predict_path("scale_1"), v1), (infer_path("scale_1"), v2)] {
        let answer = server.post_with(&path, request, &[("onnxd-token", "true")]);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"], "a token speaks of at most 256 rows, came 257");
    }
    let made = "onnxd_quality_predictions_total{model=\"scale_1\",version=\"1\"}";
    let ran = "onnxd_batch_rows_count{model=\"scale_1\",version=\"1\"}";
    assert_eq!((server.metric(made), server.metric(ran)), (0, 0));
    let request = floats(&[256, 3], &[1.0; 768]).to_string();
    let answer = server.post_with(&infer_path("scale_1"), request, &[("onnxd-token", "true")]);
    assert_eq!((answer.status, server.metric(made)), (200, 256));
    server.stop();
}
