//! Which columns of a file feed which inputs, and which columns an output has.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::engine::{Dim, Signature, TensorSpec};
use crate::features::{self, Role};
use crate::table::{ColumnType, Heading, Pieces, Rows, Values};
use crate::tensor::Tensor;

use super::job::OnBadRow;

/// A model's outputs wider than this are written as lists.
const MAX_COLUMNS: usize = 1_000;

/// The column that says what is wrong with a row.
pub(super) const ERROR: &str = "error";

/// The columns of one file.
pub struct Mapping<'a> {
    pub(super) rows: Rows<'a>,
    /// Names and places of the columns that are kept.
    pub(super) kept: Vec<(String, usize)>,
}

/// What became of the columns of a file, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Input, and the columns that feed it.
    pub inputs: Vec<(String, String)>,
    pub kept: Vec<String>,
    pub unused: Vec<String>,
}

impl<'a> Mapping<'a> {
    /// # Errors
    /// The input that no column feeds, or the column that is to be kept and not there.
    pub(super) fn new(
        signature: &'a Signature,
        pieces: &Pieces,
        keep: &[String],
    ) -> Result<Self, String> {
        let columns = pieces.columns();
        let place = |name: &String| {
            columns.iter().position(|column| column == name).ok_or_else(|| {
                format!("there is no column '{name}' to keep, columns are: {}", columns.join(", "))
            })
        };
        let places_kept = keep.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        for (name, place) in keep.iter().zip(&places_kept) {
            let kind = pieces.column_type(*place);
            if !kind.can_be_written() {
                return Err(format!("column '{name}' holds {kind}, which cannot be kept"));
            }
        }
        // Of a nameless matrix all columns are features but those that are only kept.
        let rows = Rows::new(signature, columns, &places_kept)?;
        let unused: HashSet<usize> = rows.unused().into_iter().collect();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for name in columns {
            *places.entry(name).or_default() += 1;
        }
        for (place, name) in columns.iter().enumerate() {
            if places[name.as_str()] > 1
                && (places_kept.contains(&place) || !unused.contains(&place))
            {
                return Err(format!(
                    "it has {} columns '{name}', expected one",
                    places[name.as_str()]
                ));
            }
        }
        Ok(Self { rows, kept: keep.iter().cloned().zip(places_kept).collect() })
    }

    /// The columns that are looked at.
    pub(super) fn places(&self) -> Vec<usize> {
        let kept = self.kept.iter().map(|(_, place)| *place);
        self.rows.used().chain(kept).collect()
    }

    /// What the columns that are kept are called and hold.
    pub(super) fn headings(&self, pieces: &Pieces) -> Vec<Heading> {
        let heading = |(name, place): &(String, usize)| Heading {
            name: name.clone(),
            kind: pieces.column_type(*place),
        };
        self.kept.iter().map(heading).collect()
    }

    #[must_use]
    pub(super) fn mapped(&self, columns: &[String]) -> Mapped {
        let is_kept = |place: &usize| self.kept.iter().any(|(_, kept)| kept == place);
        let unused = self.rows.unused().into_iter().filter(|place| !is_kept(place));
        Mapped {
            inputs: self.rows.fed(),
            kept: self.kept.iter().map(|(name, _)| name.clone()).collect(),
            unused: unused.map(|place| columns[place].clone()).collect(),
        }
    }
}

impl fmt::Display for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (input, columns) in &self.inputs {
            writeln!(f, "input {input}: {columns}")?;
        }
        if !self.kept.is_empty() {
            writeln!(f, "kept: {}", self.kept.join(", "))?;
        }
        if !self.unused.is_empty() {
            writeln!(f, "not used: {}", self.unused.join(", "))?;
        }
        Ok(())
    }
}

/// The columns of outputs.
pub(super) struct Columns {
    /// Those that are kept come first.
    pub(super) kept: Vec<ColumnType>,
    pub(super) headings: Vec<Heading>,
    predictions: Vec<Prediction>,
    pub(super) with_error: bool,
}

