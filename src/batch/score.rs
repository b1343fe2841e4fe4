//! Pieces: their rows become inputs, the contract judges them, the model runs, and what it gives becomes
//! columns of the output; and the pieces of a task, which become a segment of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::columns::Columns;
use super::error::Error;
use super::job::OnBadRow;
use super::model::{Failure, Model};
use super::part::{Part, Trouble};
use super::read::{Goal, Mark, Opened};
use super::rejects::{self, Reject};
use super::totals::Totals;
use crate::contract::RowVerdicts;
use crate::courtesy;
use crate::drift::Tally;
use crate::table::{Encoder, Piece, Segment, Values, Wrong};
use crate::tensor::Tensor;
use crate::tensor::batch::{concat, concat_rows, pick_rows};

/// What all tasks of a job have in common.
pub(super) struct Scoring<'a> {
    pub(super) model: &'a dyn Model,
    /// Rows that run together.
    pub(super) rows_at_once: usize,
    pub(super) columns: &'a Columns,
    pub(super) on_bad_row: OnBadRow,
    pub(super) encoder: &'a Encoder,
    /// None where nobody is told what is wrong with rows.
    pub(super) rejects: Option<&'a Encoder>,
}

/// A task that was done.
pub(super) struct Scored {
    pub(super) output: usize,
    pub(super) segment: Segment,
    pub(super) rejects: Option<Segment>,
    pub(super) totals: Totals,
    pub(super) after: Mark,
    /// Bytes of all files that have been read.
    pub(super) read: u64,
}

/// The rows of a piece on their way.
struct Rows<'r> {
    opened: &'r Opened<'r>,
    /// The place of the piece's first row in the file.
    first: u64,
    /// All of them.
    count: usize,
    /// Those that are still good, ascending.
    good: Vec<usize>,
    /// Those that are not, and why.
    bad: BTreeMap<usize, Vec<Reject>>,
}

impl<'r> Rows<'r> {
    fn new(opened: &'r Opened<'r>, first: u64, count: usize) -> Self {
        Self { opened, first, count, good: (0..count).collect(), bad: BTreeMap::new() }
    }

    fn reject(
        &mut self,
        row: usize,
        column: &str,
        code: &str,
        expected: &str,
        value: Option<String>,
    ) {
        self.bad.entry(row).or_default().push(Reject {
            row: self.first + row as u64,
            column: column.to_owned(),
            code: code.to_owned(),
            expected: expected.to_owned(),
            value,
        });
    }

    /// Takes what was found bad out of what is good; the tensors lose the same rows.
    fn keep_good(&mut self, tensors: &mut [&mut Vec<Tensor>]) -> Result<(), Error> {
        if self.good.len() + self.bad.len() == self.count {
            return Ok(());
        }
        let picks: Vec<usize> =
            (0..self.good.len()).filter(|at| !self.bad.contains_key(&self.good[*at])).collect();
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
            for violation in bad.violations {
                let code = violation.code.as_str();
                let value = violation.value.clone();
                self.reject(row, &violation.feature, code, &violation.expected, value);
            }
        }
    }

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

    fn input(&self, reason: String) -> Error {
        Error::Input { file: self.opened.file.clone(), reason }
    }

    /// Why good rows of these places were not run.
    fn not_run(&self, (from, to): (usize, usize), reason: String) -> Error {
        let place = |at: usize| self.first + self.good[at] as u64;
        let (first, last) = (place(from), place(to - 1));
        Error::Model { file: self.opened.file.clone(), first, last, reason }
    }
}

