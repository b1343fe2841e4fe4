//! Models: what is known of them, which version answers, and files of rows.

use serde_json::json;

use super::v2::{PREDICTION, told};
use crate::http::openapi::operation::{
    Body, Kind, Operation, Tag, delete, get, header, post, put, query, raw,
};
use crate::http::openapi::schema::{one_of, text};
use crate::http::openapi::schemas::ON_BAD_ROW;
use crate::predict::names;

pub(super) fn all() -> Vec<Operation> {
    let mut all = vec![
        get(
            "/api/models",
            Tag::Models,
            "listModels",
            "Every model and version with all that is known of it.",
        )
        .json("Models"),
        get(
            "/api/models/{model}/versions/{version}",
            Tag::Models,
            "version",
            "One version with all that is known of it.",
        )
        .details("Also the operators of its file, and what it has run.")
        .json("VersionDetails")
        .errors([404]),
        get("/api/models/{model}/example", Tag::Models, "example", "A request to begin with.")
            .details(
                "The first golden example of the version, or noughts in the shape of its \
                 signature. 404 also where that cannot be said in JSON, or is too large.",
            )
            .with([query("version", text(""), VERSION)])
            .json("Example")
            .errors([404, 500]),
        score(post(
            "/api/models/{model}/score",
            Tag::Models,
            "score",
            "A file comes, and its predictions go while it comes.",
        )),
        score(post(
            "/api/models/{model}/versions/{version}/score",
            Tag::Models,
            "scoreVersion",
            "The same with one version.",
        )),
    ];
    all.extend(operate());
    all
}

/// Of a parameter.
pub(super) const VERSION: &str = "The version that is meant: its number, or a label of the routing; the one that answers if it is not said.";

/// What a wish that is not granted becomes.
const WISH: [u16; 4] = [400, 404, 409, 503];

fn operate() -> [Operation; 4] {
    const PATH: &str = "/api/models/{model}/routing";
    const OPERATE: Tag = Tag::Operate;
    [
        get(PATH, OPERATE, "routing", "Labels, shares of the traffic, the shadow.")
            .json("RoutingAnswer")
            .errors([404]),
        put(PATH, OPERATE, "changeRouting", "Replaces the routing.")
            .details("400 also where it contradicts itself or names a version that is not there.")
            .takes("RoutingWanted", json!({"labels": {"stable": 1}, "traffic": {"stable": 1}}))
            .json("RoutingAnswer")
            .errors(WISH),
        delete(PATH, OPERATE, "resetRouting", "Back to what model.toml says.")
            .json("RoutingAnswer")
            .errors(WISH),
        post(
            "/api/models/{model}/rollback",
            OPERATE,
            "rollBack",
            "Back to the version that served before.",
        )
        .details("409 where there is none, or it does not serve.")
        .json("Rollback")
        .errors([404, 409, 503]),
    ]
}

/// Media types of files of rows, by which both sides name a format.
const FILES: [(&str, &str); 5] = [
    ("text/csv", "With a head of names."),
    ("application/x-ndjson", "An object a line."),
    ("application/vnd.apache.parquet", ""),
    ("application/vnd.apache.arrow.stream", ""),
    ("application/vnd.apache.arrow.file", ""),
];

fn score(operation: Operation) -> Operation {
    let file = |(media, about): (&'static str, &'static str)| -> Kind { raw(media, about) };
    operation
        .details(
            "The status is sent with the first predictions; what fails later cuts the answer off. \
             The answer has the format of the file unless Accept names another one. \
             Content-Encoding of texts may be gzip or zstd.",
        )
        .with([
            query("keep", text(""), "Columns that are carried through, with commas between."),
            query(
                "on_bad_row",
                one_of(&ON_BAD_ROW, ""),
                "What becomes of a bad row; null if it is not said.",
            ),
            header(names::ROUTING_KEY, "Requests with the same value go to the same version."),
        ])
        .body(Body {
            is_required: true,
            about: "A file of rows.",
            kinds: FILES.into_iter().map(file).collect(),
        })
        .answers(200, "", FILES.into_iter().map(file).collect())
        .headers(told())
        .errors(PREDICTION)
        .errors([406])
}
