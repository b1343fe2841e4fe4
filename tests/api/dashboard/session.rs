//! Who a page is told that it works for.

use serde_json::{Value, json};

use crate::support::{Answer, Connection, Keys, Repository, Server};

fn ask(server: &Server, headers: &[(&str, &str)]) -> Answer {
    Connection::open(server.address()).request("GET", "/api/session", headers, b"")
}

fn told(server: &Server, headers: &[(&str, &str)]) -> Value {
    let answer = ask(server, headers);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    answer.json()
}

fn expected(keys: bool, key: Option<&str>, roles: &[&str]) -> Value {
    // Strangers are not told.
    let version = (!keys || key.is_some()).then_some(env!("CARGO_PKG_VERSION"));
    json!({"version": version, "keys": keys, "key": key, "roles": roles, "prometheus": null})
}

#[test]
fn without_keys_what_one_may_do_depends_on_where_one_comes_from() {
    let repository = Repository::with(&["scale_1"]);
    let (all, not_operate) = (&["predict", "operate", "metrics"], &["predict", "metrics"]);
    let server = Server::start(repository.path(), &[]);
    assert_eq!(told(&server, &[]), expected(false, None, all));
    assert_eq!(told(&server, &[("Origin", "http://localhost")]), expected(false, None, all));
    // A key that nobody asks for is nothing.
    assert_eq!(told(&server, &[("X-API-Key", "onnxd_x")]), expected(false, None, all));
    for other in [
        ("Origin", "http://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Host", "evil.example"),
        ("X-Forwarded-For", "10.0.0.1"),
    ] {
        assert_eq!(told(&server, &[other]), expected(false, None, not_operate), "{other:?}");
    }
    server.stop();
    let far = Server::start(repository.path(), &["--http-addr", "0.0.0.0:0", "--insecure"]);
    assert_eq!(told(&far, &[]), expected(false, None, not_operate));
    far.stop();
    let arguments = ["--http-addr", "0.0.0.0:0", "--insecure", "--open-operate"];
    let open = Server::start(repository.path(), &arguments);
    assert_eq!(told(&open, &[]), expected(false, None, all));
    let other = [("Origin", "http://evil.example")];
    assert_eq!(told(&open, &other), expected(false, None, not_operate));
    open.stop();
}

#[test]
fn with_keys_what_one_may_do_depends_on_the_key() {
    let repository = Repository::with(&["scale_1"]);
    let mut keys = Keys::of_roles(&["predict", "operate", "metrics"]);
    keys.add("both", "metrics,predict", &[]);
    let server = Server::start(repository.path(), &["--auth-keys", &keys.file()]);
    assert_eq!(told(&server, &[]), expected(true, None, &[]));
    for role in ["predict", "operate", "metrics"] {
        let key = keys.get(role);
        assert_eq!(told(&server, &[("X-API-Key", key)]), expected(true, Some(role), &[role]));
        let bearer = format!("Bearer {key}");
        let with_bearer = told(&server, &[("Authorization", &bearer)]);
        assert_eq!(with_bearer, expected(true, Some(role), &[role]));
    }
    let both = told(&server, &[("X-API-Key", keys.get("both"))]);
    assert_eq!(both, expected(true, Some("both"), &["predict", "metrics"]));
    let refused = || {
        let headers = [("X-API-Key", keys.get("metrics"))];
        let page = Connection::open(server.address()).request("GET", "/metrics", &headers, b"");
        let name = "onnxd_access_refused_total{reason=\"unauthenticated\"} ";
        let line = page.text().lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|count| count.parse::<u64>().ok())
    };
    assert_eq!(refused(), Some(0), "who shows no key was refused nothing");
    for wrong in ["onnxd_wrong", ""] {
        assert_eq!(told(&server, &[("X-API-Key", wrong)]), expected(true, None, &[]));
    }
    assert_eq!(refused(), Some(2), "whoever tries keys is seen");
    server.stop();
}

#[test]
fn asking_takes_of_what_a_key_may_ask() {
    let repository = Repository::with(&["scale_1"]);
    let mut keys = Keys::of_roles(&["metrics"]);
    // One request each, and the next one after 100 s.
    for name in ["first", "second"] {
        keys.add(name, "predict", &["--requests-per-second", "0.01"]);
    }
    let server = Server::start(repository.path(), &["--auth-keys", &keys.file()]);
    let models = |name: &str| {
        let key = [("X-API-Key", keys.get(name))];
        Connection::open(server.address()).request("GET", "/api/models", &key, b"").status
    };
    let session = |name: &str| ask(&server, &[("X-API-Key", keys.get(name))]);
    assert_eq!((session("first").status, models("first")), (200, 429));
    assert_eq!(models("second"), 200);
    let refused = session("second");
    let seconds = refused.header("retry-after").and_then(|text| text.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| (50..=100).contains(&seconds)), "{refused:?}");
    let expected = "the key has used up its requests per second".to_owned();
    assert_eq!(refused.problem(), (429, expected));
    // Others are not held up.
    assert_eq!(told(&server, &[])["keys"], true);
    server.stop();
}

#[test]
fn the_page_is_told_where_more_figures_are() {
    let repository = Repository::with(&["scale_1"]);
    let url = "https://prometheus.example/graph";
    let server = Server::start(repository.path(), &["--prometheus-url", url]);
    assert_eq!(told(&server, &[])["prometheus"], url);
    server.stop();
    let models = repository.path().display().to_string();
    let run = crate::support::onnxd(&["serve", &models, "--prometheus-url", "javascript:alert(1)"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("onnxd: --prometheus-url: this is no URL"), "{run:?}");
}
