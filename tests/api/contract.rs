//! Contracts: what is refused, flagged, repaired and kept, over both protocols.

mod fuzz;
mod reload;

use serde_json::{Value, json};

use crate::support::{Repository, Server, models_that_ship};

const INFER: &str = "/v2/models/flight-delay/infer";
const PREDICT: &str = "/v1/models/flight-delay:predict";

const RULES: &str = r#"
[[feature]]
name = "carrier"
nullable = false
set = ["UA", "AA", "DL"]
[[feature]]
name = "origin"
pattern = "[A-Z]+"
max_length = 3
[[feature]]
name = "hour"
nan = false
inf = false
min = 0
max = 23
[[feature]]
name = "temp"
nullable = false
[[feature]]
name = "precip"
inf = false
[[feature]]
name = "weekday"
set = [1, 2, 3, 4, 5, 6, 7]
[[row]]
left = "wind_speed"
operator = "<"
right = "pressure"
[[row]]
required_if = { feature = "dest", equals = "IAH", then = "visib" }
"#;

fn serve(contract: &str) -> (Repository, Server) {
    let repository = Repository::new();
    let model = models_that_ship().join("flight-delay/1/model.onnx");
    repository.add_file("flight-delay", 1, &model);
    repository.write("flight-delay/contract.toml", contract);
    let server = Server::start(repository.path(), &[]);
    (repository, server)
}

fn flight() -> Value {
    json!({
        "carrier": "UA", "origin": "LGA", "dest": "IAH", "weekday": 7, "hour": 7, "distance": 1416,
        "temp": 42.98, "humid": 52.87, "wind_speed": 16.11, "precip": 0, "pressure": 1006.9,
        "visib": 10
    })
}

fn with(column: &str, value: &Value) -> Value {
    let mut flight = flight();
    flight[column] = value.clone();
    flight
}

fn rows(rows: &[Value]) -> String {
    json!({"instances": rows}).to_string()
}

/// The rows as columns, in the order of the signature.
fn infer(rows: &[Value]) -> Value {
    let names = [
        "carrier",
        "origin",
        "dest",
        "weekday",
        "hour",
        "distance",
        "temp",
        "humid",
        "wind_speed",
        "precip",
        "pressure",
        "visib",
    ];
    let input = |(place, name): (usize, &&str)| {
        let data: Vec<&Value> = rows.iter().map(|row| &row[*name]).collect();
        let datatype = if place < 3 { "BYTES" } else { "FP32" };
        json!({"name": name, "datatype": datatype, "shape": [rows.len(), 1], "data": data})
    };
    json!({"inputs": names.iter().enumerate().map(input).collect::<Vec<_>>()})
}

#[test]
fn every_code_is_found_in_either_protocol() {
    let (_repository, server) = serve(&format!("mode = \"reject\"\n{RULES}"));
    let broken = [
        ("carrier", json!(""), "null_not_allowed"),
        ("carrier", json!("XX"), "not_in_set"),
        ("origin", json!("lga"), "pattern"),
        ("origin", json!("LGAX"), "too_long"),
        ("hour", json!("NaN"), "nan"),
        ("hour", json!(-1), "below_min"),
        ("hour", json!(24), "above_max"),
        ("temp", json!("NaN"), "null_not_allowed"),
        ("precip", json!("Infinity"), "inf"),
        ("weekday", json!(8), "not_in_set"),
        ("wind_speed", json!(2000), "row_rule"),
        ("visib", json!("NaN"), "row_rule"),
    ];
    let bare = |text: String| text.replace("\"NaN\"", "NaN").replace("\"Infinity\"", "Infinity");
    for (column, value, code) in broken {
        let wrong = [flight(), with(column, &value)];
        for (path, body) in [(INFER, infer(&wrong).to_string()), (PREDICT, rows(&wrong))] {
            let answer = server.post(path, bare(body));
            assert_eq!(answer.status, 400, "{column} {value}: {answer:?}");
            let found = answer.json();
            assert_eq!(found["total"], 1, "{column} {value}: {found}");
            assert_eq!(found["violations"][0]["code"], code, "{found}");
            assert_eq!(found["violations"][0]["row"], 1, "{found}");
            assert_eq!(found["violations"][0]["value"], Value::Null, "{found}");
        }
    }
    assert_eq!(server.post(PREDICT, rows(&[flight()])).status, 200);
    server.stop();
}

