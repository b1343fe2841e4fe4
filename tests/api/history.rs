//! Models at a glance, and how they have been doing: what the dashboard shows.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::drift;
use crate::support::{
    Answer, Repository, Server, floats, infer_path, models_that_ship, predict_path, until,
};

fn overview(server: &Server) -> Value {
    let answer = server.get("/api/overview");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn at_a_glance(server: &Server, name: &str) -> Value {
    let overview = overview(server);
    let models = overview["models"].as_array().expect("models are listed");
    models.iter().find(|model| model["name"] == name).cloned().unwrap_or_default()
}

fn names(overview: &Value) -> Vec<&str> {
    let models = overview["models"].as_array().expect("models are listed");
    models.iter().map(|model| model["name"].as_str().expect("it has a name")).collect()
}

/// What needs attention: level, topic, message.
fn attention(model: &Value) -> Vec<[&str; 3]> {
    let all = model["attention"].as_array().into_iter().flatten();
    all.map(|of| ["level", "about", "message"].map(|key| of[key].as_str().expect("a text")))
        .collect()
}

/// Waits until something of this topic needs attention, and returns its level and message.
fn wait_for_attention(server: &Server, name: &str, topic: &str) -> (String, String) {
    until(&format!("{topic} of {name} needs attention"), || {
        let model = at_a_glance(server, name);
        let found = attention(&model).into_iter().find(|[_, about, _]| *about == topic);
        found.map(|[level, _, message]| (level.to_owned(), message.to_owned()))
    })
}

fn history(server: &Server, name: &str, span: &str) -> Value {
    let answer = server.get(&format!("/api/models/{name}/history?span={span}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn list<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Requests of the whole span that were answered.
fn answered(history: &Value) -> u64 {
    let counts = list(&history["latency"], "counts").iter();
    counts.map(|count| count.as_u64().expect("a count")).sum()
}

/// What became of versions: version and what.
fn events(history: &Value) -> Vec<(u64, &str)> {
    let all = list(history, "events").iter();
    all.map(|event| {
        (event["version"].as_u64().expect("a version"), event["what"].as_str().expect("a text"))
    })
    .collect()
}

/// Numbers become `[number]`. Lists of them are as long as the test takes, and so are all alike.
fn masked(value: &Value) -> Value {
    match value {
        Value::Number(_) => json!("[number]"),
        Value::Array(all) if all.first().is_some_and(|it| it.is_number() || it.is_null()) => {
            json!(["[number]"])
        }
        Value::Array(all) => all.iter().map(masked).collect(),
        Value::Object(all) => all.iter().map(|(key, value)| (key.clone(), masked(value))).collect(),
        other => other.clone(),
    }
}

fn shown(value: &Value) -> String {
    serde_json::to_string_pretty(&masked(value)).expect("it is JSON")
}

#[test]
fn a_model_that_is_asked_is_seen_at_a_glance_and_over_time() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let two_rows = floats(&[2, 3], &[0.5; 6]);
    for _ in 0..5 {
        assert_eq!(server.infer("scale_1", &two_rows).status, 200);
    }
    let mut model = until("the requests are seen", || {
        let model = at_a_glance(&server, "scale_1");
        (model["now"]["requests_per_second"].as_f64()? > 0.0).then_some(model)
    });
    let now = &model["now"];
    let number = |key: &str| now[key].as_f64().expect("it is known");
    assert!((number("requests_per_second") * number("seconds") - 5.0).abs() < 1e-6, "{now}");
    assert!((number("rows_per_second") * number("seconds") - 10.0).abs() < 1e-6, "{now}");
    assert!(number("p50_ms") > 0.0 && number("p50_ms") <= number("p99_ms"), "{now}");
    assert_eq!((&now["error_share"], &model["traffic"]), (&json!(0.0), &json!({"1": 1.0})));
    assert!(attention(&model).is_empty(), "{model}");
    // Of a test that takes long there is a point.
    model["recent"] = json!([0]);
    assert_snapshot!("overview", shown(&model));
    for span in ["hour", "week"] {
        let history = history(&server, "scale_1", span);
        assert_eq!(answered(&history), 5, "{history}");
        let points = list(&history, "at").len();
        assert!(points > 0, "{history}");
        for key in ["requests_per_second", "errors_per_second", "p99_ms", "memory_bytes"] {
            assert_eq!(list(&history, key).len(), points, "{key}");
        }
        let by_version = &history["versions"]["1"];
        assert_eq!(by_version, &history["requests_per_second"]);
        assert_eq!(list(&history["latency"], "bounds_ms")[0], 0.1);
        assert_eq!(list(&history["latency"], "counts").len(), 17);
        assert_eq!(events(&history), [(1, "live")]);
        assert_eq!(history["step_seconds"], if span == "hour" { 10 } else { 600 });
        if span == "hour" {
            assert_snapshot!("history", shown(&history));
        }
    }
    server.stop();
}

#[test]
fn what_needs_attention_comes_first_and_says_why() {
    let repository = Repository::with(&["scale_1", "scale_2", "scale_3", "empty"]);
    let server = Server::start(repository.path(), &[]);
    repository.copy("corrupt.onnx", "scale_3/2/model.onnx");
    server.wait_for_state("scale_3", "2", "UNAVAILABLE");
    let document = until("one model is busier than the other", || {
        assert_eq!(server.scaled("scale_2").1, 2);
        Some(overview(&server)).filter(|it| names(it)[2] == "scale_2")
    });
    assert_eq!(names(&document), ["empty", "scale_3", "scale_2", "scale_1"]);
    let models = list(&document, "models");
    let empty = attention(&models[0]);
    let message = "version 1 failed: model.onnx is not an ONNX model: the file is empty";
    assert_eq!(empty, [["bad", "version", message]]);
    assert_eq!((&models[0]["state"], &models[0]["now"]), (&json!("UNAVAILABLE"), &Value::Null));
    let [[level, about, message]] = attention(&models[1])[..] else { panic!("{}", models[1]) };
    assert_eq!((level, about), ("warning", "version"));
    assert!(message.starts_with("version 2 failed: model.onnx is not an ONNX model"), "{message}");
    assert_eq!((&models[1]["serving"], &models[1]["state"]), (&json!(1), &json!("READY")));
    assert!(attention(&models[2]).is_empty() && attention(&models[3]).is_empty(), "{document}");
    assert_eq!((&document["ready"], &document["problem"]), (&json!(true), &Value::Null));
    let failed = history(&server, "scale_3", "hour");
    assert_eq!(events(&failed), [(1, "live"), (2, "failed")]);
    assert!(list(&failed, "events")[1]["reason"].as_str().is_some_and(|it| it.contains("ONNX")));
    server.stop_after(&["is not an ONNX model"]);
}

#[test]
fn what_became_of_versions_is_told_in_order() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "scale_2");
    until("version 2 answers", || (server.scaled("m").1 == 2).then_some(()));
    let wanted = until("version 1 is gone", || {
        let history = history(&server, "m", "hour");
        (events(&history).len() == 3).then_some(history)
    });
    assert_eq!(events(&wanted), [(1, "live"), (2, "live"), (1, "unloaded")]);
    assert_eq!(server.post("/api/models/m/rollback", "").status, 200);
    let back = until("version 2 is gone", || {
        let history = history(&server, "m", "hour");
        (events(&history).last() == Some(&(2, "unloaded"))).then_some(history)
    });
    assert_eq!(events(&back)[3..], [(2, "rolled_back"), (1, "live"), (2, "unloaded")]);
    let reasons = list(&back, "events").iter().map(|event| event["reason"].clone());
    assert_eq!(reasons.collect::<Vec<_>>()[3], "rolled back by request");
    server.stop_after(&["a model version was rolled back"]);
}

#[test]
fn shares_of_the_traffic_are_those_of_versions_that_serve() {
    let repository = Repository::new();
    repository.write("m/model.toml", "versions = \"all\"\n");
    for version in 1..=3 {
        repository.add("m", version, &format!("scale_{version}"));
    }
    let server = Server::start(repository.path(), &[]);
    assert_eq!(at_a_glance(&server, "m")["traffic"], json!({"3": 1.0}));
    let routing = json!({"labels": {"old": 1}, "traffic": {"old": 3, "2": 1}, "shadow": 3});
    assert_eq!(server.put("/api/models/m/routing", routing.to_string()).status, 200);
    let model = at_a_glance(&server, "m");
    assert_eq!((&model["traffic"], &model["shadow"]), (&json!({"1": 0.75, "2": 0.25}), &json!(3)));
    server.stop();
}

/// What is merely observed needs no attention.
const CONTRACT: &str = r#"
mode = "reject"
[[feature]]
name = "hour"
min = 0
max = 23
[[feature]]
name = "weekday"
mode = "observe"
max = 3
"#;

#[test]
fn values_that_break_the_contract_need_attention() {
    let repository = Repository::new();
    let model = models_that_ship().join("flight-delay/1/model.onnx");
    repository.add_file("flight-delay", 1, &model);
    repository.write("flight-delay/contract.toml", CONTRACT);
    let server = Server::start(repository.path(), &[]);
    let flight = json!({
        "carrier": "UA", "origin": "LGA", "dest": "IAH", "weekday": 7, "hour": 99, "distance": 1416,
        "temp": 42.98, "humid": 52.87, "wind_speed": 16.11, "precip": 0, "pressure": 1006.9,
        "visib": 10
    });
    let body = json!({"instances": [flight]}).to_string();
    let answer: Answer = server.post(&predict_path("flight-delay"), body);
    assert_eq!(answer.status, 400, "{answer:?}");
    let (level, message) = wait_for_attention(&server, "flight-delay", "contract");
    assert_eq!(level, "warning");
    assert!(message.starts_with("1 value broke the contract in "), "{message}");
    // It is the caller's mistake.
    assert_eq!(at_a_glance(&server, "flight-delay")["now"]["error_share"], 0.0);
    server.stop();
}

#[test]
fn requests_that_a_full_queue_turns_away_need_attention() {
    let repository = Repository::with(&["slow"]);
    repository.write("slow/model.toml", "batching.max_rows = 1\n[limits]\nqueue = 1\n");
    let server = Server::start(repository.path(), &["--threads", "1"]);
    let request = floats(&[4, 16], &[0.25; 64]).to_string();
    let mut connections: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for connection in &mut connections {
        connection.begin("POST", &infer_path("slow"), &[], request.as_bytes());
    }
    let statuses: Vec<u16> = connections.iter_mut().map(|it| it.answer().status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    let (level, message) = wait_for_attention(&server, "slow", "queue");
    assert!(level == "bad" && message.contains("turned away in "), "{message}");
    let (level, message) = wait_for_attention(&server, "slow", "errors");
    assert!(level == "bad" && message.contains("% of requests failed in "), "{message}");
    server.stop_after(&["the queue is full"]);
}

#[test]
fn inputs_that_have_drifted_need_attention() {
    let repository = drift::watched();
    let server = Server::start(repository.path(), &[]);
    let name = drift::MODEL;
    assert_eq!(at_a_glance(&server, name)["drift"]["state"], "insufficient");
    let mut first = 0;
    let model = until("it drifts", || {
        drift::ask(&server, first, 500, |row| row[0] += 5.0);
        first += 500;
        let model = at_a_glance(&server, name);
        let says = |[_, _, message]: &[&str; 3]| message.contains("% of the inputs");
        attention(&model).iter().any(says).then_some(model)
    });
    assert_eq!(model["drift"]["state"], "drifted");
    let [[level, about, message]] = attention(&model)[..] else { panic!("{model}") };
    assert_eq!((level, about), ("warning", "drift"));
    assert!(message.contains("have drifted: ") && message.contains("x[0]"), "{message}");
    server.stop();
}

#[test]
fn spans_and_models_that_are_not_there_are_named() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let of = |path: &str| server.get(path).problem();
    let (status, message) = of("/api/models/scale_1/history?span=day");
    assert_eq!((status, message.as_str()), (400, "span is 'day', expected hour or week"));
    let (status, message) = of("/api/models/other/history");
    assert!(status == 404 && message.contains("'other'"), "{message}");
    assert_eq!(of("/api/models/scale_1/history?of=1").0, 400);
    server.stop();
}

#[test]
fn a_model_is_shown_by_the_version_that_most_requests_go_to() {
    let repository = Repository::with(&["scale_1", "scale_2"]);
    repository.add("m", 1, "scale_1");
    repository.add("m", 2, "scale_2");
    let settings = "versions = \"all\"\nlabels = { stable = 1, canary = 2 }\ntraffic = { stable = 95, canary = 5 }\n";
    repository.write("m/model.toml", settings);
    let server = Server::start(repository.path(), &[]);
    let model = until("both serve", || {
        let model = at_a_glance(&server, "m");
        (model["traffic"].as_object()?.len() == 2).then_some(model)
    });
    assert_eq!(model["serving"], 1, "{model}");
    assert_eq!(model["traffic"], json!({"1": 0.95, "2": 0.05}));
    let example = server.get("/api/models/m/example").json();
    assert_eq!(example["version"], 1, "{example}");
    // Nobody has a number in two ways.
    assert_eq!(server.get("/api/models/m/versions/01").status, 404);
    server.stop();
}
