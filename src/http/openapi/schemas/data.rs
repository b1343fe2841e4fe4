//! Of what is known of data and of predictions.

use crate::http::openapi::schema::{
    Field, Named, Schema, always, closed, count, either, flag, list, list_up_to, map, map_by,
    maybe, number, of, one_of, or_null, share, text,
};

pub(super) fn all() -> Vec<Named> {
    [contract(), drift(), distribution(), counts(), quality(), feedback()].concat()
}

fn by_version(name: &str, what: &str) -> Field {
    always("versions", map_by("^[0-9]+$", of(name), what))
}

const MODES: [&str; 6] = ["off", "observe", "warn", "reject", "quarantine", "repair"];

fn contract() -> Vec<Named> {
    let feature = closed(
        "",
        [
            always("name", text("")),
            always("mode", one_of(&MODES, "")),
            always("violations", map(count(""), "By code.")),
            always("rules", rules()),
        ],
    );
    let report = closed(
        "",
        [
            always("id", text("")),
            always("mode", one_of(&MODES, "")),
            always("rows", count("Of requests that were checked.")),
            always(
                "answered",
                count("Rows of answers that were checked, if there is a rule for them."),
            ),
            always("features", list(feature, "")),
        ],
    );
    let document = closed(
        "",
        [
            always("model", text("")),
            by_version("ContractReport", "Those that serve and have a contract."),
        ],
    );
    vec![("ContractReports", document), ("ContractReport", report)]
}

fn rules() -> Schema {
    let scalar = || either([number(""), text("")], "");
    closed(
        "What is demanded: only what the contract says.",
        [
            maybe("nullable", flag("Whether a value may be missing.")),
            maybe("nan", flag("")),
            maybe("inf", flag("")),
            maybe("min", number("")),
            maybe("max", number("")),
            maybe("allowed", list_up_to(100, scalar(), "")),
            maybe("more_allowed", count("How many more are allowed than are listed.")),
            maybe("pattern", text("A regular expression for all of a text.")),
            maybe("max_length", count("In characters.")),
        ],
    )
}

const SOURCES: [&str; 2] = ["request", "batch"];

const ROLES: [&str; 2] = ["input", "prediction"];
const READINGS: [&str; 5] = ["number", "text", "length", "mean", "norm"];

fn window() -> Schema {
    closed(
        "",
        [
            always("seconds", number("")),
            always("full", flag("Whether its time has passed since counting began.")),
            always("rows", count("")),
            always("counted_rows", count("Of very large requests only a part is counted.")),
        ],
    )
}

fn drift() -> Vec<Named> {
    let states = ["insufficient", "stable", "drifted"];
    let numbers = [
        "psi",
        "psi_expected",
        "psi_critical",
        "jensen_shannon",
        "hellinger",
        "l_infinity",
        "missing",
    ];
    let at_times = ["kolmogorov_smirnov", "wasserstein", "chi_squared_p", "outside"];
    let scores = closed(
        "What one feature shows in one window.",
        [always("values", count("Values that were counted."))]
            .into_iter()
            .chain(numbers.map(|name| always(name, number(""))))
            .chain(at_times.map(|name| maybe(name, number("")))),
    );
    let of_windows = closed(
        "Absent where too little was seen.",
        [maybe("short", of("DriftScores")), maybe("long", of("DriftScores"))],
    );
    let feature = closed(
        "",
        [
            always("name", text("")),
            always("role", one_of(&ROLES, "")),
            always("reading", one_of(&READINGS, "")),
            maybe("importance", number("Its share of what moves the predictions.")),
            always("state", one_of(&states, "")),
            always("since", number("Seconds since 1970.")),
            always("scores", of_windows),
        ],
    );
    let windows = closed("", [maybe("short", of("DriftWindow")), maybe("long", of("DriftWindow"))]);
    let report = closed(
        "",
        [
            always("reference", text("")),
            always("reference_rows", count("")),
            always("state", one_of(&states, "The worst of the features'.")),
            always("drifted_inputs", number("Their share, by importance.")),
            always("drifted_predictions", number("")),
            always("windows", windows),
            always("features", list(feature, "Those that need attention first.")),
        ],
    );
    let document = closed(
        "",
        [
            always("model", text("")),
            always("source", one_of(&SOURCES, "")),
            by_version("DriftReport", "Those that serve and have a reference."),
        ],
    );
    vec![
        ("DriftReports", document),
        ("DriftReport", report),
        ("DriftScores", scores),
        ("DriftWindow", window()),
    ]
}

