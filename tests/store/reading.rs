//! The same bytes arrive whatever happens on the way, or one clear error.

use std::io::Read;
use std::time::{Duration, Instant};

use onnxd::store::{Error, Found, Stores};

use super::server::{Fault, Server};

const MEBIBYTE: usize = 1 << 20;

/// Bytes that differ everywhere.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

fn one(stores: &Stores, text: &str) -> Found {
    let mut found = stores.find(text).expect("it is there");
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn whole(stores: &Stores, found: &Found, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut reader = stores.sequential(found, offset).expect("it opens");
    reader.read_to_end(&mut content).map(|_| content)
}

#[test]
fn twenty_mebibytes_through_ten_cuts_are_the_same_bytes() {
    let server = Server::start();
    let content = noise(20 * MEBIBYTE);
    server.put("d/x.csv", content.clone());
    server.breaks(|request, number| {
        (request.method == "GET" && number < 10).then_some(Fault::Cut(1_900_000))
    });
    let stores = server.stores(3);
    let found = one(&stores, "s3://bucket/d/x.csv");
    assert!(whole(&stores, &found, 0).expect("it arrives") == content);
    let state = server.state();
    let gets: Vec<_> = state.log.iter().filter(|request| request.method == "GET").collect();
    assert_eq!(gets.len(), 11);
    assert!(gets.iter().all(|get| get.headers.contains_key("if-match")));
    let starts: Vec<usize> = gets[1..]
        .iter()
        .map(|get| get.headers["range"][6..].trim_end_matches('-').parse().expect("a number"))
        .collect();
    assert!(
        starts[0] > 0 && starts.is_sorted(),
        "each continues behind the one before: {starts:?}"
    );
}

#[test]
fn errors_silence_and_cuts_of_all_kinds_are_overcome() {
    let server = Server::start();
    let content = noise(3 * MEBIBYTE);
    server.put("x.bin", content.clone());
    server.breaks(|request, number| match (request.method.as_str(), number) {
        ("GET" | "HEAD", 0) => Some(Fault::Status(500)),
        ("GET" | "HEAD", 1) => Some(Fault::Status(429)),
        ("GET" | "HEAD", 2) => Some(Fault::Silence),
        ("GET", 3) => Some(Fault::Lost),
        ("GET", 4) => Some(Fault::Cut(MEBIBYTE)),
        ("GET", 5) => Some(Fault::Status(503)),
        _ => None,
    });
    let stores = server.stores(6);
    let found = one(&stores, "s3://bucket/x.bin");
    assert!(whole(&stores, &found, 0).expect("it arrives") == content);
}

#[test]
fn any_range_can_be_read_and_is_resumed_within() {
    let server = Server::start();
    let content = noise(3 * MEBIBYTE);
    server.put("x.bin", content.clone());
    server.breaks(|request, number| {
        (request.method == "GET" && number < 3).then_some(Fault::Cut(200_000))
    });
    let stores = server.stores(3);
    let file = stores.open(&one(&stores, "s3://bucket/x.bin")).expect("it opens");
    assert_eq!(file.len(), content.len() as u64);
    let mut buffer = vec![0; MEBIBYTE];
    file.read_at(777, &mut buffer).expect("it arrives");
    assert!(buffer == content[777..777 + MEBIBYTE]);
    let error =
        file.read_at(content.len() as u64 - 1, &mut buffer[..2]).expect_err("it is too far");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn reading_begins_where_it_is_told_to_and_ends_at_the_end() {
    let server = Server::start();
    let content = noise(9 * MEBIBYTE);
    server.put("x.bin", content.clone());
    let stores = server.stores(3);
    let found = one(&stores, "s3://bucket/x.bin");
    for offset in [1, 8 * MEBIBYTE, 9 * MEBIBYTE - 1, 9 * MEBIBYTE, 10 * MEBIBYTE] {
        let rest = whole(&stores, &found, offset as u64).expect("it arrives");
        assert!(rest == content[offset.min(content.len())..], "{offset}");
    }
    server.put("empty", "");
    assert!(whole(&stores, &one(&stores, "s3://bucket/empty"), 0).expect("it arrives").is_empty());
}

#[test]
fn what_always_fails_ends_in_one_clear_error_within_bounded_tries() {
    let server = Server::start();
    server.put("d/x.csv", noise(MEBIBYTE));
    let stores = server.stores(4);
    let found = one(&stores, "s3://bucket/d/x.csv");
    server.breaks(|request, _| (request.method == "GET").then_some(Fault::Status(503)));
    let error = whole(&stores, &found, 0).expect_err("it cannot be read").to_string();
    assert_eq!(error, "cannot read s3://bucket/d/x.csv: the server answered 503, 4 times in a row");
    let gets = server.lines().iter().filter(|line| line.starts_with("GET")).count();
    assert_eq!(gets, 4);
    // A few bytes each time are no progress.
    server.breaks(|request, _| (request.method == "GET").then_some(Fault::Cut(100)));
    let error = whole(&stores, &found, 0).expect_err("it cannot be read").to_string();
    assert!(
        error.contains("the transfer broke off: ") && error.ends_with("4 times in a row"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn once_broken_a_file_does_not_end_as_if_it_were_whole() {
    let server = Server::start();
    server.put("x.bin", noise(9 * MEBIBYTE));
    let stores = server.stores(2);
    let found = one(&stores, "s3://bucket/x.bin");
    server.breaks(|request, number| match (request.method.as_str(), number) {
        ("GET", 0) => Some(Fault::Cut(8 * MEBIBYTE + 100)),
        ("GET", _) => Some(Fault::Status(403)),
        _ => None,
    });
    let mut reader = stores.sequential(&found, 0).expect("it opens");
    let mut buffer = vec![0; 8 * MEBIBYTE];
    reader.read_exact(&mut buffer).expect("the first block is whole");
    for _ in 0..2 {
        let error = reader.read(&mut buffer).expect_err("the second is not").to_string();
        assert_eq!(error, "cannot read s3://bucket/x.bin: permission denied");
    }
}

#[test]
fn refusals_that_stay_are_not_tried_again() {
    let server = Server::start();
    server.put("x.csv", "a,b\n");
    server.breaks(|_, _| Some(Fault::Status(403)));
    let error = server.stores(9).find("s3://bucket/x.csv").expect_err("it is refused");
    assert_eq!(error.to_string(), "cannot read s3://bucket/x.csv: permission denied");
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error_that_says_so() {
    let server = Server::start();
    server.put("x.bin", noise(MEBIBYTE));
    let stores = server.stores(3);
    let found = one(&stores, "s3://bucket/x.bin");
    let again = server.clone();
    server.breaks(|request, number| {
        (request.method == "GET" && number == 0).then_some(Fault::Cut(300_000))
    });
    let mut reader = stores.sequential(&found, 0).expect("it opens");
    again.put("x.bin", vec![7; MEBIBYTE]);
    let error = reader.read_to_end(&mut Vec::new()).expect_err("it changed").to_string();
    assert_eq!(error, "cannot read s3://bucket/x.bin: it changed while it was read");
    let file = stores.open(&found).expect("it opens");
    let error = file.read_at(5, &mut [0; 5]).expect_err("it changed").to_string();
    assert_eq!(error, "cannot read s3://bucket/x.bin: it changed while it was read");
    assert_ne!(one(&stores, "s3://bucket/x.bin").identity, found.identity);
}

#[test]
fn a_store_that_cannot_be_reached_is_named() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    drop(listener);
    let url = format!("http://{address}/x.csv");
    let error = Server::start().stores(2).find(&url).expect_err("nobody is there");
    assert_eq!(error.to_string(), format!("cannot read {url}: cannot connect, 2 times in a row"));
}

#[test]
fn a_web_server_without_ranges_is_read_from_end_to_end() {
    let server = Server::start();
    let content = noise(5 * MEBIBYTE);
    server.put("a b.bin", content.clone());
    server.state().no_ranges = true;
    server.breaks(|request, number| {
        (request.method == "GET" && number < 3).then_some(Fault::Cut(2 * MEBIBYTE))
    });
    let stores = server.stores(4);
    let found = one(&stores, &server.web("a%20b.bin"));
    assert!(whole(&stores, &found, 0).expect("it arrives") == content);
    server.breaks(|_, _| None);
    let file = stores.open(&found).expect("it opens");
    let mut buffer = vec![0; content.len()];
    file.read_at(0, &mut buffer).expect("the whole is no part");
    assert!(buffer == content);
    let error = file.read_at(5, &mut [0; 5]).expect_err("a part is").to_string();
    assert!(error.ends_with("the server does not send parts of a file"), "{error}");
}

#[test]
fn the_network_works_ahead_by_one_block_and_no_more() {
    let server = Server::start();
    server.put("x.bin", noise(64 * MEBIBYTE));
    let stores = server.stores(3);
    let mut reader = stores.sequential(&one(&stores, "s3://bucket/x.bin"), 0).expect("it opens");
    reader.read_exact(&mut vec![0; MEBIBYTE]).expect("it arrives");
    // The first block is not read to its end, and the second comes.
    let began = Instant::now();
    while server.state().sent < 16 * MEBIBYTE {
        assert!(began.elapsed() < Duration::from_mins(1), "only {} came", server.state().sent);
        std::thread::sleep(Duration::from_millis(5));
    }
    // More lies only in the buffers of the connection.
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.state().sent < 40 * MEBIBYTE, "{} came", server.state().sent);
}

#[test]
fn inputs_that_are_not_there_are_named() {
    let server = Server::start();
    let stores = server.stores(2);
    for text in ["s3://bucket/no.csv", "s3://bucket/d/*.csv", "/no/such/x.csv", "no-such/*.csv"] {
        match stores.find(text) {
            Err(Error::NoMatch(named)) => assert_eq!(named, text),
            other => panic!("{text}: {other:?}"),
        }
    }
}
