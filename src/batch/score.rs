//! One task: rows become inputs, the contract judges them, the model runs, and what it gives
//! becomes a segment of the output.

use std::collections::BTreeMap;

use super::columns::Columns;
use super::error::Error;
use super::job::OnBadRow;
use super::model::{Failure, Model};
use super::read::{Mark, Task};
use super::rejects::{self, Reject};
use super::shim::{All as _, ByRow as _, RowVerdicts};
use super::totals::Totals;
use crate::drift::Tally;
use crate::table::{Encoder, Segment, Values, Wrong};
use crate::tensor::Tensor;
use crate::tensor::batch::{concat, concat_rows, pick_rows};

/// What all tasks of a job have in common.
pub(super) struct Scoring<'a> {
    pub(super) model: &'a dyn Model,
    pub(super) columns: &'a Columns,
    pub(super) on_bad_row: OnBadRow,
    pub(super) encoder: &'a Encoder,
    pub(super) rejects: &'a Encoder,
}

/// A task that was done.
pub(super) struct Scored {
    pub(super) number: u64,
    pub(super) output: usize,
    pub(super) segment: Segment,
    pub(super) rejects: Option<Segment>,
    pub(super) totals: Totals,
    pub(super) after: Mark,
    /// Bytes of all files that have been read.
    pub(super) read: u64,
}

/// The rows of a task on their way.
struct Rows {
    /// All of them.
    count: usize,
    /// Those that are still good, ascending.
    good: Vec<usize>,
    /// By their places.
    bad: BTreeMap<usize, Vec<Reject>>,
    /// Where each piece's rows begin.
    pieces: Vec<usize>,
}

impl Rows {
    fn new(counts: &[usize]) -> Self {
        let mut begin = 0;
        let pieces = counts.iter().map(|count| {
            let at = begin;
            begin += count;
            at
        });
        let pieces = pieces.collect();
        Self { count: begin, good: (0..begin).collect(), bad: BTreeMap::new(), pieces }
    }

    /// Piece and row there of a row of the task.
    fn place(&self, row: usize) -> (usize, usize) {
        let piece = self.pieces.partition_point(|begin| *begin <= row).saturating_sub(1);
        (piece, row - self.pieces.get(piece).copied().unwrap_or(0))
    }

    fn reject(
        &mut self,
        row: usize,
        column: &str,
        code: &str,
        expected: &str,
        value: Option<String>,
    ) {
        let (piece, at) = self.place(row);
        self.bad.entry(row).or_default().push(Reject {
            piece,
            row: at,
            column: column.to_owned(),
            code: code.to_owned(),
            expected: expected.to_owned(),
            value,
        });
    }

    /// Takes what was found bad out of what is good; the tensors lose the same rows.
    fn keep_good(&mut self, tensors: &mut [&mut Vec<Tensor>]) -> Result<(), Error> {
        let picks: Vec<usize> =
            (0..self.good.len()).filter(|at| !self.bad.contains_key(&self.good[*at])).collect();
        if picks.len() == self.good.len() {
            return Ok(());
        }
        self.good = picks.iter().map(|at| self.good[*at]).collect();
        for tensor in tensors.iter_mut().flat_map(|tensors| tensors.iter_mut()) {
            let picked = pick_rows(tensor, &picks);
            *tensor = picked.ok_or_else(|| Error::Internal("a tensor has no rows".to_owned()))?;
        }
        Ok(())
    }

    fn judged(&mut self, verdicts: &RowVerdicts) {
        for bad in verdicts.rows() {
            let row = self.good[bad.row];
            for violation in &bad.violations {
                let code = violation.code.as_str();
                self.reject(
                    row,
                    &violation.feature,
                    code,
                    &violation.expected,
                    violation.value.clone(),
                );
            }
        }
    }
}

