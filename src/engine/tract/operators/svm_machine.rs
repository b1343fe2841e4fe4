//! The decision values of a support vector classifier: one for each pair of classes.

use std::ops::Range;

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{TDim, ensure, format_err};

use super::svm_kernel::SupportVectors;
use super::values::narrow;

/// A machine for each pair of classes, all from one set of support vectors.
#[derive(Debug)]
pub(super) struct Machines {
    vectors: SupportVectors,
    /// Which of the vectors are of which class.
    classes: Vec<Range<usize>>,
    count: usize,
    /// For each class but one a row: the weights of the vectors against the other classes.
    coefficients: Vec<f32>,
    rho: Vec<f32>,
}

/// What the machines say about a row.
pub(super) struct Decisions {
    /// For each pair of classes, in the order (0, 1), (0, 2) … (1, 2) …; above nought for
    /// the first.
    pub(super) values: Vec<f32>,
    /// For each class.
    pub(super) votes: Vec<usize>,
}

/// How many vectors each class has; all of none where the node has a linear model.
pub(super) fn vectors_per_class(node: &NodeProto) -> TractResult<Vec<usize>> {
    let given: Vec<i64> = node.get_attr_opt_vec("vectors_per_class")?.unwrap_or_default();
    let count = |count: &i64| {
        let wrong = || format_err!("attribute 'vectors_per_class' holds {count}, expected counts");
        usize::try_from(*count).map_err(|_| wrong())
    };
    given.iter().map(count).collect()
}

impl Machines {
    pub(super) fn of(node: &NodeProto, per_class: &[usize]) -> TractResult<Self> {
        let mut count = 0;
        let mut classes = Vec::new();
        for &vectors in per_class {
            let Some(end) = usize::checked_add(count, vectors) else {
                return Err(format_err!("attribute 'vectors_per_class' holds {vectors}"));
            };
            classes.push(count..end);
            count = end;
        }
        let vectors = SupportVectors::of(node, count)?;
        let coefficients: Vec<f32> = node.get_attr_opt_vec("coefficients")?.unwrap_or_default();
        let others = per_class.len() - 1;
        ensure!(
            coefficients.len() == others * count,
            "attribute 'coefficients' has {} values, expected {others} for each of {count} support vectors",
            coefficients.len()
        );
        let rho: Vec<f32> = node.get_attr_opt_vec("rho")?.unwrap_or_default();
        let machines = Self { vectors, classes, count, coefficients, rho };
        let pairs = machines.pairs();
        ensure!(
            machines.rho.len() >= pairs,
            "attribute 'rho' has {} values for {pairs} pairs of classes",
            machines.rho.len()
        );
        Ok(machines)
    }

    /// How many pairs of classes there are.
    pub(super) fn pairs(&self) -> usize {
        self.classes.len() * (self.classes.len() - 1) / 2
    }

    pub(super) fn expect_dim(&self, columns: &TDim) -> TractResult<()> {
        self.vectors.expect_dim(columns)
    }

    /// For each row of the input.
    pub(super) fn decide<'a>(&'a self, input: &'a [f32]) -> impl Iterator<Item = Decisions> + 'a {
        self.vectors.compare(input).map(|kernels| self.decisions(&kernels))
    }

    fn decisions(&self, kernels: &[f32]) -> Decisions {
        let classes = self.classes.len();
        let mut decisions =
            Decisions { values: Vec::with_capacity(self.pairs()), votes: vec![0; classes] };
        for i in 0..classes {
            for j in i + 1..classes {
                let sum = self.weighted(kernels, j - 1, i) + self.weighted(kernels, i, j);
                let sum = sum + f64::from(self.rho[decisions.values.len()]);
                decisions.values.push(narrow(sum));
                decisions.votes[if sum > 0.0 { i } else { j }] += 1;
            }
        }
        decisions
    }

    /// Products in float32 and their sum in float64, as onnxruntime has it.
    fn weighted(&self, kernels: &[f32], row: usize, class: usize) -> f64 {
        let vectors = self.classes[class].clone();
        let weights = &self.coefficients[row * self.count..(row + 1) * self.count];
        let products = weights[vectors.clone()].iter().zip(&kernels[vectors]);
        products.map(|(weight, kernel)| f64::from(weight * kernel)).sum()
    }
}
