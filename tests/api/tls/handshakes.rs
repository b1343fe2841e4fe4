//! Versions, protocols, and those who speak something else.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};

use super::{get, start};
use crate::support::{
    Authority, Connection, Repository, Server, TlsFiles, connect, floats, infer_path, tls_client,
    trusting, until,
};

fn server(arguments: &[&str]) -> (Server, Authority, (TlsFiles, Repository)) {
    let authority = Authority::new();
    let files = TlsFiles::new(&authority.identity(), "");
    let repository = Repository::with(&["scale_1"]);
    let server = start(&repository, &files, false, &trusting(&authority), arguments);
    (server, authority, (files, repository))
}

#[test]
fn both_versions_that_are_safe_are_spoken_and_answers_are_the_same() {
    let (server, authority, _files) = server(&["--metrics-addr", "127.0.0.1:0"]);
    let body = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    for version in [&TLS12, &TLS13] {
        let client = tls_client(&[&authority], None, "http/1.1", &[version]);
        let mut connection = Connection::open_tls(server.address(), &client).expect("they agree");
        for _ in 0..2 {
            let answer = connection.post(&infer_path("scale_1"), body.as_bytes());
            assert_eq!((answer.status, &answer.json()["model_name"]), (200, &"scale_1".into()));
        }
        let metrics = Connection::open_tls(server.metrics_address(), &client);
        let page = metrics.expect("they agree").request("GET", "/metrics", &[], b"");
        assert!(page.text().contains("onnxd_connections{listener=\"http\"} 1\n"), "{page:?}");
    }
    server.stop();
}

/// The first message of a client that knows nothing newer than TLS 1.1.
fn old_hello() -> Vec<u8> {
    let mut hello = vec![0x03, 0x02];
    hello.extend([7; 32]);
    // No session; one cipher of that time; no compression; signatures that are known today, so
    // that nothing but the version is wrong.
    hello.extend([0, 0, 2, 0x00, 0x2f, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = |bytes: usize| u16::try_from(bytes).expect("it is short").to_be_bytes();
    let message = [&[1, 0], &length(hello.len())[..], &hello].concat();
    [&[0x16, 0x03, 0x01], &length(message.len())[..], &message].concat()
}

#[test]
fn a_version_of_long_ago_is_refused_by_an_alert() {
    let (server, _authority, _files) = server(&[]);
    let mut stream = connect(server.address());
    stream.write_all(&old_hello()).expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it closes the connection");
    // A fatal alert: protocol_version.
    assert_eq!((answer[0], &answer[5..]), (0x15, &[2, 70][..]), "{answer:?}");
    server.stop();
}

#[test]
fn a_client_for_another_protocol_is_refused_in_the_handshake() {
    let (server, authority, _files) = server(&["--grpc-addr", "127.0.0.1:0"]);
    for (address, spoken, other) in
        [(server.address(), "http/1.1", "h2"), (server.grpc_address(), "h2", "http/1.1")]
    {
        let client = |protocol| tls_client(&[&authority], None, protocol, rustls::ALL_VERSIONS);
        assert!(Connection::open_tls(address, &client(spoken)).is_ok());
        assert!(Connection::open_tls(address, &client(other)).is_err());
    }
    server.stop();
}

#[test]
fn who_speaks_something_else_is_no_trouble_for_others() {
    let (server, authority, _files) = server(&[]);
    let mut held = Connection::open_tls(server.address(), &trusting(&authority)).expect("agreed");
    for bytes in
        [&b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0; 64], b"\x16\x03\x01\xff\xff"]
    {
        let mut stream = connect(server.address());
        stream.write_all(bytes).expect("the server reads");
        // The last announces more than it sends, and goes.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        // It may be reset, for what was sent is not read.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert_eq!(held.request("GET", "/readyz", &[], b"").status, 200);
    assert_eq!(get(&server, &trusting(&authority), "/readyz").status, 200);
    server.stop();
}

#[test]
fn tls_to_a_server_without_it_is_no_trouble_for_others() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let authority = Authority::new();
    assert!(Connection::open_tls(server.address(), &trusting(&authority)).is_err());
    assert_eq!(server.get("/readyz").status, 200);
    server.stop();
}

#[test]
fn a_slow_handshake_is_cut_and_holds_up_nobody() {
    let (server, authority, _files) = server(&["--read-timeout", "1s"]);
    let began = Instant::now();
    let mut slow: Vec<_> = (0..20).map(|_| connect(server.address())).collect();
    for stream in &mut slow {
        stream.write_all(b"\x16\x03\x01").expect("the server reads");
    }
    assert_eq!(get(&server, &trusting(&authority), "/readyz").status, 200);
    assert!(began.elapsed() < Duration::from_secs(10), "others waited");
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    let waited = began.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(19)).contains(&waited), "{waited:?}");
    server.stop();
}

#[test]
fn a_handshake_under_way_does_not_hold_up_the_end() {
    let (server, _authority, _files) = server(&[]);
    let mut stream = connect(server.address());
    stream.write_all(b"\x16\x03\x01").expect("the server reads");
    let began = Instant::now();
    // With exit code 0: nothing was cut off.
    server.stop();
    assert!(began.elapsed() < Duration::from_secs(15), "it waited for the handshake");
}

#[test]
fn large_bodies_come_and_go_whole() {
    let (server, authority, _files) = server(&[]);
    let rows = 100_000;
    let data: Vec<f64> = (0..rows * 3).map(|number| f64::from(number % 1000)).collect();
    let body = floats(&[rows.try_into().expect("it is small"), 3], &data).to_string();
    let mut connection =
        Connection::open_tls(server.address(), &trusting(&authority)).expect("they agree");
    let answer =
        until("it is answered", || Some(connection.post(&infer_path("scale_1"), body.as_bytes())));
    assert_eq!(answer.status, 200);
    let given = &answer.json()["outputs"][0]["data"];
    assert_eq!(given.as_array().map(Vec::len), Some(data.len()));
    server.stop();
}
