//! What an orchestrator asks.

use serde_json::{Value, json};

use crate::support::{Repository, Server};

#[test]
fn every_probe_of_every_protocol_says_that_all_is_well() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let probes = [
        ("/", json!({"status": "alive"})),
        ("/healthz", json!({"live": true})),
        ("/readyz", json!({"ready": true})),
        ("/v2/health/live", json!({"live": true})),
        ("/v2/health/ready", json!({"ready": true})),
        ("/v2/models/scale_1/ready", json!({"ready": true})),
        ("/v2/models/scale_1/versions/1/ready", json!({"ready": true})),
    ];
    for (path, expected) in probes {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.json()), (200, expected), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        let head = server.connect().request("HEAD", path, &[], b"");
        assert_eq!(head.status, 200, "{path}");
    }
    server.stop();
}

#[test]
fn an_unknown_model_is_not_found_rather_than_not_ready() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let message = "Request for unknown model: 'nope' is not found".to_owned();
    assert_eq!(server.get("/v2/models/nope/ready").error(), (404, message.clone()));
    assert_eq!(server.get("/v2/models/nope").error(), (404, message.clone()));
    assert_eq!(server.get("/v1/models/nope").error(), (404, message));
    server.stop();
}

#[test]
fn metrics_and_probes_answer_on_an_address_of_their_own() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--metrics-addr", "127.0.0.1:0"]);
    let listening = server.logged("listening");
    let address = listening["metrics.addr"].as_str().and_then(|text| text.parse().ok());
    let mut connection =
        crate::support::Connection::open(address.expect("the log tells the address"));
    for (path, status) in [("/metrics", 200), ("/healthz", 200), ("/readyz", 200), ("/v2", 404)] {
        assert_eq!(connection.request("GET", path, &[], b"").status, status, "{path}");
    }
    server.stop();
}

#[test]
fn the_server_describes_itself_and_its_models() {
    let repository = Repository::with(&["two_inputs"]);
    let server = Server::start(repository.path(), &[]);
    let about = server.get("/v2").json();
    assert_eq!(about["name"], "onnxd");
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        about["extensions"].as_array().is_some_and(|e| e.contains(&json!("binary_tensor_data")))
    );
    let tensor =
        |name: &str, shape: Value| json!({"name": name, "datatype": "FP32", "shape": shape});
    assert_eq!(
        server.get("/v2/models/two_inputs").json(),
        json!({
            "name": "two_inputs",
            "versions": ["1"],
            "platform": "onnx_onnxv1",
            "inputs": [tensor("A", json!([-1, 3])), tensor("B", json!([-1, 2]))],
            "outputs": [tensor("joined", json!([-1, 5])), tensor("total", json!([-1]))],
        })
    );
    server.stop();
}
