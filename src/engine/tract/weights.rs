//! Large weights of a graph. tract would copy all of them out of the file's tensors at once,
//! which is a long time without a rest, and keep both copies until it is done.

use std::sync::Arc;

use bytemuck::Pod;
use half::f16;
use tract_onnx::pb::tensor_proto::DataType as OnnxType;
use tract_onnx::pb::{ModelProto, TensorProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::internal::{ensure, format_err};

use crate::courtesy;

/// Smaller ones are copied faster than a rest takes.
const LARGE: usize = 1 << 20;

/// Placeholders have no numbers and as many columns as no weight has, each another number:
/// tract takes equal constants for one.
const COLUMNS: i64 = 1 << 40;

/// Weights that were taken out of a file, by name.
pub(super) struct Weights(Vec<(String, Arc<Tensor>)>);

/// Takes large weights out of the graph, and leaves placeholders.
pub(super) fn take(proto: &mut ModelProto) -> Weights {
    let mut taken = Vec::new();
    let initializers = proto.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    for (placeholder, initializer) in (COLUMNS..).zip(initializers) {
        if initializer.raw_data.len() < LARGE {
            continue;
        }
        // What is wrong with others, tract will say.
        if let Some(tensor) = tensor(initializer) {
            courtesy::point();
            initializer.raw_data = Vec::new();
            initializer.dims = vec![0, placeholder];
            taken.push((initializer.name.clone(), Arc::new(tensor)));
        }
    }
    Weights(taken)
}

impl Weights {
    /// Puts them in the place of their placeholders.
    ///
    /// # Errors
    /// If one has no placeholder.
    pub(super) fn put_into(self, model: &mut InferenceModel) -> TractResult<()> {
        for (name, tensor) in self.0 {
            let missing = || format_err!("the weights '{name}' have no place in the graph");
            let node = model.nodes.iter_mut().find(|node| node.name == name).ok_or_else(missing)?;
            ensure!(node.op_is::<Const>(), "'{name}' names weights and an operator");
            node.outputs[0].fact = (&tensor).try_into()?;
            node.op = Const::new(tensor)?.into();
        }
        Ok(())
    }
}

fn tensor(proto: &TensorProto) -> Option<Tensor> {
    let dims = proto.dims.iter().map(|&dim| usize::try_from(dim).ok());
    let shape = dims.collect::<Option<Vec<usize>>>()?;
    let data = &*proto.raw_data;
    match OnnxType::try_from(proto.data_type).ok()? {
        OnnxType::Float => numbers::<f32>(&shape, data),
        OnnxType::Double => numbers::<f64>(&shape, data),
        OnnxType::Float16 => numbers::<f16>(&shape, data),
        OnnxType::Int64 => numbers::<i64>(&shape, data),
        OnnxType::Int32 => numbers::<i32>(&shape, data),
        OnnxType::Int8 => numbers::<i8>(&shape, data),
        OnnxType::Uint8 => numbers::<u8>(&shape, data),
        _ => None,
    }
}

/// `None` if they do not fill the shape.
fn numbers<T: Pod + Datum>(shape: &[usize], data: &[u8]) -> Option<Tensor> {
    Tensor::from_shape(shape, bytemuck::try_cast_slice::<u8, T>(data).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::GraphProto;
    use tract_onnx::tract_hir::infer::Factoid;

    use super::*;

    fn weights(name: &str, value: f32, count: usize) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            data_type: OnnxType::Float.into(),
            dims: vec![2, i64::try_from(count / 2).unwrap()],
            raw_data: value.to_le_bytes().repeat(count),
            ..TensorProto::default()
        }
    }

    fn model(initializer: Vec<TensorProto>) -> ModelProto {
        let graph = GraphProto { initializer, ..GraphProto::default() };
        ModelProto { graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn large_weights_come_back_where_they_were() {
        let many = LARGE / 4;
        let all = [("a", 1.0, many), ("b", 2.0, many), ("small", 3.0, 10), ("c", 4.0, 2 * many)];
        let initializers = all.map(|(name, value, count)| weights(name, value, count));
        let mut proto = model(initializers.to_vec());
        let taken = take(&mut proto);
        assert_eq!(taken.0.len(), 3);
        let mut parsed = onnx().parse(&proto, None).unwrap().model;
        taken.put_into(&mut parsed).unwrap();
        for (name, value, count) in all {
            let node = parsed.node_by_name(name).unwrap();
            let tensor = node.outputs[0].fact.value.concretize().unwrap();
            let constant = node.op_as::<Const>().unwrap().val();
            assert_eq!(&tensor, constant);
            assert_eq!(tensor.shape(), [2, count / 2]);
            let view = tensor.to_plain_array_view::<f32>().unwrap();
            assert!(view.iter().all(|number| number.to_bits() == value.to_bits()), "{name}");
        }
    }

    #[test]
    fn weights_that_do_not_fill_their_shape_are_left_to_be_refused() {
        let mut wrong = weights("w", 1.0, LARGE);
        wrong.dims = vec![7, 11];
        let mut proto = model(vec![wrong.clone()]);
        assert!(take(&mut proto).0.is_empty());
        assert_eq!(proto, model(vec![wrong]));
    }
}
