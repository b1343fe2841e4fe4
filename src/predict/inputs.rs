//! From tensors by name to tensors in the order of the signature.

use crate::engine::{Signature, TensorSpec};
use crate::tensor::Tensor;

/// A tensor with the name that the request gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    pub tensor: Tensor,
}

/// The names of the inputs are wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    #[error("unknown input '{input}', the model has {known}")]
    Unknown { input: String, known: String },
    #[error("input '{input}' is missing, the model has {known}")]
    Missing { input: String, known: String },
    #[error("input '{input}' is given twice")]
    Duplicate { input: String },
}

/// Where in a request its inputs were, by their places in the signature.
#[derive(Debug, Clone)]
pub(super) enum Places {
    /// Most models have few inputs, and nothing is allocated for those.
    Few([u8; FEW]),
    Many(Vec<usize>),
}

const FEW: usize = 64;

impl Places {
    fn new(inputs: usize) -> Self {
        if inputs <= FEW { Self::Few([0; FEW]) } else { Self::Many(vec![0; inputs]) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "few places fit a byte")]
    fn set(&mut self, input: usize, place: usize) {
        match self {
            Self::Few(places) => places[input] = place as u8,
            Self::Many(places) => places[input] = place,
        }
    }

    /// Names and tensors as the request had them, of these in the order of the signature.
    pub(super) fn undone<'a>(
        &self,
        signature: &'a Signature,
        tensors: &'a [Tensor],
    ) -> Vec<(&'a str, &'a Tensor)> {
        let mut order: Vec<usize> = (0..tensors.len()).collect();
        order.sort_by_key(|input| self.of(*input));
        let named = |input: usize| (signature.inputs[input].name.as_str(), &tensors[input]);
        order.into_iter().map(named).collect()
    }

    pub(super) fn of(&self, input: usize) -> usize {
        match self {
            Self::Few(places) => places[input].into(),
            Self::Many(places) => places[input],
        }
    }
}

/// Whether every input is there, once and nothing else, in any order.
pub(super) fn are_all(signature: &Signature, inputs: &[NamedTensor]) -> bool {
    let is_there = |(place, spec): (usize, &TensorSpec)| {
        let same = |input: &NamedTensor| input.name == spec.name;
        inputs.get(place).is_some_and(same) || inputs.iter().any(same)
    };
    // As many as there are, and each of those that there are: so each once.
    inputs.len() == signature.inputs.len() && signature.inputs.iter().enumerate().all(is_there)
}

/// Every input once, and where it was.
pub(super) fn in_order(
    signature: &Signature,
    inputs: Vec<NamedTensor>,
) -> Result<(Vec<Tensor>, Places), InputError> {
    let known = || {
        let names: Vec<String> =
            signature.inputs.iter().map(|spec| format!("'{}'", spec.name)).collect();
        if names.is_empty() { "no inputs".to_owned() } else { names.join(", ") }
    };
    let mut slots: Vec<Option<Tensor>> = signature.inputs.iter().map(|_| None).collect();
    let mut places = Places::new(slots.len());
    for (place, NamedTensor { name, tensor }) in inputs.into_iter().enumerate() {
        let Some((position, _)) = signature.input(&name) else {
            return Err(InputError::Unknown { input: name, known: known() });
        };
        if slots[position].replace(tensor).is_some() {
            return Err(InputError::Duplicate { input: name });
        }
        places.set(position, place);
    }
    let tensors: Result<Vec<Tensor>, InputError> = slots
        .into_iter()
        .zip(&signature.inputs)
        .map(|(slot, spec)| {
            slot.ok_or_else(|| InputError::Missing { input: spec.name.clone(), known: known() })
        })
        .collect();
    Ok((tensors?, places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{DataType, Shape};

    #[test]
    fn inputs_come_into_the_order_of_the_signature_and_remember_their_places() {
        for count in [3usize, FEW + 3] {
            let spec = |at: usize| TensorSpec {
                name: at.to_string(),
                data_type: DataType::Uint8,
                dims: None,
                columns: None,
            };
            let inputs = (0..count).map(spec).collect();
            let signature = Signature { inputs, outputs: Vec::new() };
            let given = (0..count).rev().map(|at| {
                let shape = Shape::new(vec![at]).unwrap();
                let tensor = Tensor::new(shape, vec![0u8; at].into()).unwrap();
                NamedTensor { name: at.to_string(), tensor }
            });
            let given: Vec<NamedTensor> = given.collect();
            assert!(are_all(&signature, &given) && !are_all(&signature, &given[1..]));
            let (tensors, places) = in_order(&signature, given).unwrap();
            for (at, tensor) in tensors.iter().enumerate() {
                assert_eq!((tensor.rows(), places.of(at)), (Some(at), count - 1 - at));
            }
            let undone = places.undone(&signature, &tensors);
            assert_eq!(undone[0].0, (count - 1).to_string());
        }
    }
}
