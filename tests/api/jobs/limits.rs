//! Jobs are bounded in number, can be ended, and are forgotten.

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
    assert!(!place.directory.path().join("state/jobs").join(&id).exists());
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
    accepted(&server, &slow("many.csv"));
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
    let kept = std::fs::read_dir(place.directory.path().join("state/jobs")).expect("it is there");
    let kept = kept.filter_map(Result::ok).filter(|entry| entry.path().is_dir()).count();
    assert_eq!(kept, 2);
    server.stop();
}
