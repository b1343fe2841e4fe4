//! `onnxd health` asks servers that speak TLS.

use std::process::Command;

use super::start;
use crate::support::{Authority, Finished, Repository, TlsFiles, program, tls_client, trusting};

fn ask(arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let mut command: Command = program();
    command.arg("health").args(arguments).envs(environment.iter().copied());
    Finished::of(command.output().expect("the program starts"))
}

#[test]
fn the_servers_own_certificate_is_trusted_and_no_other() {
    let authority = Authority::new();
    let other = TlsFiles::new(&authority.identity(), "");
    let files = TlsFiles::new(&authority.identity(), "");
    let repository = Repository::with(&["scale_1"]);
    let server = start(&repository, &files, false, &trusting(&authority), &[]);
    let address = server.address().to_string();
    let with = |files: &TlsFiles| {
        let (cert, key) = (files.path("cert.pem"), files.path("key.pem"));
        ask(
            &[],
            &[("ONNXD_HTTP_ADDR", &address), ("ONNXD_TLS_CERT", &cert), ("ONNXD_TLS_KEY", &key)],
        )
    };
    assert_eq!(with(&files).code, 0);
    let refused = with(&other);
    assert!(refused.code == 1 && refused.stderr.contains("does not answer"), "{refused:?}");
    // Where else to ask: the certificate is that of the settings.
    let cert = files.path("cert.pem");
    assert_eq!(ask(&["--address", &address], &[("ONNXD_TLS_CERT", &cert)]).code, 0);
    assert_eq!(ask(&["--address", &address], &[]).code, 1);
    server.stop();
}

#[test]
fn where_certificates_are_demanded_the_address_for_metrics_is_asked() {
    let authority = Authority::new();
    let files = TlsFiles::new(&authority.identity(), &authority.pem());
    let repository = Repository::with(&["scale_1"]);
    let own = authority.identity();
    let client = tls_client(&[&authority], Some(&own), "http/1.1", rustls::ALL_VERSIONS);
    let server = start(&repository, &files, true, &client, &["--metrics-addr", "127.0.0.1:0"]);
    let (http, metrics) = (server.address().to_string(), server.metrics_address().to_string());
    let names = ["cert.pem", "key.pem", "ca.pem"].map(|name| files.path(name));
    let mut environment = vec![
        ("ONNXD_HTTP_ADDR", http.as_str()),
        ("ONNXD_TLS_CERT", &names[0]),
        ("ONNXD_TLS_KEY", &names[1]),
        ("ONNXD_TLS_CLIENT_CA", &names[2]),
    ];
    let run = ask(&[], &environment);
    let reason = "onnxd: http-addr demands certificates of clients: set metrics-addr for probes\n";
    assert_eq!((run.code, run.stderr.as_str()), (2, reason));
    environment.push(("ONNXD_METRICS_ADDR", &metrics));
    assert_eq!(ask(&[], &environment).code, 0);
    server.stop();
}
