//! A thin closed-loop client: prepared request bytes, keep-alive connections, one thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::question::Question;
use crate::seen::quantile;

/// What came of a load.
#[derive(Default, Clone, Debug)]
pub struct Outcome {
    pub answered: u64,
    /// Rows of those answers.
    pub rows: u64,
    /// Answers that were not 200, or not what `check` wants.
    pub wrong: u64,
    /// Connections that broke.
    pub broken: u64,
    pub elapsed: Duration,
    /// Seconds, sorted.
    pub latencies: Vec<f32>,
}

impl Outcome {
    pub fn rate(&self) -> f64 {
        let answered = self.answered as f64;
        answered / self.elapsed.as_secs_f64()
    }

    pub fn rows_rate(&self) -> f64 {
        let rows = self.rows as f64;
        rows / self.elapsed.as_secs_f64()
    }

    pub fn quantile(&self, q: f64) -> Duration {
        quantile(&self.latencies, q)
    }

    /// Ends the run if an answer was wrong or did not come.
    pub fn must_be_right(&self, scenario: &str) {
        let failed = (self.wrong, self.broken);
        assert_eq!(failed, (0, 0), "{scenario}: wrong answers, broken connections");
    }
}

/// Whether the text is in the body.
pub fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A POST with everything it needs.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Asks the questions in turn, over and over, on each of `connections` connections for
/// `duration`.
pub fn load(
    address: SocketAddr,
    questions: &[Question],
    connections: usize,
    duration: Duration,
) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let questions: Arc<[Question]> = questions.into();
    runtime.block_on(async {
        let started = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .map(|index| {
                // Connections begin at different questions.
                let first = index * questions.len() / connections;
                tokio::spawn(connection(address, Arc::clone(&questions), first, started + duration))
            })
            .collect();
        let mut total = Outcome::default();
        for task in tasks {
            let one = task.await.expect("a client task does not panic");
            total.answered += one.answered;
            total.rows += one.rows;
            total.wrong += one.wrong;
            total.broken += one.broken;
            total.latencies.extend(one.latencies);
        }
        total.elapsed = started.elapsed();
        total.latencies.sort_by(f32::total_cmp);
        total
    })
}

async fn connection(
    address: SocketAddr,
    questions: Arc<[Question]>,
    first: usize,
    until: Instant,
) -> Outcome {
    let mut outcome = Outcome::default();
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else {
        outcome.broken = 1;
        return outcome;
    };
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(64 * 1024);
    for question in questions.iter().cycle().skip(first) {
        let asked = Instant::now();
        if asked >= until {
            break;
        }
        if stream.write_all(&question.request).await.is_err() {
            outcome.broken += 1;
            return outcome;
        }
        buffer.clear();
        let answer = loop {
            if let Some(answer) = parse(&buffer) {
                break answer;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => {
                    outcome.broken += 1;
                    return outcome;
                }
                Ok(_) => {}
            }
        };
        outcome.answered += 1;
        outcome.latencies.push(asked.elapsed().as_secs_f32());
        if answer.status == 200 && (question.check)(&buffer[answer.body..answer.end]) {
            outcome.rows += question.rows as u64;
        } else {
            outcome.wrong += 1;
        }
    }
    outcome
}

pub struct Answer {
    pub status: u16,
    pub body: usize,
    pub end: usize,
}

/// The answer in the buffer, once it is whole.
pub fn parse(buffer: &[u8]) -> Option<Answer> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length: usize = text
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0);
    let body = head + 4;
    (buffer.len() >= body + length).then_some(Answer { status, body, end: body + length })
}

/// The status of one request on a connection of its own; 0 if there is no answer.
pub fn once(address: SocketAddr, request: &[u8]) -> u16 {
    const NO_ANSWER: u16 = 0;
    fetch(address, request).map_or(NO_ANSWER, |(status, _)| status)
}

/// Status and body of one request on a connection of its own.
pub fn fetch(address: SocketAddr, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    Connection::open(address)?.ask(request)
}

/// Asks one question after the other.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self(stream))
    }

    /// Status and body of the answer; `None` if the connection breaks.
    pub fn ask(&mut self, request: &[u8]) -> Option<(u16, Vec<u8>)> {
        self.0.write_all(request).ok()?;
        let mut buffer = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some(answer) = parse(&buffer) {
                return Some((answer.status, buffer[answer.body..answer.end].to_vec()));
            }
            match self.0.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }
}
