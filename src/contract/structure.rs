//! Inputs that are not those of the signature, all of them at once.

use super::check::Contract;
use super::violation::{Code, Refusal, Violation};
use crate::engine::Signature;
use crate::tensor::Tensor;

impl Contract {
    /// Whether these are the inputs that the model has, in any order.
    ///
    /// # Errors
    /// [`Refusal`] with everything that is wrong: names, types, shapes.
    pub fn structure<'a>(
        &self,
        signature: &Signature,
        given: impl Iterator<Item = (&'a str, &'a Tensor)> + Clone,
    ) -> Result<(), Refusal> {
        let mut found = Vec::new();
        for (place, (name, _)) in given.clone().enumerate() {
            let expected = if signature.input(name).is_none() {
                "an input that the model has"
            } else if given.clone().take(place).any(|(other, _)| other == name) {
                "every input once"
            } else {
                continue;
            };
            self.count(self.inputs, Code::UnexpectedFeature);
            found.push(violation(
                format!("/inputs/{place}"),
                name,
                Code::UnexpectedFeature,
                expected,
            ));
        }
        let place_of = |name: &str| given.clone().position(|(other, _)| other == name);
        let tensors: Vec<Option<&Tensor>> = if found.is_empty() && fits(signature, given.clone()) {
            return Ok(());
        } else {
            let of = |name: &str| given.clone().find(|(other, _)| *other == name);
            signature.inputs.iter().map(|spec| of(&spec.name).map(|(_, tensor)| tensor)).collect()
        };
        for (input, spec) in signature.inputs.iter().enumerate() {
            if tensors[input].is_none() {
                self.count(self.inputs + 1 + input, Code::MissingFeature);
                let expected = format!("{} of shape {}", spec.data_type, spec.shape_text());
                found.push(violation(
                    "/inputs".to_owned(),
                    &spec.name,
                    Code::MissingFeature,
                    &expected,
                ));
            }
        }
        for (input, mismatch) in signature.mismatches(&tensors) {
            let of_type = tensors[input]
                .is_some_and(|tensor| tensor.data_type() != signature.inputs[input].data_type);
            let (code, part) =
                if of_type { (Code::WrongDtype, "datatype") } else { (Code::WrongShape, "shape") };
            self.count(self.inputs + 1 + input, code);
            let place = place_of(&mismatch.input).unwrap_or(input);
            let expected = mismatch.problem.trim_start_matches("expected ");
            found.push(violation(
                format!("/inputs/{place}/{part}"),
                &mismatch.input,
                code,
                expected,
            ));
        }
        let total = found.len() as u64;
        if total == 0 {
            return Ok(());
        }
        found.truncate(super::finder::MOST_LISTED);
        Err(Refusal { of_answer: false, total, violations: found })
    }
}

/// The case of nearly all requests, without a list of anything.
fn fits<'a>(
    signature: &Signature,
    given: impl Iterator<Item = (&'a str, &'a Tensor)> + Clone,
) -> bool {
    given.clone().count() == signature.inputs.len()
        && given.zip(&signature.inputs).all(|((name, tensor), spec)| {
            name == spec.name && tensor.data_type() == spec.data_type && spec.is_plain(tensor)
        })
}

fn violation(pointer: String, feature: &str, code: Code, expected: &str) -> Violation {
    let (feature, expected) = (feature.to_owned(), expected.to_owned());
    Violation { pointer, feature, row: None, code, expected, value: None }
}