impl Scoring<'_> {
    pub(super) fn score(&self, task: Task) -> Result<Scored, Error> {
        let Task { number, output, pieces, after, read, .. } = task;
        let mut opened = Vec::with_capacity(pieces.len());
        let counts: Vec<usize> = pieces.iter().map(|(_, piece)| piece.rows).collect();
        let mut rows = Rows::new(&counts);
        let (mut inputs, mut kept) = (Vec::new(), Vec::new());
        for (at, (of, piece)) in pieces.into_iter().enumerate() {
            let first = of.first_row + piece.first;
            let input = |reason| Error::Input { file: of.file.clone(), reason };
            let chunk = piece.decode().map_err(input)?;
            let begin = rows.pieces[at];
            for (row, reason) in &chunk.damaged {
                rows.reject(begin + row, "", "malformed", reason, None);
            }
            let mut wrong = Vec::new();
            let tensors = of.mapping.rows.read(&chunk, &mut wrong);
            inputs.push(tensors.map_err(|reason| input(format!("row {first}: {reason}")))?);
            for cell in wrong {
                let row = begin + cell.row;
                if chunk.damaged.binary_search_by_key(&cell.row, |(row, _)| *row).is_err() {
                    rows.reject(row, &cell.column, code(cell.wrong), &cell.expected, None);
                }
            }
            let mut columns = Vec::with_capacity(of.mapping.kept.len());
            for (place, kind) in of.mapping.kept.iter().zip(&self.columns.kept) {
                let (values, wrong) = chunk.values(*place, kind).map_err(input)?;
                for row in wrong {
                    let name = &of.mapping.mapped_name(*place);
                    rows.reject(begin + row, name, "wrong_dtype", &kind.to_string(), None);
                }
                columns.push(values);
            }
            kept.push(columns);
            opened.push((of, first));
        }
        let place = |reject: &Reject| {
            let (of, first) = &opened[reject.piece];
            (of.file.clone(), first + reject.row as u64)
        };
        let mut totals = Totals { rows: rows.count as u64, ..Totals::default() };
        let (mut inputs, mut outputs) = (joined(inputs)?, Vec::new());
        rows.keep_good(&mut [&mut inputs])?;
        self.check_end(&rows, &place)?;
        if let Some(contract) = self.model.contract() {
            let (tensors, verdicts, passed) = contract.rows(inputs);
            inputs = tensors;
            totals.warned += passed.warned;
            totals.repaired += passed.repaired;
            rows.judged(&verdicts);
            rows.keep_good(&mut [&mut inputs])?;
            self.check_end(&rows, &place)?;
        }
        if !rows.good.is_empty() {
            outputs = self.run(&mut rows, &mut inputs, &place)?;
            self.check_end(&rows, &place)?;
        }
        if let Some(contract) = self.model.contract().filter(|_| !rows.good.is_empty()) {
            let (verdicts, warned) = contract.answer_rows(&outputs);
            totals.warned += warned;
            rows.judged(&verdicts);
            rows.keep_good(&mut [&mut inputs, &mut outputs])?;
            self.check_end(&rows, &place)?;
        }
        if !rows.good.is_empty() {
            self.watch(&inputs, &outputs, &mut totals);
        }
        let segment = self.segment(&rows, kept, &outputs)?;
        let all: Vec<Reject> = rows.bad.values().flatten().cloned().collect();
        for reject in &all {
            *totals.codes.entry(reject.code.clone()).or_default() += 1;
        }
        totals.bad = rows.bad.len() as u64;
        totals.written = match self.on_bad_row {
            OnBadRow::Drop => rows.good.len() as u64,
            OnBadRow::Fail | OnBadRow::Null => rows.count as u64,
        };
        let rejects =
            if all.is_empty() { None } else { Some(rejects::segment(self.rejects, &all, place)?) };
        Ok(Scored { number, output, segment, rejects, totals, after, read })
    }

    /// Ends the job at the first bad row, if it must.
    fn check_end(
        &self,
        rows: &Rows,
        place: &dyn Fn(&Reject) -> (String, u64),
    ) -> Result<(), Error> {
        if self.on_bad_row != OnBadRow::Fail {
            return Ok(());
        }
        let Some(reject) = rows.bad.values().flatten().next() else { return Ok(()) };
        let (file, row) = place(reject);
        let Reject { column, code, expected, .. } = reject.clone();
        Err(Error::Row { file, row, column, code, expected })
    }

    fn watch(&self, inputs: &[Tensor], outputs: &[Tensor], totals: &mut Totals) {
        self.model.watch(inputs, outputs);
        if let Some(reference) = self.model.reference() {
            let mut tally = Tally::new(reference);
            tally.observe_all_inputs(reference, inputs);
            tally.observe_all_predictions(reference, outputs);
            totals.tally = Some(tally);
        }
    }

    /// Runs all rows, as many at once as is cheapest. Rows that the model refuses become bad.
    fn run(
        &self,
        rows: &mut Rows,
        inputs: &mut Vec<Tensor>,
        place: &dyn Fn(&Reject) -> (String, u64),
    ) -> Result<Vec<Tensor>, Error> {
        let mut parts: Vec<Vec<Tensor>> = Vec::new();
        let at_once = self.model.rows_at_once().max(1);
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        let count = rows.good.len();
        waiting.extend((0..count).step_by(at_once).map(|at| (at, (at + at_once).min(count))).rev());
        while let Some((from, to)) = waiting.pop() {
            let slice = |tensor: &Tensor| concat_rows(&[(tensor, from..to)]);
            let slices: Option<Vec<Tensor>> = if (from, to) == (0, count) {
                Some(inputs.clone())
            } else {
                inputs.iter().map(slice).collect()
            };
            let slices = slices.ok_or_else(|| Error::Internal("rows cannot be cut".to_owned()))?;
            match self.model.run(&slices) {
                Ok(outputs) => {
                    for output in &outputs {
                        if output.rows() != Some(to - from) {
                            let reason = format!(
                                "{} rows went in, and an output has shape {}",
                                to - from,
                                output.shape()
                            );
                            return Err(self.failed(rows, (from, to), reason, place));
                        }
                    }
                    parts.push(outputs);
                }
                Err(Failure::Values(_)) if to - from > 1 => {
                    let middle = from + (to - from) / 2;
                    waiting.extend([(middle, to), (from, middle)]);
                }
                Err(Failure::Values(reason)) => {
                    let row = rows.good[from];
                    rows.reject(row, "", "not_run", &reason, None);
                }
                Err(Failure::Model(reason)) => {
                    return Err(self.failed(rows, (from, to), reason, place));
                }
            }
        }
        rows.keep_good(&mut [inputs])?;
        if rows.good.is_empty() {
            return Ok(Vec::new());
        }
        joined(parts)
    }

    fn failed(
        &self,
        rows: &Rows,
        (from, to): (usize, usize),
        reason: String,
        place: &dyn Fn(&Reject) -> (String, u64),
    ) -> Error {
        let of = |at: usize| {
            let (piece, row) = rows.place(rows.good[at]);
            place(&Reject {
                piece,
                row,
                column: String::new(),
                code: String::new(),
                expected: String::new(),
                value: None,
            })
        };
        let ((file, first), (_, last)) = (of(from), of(to - 1));
        Error::Model { file, first, last, reason }
    }

    fn segment(
        &self,
        rows: &Rows,
        kept: Vec<Vec<Values>>,
        outputs: &[Tensor],
    ) -> Result<Segment, Error> {
        let internal = Error::Internal;
        let mut columns = transposed(kept).map_err(internal)?;
        let all_good = rows.bad.is_empty();
        let mut predictions = if rows.good.is_empty() {
            self.columns.empty()
        } else {
            self.columns.predictions(outputs).map_err(internal)?
        };
        if !all_good && self.on_bad_row == OnBadRow::Drop {
            let picks: Vec<Option<usize>> = rows.good.iter().copied().map(Some).collect();
            columns = picked(&columns, &picks).map_err(internal)?;
        } else if !all_good {
            let mut picks = vec![None; rows.count];
            rows.good.iter().enumerate().for_each(|(at, row)| picks[*row] = Some(at));
            predictions = picked(&predictions, &picks).map_err(internal)?;
        }
        columns.extend(predictions);
        if self.columns.with_error {
            let texts: Vec<Option<String>> = (0..rows.count).map(|row| rows.error(row)).collect();
            columns.push(Values::texts(texts.iter().map(Option::as_deref)));
        }
        self.encoder.segment(columns).map_err(internal)
    }
}

