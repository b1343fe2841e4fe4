//! From bytes on disk to a checked ONNX graph and its signature.

mod lean;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use bytes::Buf;
use prost::Message;
use tract_onnx::pb::tensor_proto::DataType as OnnxType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};

use super::rewrite;
use super::weights::Weights;
use crate::courtesy;
use crate::engine::{Dim, LoadError, Signature, TensorSpec};
use crate::tensor::DataType;

pub(super) use lean::{Apart, PIECE};

/// What a file holds: the model without functions and maps (see `rewrite`), its large weights
/// beside it.
pub(super) struct Contents {
    pub(super) proto: ModelProto,
    pub(super) weights: Weights,
}

/// Reads and decodes the file, piece by piece where it is large.
pub(super) fn read(path: &Path) -> Result<Contents, LoadError> {
    let unreadable = |error: io::Error| LoadError::Unreadable {
        file: file_name(path),
        reason: error.to_string(),
    };
    let not_onnx = |reason: String| LoadError::NotOnnx { file: file_name(path), reason };
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size == 0 {
        return Err(not_onnx("the file is empty".to_owned()));
    }
    let mut input = BufReader::with_capacity(PIECE, file);
    let (bytes, apart) = lean::read(&mut input, size).map_err(unreadable)?;
    let mut proto = ModelProto::decode(Pieces(&bytes)).map_err(|error| {
        not_onnx(format!("{error} ({size} bytes; truncated or another format?)"))
    })?;
    if proto.graph.is_none() {
        return Err(not_onnx("it holds no graph".to_owned()));
    }
    if proto.opset_import.is_empty() {
        // Written after the graph: a file cut off there would decode without it.
        return Err(not_onnx("it imports no operator set (truncated?)".to_owned()));
    }
    let weights = Weights::read(&mut input, &mut proto, &apart).map_err(unreadable)?;
    rewrite::simplify(&mut proto, &bytes);
    Ok(Contents { proto, weights })
}

/// Bytes that are given out piece by piece, with rests between them.
pub(super) struct Pieces<'a>(pub(super) &'a [u8]);

impl Buf for Pieces<'_> {
    fn remaining(&self) -> usize {
        self.0.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.0[..PIECE.min(self.0.len())]
    }

    fn advance(&mut self, count: usize) {
        if self.0.len() / PIECE != (self.0.len() - count) / PIECE {
            courtesy::point();
        }
        self.0 = &self.0[count..];
    }
}

/// The file's name without its directories: errors must not show paths to callers.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Takes the directory out of a message about a file in it: clients must not see where the
/// server keeps its files.
pub(super) fn without_directory(message: &str, directory: &Path) -> String {
    let canonical = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    [canonical.as_path(), directory].into_iter().fold(message.to_owned(), |message, directory| {
        match directory.to_str() {
            Some(text) if !text.is_empty() => {
                message.replace(&format!("{text}/"), "").replace(text, ".")
            }
            _ => message,
        }
    })
}

/// The graph of a model that [`read`] has checked.
pub(super) fn graph(proto: &ModelProto) -> Result<&GraphProto, LoadError> {
    proto.graph.as_ref().ok_or_else(|| LoadError::Compile { reason: "no graph".to_owned() })
}

/// Inputs and outputs as declared. Old exports list initializers among the inputs; those
/// are weights, not inputs.
pub(super) fn signature(graph: &GraphProto) -> Result<Signature, LoadError> {
    let initializers: HashSet<&str> = graph
        .initializer
        .iter()
        .map(|tensor| tensor.name.as_str())
        .chain(
            graph
                .sparse_initializer
                .iter()
                .filter_map(|s| s.values.as_ref())
                .map(|v| v.name.as_str()),
        )
        .collect();
    let inputs = graph
        .input
        .iter()
        .filter(|input| !initializers.contains(input.name.as_str()))
        .map(|input| spec("input", input))
        .collect::<Result<_, _>>()?;
    let outputs =
        graph.output.iter().map(|output| spec("output", output)).collect::<Result<Vec<_>, _>>()?;
    if outputs.is_empty() {
        // It would compile to nothing, run, and answer nothing.
        return Err(LoadError::Compile { reason: "its graph has no outputs".to_owned() });
    }
    Ok(Signature { inputs, outputs })
}

