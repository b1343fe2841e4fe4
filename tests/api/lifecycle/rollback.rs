//! Fresh versions that are taken back: by their limits, and by request.

use std::fs;

use serde_json::{Value, json};

use super::{ones, refusals, state_dir, swaps, version};
use crate::support::{Repository, Server, floats, infer_path, until};

const ROLLED_BACK: &str = "a model version was rolled back";

const ROLLBACK: &str = "/api/models/m/rollback";

/// Version 1 is quick. Version 2 takes a tenth of a second, which breaks these limits.
fn quick_then_slow(limits: &str) -> (Repository, String) {
    let repository = Repository::new();
    let settings = format!("[gate]\nsignature = \"any\"\n{limits}");
    repository.write("m/model.toml", settings);
    repository.add("m", 1, "unknown_rank");
    let state = state_dir(&repository);
    (repository, state)
}

fn row_of_16() -> String {
    floats(&[1, 16], &[0.5; 16]).to_string()
}

/// Asks until version 1 answers again, and returns the statuses of version 2.
fn ask_until_back(server: &Server) -> Vec<u16> {
    let mut statuses = Vec::new();
    until("version 1 is back", || {
        let answer = server.post(&infer_path("m"), row_of_16());
        statuses.push(answer.status);
        (answer.header("x-model-version") == Some("1")).then_some(())
    });
    statuses.pop();
    statuses
}

fn assert_taken_back(server: &Server, expected: &str) {
    assert_eq!(server.model("m")["serving"], 1);
    // Its last requests may still be under way.
    let reason = server.wait_for_state("m", "2", "UNAVAILABLE");
    assert!(reason.starts_with(expected), "expected '{expected}', came '{reason}'");
    assert_eq!(version(server, "m", 2)["reason"], reason);
}

const TOO_SLOW: &str =
    "[rollback]\nmin_requests = 5\nmax_latency_p99 = \"20ms\"\nwindow = \"5m\"\n";

const WHY_TOO_SLOW: &str = "rolled back: the 99th percentile of ";

#[test]
fn a_fresh_version_that_is_too_slow_is_taken_back_and_stays_away_over_a_restart() {
    let (repository, state) = quick_then_slow(TOO_SLOW);
    let arguments = ["--state-dir", state.as_str()];
    let server = Server::start(repository.path(), &arguments);
    repository.add("m", 2, "slow");
    server.wait_for_state("m", "2", "READY");
    assert!(ask_until_back(&server).iter().all(|&status| status == 200));
    assert_taken_back(&server, WHY_TOO_SLOW);
    assert_eq!((swaps(&server, "rolled_back"), refusals(&server, "rolled_back")), (1, 1));
    assert_eq!(server.logged(ROLLED_BACK)["model.version"], 2);
    server.must_be_logged(ROLLED_BACK, 1);
    server.stop_after(&[ROLLED_BACK]);
    let server = Server::start(repository.path(), &arguments);
    assert_taken_back(&server, WHY_TOO_SLOW);
    repository.remove("m/2");
    repository.add("m", 2, "unknown_rank");
    server.wait_for_state("m", "2", "READY");
    server.stop();
}

#[test]
fn a_version_that_was_taken_back_returns_when_an_operator_loads_it() {
    let (repository, state) = quick_then_slow(TOO_SLOW);
    let server = Server::start(repository.path(), &["--state-dir", &state]);
    repository.add("m", 2, "slow");
    server.wait_for_state("m", "2", "READY");
    ask_until_back(&server);
    let answer = server.post("/v2/repository/models/m/load", "");
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(server.state("m", "2"), Some(("READY".to_owned(), String::new())));
    // And is fresh again.
    ask_until_back(&server);
    assert_taken_back(&server, WHY_TOO_SLOW);
    assert_eq!(swaps(&server, "rolled_back"), 2);
    server.stop_after(&[ROLLED_BACK]);
}

