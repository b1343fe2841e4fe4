//! TLS with certificates that are made here: versions, clients with certificates, new files
//! while the server runs, and clients that speak something else.

mod clients;
mod handshakes;
mod health;
mod reload;

use std::sync::Arc;

use rustls::ClientConfig;

use crate::support::{Answer, Connection, Repository, Server, TlsFiles, until};

/// A server that speaks TLS, once it is ready. `client` is one that it answers.
fn start(
    repository: &Repository,
    files: &TlsFiles,
    client_ca: bool,
    client: &Arc<ClientConfig>,
    arguments: &[&str],
) -> Server {
    let own = files.arguments(client_ca);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let server = Server::launch(repository.path(), &[&own[..], arguments].concat());
    until("the server is ready", || (get(&server, client, "/readyz").status == 200).then_some(()));
    server
}

fn get(server: &Server, client: &Arc<ClientConfig>, path: &str) -> Answer {
    let connection = Connection::open_tls(server.address(), client);
    connection.expect("both agree on TLS").request("GET", path, &[], b"")
}
