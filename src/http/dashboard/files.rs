//! The files of the page, as they were when the program was compiled.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::HeaderValue;

use crate::http::text::Text;

/// Nothing from elsewhere, and nothing that stands in a text: a name of a model or a category can
/// never run. Pictures that somebody tries a model with are `blob:` and `data:`.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const PLAIN: &str = "text/plain; charset=utf-8";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        text(include_bytes!(concat!("ui/", $name)), $kind)
    };
}

macro_rules! files {
    ($($kind:ident $name:literal)*) => {
        /// By their names below `/ui`.
        pub(super) static FILES: LazyLock<Vec<(&'static str, Text)>> =
            LazyLock::new(|| vec![$(($name, file!($name, $kind))),*]);
    };
}

/// What `/` shows. It names its files by `ui/…`, so it lies beside that folder.
pub(super) static PAGE: LazyLock<Text> = LazyLock::new(|| file!("index.html", HTML));

files! {
    SCRIPT "api.js"
    SCRIPT "app.js"
    SCRIPT "bars.js"
    SCRIPT "dom.js"
    SCRIPT "format.js"
    PICTURE "icon.svg"
    SCRIPT "parts.js"
    SCRIPT "plot.js"
    SCRIPT "poll.js"
    SCRIPT "routes.js"
    SCRIPT "session.js"
    STYLE "style.css"
    SCRIPT "theme.js"
    PLAIN "uplot-license.txt"
    SCRIPT "uplot.js"
    SCRIPT "views/health.js"
    SCRIPT "views/health/contract.js"
    SCRIPT "views/health/detail.js"
    SCRIPT "views/health/figures.js"
    SCRIPT "views/health/list.js"
    SCRIPT "views/jobs.js"
    SCRIPT "views/jobs/form.js"
    SCRIPT "views/jobs/list.js"
    SCRIPT "views/jobs/words.js"
    SCRIPT "views/model.js"
    SCRIPT "views/model/control.js"
    SCRIPT "views/model/engine.js"
    SCRIPT "views/model/form.js"
    SCRIPT "views/model/gate.js"
    SCRIPT "views/model/history.js"
    SCRIPT "views/model/look.js"
    SCRIPT "views/model/notices.js"
    SCRIPT "views/model/provenance.js"
    SCRIPT "views/model/routing.js"
    SCRIPT "views/model/strip.js"
    SCRIPT "views/model/versions.js"
    SCRIPT "views/overview.js"
    SCRIPT "views/overview/models.js"
    SCRIPT "views/overview/row.js"
    SCRIPT "views/shell.js"
    SCRIPT "views/traffic.js"
    SCRIPT "views/try.js"
    SCRIPT "views/try/answer.js"
    SCRIPT "views/try/bytes.js"
    SCRIPT "views/try/code.js"
    SCRIPT "views/try/control.js"
    SCRIPT "views/try/datatype.js"
    SCRIPT "views/try/drawing.js"
    SCRIPT "views/try/faults.js"
    SCRIPT "views/try/field.js"
    SCRIPT "views/try/form.js"
    SCRIPT "views/try/image.js"
    SCRIPT "views/try/json.js"
    SCRIPT "views/try/matrix.js"
    SCRIPT "views/try/picture.js"
    SCRIPT "views/try/pixels.js"
    SCRIPT "views/try/request.js"
    SCRIPT "views/try/signature.js"
    SCRIPT "views/try/snippets.js"
    SCRIPT "views/try/strokes.js"
    SCRIPT "views/try/timing.js"
}

/// A file by its name, which may have folders in it.
pub(super) fn find(name: &str) -> Option<&'static Text> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, file)| file)
}

fn text(body: &'static [u8], kind: &'static str) -> Text {
    Text::new(Bytes::from_static(body), HeaderValue::from_static(kind)).with_policy(Some(POLICY))
}
