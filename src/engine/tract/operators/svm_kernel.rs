//! The kernels of support vector machines: how alike two rows are.

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::{TDim, bail, ensure};

use super::linear::{Coefficients, dot};

/// Support vectors, and the kernel that compares rows with them.
#[derive(Debug)]
pub(super) struct SupportVectors {
    vectors: Coefficients,
    kernel: Kernel,
}

#[derive(Debug)]
struct Kernel {
    kind: Kind,
    gamma: f32,
    coef0: f32,
    degree: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Poly,
    Rbf,
    Sigmoid,
}

/// Checks the kernel's attributes also where the node has no support vectors to use it on.
pub(super) fn expect_kernel(node: &NodeProto) -> TractResult<()> {
    Kernel::of(node).map(drop)
}

impl SupportVectors {
    /// The `count` vectors of the node.
    pub(super) fn of(node: &NodeProto, count: usize) -> TractResult<Self> {
        let values = node.get_attr_opt_vec("support_vectors")?.unwrap_or_default();
        let vectors = Coefficients::new("support_vectors", values, count)?;
        Ok(Self { vectors, kernel: Kernel::of(node)? })
    }

    pub(super) fn expect_dim(&self, found: &TDim) -> TractResult<()> {
        self.vectors.expect_dim(found)
    }

    /// How alike each row of the input is to each vector, row by row.
    pub(super) fn compare<'a>(&'a self, input: &'a [f32]) -> impl Iterator<Item = Vec<f32>> + 'a {
        let compare = |row| {
            let vectors = self.vectors.each();
            vectors.map(|vector| self.kernel.compare(row, vector)).collect()
        };
        self.vectors.rows(input).map(compare)
    }
}

impl Kernel {
    fn of(node: &NodeProto) -> TractResult<Self> {
        let kind = match node.get_attr_opt::<&str>("kernel_type")? {
            None | Some("LINEAR") => Kind::Linear,
            Some("POLY") => Kind::Poly,
            Some("RBF") => Kind::Rbf,
            Some("SIGMOID") => Kind::Sigmoid,
            Some(other) => {
                bail!("attribute 'kernel_type' is '{other}', expected LINEAR, POLY, RBF or SIGMOID")
            }
        };
        let params: Vec<f32> = node.get_attr_opt_vec("kernel_params")?.unwrap_or_default();
        ensure!(
            params.len() == 3 || (params.is_empty() && kind == Kind::Linear),
            "attribute 'kernel_params' has {} values, expected gamma, coef0 and degree",
            params.len()
        );
        let param = |place| params.get(place).copied().unwrap_or(0.0);
        Ok(Self { kind, gamma: param(0), coef0: param(1), degree: param(2) })
    }

    fn compare(&self, row: &[f32], vector: &[f32]) -> f32 {
        match self.kind {
            Kind::Linear => dot(row, vector),
            Kind::Rbf => (-self.gamma * squared_distance(row, vector)).exp(),
            Kind::Sigmoid => self.affine(row, vector).tanh(),
            Kind::Poly => power(self.affine(row, vector), self.degree),
        }
    }

    fn affine(&self, row: &[f32], vector: &[f32]) -> f32 {
        self.gamma * dot(row, vector) + self.coef0
    }
}

/// Added up in float32, one after the other, as onnxruntime does.
fn squared_distance(row: &[f32], vector: &[f32]) -> f32 {
    row.iter().zip(vector).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

#[expect(clippy::float_cmp, reason = "the usual degrees are whole, and products are exact")]
fn power(base: f32, degree: f32) -> f32 {
    if degree == 2.0 {
        base * base
    } else if degree == 3.0 {
        base * base * base
    } else {
        base.powf(degree)
    }
}
