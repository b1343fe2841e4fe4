//! Batch jobs of the server: what they write, what they may not, and what becomes of them.

mod drift;
mod limits;
mod places;
mod restart;
mod schedules;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Repository, Server, models_that_ship, onnxd, until};

/// Models, a directory of jobs and one for the state.
struct Place {
    repository: Repository,
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            repository: Repository::new(),
            directory: TempDir::new().expect("there is room"),
        };
        fs::create_dir(place.root()).expect("it is ours");
        place
    }

    /// With the model of flights.
    fn of_flights() -> Self {
        let place = Self::new();
        let file = models_that_ship().join("flight-delay/2/model.onnx");
        place.repository.add_file("flight-delay", 2, &file);
        place
    }

    /// With a model that takes a tenth of a second for each row.
    fn of_slow() -> Self {
        let place = Self::new();
        place.repository.add("slow", 1, "slow");
        let columns: Vec<String> = (0..16).map(|column| format!("\"c{column}\"")).collect();
        let features = format!("features = [{}]\n", columns.join(", "));
        place.repository.write("slow/model.toml", features);
        let heads: Vec<String> = (0..16).map(|column| format!("c{column}")).collect();
        let row = ["0.25"; 16].join(",") + "\n";
        place.write("few.csv", heads.join(",") + "\n" + &row);
        place.write("many.csv", heads.join(",") + "\n" + &row.repeat(600));
        place
    }

    /// Files of one row each, for [`in_parts`].
    fn write_parts(&self, count: usize) {
        fs::create_dir(self.root().join("in")).expect("it is ours");
        let heads: Vec<String> = (0..16).map(|column| format!("c{column}")).collect();
        for part in 0..count {
            let row = format!("0.{part:03},").repeat(15) + "0.5\n";
            self.write(&format!("in/{part:03}.csv"), heads.join(",") + "\n" + &row);
        }
    }

    /// Where the server keeps what it knows of jobs.
    fn state(&self) -> PathBuf {
        self.directory.path().join("state/jobs")
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.root().join(name), text).expect("it is ours");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn start(&self, arguments: &[&str]) -> Server {
        let root = self.root().display().to_string();
        let state = self.directory.path().join("state").display().to_string();
        let own = ["--job-root", &root, "--state-dir", &state];
        Server::start(self.repository.path(), &[&own, arguments].concat())
    }
}

/// So many flights, each another.
fn flights(rows: usize) -> String {
    let mut text = "id,carrier,origin,dest,weekday,hour,distance,temp,humid,wind_speed,precip,pressure,visib\n".to_owned();
    for row in 0..rows {
        let carrier = ["UA", "AA", "B6", "DL"][row % 4];
        let origin = ["EWR", "LGA", "JFK"][row % 3];
        let (weekday, hour, distance) = (row % 7, row % 24, 200 + row % 2400);
        let temperature = 20 + row % 70;
        let _ = writeln!(
            text,
            "{row},{carrier},{origin},IAH,{weekday},{hour},{distance},{temperature}.5,60.25,12.5,0.0,1012.5,10.0"
        );
    }
    text
}

fn submit(server: &Server, job: &Value) -> Answer {
    server.post("/api/jobs", job.to_string())
}

/// The id of a job that is accepted.
fn accepted(server: &Server, job: &Value) -> String {
    let answer = submit(server, job);
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["id"].as_str().expect("it has an id").to_owned();
    assert_eq!(answer.header("location"), Some(format!("/api/jobs/{id}").as_str()));
    id
}

