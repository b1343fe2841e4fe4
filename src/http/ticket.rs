//! What a caller can hold on to of a prediction, until the truth is known: a token in a header of
//! the answer, or the id that the request came with.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::Api;
use super::error::Error;
use crate::drift;
use crate::quality::MAX_ROWS;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

/// `true` asks for a token.
const ASKED: HeaderName = HeaderName::from_static("onnxd-token");
/// The token.
const TOKEN: HeaderName = HeaderName::from_static("onnxd-prediction-token");
/// The id of the prediction, where the protocol has none.
const ID: HeaderName = HeaderName::from_static("onnxd-prediction-id");

/// The header to add to an answer, if any. Of models whose quality is not watched there is none.
///
/// # Errors
/// [`Error::Malformed`] if a token is asked for more rows than one can speak of.
pub(super) fn ticket(
    api: &Api,
    live: &LiveModel,
    headers: &HeaderMap,
    id: Option<&str>,
    outputs: &[Tensor],
) -> Result<Option<(HeaderName, HeaderValue)>, Error> {
    let Some(watcher) = &live.quality else { return Ok(None) };
    let asked = headers.get(&ASKED).is_some_and(|value| value == "true");
    let id = headers.get(&ID).and_then(|value| value.to_str().ok()).or(id);
    let id = id.filter(|_| watcher.settings().remember > 0);
    if !asked && id.is_none() {
        return Ok(None);
    }
    let prediction = watcher.prediction(outputs, drift::now());
    let token = if asked {
        let token = api.board.token(&prediction).ok_or_else(|| {
            let rows = prediction.rows.len();
            Error::Malformed(format!("a token speaks of at most {MAX_ROWS} rows, came {rows}"))
        })?;
        HeaderValue::from_str(&token).ok()
    } else {
        None
    };
    if let Some(id) = id {
        watcher.remember(id, prediction);
    }
    Ok(token.map(|token| (TOKEN, token)))
}
