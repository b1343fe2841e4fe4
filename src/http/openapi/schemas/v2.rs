//! Of the Open Inference Protocol.

use crate::http::openapi::schema::{
    Named, Schema, always, any, closed, count, either, flag, form, list, list_up_to, map, maybe,
    number, of, one_of, open, or_null, text, whole,
};

const DATATYPES: [&str; 13] = [
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
    "FP32", "FP64", "BYTES",
];

/// As the decoder has it.
const MAX_TENSORS: usize = 10_000;

pub(super) fn all() -> Vec<Named> {
    [prediction(), metadata(), configuration(), statistics(), repository()].concat()
}

/// Parameters are numbers, which some clients write as texts.
fn unsigned(what: &str) -> Schema {
    either([count(""), form(r"^\+?[0-9]{1,19}$", "")], what)
}

fn prediction() -> Vec<Named> {
    let request = open(
        "What is asked of a model. Keys may come in any order, unknown ones are skipped.",
        [
            maybe("id", or_null(text("Comes back with the answer."))),
            maybe("parameters", of("InferParameters")),
            always("inputs", list_up_to(MAX_TENSORS, of("InferInput"), "")),
            maybe(
                "outputs",
                or_null(list_up_to(MAX_TENSORS, of("InferOutputWanted"), "All, if none is named.")),
            ),
        ],
    );
    let parameters = or_null(open(
        "",
        [
            maybe("priority", unsigned("1 goes first, 5 last; 0 or none is 3.")),
            maybe(
                "timeout",
                unsigned("Microseconds that the request may take; 0 means no bound of its own."),
            ),
            maybe("strict_json", flag("NaN and infinities in the answer become null.")),
            maybe("binary_data_output", flag("Outputs are binary unless one says otherwise.")),
        ],
    ));
    let input = open(
        "A tensor. Its data stands in `data`, or behind the JSON.",
        [
            always("name", text("")),
            always("datatype", of("Datatype")),
            always("shape", list(of("Dimension"), "")),
            maybe(
                "parameters",
                or_null(open(
                    "",
                    [maybe("binary_data_size", unsigned("Bytes of its data behind the JSON."))],
                )),
            ),
            maybe("data", or_null(list(of("Data"), "Flat, or nested exactly as the shape says."))),
        ],
    );
    let wanted = open(
        "",
        [
            always("name", text("")),
            maybe(
                "parameters",
                or_null(open(
                    "",
                    [
                        maybe("binary_data", flag("This output binary or not.")),
                        maybe(
                            "classification",
                            unsigned(
                                "The largest so many values of each row as texts \"value:index:label\" instead of the tensor.",
                            ),
                        ),
                    ],
                )),
            ),
        ],
    );
    let answer = closed(
        "NaN and infinities are the bare tokens NaN, Infinity and -Infinity, unless strict_json is wanted.",
        [
            always("model_name", text("")),
            always("model_version", text("")),
            maybe("id", text("Of the request.")),
            always("outputs", list(of("InferOutput"), "")),
        ],
    );
    let binary_size = closed("", [always("binary_data_size", count("Bytes behind the JSON."))]);
    let output = closed(
        "",
        [
            always("name", text("")),
            always("datatype", of("Datatype")),
            always("shape", list(count(""), "")),
            maybe("parameters", binary_size),
            maybe("data", list(of("Data"), "Flat.")),
        ],
    );
    let data = either(
        [number(""), text(""), flag(""), or_null(list(of("Data"), ""))],
        "An element, or a list of them; null is NaN for floats.",
    );
    vec![
        ("InferRequest", request),
        ("InferParameters", parameters),
        ("InferInput", input),
        ("InferOutputWanted", wanted),
        ("InferAnswer", answer),
        ("InferOutput", output),
        ("Datatype", one_of(&DATATYPES, "FP16 travels as binary data only.")),
        ("Dimension", count("")),
        ("Data", data),
    ]
}