#[test]
fn a_fresh_version_that_misses_its_deadlines_is_taken_back() {
    let limits =
        "[limits]\ndeadline = \"30ms\"\n[rollback]\nmin_requests = 4\nmax_error_rate = 0.5\n";
    let (repository, _) = quick_then_slow(limits);
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "slow");
    server.wait_for_state("m", "2", "READY");
    let statuses = ask_until_back(&server);
    // The version before may have answered already when it is seen that it is back.
    let late = statuses.iter().take_while(|&&status| status == 504).count();
    assert!(late >= 4 && statuses[late..].iter().all(|&status| status == 200), "{statuses:?}");
    assert_taken_back(&server, "rolled back: ");
    server.stop_after(&[ROLLED_BACK, "request failed"]);
}

fn divide(by: i64) -> String {
    let tensor = |name: &str, value: i64| json!({"name": name, "datatype": "INT64", "shape": [1], "data": [value]});
    json!({"inputs": [tensor("x", 1), tensor("by", by)]}).to_string()
}

#[test]
fn a_fresh_version_whose_operators_fail_is_taken_back() {
    let repository = Repository::new();
    repository.write("m/model.toml", "[rollback]\nmin_requests = 10\nmax_error_rate = 0.2\n");
    repository.add("m", 1, "divide_by_zero");
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "divide_by_zero");
    server.wait_for_state("m", "2", "READY");
    // Nine failures prove nothing.
    for _ in 0..9 {
        assert_eq!(server.post(&infer_path("m"), divide(0)).status, 500);
    }
    assert_eq!(server.state("m", "2"), Some(("READY".to_owned(), String::new())));
    until("version 1 is back", || {
        let answer = server.post(&infer_path("m"), divide(1));
        assert_eq!(answer.status, 200);
        (answer.header("x-model-version") == Some("1")).then_some(())
    });
    assert_taken_back(&server, "rolled back: 9 of ");
    // Version 1 is not fresh: nothing takes it back.
    for _ in 0..20 {
        assert_eq!(server.post(&infer_path("m"), divide(0)).status, 500);
    }
    let answer = server.post(&infer_path("m"), divide(1));
    assert_eq!(answer.header("x-model-version"), Some("1"));
    let warm_up = "model version loaded with a warning";
    server.stop_after(&[ROLLED_BACK, "an operator panicked", "request failed", warm_up]);
}

#[test]
fn what_callers_do_wrong_takes_no_version_back() {
    let repository = Repository::new();
    repository.write("m/model.toml", "[rollback]\nmin_requests = 1\nmax_error_rate = 0.0\n");
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "scale_2");
    server.wait_for_state("m", "2", "READY");
    for _ in 0..50 {
        assert_eq!(server.post(&infer_path("m"), row_of_16()).status, 400);
    }
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    server.stop();
}

/// Version 2 has served longer than it was fresh.
fn proved(server: &Server, repository: &Repository) {
    repository.add("m", 2, "scale_2");
    server.wait_for_state("m", "2", "READY");
    until("version 1 has left", || server.state("m", "1").is_none().then_some(()));
}

#[test]
fn a_version_that_keeps_its_limits_stays_and_the_one_before_leaves_memory() {
    let repository = Repository::new();
    let limits = "[rollback]\nwindow = \"200ms\"\nmin_requests = 1\nmax_error_rate = 0.5\n";
    repository.write("m/model.toml", limits);
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    proved(&server, &repository);
    // By request the version before comes back all the same, for good.
    let answer = server.post(ROLLBACK, "");
    assert_eq!((answer.status, answer.json()), (200, json!({"serving": 1})));
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    assert_taken_back(&server, "rolled back by request");
    server.stop_after(&[ROLLED_BACK]);
}

#[test]
fn a_removed_version_leaves_even_where_the_one_before_is_watched() {
    let repository = Repository::new();
    repository.write("m/model.toml", "[rollback]\nmax_error_rate = 0.5\n");
    repository.add("m", 1, "scale_1");
    repository.add("m", 2, "scale_2");
    let server = Server::start(repository.path(), &[]);
    repository.remove("m/2");
    until("version 1 serves", || (server.scaled("m").1 == 1).then_some(()));
    assert_eq!(server.state("m", "2"), None);
    server.stop();
}

