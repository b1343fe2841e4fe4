//! Models that change while clients ask for them.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::json;

use crate::support::{
    Answer, Repository, Server, Stop, fixture, floats, infer_path, models_that_ship, until,
};

/// Which of the `scale` fixtures lies in a version of the tests below.
fn scale_of(version: usize) -> usize {
    (version - 1) % 3 + 1
}

fn add_scale(repository: &Repository, model: &str, version: usize) {
    repository.add(model, version, &format!("scale_{}", scale_of(version)));
}

fn scale_bytes(number: usize) -> Vec<u8> {
    fs::read(fixture(&format!("scale_{number}.onnx"))).expect("the fixture is there")
}

/// Asks on one connection until told to stop, and hands every answer to `check`. Returns
/// how many there were.
fn ask_until(server: &Server, stop: &Stop, model: &str, check: impl Fn(&Answer)) -> usize {
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let path = infer_path(model);
    let mut connection = server.connect();
    let mut asked = 0;
    while !stop.is_asked() {
        check(&connection.post(&path, request.as_bytes()));
        asked += 1;
    }
    asked
}

/// The answer is what the version that it names gives.
fn assert_of_its_version(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let version = answer["model_version"].as_str().and_then(|text| text.parse().ok());
    let scale = [1.0, 2.0, 3.0][scale_of(version.expect("versions are numbers")) - 1];
    assert_eq!(answer["outputs"][0]["data"], json!([scale, 2.0 * scale, 3.0 * scale]), "{answer}");
}

#[test]
fn hundreds_of_swaps_under_load_fail_no_request() {
    const SWAPS: usize = 200;
    let repository = Repository::new();
    add_scale(&repository, "m", 1);
    let server = Server::start(repository.path(), &["--poll", "10ms"]);
    let (stop, asked) = (Stop::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _stop = stop.at_end();
        for _ in 0..4 {
            scope.spawn(|| {
                let count = ask_until(&server, &stop, "m", assert_of_its_version);
                asked.fetch_add(count, Ordering::Relaxed);
            });
        }
        for version in 2..=SWAPS + 1 {
            add_scale(&repository, "m", version);
            let latest = version.to_string();
            until(&format!("version {version} serves alone"), || {
                let index = server.index();
                let alone = index.len() == 1 && index[0]["version"] == latest;
                (alone && index[0]["state"] == "READY").then_some(())
            });
            repository.remove(&format!("m/{}", version - 1));
        }
    });
    let asked = asked.into_inner();
    assert!(asked > SWAPS, "only {asked} requests: that was no load");
    server.stop();
}

#[test]
fn a_broken_new_version_keeps_the_old_one_serving_and_states_why() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "corrupt");
    let reason = server.wait_for_state("m", "2", "UNAVAILABLE");
    assert_eq!(
        reason,
        "model.onnx is not an ONNX model: failed to decode Protobuf message: ModelProto.graph: \
         buffer underflow (103 bytes; truncated or another format?)"
    );
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    assert_eq!(server.state("m", "1"), Some(("READY".to_owned(), String::new())));
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(
        server.get("/v1/models/m").json(),
        json!({"name": "m", "ready": true, "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
            {"version": "2", "state": "END", "status": {"error_code": "UNKNOWN", "error_message": reason}},
        ]})
    );
    let model = server.model("m");
    assert_eq!(model["serving"], 1);
    let broken = json!({"version": 2, "state": "UNAVAILABLE", "reason": reason});
    assert_eq!(model["versions"][1], broken);
    let path = "/v2/models/m/versions/2/infer";
    let message = format!("model 'm' version '2' is not ready: {reason}");
    assert_eq!(server.post(path, "{}").error(), (503, message));
    assert_eq!(server.metric(r#"onnxd_swaps_total{model="m",outcome="failed"}"#), 1);
    let state = r#"onnxd_model_state{model="m",state="unavailable",version="2"}"#;
    assert_eq!(server.metric(state), 1);
    server.stop_after(&["a model version was refused", "request failed"]);
}

#[test]
fn an_attribute_outside_the_specification_is_named_and_the_old_version_keeps_serving() {
    let model = models_that_ship().join("flight-delay/1/model.onnx");
    let whole = fs::read(&model).expect("the model ships");
    let repository = Repository::new();
    repository.add_file("flight-delay", 1, &model);
    let server = Server::start(repository.path(), &[]);
    repository.write("flight-delay/2/model.onnx", renamed(&whole, "imputed_value_floats"));
    let reason = server.wait_for_state("flight-delay", "2", "UNAVAILABLE");
    let expected = "the model cannot be compiled: Imputer (node 'Imputer'): its attribute \
         'xmputed_value_floats' is not in the specification, which has imputed_value_floats, \
         imputed_value_int64s, replaced_value_float, replaced_value_int64";
    assert_eq!(reason, expected);
    repository.write("flight-delay/3/model.onnx", renamed(&whole, "OneHotEncoder"));
    let reason = server.wait_for_state("flight-delay", "3", "UNAVAILABLE");
    let expected = "unsupported operator: ai.onnx.ml::xneHotEncoder (node 'OneHotEncoder2')";
    assert_eq!(reason, expected);
    let example = fs::read_to_string(models_that_ship().join("flight-delay/example.json"));
    let answer = server.post(&infer_path("flight-delay"), example.expect("it ships"));
    assert_eq!(answer.json()["model_version"], "1");
    let refused = server.logged("a model version was refused");
    assert_eq!(refused["model.name"], "flight-delay");
    server.stop_after(&["a model version was refused"]);
}

/// The file with the first letter of this name changed once.
fn renamed(model: &[u8], name: &str) -> Vec<u8> {
    let mut model = model.to_vec();
    let at = model.windows(name.len()).rposition(|window| window == name.as_bytes());
    model[at.expect("the file holds the name")] = b'x';
    model
}

#[test]
fn broken_files_in_place_of_a_version_that_serves_keep_it_serving() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_2");
    let server = Server::start(repository.path(), &[]);
    repository.write("m/1/model.onnx", "no model");
    let reason = until("the files are refused", || {
        server.state("m", "1").map(|(_, reason)| reason).filter(|reason| !reason.is_empty())
    });
    assert!(reason.starts_with("model.onnx is not an ONNX model"), "{reason}");
    assert_eq!(server.state("m", "1").map(|(state, _)| state).as_deref(), Some("READY"));
    assert_eq!(server.scaled("m"), ("1".to_owned(), 2));
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn files_that_cannot_be_read_keep_what_serves_and_say_why() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_2");
    let server = Server::start(repository.path(), &[]);
    repository.remove("m/1");
    // A link to itself: an error to look at, whoever looks.
    symlink("1", repository.path().join("m/1")).expect("links can be made");
    let problem =
        until("the problem is told", || server.model("m")["problem"].as_str().map(str::to_owned));
    assert!(problem.starts_with("its files cannot be read: "), "{problem}");
    assert_eq!(server.scaled("m"), ("1".to_owned(), 2));
    server.stop_after(&["a model cannot be loaded"]);
}

