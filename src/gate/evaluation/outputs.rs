//! The outputs of a model as rows: a class for each, or numbers.

use crate::engine::{Columns, Dim, Role, TensorSpec};
use crate::table::class;
use crate::tensor::{Data, DataType, Tensor, each};

#[derive(Debug)]
pub(super) struct Output {
    pub(super) place: usize,
    pub(super) name: String,
    /// What the columns stand for.
    pub(super) classes: Vec<String>,
}

/// The scores of a run, row after row.
pub(super) struct Scores<'a> {
    pub(super) output: &'a Output,
    pub(super) values: Vec<f64>,
    pub(super) width: usize,
}

impl Output {
    pub(super) fn new(place: usize, spec: &TensorSpec) -> Self {
        let columns = spec.columns.as_ref().filter(|_| has_classes(spec));
        let names = columns.map_or(&[][..], |columns| columns.names());
        let classes = names.iter().map(|name| class(&name.to_string())).collect();
        Self { place, name: spec.name.clone(), classes }
    }

    fn of<'t>(&self, outputs: &'t [Tensor], rows: usize) -> Result<(&'t Tensor, usize), String> {
        let tensor = outputs.get(self.place).ok_or_else(|| format!("no output '{}'", self.name))?;
        let elements = tensor.shape().elements();
        let width = elements / rows.max(1);
        if rows == 0 || elements == 0 || width * rows != elements {
            let (name, shape) = (&self.name, tensor.shape());
            return Err(format!("output '{name}' has shape {shape}, expected {rows} rows"));
        }
        Ok((tensor, width))
    }

    pub(super) fn labels(&self, outputs: &[Tensor], rows: usize) -> Result<Vec<String>, String> {
        let (tensor, width) = self.of(outputs, rows)?;
        if width != 1 {
            let (name, shape) = (&self.name, tensor.shape());
            return Err(format!("output '{name}' has shape {shape}, expected one class a row"));
        }
        Ok(each!(tensor.data(), values => classes(values)))
    }

    pub(super) fn scores(&self, outputs: &[Tensor], rows: usize) -> Result<Scores<'_>, String> {
        let (tensor, width) = self.of(outputs, rows)?;
        let values = match tensor.data() {
            Data::Fp16(values) => values.iter().map(|value| value.to_f64()).collect(),
            Data::Fp32(values) => values.iter().map(|value| f64::from(*value)).collect(),
            Data::Fp64(values) => values.clone(),
            Data::Int32(values) => values.iter().map(|value| f64::from(*value)).collect(),
            #[expect(clippy::cast_precision_loss, reason = "errors are measured in floats")]
            Data::Int64(values) => values.iter().map(|value| *value as f64).collect(),
            other => {
                let (name, data_type) = (&self.name, other.data_type());
                return Err(format!("output '{name}' is {data_type}, expected numbers"));
            }
        };
        Ok(Scores { output: self, values, width })
    }
}

impl Scores<'_> {
    pub(super) fn row(&self, row: usize) -> Result<&[f64], String> {
        let values = &self.values[row * self.width..][..self.width];
        if values.iter().any(|value| value.is_nan()) {
            return Err(format!("output '{}' is NaN", self.output.name));
        }
        Ok(values)
    }
}

fn classes<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(|value| class(&value.to_string())).collect()
}

pub(super) fn is_float(spec: &TensorSpec) -> bool {
    matches!(spec.data_type, DataType::Fp16 | DataType::Fp32 | DataType::Fp64)
}

pub(super) fn is_one_a_row(spec: &TensorSpec) -> bool {
    spec.dims.as_deref().is_none_or(|dims| matches!(dims, [_] | [_, Dim::Fixed(1)]))
}

pub(super) fn has_classes(spec: &TensorSpec) -> bool {
    let role = spec.columns.as_ref().map(Columns::role);
    matches!(role, Some(Role::Classes | Role::ClassMap))
}
