//! The features of a model: which value of a row is which, and what it is called.
//!
//! What watches data (reference profiles, monitors, contracts) names features and never looks
//! into tensors itself.

mod bounds;
mod exchange;
mod read;
mod table;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub use bounds::{Band, Bounds};
pub use read::{Number, rows};
pub use table::{Columns, Numbers, Table};

use crate::engine::{Dim, Role as ColumnRole, Signature, TensorSpec};
use crate::tensor::DataType;

/// Tensors wider than this, whose columns have no names, are no tables: an image or an embedding
/// is watched as a whole.
const MAX_COLUMNS: usize = 1_000;

/// One number or text of each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    pub name: String,
    pub role: Role,
    pub reading: Reading,
    /// Of the inputs, or of the outputs, in the order of the signature.
    tensor: usize,
    place: Place,
}

/// On which side of the model it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Input,
    Prediction,
}

/// What of its place a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// The number itself; of a truth value 0 or 1.
    Number,
    /// The text itself.
    Text,
    /// Characters of a text that is no category.
    Length,
    /// Of all numbers of the row: of an image its brightness.
    Mean,
    /// The Euclidean norm of all numbers of the row.
    Norm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// This one of so many values in a row.
    Column { column: usize, of: usize },
    /// All values of the row.
    Row,
    /// All values: the tensor has no rows.
    Tensor,
}

/// All features of a model: those of the inputs, then those of the outputs. Names are unique.
#[must_use]
pub fn of(signature: &Signature) -> Vec<Feature> {
    let sides = [(Role::Input, &signature.inputs), (Role::Prediction, &signature.outputs)];
    let mut found = Vec::new();
    for (role, specs) in sides {
        let only = specs.len() == 1;
        for (tensor, spec) in specs.iter().enumerate() {
            found.extend(of_tensor(role, tensor, spec, only));
        }
    }
    make_unique(&mut found);
    found
}

fn of_tensor(role: Role, tensor: usize, spec: &TensorSpec, only: bool) -> Vec<Feature> {
    let feature = |name: String, reading, place| Feature { name, role, reading, tensor, place };
    let text = spec.data_type == DataType::Bytes;
    let value = if text { Reading::Text } else { Reading::Number };
    let width = match width(spec) {
        Width::Columns(width) if width <= MAX_COLUMNS || spec.columns.is_some() => width,
        // Texts have no mean.
        _ if text => return Vec::new(),
        Width::Columns(_) | Width::Row => return whole(spec, Place::Row, feature),
        Width::Tensor => return whole(spec, Place::Tensor, feature),
    };
    let name = |column: usize| match &spec.columns {
        Some(columns) if columns.names().len() == width => {
            let own = columns.names()[column].to_string();
            let table = matches!(columns.role(), ColumnRole::Features | ColumnRole::SparseFeatures);
            // The columns of a table are known by their own names.
            if table && only { own } else { format!("{}.{own}", spec.name) }
        }
        _ if width == 1 => spec.name.clone(),
        _ => format!("{}[{column}]", spec.name),
    };
    (0..width)
        .map(|column| feature(name(column), value, Place::Column { column, of: width }))
        .collect()
}

fn whole(
    spec: &TensorSpec,
    place: Place,
    feature: impl Fn(String, Reading, Place) -> Feature,
) -> Vec<Feature> {
    [(Reading::Mean, "mean"), (Reading::Norm, "norm")]
        .map(|(reading, suffix)| feature(format!("{}.{suffix}", spec.name), reading, place))
        .into()
}

enum Width {
    /// So many values a row.
    Columns(usize),
    /// Any number of values a row, or an axis more than a table has.
    Row,
    /// The leading axis does not count rows.
    Tensor,
}

fn width(spec: &TensorSpec) -> Width {
    let Some(dims) = &spec.dims else { return Width::Row };
    if matches!(dims.first(), None | Some(Dim::Fixed(2..))) {
        return Width::Tensor;
    }
    match &dims[1..] {
        [] => Width::Columns(1),
        [Dim::Fixed(width)] => Width::Columns(*width),
        _ => Width::Row,
    }
}

/// Names may meet where one input is called as the column of another one is written.
fn make_unique(features: &mut [Feature]) {
    let mut known = HashSet::new();
    for feature in features {
        while !known.insert(feature.name.clone()) {
            feature.name.push('\'');
        }
    }
}

