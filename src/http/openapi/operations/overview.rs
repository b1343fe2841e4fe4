//! Models at a glance, and how they have been doing.

use crate::http::openapi::operation::{Operation, Tag, get, query};
use crate::http::openapi::schema::one_of;

pub(super) fn all() -> Vec<Operation> {
    vec![
        get(
            "/api/overview",
            Tag::Models,
            "overview",
            "All models at a glance, those first that need attention.",
        )
        .json("Overview"),
        get(
            "/api/models/{model}/history",
            Tag::Models,
            "history",
            "How a model has been doing, and what became of its versions.",
        )
        .details(
            "An hour in steps of 10 s or a week in steps of 10 min, since the server began. The \
             last point ends with this look. A model that is gone is known for a week.",
        )
        .with([query("span", one_of(&["hour", "week"], ""), "An hour if it is not said.")])
        .json("History")
        .errors([400, 404]),
    ]
}
