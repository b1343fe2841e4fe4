//! Products of rows with a constant matrix run by the kernel of the convolutions, which writes
//! sums where they belong, with the bias, a residual and an activation already in. Windows over
//! images whose channels are the last axis are such rows, too.
//!
//! Arithmetic per column goes into the matrix and the bias, as in `convolutions`. Not for:
//! matrices that are computed, other types than FP32, axes in another order than rows times
//! columns (see `contraction`), and windows with groups or spread columns.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::conv::Conv;

use super::chain::floats;
use super::contraction::{Contraction, Matrix};
use super::dense::{Dense, From, Product};
use super::follow::Following;
use super::packing::Packing;
use super::windows;
use crate::engine::tract::kernels::ColumnPanels;

/// Columns that make up for packing the rows of windows.
const FEW: usize = 16;

pub(super) fn run(model: &mut TypedModel, packing: &Packing<'_>) -> TractResult<()> {
    for id in model.eval_order()? {
        let node = model.node(id);
        if let Some(found) = Found::rows(model, node).or_else(|| Found::windows(model, node)) {
            found.replace(model, packing)?;
        }
    }
    model.compact()
}

/// A product in the graph.
struct Found {
    node: usize,
    value: OutletId,
    rows: From,
    matrix: Matrix,
    /// What the matrix is made from.
    source: Arc<Tensor>,
    following: Following,
}

impl Found {
    fn rows(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let contraction = Contraction::of(model, node)?;
        let axis = contraction.channel_axis()?;
        let Contraction { value, summed, output, matrix } = contraction;
        let shape = &model.outlet_fact(value).ok()?.shape;
        let pixels: TDim = shape[summed.end..].iter().product();
        if pixels != 1.to_dim() {
            return None;
        }
        let source = matrix.values();
        let following = Following::after(model, node.id.into(), axis, vec![0.0; matrix.rows]);
        let rows = From::Axes { first: summed.start, output };
        Some(Self { node: node.id, value, rows, matrix, source, following })
    }

    fn windows(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let conv = node.op_as::<Conv>()?;
        let [value, weights, bias] = *node.inputs else { return None };
        let fact = model.outlet_fact(value).ok()?;
        let spec = &conv.pool_spec;
        let plain = conv.q_params.is_none() && conv.group == 1 && conv.output_channels() >= FEW;
        if !plain || !windows::takes(spec) || fact.datum_type != DatumType::F32 {
            return None;
        }
        let source = model.outlet_fact(weights).ok()?.konst.clone()?;
        let weights = conv.kernel_fmt.kernel_as_group_o_ihw(&source, 1).ok()?;
        let outputs = conv.output_channels();
        let bias = model.outlet_fact(bias).ok()?.konst.clone()?;
        let bias = match *floats(&bias)? {
            [all] => vec![all; outputs],
            ref each => each.to_vec(),
        };
        let depth = *weights.shape().last()?;
        let places: usize = spec.kernel_shape.iter().product();
        let channels = depth.checked_div(places).filter(|channels| *channels > 0)?;
        // The channels of a place lie together in the image, so they must in the matrix.
        let weights = weights.into_tensor().into_shape(&[outputs, channels, places]).ok()?;
        let matrix = Matrix::new(weights.into_arc_tensor(), vec![0, 2, 1])?;
        let following = Following::after(model, node.id.into(), fact.rank() - 1, bias);
        let rows = From::Windows(Box::new(spec.clone()));
        Some(Self { node: node.id, value, rows, matrix, source, following })
    }