fn metadata() -> Vec<Named> {
    let names = || list(either([text(""), whole("")], ""), "");
    let parameters = either(
        [closed("", [always("features", names())]), closed("", [always("labels", names())])],
        "What the columns of an input or an output stand for.",
    );
    let tensor = closed(
        "",
        [
            always("name", text("")),
            always("datatype", of("Datatype")),
            always("shape", list(whole(""), "-1 stands for any.")),
            maybe("parameters", parameters),
        ],
    );
    let server = closed(
        "",
        [
            always("name", text("")),
            always("version", text("")),
            always("extensions", list(text(""), "")),
        ],
    );
    let model = closed(
        "",
        [
            always("name", text("")),
            always("versions", list(text(""), "Those that serve.")),
            always("platform", text("")),
            always("inputs", list(of("TensorMetadata"), "")),
            always("outputs", list(of("TensorMetadata"), "")),
        ],
    );
    vec![("ServerMetadata", server), ("ModelMetadata", model), ("TensorMetadata", tensor)]
}

fn configuration() -> Vec<Named> {
    let tensor = closed(
        "",
        [
            always("name", text("")),
            always("data_type", form("^TYPE_[A-Z0-9]+$", "")),
            always("dims", list(whole(""), "Without the batch axis, where there is one.")),
        ],
    );
    let numbers = closed("", [always("num_versions", count(""))]);
    let versions = closed("", [always("versions", list(form("^[0-9]+$", ""), ""))]);
    let policy = either(
        [
            closed("", [always("latest", numbers)]),
            closed("", [always("all", closed("", []))]),
            closed("", [always("specific", versions)]),
        ],
        "Which versions serve.",
    );
    let batching = closed("", [always("preferred_batch_size", list(count(""), ""))]);
    let configuration = closed(
        "A model in the form of Triton's model configuration.",
        [
            always("name", text("")),
            always("platform", text("")),
            always("backend", text("")),
            always("max_batch_size", count("")),
            always("input", list(of("ConfigurationTensor"), "")),
            always("output", list(of("ConfigurationTensor"), "")),
            always("version_policy", policy),
            maybe("dynamic_batching", batching),
        ],
    );
    vec![("ModelConfiguration", configuration), ("ConfigurationTensor", tensor)]
}

fn statistics() -> Vec<Named> {
    let pair = closed(
        "How often, and for how long altogether.",
        [always("count", count("")), always("ns", count(""))],
    );
    let of_requests = closed(
        "",
        [
            "success",
            "fail",
            "queue",
            "compute_input",
            "compute_infer",
            "compute_output",
            "cache_hit",
            "cache_miss",
        ]
        .map(|name| always(name, of("Duration"))),
    );
    let of_batches = closed(
        "",
        [always("batch_size", count(""))].into_iter().chain(
            ["compute_input", "compute_infer", "compute_output"]
                .map(|name| always(name, of("Duration"))),
        ),
    );
    let of_model = closed(
        "",
        [
            always("name", text("")),
            always("version", text("")),
            always("last_inference", count("Milliseconds since 1970.")),
            always("inference_count", count("Rows.")),
            always("execution_count", count("")),
            always("inference_stats", of_requests),
            always("response_stats", closed("Always empty.", [])),
            always("batch_stats", list(of_batches, "")),
            always("memory_usage", list_up_to(0, any(""), "Always empty.")),
        ],
    );
    let document = closed("", [always("model_stats", list(of("ModelStatistics"), ""))]);
    vec![("Statistics", document), ("ModelStatistics", of_model), ("Duration", pair)]
}

fn repository() -> Vec<Named> {
    let entry = closed(
        "A version, or a model that has none.",
        [
            always("name", text("")),
            always("version", text("")),
            always("state", of("VersionState")),
            always("reason", text("Why it is so; empty where nothing is wrong.")),
        ],
    );
    let parameters = map(
        any(""),
        "`config`: a model configuration, as JSON in a text. `file:<version>/<name>`: a file in base64. What is no text means nothing.",
    );
    vec![
        ("IndexRequest", open("", [maybe("ready", flag("Only versions that serve."))])),
        ("Index", list(of("IndexEntry"), "")),
        ("IndexEntry", entry),
        ("VersionState", one_of(&["LOADING", "READY", "UNAVAILABLE", "UNLOADING"], "")),
        ("LoadRequest", open("", [maybe("parameters", parameters)])),
        ("UnloadRequest", any("")),
    ]
}
