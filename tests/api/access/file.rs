//! The file of keys: mistakes at the start, and changes while the server runs.

use std::fs;
use std::os::unix::fs::symlink;

use super::start;
use crate::support::{Repository, Server, onnxd, until};

const KEPT: &str = "changed files are not taken over; what was there before stays";

fn status(server: &Server, key: &str) -> u16 {
    server.get_with("/v1/models", &[("x-api-key", key)]).status
}

fn wait_for(server: &Server, key: &str, expected: u16) {
    until("the keys are read again", || (status(server, key) == expected).then_some(()));
}

#[test]
fn keys_come_and_go_while_the_server_runs() {
    let repository = Repository::with(&["scale_1"]);
    let (server, mut keys) = start(&repository, &[]);
    let first = keys.text();
    let key = keys.add("new", "predict", &[]);
    wait_for(&server, &key, 200);
    keys.write(&first);
    wait_for(&server, &key, 401);
    assert_eq!(status(&server, keys.get("predict")), 200);
    server.stop();
}

#[test]
fn a_file_that_breaks_changes_nothing_and_is_told_once() {
    let repository = Repository::with(&["scale_1"]);
    let (server, mut keys) = start(&repository, &[]);
    let good = keys.text();
    let half = &good[..good.len() / 2];
    for (broken, times) in [(half, 1), ("", 2)] {
        keys.write(broken);
        server.must_be_logged(KEPT, times);
        assert_eq!(status(&server, keys.get("predict")), 200);
    }
    fs::remove_file(keys.path()).expect("it was there");
    server.must_be_logged(KEPT, 3);
    assert_eq!(status(&server, keys.get("predict")), 200);
    // And it goes on from there.
    keys.write(&good);
    let key = keys.add("new", "predict", &[]);
    wait_for(&server, &key, 200);
    server.stop_after(&[KEPT]);
}

#[test]
fn a_file_behind_a_link_is_followed_as_kubernetes_exchanges_it() {
    let repository = Repository::with(&["scale_1"]);
    let (server, keys) = start(&repository, &[]);
    server.stop();
    let mounted = Repository::new();
    let with = |version: &str, text: &str| {
        mounted.write(&format!("{version}/keys.toml"), text);
        let link = mounted.path().join("link");
        symlink(version, &link).expect("the directory is ours");
        fs::rename(link, mounted.path().join("data")).expect("the directory is ours");
    };
    with("1", &keys.text());
    let file = mounted.path().join("data/keys.toml").display().to_string();
    let server = Server::start(repository.path(), &["--auth-keys", &file]);
    assert_eq!(status(&server, keys.get("predict")), 200);
    let (_, rest) = keys
        .text()
        .rsplit_once("[[key]]")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("there are some");
    with("2", &format!("[[key]]{rest}"));
    wait_for(&server, keys.get("predict"), 401);
    assert_eq!(status(&server, keys.get("metrics")), 200);
    server.stop();
}

#[test]
fn all_mistakes_of_keys_and_certificates_are_told_at_the_start() {
    let repository = Repository::with(&["scale_1"]);
    repository.write("keys.toml", "[[key]]\nname = \"a\"\nroles = [\"all\"]\n[other]\n");
    let file = repository.path().join("keys.toml").display().to_string();
    let models = repository.path().display().to_string();
    let run = onnxd(&[
        "serve",
        &models,
        "--http-addr",
        "127.0.0.1:0",
        "--auth-keys",
        &file,
        "--tls-cert",
        "/none",
        "--tls-key",
        "/none",
    ]);
    let expected = format!(
        "onnxd: {file}: unknown key 'other', expected [[key]]\n\
         onnxd: {file}: key 1 (a): 'sha256' is missing\n\
         onnxd: {file}: key 1 (a): one of 'roles' is none, expected predict, operate or metrics\n\
         onnxd: cannot read /none: No such file or directory (os error 2)\n"
    );
    assert_eq!((run.code, run.stderr), (2, expected));
}
