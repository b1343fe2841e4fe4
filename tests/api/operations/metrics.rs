//! The metrics page.

use insta::assert_snapshot;

use crate::support::{Repository, Server, floats};

/// Numbers that differ from run to run become `#`; series and texts stay.
fn masked(page: &str) -> String {
    let lines = page.lines().map(|line| match line.rsplit_once(' ') {
        Some((series, _)) if !line.starts_with('#') && is_measured(series) => format!("{series} #"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Times, sizes and what the system says of the process. How many observations a histogram
/// of times has is not measured but counted.
fn is_measured(series: &str) -> bool {
    let timed = series.contains("_seconds") && !series.contains("_count{");
    // Clients may open a second one.
    let connections = series.starts_with("onnxd_connections{");
    timed
        || connections
        || series.starts_with("process_")
        || series.contains("_bytes")
        || is_engine(series)
}

/// Depends on which plans paid off in the warm-up, and on what they cost there: a request whose
/// rows are cheaper one by one runs in slices. Its rows are the same, so the sum of them stays.
fn is_engine(series: &str) -> bool {
    let runs = ["onnxd_batch_rows_bucket", "onnxd_batch_rows_count"];
    let plans = ["onnxd_plans", "onnxd_plan_compiles"];
    plans.iter().chain(&runs).any(|family| series.starts_with(family))
}

#[test]
fn the_page_holds_these_series_and_counts() {
    let repository = Repository::with(&["symbolic_batch"]);
    let server = Server::start(repository.path(), &[]);
    for rows in [1, 2] {
        let request = floats(&[rows, 3], &vec![1.0; rows * 3]);
        assert_eq!(server.infer("symbolic_batch", &request).status, 200);
    }
    let v1 = server.post("/v1/models/symbolic_batch:predict", r#"{"instances":[[1,2,3]]}"#);
    assert_eq!(v1.status, 200);
    assert_eq!(server.post("/v2/models/symbolic_batch/infer", "no JSON").status, 400);
    assert_eq!(server.post("/v2/models/nope/infer", "{}").status, 404);
    let page = server.get("/metrics");
    let content_type = page.header("content-type").expect("it has a type");
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    assert_snapshot!(masked(page.text()));
    server.stop();
}

#[test]
fn names_from_requests_never_become_labels() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    for number in 0..50 {
        let path = format!("/v2/models/invented-{number}/infer");
        assert_eq!(server.post(&path, "{}").status, 404);
    }
    let page = server.get("/metrics");
    assert!(!page.text().contains("invented"), "{}", page.text());
    let unknown = r#"onnxd_requests_total{model="",outcome="not_found",protocol="v2",version=""}"#;
    assert_eq!(server.metric(unknown), 50);
    server.stop();
}

#[test]
fn statistics_count_what_was_answered() {
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &[]);
    for _ in 0..3 {
        server.scaled("scale_1");
    }
    assert_eq!(server.post("/v2/models/scale_1/infer", "{}").status, 400);
    let document = server.get("/v2/models/scale_1/stats").json();
    let statistics = &document["model_stats"][0];
    assert_eq!(statistics["inference_count"], 3);
    assert_eq!(statistics["inference_stats"]["success"]["count"], 3);
    assert_eq!(statistics["inference_stats"]["fail"]["count"], 1);
    server.stop();
}

#[test]
fn totals_are_there_under_tritons_names_if_somebody_wants_them() {
    let repository = Repository::with(&["symbolic_batch"]);
    let server = Server::start(repository.path(), &["--triton-metrics"]);
    let request = floats(&[2, 3], &[1.0; 6]);
    assert_eq!(server.infer("symbolic_batch", &request).status, 200);
    assert_eq!(server.post("/v2/models/symbolic_batch/infer", "no JSON").status, 400);
    let of =
        |name: &str| server.metric(&format!(r#"{name}{{model="symbolic_batch",version="1"}}"#));
    assert_eq!((of("nv_inference_request_success"), of("nv_inference_count")), (1, 2));
    assert_eq!(of("nv_inference_pending_request_count"), 0);
    assert!(of("nv_inference_compute_infer_duration_us") <= of("nv_inference_request_duration_us"));
    server.stop();
    let server = Server::start(repository.path(), &[]);
    assert!(!server.get("/metrics").text().contains("nv_inference"));
    server.stop();
}
