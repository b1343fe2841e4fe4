//! From rows of a table to the inputs of a model.

use std::collections::HashSet;

use half::f16;

use super::Cell;
use crate::engine::{Dim, Role, Signature, TensorSpec};
use crate::tensor::{Data, DataType, Shape, Tensor};

/// Columns of an input that a person reads one by one.
const MOST_NAMES: usize = 20;

/// Which columns feed which input.
#[derive(Debug)]
pub struct Rows<'a> {
    pub(super) inputs: Vec<Input<'a>>,
    pub(super) columns: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) spec: &'a TensorSpec,
    /// A column of the table for each column of the input; `None` for nought.
    pub(super) places: Vec<Option<usize>>,
    /// `[N]` instead of `[N, columns]`.
    pub(super) is_vector: bool,
}

impl<'a> Rows<'a> {
    /// Columns that are no inputs, as the target, are named by their place in `others`: an
    /// input without names takes all but those.
    ///
    /// # Errors
    /// The input that no column feeds.
    pub fn new(
        signature: &'a Signature,
        columns: &[String],
        others: &[usize],
    ) -> Result<Self, String> {
        let column = |name: &str| columns.iter().position(|column| column == name);
        let only = signature.inputs.len() == 1;
        let input = |spec: &'a TensorSpec| match column(&spec.name) {
            Some(place) if width(spec).is_none_or(|width| width == 1) => {
                let is_vector = spec.dims.as_ref().is_none_or(|dims| dims.len() < 2);
                Ok(Input { spec, places: vec![Some(place)], is_vector })
            }
            Some(_) => Err(format!(
                "column '{0}' holds one value a row, input '{0}' has shape {1}",
                spec.name,
                spec.shape_text()
            )),
            None if only && is_matrix(spec) => {
                let places = matrix(spec, columns, others)?;
                Ok(Input { spec, places, is_vector: false })
            }
            None => Err(format!(
                "no column is named as input '{}', columns are: {}",
                spec.name,
                columns.join(", ")
            )),
        };
        let inputs = signature.inputs.iter().map(input).collect::<Result<_, String>>()?;
        Ok(Self { inputs, columns: columns.to_vec() })
    }

    /// The inputs for these rows; `first` is the number of the first one, for messages.
    ///
    /// # Errors
    /// The cell that is no value of its input.
    pub fn tensors(&self, rows: &[Vec<Cell>], first: usize) -> Result<Vec<Tensor>, String> {
        self.inputs.iter().map(|input| self.tensor(input, rows, first)).collect()
    }

    /// The places of columns that feed inputs.
    pub fn used(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().flat_map(|input| input.places.iter().flatten().copied())
    }

    /// The places of columns that feed no input.
    #[must_use]
    pub fn unused(&self) -> Vec<usize> {
        let used: HashSet<usize> = self.used().collect();
        (0..self.columns.len()).filter(|place| !used.contains(place)).collect()
    }

    /// Inputs and the columns that feed them, for a person.
    #[must_use]
    pub fn fed(&self) -> Vec<(String, String)> {
        let name = |place: &Option<usize>| {
            place.map_or_else(|| "nought".to_owned(), |place| self.columns[place].clone())
        };
        let columns = |input: &Input| {
            let names: Vec<String> = input.places.iter().map(name).collect();
            match names.as_slice() {
                [first, .., last] if names.len() > MOST_NAMES => {
                    format!("{} columns, {first} to {last}", names.len())
                }
                _ => names.join(", "),
            }
        };
        self.inputs.iter().map(|input| (input.spec.name.clone(), columns(input))).collect()
    }

    fn tensor(&self, input: &Input, rows: &[Vec<Cell>], first: usize) -> Result<Tensor, String> {
        let data = input.data(rows).map_err(|bad| {
            let column = input.places[bad.column].and_then(|column| self.columns.get(column));
            format!(
                "row {}, column '{}': expected {} for input '{}', came {}",
                first + bad.row,
                column.map_or("", String::as_str),
                input.spec.data_type,
                input.spec.name,
                input.cell(&rows[bad.row], bad.column).describe()
            )
        })?;
        let mut dims = vec![rows.len()];
        if !input.is_vector {
            dims.push(input.places.len());
        }
        let shape = Shape::new(dims).map_err(|error| error.to_string())?;
        Tensor::new(shape, data).map_err(|error| error.to_string())
    }
}

