//! A model that gives back what it gets, for tests of who runs what.

use onnxd::batch::{Failure, Model};
use onnxd::contract::Contract;
use onnxd::drift::Reference;
use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::tensor::{DataType, Tensor};

/// From a column `x` of whole numbers to a column `y`.
pub struct Echo<F> {
    signature: Signature,
    rows_at_once: usize,
    entered: F,
}

impl<F: Fn(&[Tensor]) -> Result<(), Failure>> Echo<F> {
    /// `entered` is called in each run.
    pub fn new(rows_at_once: usize, entered: F) -> Self {
        let spec = |name: &str| TensorSpec {
            name: name.to_owned(),
            data_type: DataType::Int64,
            dims: Some(vec![Dim::Unknown]),
            columns: None,
        };
        let signature = Signature { inputs: vec![spec("x")], outputs: vec![spec("y")] };
        Self { signature, rows_at_once, entered }
    }
}

impl<F: Fn(&[Tensor]) -> Result<(), Failure> + Send + Sync> Model for Echo<F> {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn sha256(&self) -> &'static str {
        "0"
    }

    fn contract(&self) -> Option<&Contract> {
        None
    }

    fn reference(&self) -> Option<&Reference> {
        None
    }

    fn rows_at_once(&self) -> usize {
        self.rows_at_once
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        (self.entered)(inputs)?;
        Ok(inputs.to_vec())
    }
}

/// So many lines of numbers, which follow the name of their column.
pub fn whole_numbers(rows: usize) -> String {
    let rows: Vec<String> = (0..rows).map(|row| row.to_string()).collect();
    rows.join("\n") + "\n"
}
