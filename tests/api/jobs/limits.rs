//! Jobs are bounded in number, can be ended, and are forgotten.

use std::fs;

use serde_json::{Value, json};

use super::{Place, accepted, flight_job, flights, status, submit, wait_for};
use crate::support::{Server, until};

fn slow(input: &str) -> Value {
    json!({"model": "slow", "input": input, "output": "out.csv"})
}

fn count(server: &Server, state: &str) -> u64 {
    server.metric(&format!(r#"onnxd_jobs{{state="{state}"}}"#))
}

#[test]
fn a_job_that_runs_is_cancelled_soon_and_then_forgotten() {
    let place = Place::of_slow();
    let server = place.start(&[]);
    let id = accepted(&server, &slow("many.csv"));
    wait_for(&server, &id, "running");
    let answer = server.delete(&format!("/api/jobs/{id}"));
    assert_eq!(answer.status, 202, "{answer:?}");
    wait_for(&server, &id, "cancelled");
    assert!(!place.root().join("out.csv").exists());
    assert_eq!(server.post(&format!("/api/jobs/{id}/retry"), "").status, 202);
    wait_for(&server, &id, "running");
    server.delete(&format!("/api/jobs/{id}"));
    wait_for(&server, &id, "cancelled");
    assert_eq!(server.delete(&format!("/api/jobs/{id}")).status, 204);
    assert_eq!(server.get(&format!("/api/jobs/{id}")).problem().0, 404);
    assert!(!place.state().join(&id).exists());
    server.stop();
}

#[test]
fn no_more_jobs_run_and_wait_than_there_may() {
    let place = Place::of_slow();
    let server = place.start(&["--max-jobs", "2", "--job-queue", "1"]);
    let running = [slow("many.csv"), slow("many.csv")].map(|job| {
        let id = accepted(&server, &job);
        wait_for(&server, &id, "running");
        id
    });
    let waiting = accepted(&server, &slow("few.csv"));
    let answer = submit(&server, &slow("few.csv"));
    assert_eq!(answer.header("retry-after"), Some("10"));
    let (refused, detail) = answer.problem();
    assert!(refused == 503 && detail.contains("1 jobs are waiting"), "{detail}");
    assert_eq!((count(&server, "running"), count(&server, "waiting")), (2, 1));
    assert_eq!(status(&server, &waiting)["state"], "waiting");
    server.delete(&format!("/api/jobs/{}", running[1]));
    wait_for(&server, &waiting, "succeeded");
    // One that waits is cancelled at once.
    let running = accepted(&server, &slow("many.csv"));
    wait_for(&server, &running, "running");
    let last = accepted(&server, &slow("few.csv"));
    assert_eq!(server.delete(&format!("/api/jobs/{last}")).json()["state"], "cancelled");
    server.stop();
}

#[test]
fn the_oldest_jobs_are_forgotten() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let server = place.start(&["--job-history", "2"]);
    let ids: Vec<String> = (0..4)
        .map(|job| {
            let id = accepted(&server, &flight_job(&format!("{job}.csv")));
            until("it has ended", || (count(&server, "succeeded") > 0).then_some(()));
            wait_for(&server, &id, "succeeded");
            id
        })
        .collect();
    let listed = server.get("/api/jobs").json();
    let listed = listed["jobs"].as_array().expect("it is a list");
    let known: Vec<&str> = listed.iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(known, [ids[3].as_str(), ids[2].as_str()]);
    until("what the others have left is removed", || {
        let kept = fs::read_dir(place.state()).expect("it is there");
        let kept = kept.filter_map(Result::ok).filter(|entry| entry.path().is_dir()).count();
        (kept == 2).then_some(())
    });
    server.stop();
}

#[test]
fn the_job_that_ends_last_is_forgotten_last_however_early_it_began() {
    let place = Place::of_slow();
    let server = place.start(&["--max-jobs", "2", "--job-history", "2"]);
    let long = accepted(&server, &slow("many.csv"));
    wait_for(&server, &long, "running");
    let short = [(); 3].map(|()| {
        let id = accepted(&server, &slow("few.csv"));
        wait_for(&server, &id, "succeeded");
        id
    });
    server.delete(&format!("/api/jobs/{long}"));
    wait_for(&server, &long, "cancelled");
    let listed = server.get("/api/jobs").json();
    let listed = listed["jobs"].as_array().expect("it is a list");
    let known: Vec<&str> = listed.iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(known, [short[2].as_str(), long.as_str()]);
    server.stop();
}

#[test]
fn nobody_waits_while_what_a_job_has_left_is_removed() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let server = place.start(&[]);
    let [large, other] = ["large.csv", "other.csv"].map(|output| {
        let id = accepted(&server, &flight_job(output));
        wait_for(&server, &id, "succeeded");
        id
    });
    let directory = place.state().join(&large);
    fs::create_dir_all(directory.join("work")).expect("it is ours");
    for part in 0..100_000 {
        fs::write(directory.join(format!("work/{part}.part")), "").expect("there is room");
    }
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(server.delete(&format!("/api/jobs/{large}")).status, 204));
        let record = directory.join("job.json");
        until("its removal begins", || (!record.exists()).then_some(()));
        assert_eq!(server.get(&format!("/api/jobs/{large}")).problem().0, 404);
        assert_eq!(status(&server, &other)["state"], "succeeded");
        assert!(directory.exists(), "the answers came only when all was removed");
    });
    assert!(!directory.exists());
    server.stop();
}
