//! The Open Inference Protocol.

use serde_json::{Value, json};

use crate::http::openapi::operation::{
    Body, JSON, Kind, Operation, Parameter, Tag, get, header, json as of_json, post, raw,
};
use crate::http::openapi::schema::{Schema, count, of, text};
use crate::predict::names;

pub(super) fn all() -> Vec<Operation> {
    let mut all = vec![
        get("/v2", Tag::V2, "serverMetadata", "The server and its extensions.")
            .json("ServerMetadata"),
        get("/v2/", Tag::V2, "serverMetadataWithSlash", "The same: some clients ask so.")
            .json("ServerMetadata"),
    ];
    all.extend(of_models());
    all.extend(of_versions());
    let of_all = get("/v2/models/stats", Tag::V2, "statistics", "Running totals of all models.");
    all.push(of_all.json("Statistics"));
    all
}

/// A model that is there and does not serve is 503.
const OF_MODELS: [u16; 2] = [404, 503];

fn of_models() -> [Operation; 5] {
    const V2: Tag = Tag::V2;
    [
        get("/v2/models/{model}", V2, "modelMetadata", "What a model takes and gives.")
            .json("ModelMetadata")
            .errors(OF_MODELS),
        ready(get("/v2/models/{model}/ready", V2, "modelReady", "Whether a model answers.")),
        infer(post("/v2/models/{model}/infer", V2, "infer", "A prediction.")),
        get(
            "/v2/models/{model}/config",
            V2,
            "modelConfiguration",
            "A model as Triton configures one.",
        )
        .json("ModelConfiguration")
        .errors(OF_MODELS),
        get("/v2/models/{model}/stats", V2, "modelStatistics", "Running totals of a model.")
            .json("Statistics")
            .errors(OF_MODELS),
    ]
}

fn of_versions() -> [Operation; 5] {
    const V2: Tag = Tag::V2;
    let path = "/v2/models/{model}/versions/{version}";
    [
        get(path, V2, "versionMetadata", "What a version takes and gives.")
            .json("ModelMetadata")
            .errors(OF_MODELS),
        ready(get(
            "/v2/models/{model}/versions/{version}/ready",
            V2,
            "versionReady",
            "Whether a version answers.",
        )),
        infer(post(
            "/v2/models/{model}/versions/{version}/infer",
            V2,
            "inferVersion",
            "A prediction of one version.",
        )),
        get(
            "/v2/models/{model}/versions/{version}/config",
            V2,
            "versionConfiguration",
            "A version as Triton configures a model.",
        )
        .json("ModelConfiguration")
        .errors(OF_MODELS),
        get(
            "/v2/models/{model}/versions/{version}/stats",
            V2,
            "versionStatistics",
            "Running totals of a version.",
        )
        .json("Statistics")
        .errors(OF_MODELS),
    ]
}

fn ready(operation: Operation) -> Operation {
    operation.json("Ready").answer(503, "It does not answer.", of_json("Ready")).errors([404])
}

/// Headers that requests for predictions may have.
pub(super) fn asked() -> [Parameter; 3] {
    [
        header(names::ROUTING_KEY, "Requests with the same value go to the same version."),
        Parameter {
            // Anything else asks for none.
            schema: text(""),
            ..header(
                names::TOKEN_ASKED,
                "`true` asks for a token, with which a truth can be told later.",
            )
        },
        header(
            names::PREDICTION_ID,
            "The id of the prediction, where the body has none or another one.",
        ),
    ]
}

