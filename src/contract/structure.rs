//! Inputs that are not those of the signature, all of them at once.
//!
//! Asked once it is known that something is wrong. Callers can send hundreds of thousands of
//! inputs in one request: each is looked at once, and only what a refusal lists takes memory.

use std::collections::HashMap;

use super::check::Contract;
use super::finder::MOST_LISTED;
use super::violation::{Code, Refusal, Violation};
use crate::engine::{Signature, TensorSpec};
use crate::tensor::Tensor;

impl Contract {
    /// Whether these are the inputs that the model has, in any order.
    ///
    /// # Errors
    /// [`Refusal`] with everything that is wrong: names, types, shapes.
    pub fn structure<'a>(
        &self,
        signature: &Signature,
        given: impl Iterator<Item = (&'a str, &'a Tensor)>,
    ) -> Result<(), Refusal> {
        let mut search = Search { contract: self, total: 0, listed: Vec::new() };
        let given = search.names(signature, given);
        for (input, spec) in signature.inputs.iter().enumerate() {
            if given[input].is_none() {
                search.missing(input, spec);
            }
        }
        search.mismatches(signature, &given);
        let Search { total, listed: violations, .. } = search;
        if total == 0 { Ok(()) } else { Err(Refusal { of_answer: false, total, violations }) }
    }
}

/// An input of the signature in the request: its place there, and its tensor.
type Given<'a> = Option<(usize, &'a Tensor)>;

struct Search<'c> {
    contract: &'c Contract,
    total: u64,
    listed: Vec<Violation>,
}

impl Search<'_> {
    /// The inputs in the order of the signature. Those that it does not have, or that came
    /// before, are violations.
    fn names<'a>(
        &mut self,
        signature: &Signature,
        given: impl Iterator<Item = (&'a str, &'a Tensor)>,
    ) -> Vec<Given<'a>> {
        let places: HashMap<&str, usize> =
            signature.inputs.iter().map(|spec| spec.name.as_str()).zip(0..).collect();
        let mut found: Vec<Given> = vec![None; signature.inputs.len()];
        let code = Code::UnexpectedFeature;
        for (place, (name, tensor)) in given.enumerate() {
            let expected = match places.get(name) {
                None => "an input that the model has",
                Some(input) if found[*input].is_some() => "every input once",
                Some(input) => {
                    found[*input] = Some((place, tensor));
                    continue;
                }
            };
            let entry = self.contract.inputs;
            self.add(entry, code, || (format!("/inputs/{place}"), name, expected.to_owned()));
        }
        found
    }

    fn missing(&mut self, input: usize, spec: &TensorSpec) {
        let entry = self.contract.inputs + 1 + input;
        self.add(entry, Code::MissingFeature, || {
            let expected = format!("{} of shape {}", spec.data_type, spec.shape_text());
            ("/inputs".to_owned(), &spec.name, expected)
        });
    }

    fn mismatches(&mut self, signature: &Signature, given: &[Given]) {
        let tensors: Vec<Option<&Tensor>> =
            given.iter().map(|given| given.map(|(_, tensor)| tensor)).collect();
        for (input, mismatch) in signature.mismatches(&tensors) {
            let of_type = tensors[input]
                .is_some_and(|tensor| tensor.data_type() != signature.inputs[input].data_type);
            let (code, part) =
                if of_type { (Code::WrongDtype, "datatype") } else { (Code::WrongShape, "shape") };
            let place = given[input].map_or(input, |(place, _)| place);
            let expected = mismatch.problem.trim_start_matches("expected ");
            self.add(self.contract.inputs + 1 + input, code, || {
                (format!("/inputs/{place}/{part}"), &mismatch.input, expected.to_owned())
            });
        }
    }

    /// Counts one. `describe` gives pointer, name and what was expected.
    fn add<'d>(
        &mut self,
        entry: usize,
        code: Code,
        describe: impl FnOnce() -> (String, &'d str, String),
    ) {
        self.contract.count(entry, code);
        self.total += 1;
        if self.listed.len() < MOST_LISTED {
            let (pointer, feature, expected) = describe();
            let (row, feature, value) = (None, shortened(feature), None);
            self.listed.push(Violation { pointer, feature, row, code, expected, value });
        }
    }
}

/// A name as it is repeated to whoever sent it.
fn shortened(name: &str) -> String {
    const MOST: usize = 256;
    let mut shown: String = name.chars().take(MOST).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}
