//! Until the contract does it itself.
use crate::contract::{Contract, Passed, Violation};
use crate::drift::{Reference, Tally};
use crate::tensor::Tensor;

pub struct BadRow {
    pub row: usize,
    pub violations: Vec<Violation>,
}
pub struct RowVerdicts(pub Vec<BadRow>);
impl RowVerdicts {
    pub fn rows(&self) -> &[BadRow] {
        &self.0
    }
}
pub trait ByRow {
    fn rows(&self, tensors: Vec<Tensor>) -> (Vec<Tensor>, RowVerdicts, Passed);
    fn answer_rows(&self, tensors: &[Tensor]) -> (RowVerdicts, u64);
}
impl ByRow for Contract {
    fn rows(&self, tensors: Vec<Tensor>) -> (Vec<Tensor>, RowVerdicts, Passed) {
        let keep = tensors.clone();
        match self.inputs(tensors, |p| p) {
            Ok((tensors, passed)) => (tensors, RowVerdicts(Vec::new()), passed),
            Err(refusal) => {
                let mut all: std::collections::BTreeMap<usize, Vec<Violation>> = Default::default();
                for violation in refusal.violations {
                    all.entry(violation.row.unwrap_or(0)).or_default().push(violation);
                }
                let all = all.into_iter().map(|(row, violations)| BadRow { row, violations });
                (keep, RowVerdicts(all.collect()), Passed::default())
            }
        }
    }
    fn answer_rows(&self, tensors: &[Tensor]) -> (RowVerdicts, u64) {
        (RowVerdicts(Vec::new()), self.answer(tensors).unwrap_or(0))
    }
}
pub trait All {
    fn observe_all_inputs(&mut self, reference: &Reference, tensors: &[Tensor]);
    fn observe_all_predictions(&mut self, reference: &Reference, tensors: &[Tensor]);
}
impl All for Tally {
    fn observe_all_inputs(&mut self, reference: &Reference, tensors: &[Tensor]) {
        self.observe_inputs(reference, tensors);
    }
    fn observe_all_predictions(&mut self, reference: &Reference, tensors: &[Tensor]) {
        self.observe_predictions(reference, tensors);
    }
}
