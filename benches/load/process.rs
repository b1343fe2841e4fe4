//! The processes under load.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Linux counts time on cores in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Tells this program to be the empty handler instead of the benchmark.
pub const EMPTY_HANDLER: &str = "ONNXD_BENCH_EMPTY_HANDLER";

/// Its value for that of gRPC.
pub const GRPC: &str = "grpc";

/// Another server than the one that was built with this program.
const OTHER_SERVER: &str = "ONNXD_BENCH_SERVER";

/// A child process that serves; killed when dropped.
pub struct Serving {
    child: Child,
    pub address: SocketAddr,
    /// From start to the line that says "listening".
    pub started: Instant,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Serving {
    /// The server over the given models, ready.
    pub fn onnxd(models: &Path, arguments: &[&str]) -> Self {
        let shipped = env!("CARGO_BIN_EXE_onnxd").into();
        let server = env::var_os(OTHER_SERVER).unwrap_or(shipped);
        Self::over(Command::new(server), models, arguments)
    }

    /// The same with a server of one's own.
    pub fn over(mut command: Command, models: &Path, arguments: &[&str]) -> Self {
        command.arg("serve").arg(models).args(["--http-addr", "127.0.0.1:0", "--log", "json"]);
        command.args(["--log-filter", "onnxd::app=info,error"]).args(arguments);
        let serving = Self::start(command, "\"http.addr\":\"");
        serving.wait_until_ready();
        serving
    }

    /// The empty handler.
    pub fn empty_handler() -> Self {
        Self::empty("http")
    }

    /// That of gRPC.
    pub fn empty_grpc_handler() -> Self {
        Self::empty(GRPC)
    }

    fn empty(kind: &str) -> Self {
        let this = env::current_exe().expect("the benchmark knows its own path");
        let mut command = Command::new(this);
        command.env(EMPTY_HANDLER, kind);
        Self::start(command, "listening on ")
    }

    fn start(mut command: Command, marker: &str) -> Self {
        let started = Instant::now();
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the process starts");
        let mut log = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).expect("log is text") > 0, "the process ended early");
            if let Some((_, rest)) = line.split_once(marker) {
                let end = rest.find(['"', '\n']).unwrap_or(rest.len());
                break rest[..end].parse().expect("an address");
            }
        };
        // Read to the end: a server that logs into a full or closed pipe would stand still.
        let errors: Arc<Mutex<Vec<String>>> = Arc::default();
        thread::spawn({
            let errors = Arc::clone(&errors);
            move || {
                for line in log.lines().map_while(Result::ok) {
                    if line.contains("\"level\":\"ERROR\"") {
                        errors.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    }
                }
            }
        });
        Self { child, address, started, errors }
    }

    /// Lines of level ERROR in the log so far.
    pub fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wait_until_ready(&self) {
        let give_up = Instant::now() + Duration::from_mins(1);
        let ready = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
        while crate::client::once(self.address, ready) != 200 {
            assert!(Instant::now() < give_up, "the server did not become ready");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Time that the process has spent on the cores, all its threads together.
    pub fn time(&self) -> Duration {
        time_of(&self.child.id().to_string())
    }

    /// Resident memory now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the process lives");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kilobytes: u64 =
            line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
        kilobytes * 1024
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads each body and answers a constant.
pub fn run_empty_handler() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let length = || post(|body: Bytes| async move { body.len().to_string() });
        let router = Router::new()
            .route("/", length())
            // As a collector, it takes whatever comes.
            .route("/v1/traces", length())
            .layer(DefaultBodyLimit::disable());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        eprintln!("listening on {}", listener.local_addr().expect("it is bound"));
        axum::serve(listener, router).await.expect("it serves");
    });
}

/// An address whose port is free again when a server binds it.
pub fn free_address() -> SocketAddr {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    address.expect("a port is free")
}

/// A directory of the repository.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Time that all cores together have been busy since the machine started.
pub fn busy_time() -> Duration {
    let text = fs::read_to_string("/proc/stat").expect("Linux has it");
    let all = text.lines().next().unwrap_or_default();
    let ticks: Vec<u32> = all.split_whitespace().skip(1).flat_map(str::parse).collect();
    // The fourth and the fifth are idle.
    TICK * ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(i, _)| !(3..5).contains(i))
        .map(|(_, t)| t)
        .sum()
}

/// Time that this process has spent on the cores, all its threads together.
pub fn own_time() -> Duration {
    time_of("self")
}

/// Linux knows this to the microsecond, while the times of the whole machine are samples
/// that miss threads which run briefly and often.
fn time_of(process: &str) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    // Behind the name, which is in brackets, user and system time are numbers 12 and 13.
    let fields = text.rsplit(')').next().unwrap_or_default();
    TICK * fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u32>).sum()
}

/// Lets this process and its children have as many connections as the system allows: each
/// of an open loop's may be held by a request that waits.
pub fn allow_many_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer, questions without a connection are counted as failed.
    let _ = setrlimit(Resource::Nofile, limit);
}
