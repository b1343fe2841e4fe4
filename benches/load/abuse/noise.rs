//! Random bytes on every port, some behind a beginning that is right, so that they come further.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::attack::{Orders, repeat};
use super::{frames, peers};
use crate::random::Random;

const CONNECTIONS: usize = 24;
/// Connections a second, all together.
const RATE: f64 = 200.0;
const LONGEST: usize = 8 * 1024;
/// Pieces of one connection.
const PIECES: usize = 8;

pub async fn random_bytes(orders: &Orders) {
    let all = orders.clone();
    repeat(orders, CONNECTIONS, RATE, move |task, turn| {
        let orders = all.clone();
        async move {
            let mut random = Random::new(turn * CONNECTIONS as u64 + task as u64);
            let to = [orders.http, orders.grpc, orders.metrics][task % 3];
            let Ok(mut stream) = peers::connect(to, task).await else { return };
            orders.counts.add("connections", 1);
            if stream.write_all(&beginning(&mut random)).await.is_err() {
                return;
            }
            for _ in 0..=random.below(PIECES) {
                let piece = bytes(&mut random);
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
                orders.counts.add("bytes", piece.len() as u64);
                // Whatever it says: it must not wait for somebody who does not read.
                let mut buffer = [0; 1024];
                let _ = stream.try_read(&mut buffer);
            }
            // Half of them leave without a word, half look at the answer first.
            if random.chance(0.5) {
                let wait = std::time::Duration::from_millis(50);
                let _ = tokio::time::timeout(wait, stream.read(&mut [0; 1024])).await;
            }
        }
    })
    .await;
}

/// Nothing, or what a client of some protocol begins with.
fn beginning(random: &mut Random) -> Vec<u8> {
    let infer = "POST /v2/models/digits/infer HTTP/1.1\r\nHost: localhost\r\n";
    match random.below(8) {
        0 => b"GET /metrics HTTP/1.1\r\n".to_vec(),
        1 => format!("{infer}Content-Length: 1000\r\n\r\n").into_bytes(),
        2 => format!("{infer}Transfer-Encoding: chunked\r\n\r\n").into_bytes(),
        3 => format!(
            "{infer}Inference-Header-Content-Length: 10\r\nContent-Length: 500\r\n\r\n{{\"inputs\":["
        )
        .into_bytes(),
        4 => frames::PREFACE.to_vec(),
        5 => frames::opening(),
        6 => {
            let head = frames::call("/inference.GRPCInferenceService/ModelInfer", &[]);
            let head = frames::frame(frames::HEADERS, frames::END_HEADERS, 1, &head);
            let payload = bytes(random);
            let data = frames::frame(frames::DATA, frames::END_STREAM, 1, &payload);
            [&frames::opening()[..], &head, &data].concat()
        }
        _ => Vec::new(),
    }
}

fn bytes(random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(LONGEST);
    let words = (0..length.div_ceil(8)).flat_map(|_| random.number().to_le_bytes());
    words.take(length).collect()
}
