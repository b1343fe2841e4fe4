//! Labels and shares, as requests set them.

use serde_json::{Value, json};

use super::{ones, state_dir, three};
use crate::support::{Repository, Server, infer_path, until};

const ROUTING: &str = "/api/models/m/routing";

fn put(server: &Server, routing: &Value) {
    let answer = server.put(ROUTING, routing.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn labels_lead_to_their_versions_in_both_protocols() {
    let repository = three();
    let server = Server::start(repository.path(), &[]);
    put(&server, &json!({"labels": {"stable": 1, "canary": 2}}));
    for (label, version) in [("stable", 1), ("canary", 2), ("3", 3)] {
        let answer = server.post(&format!("/v2/models/m/versions/{label}/infer"), ones());
        assert_eq!(answer.json()["model_version"], version.to_string());
        assert_eq!(answer.header("x-model-version"), Some(version.to_string().as_str()));
    }
    let rows = json!({"instances": [[1, 2, 3]]}).to_string();
    let answer = server.post("/v1/models/m/labels/canary:predict", &rows);
    assert_eq!(answer.json(), json!({"predictions": [[2.0, 4.0, 6.0]]}));
    assert_eq!(
        server.get("/v1/models/m/labels/canary").json()["model_version_status"][0]["version"],
        "2"
    );
    let message = "Request for unknown model: 'm' version 'beta' is not found";
    let answer = server.post("/v2/models/m/versions/beta/infer", ones());
    assert_eq!(answer.error(), (404, message.to_owned()));
    assert_eq!(server.post("/v1/models/m/labels/beta:predict", &rows).status, 404);
    put(&server, &json!({"labels": {"canary": 3}}));
    let answer = server.post("/v2/models/m/versions/canary/infer", ones());
    assert_eq!(answer.json()["model_version"], "3");
    server.stop();
}

#[test]
fn a_routing_that_contradicts_itself_is_refused_and_changes_nothing() {
    let repository = three();
    let server = Server::start(repository.path(), &[]);
    let before = json!({"labels": {"stable": 1}, "traffic": {"1": 3, "stable": 1}, "shadow": 2});
    put(&server, &before);
    for (routing, expected) in [
        ("{", "malformed routing: EOF while parsing an object"),
        (r#"{"trafic": {}}"#, "malformed routing: unknown field `trafic`"),
        (r#"{"traffic": {"1": -1}}"#, "malformed routing: invalid value: integer `-1`"),
        (r#"{"traffic": {"1": 0, "2": 0}}"#, "traffic: all weights are 0"),
        (r#"{"traffic": {"beta": 1}}"#, "traffic: label 'beta' is unknown"),
        (r#"{"traffic": {"9": 1}}"#, "version 9 is not in the repository, versions are: 1, 2, 3"),
        (r#"{"shadow": 9}"#, "version 9 is not in the repository"),
        (r#"{"shadow": "beta"}"#, "shadow: label 'beta' is unknown"),
        (r#"{"labels": {"a": 9}}"#, "version 9 is not in the repository"),
        (r#"{"labels": {"7": 1}}"#, "labels: '7' is no label"),
        (r#"{"labels": {"a/b": 1}}"#, "labels: 'a/b' is no label"),
    ] {
        let (status, detail) = server.put(ROUTING, routing).problem();
        assert_eq!(status, 400, "{routing}");
        assert!(detail.starts_with(expected), "{routing}: expected '{expected}', came '{detail}'");
    }
    assert_eq!(server.get(ROUTING).json(), before);
    server.stop();
}

#[test]
fn a_model_that_is_not_there_has_no_routing() {
    let repository = three();
    let server = Server::start(repository.path(), &[]);
    let path = "/api/models/x/routing";
    let unknown = (404, "Request for unknown model: 'x' is not found".to_owned());
    assert_eq!(server.get(path).problem(), unknown);
    assert_eq!(server.put(path, "{}").problem(), unknown);
    assert_eq!(server.delete(path).problem(), unknown);
    assert_eq!(server.post("/api/models/x/rollback", "").problem(), unknown);
}

#[test]
fn the_answer_to_a_change_is_what_holds_from_then_on() {
    let repository = three();
    let server = Server::start(repository.path(), &[]);
    for round in 0..100 {
        let version = round % 3 + 1;
        let routing = json!({"labels": {}, "traffic": {version.to_string(): 1}, "shadow": null});
        let mut answer = server.put(ROUTING, routing.to_string()).json();
        assert_eq!(answer["kept"].take(), false);
        let document = answer.as_object_mut().expect("it is an object");
        document.remove("kept");
        assert_eq!(answer, routing, "round {round}");
        assert_eq!(server.scaled("m").1, version, "round {round}");
    }
    server.stop();
}

#[test]
fn without_a_routing_by_request_that_of_the_settings_holds() {
    let repository = three();
    repository.write("m/model.toml", "versions = \"all\"\ntraffic = { 2 = 1 }\n");
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.scaled("m").1, 2);
    put(&server, &json!({"traffic": {"1": 1}}));
    assert_eq!(server.scaled("m").1, 1);
    assert_eq!(server.delete(ROUTING).json()["traffic"], json!({"2": 1}));
    assert_eq!(server.scaled("m").1, 2);
    server.stop();
}

#[test]
fn shares_of_requests_without_a_key_are_kept_exactly() {
    let repository = three();
    let server = Server::start(repository.path(), &[]);
    put(&server, &json!({"traffic": {"1": 7, "2": 2, "3": 1}}));
    let mut connection = server.connect();
    let mut counts = [0; 3];
    for _ in 0..1000 {
        let answer = connection.post(&infer_path("m"), ones().as_bytes()).json();
        let version = answer["model_version"].as_str().and_then(|text| text.parse().ok());
        counts[version.unwrap_or(0usize) - 1] += 1;
    }
    for (count, expected) in counts.into_iter().zip([700i32, 200, 100]) {
        assert!((count - expected).abs() <= 1, "{counts:?}");
    }
    server.stop();
}

#[test]
fn keys_move_only_to_the_version_whose_share_grows() {
    let repository = three();
    let server = Server::start(repository.path(), &[]);
    let versions = |weights: &Value| -> Vec<String> {
        put(&server, &json!({"traffic": weights}));
        let mut connection = server.connect();
        let mut ask = |key: usize| {
            let headers = [("X-Routing-Key", key.to_string())];
            let headers = headers.each_ref().map(|(name, key)| (*name, key.as_str()));
            let answer = connection.request("POST", &infer_path("m"), &headers, ones().as_bytes());
            answer.header("x-model-version").expect("it is there").to_owned()
        };
        (0..500).map(&mut ask).collect()
    };
    let before = versions(&json!({"1": 90, "2": 10}));
    let after = versions(&json!({"1": 70, "2": 30}));
    let moved: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert!(moved.iter().all(|(a, b)| *a == "1" && *b == "2"), "{moved:?}");
    assert!((60..140).contains(&moved.len()), "{} of 500 keys moved", moved.len());
    server.stop();
}

#[test]
fn a_version_that_the_routing_names_is_loaded_beside_the_latest() {
    let repository = Repository::new();
    for version in 1..=3 {
        repository.add("m", version, &format!("scale_{version}"));
    }
    let state = state_dir(&repository);
    let arguments = ["--state-dir", state.as_str()];
    let server = Server::start(repository.path(), &arguments);
    assert_eq!(server.state("m", "1"), None);
    put(&server, &json!({"traffic": {"1": 1}}));
    until("version 1 answers", || (server.scaled("m").1 == 1).then_some(()));
    server.stop();
    let server = Server::start(repository.path(), &arguments);
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    assert_eq!(server.get(ROUTING).json()["traffic"], json!({"1": 1}));
    server.stop();
}
