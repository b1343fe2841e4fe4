//! A load of constant rate: requests are sent when they are due, whether or not the server
//! keeps up, and latency counts from when they were due.
//!
//! Unlike `open.rs` it spaces questions evenly over a fixed number of connections, one
//! thread each. The swaps keep it: what they look for is one stall in many requests, and
//! the bunches of random arrivals would be a second reason for a long tail.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::client::parse;
use crate::question::Check;

/// What one kind of client asks.
#[derive(Clone)]
pub struct Kind {
    pub request: Arc<[u8]>,
    pub check: Check,
    pub connections: usize,
}

/// Clients that go on until told to stop.
pub struct Steady {
    stop: Arc<AtomicBool>,
    phase: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Seen>>,
}

/// What clients saw.
#[derive(Default)]
pub struct Seen {
    /// Phase and seconds of each answer.
    latencies: Vec<(usize, f32)>,
    pub failed: u64,
}

impl Seen {
    pub fn answered(&self) -> usize {
        self.latencies.len()
    }

    /// The 99th percentile of the answers that were due in this phase.
    pub fn p99(&self, wanted: usize) -> Duration {
        let mut latencies: Vec<f32> =
            self.latencies.iter().filter(|(phase, _)| *phase == wanted).map(|(_, l)| *l).collect();
        latencies.sort_by(f32::total_cmp);
        let index = latencies.len().saturating_sub(1) * 99 / 100;
        Duration::from_secs_f32(latencies.get(index).copied().unwrap_or_default())
    }
}

impl Steady {
    /// Starts the clients; all of them together send `rate` requests a second, or as many as
    /// are answered.
    pub fn start(address: SocketAddr, kind: &Kind, rate: Option<f64>) -> Self {
        let (stop, phase) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let started = Instant::now();
        let client = |client| {
            let (kind, stop, phase) = (kind.clone(), Arc::clone(&stop), Arc::clone(&phase));
            let pace = rate.map(|rate| Pace {
                next: started + Duration::from_secs_f64(client as f64 / rate),
                step: Duration::from_secs_f64(kind.connections as f64 / rate),
            });
            thread::spawn(move || run(address, &kind, &stop, &phase, pace))
        };
        let clients = (0..kind.connections).map(client).collect();
        Self { stop, phase, clients }
    }

    /// Answers count for this phase from now on.
    pub fn enter(&self, phase: usize) {
        self.phase.store(phase, Ordering::SeqCst);
    }

    pub fn end(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Seen::default();
        for client in self.clients {
            let seen = client.join().expect("a client does not panic");
            all.latencies.extend(seen.latencies);
            all.failed += seen.failed;
        }
        all
    }
}

struct Pace {
    next: Instant,
    step: Duration,
}

fn run(
    address: SocketAddr,
    kind: &Kind,
    stop: &AtomicBool,
    phase: &AtomicUsize,
    mut pace: Option<Pace>,
) -> Seen {
    let mut seen = Seen::default();
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = Vec::with_capacity(64 * 1024);
    while !stop.load(Ordering::Relaxed) {
        let due = match &mut pace {
            Some(pace) => {
                let due = pace.next;
                pace.next += pace.step;
                sleep(due.saturating_duration_since(Instant::now()));
                due
            }
            None => Instant::now(),
        };
        let phase = phase.load(Ordering::Relaxed);
        match ask(&mut stream, &kind.request, &mut buffer) {
            Some((200, body)) if (kind.check)(&buffer[body.clone()]) => {
                seen.latencies.push((phase, due.elapsed().as_secs_f32()));
            }
            other => {
                let body = other.as_ref().map(|(_, body)| buffer[body.clone()].to_vec());
                let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
                eprintln!("wrong answer: {:?} {body}", other.map(|(status, _)| status));
                seen.failed += 1;
                if let Ok(again) = TcpStream::connect(address) {
                    stream = again;
                }
            }
        }
    }
    seen
}

fn ask(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> Option<(u16, std::ops::Range<usize>)> {
    stream.write_all(request).ok()?;
    buffer.clear();
    let mut chunk = [0; 16 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
        if let Some(answer) = parse(buffer) {
            return Some((answer.status, answer.body..answer.end));
        }
    }
}