/// Headers of predictions.
pub(super) fn told() -> [(&'static str, Schema); 5] {
    [
        ("X-Model-Version", count("The version that answered.")),
        ("Onnxd-Lineage", text("Digests of the model file, its contract and its reference.")),
        ("Onnxd-Prediction-Token", text("If it was asked for.")),
        ("Onnxd-Contract-Violations", count("Values that break the contract, if any.")),
        ("Onnxd-Contract-Repaired", count("Values that the contract repaired, if any.")),
    ]
}

/// What a prediction can end in. 400, 408, 413 and 415 are added to all that have a body.
pub(super) const PREDICTION: [u16; 4] = [404, 500, 503, 504];

// The header Inference-Header-Content-Length is said in words and is no parameter: whether it may
// be there, and up to which number, depends on the body, which no schema can say.
fn infer(operation: Operation) -> Operation {
    let example = json!({"inputs": [{
        "name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": pixels(),
    }]});
    let kinds = vec![
        Kind { media: JSON, schema: of("InferRequest"), example: Some(example) },
        raw(
            "application/octet-stream",
            "Binary tensor data: an InferRequest as JSON, then the bytes of the inputs that have binary_data_size, in their order. \
             The header Inference-Header-Content-Length is the length of the JSON; 0 stands for no JSON, and the body is the only input.",
        ),
    ];
    let about = "Any Content-Type is read: the header Inference-Header-Content-Length makes the difference. Content-Encoding may be gzip or deflate.";
    operation
        .with(asked())
        .with([Parameter {
            schema: text(""),
            ..header(names::TIMING_ASKED, "`true` asks how long the parts of the request took.")
        }])
        .body(Body { is_required: true, about, kinds })
        .answers(
            200,
            "",
            vec![
                of_json("InferAnswer"),
                raw(
                    "application/octet-stream",
                    "Where any output is binary: an InferAnswer as JSON, as long as Inference-Header-Content-Length says, then the bytes.",
                ),
            ],
        )
        .headers(told())
        .headers([
            ("Inference-Header-Content-Length", count("Of the JSON, where binary data follows.")),
            (
                "Server-Timing",
                text("decode, queue, infer and encode, each with dur in milliseconds, if it was asked for."),
            ),
        ])
        .errors(PREDICTION)
}

/// A handwritten two, for the model `digits` that is shipped.
pub(super) fn pixels() -> Value {
    json!([
        0, 0, 7, 16, 14, 3, 0, 0, 0, 0, 9, 14, 11, 15, 0, 0, 0, 0, 1, 5, 0, 15, 5, 0, 0, 0, 0, 0,
        0, 16, 5, 0, 0, 0, 0, 0, 3, 16, 4, 0, 0, 0, 0, 1, 12, 14, 1, 0, 0, 0, 5, 12, 16, 16, 14, 1,
        0, 0, 8, 16, 14, 10, 13, 3
    ])
}

pub(super) fn repository() -> Vec<Operation> {
    const REPOSITORY: Tag = Tag::Repository;
    let optional = |name, example| Body {
        is_required: false,
        about: "",
        kinds: vec![Kind { media: JSON, schema: of(name), example: Some(example) }],
    };
    vec![
        post("/v2/repository/index", REPOSITORY, "repositoryIndex", "Every version and its state.")
            .body(optional("IndexRequest", json!({"ready": true})))
            .json("Index"),
        post(
            "/v2/repository/models/{model}/load",
            REPOSITORY,
            "loadModel",
            "Loads a model, again if it was refused before, and waits until it serves.",
        )
        .details("An empty body loads what the repository has. 400 also where the model does not serve then.")
        .body(optional("LoadRequest", json!({"parameters": {}})))
        .answers(200, "It serves; the body is empty.", vec![])
        .errors([404, 503]),
        post(
            "/v2/repository/models/{model}/unload",
            REPOSITORY,
            "unloadModel",
            "Takes a model out of service; requests under way are answered.",
        )
        .details("Only with `model-control` explicit; 400 otherwise.")
        .body(Body {
            is_required: false,
            about: "Read and not looked at: `unload_dependents` means nothing here.",
            kinds: vec![Kind { media: JSON, schema: of("UnloadRequest"), example: Some(json!({})) }],
        })
        .answers(200, "It is out of service; the body is empty.", vec![])
        .errors([404, 503]),
    ]
}
