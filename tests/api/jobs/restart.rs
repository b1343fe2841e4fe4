//! Jobs outlive the server, however it ends.

use std::fs;

use serde_json::json;

use super::{
    Place, accepted, by_command, files, flight_job, flights, in_parts, parts_by_command, status,
    submit, wait_for,
};
use crate::support::{Server, fixture, until};

/// Rows of many tasks: with one thread far more than are done before somebody looks, however many
/// cores there are.
const ROWS: usize = 600_000;

const ONE_THREAD: [&str; 2] = ["--job-threads", "1"];

/// Waits until more rows than these are done, and others are not. How many are.
fn done_beyond(server: &Server, id: &str, rows: u64) -> u64 {
    until("more rows are done", || {
        let now = status(server, id);
        assert_ne!(now["state"], "succeeded", "it was too fast for this test");
        now["progress"]["rows"].as_u64().filter(|done| *done > rows)
    })
}

#[test]
fn a_job_goes_on_after_a_kill_and_writes_the_same_bytes() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(ROWS));
    let expected = by_command(&place, "out.parquet");
    let mut server = place.start(&ONE_THREAD);
    let id = accepted(&server, &flight_job("out.parquet"));
    let (kills, mut rows) = (3, 0);
    for _ in 0..kills {
        rows = done_beyond(&server, &id, rows);
        server.kill();
        assert!(!place.root().join("out.parquet").exists());
        server = place.start(&ONE_THREAD);
    }
    let done = wait_for(&server, &id, "succeeded");
    assert!(place.read("out.parquet") == expected, "the output differs");
    assert_eq!(done["attempts"], json!(kills + 1));
    assert_eq!(done["summary"]["rows"], json!(ROWS));
    assert_eq!(server.times_logged("a job begins anew"), 0);
    // What was done before the kills was not done again.
    let own = server.metric(r#"onnxd_job_rows_total{outcome="ok"}"#);
    assert!(own <= ROWS as u64 - rows, "{own} rows");
    server.stop();
}

#[test]
fn what_is_left_of_half_a_job_is_removed_at_the_next_start() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let server = place.start(&[]);
    let id = accepted(&server, &flight_job("out.csv"));
    wait_for(&server, &id, "succeeded");
    server.stop();
    let half = place.state().join("0123456789a");
    fs::create_dir_all(half.join("work")).expect("it is ours");
    fs::write(half.join("work/0.part"), "rows").expect("it is ours");
    let foreign = place.state().join("notes");
    fs::create_dir(&foreign).expect("it is ours");
    let server = place.start(&[]);
    assert!(!half.exists() && foreign.exists());
    assert_eq!(status(&server, &id)["state"], "succeeded");
    server.stop();
}

#[test]
fn a_clock_that_was_set_back_makes_no_job_older_than_those_before() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let server = place.start(&[]);
    let id = accepted(&server, &flight_job("out.csv"));
    wait_for(&server, &id, "succeeded");
    server.stop();
    // As if it had been accepted by a clock that was a year ahead.
    let year = 365 * 24 * 3_600_000;
    let ahead = i64::from_str_radix(&id, 16).expect("ids are times") + year;
    let ahead = format!("{ahead:011x}");
    let record = place.state().join(&id).join("job.json");
    let text = fs::read_to_string(&record).expect("it is there").replace(&id, &ahead);
    fs::write(&record, text).expect("it is ours");
    fs::rename(place.state().join(&id), place.state().join(&ahead)).expect("it is ours");
    let server = place.start(&[]);
    let next = accepted(&server, &flight_job("next.csv"));
    assert!(next > ahead, "{next} comes after {ahead}");
    assert_eq!(server.get("/api/jobs?limit=1").json()["jobs"][0]["id"], json!(next));
    wait_for(&server, &next, "succeeded");
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
    let place = Place::of_slow();
    place.write_parts(60);
    let server = place.start(&ONE_THREAD);
    let id = accepted(&server, &in_parts());
    done_beyond(&server, &id, 0);
    server.kill();
    // The same model with another version of its producer.
    let mut other = fs::read(fixture("slow.onnx")).expect("it is there");
    other.extend(b"\x1a\x01x");
    let file = place.directory.path().join("other.onnx");
    fs::write(&file, other).expect("it is ours");
    place.repository.remove("slow/1");
    place.repository.add_file("slow", 1, &file);
    let server = place.start(&[]);
    wait_for(&server, &id, "succeeded");
    server.must_be_logged("a job begins anew", 1);
    assert!(files(&place.root().join("out")) == parts_by_command(&place));
    server.stop();
}
