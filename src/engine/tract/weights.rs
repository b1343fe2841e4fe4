//! Large weights of a model. They go from the file to tract's tensors directly: tract would copy
//! all of them at once out of the decoded file, which is a long time without a rest. (What is left
//! without one is that a tensor of tract is filled with noughts when it is made.)
//!
//! Meanwhile a placeholder stands in the graph.

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;
use half::f16;
use tract_onnx::Onnx;
use tract_onnx::model::ParseResult;
use tract_onnx::pb::tensor_proto::DataType as OnnxType;
use tract_onnx::pb::{ModelProto, TensorProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::konst::Const;

use super::file::{Apart, PIECE};
use crate::courtesy;

/// Placeholders have no numbers, and as many columns as no weight has; each another number of
/// them, for tract takes equal constants for one.
const COLUMNS: usize = 1 << 40;

/// Those of one file, in the order of their placeholders. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Weights(Vec<Arc<Tensor>>);

impl Weights {
    /// Reads the weights that lie apart. What tract has to refuse goes where it expects it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(
        input: &mut (impl Read + Seek),
        proto: &mut ModelProto,
        apart: &[Apart],
    ) -> io::Result<Self> {
        let mut weights = Self::default();
        let Some(graph) = &mut proto.graph else { return Ok(weights) };
        let mut at = input.stream_position()?;
        for Apart { initializer, bytes } in apart {
            let Some(initializer) = graph.initializer.get_mut(*initializer) else { continue };
            // The next one is near, so most of it is in the buffer.
            input.seek_relative(bytes.start.cast_signed().wrapping_sub(at.cast_signed()))?;
            at = bytes.end;
            if let Some(tensor) = tensor(input, initializer, bytes)? {
                *initializer = placeholder(initializer, weights.0.len());
                weights.0.push(Arc::new(tensor));
            } else {
                let length = bytes.end - bytes.start;
                let read = input.take(length).read_to_end(&mut initializer.raw_data)?;
                if read as u64 != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(weights)
    }

    /// Has tract parse a graph that holds placeholders, and puts the weights in their place.
    /// `empty` is the model to begin with.
    ///
    /// # Errors
    /// If tract refuses the graph.
    pub(super) fn parse(
        &self,
        onnx: &Onnx,
        proto: &ModelProto,
        directory: Option<&str>,
        empty: InferenceModel,
    ) -> TractResult<ParseResult> {
        let mut parsed = onnx.parse_with_template(proto, directory, empty)?;
        self.put_into(&mut parsed.model)?;
        Ok(parsed)
    }

    fn put_into(&self, model: &mut InferenceModel) -> TractResult<()> {
        for node in &mut model.nodes {
            let number = node.op_as::<Const>().and_then(|constant| number(constant.val().shape()));
            if let Some(tensor) = number.and_then(|number| self.0.get(number)) {
                node.outputs[0].fact = tensor.try_into()?;
                node.op = Const::new(Arc::clone(tensor))?.into();
            }
        }
        Ok(())
    }

    /// How many numbers they hold.
    pub(super) fn elements(&self) -> u64 {
        self.0.iter().map(|tensor| tensor.len() as u64).sum()
    }
}

fn placeholder(of: &TensorProto, number: usize) -> TensorProto {
    TensorProto {
        name: of.name.clone(),
        data_type: of.data_type,
        dims: [0, COLUMNS + number].map(|dim| i64::try_from(dim).unwrap_or(i64::MAX)).to_vec(),
        ..TensorProto::default()
    }
}

/// Of the placeholder with this shape.
fn number(shape: &[usize]) -> Option<usize> {
    match shape {
        [0, columns] => columns.checked_sub(COLUMNS),
        _ => None,
    }
}

/// `None` if the bytes do not fill the shape, or for types that tract converts.
fn tensor(
    input: &mut impl Read,
    proto: &TensorProto,
    bytes: &Range<u64>,
) -> io::Result<Option<Tensor>> {
    Ok(match OnnxType::try_from(proto.data_type) {
        Ok(OnnxType::Float) => numbers::<f32>(input, proto, bytes)?,
        Ok(OnnxType::Double) => numbers::<f64>(input, proto, bytes)?,
        Ok(OnnxType::Float16) => numbers::<f16>(input, proto, bytes)?,
        Ok(OnnxType::Int64) => numbers::<i64>(input, proto, bytes)?,
        Ok(OnnxType::Int32) => numbers::<i32>(input, proto, bytes)?,
        Ok(OnnxType::Int16) => numbers::<i16>(input, proto, bytes)?,
        Ok(OnnxType::Int8) => numbers::<i8>(input, proto, bytes)?,
        Ok(OnnxType::Uint64) => numbers::<u64>(input, proto, bytes)?,
        Ok(OnnxType::Uint32) => numbers::<u32>(input, proto, bytes)?,
        Ok(OnnxType::Uint16) => numbers::<u16>(input, proto, bytes)?,
        Ok(OnnxType::Uint8) => numbers::<u8>(input, proto, bytes)?,
        _ => None,
    })
}

fn numbers<T: Pod + Datum>(
    input: &mut impl Read,
    proto: &TensorProto,
    bytes: &Range<u64>,
) -> io::Result<Option<Tensor>> {
    let dims = proto.dims.iter().map(|&dim| usize::try_from(dim).ok());
    let Some(shape) = dims.collect::<Option<Vec<usize>>>() else { return Ok(None) };
    let size = shape.iter().try_fold(size_of::<T>(), |size, &dim| size.checked_mul(dim));
    if size.map(|size| size as u64) != Some(bytes.end - bytes.start) {
        return Ok(None);
    }
    let Ok(mut tensor) = Tensor::zero_dt(T::datum_type(), &shape) else { return Ok(None) };
    let Ok(mut plain) = tensor.try_as_plain_ram_mut() else { return Ok(None) };
    let Ok(values) = plain.as_slice_mut::<T>() else { return Ok(None) };
    for piece in bytemuck::cast_slice_mut::<T, u8>(values).chunks_mut(PIECE) {
        courtesy::point();
        input.read_exact(piece)?;
    }
    Ok(Some(tensor))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use prost::Message;
    use tract_onnx::pb::attribute_proto::AttributeType;
    use tract_onnx::pb::tensor_shape_proto::Dimension;
    use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
    use tract_onnx::pb::type_proto::{Tensor as TensorType, Value};
    use tract_onnx::pb::{
        AttributeProto, GraphProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
        ValueInfoProto,
    };
    use tract_onnx::tract_hir::infer::Factoid;

    use super::super::{Config, TractEngine, file};
    use super::*;
    use crate::engine::{Engine, ModelSource, PlanLookup};
    use crate::tensor::Shape;

    const LARGE: usize = 1 << 16;

    fn weights(
        name: &str,
        data_type: OnnxType,
        shape: [usize; 2],
        raw_data: Vec<u8>,
    ) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            data_type: data_type.into(),
            dims: shape.map(|dim| i64::try_from(dim).unwrap()).to_vec(),
            raw_data,
            ..TensorProto::default()
        }
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|at| u8::try_from(at % 127).unwrap()).collect()
    }

    /// Through a file, as models come: how many weights lay apart, and the graph.
    fn load(initializer: Vec<TensorProto>) -> (usize, TractResult<InferenceModel>) {
        let graph = GraphProto { initializer, ..GraphProto::default() };
        let opset_import = vec![OperatorSetIdProto { version: 17, ..Default::default() }];
        let model = ModelProto { graph: Some(graph), opset_import, ..ModelProto::default() };
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), model.encode_to_vec()).unwrap();
        let file::Contents { proto, weights } = file::read(file.path()).unwrap();
        let parsed = weights.parse(&onnx(), &proto, None, InferenceModel::default());
        (weights.0.len(), parsed.map(|parsed| parsed.model))
    }

    fn constant(model: &InferenceModel, name: &str) -> Arc<Tensor> {
        let node = model.node_by_name(name).unwrap();
        let constant = node.op_as::<Const>().unwrap().val();
        assert_eq!(node.outputs[0].fact.value.concretize().as_ref(), Some(constant));
        Arc::clone(constant)
    }

    #[test]
    fn weights_of_every_type_are_what_tract_reads() {
        for (data_type, size) in [
            (OnnxType::Float, 4),
            (OnnxType::Double, 8),
            (OnnxType::Float16, 2),
            (OnnxType::Int64, 8),
            (OnnxType::Int32, 4),
            (OnnxType::Int16, 2),
            (OnnxType::Int8, 1),
            (OnnxType::Uint64, 8),
            (OnnxType::Uint32, 4),
            (OnnxType::Uint16, 2),
            (OnnxType::Uint8, 1),
        ] {
            let large = |name| weights(name, data_type, [3, LARGE], bytes(3 * LARGE * size));
            let (apart, model) = load(vec![large("w"), large("v")]);
            assert_eq!(apart, 2, "{data_type:?}");
            let graph = GraphProto { initializer: vec![large("w")], ..GraphProto::default() };
            let whole = ModelProto { graph: Some(graph), ..ModelProto::default() };
            let whole = onnx().parse(&whole, None).unwrap().model;
            let model = model.unwrap();
            for name in ["w", "v"] {
                assert_eq!(constant(&model, name), constant(&whole, "w"), "{data_type:?}");
            }
        }
    }

    #[test]
    fn small_ones_and_truth_values_stay_in_the_file() {
        let bools = weights("b", OnnxType::Bool, [2, LARGE], [0, 1].repeat(LARGE));
        let small = weights("s", OnnxType::Float, [1, 2], bytes(8));
        let (apart, model) = load(vec![bools, small]);
        assert_eq!(apart, 0);
        let model = model.unwrap();
        assert_eq!(constant(&model, "b").shape(), [2, LARGE]);
        assert_eq!(constant(&model, "s").shape(), [1, 2]);
    }

    #[test]
    fn of_two_with_one_name_the_last_counts_whichever_is_large() {
        let large = || weights("w", OnnxType::Float, [1, LARGE], bytes(4 * LARGE));
        let small = || weights("w", OnnxType::Float, [1, 2], bytes(8));
        for (both, shape) in [([large(), small()], [1, 2]), ([small(), large()], [1, LARGE])] {
            let (_, model) = load(both.to_vec());
            assert_eq!(constant(&model.unwrap(), "w").shape(), shape);
        }
    }

    #[test]
    fn raw_data_comes_before_what_else_a_tensor_holds() {
        let mut both = weights("w", OnnxType::Float, [1, LARGE], bytes(4 * LARGE));
        both.float_data = vec![1.0; 3];
        both.data_location = Some(1);
        let (apart, model) = load(vec![both]);
        assert_eq!((apart, constant(&model.unwrap(), "w").shape()), (1, &[1, LARGE][..]));
    }

    fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: op_type.to_owned(),
            input: input.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    /// `[N, columns]`, or without a type.
    fn value(name: &str, columns: Option<i64>) -> ValueInfoProto {
        let dimension = |value| Dimension { value: Some(value), ..Dimension::default() };
        let r#type = columns.map(|columns| {
            let dims = [DimValue::DimParam("N".to_owned()), DimValue::DimValue(columns)];
            let shape = TensorShapeProto { dim: dims.map(dimension).to_vec() };
            let elem_type = OnnxType::Float.into();
            let tensor = TensorType { elem_type, shape: Some(shape) };
            TypeProto { value: Some(Value::TensorType(tensor)), ..TypeProto::default() }
        });
        ValueInfoProto { name: name.to_owned(), r#type, ..ValueInfoProto::default() }
    }

    /// One row is multiplied by one matrix, several by another.
    fn branching(size: usize) -> ModelProto {
        let columns = i64::try_from(size).unwrap();
        let branch = |name: &str, weights: &str| AttributeProto {
            name: name.to_owned(),
            r#type: AttributeType::Graph.into(),
            g: Some(GraphProto {
                name: name.to_owned(),
                node: vec![node("MatMul", &["x", weights], "product")],
                output: vec![value("product", None)],
                ..GraphProto::default()
            }),
            ..AttributeProto::default()
        };
        let whole = |name: &str, value: i64| TensorProto {
            name: name.to_owned(),
            data_type: OnnxType::Int64.into(),
            int64_data: vec![value],
            ..TensorProto::default()
        };
        let matrix = |name, number: f32| {
            weights(name, OnnxType::Float, [2, size], number.to_le_bytes().repeat(2 * size))
        };
        let attribute = vec![branch("then_branch", "w"), branch("else_branch", "v")];
        let graph = GraphProto {
            name: "branching".to_owned(),
            node: vec![
                node("Shape", &["x"], "shape"),
                node("Gather", &["shape", "nought"], "rows"),
                node("Equal", &["rows", "one"], "alone"),
                NodeProto { attribute, ..node("If", &["alone"], "y") },
            ],
            initializer: vec![
                whole("nought", 0),
                matrix("w", 1.0),
                whole("one", 1),
                matrix("v", 2.0),
            ],
            input: vec![value("x", Some(2))],
            output: vec![value("y", Some(columns))],
            ..GraphProto::default()
        };
        let opset_import = vec![OperatorSetIdProto { version: 13, ..Default::default() }];
        ModelProto { graph: Some(graph), opset_import, ir_version: 8, ..ModelProto::default() }
    }

    #[test]
    fn branches_read_large_weights_from_outside_of_them() {
        for (size, apart) in [(8, 0), (LARGE, 2)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), branching(size).encode_to_vec()).unwrap();
            assert_eq!(file::read(file.path()).unwrap().weights.0.len(), apart);
            let engine = TractEngine::new(Config::default());
            let source = ModelSource { path: file.path().to_owned(), ..ModelSource::default() };
            let model = engine.load(&source).unwrap();
            for (rows, expected) in [(1, 1.0f32), (3, 2.0)] {
                let shape = Shape::new(vec![rows, 2]).unwrap();
                let plan = match model.plan(std::slice::from_ref(&shape)) {
                    PlanLookup::Ready(plan) => plan,
                    PlanLookup::Compiling(ticket) => ticket.blocking_recv().unwrap().unwrap(),
                    PlanLookup::Busy => panic!("nothing else is compiled"),
                };
                let input = vec![0.5f32; 2 * rows].into();
                let input = crate::tensor::Tensor::new(shape, input).unwrap();
                let outputs = plan.run(&[input]).unwrap();
                let products = outputs[0].data().as_slice::<f32>().unwrap();
                let other = products.iter().find(|product| (**product - expected).abs() > 0.0);
                assert_eq!((products.len(), other), (rows * size, None), "{size}: {rows} rows");
            }
        }
    }

    #[test]
    fn weights_that_do_not_fill_their_shape_are_refused() {
        for shape in [[7, 11], [1 << 62, 1 << 62]] {
            let (apart, model) = load(vec![weights("w", OnnxType::Float, shape, bytes(LARGE))]);
            assert!(apart == 0 && model.is_err(), "{shape:?}");
        }
    }
}
