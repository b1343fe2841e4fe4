//! Outputs arrive whole and identical, or not at all.

use std::fs;
use std::path::PathBuf;

use onnxd::store::{Place, Stores};

use super::reading::noise;
use super::server::{Fault, Request, Server};

const MEBIBYTE: usize = 1 << 20;

struct Rig {
    server: Server,
    stores: Stores,
    directory: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let server = Server::start();
        let stores = server.stores(4);
        Self { server, stores, directory: tempfile::tempdir().expect("there is room") }
    }

    fn local(&self, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join("out.part");
        fs::write(&path, content).expect("it is written");
        path
    }

    fn publish(&self, content: &[u8], to: &str) -> Result<(), String> {
        let local = self.local(content);
        let to = Place::parse(to).expect("it is a place");
        let result = self.stores.publish(&local, &to).map_err(|error| error.to_string());
        assert_eq!(local.exists(), result.is_err(), "it stays exactly if it did not arrive");
        result
    }
}

fn is_part(request: &Request) -> bool {
    request.method == "PUT" && request.query.contains("uploadId")
}

fn is_complete(request: &Request) -> bool {
    request.method == "POST" && request.query.contains("uploadId")
}

#[test]
fn a_small_file_is_one_request() {
    let rig = Rig::new();
    rig.publish(b"a,b\n1,2\n", "s3://bucket/out/y z.csv").expect("it arrives");
    assert_eq!(rig.server.state().objects["out/y z.csv"], b"a,b\n1,2\n");
    assert_eq!(rig.server.lines(), ["PUT /bucket/out/y z.csv"]);
    rig.publish(b"", "s3://bucket/empty.csv").expect("it arrives");
    assert!(rig.server.state().objects["empty.csv"].is_empty());
}

#[test]
fn a_large_file_in_parts_that_fail_arrives_as_it_was() {
    let rig = Rig::new();
    let content = noise(35 * MEBIBYTE + 5);
    rig.server.breaks(|request, number| {
        // Fewer than tries, whichever parts they meet.
        let fault = [Fault::Status(500), Fault::Lost, Fault::Silence].get(number).copied();
        match request.method.as_str() {
            "PUT" => fault,
            "POST" if request.query.contains("uploads") => fault.filter(|_| number == 0),
            _ => None,
        }
    });
    rig.publish(&content, "s3://bucket/out/y.parquet").expect("it arrives");
    let state = rig.server.state();
    assert!(state.objects["out/y.parquet"] == content);
    assert!(state.uploads.is_empty());
    let parts = state.log.iter().filter(|request| is_part(request));
    assert!(parts.clone().count() > 5 && parts.map(|part| part.body.len()).max() == Some(8 << 20));
}

#[test]
fn an_answer_to_the_end_of_an_upload_that_is_lost_does_not_lose_the_upload() {
    let rig = Rig::new();
    let content = noise(9 * MEBIBYTE);
    rig.server.put("y.bin", "old");
    rig.server.breaks(|request, _| is_complete(request).then_some(Fault::Lost));
    rig.publish(&content, "s3://bucket/y.bin").expect("it arrives");
    assert!(rig.server.state().objects["y.bin"] == content);
}

#[test]
fn an_upload_that_fails_for_good_is_aborted_and_leaves_what_was_there() {
    for fails in [is_part, is_complete] {
        let rig = Rig::new();
        rig.server.put("y.bin", "old");
        rig.server.breaks(move |request, _| fails(request).then_some(Fault::Status(503)));
        let error = rig.publish(&noise(33 * MEBIBYTE), "s3://bucket/y.bin").expect_err("it fails");
        assert_eq!(
            error,
            "cannot write s3://bucket/y.bin: the server answered 503, 4 times in a row"
        );
        let state = rig.server.state();
        assert_eq!(state.objects["y.bin"], b"old");
        assert!(state.uploads.is_empty());
        assert_eq!(state.log.iter().filter(|request| request.method == "DELETE").count(), 1);
    }
}

#[test]
fn an_upload_that_is_denied_is_final_at_once() {
    let rig = Rig::new();
    rig.server.breaks(|_, _| Some(Fault::Status(403)));
    for size in [5, 9 * MEBIBYTE] {
        let error = rig.publish(&noise(size), "s3://bucket/y.bin").expect_err("it fails");
        assert_eq!(error, "cannot write s3://bucket/y.bin: permission denied");
    }
    assert_eq!(rig.server.lines().len(), 2);
}

#[test]
fn a_web_server_gets_a_file_in_one_request_that_is_tried_again() {
    let rig = Rig::new();
    let content = noise(20 * MEBIBYTE + 3);
    rig.server
        .breaks(|_, number| [Fault::Status(500), Fault::Lost, Fault::Silence].get(number).copied());
    rig.publish(&content, &rig.server.web("out/a%20b.bin")).expect("it arrives");
    assert!(rig.server.state().objects["out/a b.bin"] == content);
    rig.server.breaks(|_, _| Some(Fault::Status(405)));
    let to = rig.server.web("x.csv");
    let error = rig.publish(b"x", &to).expect_err("it fails");
    assert_eq!(error, format!("cannot write {to}: the server answered 405"));
}

#[test]
fn a_local_file_gets_its_name_whole_also_on_another_device() {
    let rig = Rig::new();
    let to = rig.directory.path().join("a b/out.csv");
    rig.publish(b"1", to.to_str().expect("it is text")).expect("it is there");
    assert_eq!(fs::read(&to).expect("it is there"), b"1");
    let other = tempfile::tempdir_in("/dev/shm").expect("Linux has a second device");
    let to = other.path().join("sub/out.csv");
    rig.publish(b"2", to.to_str().expect("it is text")).expect("it is there");
    assert_eq!(fs::read(&to).expect("it is there"), b"2");
    let names = fs::read_dir(other.path().join("sub")).expect("it is there").count();
    assert_eq!(names, 1);
}

#[test]
fn what_is_deleted_is_gone_and_may_have_been_gone() {
    let rig = Rig::new();
    rig.server.put("x.csv", "1");
    let local = rig.local(b"1");
    for place in ["s3://bucket/x.csv", local.to_str().expect("it is text")] {
        let place = Place::parse(place).expect("it is a place");
        assert!(rig.stores.exists(&place).expect("it is known"));
        for _ in 0..2 {
            rig.stores.delete(&place).expect("it goes");
            assert!(!rig.stores.exists(&place).expect("it is known"));
        }
    }
}
