//! Maps, which neither the protocol nor tract has, become tensors.
//!
//! `ZipMap` turns scores into a list of maps from class to score; its output becomes the
//! scores themselves. `DictVectorizer` and `CastMap` take a map as an input of the graph;
//! that becomes a row with a column for every key.

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto,
};

use super::nodes;
use crate::engine::tract::file::Pieces;

/// Gives inputs and outputs that are maps the type of the tensor that they become. `bytes`
/// is the file, for tract reads past the types of maps.
pub(super) fn into_tensors(model: &mut ModelProto, bytes: &[u8]) {
    let Some(graph) = &mut model.graph else { return };
    zip_maps(graph);
    if graph.input.iter().any(|input| kind(input).is_none()) {
        // What does not decode has no maps; the model itself has decoded.
        let types = MapModel::decode(Pieces(bytes)).ok().and_then(|model| model.graph);
        map_inputs(graph, &types.map(|graph| graph.input).unwrap_or_default());
    }
}

fn zip_maps(graph: &mut GraphProto) {
    for node in graph.node.iter().filter(|node| is_ml(node, "ZipMap")) {
        let Some(output) =
            graph.output.iter_mut().find(|output| node.output.contains(&output.name))
        else {
            continue;
        };
        let classes = labels(node, "classlabels").count();
        output.r#type = Some(matrix(DataType::Float as i32, i64::try_from(classes).ok()));
    }
}

fn map_inputs(graph: &mut GraphProto, types: &[MapValueInfo]) {
    for declared in types {
        let Some(map) = declared.r#type.as_ref().and_then(|declared| declared.map_type.as_ref())
        else {
            continue;
        };
        let value = map.value_type.as_ref().and_then(|value| value.tensor_type.as_ref());
        let (Some(value), Some(input)) =
            (value, graph.input.iter_mut().find(|input| input.name == declared.name))
        else {
            continue;
        };
        let readers = graph.node.iter_mut().filter(|node| node.input.contains(&declared.name));
        // The one that knows how many columns there are decides.
        let Some(columns) = readers.filter_map(reads_map).max() else { continue };
        input.r#type = Some(matrix(value.elem_type, columns));
    }
}

/// The columns that a node wants of a map: a number of them, any, or it takes no map.
#[expect(clippy::option_option, reason = "a number, any number, or no columns at all")]
fn reads_map(node: &mut NodeProto) -> Option<Option<i64>> {
    if is_ml(node, "DictVectorizer") {
        return Some(i64::try_from(labels(node, "vocabulary").count()).ok());
    }
    if !is_ml(node, "CastMap") {
        return None;
    }
    let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let sparse = attribute("map_form").is_some_and(|form| &*form.s == b"SPARSE");
    let columns = attribute("max_map").filter(|_| sparse).map(|columns| columns.i);
    let to = match attribute("cast_to").map(|to| &*to.s) {
        Some(b"TO_STRING") => DataType::String,
        Some(b"TO_INT64") => DataType::Int64,
        _ => DataType::Float,
    };
    // The tensor has the values in the order of the keys already.
    let cast = nodes::node("Cast", &[], &[]);
    *node = NodeProto {
        input: node.input.clone(),
        output: node.output.clone(),
        name: node.name.clone(),
        ..cast
    };
    node.attribute.push(nodes::int("to", to as i64));
    Some(columns)
}

/// Whether the node is this operator of ai.onnx.ml.
pub(super) fn is_ml(node: &NodeProto, operator: &str) -> bool {
    node.domain == "ai.onnx.ml" && node.op_type == operator
}

/// The strings or integers of the attributes whose names speak of `what`.
fn labels<'a>(node: &'a NodeProto, what: &'a str) -> impl Iterator<Item = ()> + 'a {
    let lists = node.attribute.iter().filter(move |attribute| attribute.name.contains(what));
    lists.flat_map(|list| (0..list.strings.len() + list.ints.len()).map(|_| ()))
}

fn kind(value: &ValueInfoProto) -> Option<&Value> {
    value.r#type.as_ref()?.value.as_ref()
}

/// The type of a matrix with any number of rows.
fn matrix(elem_type: i32, columns: Option<i64>) -> TypeProto {
    let any = Dimension::default();
    let columns = Dimension { value: columns.map(DimValue::DimValue), ..Dimension::default() };
    let shape = Some(TensorShapeProto { dim: vec![any, columns] });
    TypeProto {
        value: Some(Value::TensorType(Tensor { elem_type, shape })),
        ..TypeProto::default()
    }
}

/// The parts of a model (onnx.proto3, by their numbers) that lead to a map's types.
#[derive(Message)]
struct MapModel {
    #[prost(message, optional, tag = "7")]
    graph: Option<MapGraph>,
}

#[derive(Message)]
struct MapGraph {
    #[prost(message, repeated, tag = "11")]
    input: Vec<MapValueInfo>,
}

#[derive(Message)]
struct MapValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<MapTypeProto>,
}

#[derive(Message)]
struct MapTypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<MapTensor>,
    #[prost(message, optional, boxed, tag = "5")]
    map_type: Option<Box<MapType>>,
}

#[derive(Message)]
struct MapTensor {
    #[prost(int32, tag = "1")]
    elem_type: i32,
}

#[derive(Message)]
struct MapType {
    #[prost(message, optional, boxed, tag = "2")]
    value_type: Option<Box<MapTypeProto>>,
}
