//! The times of the parts of a request, for those who ask.

use serde_json::json;

use crate::support::{Answer, Repository, Server, floats, infer_path};

const ASKED: (&str, &str) = ("onnxd-timing", "true");

/// Names of the parts, each with a time in milliseconds.
fn parts(answer: &Answer) -> Vec<String> {
    let text = answer.header("server-timing").expect("it tells times");
    let part = |part: &str| {
        let (name, took) = part.trim().split_once(";dur=").expect("it has a time");
        let took: f64 = took.parse().expect("it is a number");
        assert!((0.0..60_000.0).contains(&took), "{text}");
        name.to_owned()
    };
    text.split(',').map(part).collect()
}

#[test]
fn whoever_asks_is_told_how_long_each_part_took() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    let body = floats(&[1, 3], &[1.0, 2.0, 3.0]).to_string();
    let mut binary = floats(&[1, 3], &[1.0, 2.0, 3.0]);
    binary["outputs"] = json!([{"name": "y", "parameters": {"binary_data": true}}]);
    for path in [infer_path("scale_1"), "/v2/models/scale_1/versions/1/infer".to_owned()] {
        for (body, kind) in
            [(&body, "application/json"), (&binary.to_string(), "application/octet-stream")]
        {
            let answer = server.post_with(&path, body, &[ASKED]);
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
            assert_eq!(parts(&answer), ["decode", "queue", "infer", "encode"]);
        }
        for other in [&[][..], &[("onnxd-timing", "false")], &[("onnxd-timing", "")]] {
            let answer = server.post_with(&path, &body, other);
            assert_eq!((answer.status, answer.header("server-timing")), (200, None), "{other:?}");
        }
    }
    // What fails has no parts.
    let refused = server.post_with(&infer_path("scale_1"), "{}", &[ASKED]);
    assert_eq!((refused.status, refused.header("server-timing")), (400, None));
    server.stop();
}

#[test]
fn a_run_takes_no_longer_than_it_is_said_to() {
    let repository = Repository::with(&["slow"]);
    let server = Server::start(repository.path(), &[]);
    let example = server.get("/api/models/slow/example").json();
    let before = std::time::Instant::now();
    let body = example["request"].to_string();
    let answer = server.post_with(&infer_path("slow"), body, &[ASKED]);
    let took = before.elapsed().as_secs_f64() * 1e3;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.header("server-timing").expect("it tells times");
    let sum: f64 = text
        .split("dur=")
        .skip(1)
        .filter_map(|rest| rest.split(',').next()?.parse::<f64>().ok())
        .sum();
    assert!(sum > 0.0 && sum <= took, "{text} of {took} ms");
    server.stop();
}
