//! A new version beside the old one, with a tenth of the keys, and a third as a shadow.

use std::collections::BTreeMap;
use std::thread;

use serde_json::json;

use super::{ones, state_dir, swaps, three, version};
use crate::support::{Connection, Repository, Server, Stop, infer_path, until};

const KEYS: usize = 2000;
const THREADS: usize = 4;

/// Asks with a key, and returns the version, which is what the answer was computed with.
fn ask(connection: &mut Connection, key: usize) -> u64 {
    let key = format!("user-{key}");
    let headers = [("X-Routing-Key", key.as_str())];
    let answer = connection.request("POST", &infer_path("m"), &headers, ones().as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.json();
    let version = document["model_version"].as_str().expect("it names its version");
    assert_eq!(answer.header("x-model-version"), Some(version));
    let version: u32 = version.parse().expect("versions are numbers");
    assert_eq!(
        document["outputs"][0]["data"],
        json!([version, 2 * version, 3 * version].map(f64::from))
    );
    version.into()
}

/// The version that each key gets, asked in several threads at once.
fn versions(server: &Server) -> BTreeMap<usize, u64> {
    let part = |part: usize| {
        let mut connection = server.connect();
        let keys = (0..KEYS).filter(move |key| key % THREADS == part);
        keys.map(move |key| (key, ask(&mut connection, key))).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|number| scope.spawn(move || part(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("all are answered")).collect()
    })
}

fn shadowed(server: &Server, outcome: &str) -> u64 {
    server.metric(&format!(
        r#"onnxd_shadow_requests_total{{model="m",outcome="{outcome}",version="3"}}"#
    ))
}

fn start(repository: &Repository) -> Server {
    Server::start(repository.path(), &["--state-dir", &state_dir(repository)])
}

#[test]
fn keys_stay_with_their_version_until_the_rollback_and_no_request_fails() {
    let repository = three();
    let server = start(&repository);
    let routing = json!({"labels": {}, "traffic": {"1": 90, "2": 10}, "shadow": 3});
    assert_eq!(server.put("/api/models/m/routing", routing.to_string()).json()["kept"], true);
    let first = versions(&server);
    let second = first.values().filter(|&&version| version == 2).count();
    // Three times the standard deviation of 2,000 draws with a chance of a tenth: 40.
    assert!((160..=240).contains(&second), "{second} of {KEYS} keys");
    assert!(first.values().all(|version| [1, 2].contains(version)), "a shadow answered");
    for _ in 0..2 {
        assert_eq!(versions(&server), first, "a key changed its version");
    }
    assert_shadow_compared(&server, 3 * KEYS as u64);
    roll_back_under_load(&server);
    server.stop_after(&["a model version was rolled back"]);
    let server = start(&repository);
    assert_taken_back(&server);
    assert_eq!(server.get("/api/models/m/routing").json(), routing);
    assert_eq!(version(&server, "m", 3)["state"], "READY");
    server.stop();
}

fn assert_shadow_compared(server: &Server, requests: u64) {
    let compared = until("the shadow has seen all", || {
        let compared = shadowed(server, "compared");
        (compared + shadowed(server, "dropped") == requests).then_some(compared)
    });
    assert!(compared > requests / 2, "only {compared} of {requests} were compared");
    let shadow = version(server, "m", 3)["shadow"].take();
    assert_eq!(shadow["answers"], compared);
    assert_eq!(shadow["agreement"], 1.0, "the largest of three is the last in all versions");
    let difference = shadow["mean_absolute_difference"].as_f64().expect("it is a number");
    // Version 3 is off by 4 from version 1 and by 2 from version 2.
    assert!((3.5..4.0).contains(&difference), "{difference}");
    assert!(shadow["latency_ratio"].as_f64().is_some_and(|ratio| ratio > 0.0), "{shadow}");
    assert_eq!(server.metric(r#"onnxd_shadow_agreement{model="m",version="3"}"#), 1);
}

fn roll_back_under_load(server: &Server) {
    let stop = Stop::default();
    thread::scope(|scope| {
        let _stop = stop.at_end();
        for part in 0..THREADS {
            let stop = &stop;
            scope.spawn(move || {
                let mut connection = server.connect();
                for key in (part..).step_by(THREADS).take_while(|_| !stop.is_asked()) {
                    assert!([1, 2].contains(&ask(&mut connection, key)));
                }
            });
        }
        let answer = server.post("/api/models/m/rollback", "");
        assert_eq!((answer.status, answer.json()), (200, json!({"serving": 1})));
    });
    assert_taken_back(server);
    assert_eq!(swaps(server, "rolled_back"), 1);
}

fn assert_taken_back(server: &Server) {
    assert!(versions(server).values().all(|&version| version == 1));
    assert_eq!(server.wait_for_state("m", "2", "UNAVAILABLE"), "rolled back by request");
    assert_eq!(server.model("m")["serving"], 1);
}
