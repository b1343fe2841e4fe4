//! Jobs read and write where they are allowed to, and nowhere else.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};
use std::thread;

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
fn callers_do_not_learn_where_the_server_keeps_its_state() {
    let place = Place::of_slow();
    let server = place.start(&[]);
    let slow = |input: &str| json!({"model": "slow", "input": input, "output": "out.csv"});
    let blocking = accepted(&server, &slow("many.csv"));
    wait_for(&server, &blocking, "running");
    let id = accepted(&server, &slow("few.csv"));
    // As if another process was at it.
    let work = place.state().join(&id).join("work");
    fs::create_dir(&work).expect("it is ours");
    let journal = fs::File::create(work.join("journal")).expect("it is ours");
    journal.lock().expect("nobody else has it");
    server.delete(&format!("/api/jobs/{blocking}"));
    let failed = wait_for(&server, &id, "failed");
    assert_eq!(failed["error"], "its work directory is being written by another process");
    let logged = server.logged("a job failed").to_string();
    assert!(logged.contains(work.to_str().expect("it is UTF-8")), "{logged}");
    // Nor when a job cannot be kept.
    let aside = place.directory.path().join("aside");
    fs::rename(place.state(), &aside).expect("it is ours");
    fs::write(place.state(), "").expect("it is ours");
    let (status, detail) = submit(&server, &slow("few.csv")).problem();
    assert_eq!((status, detail.as_str()), (500, "the job cannot be saved: not a directory"));
    fs::remove_file(place.state()).expect("it is ours");
    fs::rename(&aside, place.state()).expect("it is ours");
    server.stop_after(&["a job cannot be saved", "request failed"]);
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

/// A web server that sends everybody on to another place, and counts who came there.
fn redirecting(to: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut reader = BufReader::new(stream.try_clone().expect("a socket has two ends"));
            let mut first = String::new();
            while let Ok(read) = reader.read_line(&mut first)
                && read > 2
                && !first.ends_with("\r\n\r\n")
            {}
            let line = first.lines().next().unwrap_or_default().to_owned();
            told.lock().expect("nobody panics").push(line);
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{address}{to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn a_web_server_that_is_allowed_leads_to_no_place_that_is_not() {
    let place = Place::of_flights();
    let (address, asked) = redirecting("/secret/x.csv");
    let server = place.start(&["--job-prefixes", &format!("http://{address}/d/")]);
    let id = accepted(&server, &job(&format!("http://{address}/d/x.csv"), "out.csv"));
    let failed = wait_for(&server, &id, "failed");
    let reason = failed["error"].as_str().expect("it says why");
    assert!(reason.contains("302, a redirection"), "{reason}");
    let asked = asked.lock().expect("nobody panics").clone();
    assert!(!asked.is_empty() && asked.iter().all(|line| line.contains("/d/x.csv")), "{asked:?}");
    server.stop();
}
