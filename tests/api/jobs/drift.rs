//! What files hold is watched beside the requests, and apart from them.

use serde_json::{Value, json};

use super::{Place, accepted, flight_job, flights, wait_for};
use crate::support::{Server, models_that_ship, until};

/// A model with a profile, and files that are not like it: every temperature is in Celsius.
fn watched() -> Place {
    let place = Place::of_flights();
    let profile = models_that_ship().join("flight-delay/2/profile.json");
    let profile = std::fs::read(profile).expect("it ships");
    place.repository.write("flight-delay/2/profile.json", profile);
    place.repository.write("flight-delay/model.toml", "[drift]\nwindow = \"10s\"\n");
    place.write("flights.csv", flights(5_000));
    place
}

fn rows(server: &Server, source: &str, window: &str) -> Value {
    let path = format!("/api/models/flight-delay/drift/state?source={source}&window={window}");
    server.get(&path).json()["versions"]["2"]["rows"].clone()
}

fn counted(server: &Server, source: &str) -> u64 {
    server.metric(&format!(
        r#"onnxd_drift_rows_total{{model="flight-delay",rows="counted",source="{source}",version="2"}}"#
    ))
}

#[test]
fn rows_of_jobs_and_of_files_in_requests_are_a_source_of_their_own_that_outlives_the_process() {
    let place = watched();
    let server = place.start(&[]);
    let bins = server.get("/metrics/drift").text().to_owned();
    assert!(bins.contains(r#"source="batch""#), "at nought before there is a file");
    assert_eq!(counted(&server, "batch"), 0);
    wait_for(&server, &accepted(&server, &flight_job("a.csv")), "succeeded");
    assert_eq!(counted(&server, "batch"), 5_000);
    let asked = "/api/models/flight-delay/score";
    let scored = server.post_with(asked, flights(300), &[("Content-Type", "text/csv")]);
    assert_eq!(scored.status, 200, "{}", scored.text());
    assert_eq!((counted(&server, "batch"), counted(&server, "request")), (5_300, 0));
    assert_eq!(rows(&server, "batch", "long"), 5_300);
    assert_eq!(rows(&server, "request", "long"), 0);
    until("files are judged as soon as they are there", || {
        let report = server.get("/api/models/flight-delay/drift?source=batch").json();
        assert_eq!(report["source"], "batch");
        (report["versions"]["2"]["state"] == "drifted").then_some(())
    });
    let report = server.get("/api/models/flight-delay/drift").json();
    assert_eq!(report["versions"]["2"]["state"], "insufficient", "requests had none of it");
    let series =
        r#"onnxd_drift_state{feature="temp",model="flight-delay",source="batch",version="2"}"#;
    until("the gauge says so, too", || {
        server.get("/metrics").text().contains(series).then_some(())
    });
    server.stop();
    let server = place.start(&[]);
    assert_eq!(rows(&server, "batch", "long"), 5_300);
    server.stop();
}

#[test]
fn a_job_that_must_not_drift_fails_with_its_verdict_and_a_complete_output() {
    let place = watched();
    let server = place.start(&[]);
    let id = accepted(&server, &flight_job("a.csv"));
    let done = wait_for(&server, &id, "succeeded");
    let verdict = &done["summary"]["drift"];
    assert_eq!(verdict["rows"], 5_000);
    let features = verdict["features"].as_array().expect("those that drifted");
    assert!(!features.is_empty(), "{verdict}");
    assert!(features.iter().all(|of| of["state"] == "drifted" && of.get("bins").is_none()));
    let mut job = flight_job("b.csv");
    job["fail_on_drift"] = json!(true);
    let failed = wait_for(&server, &accepted(&server, &job), "failed");
    let error = failed["error"].as_str().expect("there is a reason");
    assert!(error.ends_with("features drifted; the output is complete"), "{error}");
    assert_eq!(failed["summary"]["drift"], *verdict);
    assert!(place.read("a.csv") == place.read("b.csv"));
    server.stop_after(&["a job is done, and its data drifted"]);
}

#[test]
fn a_job_that_must_not_drift_needs_a_model_with_a_profile() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(10));
    let server = place.start(&[]);
    let mut job = flight_job("a.csv");
    job["fail_on_drift"] = json!(true);
    let failed = wait_for(&server, &accepted(&server, &job), "failed");
    assert_eq!(
        failed["error"],
        "fail_on_drift: expected a model with a reference profile, 'flight-delay' has none"
    );
    server.stop();
}