fn distribution() -> Vec<Named> {
    let kinds = ["interval", "value", "other", "missing", "infinity"];
    let bin = closed(
        "Shares are of all values, those that are missing among them.",
        [
            always("name", text("As in the counts.")),
            always("kind", one_of(&kinds, "")),
            always(
                "from",
                or_null(number("Of an interval, which does not hold it; null is open.")),
            ),
            always("to", or_null(number("Of an interval, which holds it; null is open."))),
            maybe(
                "value",
                either(
                    [number(""), text("")],
                    "Of a category, where the contract says that values may be shown.",
                ),
            ),
            always("reference", share("")),
            always("current", or_null(share("Null while nothing is counted."))),
            always("count", count("")),
        ],
    );
    let line = |what| list(or_null(number("")), what);
    let history = closed(
        "Scores of requests in the short window, equally many of each. A feature has drifted where psi - expected is above 0.1, and psi above critical.",
        [
            always("step_seconds", count("")),
            always("at", list(number(""), "Seconds since 1970.")),
            always("psi", line("")),
            always("expected", line("What it is where nothing has drifted.")),
            always("critical", line("What it exceeds by chance as seldom as false alarms may be.")),
        ],
    );
    let document = closed(
        "",
        [
            always("model", text("")),
            always("version", count("")),
            always("feature", text("")),
            always("role", one_of(&ROLES, "")),
            always("reading", one_of(&READINGS, "")),
            always("reference", text("")),
            always("reference_rows", count("")),
            always("window", or_null(of("DriftWindow"))),
            always("bins", list(bin, "")),
            always(
                "out_of_range",
                count("Numbers beyond all of the reference; bins count them as well."),
            ),
            always("score", or_null(of("DriftScores"))),
            always("history", history),
        ],
    );
    vec![("DriftDistribution", document)]
}

fn counts() -> Vec<Named> {
    let feature = closed(
        "",
        [
            always("name", text("")),
            always("bins", list(text(""), "")),
            always("counts", list(count(""), "")),
            maybe("sums", list(number(""), "")),
            always("out_of_range", count("")),
        ],
    );
    let counts = closed(
        "Counts of a window. Those of replicas may be added where the reference is the same.",
        [
            always("reference", text("")),
            always("rows", count("")),
            always("counted_rows", count("")),
            always("features", list(feature, "")),
        ],
    );
    let document = closed(
        "",
        [
            always("model", text("")),
            always("source", one_of(&SOURCES, "")),
            always("window", one_of(&["short", "long"], "")),
            by_version("DriftCounts", ""),
        ],
    );
    vec![("DriftStates", document), ("DriftCounts", counts)]
}

const FIGURES: [&str; 6] = ["accuracy", "precision", "recall", "f1", "auc", "calibration_error"];

fn quality() -> Vec<Named> {
    let figures = || FIGURES.map(|name| maybe(name, number("")));
    let more = ["log_loss", "brier", "mean_absolute_error", "root_mean_squared_error"];
    let realised =
        closed("", figures().into_iter().chain(more.map(|name| maybe(name, number("")))));
    let report = closed(
        "",
        [
            always("predictions", count("")),
            always("outcomes", count("Predictions whose truth is known.")),
            always("coverage", share("Their share.")),
            always("realised", realised),
            maybe(
                "estimated",
                closed("What calibrated scores promise of all predictions.", figures()),
            ),
        ],
    );
    let document = closed(
        "",
        [
            always("model", text("")),
            by_version("QualityReport", "Those that serve and are watched."),
        ],
    );
    vec![("QualityReports", document), ("QualityReport", report)]
}

fn feedback() -> Vec<Named> {
    let item = closed(
        "A truth, and the prediction that it belongs to: by its token or by its id, not both.",
        [
            maybe("token", or_null(text("The header onnxd-prediction-token of the answer."))),
            maybe("id", or_null(text("Of the prediction."))),
            maybe("row", count("")),
            always("actual", either([flag(""), number(""), text("")], "")),
        ],
    );
    let fates = ["accepted", "unknown", "expired", "duplicate", "invalid"];
    vec![
        ("Feedback", closed("", [always("feedback", list(item, ""))])),
        (
            "FeedbackFates",
            closed("How many became what.", fates.map(|name| always(name, count("")))),
        ),
    ]
}
