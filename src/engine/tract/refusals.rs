//! Spoils fixtures and hears why they are refused.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, ModelProto};

use prost::Message;

use super::answers;

/// With this attribute in the place of the first node's own, the fixture does not load, and
/// the reason says this.
pub(super) fn refuses(file: &str, attribute: AttributeProto, expected: &str) {
    let bytes = std::fs::read(answers::fixture(file)).unwrap();
    let mut model = ModelProto::decode(&*bytes).unwrap();
    let node = &mut model.graph.as_mut().unwrap().node[0];
    let name = attribute.name.clone();
    node.attribute.retain(|own| own.name != name);
    node.attribute.push(attribute);
    let spoilt = tempfile::NamedTempFile::with_suffix(".onnx").unwrap();
    std::fs::write(spoilt.path(), model.encode_to_vec()).unwrap();
    let refusal = answers::load_from(spoilt.path().to_owned()).err();
    let refusal = refusal.unwrap_or_else(|| panic!("{file} loads with another {name}")).to_string();
    assert!(refusal.contains(expected), "{file}, {name}: {refusal}");
}

pub(super) fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { floats: floats.to_vec(), ..attribute(name, AttributeType::Floats) }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { ints: ints.to_vec(), ..attribute(name, AttributeType::Ints) }
}

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, AttributeType::Int) }
}

pub(super) fn string(name: &str, text: &str) -> AttributeProto {
    AttributeProto { s: text.into(), ..attribute(name, AttributeType::String) }
}

pub(super) fn strings(name: &str, texts: &[&str]) -> AttributeProto {
    let strings = texts.iter().map(|&text| text.into()).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}

fn attribute(name: &str, r#type: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: r#type as i32, ..AttributeProto::default() }
}
