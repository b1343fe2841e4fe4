//! Every mistake that a client can make with a request has its status and its message, and
//! costs nobody else anything: after each, the same connection gets a right answer.

mod binary;
mod coding;
mod http;
mod non_finite;
mod v1;
mod v2;

use crate::support::{Answer, Connection, Repository, Server, floats, infer_path};

/// Fixtures that the requests of this module go to.
const FIXTURES: [&str; 8] = [
    "symbolic_batch",
    "symbolic_many",
    "two_inputs",
    "scale_1",
    "dtype_int64",
    "dtype_bool",
    "dtype_bytes",
    "dtype_fp16",
];

/// The largest body that the servers here accept.
const MAX_BODY: usize = 20_000;

/// Sends one request, checks that the connection then still answers a good one, and that
/// the log stays quiet.
fn answer_to(send: impl FnOnce(&mut Connection) -> Answer) -> Answer {
    let repository = Repository::with(&FIXTURES);
    let server = Server::start(repository.path(), &["--max-body", &MAX_BODY.to_string()]);
    let mut connection = server.connect();
    let answer = send(&mut connection);
    if answer.header("connection") != Some("close") {
        assert_good(&mut connection);
    }
    assert_good(&mut server.connect());
    server.stop();
    answer
}

fn assert_good(connection: &mut Connection) {
    let request = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let answer = connection.post(&infer_path("symbolic_batch"), request.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["outputs"][0]["data"], serde_json::json!([22.5, 27.5]));
}

/// Status and message of the answer to a body.
fn error_of(path: &str, body: impl AsRef<[u8]>) -> (u16, String) {
    answer_to(|connection| connection.post(path, body.as_ref())).error()
}

fn bad_request(message: &str) -> (u16, String) {
    (400, message.to_owned())
}

fn not_found(message: &str) -> (u16, String) {
    (404, message.to_owned())
}

fn too_large() -> (u16, String) {
    (413, "the body is larger than the limit of 20000 bytes".to_owned())
}