/// A cell that is no value of an input, by its place there.
struct Bad {
    row: usize,
    column: usize,
}

impl Input<'_> {
    fn cell<'c>(&self, row: &'c [Cell], column: usize) -> &'c Cell {
        const NOUGHT: Cell = Cell::Whole(0);
        match self.places[column] {
            Some(place) => row.get(place).unwrap_or(&Cell::Missing),
            None => &NOUGHT,
        }
    }

    fn data(&self, rows: &[Vec<Cell>]) -> Result<Data, Bad> {
        match self.spec.data_type {
            DataType::Bool => self.all(rows, |cell| match cell.whole() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            }),
            DataType::Uint8 => self.integers::<u8>(rows),
            DataType::Uint16 => self.integers::<u16>(rows),
            DataType::Uint32 => self.integers::<u32>(rows),
            DataType::Uint64 => self.integers::<u64>(rows),
            DataType::Int8 => self.integers::<i8>(rows),
            DataType::Int16 => self.integers::<i16>(rows),
            DataType::Int32 => self.integers::<i32>(rows),
            DataType::Int64 => self.integers::<i64>(rows),
            DataType::Fp16 => self.all(rows, |cell| cell.number().map(f16::from_f64)),
            DataType::Fp32 => self.all(rows, Cell::single),
            DataType::Fp64 => self.all(rows, Cell::number),
            DataType::Bytes => self.all(rows, |cell| Some(cell.text())),
        }
    }

    fn integers<T: TryFrom<i128>>(&self, rows: &[Vec<Cell>]) -> Result<Data, Bad>
    where
        Data: From<Vec<T>>,
    {
        self.all(rows, |cell| T::try_from(cell.whole()?).ok())
    }

    fn all<T>(&self, rows: &[Vec<Cell>], read: impl Fn(&Cell) -> Option<T>) -> Result<Data, Bad>
    where
        Data: From<Vec<T>>,
    {
        let mut values = Vec::with_capacity(rows.len() * self.places.len());
        for (row, cells) in rows.iter().enumerate() {
            for column in 0..self.places.len() {
                values.push(read(self.cell(cells, column)).ok_or(Bad { row, column })?);
            }
        }
        Ok(values.into())
    }
}

/// Values in a row of an input; `None` where the file leaves it open.
fn width(spec: &TensorSpec) -> Option<usize> {
    match spec.dims.as_deref() {
        None | Some([_, Dim::Symbol(_) | Dim::Unknown]) => None,
        Some([_]) => Some(1),
        Some([_, Dim::Fixed(width)]) => Some(*width),
        // Scalars and more axes cannot be filled from a table at all.
        Some(_) => Some(0),
    }
}

fn is_matrix(spec: &TensorSpec) -> bool {
    spec.dims.as_ref().is_none_or(|dims| dims.len() == 2)
}

