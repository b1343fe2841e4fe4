//! What a file says about the columns of its inputs and outputs.

use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

use super::support::full_name;
use crate::engine::{Columns, Dim, Label, LoadError, Role, Signature, TensorSpec};

/// Where exporters and users write the names of the features: a JSON list, or names with
/// commas between them.
const FEATURE_NAMES: &str = "feature_names";

/// Adds what is known to the signature. `features` are the names that the model's owner
/// gives to the columns of its only input; they come before those in the file.
///
/// # Errors
/// If the owner's names do not fit.
pub(super) fn describe(
    signature: &mut Signature,
    model: &ModelProto,
    features: Option<&[String]>,
) -> Result<(), LoadError> {
    let Some(graph) = &model.graph else { return Ok(()) };
    for output in &mut signature.outputs {
        output.columns = classes(graph, &output.name);
    }
    for input in &mut signature.inputs {
        input.columns = vocabulary(graph, &input.name);
    }
    if let Some(features) = features {
        let [input] = signature.inputs.as_mut_slice() else {
            return Err(mismatch(
                features,
                &format!("the model has {} inputs", signature.inputs.len()),
            ));
        };
        input.columns = Some(named(input, features)?);
    } else if let [input] = signature.inputs.as_mut_slice()
        && input.columns.is_none()
        && let Some(features) = in_metadata(model)
    {
        // What a file says in passing may be about something else.
        input.columns = named(input, &features).ok();
    }
    Ok(())
}

fn named(input: &TensorSpec, features: &[String]) -> Result<Columns, LoadError> {
    match input.dims.as_deref() {
        Some([_, Dim::Fixed(columns)]) if *columns != features.len() => {
            let problem = format!("input '{}' has {columns} columns", input.name);
            return Err(mismatch(features, &problem));
        }
        None | Some([_, _]) => {}
        Some(dims) => {
            let problem = format!("input '{}' has {} dimensions, not 2", input.name, dims.len());
            return Err(mismatch(features, &problem));
        }
    }
    let names = features.iter().cloned().map(Label::Text).collect();
    Columns::new(names, Role::Features)
        .map_err(|twice| mismatch(features, &format!("'{twice}' is there twice")))
}

fn mismatch(features: &[String], problem: &str) -> LoadError {
    LoadError::Features { count: features.len(), problem: problem.to_owned() }
}

fn in_metadata(model: &ModelProto) -> Option<Vec<String>> {
    let entry = model.metadata_props.iter().find(|entry| entry.key == FEATURE_NAMES)?;
    serde_json::from_str(&entry.value)
        .ok()
        .or_else(|| Some(entry.value.split(',').map(|name| name.trim().to_owned()).collect()))
}

/// The keys of a map that has become a row.
fn vocabulary(graph: &GraphProto, input: &str) -> Option<Columns> {
    let reader = graph.node.iter().find(|node| node.input.iter().any(|name| name == input))?;
    if full_name(reader) != "ai.onnx.ml::DictVectorizer" {
        return None;
    }
    Columns::new(labels(reader, ["int64_vocabulary", "string_vocabulary"]), Role::SparseFeatures)
        .ok()
}

/// The classes whose scores this output has.
fn classes(graph: &GraphProto, output: &str) -> Option<Columns> {
    let mut name = output;
    let mut role = Role::Classes;
    // A graph is finite, but a broken one may lead around in a circle.
    for _ in 0..graph.node.len() {
        let node = graph.node.iter().find(|node| node.output.iter().any(|made| made == name))?;
        let position = node.output.iter().position(|made| made == name)?;
        let labels = match (full_name(node).as_str(), position) {
            ("ai.onnx.ml::ZipMap", 0) => {
                role = Role::ClassMap;
                labels(node, ["classlabels_int64s", "classlabels_strings"])
            }
            ("ai.onnx.ml::TreeEnsembleClassifier", 1) => {
                labels(node, ["classlabels_int64s", "classlabels_strings"])
            }
            ("ai.onnx.ml::LinearClassifier", 1) => {
                labels(node, ["classlabels_ints", "classlabels_strings"])
            }
            // Without probabilities the scores of more than one machine are of pairs of classes.
            ("ai.onnx.ml::SVMClassifier", 1) if scores_classes(node) => {
                labels(node, ["classlabels_ints", "classlabels_strings"])
            }
            ("Identity" | "Cast" | "Softmax" | "ai.onnx.ml::Normalizer", 0) => {
                name = node.input.first()?;
                continue;
            }
            _ => return None,
        };
        return Columns::new(labels, role).ok().filter(|columns| !columns.names().is_empty());
    }
    None
}

/// Whether a support vector machine has a score for each class.
fn scores_classes(node: &NodeProto) -> bool {
    let list = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let probabilities = list("prob_a").is_some_and(|list| !list.floats.is_empty());
    let linear = list("vectors_per_class").is_none_or(|list| list.ints.iter().all(|&n| n == 0));
    probabilities || linear
}

/// The entries of the one of these attributes that has some.
fn labels(node: &NodeProto, [ints, strings]: [&str; 2]) -> Vec<Label> {
    let list = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let whole =
        |list: &AttributeProto| list.ints.iter().copied().map(Label::Int).collect::<Vec<_>>();
    let text = |list: &AttributeProto| {
        let texts = list.strings.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        texts.map(Label::Text).collect::<Vec<_>>()
    };
    let whole = list(ints).map(whole).unwrap_or_default();
    if whole.is_empty() { list(strings).map(text).unwrap_or_default() } else { whole }
}

#[cfg(test)]
mod tests {
    use crate::engine::tract::answers;

    #[test]
    fn scores_of_pairs_of_classes_carry_no_labels() {
        let named = |export| {
            let model = answers::load(export).unwrap();
            let columns = &model.signature().outputs[1].columns;
            columns.as_ref().map(|columns| columns.names().len())
        };
        assert_eq!(named("svm-classifier-linear"), None);
        assert_eq!(named("svm-classifier-linear-probability"), Some(3));
    }
}
