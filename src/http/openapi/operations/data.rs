//! Contracts, drift and quality.

use serde_json::json;

use super::models::VERSION;
use crate::http::openapi::operation::{
    Operation, Tag, get, json as of_json, needed, post, query, raw,
};
use crate::http::openapi::schema::{one_of, text};

const DATA: Tag = Tag::Data;

pub(super) fn all() -> Vec<Operation> {
    let source = || {
        let source = one_of(&["request", "batch"], "");
        query("source", source, "Where rows come from; request if it is not said.")
    };
    let window = || one_of(&["short", "long"], "");
    vec![
        get(
            "/api/models/{model}/contract",
            DATA,
            "contract",
            "Contracts and what was found in the data.",
        )
        .json("ContractReports")
        .errors([404]),
        get("/api/models/{model}/quarantine", DATA, "quarantine", "Rows that were refused.")
            .answer(200, "", raw("application/x-ndjson", "A row and its violations a line."))
            .errors([404]),
        get("/api/models/{model}/drift", DATA, "drift", "How far the data is from the reference.")
            .with([source()])
            .json("DriftReports")
            .errors([400, 404]),
        get("/api/models/{model}/drift/state", DATA, "driftState", "The counts themselves.")
            .with([query("window", window(), "short if it is not said."), source()])
            .json("DriftStates")
            .errors([400, 404]),
        get(
            "/api/models/{model}/drift/distribution",
            DATA,
            "driftDistribution",
            "One feature: as the reference has it and as it is now, in the same bins.",
        )
        .with([
            needed("feature", text(""), "The name of an input or a prediction.", "dep_delay"),
            query("version", text(""), VERSION),
            query("window", window(), "short if it is not said."),
            source(),
            query("span", one_of(&["hour", "week"], ""), "Of the history; hour if it is not said."),
        ])
        .json("DriftDistribution")
        .errors([400, 404]),
        get("/api/models/{model}/quality", DATA, "quality", "How good predictions are.")
            .json("QualityReports")
            .errors([404]),
        post(
            "/api/models/{model}/feedback",
            DATA,
            "feedback",
            "Truths, by the token or the id of a prediction.",
        )
        .takes("Feedback", json!({"feedback": [{"id": "42", "row": 0, "actual": 2}]}))
        .answer(202, "", of_json("FeedbackFates"))
        .errors([404]),
    ]
}
