//! What travels, by name. The types of the handlers know nothing of this, since most of them
//! belong to modules that know no protocol; that both agree is tested with real answers.

mod data;
mod jobs;
mod models;
mod overview;
mod v1;
mod v2;

use super::schema::{
    Named, Schema, always, closed, count, flag, list, list_up_to, maybe, of, one_of, or_null, text,
};
use crate::access::Role;

pub(super) use jobs::{ON_BAD_ROW, STATES as JOB_STATES};

/// All components.
pub(super) fn all() -> Vec<Named> {
    [common(), v2::all(), v1::all(), models::all(), overview::all(), data::all(), jobs::all()]
        .concat()
}

fn common() -> Vec<Named> {
    let violation = closed(
        "A value that breaks the contract.",
        [
            always("pointer", text("Where it stands in a request of protocol v2 (RFC 6901).")),
            always("feature", text("")),
            maybe("row", count("")),
            always("code", of("ViolationCode")),
            always("expected", text("")),
            maybe("value", text("Only where the contract allows it to be shown.")),
        ],
    );
    let error = closed(
        "Why there is no other answer, as protocols v1 and v2 have it.",
        [
            always("error", text("What is wrong, what was expected and what came.")),
            maybe("total", count("Of violations of the contract, listed or not.")),
            maybe("violations", list(of("Violation"), "")),
        ],
    );
    let problem = closed(
        "The same below /api: a problem document (RFC 9457).",
        [
            always("title", text("The name of the status.")),
            always("status", count("")),
            always("detail", text("What is wrong, what was expected and what came.")),
        ],
    );
    vec![
        ("Error", error),
        ("Problem", problem),
        ("Violation", violation),
        ("ViolationCode", one_of(&CODES, "")),
        ("Session", session()),
        ("Alive", closed("", [always("status", one_of(&["alive"], ""))])),
        ("Live", closed("", [always("live", flag(""))])),
        ("Ready", closed("", [always("ready", flag(""))])),
    ]
}

fn session() -> Schema {
    let roles = Role::ALL.map(Role::name);
    closed(
        "Who asks, and what that one may do.",
        [
            always(
                "version",
                or_null(text(
                    "Of the server; as the next ones not for strangers where keys are asked for.",
                )),
            ),
            always("keys", flag("Whether keys are asked for.")),
            always("key", or_null(text("The name of the key that came, if it is known."))),
            always("roles", list_up_to(3, one_of(&roles, ""), "")),
            always("prometheus", or_null(text("Where people find more figures (prometheus-url)."))),
        ],
    )
}

const CODES: [&str; 14] = [
    "missing_feature",
    "unexpected_feature",
    "wrong_dtype",
    "wrong_shape",
    "null_not_allowed",
    "nan",
    "inf",
    "below_min",
    "above_max",
    "not_in_set",
    "pattern",
    "too_long",
    "row_rule",
    "output_invalid",
];
