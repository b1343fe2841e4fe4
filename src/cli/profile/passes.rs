//! One pass over reference data: rows become inputs, the model answers, somebody looks.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::time::Duration;

use super::times;
use crate::cli::progress::Line;
use crate::contract::Suggestion;
use crate::drift::{Census, Order, Sample, Survey};
use crate::engine::{LoadedModel, Signature};
use crate::gate::runner;
use crate::table::{Cell, Rows, Table};
use crate::tensor::Tensor;

/// Rows that run together at most.
pub(super) const BATCH: usize = 1000;

/// What the command line says of the data.
pub(super) struct Asked {
    pub(super) data: PathBuf,
    /// The column of the time, by which the rows are in order.
    pub(super) time: Option<String>,
    /// Columns that are no inputs, as the target and the ids are.
    pub(super) ignored: Vec<String>,
}

/// Rows that ran together, in the order of the signature.
pub(super) struct Batch {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    rows: usize,
}

/// Who looks at the rows.
pub(super) trait Pass {
    /// Rows that may come next at once.
    fn room(&self) -> usize {
        usize::MAX
    }

    fn add(&mut self, batch: &Batch);
}

impl Pass for Survey {
    fn add(&mut self, batch: &Batch) {
        self.add(&batch.inputs, &batch.outputs, batch.rows);
    }
}

impl Pass for Census {
    fn room(&self) -> usize {
        self.room()
    }

    fn add(&mut self, batch: &Batch) {
        self.add(&batch.inputs, &batch.outputs, batch.rows);
    }
}

impl Pass for Suggestion {
    fn add(&mut self, batch: &Batch) {
        self.add(&batch.inputs, &batch.outputs, batch.rows);
    }
}

impl Pass for Sample {
    fn add(&mut self, batch: &Batch) {
        self.add(&batch.inputs, batch.rows);
    }
}

/// Two that look at the same rows.
impl<A: Pass, B: Pass> Pass for (A, B) {
    fn room(&self) -> usize {
        self.0.room().min(self.1.room())
    }

    fn add(&mut self, batch: &Batch) {
        self.0.add(batch);
        self.1.add(batch);
    }
}

/// The data and the model that answers it.
pub(super) struct Source<'a> {
    model: &'a dyn LoadedModel,
    asked: Asked,
}

impl<'a> Source<'a> {
    pub(super) fn new(model: &'a dyn LoadedModel, asked: Asked) -> Self {
        Self { model, asked }
    }

    pub(super) fn signature(&self) -> &Signature {
        self.model.signature()
    }

    pub(super) fn name(&self) -> String {
        self.asked.data.display().to_string()
    }

    pub(super) fn model(&self) -> &dyn LoadedModel {
        self.model
    }

    /// Goes through the data from its beginning to its end, and checks that it is in the order
    /// that was asked for.
    pub(super) fn read(&self, pass: &mut impl Pass, line: &mut Line) -> Result<Order, String> {
        let mut table = Table::open(&self.asked.data)?;
        let time = self.asked.time.as_deref().map(|name| table.position(name)).transpose()?;
        let ignored = self.asked.ignored.iter().map(|name| table.position(name));
        let mut others = ignored.collect::<Result<Vec<usize>, String>>()?;
        others.extend(time);
        let rows = Rows::new(self.signature(), &table.columns, &others)?;
        let size = rows.rows_of_a_run(BATCH)?;
        let mut clock = time.map(Clock::new);
        let mut first = 0;
        loop {
            let cells = table.rows.by_ref().take(size.min(pass.room()));
            let cells: Vec<Vec<Cell>> = cells.collect::<Result<_, _>>()?;
            if cells.is_empty() {
                return Ok(clock.map_or(Order::Any, |clock| Order::Time(clock.length())));
            }
            if let Some(clock) = &mut clock {
                clock.check(&cells, first)?;
            }
            let inputs = rows.tensors(&cells, first)?;
            let outputs = runner::run(self.model, &inputs, &|| false).map_err(|reason| {
                format!("rows {first} to {}: {reason}", first + cells.len() - 1)
            })?;
            first += cells.len();
            pass.add(&Batch { inputs, outputs, rows: cells.len() });
            line.at(first, table.progress.fraction());
        }
    }
}

/// Sees to it that time does not go back.
struct Clock {
    column: usize,
    first: Option<Cell>,
    last: Option<Cell>,
}

impl Clock {
    fn new(column: usize) -> Self {
        Self { column, first: None, last: None }
    }

    /// The time from the first row to the last, if it is written in a way that is known.
    fn length(&self) -> Option<Duration> {
        times::between(self.first.as_ref()?, self.last.as_ref()?)
    }

    fn check(&mut self, rows: &[Vec<Cell>], first: usize) -> Result<(), String> {
        for (number, row) in rows.iter().enumerate() {
            let time = row.get(self.column).unwrap_or(&Cell::Missing);
            let row = first + number;
            if time.is_missing() {
                return Err(format!("row {row}: the time is missing"));
            }
            if let Some(last) = &self.last
                && compare(last, time) == Ordering::Greater
            {
                let (time, last) = (time.describe(), last.describe());
                return Err(format!(
                    "row {row}: the time is {time} after {last}; sort the rows by it"
                ));
            }
            self.first.get_or_insert_with(|| time.clone());
            self.last = Some(time.clone());
        }
        Ok(())
    }
}

/// Numbers by their size, and texts, as those of ISO 8601, by their letters.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.text().cmp(&b.text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(times: &[&str]) -> Result<(), String> {
        let rows: Vec<Vec<Cell>> =
            times.iter().map(|time| vec![Cell::Text((*time).into())]).collect();
        Clock::new(0).check(&rows, 10)
    }

    #[test]
    fn time_may_stand_still_but_not_go_back() {
        assert_eq!(check(&["9", "10", "10", "11"]), Ok(()));
        assert_eq!(check(&["2013-01-09", "2013-01-10"]), Ok(()));
        assert_eq!(
            check(&["2013-02-01", "2013-01-31"]),
            Err("row 11: the time is '2013-01-31' after '2013-02-01'; sort the rows by it".into())
        );
    }
}
