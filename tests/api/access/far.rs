//! Servers that other machines reach. Another address of this machine stands for them.

use std::net::{IpAddr, SocketAddr};

use tonic::{Code, Status};

use crate::support::{Connection, Grpc, Keys, Repository, Server, far_address, onnxd};

const LOAD: &str = "/inference.GRPCInferenceService/RepositoryModelLoad";

fn launch(repository: &Repository, address: &str, arguments: &[&str]) -> Server {
    let both = ["--http-addr", address, "--grpc-addr", address];
    Server::start(repository.path(), &[&both[..], arguments].concat())
}

fn put_routing(address: SocketAddr) -> (u16, String) {
    let body = b"{\"labels\": {\"stable\": 1}}";
    let path = "/api/models/scale_1/routing";
    let answer = Connection::open(address).request("PUT", path, &[], body);
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

fn at(ip: IpAddr, port: SocketAddr) -> SocketAddr {
    SocketAddr::new(ip, port.port())
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
        for way_out in ["auth-keys", "tls-client-ca", "insecure"] {
            assert!(run.stderr.contains(way_out), "no {way_out} in: {}", run.stderr);
        }
    }
}

#[test]
fn an_insecure_server_is_operated_from_its_own_machine_only() {
    let Some(ip) = far_address() else { return };
    let repository = Repository::with(&["scale_1"]);
    let server = launch(&repository, "0.0.0.0:0", &["--insecure"]);
    let far = at(ip, server.address());
    let listed = Connection::open(far).request("GET", "/v1/models", &[], b"");
    assert_eq!(listed.status, 200);
    let (status, detail) = put_routing(far);
    let expected = "without keys (auth-keys) the server is operated from its own machine only";
    assert!(status == 403 && detail.starts_with(expected), "{detail}");
    let near = at([127, 0, 0, 1].into(), server.address());
    assert_eq!(put_routing(near).0, 200);
    assert_eq!(load(at(ip, server.grpc_address())), Some(Code::PermissionDenied));
    assert_eq!(load(at([127, 0, 0, 1].into(), server.grpc_address())), None);
    let page = Connection::open(far).request("GET", "/metrics", &[], b"");
    let counted = "onnxd_access_refused_total{reason=\"forbidden\"} 2\n";
    assert!(page.text().contains(counted), "{}", page.text());
    server.stop();
}

#[test]
fn operating_can_be_opened_to_others() {
    let Some(ip) = far_address() else { return };
    let repository = Repository::with(&["scale_1"]);
    let server = launch(&repository, "0.0.0.0:0", &["--insecure", "--open-operate"]);
    assert_eq!(put_routing(at(ip, server.address())).0, 200);
    assert_eq!(load(at(ip, server.grpc_address())), None);
    server.stop();
}

#[test]
fn keys_are_asked_of_near_and_far_alike() {
    let Some(ip) = far_address() else { return };
    let repository = Repository::with(&["scale_1"]);
    let keys = Keys::of_roles(&["operate"]);
    let server = launch(&repository, "0.0.0.0:0", &["--auth-keys", &keys.file()]);
    for ip in [ip, [127, 0, 0, 1].into()] {
        assert_eq!(put_routing(at(ip, server.address())).0, 401);
        assert_eq!(load(at(ip, server.grpc_address())), Some(Code::Unauthenticated));
        let headers = [("X-API-Key", keys.get("operate"))];
        let mut connection = Connection::open(at(ip, server.address()));
        let routing = connection.request("GET", "/api/models/scale_1/routing", &headers, b"");
        assert_eq!(routing.status, 200);
    }
    server.stop();
}
