//! Every route with every kind of caller. Routes come from the table that the server is made
//! of, so none can be forgotten; what each needs is held against a copy that people read.

use std::fmt::Write as _;
use std::net::SocketAddr;

use http::Method;
use insta::assert_snapshot;

use super::{callers, refusal, start};
use crate::support::{Answer, Connection, Repository};

/// A path of something that is there, or could be.
fn filled(method: &Method, path: &str) -> String {
    // v1 has what is to be done at the end of the name.
    let verb = if path.starts_with("/v1") && method == Method::POST { ":predict" } else { "" };
    let path = format!("{path}{verb}");
    path.replace("{model}", "scale_1")
        .replace("{version}", "1")
        .replace("{label}", "stable")
        .replace("{id}", "none")
        .replace("{name}", "none")
        .replace("{*file}", "app.js")
}

fn ask(address: SocketAddr, method: &str, path: &str, key: Option<&str>) -> Answer {
    let headers: Vec<_> = key.map(|key| ("X-API-Key", key)).into_iter().collect();
    Connection::open(address).request(method, path, &headers, b"")
}

#[test]
fn what_each_route_needs_is_what_people_have_agreed_to() {
    let mut table = String::new();
    for (method, path, need) in onnxd::http::routes() {
        let (method, need) = (method.as_str(), need.to_string());
        writeln!(table, "{need:<8}{method:<7}{path}").expect("it is a string");
    }
    assert_snapshot!(table);
}

#[test]
fn every_route_lets_in_who_has_its_role_and_nobody_else() {
    let repository = Repository::with(&["scale_1"]);
    let jobs = Repository::new();
    let root = jobs.path().display().to_string();
    let (server, keys) = start(&repository, &["--job-root", &root]);
    let routes = onnxd::http::routes();
    assert!(routes.len() > 50, "only {} routes", routes.len());
    for (method, path, need) in routes {
        for (caller, key) in callers(&keys) {
            let answer =
                ask(server.address(), method.as_str(), &filled(&method, path), key.as_deref());
            let what = format!("{method} {path} by {caller}: {answer:?}");
            let Some(status) = refusal(caller, &need.to_string()) else {
                assert!(![401, 403, 405, 429].contains(&answer.status), "{what}");
                continue;
            };
            assert_eq!(answer.status, status, "{what}");
            // In the form of that path.
            let (_, message) =
                if path.starts_with("/api") { answer.problem() } else { answer.error() };
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, (status == 401).then_some("Bearer"), "{what}");
            if status == 403 {
                assert_eq!(message, format!("a key with the role '{need}' is needed"), "{what}");
            }
        }
    }
    let page = ask(server.address(), "GET", "/metrics", Some(keys.get("metrics")));
    for reason in ["unauthenticated", "forbidden"] {
        let none = format!("onnxd_access_refused_total{{reason=\"{reason}\"}} 0");
        assert!(!page.text().contains(&none), "{}", page.text());
    }
    // Who changed something is told, and not who only asked.
    let operated = server.logged("operated with a key");
    assert_eq!(operated["key.name"], "operate");
    server.stop();
}

#[test]
fn a_head_is_refused_as_its_get_is() {
    let repository = Repository::with(&["scale_1"]);
    let (server, keys) = start(&repository, &[]);
    let head = |key| ask(server.address(), "HEAD", "/metrics", key).status;
    assert_eq!(head(None), 401);
    assert_eq!(head(Some(keys.get("predict"))), 403);
    assert_eq!(head(Some(keys.get("metrics"))), 200);
    server.stop();
}

#[test]
fn the_address_for_metrics_asks_for_the_same_keys() {
    let repository = Repository::with(&["scale_1"]);
    let (server, keys) = start(&repository, &["--metrics-addr", "127.0.0.1:0"]);
    let mut asked = 0;
    for (method, path, need) in onnxd::http::routes() {
        for (caller, key) in callers(&keys) {
            let answer = ask(
                server.metrics_address(),
                method.as_str(),
                &filled(&method, path),
                key.as_deref(),
            );
            if [404, 405].contains(&answer.status) {
                continue;
            }
            asked += 1;
            let expected = refusal(caller, &need.to_string()).unwrap_or(200);
            assert_eq!(answer.status, expected, "{method} {path} by {caller}: {answer:?}");
        }
    }
    // Two probes and two pages.
    assert_eq!(asked, 4 * 5);
    server.stop();
}
