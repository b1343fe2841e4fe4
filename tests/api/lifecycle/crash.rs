//! SIGKILL at any moment: the next start serves the last good state.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use super::state_dir;
use crate::support::{Repository, Server, fixture, until};

const KILLS: usize = 100;

/// Random numbers that are the same in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What lies in the repository.
struct Models {
    repository: Repository,
    /// Whole versions, with the number that they multiply by.
    whole: BTreeMap<usize, usize>,
    /// A copy that broke off.
    half: Option<usize>,
    next: usize,
}

/// What happens to the models while the server is about to be killed.
enum Change {
    /// A version appears at once.
    Renamed,
    /// A version is written piece by piece.
    Copied,
    /// The same, and the one who copies dies, too.
    BrokenOff,
    /// The version that serves is taken back.
    RolledBack,
    Rerouted,
}

impl Models {
    fn new() -> Self {
        let repository = Repository::new();
        repository.add("m", 1, "scale_1");
        Self { repository, whole: BTreeMap::from([(1, 1)]), half: None, next: 2 }
    }

    /// The number that a new version multiplies by, and its bytes.
    fn bytes(version: usize) -> (usize, Vec<u8>) {
        let scale = version % 3 + 1;
        let file = fixture(&format!("scale_{scale}.onnx"));
        (scale, fs::read(file).expect("the fixture is there"))
    }

    fn file(&self, version: usize) -> String {
        let directory = self.repository.version("m", version);
        fs::create_dir_all(&directory).expect("it is ours");
        directory.join("model.onnx").display().to_string()
    }

    /// Removes what was left half, and the oldest of many versions.
    fn tidy(&mut self) {
        let half = self.half.take();
        let oldest = (self.whole.len() > 4).then(|| self.whole.pop_first()).flatten();
        for version in half.into_iter().chain(oldest.map(|(version, _)| version)) {
            self.repository.remove(&format!("m/{version}"));
        }
    }
}

/// Writes a file in pieces, at the pace of a slow copy.
fn copy(bytes: &[u8], to: &str) {
    for part in 1..=4 {
        fs::write(to, &bytes[..bytes.len() * part / 4]).expect("there is room");
        sleep(Duration::from_millis(15));
    }
}

/// The version that serves, which computes as it should.
fn assert_whole(server: &Server, models: &Models) -> usize {
    let (version, scale) = server.scaled("m");
    let version = version.parse().expect("versions are numbers");
    assert_eq!(models.whole.get(&version), Some(&scale), "version {version}");
    version
}

fn kept(state: &str) -> Value {
    let file = Path::new(state).join("registry.json");
    let Ok(text) = fs::read(file) else { return Value::Null };
    serde_json::from_slice(&text).expect("what is kept is whole")
}

/// Versions that were taken back, and must not serve.
fn held(state: &str) -> Vec<usize> {
    let held = kept(state)["models"]["m"]["held"].take();
    let versions = held.as_object().into_iter().flat_map(|held| held.keys());
    versions.map(|version| version.parse().expect("versions are numbers")).collect()
}

/// Changes the models, and kills the server in the middle of it or after.
fn change_and_kill(server: Server, models: &mut Models, random: &mut Random) {
    let change = match random.below(6) {
        0 | 1 => Change::Renamed,
        2 => Change::Copied,
        3 => Change::BrokenOff,
        4 if models.whole.len() > 2 => Change::RolledBack,
        _ => Change::Rerouted,
    };
    let pause = Duration::from_millis(random.below(80));
    let version = models.next;
    let (scale, bytes) = Models::bytes(version);
    match change {
        Change::Renamed => {
            models.repository.add("m", version, &format!("scale_{scale}"));
            models.whole.insert(version, scale);
        }
        Change::Copied => {
            let to = models.file(version);
            thread::scope(|scope| {
                scope.spawn(|| copy(&bytes, &to));
                sleep(pause);
                server.kill();
            });
            models.whole.insert(version, scale);
            models.next += 1;
            return;
        }
        Change::BrokenOff => {
            fs::write(models.file(version), &bytes[..bytes.len() / 2]).expect("there is room");
            models.half = Some(version);
        }
        Change::RolledBack => {
            let mut connection = server.connect();
            connection.begin("POST", "/api/models/m/rollback", &[], b"");
        }
        Change::Rerouted => {
            let newest = models.whole.keys().next_back().expect("there are some");
            let routing = json!({"labels": {"newest": newest}}).to_string();
            let mut connection = server.connect();
            connection.begin("PUT", "/api/models/m/routing", &[], routing.as_bytes());
        }
    }
    models.next += 1;
    sleep(pause);
    server.kill();
}

#[test]
fn a_server_that_is_killed_a_hundred_times_always_comes_back_with_a_whole_version() {
    let mut models = Models::new();
    let state = state_dir(&models.repository);
    let mut random = Random(0x5eed);
    for round in 0..KILLS {
        if round % 4 == 3 {
            // Killed while it still loads.
            let arguments = ["--state-dir", &state, "--poll", "20ms"];
            let server = Server::launch(models.repository.path(), &arguments);
            sleep(Duration::from_millis(random.below(10)));
            server.kill();
        }
        let server =
            Server::start(models.repository.path(), &["--state-dir", &state, "--poll", "20ms"]);
        assert_whole(&server, &models);
        if round % 5 == 4 {
            // Left alone it gets to the newest version that was not taken back.
            let held = held(&state);
            let newest = models.whole.keys().rev().find(|version| !held.contains(version));
            let newest = *newest.expect("one was not taken back");
            until("the newest version serves", || {
                (assert_whole(&server, &models) == newest).then_some(())
            });
            models.tidy();
        }
        change_and_kill(server, &mut models, &mut random);
        kept(&state);
    }
}

#[test]
fn a_rollback_that_was_answered_outlives_a_kill_at_once() {
    let repository = Repository::new();
    let state = state_dir(&repository);
    let arguments = ["--state-dir", state.as_str()];
    repository.add("m", 1, "scale_1");
    for version in 2..12 {
        repository.add("m", version, "scale_2");
        let server = Server::start(repository.path(), &arguments);
        until("the new version serves", || {
            (server.scaled("m").0 == version.to_string()).then_some(())
        });
        assert_eq!(server.post("/api/models/m/rollback", "").json(), json!({"serving": 1}));
        server.kill();
        let server = Server::start(repository.path(), &arguments);
        assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
        server.kill();
    }
}
