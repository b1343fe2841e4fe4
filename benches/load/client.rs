//! A thin closed-loop client: prepared request bytes, keep-alive connections, one thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What came of a load.
#[derive(Default, Clone, Debug)]
pub struct Outcome {
    pub answered: u64,
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

    pub fn quantile(&self, q: f64) -> Duration {
        if self.latencies.is_empty() {
            return Duration::ZERO;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into the list"
        )]
        let index = ((self.latencies.len() - 1) as f64 * q) as usize;
        Duration::from_secs_f32(self.latencies[index])
    }
}

/// Whether the text is in the body.
pub fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Decides whether an answer's body is right.
pub type Check = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A POST with everything it needs.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends the request over and over on `connections` connections for `duration`.
pub fn load(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    duration: Duration,
    check: &Check,
) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let request: Arc<[u8]> = request.into();
    runtime.block_on(async {
        let started = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .map(|_| {
                let (request, check) = (Arc::clone(&request), Arc::clone(check));
                tokio::spawn(connection(address, request, started + duration, check))
            })
            .collect();
        let mut total = Outcome::default();
        for task in tasks {
            let one = task.await.expect("a client task does not panic");
            total.answered += one.answered;
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
    request: Arc<[u8]>,
    until: Instant,
    check: Check,
) -> Outcome {
    let mut outcome = Outcome::default();
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else {
        outcome.broken = 1;
        return outcome;
    };
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let asked = Instant::now();
        if asked >= until {
            return outcome;
        }
        if stream.write_all(&request).await.is_err() {
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
        if answer.status != 200 || !check(&buffer[answer.body..answer.end]) {
            outcome.wrong += 1;
        }
    }
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
    let Ok(mut stream) = TcpStream::connect(address) else { return NO_ANSWER };
    if stream.write_all(request).is_err() {
        return NO_ANSWER;
    }
    let mut buffer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(answer) = parse(&buffer) {
            return answer.status;
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return NO_ANSWER,
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}
