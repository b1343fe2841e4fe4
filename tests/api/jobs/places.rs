//! Jobs read and write where they are allowed to, and nowhere else.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{Place, accepted, flight_job, flights, submit, wait_for};
use crate::support::Server;

fn job(input: &str, output: &str) -> Value {
    json!({"model": "flight-delay", "input": input, "output": output})
}

#[test]
fn without_an_allowed_place_there_are_no_jobs() {
    let place = Place::of_flights();
    let server = Server::start(place.repository.path(), &[]);
    for answer in [
        submit(&server, &flight_job("out.csv")),
        server.get("/api/jobs"),
        server.get("/api/jobs/1"),
        server.get("/api/schedules"),
    ] {
        let (status, detail) = answer.problem();
        assert!(status == 403 && detail.contains("--job-root"), "{detail}");
    }
    assert!(!server.get("/metrics").text().contains("onnxd_job"));
    server.stop();
}

#[test]
fn places_outside_of_the_allowed_ones_are_refused() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let outside = place.directory.path().join("outside");
    fs::create_dir(&outside).expect("it is ours");
    fs::write(outside.join("secret.csv"), flights(3)).expect("it is ours");
    fs::create_dir(place.directory.path().join("root-evil")).expect("it is ours");
    symlink(&outside, place.root().join("link")).expect("it is ours");
    let sibling = place.directory.path().join("root-evil/x.csv").display().to_string();
    let server = place.start(&["--job-prefixes", "s3://bucket/input/,https://host/d"]);
    for name in [
        "../outside/secret.csv",
        "new/../../outside/secret.csv",
        "link/secret.csv",
        "/etc/passwd.csv",
        "file:///etc/passwd.csv",
        &sibling,
        "-",
        "s3://bucket/input-evil/x.csv",
        "s3://bucket/input/../x.csv",
        "s3://other/input/x.csv",
        "https://host/d/%2e%2e/x.csv",
        "https://host.evil/d/x.csv",
        "gs://bucket/input/x.csv",
    ] {
        for refused in [job(name, "out.csv"), job("flights.csv", name)] {
            let (status, detail) = submit(&server, &refused).problem();
            assert_eq!(status, 403, "{name}: {detail}");
            // What lies where is not for callers.
            let root = place.root().display().to_string();
            assert!(name == sibling || !detail.contains(&root), "{detail}");
        }
        let mut rejects = job("flights.csv", "out.csv");
        rejects["rejects"] = json!(name);
        assert_eq!(submit(&server, &rejects).problem().0, 403, "{name}");
    }
    assert_eq!(server.get("/api/jobs").json(), json!({"jobs": []}));
    server.stop();
}

#[test]
fn a_link_that_a_pattern_finds_leads_nowhere() {
    let place = Place::of_flights();
    let outside = place.directory.path().join("outside.csv");
    fs::write(&outside, flights(3)).expect("it is ours");
    symlink(&outside, place.root().join("innocent.csv")).expect("it is ours");
    let server = place.start(&[]);
    let failed = wait_for(&server, &accepted(&server, &job("*.csv", "out.parquet")), "failed");
    let reason = failed["error"].as_str().expect("it says why");
    assert_eq!(reason, "'innocent.csv' lies outside of the directory of jobs");
    assert!(!place.root().join("out.parquet").exists());
    server.stop();
}

#[test]
fn many_files_become_as_many_in_a_directory_of_jobs() {
    let place = Place::of_flights();
    fs::create_dir(place.root().join("in")).expect("it is ours");
    place.write("in/a.csv", flights(5));
    place.write("in/b.csv", flights(7));
    let server = place.start(&[]);
    let done = wait_for(&server, &accepted(&server, &job("in/*.csv", "out/")), "succeeded");
    let outputs = done["summary"]["outputs"].as_array().expect("it is a list");
    let names: Vec<&Value> = outputs.iter().map(|output| &output["name"]).collect();
    assert_eq!(names, ["out/a.csv", "out/b.csv"]);
    assert_eq!(place.read("out/b.csv").split(|byte| *byte == b'\n').count(), 9);
    server.stop();
}
