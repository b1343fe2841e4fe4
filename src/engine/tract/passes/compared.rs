//! Small graphs with and without passes: for the tests of the passes.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::conv::Conv;
use tract_onnx::tract_core::ops::cnn::{KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::internal::TypedOp;

use super::{Packing, Passes, Shelf};

/// Names of the operators after all passes, and whether results stayed what they were.
pub(super) struct Compared {
    pub(super) operators: Vec<String>,
}

impl Compared {
    /// Runs a graph as tract optimises it, and with all passes.
    ///
    /// # Panics
    /// If a number differs by more than 1e-5 of itself or of the typical one.
    pub(super) fn of(model: TypedModel, inputs: &[Tensor]) -> Self {
        Self::within(1e-5, model, inputs)
    }

    /// As [`Self::of`], with another tolerance.
    pub(super) fn within(tolerance: f32, mut model: TypedModel, inputs: &[Tensor]) -> Self {
        model.auto_outputs_unless_set();
        model.declutter().unwrap();
        let mut changed = model.clone();
        Passes::ALL.run(&mut changed, &Packing::of(&Shelf::default())).unwrap();
        let operators = changed.nodes().iter().map(|node| node.op().name().into_owned());
        let operators = operators.collect();
        let expected = run(model, inputs);
        let found = run(changed, inputs);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.shape(), expected.shape());
            alike(floats(found), floats(expected), tolerance);
        }
        Self { operators }
    }

    pub(super) fn has(&self, operator: &str) -> bool {
        self.operators.iter().any(|name| name == operator)
    }

    /// How many nodes are neither inputs nor constants.
    pub(super) fn nodes(&self) -> usize {
        self.operators.iter().filter(|name| *name != "Source" && *name != "Const").count()
    }
}

trait Outputs {
    fn auto_outputs_unless_set(&mut self);
}

impl Outputs for TypedModel {
    fn auto_outputs_unless_set(&mut self) {
        if self.output_outlets().unwrap().is_empty() {
            self.auto_outputs().unwrap();
        }
    }
}

fn run(mut model: TypedModel, inputs: &[Tensor]) -> TVec<TValue> {
    model.optimize().unwrap();
    let inputs = inputs.iter().map(|input| input.clone().into_tvalue()).collect();
    model.into_runnable().unwrap().run(inputs).unwrap()
}

fn floats(tensor: &Tensor) -> &[f32] {
    super::chain::floats(tensor).unwrap()
}

#[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "small tensors; infinities")]
fn alike(found: &[f32], expected: &[f32], tolerance: f32) {
    let finite = || expected.iter().filter(|value| value.is_finite());
    let typical = finite().map(|value| value.abs()).sum::<f32>() / finite().count().max(1) as f32;
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let close = found == expected
            // Some of tract's kernels make nought of what is not a number, others leave it.
            || (found.is_nan() && (expected.is_nan() || expected == 0.0))
            || (found - expected).abs() <= tolerance * expected.abs().max(typical);
        assert!(close, "number {at} is {found}, without passes {expected}");
    }
}

/// Numbers between -1 and 1 that repeat late.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn numbers(shape: &[usize], seed: usize) -> Tensor {
    let count = shape.iter().product();
    let number = |at: usize| ((at + 1) * (7919 + 2 * seed) % 2003) as f32 / 1001.0 - 1.0;
    let values: Vec<f32> = (0..count).map(number).collect();
    Tensor::from_shape(shape, &values).unwrap()
}

/// Numbers between nought and one: sums of their products cancel nowhere.
pub(super) fn positive(shape: &[usize], seed: usize) -> Tensor {
    let mut tensor = numbers(shape, seed);
    let mut plain = tensor.try_as_plain_ram_mut().unwrap();
    plain.as_slice_mut::<f32>().unwrap().iter_mut().for_each(|value| *value = value.abs());
    tensor
}

/// A tensor with what is special about floats in some places.
pub(super) fn with_special_numbers(mut tensor: Tensor) -> Tensor {
    let special = [f32::NAN, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE / 2.0];
    let mut plain = tensor.try_as_plain_ram_mut().unwrap();
    let values = plain.as_slice_mut::<f32>().unwrap();
    let step = values.len() / special.len();
    for (at, special) in special.into_iter().enumerate() {
        values[at * step.max(1)] = special;
    }
    tensor
}

/// A graph that starts with one input of floats.
pub(super) fn graph(shape: &[TDim]) -> (TypedModel, OutletId) {
    let mut model = TypedModel::default();
    let source = model.add_source("x", f32::fact(shape)).unwrap();
    (model, source)
}

pub(super) fn dims(shape: &[usize]) -> Vec<TDim> {
    shape.iter().map(ToDim::to_dim).collect()
}

/// A convolution as ONNX has it.
#[derive(Debug, Clone)]
pub(super) struct Convolution {
    pub(super) groups: usize,
    /// Of a group.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: Vec<usize>,
    pub(super) stride: Vec<usize>,
    pub(super) dilation: Vec<usize>,
    pub(super) margins: Vec<usize>,
    pub(super) format: DataFormat,
}

impl Convolution {
    /// Windows of this size over two axes.
    pub(super) fn square(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self {
            groups: 1,
            inputs,
            outputs,
            kernel: vec![kernel; 2],
            stride: vec![1; 2],
            dilation: vec![1; 2],
            margins: vec![kernel / 2; 2],
            format: DataFormat::NCHW,
        }
    }

    pub(super) fn spec(&self) -> PoolSpec {
        let margins: TVec<usize> = self.margins.iter().copied().collect();
        PoolSpec {
            data_format: self.format,
            kernel_shape: self.kernel.iter().copied().collect(),
            padding: PaddingSpec::Explicit(margins.clone(), margins),
            dilations: Some(self.dilation.iter().copied().collect()),
            strides: Some(self.stride.iter().copied().collect()),
            input_channels: self.groups * self.inputs,
            output_channels: self.groups * self.outputs,
        }
    }

    pub(super) fn wire(&self, model: &mut TypedModel, name: &str, image: OutletId) -> OutletId {
        let outputs = self.groups * self.outputs;
        let shape: Vec<usize> =
            [outputs, self.inputs].iter().chain(&self.kernel).copied().collect();
        let weights = model.add_const(format!("{name}.w"), numbers(&shape, 1)).unwrap();
        let bias = model.add_const(format!("{name}.b"), numbers(&[outputs], 2)).unwrap();
        let conv = Conv {
            pool_spec: self.spec(),
            kernel_fmt: KernelFormat::OIHW,
            group: self.groups,
            q_params: None,
        };
        model.wire_node(name, conv, &[image, weights, bias]).unwrap()[0]
    }
}

/// Arithmetic with a constant.
pub(super) fn with_constant(
    model: &mut TypedModel,
    operator: impl Into<Box<dyn TypedOp>>,
    value: OutletId,
    constant: Tensor,
) -> OutletId {
    let name = format!("node_{}", model.nodes().len());
    let constant = model.add_const(format!("{name}.constant"), constant).unwrap();
    model.wire_node(name, operator, &[value, constant]).unwrap()[0]
}
