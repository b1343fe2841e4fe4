//! Servers that other machines reach, and who counts as this machine.

use std::net::SocketAddr;

use tonic::{Code, Status};

use crate::support::{Connection, Grpc, Keys, Repository, Server, onnxd};

const LOAD: &str = "/inference.GRPCInferenceService/RepositoryModelLoad";

fn launch(repository: &Repository, address: &str, arguments: &[&str]) -> Server {
    let both = ["--http-addr", address, "--grpc-addr", address];
    Server::start(repository.path(), &[&both[..], arguments].concat())
}

fn put_routing(address: SocketAddr, headers: &[(&str, &str)]) -> (u16, String) {
    let body = b"{\"labels\": {\"stable\": 1}}";
    let path = "/api/models/scale_1/routing";
    let answer = Connection::open(address).request("PUT", path, headers, body);
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    (answer.status, detail)
}

/// The code with which a call to load is refused, if it is.
fn load(address: SocketAddr) -> Option<Code> {
    let grpc = Grpc::connect(address);
    let message = tonic::body::Body::new(http_body_util::Full::new(vec![0; 5].into()));
    let answer = grpc.head(LOAD, message, &[]);
    let code = Status::from_header_map(answer.headers()).map(|status| status.code());
    code.filter(|code| [Code::PermissionDenied, Code::Unauthenticated].contains(code))
}

#[test]
fn a_server_that_others_reach_does_not_start_by_accident() {
    let repository = Repository::with(&["scale_1"]);
    let models = repository.path().display().to_string();
    for (setting, arguments) in [
        ("http-addr", vec!["--http-addr", "0.0.0.0:0"]),
        ("http-port", vec!["--http-port", "0"]),
        ("grpc-addr", vec!["--http-addr", "127.0.0.1:0", "--grpc-addr", "[::]:0"]),
        ("metrics-addr", vec!["--http-addr", "127.0.0.1:0", "--metrics-addr", "0.0.0.0:0"]),
    ] {
        let run = onnxd(&[&["serve", &models], &arguments[..]].concat());
        assert_eq!(run.code, 2, "{run:?}");
        let beginning = format!("onnxd: --{setting}: other machines reach ");
        assert!(run.stderr.starts_with(&beginning), "{}", run.stderr);
        for way_out in ["auth-keys", "insecure"] {
            assert!(run.stderr.contains(way_out), "no {way_out} in: {}", run.stderr);
        }
        // For metrics they are not demanded.
        assert_eq!(run.stderr.contains("tls-client-ca"), setting != "metrics-addr", "{run:?}");
    }
}

#[test]
fn a_server_that_others_reach_is_operated_by_nobody_without_keys() {
    let repository = Repository::with(&["scale_1"]);
    let server = launch(&repository, "0.0.0.0:0", &["--insecure"]);
    let own = server.address();
    let listed = Connection::open(own).request("GET", "/v1/models", &[], b"");
    assert_eq!(listed.status, 200);
    // From this machine: a sidecar would come from here as well.
    let (status, detail) = put_routing(own, &[]);
    let expected = "without keys (auth-keys) the server is operated from its own machine only";
    assert!(status == 403 && detail.starts_with(expected), "{detail}");
    assert_eq!(load(server.grpc_address()), Some(Code::PermissionDenied));
    let page = Connection::open(own).request("GET", "/metrics", &[], b"");
    let counted = "onnxd_access_refused_total{reason=\"forbidden\"} 2\n";
    assert!(page.text().contains(counted), "{}", page.text());
    server.stop();
}

#[test]
fn a_server_that_only_its_machine_reaches_is_operated_from_there() {
    let repository = Repository::with(&["scale_1"]);
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let server = launch(&repository, address, &[]);
        assert_eq!(put_routing(server.address(), &[]).0, 200);
        assert_eq!(load(server.grpc_address()), None);
        server.stop();
    }
}

#[test]
fn neither_pages_of_other_sites_nor_proxies_operate_a_server_without_keys() {
    let repository = Repository::with(&["scale_1"]);
    let server = launch(&repository, "127.0.0.1:0", &[]);
    for (header, reason) in [
        (("Origin", "http://evil.example"), "a page of another site may not operate the server"),
        (("Origin", "null"), "a page of another site may not operate the server"),
        (("Sec-Fetch-Site", "cross-site"), "a page of another site may not operate the server"),
        // Beside the one that the client sends by itself.
        (("Host", "evil.example"), "without keys (auth-keys) the server is operated by the names"),
        (("X-Forwarded-For", "10.0.0.1"), "without keys (auth-keys) the server is operated from"),
    ] {
        let (status, detail) = put_routing(server.address(), &[header]);
        assert!(status == 403 && detail.starts_with(reason), "{header:?}: {status} {detail}");
        // Predictions and what can be read are not asked where they come from.
        let mut connection = Connection::open(server.address());
        assert_eq!(connection.request("GET", "/v1/models", &[header], b"").status, 200);
    }
    // Over HTTP/2 the name is in the URI.
    let request = http::Request::post(format!("http://evil.example{LOAD}"));
    let request = request.header("content-type", "application/grpc");
    let message = tonic::body::Body::new(http_body_util::Full::new(vec![0; 5].into()));
    let answer = Grpc::connect(server.grpc_address())
        .ask(request.body(message).expect("the request is one"));
    let status = Status::from_header_map(answer.headers()).expect("it is refused");
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("by the names of its own machine"), "{status}");
    // Its own page says that as well.
    assert_eq!(put_routing(server.address(), &[("Origin", "http://localhost")]).0, 200);
    server.stop();
}

#[test]
fn operating_can_be_opened_to_others_and_not_to_pages_of_other_sites() {
    let repository = Repository::with(&["scale_1"]);
    let server = launch(&repository, "0.0.0.0:0", &["--insecure", "--open-operate"]);
    assert_eq!(put_routing(server.address(), &[]).0, 200);
    assert_eq!(put_routing(server.address(), &[("X-Forwarded-For", "10.0.0.1")]).0, 200);
    assert_eq!(put_routing(server.address(), &[("Origin", "http://evil.example")]).0, 403);
    assert_eq!(load(server.grpc_address()), None);
    server.stop();
}

#[test]
fn a_server_that_others_reach_asks_for_keys_and_says_when_they_come_in_plain_text() {
    let repository = Repository::with(&["scale_1"]);
    let keys = Keys::of_roles(&["operate"]);
    let server = launch(&repository, "0.0.0.0:0", &["--auth-keys", &keys.file()]);
    assert_eq!(put_routing(server.address(), &[]).0, 401);
    assert_eq!(load(server.grpc_address()), Some(Code::Unauthenticated));
    let key = [("X-API-Key", keys.get("operate")), ("Origin", "http://models.example")];
    assert_eq!(put_routing(server.address(), &key).0, 200);
    server.stop_after(&["keys come in plain text"]);
}
