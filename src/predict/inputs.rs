//! From tensors by name to tensors in the order of the signature.

use crate::engine::Signature;
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

pub(super) fn in_order(
    signature: &Signature,
    inputs: Vec<NamedTensor>,
) -> Result<Vec<Tensor>, InputError> {
    let known = || {
        let names: Vec<String> =
            signature.inputs.iter().map(|spec| format!("'{}'", spec.name)).collect();
        if names.is_empty() { "no inputs".to_owned() } else { names.join(", ") }
    };
    let mut slots: Vec<Option<Tensor>> = signature.inputs.iter().map(|_| None).collect();
    for NamedTensor { name, tensor } in inputs {
        let Some((position, _)) = signature.input(&name) else {
            return Err(InputError::Unknown { input: name, known: known() });
        };
        if slots[position].replace(tensor).is_some() {
            return Err(InputError::Duplicate { input: name });
        }
    }
    slots
        .into_iter()
        .zip(&signature.inputs)
        .map(|(slot, spec)| {
            slot.ok_or_else(|| InputError::Missing { input: spec.name.clone(), known: known() })
        })
        .collect()
}