fn status(server: &Server, id: &str) -> Value {
    let answer = server.get(&format!("/api/jobs/{id}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Waits until a job is in a state.
fn wait_for(server: &Server, id: &str, state: &str) -> Value {
    until(&format!("job {id} is {state}"), || {
        let status = status(server, id);
        let has_ended =
            ["succeeded", "failed", "cancelled"].iter().any(|end| status["state"] == *end);
        assert!(!has_ended || status["state"] == state, "{status}");
        (status["state"] == state).then_some(status)
    })
}

fn flight_job(output: &str) -> Value {
    json!({"model": "flight-delay", "input": "flights.csv", "output": output, "keep": ["id"]})
}

/// A job of as many tasks as there are parts, and as many outputs in `out`. With one thread each
/// takes about a tenth of a second.
fn in_parts() -> Value {
    json!({"model": "slow", "input": "in/*.csv", "output": "out/", "output_format": "parquet"})
}

/// The files of a directory by their names.
fn files(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let listed = fs::read_dir(directory).expect("it is there").filter_map(Result::ok);
    listed.map(|file| (file.file_name(), fs::read(file.path()).expect("it is a file"))).collect()
}

/// What the command makes of the parts.
fn parts_by_command(place: &Place) -> BTreeMap<OsString, Vec<u8>> {
    let directory = TempDir::new().expect("there is room");
    let output = directory.path().join("out");
    let to = format!("{}/", output.display());
    let model = place.repository.path().join("slow").display().to_string();
    let input = place.root().join("in/*.csv").display().to_string();
    let arguments = ["predict", &model, "--input", &input, "--output", &to];
    let done = onnxd(&[&arguments[..], &["--output-format", "parquet"]].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    files(&output)
}

/// What the command makes of the same file.
fn by_command(place: &Place, output: &str) -> Vec<u8> {
    let directory = TempDir::new().expect("there is room");
    let path = directory.path().join(output).display().to_string();
    let model = place.repository.path().join("flight-delay").display().to_string();
    let input = place.root().join("flights.csv").display().to_string();
    let done = onnxd(&["predict", &model, "--input", &input, "--output", &path, "--keep", "id"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    fs::read(Path::new(&path)).expect("it was written")
}

#[test]
fn a_job_writes_what_the_command_writes_and_says_what_it_did() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(40_000));
    let server = place.start(&[]);
    for output in ["out.csv", "deep/er/out.parquet"] {
        let id = accepted(&server, &flight_job(output));
        let done = wait_for(&server, &id, "succeeded");
        let name = output.rsplit('/').next().expect("there is one");
        assert!(place.read(output) == by_command(&place, name), "{output} differs");
        let bytes = place.read(output).len();
        let summary = &done["summary"];
        assert_eq!(summary["outputs"], json!([{"name": output, "bytes": bytes}]));
        assert_eq!((&summary["rows"], &summary["bad"]), (&json!(40_000), &json!(0)));
        assert_eq!((&done["version"], &done["attempts"]), (&json!(2), &json!(1)));
        assert_eq!(
            (&done["progress"]["rows"], &done["progress"]["fraction"]),
            (&json!(40_000), &json!(1.0))
        );
        assert_eq!(done["sha256"].as_str().map(str::len), Some(64));
        let times =
            ["created", "started", "ended"].map(|time| done[time].as_str().expect("it is a time"));
        assert!(times.is_sorted(), "{times:?}");
    }
    let listed = server.get("/api/jobs?state=succeeded").json();
    let listed = listed["jobs"].as_array().expect("it is a list");
    let outputs: Vec<&Value> = listed.iter().map(|job| &job["request"]["output"]).collect();
    assert_eq!(outputs, ["deep/er/out.parquet", "out.csv"]);
    assert_eq!(server.get("/api/jobs?limit=1").json()["jobs"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.get("/api/jobs?state=failed").json(), json!({"jobs": []}));
    assert_eq!(server.metric(r#"onnxd_job_rows_total{outcome="ok"}"#), 80_000);
    assert_eq!(server.metric(r#"onnxd_jobs{state="succeeded"}"#), 2);
    server.stop();
}

#[test]
fn bad_rows_are_counted_and_listed_in_a_file() {
    let place = Place::of_flights();
    let wrong = flights(3).replace("1,AA,LGA,IAH,1,1,201", "1,AA,LGA,IAH,1,one,201");
    place.write("flights.csv", wrong);
    let server = place.start(&[]);
    let mut job = flight_job("out.csv");
    job["on_bad_row"] = json!("drop");
    let done = wait_for(&server, &accepted(&server, &job), "succeeded");
    assert_eq!(done["summary"]["rejects"], "out.csv.rejects.csv");
    assert_eq!(done["summary"]["codes"], json!({"wrong_dtype": 1}));
    assert_eq!((&done["progress"]["rows"], &done["progress"]["bad"]), (&json!(3), &json!(1)));
    let rejects = String::from_utf8(place.read("out.csv.rejects.csv")).expect("it is text");
    assert!(rejects.contains("hour,wrong_dtype"), "{rejects}");
    assert_eq!(server.metric(r#"onnxd_job_rows_total{outcome="bad"}"#), 1);
    server.stop();
}

#[test]
fn a_job_that_failed_is_tried_again_with_the_file_as_it_is_now() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(50_000).replace("\n49000,", "\n49000,AA,LGA,IAH,1,x,1\n"));
    let server = place.start(&[]);
    let id = accepted(&server, &flight_job("out.csv"));
    let failed = wait_for(&server, &id, "failed");
    let reason = failed["error"].as_str().expect("it says why");
    assert!(reason.starts_with("flights.csv: row 4900"), "{reason}");
    assert!(!place.root().join("out.csv").exists());
    assert_eq!(server.post(&format!("/api/jobs/{id}/retry"), "").status, 202);
    wait_for(&server, &id, "failed");
    place.write("flights.csv", flights(50_000));
    assert_eq!(server.post(&format!("/api/jobs/{id}/retry"), "").status, 202);
    let done = wait_for(&server, &id, "succeeded");
    assert_eq!((&done["attempts"], &done["error"]), (&json!(3), &Value::Null));
    assert!(place.read("out.csv") == by_command(&place, "out.csv"));
    let (status, detail) = server.post(&format!("/api/jobs/{id}/retry"), "").problem();
    assert_eq!(status, 409, "{detail}");
    server.stop();
}

#[test]
fn what_is_no_job_is_refused_with_the_reason() {
    let place = Place::of_flights();
    place.write("flights.csv", flights(3));
    let server = place.start(&[]);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut job = flight_job("out.csv");
        change(&mut job);
        submit(&server, &job).problem()
    };
    let (status, detail) = refused(&|job| job["keeps"] = json!([]));
    assert!(status == 400 && detail.contains("unknown field `keeps`"), "{detail}");
    let (status, detail) = refused(&|job| job["model"] = json!("none"));
    assert!(status == 404 && detail.contains("'none'"), "{detail}");
    let (status, detail) = refused(&|job| job["version"] = json!(7));
    assert!(status == 404 && detail.contains("version '7'"), "{detail}");
    let (status, detail) = refused(&|job| job["output"] = json!("out.txt"));
    assert!(status == 400 && detail.starts_with("output: "), "{detail}");
    let (status, _) = refused(&|job| job["input"] = json!([]));
    assert_eq!(status, 400);
    assert_eq!(server.post("/api/jobs", "{").problem().0, 400);
    assert_eq!(server.get("/api/jobs?state=done").problem().0, 400);
    assert_eq!(server.get("/api/jobs?page=1").problem().0, 400);
    for path in ["/api/jobs/1", "/api/jobs/1/events", "/api/jobs/..%2f1"] {
        assert_eq!(server.get(path).problem().0, 404, "{path}");
    }
    assert_eq!(server.delete("/api/jobs/1").problem().0, 404);
    assert_eq!(server.get("/api/jobs").json(), json!({"jobs": []}));
    server.stop();
}

#[test]
fn whoever_follows_a_job_sees_it_to_its_end() {
    const TASKS: u64 = 20;
    let place = Place::of_slow();
    place.write_parts(20);
    let server = place.start(&["--job-threads", "1"]);
    let blocking = json!({"model": "slow", "input": "many.csv", "output": "many-out.csv"});
    let blocking = accepted(&server, &blocking);
    wait_for(&server, &blocking, "running");
    let id = accepted(&server, &in_parts());
    // Whoever follows it is there before it begins, or soon after.
    let answer = std::thread::scope(|scope| {
        let follower = scope.spawn(|| server.get(&format!("/api/jobs/{id}/events")));
        server.delete(&format!("/api/jobs/{blocking}"));
        follower.join().expect("it got an answer")
    });
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events: Vec<(&str, Value)> = answer
        .text()
        .split_terminator("\n\n")
        .filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "))
        .map(|(name, data)| (name, serde_json::from_str(data).expect("it is JSON")))
        .collect();
    let ((last, end), progress) = events.split_last().expect("there are some");
    assert_eq!((*last, &end["state"]), ("end", &json!("succeeded")));
    assert!(progress.iter().all(|(name, _)| *name == "progress"), "{events:?}");
    let rows: Vec<u64> = progress.iter().filter_map(|(_, now)| now["rows"].as_u64()).collect();
    assert!(rows.is_sorted() && rows.iter().any(|rows| (1..TASKS).contains(rows)), "{rows:?}");
    assert_eq!(end["progress"]["rows"], TASKS);
    // One that has ended says only that.
    let again = server.get(&format!("/api/jobs/{id}/events"));
    assert!(again.text().starts_with("event: end\n"), "{}", again.text());
    server.stop();
}

#[test]
fn a_job_waits_for_a_model_that_is_loading() {
    let place = Place::of_slow();
    let root = place.root().display().to_string();
    let server = Server::launch(place.repository.path(), &["--job-root", &root]);
    let job = json!({"model": "slow", "input": "few.csv", "output": "out.csv"});
    let id = accepted(&server, &job);
    wait_for(&server, &id, "succeeded");
    server.stop();
}
