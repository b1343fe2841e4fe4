//! Of models at a glance, and of how they have been doing.

use crate::http::openapi::schema::{
    Named, Schema, always, closed, count, flag, list, map_by, number, of, one_of, or_null, share,
    text,
};

/// Versions as keys.
const VERSION: &str = "^[0-9]+$";

pub(super) fn all() -> Vec<Named> {
    [overview(), history()].concat()
}

fn overview() -> Vec<Named> {
    let document = closed(
        "",
        [
            always("at", number("Seconds since 1970.")),
            always("uptime_seconds", number("")),
            always("ready", flag("Whether the server should get requests.")),
            always("problem", or_null(text("Why the source of the models cannot be read, if so."))),
            always(
                "models",
                list(
                    of("ModelAtAGlance"),
                    "Those with something bad come first, then those with a warning, then those \
                     with more requests.",
                ),
            ),
        ],
    );
    let model = closed(
        "",
        [
            always("name", text("")),
            always("serving", or_null(count("The version that answers requests which name none."))),
            always("state", of("VersionState")),
            always("problem", or_null(text(""))),
            always("dormant", flag("It left memory because nobody asked for it.")),
            always("versions", list(of("VersionAtAGlance"), "")),
            always(
                "traffic",
                map_by(VERSION, share(""), "Shares by version of requests that name none."),
            ),
            always("shadow", or_null(count("The version that gets copies of requests."))),
            always(
                "loaded_at",
                or_null(count(
                    "When the last version went live or was taken back, in seconds since 1970.",
                )),
            ),
            always("now", or_null(of("Now"))),
            always(
                "recent",
                list(number(""), "Requests of each second in steps of 10 s, oldest first."),
            ),
            always("queue_depth", count("Requests that wait.")),
            always("in_flight", count("")),
            always("drift", or_null(of("DriftAtAGlance"))),
            always("attention", list(of("Attention"), "What needs attention, the worst first.")),
        ],
    );
    let stages = ["waiting", "verifying", "loading", "gate"];
    let version = closed(
        "",
        [
            always("version", count("")),
            always("state", of("VersionState")),
            always("reason", text("")),
            always("stage", or_null(one_of(&stages, ""))),
        ],
    );
    vec![
        ("Overview", document),
        ("ModelAtAGlance", model),
        ("VersionAtAGlance", version),
        ("Now", now()),
        ("DriftAtAGlance", drift()),
        ("Attention", attention()),
    ]
}

fn now() -> Schema {
    closed(
        "The last ten to twenty seconds.",
        [
            always("seconds", number("")),
            always("requests_per_second", number("")),
            always("rows_per_second", number("")),
            always(
                "error_share",
                or_null(share(
                    "Of the requests, those that failed although nothing was wrong with them.",
                )),
            ),
            always("p50_ms", or_null(number("Of requests that were answered."))),
            always("p99_ms", or_null(number(""))),
        ],
    )
}

fn drift() -> Schema {
    closed(
        "Of the version that is farthest from its reference, of those that requests go to which name none.",
        [
            always("state", one_of(&["insufficient", "stable", "drifted"], "")),
            always("drifted_inputs", number("Their share, by importance.")),
        ],
    )
}

fn attention() -> Schema {
    let topics = ["version", "drift", "errors", "queue", "contract", "quality", "source"];
    closed(
        "",
        [
            always("level", one_of(&["bad", "warning"], "Bad is what callers suffer from.")),
            always("about", one_of(&topics, "")),
            always("message", text("")),
        ],
    )
}

fn history() -> Vec<Named> {
    let numbers = |what: &str| list(number(""), what);
    let maybe = |what: &str| list(or_null(number("")), what);
    let stages = closed(
        "Mean times of requests that were answered.",
        ["decode", "queue", "infer", "encode"].map(|stage| always(stage, maybe(""))),
    );
    let document = closed(
        "Lists are as long as `at`. What is not known is null; steps in which the server was not \
         there are missing.",
        [
            always("model", text("")),
            always("span", one_of(&["hour", "week"], "")),
            always("step_seconds", count("")),
            always("at", numbers("The ends of the steps, in seconds since 1970.")),
            always("requests_per_second", numbers("")),
            always("rows_per_second", numbers("")),
            always(
                "errors_per_second",
                numbers("Requests that failed although nothing was wrong with them."),
            ),
            always("p50_ms", maybe("Of requests that were answered.")),
            always("p99_ms", maybe("")),
            always("stages_ms", stages),
            always("batch_rows", maybe("Mean rows of a run.")),
            always("queue_depth", numbers("")),
            always("memory_bytes", numbers("")),
            always(
                "versions",
                map_by(VERSION, numbers("Requests of each second."), "Those that were asked most."),
            ),
            always("events", list(of("VersionEvent"), "Oldest first.")),
            always("latency", of("Latency")),
        ],
    );
    let event = closed(
        "What became of a version.",
        [
            always("at", number("Seconds since 1970.")),
            always("version", count("")),
            always("what", one_of(&["live", "failed", "rolled_back", "unloaded"], "")),
            always("reason", text("")),
        ],
    );
    let latency = closed(
        "Requests of the whole span by their time.",
        [
            always("bounds_ms", numbers("")),
            always("counts", list(count(""), "One more: the last is above all bounds.")),
        ],
    );
    vec![("History", document), ("VersionEvent", event), ("Latency", latency)]
}
