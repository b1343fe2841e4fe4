//! A thousand swaps under load, each by a new version directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client;
use crate::process::{Serving, project};
use crate::ratios::contains;

const SWAPS: u64 = 1000;

/// Bounds the whole run.
const PATIENCE: Duration = Duration::from_mins(5);

pub fn run() {
    let repository = Repository::new();
    repository.publish(1);
    let server = Serving::onnxd(&repository.root, &["--poll", "10ms"]);
    let body = fs::read(project("models/digits/example.json")).expect("the example is there");
    let request = client::post("/v2/models/digits/infer", "", &body);
    let quiet =
        client::load(server.address, &request, 16, Duration::from_secs(5), &contains("[2]"));
    let done = Arc::new(AtomicBool::new(false));
    let load = thread::spawn({
        let (done, address, request) = (Arc::clone(&done), server.address, request.clone());
        move || {
            let mut rounds = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let second = Duration::from_secs(1);
                rounds.push(client::load(address, &request, 16, second, &contains("[2]")));
            }
            rounds
        }
    });
    let started = Instant::now();
    let mut resident_early = 0;
    for version in 2..=SWAPS + 1 {
        repository.publish(version);
        wait_until_live(&server, version, started);
        repository.remove(version - 1);
        if version == 11 {
            resident_early = server.resident_bytes();
        }
    }
    let took = started.elapsed();
    let resident = server.resident_bytes();
    done.store(true, Ordering::SeqCst);
    let rounds = load.join().expect("the load ends");
    let answered: u64 = rounds.iter().map(|round| round.answered).sum();
    let failed: u64 = rounds.iter().map(|round| round.wrong + round.broken).sum();
    let mut p99: Vec<Duration> = rounds.iter().map(|round| round.quantile(0.99)).collect();
    p99.sort();
    println!(
        "\n{SWAPS} swaps in {took:.1?} under load: {answered} requests, {failed} failed; p99 {:.2?} while swapping, {:.2?} without; resident {:.1} MB after 10 swaps, {:.1} MB after {SWAPS}",
        p99[p99.len() / 2],
        quiet.quantile(0.99),
        resident_early as f64 / 1e6,
        resident as f64 / 1e6,
    );
    assert_eq!(failed, 0, "requests failed during swaps");
}

fn wait_until_live(server: &Serving, version: u64, started: Instant) {
    let ready =
        format!("GET /v2/models/digits/versions/{version}/ready HTTP/1.1\r\nHost: x\r\n\r\n");
    while client::once(server.address, ready.as_bytes()) != 200 {
        assert!(started.elapsed() < PATIENCE, "version {version} did not become live");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A repository in a directory of its own, removed at the end.
struct Repository {
    root: PathBuf,
    model: Vec<u8>,
}

impl Repository {
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("onnxd-swaps-{}", std::process::id()));
        fs::create_dir_all(root.join("digits")).expect("the temporary directory is writable");
        let model = fs::read(project("models/digits/1/model.onnx")).expect("digits is there");
        Self { root, model }
    }

    /// Written beside and renamed into place, as a careful deployment does.
    fn publish(&self, version: u64) {
        let parts = self.root.join("digits").join(format!(".{version}.part"));
        fs::create_dir_all(&parts).expect("writable");
        fs::write(parts.join("model.onnx"), &self.model).expect("writable");
        fs::rename(parts, self.version(version)).expect("writable");
    }

    fn remove(&self, version: u64) {
        fs::remove_dir_all(self.version(version)).expect("it is there");
    }

    fn version(&self, version: u64) -> PathBuf {
        Path::new(&self.root).join("digits").join(version.to_string())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