/// A column that the model makes.
enum Prediction {
    /// This value of each row, of so many.
    Column { output: usize, column: usize, of: usize },
    /// All values of each row.
    List { output: usize },
}

impl Columns {
    /// # Errors
    /// An output is no value of each row.
    pub(super) fn new(
        signature: &Signature,
        kept: Vec<Heading>,
        on_bad_row: OnBadRow,
    ) -> Result<Self, String> {
        let mut headings = kept;
        let kept = headings.iter().map(|heading| heading.kind.clone()).collect();
        let mut predictions = Vec::new();
        let names = features::of(signature);
        for (output, spec) in signature.outputs.iter().enumerate() {
            let mut of_output = names
                .iter()
                .filter(|feature| feature.role == Role::Prediction && feature.tensor() == output);
            match width(spec)? {
                Some(of) if of <= MAX_COLUMNS => {
                    for column in 0..of {
                        let name = of_output.next().map_or_else(
                            || format!("{}[{column}]", spec.name),
                            |feature| feature.name.clone(),
                        );
                        headings.push(Heading { name, kind: ColumnType::of(spec.data_type) });
                        predictions.push(Prediction::Column { output, column, of });
                    }
                }
                wide => {
                    let length = wide.or_else(|| row_elements(spec)).ok_or_else(|| {
                        let shape = spec.shape_text();
                        format!("output '{}' has shape {shape}, which is open", spec.name)
                    })?;
                    let kind = ColumnType::of(spec.data_type).list(length);
                    headings.push(Heading { name: spec.name.clone(), kind });
                    predictions.push(Prediction::List { output });
                }
            }
        }
        let with_error = on_bad_row == OnBadRow::Null;
        if with_error {
            headings.push(Heading { name: ERROR.to_owned(), kind: ColumnType::text() });
        }
        unique(&headings)?;
        Ok(Self { kept, headings, predictions, with_error })
    }

    /// The same of no rows.
    pub(super) fn empty(&self) -> Vec<Values> {
        let first = self.kept.len();
        let headings = &self.headings[first..first + self.predictions.len()];
        headings.iter().map(|heading| Values::empty(&heading.kind)).collect()
    }

    /// The predictions of rows, column by column.
    pub(super) fn predictions(&self, outputs: &[Tensor]) -> Result<Vec<Values>, String> {
        let values = |prediction: &Prediction| match *prediction {
            Prediction::Column { output, column, of } => {
                Ok(Values::column(&outputs[output], column, of))
            }
            Prediction::List { output } => Values::lists(&outputs[output]),
        };
        self.predictions.iter().map(values).collect()
    }
}

/// Values of a row, if they are columns; `None` for what has more axes.
fn width(spec: &TensorSpec) -> Result<Option<usize>, String> {
    match spec.dims.as_deref() {
        Some([_]) => Ok(Some(1)),
        Some([_, Dim::Fixed(width)]) => Ok(Some(*width)),
        Some([_, _]) => Ok(spec.columns.as_ref().map(|columns| columns.names().len())),
        Some([_, ..]) => Ok(None),
        None | Some([]) => Err(format!(
            "output '{}' has shape {}, expected a value of each row",
            spec.name,
            spec.shape_text()
        )),
    }
}

fn row_elements(spec: &TensorSpec) -> Option<usize> {
    let dims = spec.dims.as_deref()?.get(1..)?;
    let of = |dim: &Dim| if let Dim::Fixed(size) = dim { Some(*size) } else { None };
    dims.iter().map(of).product()
}

fn unique(headings: &[Heading]) -> Result<(), String> {
    for (place, heading) in headings.iter().enumerate() {
        if headings[..place].iter().any(|before| before.name == heading.name) {
            return Err(format!("the output would have two columns '{}'", heading.name));
        }
    }
    Ok(())
}
