//! What a job knows of a model.

use super::totals::Totals;
use crate::contract::Contract;
use crate::drift::Reference;
use crate::engine::Signature;
use crate::tensor::Tensor;

pub trait Model: Send + Sync {
    fn signature(&self) -> &Signature;

    /// Of the model file, in hexadecimal: a job is not gone on with by another model.
    fn sha256(&self) -> &str;

    fn contract(&self) -> Option<&Contract>;

    /// What the data is held against.
    fn reference(&self) -> Option<&Reference>;

    /// Rows that run together at the lowest cost.
    fn rows_at_once(&self) -> usize;

    /// Runs inputs that fit the signature.
    ///
    /// # Errors
    /// Why there is no answer.
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure>;

    /// All rows of a job were predicted, and all files of it are whole.
    fn done(&self, _totals: &Totals) {}

    /// Does the work of one of the job's threads, as the priority of jobs is here.
    fn work(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// Why rows have no predictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Some of the values are nothing that the model can take. Others may run.
    Values(String),
    /// Nothing will run.
    Model(String),
}
