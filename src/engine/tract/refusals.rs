//! Spoils fixtures and hears why they are refused.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, ModelProto};

use prost::Message;
use tempfile::NamedTempFile;

use super::answers;

/// With this attribute in the place of the first node's own, the fixture does not load, and
/// the reason says this.
pub(super) fn refuses(file: &str, attribute: AttributeProto, expected: &str) {
    refuses_all(file, &[attribute], expected);
}

/// The same with several attributes.
pub(super) fn refuses_all(file: &str, attributes: &[AttributeProto], expected: &str) {
    let spoilt = spoilt(file, attributes);
    let refusal = answers::load_from(spoilt.path().to_owned()).err();
    let names = names(attributes);
    let refusal = refusal.unwrap_or_else(|| panic!("{file} loads with other {names:?}"));
    assert!(refusal.to_string().contains(expected), "{file}, {names:?}: {refusal}");
}

fn names(attributes: &[AttributeProto]) -> Vec<&str> {
    attributes.iter().map(|attribute| attribute.name.as_str()).collect()
}

/// The fixture with these attributes in the place of the first node's own.
pub(super) fn spoilt(file: &str, attributes: &[AttributeProto]) -> NamedTempFile {
    let bytes = std::fs::read(answers::fixture(file)).unwrap();
    let mut model = ModelProto::decode(&*bytes).unwrap();
    let node = &mut model.graph.as_mut().unwrap().node[0];
    let names = names(attributes);
    node.attribute.retain(|own| !names.contains(&own.name.as_str()));
    node.attribute.extend_from_slice(attributes);
    let spoilt = NamedTempFile::with_suffix(".onnx").unwrap();
    std::fs::write(spoilt.path(), model.encode_to_vec()).unwrap();
    spoilt
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
