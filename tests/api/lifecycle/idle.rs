//! Models that leave memory while nobody asks for them.

use std::fs;
use std::thread;

use super::ones;
use crate::support::{Repository, Server, infer_path, until};

fn sleepy(model: &str) -> Repository {
    let repository = Repository::new();
    repository.write("m/model.toml", "unload_after = \"300ms\"\n");
    repository.add("m", 1, model);
    repository
}

fn wait_until_asleep(server: &Server) {
    until("the model has left memory", || (server.model("m")["dormant"] == true).then_some(()));
}

#[test]
fn an_idle_model_leaves_memory_and_the_next_request_waits_for_it() {
    const GAUGE: &str = r#"onnxd_model_memory_bytes{model="m",version="1"}"#;
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.scaled("m"), ("1".to_owned(), 2));
    assert!(server.get("/metrics").text().contains(GAUGE));
    wait_until_asleep(&server);
    until("its memory is given back", || {
        let page = server.get("/metrics");
        let bytes = page.text().lines().find_map(|line| line.strip_prefix(GAUGE));
        bytes.is_none_or(|bytes| bytes.trim() == "0").then_some(())
    });
    assert_eq!(server.get("/readyz").status, 200);
    // On a busy machine it may be asleep again before the next look.
    until("it is awake again", || {
        assert_eq!(server.scaled("m"), ("1".to_owned(), 2));
        let ready = server.state("m", "1") == Some(("READY".to_owned(), String::new()));
        (ready && server.model("m")["dormant"] == false).then_some(())
    });
    server.stop();
}

#[test]
fn requests_keep_a_model_in_memory() {
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &[]);
    let mut connection = server.connect();
    let started = std::time::Instant::now();
    while started.elapsed().as_millis() < 900 {
        assert_eq!(connection.post(&infer_path("m"), ones().as_bytes()).status, 200);
    }
    assert_eq!(server.times_logged("an idle model leaves memory"), 0);
    server.stop();
}

#[test]
fn all_who_come_first_are_answered() {
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &[]);
    for _ in 0..5 {
        wait_until_asleep(&server);
        thread::scope(|scope| {
            for _ in 0..16 {
                let server = &server;
                scope.spawn(move || {
                    let answer = server.connect().post(&infer_path("m"), ones().as_bytes());
                    assert_eq!(answer.status, 200, "{answer:?}");
                });
            }
        });
    }
    server.stop();
}

#[test]
fn a_version_that_is_named_wakes_its_model_too() {
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &[]);
    wait_until_asleep(&server);
    let answer = server.post("/v2/models/m/versions/1/infer", ones());
    assert_eq!(answer.status, 200, "{answer:?}");
    wait_until_asleep(&server);
    let answer = server.post("/v2/models/m/versions/7/infer", ones());
    assert_eq!(answer.status, 404, "{answer:?}");
    server.stop();
}

#[test]
fn where_nobody_shall_wait_a_request_is_told_when_to_come_back() {
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &["--wake", "refuse"]);
    wait_until_asleep(&server);
    let answer = server.post(&infer_path("m"), ones());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.error(), (503, "model 'm' is not ready: it is loading".to_owned()));
    until("it is back", || (server.post(&infer_path("m"), ones()).status == 200).then_some(()));
    server.stop_after(&["request failed"]);
}

#[test]
fn a_model_whose_files_broke_meanwhile_says_so_to_the_request_that_wakes_it() {
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &[]);
    wait_until_asleep(&server);
    fs::write(repository.version("m", 1).join("model.onnx"), "no model").expect("it is ours");
    until("it says why", || {
        let answer = server.post(&infer_path("m"), ones());
        assert_ne!(answer.status, 404, "{answer:?}");
        let (status, message) = (answer.status, answer.text().to_owned());
        (status == 503 && message.contains("is not an ONNX model")).then_some(())
    });
    server.stop_after(&["a model version was refused", "request failed"]);
}

#[test]
fn a_model_that_is_removed_while_it_sleeps_is_gone() {
    let repository = sleepy("scale_2");
    let server = Server::start(repository.path(), &[]);
    wait_until_asleep(&server);
    repository.remove("m");
    until("it is gone", || server.model("m").is_null().then_some(()));
    assert_eq!(server.post(&infer_path("m"), ones()).status, 404);
    server.stop();
}
