//! Products of rows with a constant matrix run by the kernel of the convolutions, which writes
//! sums where they belong, with the bias, a residual and an activation already in.
//!
//! Arithmetic per column goes into the matrix and the bias, as in `convolutions`. Not for:
//! matrices that are computed, other types than FP32, and axes in another order than rows times
//! columns.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_hir::internal::{
    EvalContext, EvalOp, InOut, Op, StaticName, TypedOp, as_op, bail, ensure, op_as_typed_op,
    op_out_of_plan,
};

use super::chain::floats;
use super::follow::Following;
use crate::engine::tract::kernels::{Activation, Bias, ColumnPanels, Finish, dense};

pub(super) fn run(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        if let Some(found) = Found::at(model, id) {
            found.replace(model)?;
        }
    }
    model.compact()
}

/// A product in the graph.
struct Found {
    node: usize,
    rows: OutletId,
    depth: usize,
    following: Following,
}

impl Found {
    fn at(model: &TypedModel, id: usize) -> Option<Self> {
        let node = model.node(id);
        let einsum = node.op_as::<EinSum>()?;
        let [rows, matrix] = *node.inputs else { return None };
        let fact = model.outlet_fact(rows).ok()?;
        let matrix = model.outlet_fact(matrix).ok()?.konst.clone()?;
        if einsum.q_params.is_some()
            || fact.datum_type != DatumType::F32
            || matrix.datum_type() != DatumType::F32
            || matrix.rank() != 2
            || fact.rank() == 0
        {
            return None;
        }
        let last = fact.rank() - 1;
        let sum = einsum.axes.axis((InOut::In(0), last)).ok()?;
        let ([sum_axis], true) = (&*sum.inputs[1], sum.outputs[0].is_empty()) else { return None };
        let columns = einsum.axes.axis((InOut::In(1), 1 - sum_axis)).ok()?;
        let others_stay = (0..last).all(|axis| {
            einsum.axes.axis((InOut::In(0), axis)).is_ok_and(|other| {
                other.inputs[1].is_empty()
                    && *other.inputs[0] == [axis]
                    && *other.outputs[0] == [axis]
            })
        });
        if !others_stay || *columns.outputs[0] != [last] || !columns.inputs[0].is_empty() {
            return None;
        }
        let view = matrix.to_plain_array_view::<f32>().ok()?;
        let view = view.into_dimensionality::<tract_ndarray::Ix2>().ok()?;
        // A row per column of the output, as `Following` has it.
        let view = if *sum_axis == 1 { view } else { view.reversed_axes() };
        let (_, depth) = view.dim();
        if depth == 0 {
            return None;
        }
        let weights = view.iter().copied().collect();
        let following = Following::after(model, id.into(), last, weights, depth, None);
        Some(Self { node: id, rows, depth, following })
    }

    fn replace(self, model: &mut TypedModel) -> TractResult<()> {
        let Following { weights, bias, residual, activation, last } = self.following;
        let depth = self.depth;
        let matrix = ColumnPanels::pack(depth, bias.len(), |k, column| weights[column * depth + k]);
        let product = Product { matrix, bias, residual: residual.is_some(), activation };
        let mut patch = TypedModelPatch::new("product");
        let inputs: Vec<OutletId> = [self.rows].into_iter().chain(residual).collect();
        let taps = patch.taps(model, &inputs)?;
        let name = model.node(self.node).name.clone();
        let output = patch.wire_node(name, Dense(Arc::new(product)), &taps)?[0];
        patch.shunt_outside(model, last, output)?;
        patch.apply(model)
    }
}

/// The operator in place of tract's. Inputs: the rows, then the residual, if there is one.
#[derive(Debug, Clone)]
struct Dense(Arc<Product>);

#[derive(Debug)]
struct Product {
    matrix: ColumnPanels,
    bias: Vec<f32>,
    residual: bool,
    activation: Activation,
}

/// The same matrix: a copy of this operator in another graph.
impl PartialEq for Dense {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Dense {}

impl Op for Dense {
    fn name(&self) -> StaticName {
        "MatMul".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Dense {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Product { matrix, bias, activation, .. } = &*self.0;
        let values = inputs.iter().map(|input| floats(input));
        let Some(values) = values.collect::<Option<Vec<_>>>() else { bail!("expected floats") };
        let mut shape: TVec<usize> = inputs[0].shape().into();
        let Some(last) = shape.last_mut() else { bail!("expected rows") };
        *last = matrix.columns();
        let mut output = Tensor::zero::<f32>(&shape)?;
        let residual = values.get(1).copied();
        ensure!(
            residual.is_none_or(|values| values.len() == output.len()),
            "a residual of another shape"
        );
        let finish = Finish { bias: Bias::Columns(bias), residual, activation: *activation };
        let mut plain = output.try_as_plain_ram_mut()?;
        dense(values[0], matrix, &finish, plain.as_slice_mut::<f32>()?);
        drop(plain);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Dense {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 1 + usize::from(self.0.residual), "a residual is missing");
        let mut shape = inputs[0].shape.clone();
        let last = shape.rank() - 1;
        shape.set(last, self.0.matrix.columns().to_dim());
        Ok(tvec!(DatumType::F32.fact(shape)))
    }

    as_op!();
}