impl Rows {
    /// All that is wrong with a row.
    fn error(&self, row: usize) -> Option<String> {
        let rejects = self.bad.get(&row)?.iter();
        let text = |reject: &Reject| {
            if reject.column.is_empty() {
                reject.code.clone()
            } else {
                format!("{}: {}", reject.column, reject.code)
            }
        };
        Some(rejects.map(text).collect::<Vec<_>>().join("; "))
    }
}

fn code(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::Missing => "null_not_allowed",
        Wrong::Type => "wrong_dtype",
    }
}

fn picked(columns: &[Values], picks: &[Option<usize>]) -> Result<Vec<Values>, String> {
    columns.iter().map(|values| values.pick(picks)).collect()
}

/// Columns of pieces, joined column by column.
fn transposed(pieces: Vec<Vec<Values>>) -> Result<Vec<Values>, String> {
    let count = pieces.first().map_or(0, Vec::len);
    let column =
        |at: usize| Values::join(&pieces.iter().map(|piece| piece[at].clone()).collect::<Vec<_>>());
    (0..count).map(column).collect()
}

/// Tensors of pieces or of slices, joined tensor by tensor.
fn joined(mut parts: Vec<Vec<Tensor>>) -> Result<Vec<Tensor>, Error> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let count = parts.first().map_or(0, Vec::len);
    let join = |at: usize| concat(&parts.iter().map(|part| &part[at]).collect::<Vec<_>>());
    let joined: Option<Vec<Tensor>> = (0..count).map(join).collect();
    joined.ok_or_else(|| Error::Internal("rows of different shapes cannot be joined".to_owned()))
}
