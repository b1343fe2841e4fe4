//! What a caller can hold on to of a prediction, until the truth is known: a token that comes
//! with the answer, or the id that the request came with.

use super::{Malformed, NamedTensor};
use crate::drift;
use crate::quality::{Board, MAX_ROWS};
use crate::registry::LiveModel;
use crate::tensor::Tensor;

/// What a request wants to hold on to. Of models whose quality is not watched that is nothing.
pub struct Ticket {
    token: bool,
    id: Option<String>,
}

impl Ticket {
    /// A token and the `id` that it shall be remembered by, as far as they are asked for; before
    /// anything runs.
    ///
    /// # Errors
    /// [`Malformed`] if a token is asked for more rows than one can speak of.
    pub fn of(
        live: &LiveModel,
        token: bool,
        id: Option<&str>,
        inputs: &[NamedTensor],
    ) -> Result<Self, Malformed> {
        let Some(watcher) = &live.quality else { return Ok(Self { token: false, id: None }) };
        if token && live.model.batching().is_on() {
            let rows = inputs.iter().filter_map(|input| input.tensor.rows()).max();
            speaks_of(rows.unwrap_or(1))?;
        }
        let id = id.filter(|_| watcher.settings().remember > 0);
        Ok(Self { token, id: id.map(str::to_owned) })
    }

    /// The token of an answer, if one is asked for.
    ///
    /// # Errors
    /// [`Malformed`] if the answer has more rows than the token can speak of: of a model
    /// without a batch axis that is known only now.
    pub fn issue(
        self,
        board: &Board,
        live: &LiveModel,
        outputs: &[Tensor],
    ) -> Result<Option<String>, Malformed> {
        let Some(watcher) = live.quality.as_ref().filter(|_| self.token || self.id.is_some())
        else {
            return Ok(None);
        };
        let prediction = watcher.prediction(outputs, drift::now());
        let mut token = None;
        if self.token {
            speaks_of(prediction.rows.len())?;
            token = board.token(&prediction);
        }
        if let Some(id) = &self.id {
            watcher.remember(id, prediction);
        }
        Ok(token)
    }
}

fn speaks_of(rows: usize) -> Result<(), Malformed> {
    if rows <= MAX_ROWS {
        return Ok(());
    }
    Err(Malformed(format!("a token speaks of at most {MAX_ROWS} rows, came {rows}")))
}
