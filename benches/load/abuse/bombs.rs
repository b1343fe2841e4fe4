//! Bodies of a megabyte that are a gigabyte once they are unpacked.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;

use super::attack::{Orders, repeat};
use super::{peers, read};

const UNPACKED: usize = 1 << 30;
/// At the same time.
pub const CONNECTIONS: usize = 8;
/// A second. Each costs the server what unpacking up to `max-body` costs, about a twentieth of a
/// second of a core.
const RATE: f64 = 5.0;
const MODEL: &str = "/v2/models/digits/infer";
const CALL: &str = "/inference.GRPCInferenceService/ModelInfer";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

const GZIP: &str = "gzip";
const DEFLATE: &str = "deflate";

/// Packs them once for all rounds.
pub fn write() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let file = |name| File::create(directory.path().join(name)).expect("a file");
    let mut gzip = GzEncoder::new(file(GZIP), Compression::best());
    fill(&mut gzip).and_then(|()| gzip.finish()).expect("there is room");
    let mut zlib = ZlibEncoder::new(file(DEFLATE), Compression::best());
    fill(&mut zlib).and_then(|()| zlib.finish()).expect("there is room");
    directory
}

/// Spaces: legal JSON for as long as it goes on.
fn fill(to: &mut impl Write) -> io::Result<()> {
    let piece = vec![b' '; 1 << 20];
    for _ in 0..UNPACKED / piece.len() {
        to.write_all(&piece)?;
    }
    Ok(())
}

pub async fn over_http(orders: &Orders, directory: &Path) {
    let requests = [GZIP, DEFLATE].map(|coding| {
        let body = read(&directory.join(coding));
        let length = body.len();
        let head = format!(
            "POST {MODEL} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
        );
        std::rc::Rc::<[u8]>::from([head.as_bytes(), &body].concat())
    });
    let all = orders.clone();
    repeat(orders, CONNECTIONS, RATE, move |task, _| {
        let (orders, request) = (all.clone(), requests[task % 2].clone());
        async move {
            let Ok(stream) = peers::connect(orders.http, task).await else { return };
            let answer = peers::answer(stream, &request).await;
            orders.counts.add(&answer, 1);
        }
    })
    .await;
}

/// As one packed message of `ModelInfer`, by a client that keeps to the rules of HTTP/2: one that
/// sends more than it may is told to go away before anything is unpacked.
pub async fn over_grpc(orders: &Orders, directory: &Path) {
    let packed = read(&directory.join(GZIP));
    let length = u32::try_from(packed.len()).expect("a megabyte").to_be_bytes();
    let message = Bytes::from([&[1][..], &length, &packed].concat());
    let all = orders.clone();
    repeat(orders, CONNECTIONS, RATE, move |task, _| {
        let (orders, message) = (all.clone(), message.clone());
        async move {
            let call = tokio::time::timeout(PATIENCE, call(orders.grpc, task, message));
            let answer = call.await.unwrap_or_else(|_| "no answer".to_owned());
            orders.counts.add(&answer, 1);
        }
    })
    .await;
}

async fn call(address: SocketAddr, task: usize, message: Bytes) -> String {
    let Ok(stream) = peers::connect(address, task).await else { return "not connected".to_owned() };
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let Ok((mut sender, connection)) = handshake else { return "no HTTP/2".to_owned() };
    tokio::spawn(connection);
    let request = http::Request::post(format!("http://{address}{CALL}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-encoding", GZIP)
        .body(Full::new(message))
        .expect("a request");
    let Ok(answer) = sender.send_request(request).await else { return "broken".to_owned() };
    let told = answer.headers().get("grpc-status").cloned();
    let trailers =
        answer.into_body().collect().await.ok().and_then(|body| {
            body.trailers().and_then(|trailers| trailers.get("grpc-status").cloned())
        });
    let status = told.or(trailers).and_then(|status| status.to_str().map(str::to_owned).ok());
    format!("grpc-status {}", status.as_deref().unwrap_or("none"))
}
