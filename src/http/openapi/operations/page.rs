//! The dashboard: its files, and who looks at it.

use crate::http::openapi::operation::{Kind, Operation, Tag, get, json, raw};
use crate::http::openapi::schema::text;

const PAGE: Tag = Tag::Page;

/// Media types of its files.
const FILES: [(&str, &str); 4] = [
    ("text/javascript", "A module."),
    ("text/css", ""),
    ("image/svg+xml", ""),
    ("text/plain", "A licence."),
];

pub(super) fn all() -> Vec<Operation> {
    let file = |(media, about): (&'static str, &'static str)| -> Kind { raw(media, about) };
    vec![
        get("/", PAGE, "start", "The dashboard for browsers, a sign of life for all others.")
            .details(
                "A page only where Accept names text/html and does not prefer JSON: clients of \
                 KServe read the sign of life.",
            )
            .answers(200, "", vec![json("Alive"), raw("text/html", "")])
            .headers([("ETag", text("Of the page."))])
            .answers(304, "If-None-Match names what the page is.", vec![]),
        get("/ui/{*file}", PAGE, "dashboardFile", "A file of the dashboard.")
            .answers(200, "", FILES.into_iter().map(file).collect())
            .headers([("ETag", text("Of its content."))])
            .answers(304, "If-None-Match names what it is.", vec![])
            .errors([404]),
        get("/api/session", PAGE, "session", "Who asks, and what that one may do here.")
            .details(
                "A key that comes with it counts as in any other request: 429 where it has used up \
                 its requests. One that is not known has no roles.",
            )
            .json("Session")
            .errors([429]),
    ]
}