fn spec(kind: &'static str, info: &ValueInfoProto) -> Result<TensorSpec, LoadError> {
    let name = info.name.clone();
    let not_a_tensor = |found: &str| LoadError::NotATensor {
        kind,
        name: info.name.clone(),
        found: found.to_owned(),
    };
    let declared = info.r#type.as_ref().ok_or_else(|| not_a_tensor("without a type"))?;
    let Some(TypeValue::TensorType(tensor)) = &declared.value else {
        return Err(not_a_tensor("a sequence, map, optional or sparse tensor"));
    };
    let data_type = data_type(tensor.elem_type).ok_or_else(|| LoadError::ElementType {
        kind,
        name: info.name.clone(),
        found: element_name(tensor.elem_type),
    })?;
    let dims = tensor.shape.as_ref().map(|shape| {
        shape
            .dim
            .iter()
            .map(|dim| match &dim.value {
                // Some exporters write 0 or -1 for "varies".
                Some(DimValue::DimValue(size)) => usize::try_from(*size)
                    .ok()
                    .filter(|size| *size > 0)
                    .map_or(Dim::Unknown, Dim::Fixed),
                Some(DimValue::DimParam(symbol)) if !symbol.is_empty() && symbol != "?" => {
                    Dim::Symbol(symbol.clone())
                }
                _ => Dim::Unknown,
            })
            .collect()
    });
    Ok(TensorSpec { name, data_type, dims, columns: None })
}

fn data_type(elem_type: i32) -> Option<DataType> {
    Some(match OnnxType::try_from(elem_type).ok()? {
        OnnxType::Bool => DataType::Bool,
        OnnxType::Uint8 => DataType::Uint8,
        OnnxType::Uint16 => DataType::Uint16,
        OnnxType::Uint32 => DataType::Uint32,
        OnnxType::Uint64 => DataType::Uint64,
        OnnxType::Int8 => DataType::Int8,
        OnnxType::Int16 => DataType::Int16,
        OnnxType::Int32 => DataType::Int32,
        OnnxType::Int64 => DataType::Int64,
        OnnxType::Float16 => DataType::Fp16,
        OnnxType::Float => DataType::Fp32,
        OnnxType::Double => DataType::Fp64,
        OnnxType::String => DataType::Bytes,
        _ => return None,
    })
}

fn element_name(elem_type: i32) -> String {
    OnnxType::try_from(elem_type)
        .map_or_else(|_| format!("number {elem_type}"), |known| known.as_str_name().to_owned())
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::TensorProto;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_taken_for_another_format() {
        let directory = tempfile::tempdir().unwrap();
        let error = read(&directory.path().join("nothing.onnx")).err().unwrap();
        assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_graph_without_outputs_is_refused() {
        let error = signature(&GraphProto::default()).unwrap_err();
        assert_eq!(error.to_string(), "the model cannot be compiled: its graph has no outputs");
    }

    #[test]
    fn a_file_of_another_format_is_refused_with_its_size() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [0x0f; 500]).unwrap();
        let error = read(file.path()).err().unwrap();
        assert!(error.to_string().contains("500 bytes"), "{error}");
    }

    #[test]
    fn decoding_gives_way_once_a_piece() {
        let tensor = TensorProto { float_data: vec![0.5; 3 * PIECE / 4], ..TensorProto::default() };
        let bytes = tensor.encode_to_vec();
        let points = courtesy::points_of(|| {
            let decoded = TensorProto::decode(Pieces(&bytes)).unwrap();
            assert_eq!(decoded, tensor);
        });
        assert!((3..=4).contains(&points), "{points}");
    }
}
