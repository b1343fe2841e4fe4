//! The attacks by name, and the process that makes one.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Ports, bombs, headers, noise, slow};
use crate::figure::Bar;
use crate::process::{allow_many_connections, own_time};

/// Tells this program to be an attacker: the attack, the ports, the seconds and a directory.
pub const ATTACK: &str = "ONNXD_BENCH_ATTACK";

/// Printed once all connections of an attack are there.
const READY: &str = "ready";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    SlowHeads,
    SlowBodies,
    Idle,
    Bombs,
    BombsOfGrpc,
    ManyHeaders,
    Continuations,
    RapidReset,
    RandomBytes,
}

impl Attack {
    pub const ALL: [Self; 9] = [
        Self::SlowHeads,
        Self::SlowBodies,
        Self::Idle,
        Self::Bombs,
        Self::BombsOfGrpc,
        Self::ManyHeaders,
        Self::Continuations,
        Self::RapidReset,
        Self::RandomBytes,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowHeads => "slow-heads",
            Self::SlowBodies => "slow-bodies",
            Self::Idle => "idle-connections",
            Self::Bombs => "bombs",
            Self::BombsOfGrpc => "bombs-grpc",
            Self::ManyHeaders => "many-headers",
            Self::Continuations => "continuations",
            Self::RapidReset => "rapid-reset",
            Self::RandomBytes => "random-bytes",
        }
    }

    /// What the attacker has seen once the attack met what stands against it; without that a
    /// quiet client proves nothing.
    const fn proof(self) -> &'static str {
        match self {
            Self::SlowHeads | Self::SlowBodies | Self::Idle => "opened",
            Self::Bombs => "413",
            Self::BombsOfGrpc => "grpc-status 8",
            Self::ManyHeaders => "431",
            Self::Continuations | Self::RapidReset => "told to go away",
            Self::RandomBytes => "connections",
        }
    }

    /// How often at least.
    const fn least(self) -> u64 {
        match self {
            Self::SlowHeads | Self::SlowBodies => slow::SLOW as u64,
            Self::Idle => slow::IDLE as u64,
            _ => 1,
        }
    }

    /// How long it goes on, all rounds together. Slow clients shall meet the end of the server's
    /// patience, which is 30 s, in each round.
    pub const fn usual(self) -> Duration {
        Duration::from_secs(match self {
            Self::SlowHeads | Self::SlowBodies => 105,
            Self::RandomBytes => 300,
            _ => 30,
        })
    }

    /// Memory that it may cost while it goes on, in MB: what the documented bounds allow for it.
    pub const fn growth(self) -> Bar {
        let megabytes = match self {
            // Heads of at most 64 KiB on some ten to six hundred connections, and what hyper, tokio
            // and a task need of each of these.
            Self::SlowHeads
            | Self::SlowBodies
            | Self::ManyHeaders
            | Self::Continuations
            | Self::RapidReset
            | Self::RandomBytes => 64.0,
            // 10,000 at 16 KiB.
            Self::Idle => 164.0,
            // `max-body` of each that is unpacked at the same time: the buffer and its double.
            Self::Bombs | Self::BombsOfGrpc => bombs::CONNECTIONS as f64 * 2.0 * 67.2,
        };
        Bar::AtMost(megabytes)
    }
}

/// An attack that goes on in a process of its own.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    until: Instant,
}

/// What came of it.
pub struct Done {
    pub report: String,
    /// Time on cores.
    pub busy: Duration,
}