/// The columns of the only input: by the names of its features where it has some, else all
/// columns but the others in their order.
fn matrix(
    spec: &TensorSpec,
    columns: &[String],
    others: &[usize],
) -> Result<Vec<Option<usize>>, String> {
    if let Some(features) = &spec.columns {
        let names = features.names().iter();
        return names
            .map(|name| {
                let name = name.to_string();
                match columns.iter().position(|column| *column == name) {
                    None if features.role() != Role::SparseFeatures => {
                        let known = columns.join(", ");
                        Err(format!(
                            "there is no column for feature '{name}', columns are: {known}"
                        ))
                    }
                    place => Ok(place),
                }
            })
            .collect();
    }
    // pandas keeps its row numbers in a column of this name.
    let is_index = |name: &str| name.starts_with("__index_level_");
    let places: Vec<Option<usize>> = (0..columns.len())
        .filter(|place| !others.contains(place) && !is_index(&columns[*place]))
        .map(Some)
        .collect();
    match width(spec) {
        Some(width) if width != places.len() => {
            let others: Vec<_> =
                others.iter().map(|place| format!("'{}'", columns[*place])).collect();
            let besides = if others.is_empty() { "" } else { " besides " };
            Err(format!(
                "it has {} columns{besides}{}, input '{}' has {width}; name them as `features` in model.toml",
                places.len(),
                others.join(", "),
                spec.name
            ))
        }
        _ => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Columns, Label};

    fn spec(name: &str, data_type: DataType, dims: Vec<Dim>) -> TensorSpec {
        TensorSpec { name: name.to_owned(), data_type, dims: Some(dims), columns: None }
    }

    fn signature(inputs: Vec<TensorSpec>) -> Signature {
        Signature { inputs, outputs: Vec::new() }
    }

    fn columns() -> Vec<String> {
        ["b", "late", "a"].map(str::to_owned).to_vec()
    }

    fn row() -> Vec<Vec<Cell>> {
        vec![vec![Cell::Text("2.5".into()), Cell::Whole(1), Cell::Missing]]
    }

    #[test]
    fn inputs_are_found_by_name_and_miss_as_their_type_does() {
        let signature = signature(vec![
            spec("a", DataType::Bytes, vec![Dim::Unknown, Dim::Fixed(1)]),
            spec("b", DataType::Fp32, vec![Dim::Unknown]),
        ]);
        let rows = Rows::new(&signature, &columns(), &[1]).unwrap();
        let tensors = rows.tensors(&row(), 0).unwrap();
        assert_eq!(tensors[0].shape().dims(), [1, 1]);
        assert_eq!(tensors[0].data(), &Data::Bytes(vec!["".into()]));
        assert_eq!(tensors[1].shape().dims(), [1]);
        assert_eq!(tensors[1].data(), &Data::Fp32(vec![2.5]));
    }

    #[test]
    fn the_only_matrix_is_filled_by_features_or_in_order() {
        let mut signature =
            signature(vec![spec("x", DataType::Fp64, vec![Dim::Unknown, Dim::Fixed(2)])]);
        let first = |signature: &Signature| {
            let rows = Rows::new(signature, &columns(), &[1]).unwrap();
            rows.tensors(&row(), 0).unwrap()[0].data().as_slice::<f64>().unwrap().to_vec()
        };
        assert!(first(&signature)[1].is_nan());
        let names = ["a", "b"].map(|name| Label::Text(name.to_owned())).to_vec();
        signature.inputs[0].columns = Some(Columns::new(names, Role::Features).unwrap());
        assert!(first(&signature)[0].is_nan());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let whole = signature(vec![spec("b", DataType::Int64, vec![Dim::Unknown])]);
        let rows = Rows::new(&whole, &columns(), &[1]).unwrap();
        assert_eq!(
            rows.tensors(&row(), 40).unwrap_err(),
            "row 40, column 'b': expected INT64 for input 'b', came '2.5'"
        );
        let other = signature(vec![spec("c", DataType::Int64, vec![Dim::Unknown])]);
        assert_eq!(
            Rows::new(&other, &columns(), &[1]).unwrap_err(),
            "no column is named as input 'c', columns are: b, late, a"
        );
        let wide = signature(vec![spec("x", DataType::Fp32, vec![Dim::Unknown, Dim::Fixed(3)])]);
        let message = Rows::new(&wide, &columns(), &[1]).unwrap_err();
        assert!(message.starts_with("it has 2 columns besides 'late', input 'x' has 3"));
    }
}
