//! Connections that do next to nothing, and would like to be waited for.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::attack::Orders;
use super::{frames, peers};

/// Connections that send a byte a second.
pub const SLOW: usize = 600;
pub const IDLE: usize = 10_000;
/// Of those that are idle, opened a second.
const OPENED: u32 = 4_000;
const PAUSE: Duration = Duration::from_secs(1);

const HEAD: &[u8] = b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: localhost\r\n";
const BODY: &[u8] =
    b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{";

/// Two thirds over HTTP, one to gRPC, where the first bytes are those of HTTP/2.
pub async fn heads(orders: &Orders) {
    slow(
        orders,
        |grpc| if grpc { frames::PREFACE.to_vec() } else { HEAD.to_vec() },
        |_| b"x".to_vec(),
    )
    .await;
}

/// The same with bodies: over gRPC a message is announced, and comes in frames of one byte.
pub async fn bodies(orders: &Orders) {
    let begin = |grpc: bool| {
        if !grpc {
            return BODY.to_vec();
        }
        let head = frames::call("/inference.GRPCInferenceService/ModelInfer", &[]);
        let message = [0, 0, 1, 0, 0];
        [
            &frames::opening()[..],
            &frames::frame(frames::HEADERS, frames::END_HEADERS, 1, &head),
            &frames::frame(frames::DATA, 0, 1, &message),
        ]
        .concat()
    };
    let go_on = |grpc: bool| {
        if grpc { frames::frame(frames::DATA, 0, 1, b"x") } else { b"1".to_vec() }
    };
    slow(orders, begin, go_on).await;
}

/// Opens connections and sends on each of them what goes on, once a second; one that the server
/// ends comes again.
async fn slow(
    orders: &Orders,
    begin: impl Fn(bool) -> Vec<u8> + Copy + Send + 'static,
    go_on: impl Fn(bool) -> Vec<u8> + Copy + Send + 'static,
) {
    for number in 0..SLOW {
        let orders = orders.clone();
        tokio::spawn(async move {
            let grpc = number % 3 == 0;
            let to = if grpc { orders.grpc } else { orders.http };
            tokio::time::sleep(PAUSE.mul_f64(number as f64 / SLOW as f64)).await;
            loop {
                if let Ok(stream) = peers::connect(to, number).await {
                    orders.counts.add("opened", 1);
                    drip(stream, &begin(grpc), &go_on(grpc)).await;
                    orders.counts.add("ended by the server", 1);
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    tokio::time::sleep(PAUSE).await;
    orders.go_on().await;
}

async fn drip(mut stream: TcpStream, begin: &[u8], go_on: &[u8]) {
    let (mut reader, mut writer) = stream.split();
    let writing = async {
        let mut sent = writer.write_all(begin).await;
        while sent.is_ok() {
            tokio::time::sleep(PAUSE).await;
            sent = writer.write_all(go_on).await;
        }
    };
    let reading = async {
        let mut buffer = [0; 1024];
        while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! { () = writing => {}, () = reading => {} }
}

/// Ten thousand that say nothing: over HTTP, where the quiet client is.
pub async fn idle(orders: &Orders) {
    let mut step = tokio::time::interval(Duration::from_secs(1) / OPENED);
    for number in 0..IDLE {
        step.tick().await;
        let orders = orders.clone();
        tokio::spawn(async move {
            loop {
                match peers::connect(orders.http, number).await {
                    Ok(mut stream) => {
                        orders.counts.add("opened", 1);
                        let mut buffer = [0; 64];
                        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
                        orders.counts.add("ended by the server", 1);
                    }
                    Err(_) => orders.counts.add("refused", 1),
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    orders.go_on().await;
}
