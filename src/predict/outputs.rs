//! Which outputs an answer has, and in which form.

use std::borrow::Cow;

use super::classify;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

/// What is wrong with a request, beyond its inputs; the message is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// One output of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Its place in the signature.
    pub position: usize,
    /// The best so many classes instead of the tensor.
    pub classes: Option<usize>,
}

impl Output {
    /// All outputs of a model, as they are.
    pub fn all(live: &LiveModel) -> impl Iterator<Item = Self> {
        (0..live.signature().outputs.len()).map(|position| Self { position, classes: None })
    }

    /// The outputs of these names, in their order. Call before anything runs.
    ///
    /// # Errors
    /// [`Malformed`] if the model has no such output, or one is named twice: an answer could be
    /// made as large as one likes.
    pub fn named<'a>(
        live: &LiveModel,
        wanted: impl Iterator<Item = (&'a str, Option<usize>)>,
    ) -> Result<Vec<Self>, Malformed> {
        let signature = live.signature();
        let mut asked = vec![false; signature.outputs.len()];
        let find = |(name, classes): (&str, Option<usize>)| {
            let (position, _) = signature.output(name).ok_or_else(|| {
                let known: Vec<String> =
                    signature.outputs.iter().map(|spec| format!("'{}'", spec.name)).collect();
                Malformed(format!("unknown output '{name}', the model has {}", known.join(", ")))
            })?;
            if std::mem::replace(&mut asked[position], true) {
                return Err(Malformed(format!("output '{name}' is asked for twice")));
            }
            Ok(Self { position, classes })
        };
        wanted.map(find).collect()
    }

    /// What an answer has of it, of all outputs of a run.
    ///
    /// # Errors
    /// [`Malformed`] if it is to be classified by and holds no numbers.
    pub fn of<'a>(
        &self,
        live: &LiveModel,
        outputs: &'a [Tensor],
    ) -> Result<Cow<'a, Tensor>, Malformed> {
        let tensor = &outputs[self.position];
        let Some(classes) = self.classes else { return Ok(Cow::Borrowed(tensor)) };
        let spec = &live.signature().outputs[self.position];
        let has_rows = live.model.batching().is_on();
        let best = classify::best(tensor, classes, has_rows, live.labels(spec));
        let refusal = || format!("output '{}' holds no numbers to classify by", spec.name);
        best.map(Cow::Owned).ok_or_else(|| Malformed(refusal()))
    }
}

/// Rows answered: those of the batch axis, or one where there is none.
#[must_use]
pub fn rows(live: &LiveModel, outputs: &[Tensor]) -> usize {
    if live.model.batching().is_on() {
        outputs.first().and_then(Tensor::rows).unwrap_or(1)
    } else {
        1
    }
}
