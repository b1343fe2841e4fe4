//! Of the REST API of TensorFlow Serving.

use crate::http::openapi::schema::{
    Named, always, any, closed, exclusive, flag, list, maybe, of, one_of, open, text,
};

pub(super) fn all() -> Vec<Named> {
    let signature = || maybe("signature_name", any("Skipped: an ONNX model has one signature."));
    let request = exclusive(
        [
            open(
                "Rows: a value of the only input each, or an object with a value for each input or for each named column.",
                [always("instances", list(any(""), "")), signature()],
            ),
            open(
                "Columns: the tensor of the only input, or an object of tensors.",
                [always("inputs", any("")), signature()],
            ),
        ],
        "Types and nesting come from the model. An object `{\"b64\": …}` stands for a text.",
    );
    let answer = exclusive(
        [
            closed("Rows.", [always("predictions", list(any(""), ""))]),
            closed("Columns.", [always("outputs", any(""))]),
        ],
        "In the form of the request. NaN and infinities are the bare tokens NaN, Infinity and -Infinity.",
    );
    let code = closed(
        "",
        [always("error_code", one_of(&["OK", "UNKNOWN"], "")), always("error_message", text(""))],
    );
    let states = ["AVAILABLE", "LOADING", "UNLOADING", "END"];
    let version = closed(
        "",
        [
            always("version", text("")),
            always("state", one_of(&states, "END: it was refused.")),
            always("status", code),
        ],
    );
    let status = closed(
        "",
        [
            always("name", text("")),
            always("ready", flag("Whether any of these versions serves.")),
            always("model_version_status", list(of("VersionStatus"), "")),
        ],
    );
    let metadata = closed(
        "",
        [
            always("name", text("")),
            always("version", text("")),
            always("platform", text("")),
            always("inputs", list(of("TensorMetadata"), "")),
            always("outputs", list(of("TensorMetadata"), "")),
        ],
    );
    vec![
        ("PredictRequest", request),
        ("PredictAnswer", answer),
        ("ModelNames", closed("", [always("models", list(text(""), ""))])),
        ("ModelStatus", status),
        ("VersionStatus", version),
        ("ServingMetadata", metadata),
    ]
}
