//! Certificates of clients.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use tonic::Code;

use super::{get, start};
use crate::support::{
    Authority, Connection, Grpc, Identity, Keys, Repository, TlsFiles, tls_client, trusting,
};

/// Whether a client is turned away for its certificate. With TLS 1.3 it hears of that after its
/// side of the handshake.
fn is_refused(address: SocketAddr, client: &Arc<ClientConfig>) -> bool {
    let told = match Connection::open_tls(address, client) {
        Err(error) => error.to_string(),
        Ok(mut connection) => match connection.try_answer() {
            Err(error) => error.to_string(),
            Ok(answer) => panic!("nothing was asked: {answer:?}"),
        },
    };
    told.contains("fatal alert")
}

#[test]
fn only_clients_with_a_certificate_of_the_right_authority_are_let_in() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let files = TlsFiles::new(&servers.identity(), &clients.pem());
    let repository = Repository::with(&["scale_1"]);
    let with =
        |own: Option<&Identity>, version| tls_client(&[&servers], own, "http/1.1", &[version]);
    let good = clients.identity();
    let arguments = ["--grpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];
    let server = start(&repository, &files, true, &with(Some(&good), &TLS13), &arguments);
    for version in [&TLS12, &TLS13] {
        assert_eq!(get(&server, &with(Some(&good), version), "/v1/models").status, 200);
        let wrong = [clients.expired(), servers.identity()];
        for wrong in wrong.iter().map(Some).chain([None]) {
            let client = with(wrong, version);
            assert!(is_refused(server.address(), &client), "{wrong:?}");
        }
        // Who asks probes and metrics has no certificate.
        let probe = Connection::open_tls(server.metrics_address(), &with(None, version));
        let mut probe = probe.expect("they agree");
        assert_eq!(probe.request("GET", "/readyz", &[], b"").status, 200);
        assert_eq!(probe.request("GET", "/metrics", &[], b"").status, 200);
        assert_eq!(probe.request("GET", "/v1/models", &[], b"").status, 404);
    }
    let h2 = |own| tls_client(&[&servers], own, "h2", rustls::ALL_VERSIONS);
    let grpc = Grpc::connect_tls(server.grpc_address(), h2(Some(&good)));
    let path = "/inference.GRPCInferenceService/RepositoryModelLoad";
    let status = grpc.post(path, tonic::body::Body::empty(), &[]);
    // Whoever has a certificate may do everything; this is only wrong.
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(is_refused(server.grpc_address(), &h2(None)));
    server.stop();
}

#[test]
fn with_keys_a_certificate_is_not_enough() {
    let authority = Authority::new();
    let files = TlsFiles::new(&authority.identity(), &authority.pem());
    let repository = Repository::with(&["scale_1"]);
    let keys = Keys::of_roles(&["predict"]);
    let own = authority.identity();
    let client = tls_client(&[&authority], Some(&own), "http/1.1", rustls::ALL_VERSIONS);
    let server = start(&repository, &files, true, &client, &["--auth-keys", &keys.file()]);
    assert_eq!(get(&server, &client, "/v1/models").status, 401);
    let mut connection = Connection::open_tls(server.address(), &client).expect("they agree");
    let headers = [("X-API-Key", keys.get("predict"))];
    assert_eq!(connection.request("GET", "/v1/models", &headers, b"").status, 200);
    assert!(is_refused(server.address(), &trusting(&authority)));
    server.stop();
}

#[test]
fn grpc_is_spoken_over_tls() {
    let authority = Authority::new();
    let files = TlsFiles::new(&authority.identity(), "");
    let repository = Repository::with(&["scale_1"]);
    let arguments = ["--grpc-addr", "127.0.0.1:0"];
    let server = start(&repository, &files, false, &trusting(&authority), &arguments);
    let client = tls_client(&[&authority], None, "h2", rustls::ALL_VERSIONS);
    let grpc = Grpc::connect_tls(server.grpc_address(), client);
    let request = onnxd::grpc::generated::ServerReadyRequest {};
    let ready = grpc.wait(grpc.client().server_ready(request)).expect("it answers");
    assert!(ready.into_inner().ready);
    server.stop();
}