    fn replace(self, model: &mut TypedModel, packing: &Packing<'_>) -> TractResult<()> {
        let Self { node, value, rows, matrix, source, following } = self;
        let Following { scale, bias, residual, activation, last } = following;
        let Some(lines) = matrix.lines() else { return Ok(()) };
        let panels = ColumnPanels::pack(&lines, matrix.depth, &scale);
        let matrix = packing.columns(&source, panels);
        let product = Product { rows, matrix, bias, residual: residual.is_some(), activation };
        let mut patch = TypedModelPatch::new("product");
        let inputs: Vec<OutletId> = [value].into_iter().chain(residual).collect();
        let taps = patch.taps(model, &inputs)?;
        let name = model.node(node).name.clone();
        let wire = patch.wire_node(name, Dense(Arc::new(product)), &taps)?[0];
        patch.shunt_outside(model, last, wire)?;
        patch.apply(model)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::prelude::*;
    use tract_onnx::tract_core::ops::einsum::EinSum;
    use tract_onnx::tract_core::ops::math::{add, max, mul};
    use tract_onnx::tract_core::ops::nn::DataFormat;

    use crate::engine::tract::passes::compared::{
        Compared, Convolution, dims, graph, numbers, positive, with_constant, with_special_numbers,
    };

    fn product(model: &mut TypedModel, value: OutletId, axes: &str, matrix: &[usize]) -> OutletId {
        let einsum = EinSum::new(axes.parse().unwrap(), DatumType::F32);
        with_constant(model, einsum, value, positive(matrix, 1))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn any_matrix_gives_what_tract_gives(
            rows in 1usize..30,
            depth in 2usize..900,
            columns in 2usize..80,
            images in 1usize..3,
            turned: bool,
        ) {
            let (mut model, x) = graph(&dims(&[images, rows, depth]));
            let y = if turned {
                product(&mut model, x, "amk,nk->amn", &[columns, depth])
            } else {
                product(&mut model, x, "amk,kn->amn", &[depth, columns])
            };
            let y = with_constant(&mut model, mul(), y, numbers(&[1, 1, columns], 2));
            let y = with_constant(&mut model, add(), y, numbers(&[1, 1, columns], 3));
            with_constant(&mut model, max(), y, numbers(&[1, 1, 1], 4));
            let compared = Compared::of(model, &[positive(&[images, rows, depth], 0)]);
            prop_assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
            prop_assert!(compared.has("MatMul"));
        }
    }

    #[test]
    fn windows_with_channels_last_are_rows() {
        for (kernel, margin, stride, dilation) in
            [(1, 0, 1, 1), (3, 1, 1, 1), (3, 0, 2, 1), (2, 1, 2, 1), (3, 2, 1, 2)]
        {
            let mut convolution = Convolution::square(3, 20, kernel);
            convolution.margins = vec![margin; 2];
            convolution.stride = vec![stride; 2];
            // Rows of pixels may be apart, columns not.
            convolution.dilation = vec![dilation, 1];
            convolution.format = DataFormat::NHWC;
            let shape = [2, 9, 11, 3];
            let (mut model, x) = graph(&dims(&shape));
            let y = convolution.wire(&mut model, "conv", x);
            let y = with_constant(&mut model, mul(), y, numbers(&[1, 1, 1, 20], 3));
            with_constant(&mut model, max(), y, numbers(&[1, 1, 1, 1], 4));
            let compared = Compared::of(model, &[numbers(&shape, 0)]);
            assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
        }
    }

    /// What tract makes of the reshape behind the heads of an attention.
    #[test]
    fn several_axes_may_be_one_sum() {
        let (mut model, x) = graph(&dims(&[2, 5, 3, 4]));
        product(&mut model, x, "ambk,bkn->amn", &[3, 4, 7]);
        assert!(Compared::of(model, &[numbers(&[2, 5, 3, 4], 0)]).has("MatMul"));
    }

    #[test]
    fn sums_over_axes_apart_stay_with_tract() {
        let (mut model, x) = graph(&dims(&[3, 5, 4]));
        product(&mut model, x, "bmk,bkn->mn", &[3, 4, 7]);
        assert!(!Compared::of(model, &[numbers(&[3, 5, 4], 0)]).has("MatMul"));
    }

    #[test]
    fn any_number_of_rows_goes_through_the_same_graph() {
        for rows in [1, 17] {
            let mut model = TypedModel::default();
            let shape = [model.symbols.sym("N").to_dim(), 24.to_dim()];
            let x = model.add_source("x", f32::fact(&shape)).unwrap();
            let y = product(&mut model, x, "mk,kn->mn", &[24, 24]);
            model.wire_node("sum", add(), &[x, y]).unwrap();
            let compared = Compared::of(model, &[numbers(&[rows, 24], 0)]);
            assert_eq!(compared.nodes(), 1, "{:?}", compared.operators);
        }
    }

    #[test]
    fn special_numbers_pass_through_as_before() {
        let (mut model, x) = graph(&dims(&[10, 10]));
        let y = product(&mut model, x, "mk,kn->mn", &[10, 24]);
        with_constant(&mut model, max(), y, Tensor::from_shape(&[1, 1], &[0f32]).unwrap());
        Compared::of(model, &[with_special_numbers(numbers(&[10, 10], 0))]);
    }

    #[test]
    fn computed_matrices_stay_with_tract() {
        let (mut model, x) = graph(&dims(&[4, 6]));
        let matrix = model.add_source("matrix", f32::fact([6, 8])).unwrap();
        let einsum = EinSum::new("mk,kn->mn".parse().unwrap(), DatumType::F32);
        let y = model.wire_node("product", einsum, &[x, matrix]).unwrap();
        model.select_output_outlets(&y).unwrap();
        let inputs = [numbers(&[4, 6], 0), numbers(&[6, 8], 1)];
        assert!(!Compared::of(model, &inputs).has("MatMul"));
    }
}
