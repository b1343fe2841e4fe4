//! `onnxd health`: how an image without a shell learns whether its server is ready.

use std::net::{SocketAddr, TcpListener};

use crate::support::{Finished, Repository, Server, onnxd, program, until};

fn ask(address: SocketAddr) -> Finished {
    onnxd(&["health", "--address", &address.to_string()])
}

/// Asks with settings in the environment.
fn ask_with(variable: &str, value: &str) -> Finished {
    let mut command = program();
    command.arg("health").env(variable, value);
    Finished::of(command.output().expect("the program starts"))
}

#[test]
fn a_server_that_is_ready_is_healthy_and_nothing_is_said() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let run = ask(server.address());
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    // The connection that the command closes is nothing to log.
    server.stop();
}

#[test]
fn a_server_on_its_way_down_is_not_healthy() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--shutdown-delay", "2s"]);
    server.terminate();
    until("it is not ready", || (server.get("/readyz").status == 503).then_some(()));
    let run = ask(server.address());
    let message = format!("onnxd: {} is not ready: status 503\n", server.address());
    assert_eq!((run.code, run.stderr), (1, message));
    server.stop();
}

#[test]
fn who_does_not_answer_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let run = ask(address);
    let message = format!("onnxd: {address} does not answer: nothing came within 2 s\n");
    assert_eq!((run.code, run.stderr), (1, message));
    drop(listener);
    let run = ask(address);
    assert!(run.code == 1 && run.stderr.contains("Connection refused"), "{run:?}");
}

#[test]
fn the_address_is_that_of_the_servers_own_settings() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--metrics-addr", "127.0.0.1:0"]);
    let listening = server.logged("listening");
    let metrics = listening["metrics.addr"].as_str().expect("the log tells the address");
    // Probes are off the public port where there is another one.
    assert_eq!(ask_with("ONNXD_METRICS_ADDR", metrics).code, 0);
    let everywhere = format!("0.0.0.0:{}", server.address().port());
    assert_eq!(ask_with("ONNXD_HTTP_ADDR", &everywhere).code, 0);
    repository.write("onnxd.toml", format!("http-addr = \"{everywhere}\"\n"));
    let file = repository.path().join("onnxd.toml").display().to_string();
    assert_eq!(ask_with("ONNXD_CONFIG", &file).code, 0);
    server.stop();
}

#[test]
fn a_mistake_in_the_address_or_the_settings_is_one_of_usage() {
    assert_eq!(onnxd(&["health", "--address", "there"]).code, 2);
    let run = ask_with("ONNXD_METRICS_ADDR", "there");
    assert!(run.code == 2 && run.stderr.contains("ONNXD_METRICS_ADDR"), "{run:?}");
}