#[test]
fn all_violations_are_listed_with_their_pointers_and_the_rest_is_counted() {
    let (_repository, server) = serve(&format!("mode = \"reject\"\nvalues = true\n{RULES}"));
    let mut body = infer(&[with("hour", &json!(24)), with("weekday", &json!(0))]);
    body["inputs"].as_array_mut().expect("a list").reverse();
    let found = server.post(INFER, body.to_string()).json();
    let pointers: Vec<&Value> =
        found["violations"].as_array().expect("a list").iter().map(|it| &it["pointer"]).collect();
    // In the order of the model, in which the day of the week comes first.
    assert_eq!(pointers, ["/inputs/8/data/1", "/inputs/7/data/0"], "{found}");
    assert_eq!(found["violations"][1]["value"], "24");
    let many = vec![with("hour", &json!(24)); 150];
    let found = server.post(PREDICT, rows(&many)).json();
    assert_eq!(found["total"], 150);
    assert_eq!(found["violations"].as_array().map(Vec::len), Some(100));
    server.stop();
}

#[test]
fn inputs_that_are_not_the_models_are_all_named() {
    let (_repository, server) = serve("mode = \"observe\"");
    let mut body = infer(&[flight()]);
    body["inputs"][0]["name"] = json!("\"<script>\n");
    body["inputs"][3]["datatype"] = json!("FP64");
    body["inputs"][4]["shape"] = json!([1]);
    let answer = server.post(INFER, body.to_string());
    assert_eq!(answer.status, 400, "{answer:?}");
    let found = answer.json();
    let codes: Vec<&Value> =
        found["violations"].as_array().expect("a list").iter().map(|it| &it["code"]).collect();
    let all = ["unexpected_feature", "missing_feature", "wrong_dtype", "wrong_shape"];
    assert_eq!(codes, all, "{found}");
    server.stop();
}

#[test]
fn modes_observe_warn_repair_and_keep() {
    let rule = "[[feature]]\nname = \"hour\"\nmax = 23\n";
    let late = rows(&[with("hour", &json!(24))]);
    let (_repository, server) = serve(&format!("mode = \"observe\"\n{rule}"));
    let answer = server.post(PREDICT, late.clone());
    assert_eq!((answer.status, answer.header("onnxd-contract-violations")), (200, None));
    let page = server.get("/metrics");
    assert!(page.text().contains(
        r#"onnxd_contract_violations_total{action="observe",code="above_max",feature="hour",model="flight-delay",version="1"} 1"#
    ), "{}", page.text());
    let report = server.get("/api/models/flight-delay/contract").json();
    assert_eq!(report["versions"]["1"]["rows"], 1, "{report}");
    assert_eq!(report["versions"]["1"]["features"][0]["violations"]["above_max"], 1, "{report}");
    server.stop();
    let (_repository, server) = serve(&format!("mode = \"warn\"\n{rule}"));
    let answer = server.post(PREDICT, late.clone());
    assert_eq!((answer.status, answer.header("onnxd-contract-violations")), (200, Some("1")));
    server.stop();
    let (_repository, server) = serve(&format!("mode = \"repair\"\n{rule}clip = true\n"));
    let answer = server.post(PREDICT, late.clone());
    assert_eq!((answer.status, answer.header("onnxd-contract-repaired")), (200, Some("1")));
    let clipped = server.post(PREDICT, rows(&[with("hour", &json!(23))]));
    assert_eq!(answer.json(), clipped.json());
    server.stop();
    let (_repository, server) = serve(&format!("mode = \"quarantine\"\n{rule}"));
    assert_eq!(server.post(PREDICT, late).status, 400);
    let kept = server.get("/api/models/flight-delay/quarantine");
    let line: Value = serde_json::from_str(kept.text().trim()).expect("one line");
    assert_eq!(line["violations"][0]["code"], "above_max", "{line}");
    assert_eq!(line["values"], Value::Null, "{line}");
    server.stop();
}

#[test]
fn an_answer_that_breaks_the_contract_does_not_go_out() {
    let output = "mode = \"reject\"\n[[output]]\nname = \"probabilities.late\"\nmax = 0.0001\n";
    let (_repository, server) = serve(output);
    let answer = server.post(PREDICT, rows(&[flight()]));
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(answer.json()["violations"][0]["code"], "output_invalid");
    server.stop_with(0, &["request failed"]);
}