impl Scoring<'_> {
    /// Scores pieces that follow each other.
    pub(super) fn part(&self, pieces: Vec<(Arc<Opened>, Piece)>) -> Result<Part, Error> {
        let mut part = Part::default();
        for (opened, piece) in pieces {
            let first = opened.first_row + piece.first;
            let mut rows = Rows::new(&opened, first, piece.rows);
            part.reaches(&opened.file, (first, first + piece.rows as u64));
            part.encoded.columns.push(self.piece(&mut rows, piece, &mut part.totals)?);
            courtesy::point();
            let bad: Vec<Reject> = rows.bad.into_values().flatten().collect();
            if !bad.is_empty() {
                part.rejects.push((opened.file.clone(), bad));
            }
        }
        let encoded = part.encoded.encode(self.encoder);
        encoded.map_err(|trouble| not_written(&part.file, part.rows, trouble))?;
        Ok(part)
    }

    /// Joins the parts of a task, in their order.
    pub(super) fn whole(&self, goal: Goal, parts: Vec<Part>) -> Result<Scored, Error> {
        let mut all = Part::default();
        for part in parts {
            all.add(part);
        }
        let Part { file, rows, encoded, rejects, totals } = all;
        courtesy::point();
        let segment = encoded.segment(self.encoder);
        let segment = segment.map_err(|trouble| not_written(&file, rows, trouble))?;
        let encoder = self.rejects.filter(|_| !rejects.is_empty());
        let rejects = encoder.map(|encoder| rejects::segment(encoder, &rejects)).transpose()?;
        let Goal { output, after, read, .. } = goal;
        Ok(Scored { output, segment, rejects, totals, after, read })
    }

    /// The columns of the output for some rows.
    fn piece(
        &self,
        rows: &mut Rows,
        piece: Piece,
        totals: &mut Totals,
    ) -> Result<Vec<Values>, Error> {
        let (mut inputs, kept) = self.read(rows, piece)?;
        courtesy::point();
        rows.keep_good(&mut [&mut inputs])?;
        if let Some(contract) = self.model.contract() {
            let (tensors, verdicts, passed) = contract.rows(inputs);
            inputs = tensors;
            totals.warned += passed.warned;
            totals.repaired += passed.repaired;
            rows.judged(&verdicts);
            rows.keep_good(&mut [&mut inputs])?;
        }
        // Not before: the first row that is wrong is told, whatever is wrong with it.
        self.check_end(rows)?;
        let mut outputs = self.run(rows, &mut inputs)?;
        self.check_end(rows)?;
        if let Some(contract) = self.model.contract().filter(|_| !rows.good.is_empty()) {
            let (verdicts, warned) = contract.answer_rows(&outputs);
            totals.warned += warned;
            rows.judged(&verdicts);
            rows.keep_good(&mut [&mut inputs, &mut outputs])?;
            self.check_end(rows)?;
        }
        if !rows.good.is_empty() {
            self.observe(&inputs, &outputs, totals);
        }
        self.count(rows, totals);
        self.columns(rows, kept, &outputs).map_err(Error::Internal)
    }

    /// Inputs of all rows, and the columns that are kept.
    fn read(&self, rows: &mut Rows, piece: Piece) -> Result<(Vec<Tensor>, Vec<Values>), Error> {
        let mapping = &rows.opened.mapping;
        let first = rows.first;
        let at = |reason: String| format!("row {first}: {reason}");
        let chunk = piece.decode().map_err(|reason| rows.input(reason))?;
        for (row, reason) in &chunk.damaged {
            rows.reject(*row, "", "malformed", reason, None);
        }
        let mut wrong = Vec::new();
        let inputs = mapping.rows.read(&chunk, &mut wrong);
        let inputs = inputs.map_err(|reason| rows.input(at(reason)))?;
        let is_damaged =
            |at: &usize| chunk.damaged.binary_search_by_key(at, |(row, _)| *row).is_ok();
        for cell in wrong {
            if !is_damaged(&cell.row) {
                rows.reject(cell.row, &cell.column, code(cell.wrong), &cell.expected, None);
            }
        }
        let mut kept = Vec::with_capacity(mapping.kept.len());
        for ((name, place), kind) in mapping.kept.iter().zip(&self.columns.kept) {
            let (values, wrong) = chunk
                .values(*place, kind)
                .map_err(|reason| rows.input(at(format!("column '{name}' {reason}"))))?;
            for row in wrong {
                rows.reject(row, name, "wrong_dtype", &kind.to_string(), None);
            }
            kept.push(values);
        }
        Ok((inputs, kept))
    }

    /// Ends the job at the first bad row, if it must.
    fn check_end(&self, rows: &Rows) -> Result<(), Error> {
        if self.on_bad_row != OnBadRow::Fail {
            return Ok(());
        }
        let Some(reject) = rows.bad.values().flatten().next() else { return Ok(()) };
        let file = rows.opened.file.clone();
        let Reject { row, column, code, expected, .. } = reject.clone();
        Err(Error::Row { file, row, column, code, expected })
    }

    fn observe(&self, inputs: &[Tensor], outputs: &[Tensor], totals: &mut Totals) {
        if let Some(reference) = self.model.reference() {
            let tally = totals.tally.get_or_insert_with(|| Tally::new(reference));
            tally.observe_all_inputs(reference, inputs);
            tally.observe_all_predictions(reference, outputs);
        }
    }

    fn count(&self, rows: &Rows, totals: &mut Totals) {
        for reject in rows.bad.values().flatten() {
            *totals.codes.entry(reject.code.clone()).or_default() += 1;
        }
        totals.rows += rows.count as u64;
        totals.bad += rows.bad.len() as u64;
        totals.written += match self.on_bad_row {
            OnBadRow::Drop => rows.good.len() as u64,
            OnBadRow::Fail | OnBadRow::Null => rows.count as u64,
        };
    }

    /// Runs all good rows. Rows that the model refuses become bad.
    fn run(&self, rows: &mut Rows, inputs: &mut Vec<Tensor>) -> Result<Vec<Tensor>, Error> {
        let mut parts: Vec<Vec<Tensor>> = Vec::new();
        let count = rows.good.len();
        let mut waiting = self.slices(count);
        while let Some((from, to)) = waiting.pop() {
            let ran = if (from, to) == (0, count) {
                self.model.run(inputs)
            } else {
                let slice = |tensor: &Tensor| concat_rows(&[(tensor, from..to)]);
                let slices: Option<Vec<Tensor>> = inputs.iter().map(slice).collect();
                let cut = || Error::Internal("rows cannot be cut".to_owned());
                self.model.run(&slices.ok_or_else(cut)?)
            };
            match ran {
                Ok(outputs) => {
                    let wrong = outputs.iter().find(|output| output.rows() != Some(to - from));
                    if let Some(output) = wrong {
                        let (rows_in, shape) = (to - from, output.shape());
                        let reason = format!("{rows_in} rows went in, an output has shape {shape}");
                        return Err(rows.not_run((from, to), reason));
                    }
                    parts.push(outputs);
                }
                Err(Failure::Values(_)) if to - from > 1 => {
                    let middle = from + (to - from) / 2;
                    waiting.extend([(middle, to), (from, middle)]);
                }
                Err(Failure::Values(reason)) => {
                    rows.reject(rows.good[from], "", "not_run", &reason, None);
                }
                Err(Failure::Model(reason)) => return Err(rows.not_run((from, to), reason)),
            }
        }
        rows.keep_good(&mut [inputs])?;
        joined(parts)
    }

    /// From which to which row the model is run at once; the first one last.
    fn slices(&self, rows: usize) -> Vec<(usize, usize)> {
        let at_once = self.rows_at_once.max(1);
        // What a piece has is about as good, and need not be cut.
        let at_once = if at_once * 4 >= rows && at_once > 1 { rows.max(1) } else { at_once };
        let starts = (0..rows).step_by(at_once);
        starts.map(|from| (from, (from + at_once).min(rows))).rev().collect()
    }

    /// The columns of the output: what is kept, what was predicted, what is wrong.
    fn columns(
        &self,
        rows: &Rows,
        kept: Vec<Values>,
        outputs: &[Tensor],
    ) -> Result<Vec<Values>, String> {
        let mut columns = kept;
        let mut predictions = if rows.good.is_empty() {
            self.columns.empty()
        } else {
            self.columns.predictions(outputs)?
        };
        if !rows.bad.is_empty() && self.on_bad_row == OnBadRow::Drop {
            let picks: Vec<Option<usize>> = rows.good.iter().copied().map(Some).collect();
            columns = picked(&columns, &picks)?;
        } else if !rows.bad.is_empty() {
            let mut picks = vec![None; rows.count];
            rows.good.iter().enumerate().for_each(|(at, row)| picks[*row] = Some(at));
            predictions = picked(&predictions, &picks)?;
        }
        columns.append(&mut predictions);
        if self.columns.with_error {
            let texts: Vec<Option<String>> = (0..rows.count).map(|row| rows.error(row)).collect();
            columns.push(Values::texts(texts.iter().map(Option::as_deref)));
        }
        Ok(columns)
    }
}

fn not_written(file: &str, (first, end): (u64, u64), trouble: Trouble) -> Error {
    match trouble {
        Trouble::Own(reason) => Error::Internal(reason),
        Trouble::Value(reason) => {
            let last = end.saturating_sub(1);
            let reason = format!("rows {first} to {last} cannot be written: {reason}");
            Error::Input { file: file.to_owned(), reason }
        }
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

/// Tensors of slices, joined tensor by tensor.
fn joined(mut parts: Vec<Vec<Tensor>>) -> Result<Vec<Tensor>, Error> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let count = parts.first().map_or(0, Vec::len);
    let join = |at: usize| concat(&parts.iter().map(|part| &part[at]).collect::<Vec<_>>());
    let joined: Option<Vec<Tensor>> = (0..count).map(join).collect();
    joined.ok_or_else(|| Error::Internal("rows of different shapes cannot be joined".to_owned()))
}
