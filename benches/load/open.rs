//! An open loop: questions arrive at a rate, with gaps that know nothing of each other, and
//! a slow answer does not slow the next question. Latency counts from when a question was
//! due, so that neither a late client nor a busy connection hides what callers wait.
//!
//! Two threads, however many connections: one sleeps until the next question is due and
//! writes it to an idle connection (tokio's timer would be late by up to a millisecond), the
//! other reads the answers of all. If every connection is busy another one is opened, up to
//! a bound; a question that finds the bound reached counts as failed.

mod connection;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::runtime::{Builder, Handle, Runtime};

use self::connection::{Asked, Connection};
use crate::client::{self, Answer};
use crate::question::Question;
use crate::random::Random;
use crate::seen::{PHASES, Seen};

/// How long answers may take after the last question.
const GRACE: Duration = Duration::from_secs(35);

/// What arrives.
#[derive(Clone)]
pub struct Arrivals {
    /// Asked in random order.
    pub questions: Arc<[Question]>,
    /// Questions a second.
    pub rate: f64,
    /// The most connections.
    pub connections: usize,
    pub seed: u64,
}

/// A load that goes on until it is told to end.
pub struct Open {
    shared: Arc<Shared>,
    sender: JoinHandle<Seen>,
    reader: JoinHandle<()>,
}

struct Shared {
    address: SocketAddr,
    arrivals: Arrivals,
    phase: AtomicUsize,
    stop: AtomicBool,
    sent_all: AtomicBool,
    under_way: AtomicUsize,
    open: AtomicUsize,
    idle: Mutex<Vec<Arc<Connection>>>,
    seen: Mutex<Seen>,
}

impl Open {
    pub fn start(address: SocketAddr, arrivals: &Arrivals) -> Self {
        let shared = Arc::new(Shared {
            address,
            arrivals: arrivals.clone(),
            phase: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            sent_all: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            idle: Mutex::default(),
            seen: Mutex::default(),
        });
        let runtime = Builder::new_current_thread().enable_all().build().expect("it starts");
        let handle = runtime.handle().clone();
        let sender = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.send(&handle)
        });
        let reader = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.read(&runtime)
        });
        Self { shared, sender, reader }
    }

    /// What is due from now on counts for this phase; the first is 0.
    pub fn enter(&self, phase: usize) {
        assert!(phase < PHASES, "there are only so many phases");
        self.shared.phase.store(phase, Ordering::Relaxed);
    }

    /// Asks no more, waits for the answers to come, and says what was seen.
    pub fn end(self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        let sent = self.sender.join().expect("the sender does not panic");
        self.reader.join().expect("the reader does not panic");
        let mut seen = std::mem::take(&mut *lock(&self.shared.seen));
        seen.merge(sent);
        // What has no answer by now never gets one.
        seen.broken += self.shared.under_way.load(Ordering::Relaxed) as u64;
        seen.sort();
        seen
    }
}

impl Shared {
    fn send(self: &Arc<Self>, handle: &Handle) -> Seen {
        go_first();
        let _inside = handle.enter();
        let mut random = Random::new(self.arrivals.seed);
        let mut seen = Seen::default();
        let mut due = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            due += Duration::from_secs_f64(random.exponential(1.0 / self.arrivals.rate));
            sleep(due.saturating_duration_since(Instant::now()));
            let question = random.below(self.arrivals.questions.len());
            let phase = self.phase.load(Ordering::Relaxed);
            let Some(connection) = self.reserve(Asked { due, question, phase }) else {
                seen.unsent += 1;
                continue;
            };
            seen.phases[phase].lateness.push(due.elapsed().as_secs_f32());
            connection.ask(&self.arrivals.questions[question].request);
        }
        self.sent_all.store(true, Ordering::Relaxed);
        seen
    }

    /// An idle connection for this question, or else a new one.
    fn reserve(self: &Arc<Self>, asked: Asked) -> Option<Arc<Connection>> {
        loop {
            let idle = lock(&self.idle).pop();
            let connection = match idle {
                Some(connection) => connection,
                None if self.open.load(Ordering::Relaxed) < self.arrivals.connections => {
                    self.open().ok()?
                }
                None => return None,
            };
            if connection.reserve(asked) {
                self.under_way.fetch_add(1, Ordering::Relaxed);
                return Some(connection);
            }
        }
    }

    fn open(self: &Arc<Self>) -> io::Result<Arc<Connection>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let reading = tokio::net::TcpStream::from_std(stream.try_clone()?)?;
        let connection = Arc::new(Connection::new(stream));
        self.open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(Arc::clone(self).answers(reading, Arc::clone(&connection)));
        Ok(connection)
    }

    fn read(&self, runtime: &Runtime) {
        const LOOK: Duration = Duration::from_millis(20);
        go_first();
        runtime.block_on(async {
            let mut left = GRACE;
            loop {
                tokio::time::sleep(LOOK).await;
                if self.sent_all.load(Ordering::Relaxed) {
                    left = left.saturating_sub(LOOK);
                    if left.is_zero() || self.under_way.load(Ordering::Relaxed) == 0 {
                        return;
                    }
                }
            }
        });
    }

    /// Reads the answers of one connection until it breaks.
    async fn answers(
        self: Arc<Self>,
        mut stream: tokio::net::TcpStream,
        connection: Arc<Connection>,
    ) {
        let mut buffer = Vec::with_capacity(4 * 1024);
        while let Ok(1..) = stream.read_buf(&mut buffer).await {
            let Some(answer) = client::parse(&buffer) else { continue };
            let Some(asked) = connection.answered() else { break };
            self.count(asked, &answer, &buffer);
            buffer.clear();
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            lock(&self.idle).push(Arc::clone(&connection));
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        if connection.is_gone() {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            lock(&self.seen).broken += 1;
        }
    }

    fn count(&self, asked: Asked, answer: &Answer, buffer: &[u8]) {
        let latency = asked.due.elapsed().as_secs_f32();
        let body = &buffer[answer.body..answer.end];
        let question = &self.arrivals.questions[asked.question];
        let mut seen = lock(&self.seen);
        match answer.status {
            200 if (question.check)(body) => seen.phases[asked.phase].right.push(latency),
            503 | 504 => seen.phases[asked.phase].refused.push(latency),
            status => seen.wrong(status, body),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Callers have machines of their own. Here they share the cores with the server, so the two
/// threads that stand for them go first; else a question would be sent, or its answer seen,
/// when a run of the server ends. Linux also lets a sleeping thread oversleep by 50 µs to
/// save power; these shall not. Where the system refuses either, the lateness that is
/// printed says so.
fn go_first() {
    let _ = rustix::process::setpriority_process(None, -10);
    let thread = rustix::thread::gettid().as_raw_nonzero();
    let _ = std::fs::write(format!("/proc/{thread}/timerslack_ns"), "1");
}
