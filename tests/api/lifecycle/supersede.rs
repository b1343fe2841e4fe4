//! A version that comes while another one is on its way.

use super::version;
use crate::support::{Repository, Server, floats, infer_path, until};

/// Version 2 loads for seconds, for its latency is measured.
fn start_with_a_slow_load(arguments: &[&str]) -> (Repository, Server) {
    let repository = Repository::new();
    let settings = "[gate]\nsignature = \"any\"\nmax_latency_p99 = \"20s\"\n";
    repository.write("m/model.toml", settings);
    repository.add("m", 1, "unknown_rank");
    let server = Server::start(repository.path(), arguments);
    repository.add("m", 2, "slow");
    until("version 2 is being measured", || {
        (version(&server, "m", 2)["stage"] == "gate").then_some(())
    });
    (repository, server)
}

fn serving(server: &Server) -> String {
    let answer = server.post(&infer_path("m"), floats(&[1, 16], &[0.5; 16]).to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("x-model-version").expect("it is there").to_owned()
}

/// By the log, whose lines are written after the switch.
fn assert_two_have_served(server: &Server) {
    let ready = || server.times_logged("model version is ready");
    until("both are logged", || (ready() >= 2).then_some(()));
    assert_eq!(ready(), 2);
}

#[test]
fn a_newer_version_takes_the_place_of_one_on_its_way() {
    // With one thread the newer version would wait for the older one.
    let (repository, server) = start_with_a_slow_load(&["--load-threads", "1"]);
    repository.add("m", 3, "unknown_rank");
    let answers = until("version 3 serves", || {
        let version = serving(&server);
        assert_ne!(version, "2");
        (version == "3").then_some(version)
    });
    assert_eq!(answers, "3");
    assert_eq!(server.logged("loading was given up")["model.version"], 2);
    until("version 2 is no longer told of", || server.state("m", "2").is_none().then_some(()));
    assert_two_have_served(&server);
    server.stop();
}

#[test]
fn newer_files_take_the_place_of_those_on_their_way() {
    let (repository, server) = start_with_a_slow_load(&[]);
    repository.remove("m/2");
    repository.add("m", 2, "unknown_rank");
    server.wait_for_state("m", "2", "READY");
    assert_eq!(serving(&server), "2");
    assert_two_have_served(&server);
    server.stop();
}

#[test]
fn a_version_removed_on_its_way_never_serves() {
    let (repository, server) = start_with_a_slow_load(&[]);
    repository.remove("m/2");
    server.logged("loading was given up");
    until("version 2 is no longer told of", || server.state("m", "2").is_none().then_some(()));
    assert_eq!(serving(&server), "1");
    server.stop();
}
