//! Probes, pages of metrics, and the document itself.

use crate::http::openapi::operation::{Kind, Operation, Tag, get, json, raw};
use crate::http::openapi::schema::{any, text};

const HEALTH: Tag = Tag::Health;
const METRICS: Tag = Tag::Metrics;
const DOCUMENTS: Tag = Tag::Documents;

pub(super) fn all() -> Vec<Operation> {
    let live = |path, id| get(path, HEALTH, id, "Whether the process is alive.").json("Live");
    let ready = |path, id| {
        get(path, HEALTH, id, "Whether the server should get requests.").json("Ready").answer(
            503,
            "Not yet, or not any more.",
            json("Ready"),
        )
    };
    let page = || raw("text/plain", "Prometheus' text format.");
    vec![
        live("/healthz", "healthz"),
        ready("/readyz", "readyz"),
        live("/v2/health/live", "serverLive"),
        ready("/v2/health/ready", "serverReady"),
        get("/metrics", METRICS, "metrics", "All metrics but those by bin.").answer(
            200,
            "",
            page(),
        ),
        get(
            "/metrics/drift",
            METRICS,
            "driftMetrics",
            "Counts of values by bin, for a slower scrape.",
        )
        .answer(200, "", page()),
        document(get("/openapi.json", DOCUMENTS, "openapi", "This document."), "application/json"),
        document(
            get("/docs", DOCUMENTS, "docs", "This document for people, without scripts."),
            "text/html",
        ),
    ]
}

fn document(operation: Operation, media: &'static str) -> Operation {
    let schema = if media == "text/html" { text("") } else { any("OpenAPI 3.1.") };
    operation
        .answer(200, "", Kind { media, schema, example: None })
        .headers([("ETag", text("Of its content."))])
        .answers(304, "If-None-Match names what it is.", vec![])
}
