//! The REST API of TensorFlow Serving. The router sees `name:verb` as one segment, so a path with
//! a verb is a route of its own only here.

use serde_json::json;

use super::v2::{PREDICTION, asked, pixels, told};
use crate::http::openapi::operation::{Operation, Tag, get, json as of_json, post};

const V1: Tag = Tag::V1;

/// GET makes no sense where a name ends in the verb.
const STATUS: [u16; 2] = [404, 405];

pub(super) fn all() -> Vec<Operation> {
    vec![
        get("/v1/models", V1, "modelNames", "The names of all models.").json("ModelNames"),
        get("/v1/models/{model}", V1, "modelStatus", "The states of a model's versions.")
            .json("ModelStatus")
            .errors(STATUS),
        predict(post("/v1/models/{model}", V1, "predict", "A prediction.")),
        get("/v1/models/{model}/metadata", V1, "servingMetadata", "What a model takes and gives.")
            .details(
                "Not in the form of TensorFlow Serving, which shows a signature of TensorFlow.",
            )
            .json("ServingMetadata")
            .errors([404, 503]),
        get(
            "/v1/models/{model}/versions/{version}",
            V1,
            "versionStatus",
            "The state of a version.",
        )
        .json("ModelStatus")
        .errors(STATUS),
        predict(post(
            "/v1/models/{model}/versions/{version}",
            V1,
            "predictVersion",
            "A prediction of one version.",
        )),
        get(
            "/v1/models/{model}/labels/{label}",
            V1,
            "labelStatus",
            "The state of a version, by its label.",
        )
        .json("ModelStatus")
        .errors(STATUS),
        predict(post(
            "/v1/models/{model}/labels/{label}",
            V1,
            "predictLabel",
            "A prediction of one version, by its label.",
        )),
    ]
}

fn predict(operation: Operation) -> Operation {
    operation
        .verb(":predict")
        .details("TensorFlow Serving's other verbs, `:classify` and `:regress`, take tf.Example and are not served: 404.")
        .with(asked())
        .takes("PredictRequest", json!({"instances": [pixels()]}))
        .answer(200, "", of_json("PredictAnswer"))
        .headers(told())
        .errors(PREDICTION)
}
