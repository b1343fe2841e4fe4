//! Schedules of the configuration become jobs.

use std::fs;

use serde_json::{Value, json};

use super::{Place, accepted, flight_job, flights, status, wait_for};
use crate::support::{Finished, Server, program, until};

const NIGHTLY: &str = r#"
[[schedule]]
name = "nightly"
cron = "0 3 1 1 *"
time_zone = "Europe/Berlin"
model = "flight-delay"
input = "{date:%Y}/*.csv"
output = "out/{date:%Y}.csv"
keep = ["id"]
on_failure = { retries = 1, wait = "1s" }
"#;

fn start(place: &Place, text: &str) -> Server {
    let file = place.directory.path().join("onnxd.toml");
    fs::write(&file, text).expect("it is ours");
    place.start(&["--config", &file.display().to_string()])
}

fn schedule(server: &Server) -> Value {
    let answer = server.get("/api/schedules");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["schedules"][0].clone()
}

fn run(server: &Server) -> String {
    let answer = server.post("/api/schedules/nightly/run", "");
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["id"].as_str().expect("it has an id").to_owned()
}

/// The metric of the schedule.
fn metric(server: &Server, name: &str) -> u64 {
    server.metric(&format!(r#"onnxd_schedule_{name}{{schedule="nightly"}}"#))
}

/// Files for runs of this year, and of the next in case that it begins now.
fn write_input(place: &Place) {
    let listed = std::process::Command::new("date").arg("+%Y").output().expect("there is a date");
    let year: u32 = String::from_utf8_lossy(&listed.stdout).trim().parse().expect("it is a year");
    for year in [year, year + 1] {
        fs::create_dir_all(place.root().join(year.to_string())).expect("it is ours");
        place.write(&format!("{year}/flights.csv"), flights(10));
    }
}

#[test]
fn a_run_becomes_a_job_and_the_schedule_remembers_it() {
    let place = Place::of_flights();
    write_input(&place);
    let server = start(&place, NIGHTLY);
    let before = schedule(&server);
    assert_eq!((&before["name"], &before["last_run"]), (&json!("nightly"), &Value::Null));
    let next = before["next_run"].as_str().expect("it has a next run");
    assert!(next.ends_with("-01-01T03:00:00+01:00"), "{next}");
    let id = run(&server);
    let done = wait_for(&server, &id, "succeeded");
    assert_eq!(done["schedule"]["name"], "nightly");
    let output = done["request"]["output"].as_str().expect("it has an output").to_owned();
    assert!(output.starts_with("out/20") && place.root().join(&output).exists(), "{output}");
    let after = until("the run has ended", || {
        Some(schedule(&server)).filter(|schedule| schedule["last_run"]["outcome"] == "succeeded")
    });
    assert_eq!((&after["last_run"]["job"], &after["running"]), (&json!(id), &Value::Null));
    until("it is measured", || {
        (metric(&server, "last_success_timestamp_seconds") > 0).then_some(())
    });
    assert_eq!(metric(&server, "last_run_failed"), 0);
    assert!(
        metric(&server, "next_run_timestamp_seconds")
            > metric(&server, "last_success_timestamp_seconds")
    );
    server.stop();
    let server = start(&place, NIGHTLY);
    let again = until("the state is read", || {
        Some(schedule(&server)).filter(|schedule| schedule["last_run"] != Value::Null)
    });
    assert_eq!(again["last_run"], after["last_run"]);
    server.stop();
}

#[test]
fn a_run_that_fails_is_tried_again_as_often_as_the_schedule_says() {
    let place = Place::of_flights();
    let server = start(&place, NIGHTLY);
    let id = run(&server);
    server.logged("a run of a schedule failed and is tried again");
    server.logged("a run of a schedule failed");
    assert_eq!(status(&server, &id)["attempts"], 2);
    let failed = schedule(&server);
    assert_eq!(
        (&failed["last_run"]["outcome"], &failed["last_run"]["attempt"]),
        (&json!("failed"), &json!(2))
    );
    assert_eq!(failed["last_run"]["job"], json!(id));
    until("it is measured", || (metric(&server, "last_run_failed") == 1).then_some(()));
    write_input(&place);
    wait_for(&server, &run(&server), "succeeded");
    until("it is measured", || (metric(&server, "last_run_failed") == 0).then_some(()));
    server.stop_after(&["a run of a schedule failed"]);
}

#[test]
fn a_run_that_is_tried_again_has_not_ended_and_keeps_its_job() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let text = format!("job-history = 1\n{}", NIGHTLY.replace("\"1s\"", "\"1d\""));
    let server = start(&place, &text);
    let id = run(&server);
    server.logged("a run of a schedule failed and is tried again");
    let waits = schedule(&server);
    assert_eq!((&waits["retry"]["attempt"], &waits["retry"]["job"]), (&json!(2), &json!(id)));
    let (refused, detail) = server.post("/api/schedules/nightly/run", "").problem();
    assert!(refused == 409 && detail.contains("has not ended"), "{detail}");
    // Others are forgotten, and not what it goes on with.
    let others = ["a.csv", "b.csv", "c.csv"].map(|output| {
        let other = accepted(&server, &flight_job(output));
        wait_for(&server, &other, "succeeded");
        other
    });
    assert_eq!(server.get(&format!("/api/jobs/{}", others[1])).problem().0, 404);
    assert_eq!(status(&server, &id)["state"], "failed");
    server.stop_after(&["a run of a schedule failed and is tried again"]);
}

#[test]
fn a_run_whose_job_is_forgotten_as_soon_as_it_ended_is_known_and_not_repeated() {
    let place = Place::of_flights();
    write_input(&place);
    let server = start(&place, NIGHTLY);
    let id = run(&server);
    wait_for(&server, &id, "succeeded");
    assert_eq!(server.delete(&format!("/api/jobs/{id}")).status, 204);
    let after = schedule(&server);
    assert_eq!(
        (&after["last_run"]["outcome"], &after["running"]),
        (&json!("succeeded"), &Value::Null)
    );
    assert_eq!(server.get("/api/jobs").json(), json!({"jobs": []}));
    wait_for(&server, &run(&server), "succeeded");
    server.stop();
}

#[test]
fn a_schedule_that_was_removed_during_a_run_and_comes_back_does_not_begin_with_it() {
    let place = Place::of_slow();
    let text = NIGHTLY
        .replace("flight-delay", "slow")
        .replace("{date:%Y}/*.csv", "many.csv")
        .replace("keep = [\"id\"]", "");
    let server = start(&place, &text);
    let id = run(&server);
    wait_for(&server, &id, "running");
    server.stop();
    let server = place.start(&[]);
    wait_for(&server, &id, "running");
    server.delete(&format!("/api/jobs/{id}"));
    wait_for(&server, &id, "cancelled");
    assert_eq!(server.delete(&format!("/api/jobs/{id}")).status, 204);
    server.stop();
    let server = start(&place, &text);
    // Else it would be said that the last run has not ended.
    let next = run(&server);
    let listed = server.get("/api/jobs").json();
    let listed = listed["jobs"].as_array().expect("it is a list");
    let known: Vec<&Value> = listed.iter().map(|job| &job["id"]).collect();
    assert_eq!(known, [&json!(next)]);
    assert_eq!(schedule(&server)["last_run"], Value::Null);
    server.stop();
}

#[test]
fn the_clock_starts_a_run_and_once() {
    let place = Place::of_flights();
    fs::create_dir(place.root().join("in")).expect("it is ours");
    place.write("in/flights.csv", flights(3));
    let text = NIGHTLY
        .replace("0 3 1 1 *", "0 0 * * *")
        .replace("Europe/Berlin", "UTC")
        .replace("{date:%Y}/", "in/")
        .replace("out/{date:%Y}", "out/{date}")
        + "missed = \"run\"\n";
    let file = place.state().join("schedules.json");
    let server = start(&place, &text);
    until("it has looked", || file.exists().then_some(()));
    server.stop();
    // As if it had looked a day ago for the last time: since then there was one midnight.
    let day_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let mut state: Value =
        serde_json::from_slice(&fs::read(&file).expect("it is there")).expect("the state is JSON");
    state["schedules"]["nightly"]["dealt"] =
        json!({"stretches": [{"after": day_ago, "until": day_ago}], "looked": day_ago});
    fs::write(&file, state.to_string()).expect("it is ours");
    let server = start(&place, &text);
    let done = until("a run has ended", || {
        Some(schedule(&server)["last_run"].clone()).filter(|last| !last.is_null())
    });
    let scheduled_for = done["scheduled_for"].as_str().expect("it is a time").to_owned();
    assert_eq!((&done["outcome"], &done["attempt"]), (&json!("succeeded"), &json!(1)));
    assert!(scheduled_for.ends_with("T00:00:00+00:00"), "{scheduled_for}");
    assert!(place.root().join(format!("out/{}.csv", &scheduled_for[..10])).exists());
    let id = done["job"].as_str().expect("it has a job");
    server.stop();
    let server = start(&place, &text);
    until("it has looked", || {
        (metric(&server, "last_success_timestamp_seconds") > 0).then_some(())
    });
    let again = server.get("/api/jobs").json();
    let again = again["jobs"].as_array().expect("it is a list");
    let time = &status(&server, id)["schedule"]["scheduled_for"];
    assert_eq!(again.iter().filter(|job| job["schedule"]["scheduled_for"] == *time).count(), 1);
    server.stop();
}

#[test]
fn schedules_that_cannot_run_keep_the_server_from_starting() {
    let place = Place::of_flights();
    let file = place.directory.path().join("onnxd.toml");
    let root = place.root().display().to_string();
    let starts = |text: &str, arguments: &[&str]| {
        fs::write(&file, text).expect("it is ours");
        let mut command = program();
        command.arg("serve").arg(place.repository.path()).args(["--http-addr", "127.0.0.1:0"]);
        command.arg("--config").arg(&file).args(arguments);
        Finished::of(command.output().expect("the program starts"))
    };
    let allowed = ["--job-root", root.as_str()];
    let refused = starts(NIGHTLY, &[]);
    assert!(refused.code == 2 && refused.stderr.contains("needs job-root"), "{}", refused.stderr);
    let refused = starts(&NIGHTLY.replace("keep =", "keeps ="), &allowed);
    assert!(
        refused.code == 2 && refused.stderr.contains("unknown key 'keeps'"),
        "{}",
        refused.stderr
    );
    let refused = starts(&NIGHTLY.replace("\"out/", "\"../out/"), &allowed);
    assert!(
        refused.code == 1 && refused.stderr.contains("schedule 'nightly': "),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("lies outside"), "{}", refused.stderr);
}

#[test]
fn a_schedule_that_nobody_knows_cannot_be_run() {
    let place = Place::of_flights();
    let server = place.start(&[]);
    assert_eq!(server.get("/api/schedules").json(), json!({"schedules": []}));
    let (status, detail) = server.post("/api/schedules/none/run", "").problem();
    assert_eq!((status, detail.as_str()), (404, "there is no schedule 'none'"));
    server.stop();
}
