//! Inputs and outputs against the signature, and against the contract if there is one.

use std::sync::Arc;

use super::{Error, NamedTensor, inputs};
use crate::contract::Passed;
use crate::registry::LiveModel;
use crate::tensor::Tensor;

/// Looks at numbers that are made on the I/O thread: they take some 20 µs, about what handing
/// them over costs.
const INLINE_WORK: usize = 16 * 1024;

/// The inputs in the order of the signature, as the contract allows them.
pub(super) async fn inputs(
    live: &LiveModel,
    given: Vec<NamedTensor>,
) -> Result<(Vec<Tensor>, Passed), Error> {
    let signature = live.signature();
    let Some(contract) = &live.contract else {
        let (tensors, _) = inputs::in_order(signature, given)?;
        signature.check(&tensors)?;
        return Ok((tensors, Passed::default()));
    };
    if !inputs::are_all(signature, &given) {
        let named = given.iter().map(|input| (input.name.as_str(), &input.tensor));
        contract.structure(signature, named)?;
    }
    let (tensors, places) = inputs::in_order(signature, given)?;
    if let Err(mismatch) = signature.check(&tensors) {
        contract.structure(signature, places.undone(signature, &tensors).into_iter())?;
        return Err(mismatch.into());
    }
    if contract.work(&tensors) <= INLINE_WORK {
        return Ok(contract.inputs(tensors, |input| places.of(input))?);
    }
    let contract = Arc::clone(contract);
    Ok(away(move || contract.inputs(tensors, |input| places.of(input))).await??)
}

/// What the contract finds in an answer that callers are told of.
pub(super) async fn outputs(live: &LiveModel, outputs: &mut Vec<Tensor>) -> Result<u64, Error> {
    let Some(contract) = &live.contract else { return Ok(0) };
    if contract.work_of_answer(outputs) <= INLINE_WORK {
        return Ok(contract.answer(outputs)?);
    }
    let (contract, tensors) = (Arc::clone(contract), std::mem::take(outputs));
    let checked = away(move || {
        let found = contract.answer(&tensors);
        (tensors, found)
    });
    let (tensors, found) = checked.await?;
    *outputs = tensors;
    Ok(found?)
}

/// On a thread for work that is too long for one that does I/O.
async fn away<T: Send + 'static>(check: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(check).await.map_err(|_| Error::Check)
}