#[test]
fn a_half_copied_file_is_not_loaded_before_it_is_whole() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    // Files count as whole after half a second; while they change, looks are 100 ms apart.
    let server = Server::start(repository.path(), &["--poll", "500ms"]);
    let whole = scale_bytes(2);
    for part in 1..=8 {
        repository.write("m/2/model.onnx", &whole[..whole.len() * part / 8]);
        assert_eq!(server.state("m", "2"), None, "after {part} of 8 parts");
        assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
        // The pace of a slow copy.
        sleep(Duration::from_millis(100));
    }
    server.wait_for_state("m", "2", "READY");
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    assert_eq!(server.metric(r#"onnxd_swaps_total{model="m",outcome="failed"}"#), 0);
    server.stop();
}

#[test]
fn a_file_replaced_in_place_is_swapped_without_a_failed_request() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    let stop = Stop::default();
    thread::scope(|scope| {
        let _stop = stop.at_end();
        scope.spawn(|| ask_until(&server, &stop, "m", |answer| assert_eq!(answer.status, 200)));
        for number in [2, 3, 1, 3] {
            repository.write("m/1/model.onnx", scale_bytes(number));
            let expected = ("1".to_owned(), number);
            until("the new file serves", || (server.scaled("m") == expected).then_some(()));
        }
    });
    server.stop();
}

#[test]
fn a_model_removed_under_load_answers_404_and_nothing_else() {
    let repository = Repository::with(&["scale_1", "scale_2"]);
    let server = Server::start(repository.path(), &[]);
    let stop = Stop::default();
    let unknown = json!({"error": "Request for unknown model: 'scale_1' is not found"});
    let check = |answer: &Answer| match answer.status {
        200 => {}
        404 => assert_eq!(answer.json(), unknown),
        _ => panic!("{answer:?}"),
    };
    thread::scope(|scope| {
        let _stop = stop.at_end();
        for _ in 0..3 {
            scope.spawn(|| ask_until(&server, &stop, "scale_1", check));
        }
        repository.remove("scale_1");
        until("the model is gone", || {
            (server.get("/v2/models/scale_1").status == 404).then_some(())
        });
    });
    let answer = server.infer("scale_1", &floats(&[1, 3], &[1.0, 2.0, 3.0]));
    assert_eq!((answer.status, answer.json()), (404, unknown.clone()));
    // The last answers of the old version may still be under way: it is listed until they are not.
    until("the model is no longer listed", || server.model("scale_1").is_null().then_some(()));
    assert_eq!(server.scaled("scale_2").1, 2);
    assert_eq!(server.get("/readyz").status, 200);
    server.stop();
}

#[test]
fn a_removed_version_gives_way_to_the_one_before_without_a_gap() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    repository.add("m", 2, "scale_2");
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    repository.remove("m/2");
    let back = ("1".to_owned(), 1);
    until("version 1 serves", || (server.scaled("m") == back).then_some(()));
    server.stop();
}