impl Running {
    /// Returns once its connections are open.
    pub fn start(attack: Attack, ports: Ports, duration: Duration, bombs: &Path) -> Self {
        let this = env::current_exe().expect("the benchmark knows its own path");
        let Ports { http, grpc, metrics } = ports;
        let (name, seconds) = (attack.name(), duration.as_secs_f64());
        let told = format!("{name} {http} {grpc} {metrics} {seconds} {}", bombs.display());
        let mut child = Command::new(this)
            .env(ATTACK, told)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it prints text");
        assert_eq!(line.trim(), READY, "{attack:?} did not begin");
        Self { child, out, until: Instant::now() + duration }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    pub fn end(mut self) -> Done {
        let mut text = String::new();
        self.out.read_to_string(&mut text).expect("it prints text");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "the attacker failed: {status} {text}");
        let (busy, report) = text.trim().split_once(' ').expect("time and report");
        let busy = Duration::from_secs_f64(busy.parse().expect("seconds"));
        Done { report: report.to_owned(), busy }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an attacker counts: by what happened.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

impl Counts {
    pub fn add(&self, what: &str, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = counts.get_mut(what) {
            *known += count;
        } else {
            counts.insert(what.to_owned(), count);
        }
    }

    fn of(&self, what: &str) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(what).copied().unwrap_or(0)
    }

    fn text(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (what, count) in counts.iter() {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{what} {count}");
        }
        text
    }
}

/// An attack on its way.
#[derive(Clone)]
pub struct Orders {
    pub http: std::net::SocketAddr,
    pub grpc: std::net::SocketAddr,
    pub metrics: std::net::SocketAddr,
    pub counts: Counts,
    duration: Duration,
}

impl Orders {
    /// Says that all is prepared, and lets the tasks go on for as long as was asked.
    pub async fn go_on(&self) {
        println!("{READY}");
        tokio::time::sleep(self.duration).await;
    }
}

/// The process of an attacker.
pub fn run_attack() {
    allow_many_connections();
    // The server and the quiet client go first. Where the system refuses, the table tells how
    // much of the cores the attacker took.
    let _ = rustix::process::setpriority_process(None, 19);
    let told = env::var(ATTACK).expect("it is set");
    let parts: Vec<&str> = told.splitn(6, ' ').collect();
    let address = |at: usize| parts[at].parse().expect("an address");
    let orders = Orders {
        http: address(1),
        grpc: address(2),
        metrics: address(3),
        counts: Counts::default(),
        duration: Duration::from_secs_f64(parts[4].parse().expect("seconds")),
    };
    let attack = Attack::ALL.into_iter().find(|attack| attack.name() == parts[0]);
    let attack = attack.expect("a known attack");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(make(attack, &orders, Path::new(parts[5])));
    let (met, least) = (orders.counts.of(attack.proof()), attack.least());
    let told = orders.counts.text();
    assert!(met >= least, "{met} times '{}', expected {least}: {told}", attack.proof());
    println!("{} {}", own_time().as_secs_f64(), orders.counts.text());
}

async fn make(attack: Attack, orders: &Orders, bombs: &Path) {
    match attack {
        Attack::SlowHeads => slow::heads(orders).await,
        Attack::SlowBodies => slow::bodies(orders).await,
        Attack::Idle => slow::idle(orders).await,
        Attack::Bombs => bombs::over_http(orders, bombs).await,
        Attack::BombsOfGrpc => bombs::over_grpc(orders, bombs).await,
        Attack::ManyHeaders => headers::many(orders).await,
        Attack::Continuations => headers::continuations(orders).await,
        Attack::RapidReset => headers::rapid_reset(orders).await,
        Attack::RandomBytes => noise::random_bytes(orders).await,
    }
}

/// Runs so many tasks, each over and over, together at most `rate` times a second, until the
/// orders end.
pub async fn repeat<F: Future<Output = ()> + 'static>(
    orders: &Orders,
    tasks: usize,
    rate: f64,
    once: impl Fn(usize, u64) -> F + Clone + 'static,
) {
    let set = tokio::task::LocalSet::new();
    for task in 0..tasks {
        let once = once.clone();
        set.spawn_local(async move {
            let step = Duration::from_secs_f64(tasks as f64 / rate);
            // Spread over a step, so that they do not come all at once.
            tokio::time::sleep(step.mul_f64(task as f64 / tasks as f64)).await;
            let mut ticks = tokio::time::interval(step);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for turn in 0.. {
                ticks.tick().await;
                once(task, turn).await;
            }
        });
    }
    set.run_until(orders.go_on()).await;
}
