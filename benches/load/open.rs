//! An open loop: questions arrive at a rate, with gaps that know nothing of each other, and
//! a slow answer does not slow the next question. Latency counts from when a question was
//! due, so that neither a late client nor a busy connection hides what callers wait.
//!
//! Two threads, however many connections: one sleeps until the next question is due and
//! writes it to an idle connection (tokio's timer would be late by up to a millisecond), the
//! other reads the answers of all. If every connection is busy another one is opened, up to
//! a bound; a question that finds the bound reached counts as failed.

mod connection;
mod precedence;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

use self::connection::{Asked, Connection};
pub use self::precedence::Precedence;
use crate::client::{self, Answer};
use crate::question::Question;
use crate::random::Random;
use crate::seen::{PHASES, Seen};

/// How long answers may take after the last question.
const GRACE: Duration = Duration::from_secs(35);

/// Connections that are open before the first question, if so many are allowed.
const READY: usize = 1024;

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
    pub precedence: Precedence,
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
    ready: AtomicBool,
    stop: AtomicBool,
    sent_all: AtomicBool,
    under_way: AtomicUsize,
    open: AtomicUsize,
    idle: Mutex<Vec<Arc<Connection>>>,
    seen: Mutex<Seen>,
}

impl Open {
    /// Begins when its connections are open.
    pub fn start(address: SocketAddr, arrivals: &Arrivals) -> Self {
        let shared = Arc::new(Shared {
            address,
            arrivals: arrivals.clone(),
            phase: AtomicUsize::new(0),
            ready: AtomicBool::new(false),
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
        while !shared.ready.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1));
        }
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
        self.arrivals.precedence.prepare_thread();
        self.open_some(handle);
        self.ready.store(true, Ordering::Relaxed);
        let mut random = Random::new(self.arrivals.seed);
        let mut seen = Seen::default();
        let mut due = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            due += Duration::from_secs_f64(random.exponential(1.0 / self.arrivals.rate));
            sleep(due.saturating_duration_since(Instant::now()));
            let question = random.below(self.arrivals.questions.len());
            let phase = self.phase.load(Ordering::Relaxed);
            self.ask(Asked { due, question, phase }, handle, &mut seen);
        }
        self.sent_all.store(true, Ordering::Relaxed);
        seen
    }

    /// Connecting costs more than asking. After a hiccup of the machine everything is due at
    /// once, and if each question then opened a connection, the hiccup would feed itself.
    fn open_some(self: &Arc<Self>, handle: &Handle) {
        // A listener's queue holds a few hundred.
        const AT_ONCE: usize = 128;
        let give_up = Instant::now() + Duration::from_secs(2);
        let mut opened = 0;
        while opened < self.arrivals.connections.min(READY) && Instant::now() < give_up {
            if lock(&self.idle).len() == opened {
                for _ in 0..AT_ONCE {
                    self.open.fetch_add(1, Ordering::Relaxed);
                    handle.spawn(Arc::clone(self).connect(None));
                }
                opened += AT_ONCE;
            }
            sleep(Duration::from_millis(1));
        }
    }

    fn ask(self: &Arc<Self>, asked: Asked, handle: &Handle, seen: &mut Seen) {
        let idle = self.reserve(asked);
        if idle.is_none() && self.open.load(Ordering::Relaxed) >= self.arrivals.connections {
            seen.unsent += 1;
            return;
        }
        seen.phases[asked.phase].lateness.push(asked.due.elapsed().as_secs_f32());
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let Some(connection) = idle else {
            // Connecting may take its time; the next question must not wait for it.
            self.open.fetch_add(1, Ordering::Relaxed);
            handle.spawn(Arc::clone(self).connect(Some(asked)));
            return;
        };
        let request = &self.arrivals.questions[asked.question].request;
        if connection.ask(request).is_err() && connection.give_up() {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            seen.broken += 1;
        }
    }

    fn reserve(&self, asked: Asked) -> Option<Arc<Connection>> {
        loop {
            let connection = lock(&self.idle).pop()?;
            if connection.reserve(asked) {
                return Some(connection);
            }
        }
    }

    /// Opens a connection, asks its first question if there is one, and reads the answers.
    async fn connect(self: Arc<Self>, asked: Option<Asked>) {
        match TcpStream::connect(self.address).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                let connection = Arc::new(Connection::new(stream, asked));
                if let Some(Asked { question, .. }) = asked {
                    // If it fails, so does reading.
                    let request = &self.arrivals.questions[question].request;
                    let _ = connection.ask_first(request).await;
                } else {
                    lock(&self.idle).push(Arc::clone(&connection));
                }
                self.answers(&connection).await;
                if connection.give_up() {
                    self.lose();
                }
            }
            Err(_) if asked.is_some() => self.lose(),
            Err(_) => {}
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    fn lose(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        lock(&self.seen).broken += 1;
    }

    fn read(&self, runtime: &Runtime) {
        const LOOK: Duration = Duration::from_millis(20);
        self.arrivals.precedence.prepare_thread();
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

    /// Reads the answers of one connection until it ends.
    async fn answers(&self, connection: &Arc<Connection>) {
        let mut buffer = Vec::with_capacity(4 * 1024);
        while connection.read(&mut buffer).await {
            let Some(answer) = client::parse(&buffer) else { continue };
            let Some(asked) = connection.answered() else { return };
            self.count(asked, &answer, &buffer);
            buffer.clear();
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            lock(&self.idle).push(Arc::clone(connection));
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
