//! What a caller can hold on to of a prediction, until the truth is known: a token in a header of
//! the answer, or the id that the request came with.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::Api;
use super::error::Error;
use crate::drift;
use crate::predict::NamedTensor;
use crate::quality::MAX_ROWS;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

/// `true` asks for a token.
const ASKED: HeaderName = HeaderName::from_static("onnxd-token");
/// The token.
const TOKEN: HeaderName = HeaderName::from_static("onnxd-prediction-token");
/// The id of the prediction, where the protocol has none.
const ID: HeaderName = HeaderName::from_static("onnxd-prediction-id");

/// What a request wants to hold on to. Of models whose quality is not watched that is nothing.
pub(super) struct Ticket {
    token: bool,
    id: Option<String>,
}

impl Ticket {
    /// What the headers ask for, or the protocol's own `id`; before anything runs.
    ///
    /// # Errors
    /// [`Error::Malformed`] if a token is asked for more rows than one can speak of.
    pub(super) fn of(
        live: &LiveModel,
        headers: &HeaderMap,
        id: Option<&str>,
        inputs: &[NamedTensor],
    ) -> Result<Self, Error> {
        let Some(watcher) = &live.quality else { return Ok(Self { token: false, id: None }) };
        let token = headers.get(&ASKED).is_some_and(|value| value == "true");
        if token && live.model.batching().is_on() {
            let rows = inputs.iter().filter_map(|input| input.tensor.rows()).max();
            speaks_of(rows.unwrap_or(1))?;
        }
        let id = headers.get(&ID).and_then(|value| value.to_str().ok()).or(id);
        let id = id.filter(|_| watcher.settings().remember > 0);
        Ok(Self { token, id: id.map(str::to_owned) })
    }

    /// The header to add to an answer, if any.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the answer has more rows than the token can speak of: of a model
    /// without a batch axis that is known only now.
    pub(super) fn issue(
        self,
        api: &Api,
        live: &LiveModel,
        outputs: &[Tensor],
    ) -> Result<Option<(HeaderName, HeaderValue)>, Error> {
        let Some(watcher) = live.quality.as_ref().filter(|_| self.token || self.id.is_some())
        else {
            return Ok(None);
        };
        let prediction = watcher.prediction(outputs, drift::now());
        let mut token = None;
        if self.token {
            speaks_of(prediction.rows.len())?;
            token = api.board.token(&prediction);
        }
        if let Some(id) = &self.id {
            watcher.remember(id, prediction);
        }
        let token = token.and_then(|token| HeaderValue::from_str(&token).ok());
        Ok(token.map(|token| (TOKEN, token)))
    }
}

fn speaks_of(rows: usize) -> Result<(), Error> {
    if rows <= MAX_ROWS {
        return Ok(());
    }
    Err(Error::Malformed(format!("a token speaks of at most {MAX_ROWS} rows, came {rows}")))
}