#[test]
fn a_version_without_one_to_go_back_to_is_not_taken_back() {
    let (repository, _) = quick_then_slow(TOO_SLOW);
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "slow");
    server.wait_for_state("m", "2", "READY");
    repository.remove("m/1");
    until("version 1 is gone", || server.state("m", "1").is_none().then_some(()));
    for _ in 0..10 {
        let answer = server.post(&infer_path("m"), row_of_16());
        assert_eq!((answer.status, answer.header("x-model-version")), (200, Some("2")));
    }
    assert_eq!(server.state("m", "2").map(|(state, _)| state).as_deref(), Some("READY"));
    server.stop();
}

#[test]
fn nothing_to_go_back_to_is_said_clearly() {
    let repository = Repository::with(&["scale_1", "corrupt"]);
    let server = Server::start(repository.path(), &[]);
    let none = "model 'scale_1' has no version to go back to".to_owned();
    assert_eq!(server.post("/api/models/scale_1/rollback", "").problem(), (409, none));
    let none = "model 'corrupt' has no version that serves".to_owned();
    assert_eq!(server.post("/api/models/corrupt/rollback", "").problem(), (409, none));
    assert_eq!(server.scaled("scale_1"), ("1".to_owned(), 1));
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn a_rollback_to_a_version_that_broke_leaves_the_serving_one_in_service() {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &[]);
    repository.add("m", 2, "scale_2");
    server.wait_for_state("m", "2", "READY");
    until("version 1 has left", || server.state("m", "1").is_none().then_some(()));
    repository.write("m/1/model.onnx", "no model");
    let (status, detail) = until("the files count as whole", || {
        let problem = server.post(ROLLBACK, "").problem();
        (problem.0 == 409).then_some(problem)
    });
    assert_eq!(status, 409);
    let expected = "model 'm' was not rolled back: version 1: model.onnx is not an ONNX model";
    assert!(detail.starts_with(expected), "{detail}");
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    assert_eq!(server.state("m", "2"), Some(("READY".to_owned(), String::new())));
    // Another request tries again.
    assert_eq!(server.post(ROLLBACK, "").problem(), (409, detail));
    assert_eq!(server.scaled("m"), ("2".to_owned(), 2));
    server.stop_after(&[ROLLED_BACK, "a model version was refused"]);
}

#[test]
fn rolling_back_twice_goes_back_twice_and_a_newer_version_comes_after_all() {
    let repository = Repository::new();
    let state = state_dir(&repository);
    let arguments = ["--state-dir", state.as_str()];
    repository.add("m", 1, "scale_1");
    let server = Server::start(repository.path(), &arguments);
    for version in 2..=3 {
        repository.add("m", version, &format!("scale_{version}"));
        server.wait_for_state("m", &version.to_string(), "READY");
    }
    for version in [2, 1] {
        assert_eq!(server.post(ROLLBACK, "").json(), json!({"serving": version}));
        assert_eq!(server.scaled("m").1, version);
    }
    server.kill();
    let server = Server::start(repository.path(), &arguments);
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    repository.add("m", 4, "scale_3");
    server.wait_for_state("m", "4", "READY");
    assert_eq!(server.scaled("m"), ("4".to_owned(), 3));
    // Who names a version in the routing wants it.
    let answer = server.put("/api/models/m/routing", json!({"traffic": {"2": 1}}).to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    until("version 2 serves", || (server.scaled("m").1 == 2).then_some(()));
    server.stop();
}

#[test]
fn what_was_answered_is_on_disk() {
    let repository = Repository::new();
    let state = state_dir(&repository);
    repository.add("m", 1, "scale_1");
    repository.add("m", 2, "scale_2");
    let server = Server::start(repository.path(), &["--state-dir", &state]);
    let held = || {
        let text = fs::read(format!("{state}/registry.json")).expect("the state is written");
        let kept: Value = serde_json::from_slice(&text).expect("it is whole");
        kept["models"]["m"].clone()
    };
    assert_eq!(server.post(ROLLBACK, "").status, 200);
    assert_eq!(held()["held"]["2"]["reason"], "rolled back by request");
    for weight in 1..50 {
        let routing = json!({"traffic": {"1": weight}}).to_string();
        assert_eq!(server.put("/api/models/m/routing", routing).status, 200);
        assert_eq!(held()["routing"]["traffic"]["1"], weight);
    }
    assert_eq!(server.post(&infer_path("m"), ones()).status, 200);
    server.stop_after(&[ROLLED_BACK]);
}
