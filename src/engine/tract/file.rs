//! From bytes on disk to a checked ONNX graph and its signature.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use bytes::Buf;
use prost::Message;
use tract_onnx::pb::tensor_proto::DataType as OnnxType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};

use super::rewrite;
use crate::courtesy;
use crate::engine::{Dim, LoadError, Signature, TensorSpec};
use crate::tensor::DataType;

/// Reads and decodes the file; without functions and maps (see `rewrite`).
pub(super) fn read(path: &Path) -> Result<ModelProto, LoadError> {
    let mut proto: ModelProto = decode(path)?;
    let not_onnx = |reason: &str| not_onnx(path, reason.to_owned());
    if proto.graph.is_none() {
        return Err(not_onnx("it holds no graph"));
    }
    if proto.opset_import.is_empty() {
        // Written after the graph: a file cut off there would decode without it.
        return Err(not_onnx("it imports no operator set (truncated?)"));
    }
    rewrite::simplify(&mut proto, path);
    Ok(proto)
}

/// Decodes a file, or the part of it that the message knows.
pub(super) fn decode<M: Message + Default>(path: &Path) -> Result<M, LoadError> {
    let unreadable = |error: io::Error| LoadError::Unreadable {
        file: file_name(path),
        reason: error.to_string(),
    };
    let mut pieces = Pieces::open(path).map_err(unreadable)?;
    let size = pieces.left;
    if size == 0 {
        return Err(not_onnx(path, "the file is empty".to_owned()));
    }
    let decoded = M::decode(&mut pieces);
    if let Some(error) = pieces.error {
        return Err(unreadable(error));
    }
    decoded.map_err(|error| {
        not_onnx(path, format!("{error} ({size} bytes; truncated or another format?)"))
    })
}

fn not_onnx(path: &Path, reason: String) -> LoadError {
    LoadError::NotOnnx { file: file_name(path), reason }
}

/// A file that is read piece by piece, with rests between them.
struct Pieces {
    file: File,
    piece: Vec<u8>,
    /// What has been used of the piece.
    used: usize,
    /// From there to the end of the file.
    left: usize,
    /// What went wrong; all that comes after it is nought.
    error: Option<io::Error>,
}

impl Pieces {
    const SIZE: usize = 1 << 18;

    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let mut pieces = Self { file, piece: Vec::new(), used: 0, left, error: None };
        pieces.next();
        Ok(pieces)
    }

    fn next(&mut self) {
        courtesy::point();
        self.piece.resize(self.left.min(Self::SIZE), 0);
        self.used = 0;
        if self.error.is_none()
            && let Err(error) = self.file.read_exact(&mut self.piece)
        {
            self.error = Some(error);
        }
        if self.error.is_some() {
            self.piece.fill(0);
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        &self.piece[self.used..]
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.left, "past the end of the file");
        loop {
            let inside = count.min(self.piece.len() - self.used);
            self.used += inside;
            self.left -= inside;
            count -= inside;
            if self.used == self.piece.len() && self.left > 0 {
                self.next();
            }
            if count == 0 {
                return;
            }
        }
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
        graph.output.iter().map(|output| spec("output", output)).collect::<Result<_, _>>()?;
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
    use std::io::Write;

    use tract_onnx::pb::TensorProto;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_message_that_spans_pieces_decodes_as_in_memory() {
        for length in [0, 10, Pieces::SIZE - 7, Pieces::SIZE, 3 * Pieces::SIZE + 1] {
            let raw_data = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            // Numbers of ten bytes each, which the ends of pieces cut.
            let dims = (0..i64::try_from(length / 10).unwrap()).map(|at| -at).collect();
            let whole =
                TensorProto { name: "w".to_owned(), raw_data, dims, ..TensorProto::default() };
            let file = file(&whole.encode_to_vec());
            assert_eq!(decode::<TensorProto>(file.path()).unwrap(), whole);
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_another_format() {
        let directory = tempfile::tempdir().unwrap();
        let error = decode::<ModelProto>(directory.path()).unwrap_err();
        assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn any_cut_is_an_error_that_tells_the_size() {
        let whole = TensorProto { raw_data: vec![1; 1000], ..TensorProto::default() };
        let error = decode::<TensorProto>(file(&whole.encode_to_vec()[..500]).path()).unwrap_err();
        assert!(error.to_string().contains("500 bytes"), "{error}");
    }
}
