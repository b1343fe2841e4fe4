//! How the page is served: to whom, with which headers, and nothing but what belongs to it.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::json;

use crate::support::{Answer, Keys, Repository, Server};

const BROWSER: (&str, &str) = (
    "Accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Over a connection that adds and understands nothing by itself.
fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.connect().request(method, path, headers, b"")
}

/// The addresses of files that the page names.
fn named(page: &str) -> Vec<String> {
    let parts = ["src=\"", "href=\""].into_iter().flat_map(|start| page.split(start).skip(1));
    let addresses = parts.filter_map(|rest| rest.split('"').next());
    addresses.filter(|address| address.starts_with("ui/")).map(|file| format!("/{file}")).collect()
}

#[test]
fn browsers_get_the_page_and_all_others_a_sign_of_life() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let page = ask(&server, "GET", "/", &[BROWSER]);
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("content-security-policy"), Some(POLICY));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("vary"), Some("accept, accept-encoding"));
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());
    assert!(!page.text().contains("scale_1"), "a model is named");
    for headers in [&[][..], &[("Accept", "*/*")], &[("Accept", "application/json")]] {
        let alive = ask(&server, "GET", "/", headers);
        assert_eq!((alive.status, alive.json()), (200, json!({"status": "alive"})), "{headers:?}");
        assert_eq!(alive.header("content-type"), Some("application/json"));
        assert_eq!(alive.header("vary"), Some("accept"));
    }
    let head = ask(&server, "HEAD", "/", &[BROWSER]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), page.header("content-length"));
    assert_eq!(head.header("etag"), page.header("etag"));
    server.stop();
}

#[test]
fn every_file_that_the_page_names_is_served_and_need_be_sent_once() {
    let repository = Repository::with(&["scale_1"]);
    let keys = Keys::of_roles(&["operate"]);
    let server = Server::start(repository.path(), &["--auth-keys", &keys.file()]);
    assert_eq!(server.get("/api/models").status, 401);
    let page = ask(&server, "GET", "/", &[BROWSER]);
    let files = named(page.text());
    assert!(files.len() > 3, "{files:?}");
    for path in ["/"].into_iter().chain(files.iter().map(String::as_str)) {
        let answer = ask(&server, "GET", path, &[BROWSER]);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        let tag = answer.header("etag").expect("it has a tag");
        let again = ask(&server, "GET", path, &[BROWSER, ("If-None-Match", tag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("content-security-policy"), Some(POLICY), "{path}");
        let other = ask(&server, "GET", path, &[BROWSER, ("If-None-Match", "\"other\"")]);
        assert_eq!((other.status, &other.body), (200, &answer.body), "{path}");
        let head = ask(&server, "HEAD", path, &[BROWSER]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(ask(&server, "POST", path, &[]).status, 405, "{path}");
    }
    server.stop();
}

#[test]
fn files_are_packed_for_those_who_accept_that() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    for path in ["/ui/app.js", "/ui/uplot.js", "/docs", "/openapi.json"] {
        let plain = ask(&server, "GET", path, &[]);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(plain.header("vary"), Some("accept-encoding"), "{path}");
        let mut tags = vec![plain.header("etag").map(str::to_owned)];
        for _ in 0..2 {
            let packed = ask(&server, "GET", path, &[("Accept-Encoding", "gzip, deflate, br")]);
            assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
            assert_eq!(packed.header("vary"), Some("accept-encoding"), "{path}");
            assert!(packed.body.len() < plain.body.len() / 2, "{path}");
            let mut unpacked = Vec::new();
            let read = GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked);
            assert_eq!((read.ok(), &unpacked), (Some(plain.body.len()), &plain.body), "{path}");
            tags.push(packed.header("etag").map(str::to_owned));
        }
        // What is sent are other bytes.
        assert!(tags[0] != tags[1] && tags[1] == tags[2], "{tags:?}");
        for refusing in ["identity", "gzip;q=0", "deflate"] {
            let answer = ask(&server, "GET", path, &[("Accept-Encoding", refusing)]);
            assert_eq!(answer.header("content-encoding"), None, "{path}: {refusing}");
        }
    }
    server.stop();
}

#[test]
fn nothing_else_is_there_whatever_the_path_says() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    for path in [
        "/ui",
        "/ui/",
        "/ui/index.html",
        "/ui/views",
        "/ui/nothing.js",
        "/ui/app.js/",
        "/ui//app.js",
        "/ui/./app.js",
        "/ui/../http.rs",
        "/ui/../../../Cargo.toml",
        "/ui/%2e%2e/%2e%2e/Cargo.toml",
        "/ui/..%2f..%2fCargo.toml",
        "/ui/%2fetc%2fpasswd",
        "/ui//etc/passwd",
        "/ui/app.js%00",
    ] {
        let answer = ask(&server, "GET", path, &[BROWSER]);
        assert_eq!(answer.error().0, 404, "{path}");
    }
    let (status, message) = ask(&server, "GET", "/ui/%FF", &[]).error();
    assert_eq!((status, message.as_str()), (400, "the path is not UTF-8"));
    server.stop();
}

#[test]
fn the_address_for_metrics_has_no_page() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--metrics-addr", "127.0.0.1:0"]);
    let mut connection = crate::support::Connection::open(server.metrics_address());
    for path in ["/", "/ui/app.js", "/api/session"] {
        assert_eq!(connection.request("GET", path, &[BROWSER], b"").status, 404, "{path}");
    }
    server.stop();
}
