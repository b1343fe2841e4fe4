//! Jobs outlive the server, however it ends.

use serde_json::json;

use super::{Place, accepted, by_command, flight_job, flights, status, submit, wait_for};
use crate::support::{Server, until};

const ROWS: usize = 400_000;

/// Waits until some rows are done and others are not.
fn half_done(server: &Server, id: &str) {
    until("some rows are done", || {
        let now = status(server, id);
        assert_ne!(now["state"], "succeeded", "it was too fast for this test");
        (now["progress"]["rows"].as_u64() > Some(0)).then_some(())
    });
}

#[test]
fn a_job_goes_on_after_a_kill_and_writes_the_same_bytes() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(ROWS));
    let expected = by_command(&place, "out.parquet");
    let mut server = place.start(&[]);
    let id = accepted(&server, &flight_job("out.parquet"));
    let kills = 3;
    for _ in 0..kills {
        half_done(&server, &id);
        server.kill();
        assert!(!place.root().join("out.parquet").exists());
        server = place.start(&[]);
    }
    let done = wait_for(&server, &id, "succeeded");
    assert!(place.read("out.parquet") == expected, "the output differs");
    assert_eq!(done["attempts"], json!(kills + 1));
    assert_eq!(done["summary"]["rows"], json!(ROWS));
    assert_eq!(server.times_logged("a job begins anew"), 0);
    // What was done before the kills was not done again.
    let own = server.metric(r#"onnxd_job_rows_total{outcome="ok"}"#);
    assert!(own < ROWS as u64, "{own} rows");
    server.stop();
}

#[test]
fn a_server_that_is_told_to_stop_keeps_its_jobs_for_the_next_one() {
    let place = Place::of_slow();
    let server = place.start(&["--shutdown-timeout", "20s"]);
    let job = json!({"model": "slow", "input": "many.csv", "output": "out.csv"});
    let id = accepted(&server, &job);
    let behind =
        accepted(&server, &json!({"model": "slow", "input": "few.csv", "output": "few-out.csv"}));
    wait_for(&server, &id, "running");
    // Who follows a job is told by the end of the events that the server goes.
    let mut follower = server.connect();
    follower.begin("GET", &format!("/api/jobs/{id}/events"), &[], b"");
    server.stop();
    let server = place.start(&[]);
    wait_for(&server, &id, "running");
    assert_eq!(status(&server, &behind)["state"], "waiting");
    server.delete(&format!("/api/jobs/{id}"));
    wait_for(&server, &behind, "succeeded");
    assert_eq!(status(&server, &id)["attempts"], json!(2));
    server.stop();
}

#[test]
fn two_servers_of_one_state_directory_do_not_share_its_jobs() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let old = place.start(&[]);
    let id = accepted(&old, &flight_job("out.csv"));
    wait_for(&old, &id, "succeeded");
    let new = place.start(&[]);
    let (refused, detail) = submit(&new, &flight_job("other.csv")).problem();
    assert!(refused == 503 && detail.contains("another server"), "{detail}");
    assert_eq!(new.get(&format!("/api/jobs/{id}")).problem().0, 503);
    old.stop();
    until("the new one has the jobs", || {
        (new.get(&format!("/api/jobs/{id}")).status == 200).then_some(())
    });
    wait_for(&new, &accepted(&new, &flight_job("other.csv")), "succeeded");
    // The refusals were no fault of the server's.
    new.stop();
}

#[test]
fn a_job_that_finds_another_model_begins_anew() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(ROWS));
    let server = place.start(&[]);
    let id = accepted(&server, &flight_job("out.csv"));
    half_done(&server, &id);
    server.kill();
    place.repository.remove("flight-delay");
    let file = crate::support::models_that_ship().join("flight-delay/1/model.onnx");
    place.repository.add_file("flight-delay", 2, &file);
    let server = place.start(&[]);
    wait_for(&server, &id, "succeeded");
    server.must_be_logged("a job begins anew", 1);
    assert!(place.read("out.csv") == by_command(&place, "out.csv"));
    server.stop();
}
