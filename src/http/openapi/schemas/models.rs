//! Of models and what is done with them.

use crate::http::openapi::schema::{
    Field, Named, Schema, always, closed, count, count_to, either, flag, form, list, map, map_by,
    maybe, number, of, one_of, or_null, text, whole,
};

pub(super) fn all() -> Vec<Named> {
    [listed(), alone(), routing()].concat()
}

/// Of one version, and of a request to begin with.
fn alone() -> Vec<Named> {
    let operator = closed(
        "One kind of operator, in subgraphs too.",
        [always("operator", text("")), always("nodes", count(""))],
    );
    let batch = closed(
        "Runs with so many rows.",
        [always("rows", count("")), always("runs", count("")), always("mean_us", number(""))],
    );
    let totals = closed(
        "Of requests since it was loaded.",
        [always("requests", count("")), always("failed", count("")), always("rows", count(""))],
    );
    let more = [
        maybe("operators", list(operator, "Of its file.")),
        maybe("opset", or_null(whole("Of the default operators."))),
        maybe("producer", or_null(text("The program that wrote the file."))),
        maybe("file_bytes", count("With weights that lie beside it.")),
        maybe("batches", list(batch, "Of up to 128 sizes.")),
        maybe("totals", totals),
    ];
    let version = closed(
        "The keys from `sha256` on are there while it serves.",
        of_version().into_iter().chain(more),
    );
    let example = closed(
        "",
        [
            always("version", count("")),
            always("source", one_of(&["golden", "signature"], "A golden example, or noughts.")),
            always("request", of("InferRequest")),
        ],
    );
    vec![("VersionDetails", version), ("Example", example)]
}

fn listed() -> Vec<Named> {
    let document = closed(
        "",
        [
            always("problem", or_null(text("Why the source of the models cannot be read, if so."))),
            always("models", list(of("Model"), "")),
        ],
    );
    let model = closed(
        "",
        [
            always("name", text("")),
            always("serving", or_null(count("The version that answers requests which name none."))),
            always("problem", or_null(text(""))),
            always("routing", of("Routing")),
            always("dormant", flag("It left memory because nobody asked for it.")),
            always("versions", list(of("Version"), "")),
        ],
    );
    let version = closed("The keys from `sha256` on are there while it serves.", of_version());
    let cost = closed("", [always("rows", count("")), always("us", number("Microseconds."))]);
    let shadow = closed(
        "How the answers of a shadow compare.",
        [
            always("answers", count("")),
            always("agreement", or_null(number(""))),
            always("mean_absolute_difference", or_null(number(""))),
            always("latency_ratio", or_null(number(""))),
        ],
    );
    let kinds = ["signature", "contract", "profile", "quality", "golden", "latency", "evaluation"];
    let check = closed(
        "",
        [
            always("kind", one_of(&kinds, "")),
            always("outcome", one_of(&["passed", "skipped", "failed"], "")),
            always("detail", text("")),
            always("figures", list(of("GateFigure"), "What was measured, as far as it came.")),
            always("took_ms", number("")),
        ],
    );
    let figure = closed(
        "Without a bar it is only told.",
        [
            always(
                "name",
                text("`p99_seconds`, the part of the `tolerance` that is used, or the metric."),
            ),
            always("measured", number("")),
            maybe("at_least", number("")),
            maybe("at_most", number("")),
            maybe(
                "live_version",
                count("The version that serves, where its figure makes the bar."),
            ),
        ],
    );
    vec![
        ("Models", document),
        ("Model", model),
        ("Version", version),
        ("Cost", cost),
        ("Shadow", shadow),
        ("GateCheck", check),
        ("GateFigure", figure),
    ]
}

fn of_version() -> Vec<Field> {
    let stage = ["waiting", "verifying", "loading", "gate"];
    vec![
        always("version", count("")),
        always("state", of("VersionState")),
        always("reason", text("")),
        maybe("stage", one_of(&stage, "Where new files of it are on their way into service.")),
        maybe(
            "refused",
            list(of("GateCheck"), "Of files that did not come into service; one of them failed."),
        ),
        maybe("sha256", form("^[0-9a-f]{64}$", "Of the model file.")),
        maybe("loaded_at_unix", count("")),
        maybe("load_ms", number("")),
        maybe(
            "cost",
            list(of("Cost"), "Times of runs of so many rows, as the warm-up measured them."),
        ),
        maybe("batching", flag("")),
        maybe("batching_reason", or_null(text(""))),
        maybe("batch_rows", or_null(count("Rows that are worth running together."))),
        maybe(
            "help_gains",
            or_null(number(
                "Time of a long run with the help of idle cores as a share of its time alone.",
            )),
        ),
        maybe("queue_depth", count("")),
        maybe("deadline_ms", count("")),
        maybe("strategy", text("")),
        maybe("strategy_reason", or_null(text(""))),
        maybe("memory_bytes", count("")),
        maybe("plans", count("")),
        maybe("plan_compiles", count("")),
        maybe("warnings", list(text(""), "")),
        maybe("shadow", of("Shadow")),
        maybe("gate", list(of("GateCheck"), "")),
        maybe("inputs", list(of("TensorMetadata"), "")),
        maybe("outputs", list(of("TensorMetadata"), "")),
    ]
}

const LABEL: &str = "^[A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*$";

fn routing() -> Vec<Named> {
    let labels = map_by(LABEL, count("A version."), "Names for versions.");
    let weight = count_to(u32::MAX.into(), "");
    let traffic = "Weights of versions or labels, for requests that name neither. Empty: all go to the highest version.";
    let fields = |field: fn(&'static str, Schema) -> Field| {
        [
            field("labels", labels.clone()),
            field("traffic", map(weight.clone(), traffic)),
            field(
                "shadow",
                either(
                    [count(""), or_null(text(""))],
                    "A version or a label that gets a copy of the traffic.",
                ),
            ),
        ]
    };
    let answer = fields(always).into_iter().chain([maybe(
        "kept",
        flag("Whether it outlives a restart; absent where nothing was changed."),
    )]);
    vec![
        ("Routing", closed("Which version answers.", fields(always))),
        (
            "RoutingWanted",
            closed("Which version answers. What is missing is empty.", fields(maybe)),
        ),
        ("RoutingAnswer", closed("", answer)),
        ("Rollback", closed("", [always("serving", count("The version that serves now."))])),
    ]
}