impl Feature {
    /// A feature that has this tensor, of its side, for itself: where data has it as a column
    /// and no model says what else there is.
    #[must_use]
    pub fn alone(name: String, role: Role, reading: Reading, tensor: usize) -> Self {
        let place = match reading {
            Reading::Number | Reading::Text | Reading::Length => Place::Column { column: 0, of: 1 },
            Reading::Mean | Reading::Norm => Place::Row,
        };
        Self { name, role, reading, tensor, place }
    }

    /// The same place read in another way: of a text its length.
    #[must_use]
    pub fn read_as(&self, reading: Reading) -> Self {
        Self { reading, ..self.clone() }
    }

    /// Of the inputs, or of the outputs, in the order of the signature.
    #[must_use]
    pub fn tensor(&self) -> usize {
        self.tensor
    }

    /// Which element of its tensor it is in a row; none if it is more than one.
    #[must_use]
    pub fn element(&self, row: usize) -> Option<usize> {
        match self.place {
            Place::Column { column, of } => row.checked_mul(of)?.checked_add(column),
            Place::Row | Place::Tensor => None,
        }
    }

    /// Whether it can be read so.
    #[must_use]
    pub fn allows(&self, reading: Reading) -> bool {
        self.reading == reading || (self.reading, reading) == (Reading::Text, Reading::Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Columns, Label};

    fn spec(name: &str, data_type: DataType, dims: &[Dim]) -> TensorSpec {
        TensorSpec { name: name.to_owned(), data_type, dims: Some(dims.to_vec()), columns: None }
    }

    fn names(inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> Vec<String> {
        of(&Signature { inputs, outputs }).into_iter().map(|feature| feature.name).collect()
    }

    #[test]
    fn columns_are_called_as_the_model_calls_them() {
        let rows = Dim::Unknown;
        let mut table = spec("x", DataType::Fp32, &[rows.clone(), Dim::Fixed(2)]);
        let labels = ["distance", "hour"].map(|name| Label::Text(name.to_owned())).to_vec();
        table.columns = Some(Columns::new(labels, ColumnRole::Features).unwrap());
        let mut scores = spec("probabilities", DataType::Fp32, &[rows.clone(), Dim::Fixed(2)]);
        let classes = vec![Label::Int(0), Label::Int(1)];
        scores.columns = Some(Columns::new(classes, ColumnRole::Classes).unwrap());
        let label = spec("label", DataType::Int64, std::slice::from_ref(&rows));
        assert_eq!(
            names(vec![table.clone()], vec![label, scores]),
            ["distance", "hour", "label", "probabilities.0", "probabilities.1"]
        );
        let other = spec("y", DataType::Bytes, &[rows.clone(), Dim::Fixed(1)]);
        assert_eq!(names(vec![table, other], vec![]), ["x.distance", "x.hour", "y"]);
        let plain = spec("x", DataType::Fp64, &[rows, Dim::Fixed(2)]);
        assert_eq!(names(vec![plain], vec![]), ["x[0]", "x[1]"]);
    }

    #[test]
    fn images_and_embeddings_are_watched_as_a_whole() {
        let image = spec(
            "image",
            DataType::Uint8,
            &[Dim::Unknown, Dim::Fixed(3), Dim::Unknown, Dim::Unknown],
        );
        let tokens = spec("tokens", DataType::Int64, &[Dim::Unknown, Dim::Unknown]);
        let wide = spec("wide", DataType::Fp32, &[Dim::Unknown, Dim::Fixed(MAX_COLUMNS + 1)]);
        assert_eq!(
            names(vec![image, tokens, wide], vec![]),
            ["image.mean", "image.norm", "tokens.mean", "tokens.norm", "wide.mean", "wide.norm"]
        );
    }

    #[test]
    fn every_feature_has_a_name_of_its_own() {
        let wide = spec("x", DataType::Fp32, &[Dim::Unknown, Dim::Fixed(2)]);
        let twin = spec("x[1]", DataType::Fp32, &[Dim::Unknown]);
        assert_eq!(names(vec![wide, twin], vec![]), ["x[0]", "x[1]", "x[1]'"]);
    }
}
