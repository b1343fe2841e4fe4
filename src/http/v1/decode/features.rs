//! A row as an object of features, for models whose only input is a matrix.

use super::column::Column;
use crate::engine::{Columns, Role, TensorSpec};
use crate::http::exchange::DecodeError;
use crate::tensor::json::Reader;

/// An object with a value for each feature of the only input, or with the input's own value.
pub(super) fn read_features(
    reader: &mut Reader,
    column: &mut Column,
    features: &Columns,
    row: usize,
) -> Result<(), DecodeError> {
    let mut given = Column::new(column.spec);
    let mut places: Vec<Option<usize>> = vec![None; features.names().len()];
    let mut whole = false;
    reader.object::<DecodeError>(|reader, key| {
        let Some(feature) = features.position(&key) else {
            if key == column.spec.name {
                whole = true;
                return column.read_row(reader, row);
            }
            let message = format!("instance {row}: unknown feature '{key}', {}", known(features));
            return Err(DecodeError(message));
        };
        let place = given.data.len();
        if !given.read_value(reader, Some(row), &key)?.is_empty() {
            let message = format!("instance {row}: feature '{key}': expected a value, came a list");
            return Err(DecodeError(message));
        }
        match places[feature].replace(place) {
            None => Ok(()),
            Some(_) => Err(DecodeError(format!("instance {row}: feature '{key}' is given twice"))),
        }
    })?;
    if whole {
        return if given.data.is_empty() { Ok(()) } else { Err(both(row, column.spec)) };
    }
    let missing = places.iter().position(Option::is_none);
    if let Some(missing) = missing.filter(|_| features.role() != Role::SparseFeatures) {
        let message = format!(
            "instance {row}: feature '{}' is missing, {}; null says that a value is not known",
            features.names()[missing],
            known(features)
        );
        return Err(DecodeError(message));
    }
    column.add_row(&given.data, &places, row)
}

fn known(features: &Columns) -> String {
    let names: Vec<String> = features.names().iter().map(|name| format!("'{name}'")).collect();
    format!("the model has {}", names.join(", "))
}

fn both(row: usize, spec: &TensorSpec) -> DecodeError {
    DecodeError(format!("instance {row}: expected '{}' or its features, came both", spec.name))
}
