//! Columns by the tensors in which they stand: where all numbers of a tensor are within their
//! bounds, which is nearly always, nothing looks at single ones.

use super::column::Column;
use super::document::Mode;
use crate::features::{Band, Bounds};
use crate::tensor::{DataType, Tensor};

/// Columns of one side of the model, in the order of its signature.
pub(super) struct Tables(Vec<Table>);

/// Columns of one tensor.
pub(super) struct Table {
    /// None where values of this type are looked at one by one.
    bounds: Option<Bounds>,
    columns: Vec<Column>,
    /// Columns that no bounds can speak for: sets, texts.
    always: usize,
    cost: Cost,
}

/// About how many looks at a number the checks of a tensor are. Every request is asked for it.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Of columns that are a single value of each row.
    row: usize,
    /// Of what is made of all values.
    element: usize,
}

impl Tables {
    pub(super) fn new(mut columns: Vec<Column>, data_type: impl Fn(&Column) -> DataType) -> Self {
        columns.sort_by_key(|column| (column.feature.tensor(), column.feature.element(0)));
        let mut tables: Vec<Table> = Vec::new();
        for column in columns {
            let tensor = column.feature.tensor();
            let same = tables.last_mut().filter(|table| table.tensor() == Some(tensor));
            if let Some(table) = same {
                table.add(column);
                continue;
            }
            let bounds = Bounds::new(&column.feature, data_type(&column));
            let mut table = Table { bounds, columns: Vec::new(), always: 0, cost: Cost::default() };
            table.add(column);
            tables.push(table);
        }
        Self(tables)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Table> {
        self.0.iter()
    }

    /// Rows that there is a rule for; `None` where there is no rule.
    pub(super) fn rows(&self, tensors: &[Tensor]) -> Option<usize> {
        let tensor = tensors.get(self.0.first()?.tensor()?)?;
        Some(tensor.rows().unwrap_or(1))
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.0.iter().flat_map(|table| &table.columns)
    }

    /// Whether rows may be kept for a look.
    pub(super) fn keep_rows(&self) -> bool {
        self.columns().any(|column| column.mode == Mode::Quarantine)
    }

    /// About how many looks at a number all checks are.
    pub(super) fn work(&self, tensors: &[Tensor]) -> usize {
        self.iter().map(|table| table.work(tensors)).sum()
    }
}

impl Table {
    fn tensor(&self) -> Option<usize> {
        self.columns.first().map(|column| column.feature.tensor())
    }

    fn add(&mut self, column: Column) {
        let band = column.rule.band();
        let bounded = self.bounds.as_mut().filter(|_| band != Band::Empty);
        if !bounded.is_some_and(|bounds| bounds.bound(&column.feature, band)) {
            self.always += 1;
        }
        self.cost.add(&column);
        self.columns.push(column);
    }

    fn work(&self, tensors: &[Tensor]) -> usize {
        let tensor = self.tensor().and_then(|at| tensors.get(at));
        tensor.map_or(0, |tensor| {
            let (rows, elements) = (tensor.rows().unwrap_or(1), tensor.shape().elements());
            rows.saturating_mul(self.cost.row) + elements.saturating_mul(self.cost.element)
        })
    }

    /// Whether every value that bounds can speak for is fine.
    pub(super) fn is_within(&self, tensors: &[Tensor]) -> bool {
        self.bounds.as_ref().is_some_and(|bounds| bounds.hold(tensors))
    }

    /// The columns that need a look, given whether the bounds hold for all.
    pub(super) fn columns(&self, within: bool) -> &[Column] {
        if within && self.always == 0 { &[] } else { &self.columns }
    }

    /// Whether a column needs a look at its values.
    pub(super) fn is_suspect(&self, column: &Column, within: bool, tensors: &[Tensor]) -> bool {
        let Some(bounds) = &self.bounds else { return true };
        if column.rule.band() == Band::Empty {
            return true;
        }
        !within && !bounds.hold_for(&column.feature, tensors)
    }
}

impl Cost {
    fn add(&mut self, column: &Column) {
        let single = column.feature.element(0).is_some();
        let of = if single { &mut self.row } else { &mut self.element };
        *of += column.rule.cost();
    }
}
