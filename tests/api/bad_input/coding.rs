//! Bodies that are too large or wrongly compressed.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{MAX_BODY, answer_to, bad_request, too_large};
use crate::support::{Answer, floats, infer_path};

fn answer(headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let path = infer_path("symbolic_batch");
    answer_to(|connection| connection.request("POST", &path, headers, body))
}

fn encoded_error(coding: &str, body: &[u8]) -> (u16, String) {
    answer(&[("Content-Encoding", coding)], body).error()
}

fn good() -> Vec<u8> {
    floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string().into_bytes()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// In pieces of 4 kB.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in body.chunks(4096) {
        text.extend(format!("{:x}\r\n", piece.len()).bytes());
        text.extend(piece);
        text.extend(b"\r\n");
    }
    text.extend(b"0\r\n\r\n");
    text
}

#[test]
fn a_body_over_the_limit_is_too_large() {
    assert_eq!(answer(&[], &vec![b' '; MAX_BODY + 1]).error(), too_large());
}

#[test]
fn a_chunked_body_over_the_limit_is_too_large() {
    let body = chunked(&vec![b' '; MAX_BODY + 1]);
    assert_eq!(answer(&[("Transfer-Encoding", "chunked")], &body).error(), too_large());
}

#[test]
fn an_announced_length_over_the_limit_is_refused_before_the_body_comes() {
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: onnxd\r\nContent-Length: 99999999999999\r\n\r\n",
        infer_path("symbolic_batch")
    );
    let answer = answer_to(|connection| {
        connection.send(head.as_bytes());
        let answer = connection.answer();
        assert!(connection.try_answer().is_err(), "the connection cannot go on");
        Answer { headers: vec![("connection".to_owned(), "close".to_owned())], ..answer }
    });
    assert_eq!(answer.status, 413);
}

#[test]
fn a_body_of_just_the_limit_is_read() {
    let mut body = good();
    body.resize(MAX_BODY, b' ');
    assert_eq!(answer(&[], &body).status, 200);
    assert_eq!(answer(&[("Transfer-Encoding", "chunked")], &chunked(&body)).status, 200);
}

#[test]
fn a_gzip_bomb_is_too_large() {
    let bomb = gzip(&vec![b' '; 10_000_000]);
    assert!(bomb.len() < MAX_BODY);
    assert_eq!(encoded_error("gzip", &bomb), too_large());
}

#[test]
fn a_deflate_bomb_is_too_large() {
    assert_eq!(encoded_error("deflate", &deflate(&vec![b' '; 10_000_000])), too_large());
}

#[test]
fn a_body_that_is_no_gzip_is_refused() {
    let message = "the body is not valid gzip: invalid gzip header";
    assert_eq!(encoded_error("gzip", &good()), bad_request(message));
}

#[test]
fn truncated_gzip_is_refused() {
    let packed = gzip(&good());
    let message = "the body is not valid gzip: incomplete deflate stream";
    assert_eq!(encoded_error("gzip", &packed[..packed.len() - 12]), bad_request(message));
}

#[test]
fn gzip_with_a_wrong_checksum_is_refused() {
    let mut packed = gzip(&good());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let message =
        "the body is not valid gzip: corrupt gzip stream does not have a matching checksum";
    assert_eq!(encoded_error("gzip", &packed), bad_request(message));
}

#[test]
fn corrupt_deflate_is_refused() {
    let message = "the body is not valid deflate: corrupt deflate stream";
    assert_eq!(encoded_error("deflate", b"zzzz"), bad_request(message));
}

#[test]
fn an_unknown_coding_is_refused_with_those_that_are_known() {
    let message = "Content-Encoding 'br' is not supported, expected identity, gzip or deflate";
    assert_eq!(encoded_error("br", &good()), (415, message.to_owned()));
}

#[test]
fn compressed_bodies_are_read() {
    assert_eq!(answer(&[("Content-Encoding", "gzip")], &gzip(&good())).status, 200);
    assert_eq!(answer(&[("Content-Encoding", "deflate")], &deflate(&good())).status, 200);
}
