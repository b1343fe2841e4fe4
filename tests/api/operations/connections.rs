//! How many connections there may be, and how large a head.

use std::io::Read;

use crate::support::{Connection, Repository, Server, connect, floats, infer_path, until};

#[test]
fn connections_above_the_limit_are_closed_at_once_and_counted() {
    let repository = Repository::with(&["scale_1"]);
    let arguments = ["--max-connections", "3", "--metrics-addr", "127.0.0.1:0"];
    let server = Server::launch(repository.path(), &arguments);
    let mut metrics = Connection::open(server.metrics_address());
    let mut has = |line: &str| {
        let page = metrics.request("GET", "/metrics", &[], b"");
        page.text().lines().any(|known| known == line)
    };
    let mut held: Vec<Connection> = (0..3).map(|_| server.connect()).collect();
    until("they are open", || has("onnxd_connections{listener=\"http\"} 3").then_some(()));
    let mut rest = Vec::new();
    // Closed, or reset.
    let _ = connect(server.address()).read_to_end(&mut rest);
    assert_eq!(rest, b"");
    assert!(has("onnxd_connections_refused_total{listener=\"http\"} 1"));
    // The others go on, and each address has places of its own.
    assert_eq!(held[0].request("GET", "/healthz", &[], b"").status, 200);
    assert!(has("onnxd_connections{listener=\"metrics\"} 1"));
    drop(held.pop());
    until("there is a place again", || has("onnxd_connections{listener=\"http\"} 2").then_some(()));
    assert_eq!(server.connect().request("GET", "/healthz", &[], b"").status, 200);
    server.stop();
}

#[test]
fn a_head_has_at_most_100_headers_and_16_kib() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let status = |headers: &[(&str, &str)]| {
        // What is not read any more may reset the connection before the answer is.
        let answer = server.connect().try_request("GET", "/healthz", headers);
        answer.map_or(431, |answer| answer.status)
    };
    // Host and Content-Length come on top.
    assert_eq!(status(&[("a", "b"); 98]), 200);
    assert_eq!(status(&[("a", "b"); 99]), 431);
    assert_eq!(status(&[("a", &"b".repeat(16_000))]), 200);
    assert_eq!(status(&[("a", &"b".repeat(17_000))]), 431);
    // Bodies may be larger than heads, also in the same packets.
    let rows = 10_000;
    let body = floats(&[rows, 3], &vec![1.5; rows * 3]).to_string();
    let answer = server.connect().post(&infer_path("scale_1"), body.as_bytes());
    assert_eq!(answer.status, 200);
    server.stop();
}

#[test]
fn the_process_may_open_as_many_files_as_it_may_allow_itself() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if let Some(most) = limits.maximum {
        assert_eq!(server.metric("process_max_fds"), most);
    }
    server.stop();
}
