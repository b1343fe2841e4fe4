//! Tables that `make.py` prepared, as the inputs of a model that takes their columns.

use std::path::Path;

use onnxd::engine::{Dim, Signature, TensorSpec};
use onnxd::table::{Cell, Rows, Table};
use onnxd::tensor::{DataType, Tensor};

/// The column of the time, in seconds since the epoch. It is no input.
const TIME: &str = "seconds";

/// Rows of one moment.
pub struct Batch {
    /// Seconds.
    pub time: u64,
    pub rows: usize,
    pub inputs: Vec<Tensor>,
}

pub struct Data {
    pub signature: Signature,
    pub batches: Vec<Batch>,
}

impl Data {
    /// Rows of a table without times: one a second, in batches of so many.
    pub fn by_row(file: &Path, batch: u64) -> Self {
        Self::read(file, |row, _| row / batch * batch)
    }

    /// Rows of a table with times: a batch for each of them.
    pub fn by_time(file: &Path) -> Self {
        Self::read(file, |_, time| time)
    }

    fn read(file: &Path, when: impl Fn(u64, u64) -> u64) -> Self {
        let mut table = Table::open(file).expect("make.py wrote it");
        let time = table.columns.iter().position(|name| name == TIME);
        let ignored: Vec<usize> = time.into_iter().collect();
        let mut cells = table.rows.by_ref().map(|row| row.expect("it is sound")).peekable();
        let first = cells.peek().expect("it has rows").clone();
        let signature = signature(&table.columns, &first, &ignored);
        let rows = Rows::new(&signature, &table.columns, &ignored).expect("its own columns");
        let mut batches: Vec<Batch> = Vec::new();
        let mut pending: Vec<Vec<Cell>> = Vec::new();
        let mut pending_time = None;
        let mut flush = |time: Option<u64>, pending: &mut Vec<Vec<Cell>>| {
            let Some(time) = time else { return };
            let inputs = rows.tensors(pending, 0).expect("values of their columns");
            batches.push(Batch { time, rows: pending.len(), inputs });
            pending.clear();
        };
        for (row, cells) in (0..).zip(cells) {
            let own = time.and_then(|place| cells[place].whole()).unwrap_or(0);
            let time = when(row, u64::try_from(own).expect("after 1970"));
            if pending_time.is_some_and(|pending| pending != time) {
                flush(pending_time, &mut pending);
            }
            pending_time = Some(time);
            pending.push(cells);
        }
        flush(pending_time, &mut pending);
        Self { signature, batches }
    }

    /// The batches from one second to another.
    pub fn between(&self, from: u64, to: u64) -> &[Batch] {
        let place = |time: u64| self.batches.partition_point(|batch| batch.time < time);
        &self.batches[place(from)..place(to)]
    }
}

/// An input for each column.
fn signature(columns: &[String], first: &[Cell], ignored: &[usize]) -> Signature {
    let spec = |(name, cell): (&String, &Cell)| TensorSpec {
        name: name.clone(),
        data_type: if matches!(cell, Cell::Text(_)) { DataType::Bytes } else { DataType::Fp32 },
        dims: Some(vec![Dim::Unknown]),
        columns: None,
    };
    let wanted = columns.iter().zip(first).enumerate().filter(|(at, _)| !ignored.contains(at));
    Signature { inputs: wanted.map(|(_, column)| spec(column)).collect(), outputs: Vec::new() }
}
