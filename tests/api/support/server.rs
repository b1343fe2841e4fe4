//! The program as a server on a port of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::client::{self, Answer, Connection};
use super::command::program;
use super::grpc::Grpc;
use super::log::{self, Log};
use super::wait::until;
use super::{floats, infer_path};

/// A running server. Ends with [`Server::stop`], which checks how it went; a test that
/// fails before kills it.
pub struct Server {
    child: Child,
    address: SocketAddr,
    grpc: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    log: Option<Log>,
    agent: ureq::Agent,
    /// A second SIGTERM would end it at once.
    terminated: AtomicBool,
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub fn start(models: &Path, arguments: &[&str]) -> Self {
        let server = Self::launch(models, arguments);
        until("the server is ready", || (server.get("/readyz").status == 200).then_some(()));
        server
    }

    /// Starts a server and waits until it listens; models may still be loading.
    pub fn launch(models: &Path, arguments: &[&str]) -> Self {
        let mut command = program();
        command.arg("serve").arg(models);
        command.args(["--log", "json"]);
        if !arguments.contains(&"--http-addr") {
            command.args(["--http-addr", "127.0.0.1:0"]);
        }
        if !arguments.contains(&"--poll") {
            command.args(["--poll", "50ms"]);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let log = Log::collect(child.stderr.take().expect("stderr is piped"));
        let listening = until("the server listens", || {
            let ended = child.try_wait().expect("the child is ours");
            assert_eq!(ended, None, "the server ended: {:?}", log.lines());
            log.find("listening")
        });
        let address = |of: &str| listening[of].as_str().and_then(|text| text.parse().ok());
        let (grpc, metrics) = (address("grpc.addr"), address("metrics.addr"));
        let address = address("http.addr").expect("the log tells the address");
        Self {
            child,
            address,
            grpc,
            metrics,
            log: Some(log),
            agent: client::agent(),
            terminated: AtomicBool::new(false),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc.expect("it was started with an address for gRPC")
    }

    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics.expect("it was started with an address for metrics")
    }

    pub fn grpc(&self) -> Grpc {
        Grpc::connect(self.grpc_address())
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        client::get(&self.agent, self.address, path)
    }

    /// The same with headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        client::get_with(&self.agent, self.address, path, headers)
    }

    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        client::post(&self.agent, self.address, path, body.as_ref())
    }

    /// The same with headers.
    pub fn post_with(
        &self,
        path: &str,
        body: impl AsRef<[u8]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        client::post_with(&self.agent, self.address, path, body.as_ref(), headers)
    }

    pub fn put(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        client::put(&self.agent, self.address, path, body.as_ref())
    }

    pub fn delete(&self, path: &str) -> Answer {
        client::delete(&self.agent, self.address, path)
    }

    pub fn infer(&self, model: &str, request: &Value) -> Answer {
        self.post(&infer_path(model), request.to_string())
    }

    /// The version that a `scale` model answers with, and which of the three it is.
    pub fn scaled(&self, model: &str) -> (String, usize) {
        let answer = self.infer(model, &floats(&[1, 3], &[1.0, 2.0, 3.0])).json();
        let first = &answer["outputs"][0]["data"][0];
        let scale = [1.0, 2.0, 3.0].iter().position(|scale| first == scale).map(|at| at + 1);
        let version = answer["model_version"].as_str().map(str::to_owned);
        version.zip(scale).unwrap_or_else(|| panic!("no prediction: {answer}"))
    }

    /// The repository index.
    pub fn index(&self) -> Vec<Value> {
        let index = self.post("/v2/repository/index", "").json();
        index.as_array().expect("the index is a list").clone()
    }

    /// What the index says of a version: its state and the reason.
    pub fn state(&self, model: &str, version: &str) -> Option<(String, String)> {
        let text = |value: &Value| value.as_str().expect("the index holds texts").to_owned();
        let index = self.index();
        let entry = index.iter().find(|e| e["name"] == model && e["version"] == version)?;
        Some((text(&entry["state"]), text(&entry["reason"])))
    }

    /// Waits until a version is in a state, and returns the reason.
    pub fn wait_for_state(&self, model: &str, version: &str, state: &str) -> String {
        until(&format!("{model} {version} is {state}"), || {
            self.state(model, version).filter(|(now, _)| now == state).map(|(_, reason)| reason)
        })
    }

    /// A count or gauge on the metrics page, 0 where it is not there.
    pub fn metric(&self, sample: &str) -> u64 {
        let page = self.get("/metrics");
        let value =
            page.text().lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0, |text| text.parse().expect("it counts"))
    }

    /// What `/api/models` says of a model.
    pub fn model(&self, name: &str) -> Value {
        let document = self.get("/api/models").json();
        let models = document["models"].as_array().expect("models are listed");
        models.iter().find(|model| model["name"] == name).cloned().unwrap_or_default()
    }

    /// The first line of the log with this message. The server writes a line before it goes
    /// on, but a thread of its own reads it here.
    pub fn logged(&self, message: &str) -> Value {
        until("it is logged", || self.log.as_ref()?.find(message))
    }

    /// Waits until so many lines of the log have this message, and there are no more.
    pub fn must_be_logged(&self, message: &str, times: usize) {
        let logged = || Some(self.times_logged(message)).filter(|logged| *logged >= times);
        assert_eq!(until(&format!("'{message}' is logged"), logged), times);
    }

    /// How many lines of the log have this message, as far as they were read.
    pub fn times_logged(&self, message: &str) -> usize {
        self.log.as_ref().map_or(0, |log| log.count(message))
    }

    /// All lines of the log so far.
    pub fn log(&self) -> String {
        self.log.as_ref().map_or_else(String::new, |log| log.lines().join("\n"))
    }

    /// Sends SIGKILL: nothing of the server runs any more when this returns.
    pub fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the child is ours");
        self.log.take().expect("it is taken once").finish();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.terminated.store(true, Ordering::Relaxed);
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the server runs");
    }

    /// Ends the server; its log must hold no warning and no error.
    pub fn stop(self) {
        self.stop_after(&[]);
    }

    /// Ends the server, whose log must hold warnings and errors with each of these texts
    /// and no others.
    pub fn stop_after(self, declared: &[&str]) {
        self.stop_with(0, declared);
    }

    /// The same, for a server that must end with another exit code.
    pub fn stop_with(mut self, code: i32, declared: &[&str]) {
        if !self.terminated.load(Ordering::Relaxed) {
            self.terminate();
        }
        let status = self.child.wait().expect("the child is ours");
        let lines = self.log.take().expect("it is taken once").finish();
        assert_eq!(status.code(), Some(code), "{lines:?}");
        log::assert_only(declared, &lines);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        if self.log.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
