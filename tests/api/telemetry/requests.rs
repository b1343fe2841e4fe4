//! Lines in the log, of a share of all requests.

use serde_json::{Value, json};

use super::{PARENT, TRACE_ID, scale_2};
use crate::support::{Server, floats, infer_path, until};

fn lines(server: &Server) -> Vec<Value> {
    let log = server.log();
    let parsed = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    parsed.filter(|line: &Value| line["message"] == "request").collect()
}

#[test]
fn a_request_that_is_logged_says_what_it_was_and_no_secret() {
    let repository = scale_2();
    let server =
        Server::start(repository.path(), &["--log-requests", "1", "--grpc-addr", "127.0.0.1:0"]);
    let body = floats(&[2, 3], &[1.0; 6]).to_string();
    let headers =
        [("x-request-id", "seven"), ("traceparent", PARENT), ("authorization", "Bearer secret")];
    let path = infer_path("scale_2") + "?token=secret";
    let answer = server.post_with(&path, &body, &headers);
    assert_eq!(answer.status, 200);
    server.grpc().infer(super::payloads::grpc_request()).expect("it is right");
    let of = |name: &'static str, value: Value| {
        until("it is logged", || lines(&server).into_iter().find(|line| line[name] == value))
    };
    let line = of("request.id", json!("seven"));
    for (name, value) in [
        ("level", json!("INFO")),
        ("http.method", json!("POST")),
        ("http.route", json!("/v2/models/{model}/infer")),
        ("http.status", json!(200)),
        ("model.name", json!("scale_2")),
        ("model.version", json!(1)),
        ("rows", json!(2)),
        ("request.bytes", json!(body.len())),
        ("response.bytes", json!(answer.body.len())),
        ("trace_id", json!(TRACE_ID)),
    ] {
        assert_eq!(line[name], value, "{name} of {line}");
    }
    assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    let line = of("grpc.path", json!("/inference.GRPCInferenceService/ModelInfer"));
    assert_eq!((&line["model.name"], &line["rows"]), (&json!("scale_2"), &json!(1)));
    assert!(!server.log().contains("secret"), "{}", server.log());
    server.stop();
}

#[test]
fn the_same_ids_are_logged_by_every_server() {
    let repository = scale_2();
    let logged = || {
        let arguments = ["--log-requests", "0.2", "--log-filter", "onnxd=debug"];
        let server = Server::start(repository.path(), &arguments);
        let ask = |id: &str| {
            assert_eq!(server.get_with("/v2", &[("x-request-id", id)]).status, 200);
        };
        (0..100).for_each(|number| ask(&format!("id-{number}")));
        ask("last");
        let lines = until("all are logged", || {
            let lines = lines(&server);
            lines.iter().any(|line| line["request.id"] == "last").then_some(lines)
        });
        server.stop();
        let ids = lines
            .iter()
            .filter(|line| line["level"] == "INFO")
            .map(|line| line["request.id"].as_str().expect("every request has an id").to_owned());
        ids.filter(|id| id.starts_with("id-")).collect::<Vec<_>>()
    };
    let (one, other) = (logged(), logged());
    assert_eq!(one, other);
    assert!((5..50).contains(&one.len()), "{one:?}");
}
