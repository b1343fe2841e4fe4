//! A contract in force: the pass over the columns of a request, and over those of its answer.

use std::sync::Arc;

use super::column::{self, Side};
use super::document::Mode;
use super::finder::{Finder, Found, MOST_LISTED};
use super::quarantine::{Kept, Ring, Source};
use super::relation::RowCheck;
use super::repair::Fixes;
use super::rows::Rows;
use super::tables::Tables;
use super::tally::{Entry, Report};
use super::violation::{Code, Refusal, Violation};
use crate::features::{self, Feature};
use crate::tensor::Tensor;

pub struct Contract {
    pub(super) id: String,
    pub(super) mode: Mode,
    pub(super) values: bool,
    pub(super) max_rows: Option<usize>,
    /// Those of both sides, in the order of the signature.
    pub(super) features: Vec<Feature>,
    /// One of each input: rows are counted by these.
    pub(super) leading: Vec<Feature>,
    pub(super) columns: Tables,
    pub(super) relations: Vec<RowCheck>,
    /// Whether some rule of requests keeps rows for a look.
    pub(super) keeps_rows: bool,
    pub(super) outputs: Tables,
    pub(super) entries: Vec<Entry>,
    /// The entry of a request's inputs as a whole; those of single inputs follow.
    pub(super) inputs: usize,
    pub(super) rows: Arc<Rows>,
    /// Rows of answers that were checked.
    pub(super) answers: Arc<Rows>,
    pub(super) ring: Ring,
}

/// How pointers call what a model gave.
const ANSWER: &str = "outputs";

/// What was found in a request that is answered all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    pub warned: u64,
    pub repaired: u64,
}

impl Contract {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether values may be shown: they may be personal data.
    #[must_use]
    pub fn shows_values(&self) -> bool {
        self.values
    }

    pub(super) fn count(&self, entry: usize, code: Code) {
        self.entries[entry].count(code);
    }

    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report {
            id: &self.id,
            mode: self.mode,
            rows: self.rows.total(),
            answered: self.answers.total(),
            features: self.entries.iter().map(Entry::report).collect(),
        }
    }

    /// Values that broke it so far, but for what is merely observed.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.entries.iter().map(Entry::violations).sum()
    }

    /// The rows that are kept for a look, one JSON document a line.
    #[must_use]
    pub fn quarantine(&self) -> String {
        self.ring.text()
    }

    /// About how much work [`Self::inputs`] is, in looks at a number.
    #[must_use]
    pub fn work(&self, inputs: &[Tensor]) -> usize {
        let columns = self.columns.work(inputs);
        if self.relations.is_empty() {
            return columns;
        }
        columns + self.relations.len() * RELATION_COST * self.rows_of(inputs)
    }

    /// The same of [`Self::answer`].
    #[must_use]
    pub fn work_of_answer(&self, outputs: &[Tensor]) -> usize {
        self.outputs.work(outputs)
    }

    pub(super) fn rows_of(&self, inputs: &[Tensor]) -> usize {
        features::rows(&self.leading, inputs)
    }

    /// Checks inputs, in the order of the signature, and repairs them. `place_of` says where in
    /// the request an input was.
    ///
    /// # Errors
    /// [`Refusal`] if the model must not see them.
    pub fn inputs(
        &self,
        mut tensors: Vec<Tensor>,
        place_of: impl Fn(usize) -> usize,
    ) -> Result<(Vec<Tensor>, Passed), Refusal> {
        let rows = self.rows_of(&tensors);
        if let Some(refusal) = self.too_many(rows) {
            return Err(refusal);
        }
        // Only now: they are what promotions go by.
        self.rows.add(rows);
        let side = Side { name: "inputs", place_of: &place_of };
        let mut finder = Finder::new(self);
        let repaired = self.look(&mut tensors, rows, &side, &mut finder);
        let passed = Passed { warned: finder.warned, repaired };
        finder.refusal(false).map_or(Ok((tensors, passed)), Err)
    }

    /// Looks at inputs, repairs them, and keeps rows for a look; the number of values repaired.
    pub(super) fn look(
        &self,
        tensors: &mut [Tensor],
        rows: usize,
        side: &Side,
        finder: &mut Finder,
    ) -> u64 {
        let mut originals = Originals::new(self.keeps_rows);
        let repaired = self.columns(tensors, side, finder, &mut originals);
        for check in &self.relations {
            check.check(tensors, rows, side, finder);
        }
        let kept = self.kept(finder, side, tensors);
        if !kept.is_empty() {
            originals.swap(tensors);
            self.keep(Source::Request, kept, tensors);
            originals.swap(tensors);
        }
        repaired
    }

    /// Looks at columns and repairs them, one after the other; the number of values repaired.
    fn columns(
        &self,
        tensors: &mut [Tensor],
        side: &Side,
        finder: &mut Finder,
        originals: &mut Originals,
    ) -> u64 {
        let mut fixes = Fixes::default();
        for table in self.columns.iter() {
            let within = table.is_within(tensors);
            for column in table.columns(within) {
                if !table.is_suspect(column, within, tensors) {
                    continue;
                }
                column.check(tensors, side, finder, &mut fixes);
                if !fixes.is_empty() {
                    let at = column.feature.tensor();
                    originals.remember(at, &tensors[at]);
                    fixes.apply(&mut tensors[at]);
                }
            }
        }
        fixes.total
    }

    fn too_many(&self, rows: usize) -> Option<Refusal> {
        let most = self.max_rows.filter(|most| rows > *most)?;
        let (entry, mode, code) = (self.inputs, Mode::Reject, Code::WrongShape);
        let mut finder = Finder::new(self);
        let found = Found { entry, mode, code, row: None };
        finder.add(&found, || ("/inputs".to_owned(), format!("at most {most} rows"), None));
        finder.refusal(false)
    }

    /// Checks what the model gave; the number of violations that callers are told of.
    ///
    /// # Errors
    /// [`Refusal`] if callers must not see it.
    pub fn answer(&self, tensors: &[Tensor]) -> Result<u64, Refusal> {
        let mut finder = Finder::new(self);
        self.look_at_answer(tensors, &mut finder);
        let warned = finder.warned;
        finder.refusal(true).map_or(Ok(warned), Err)
    }

    /// Looks at what the model gave, and keeps rows for a look.
    pub(super) fn look_at_answer(&self, tensors: &[Tensor], finder: &mut Finder) {
        if let Some(rows) = self.outputs.rows(tensors) {
            self.answers.add(rows);
        }
        let (side, mut none) = (Side { name: ANSWER, place_of: &|at| at }, Fixes::default());
        for table in self.outputs.iter() {
            let within = table.is_within(tensors);
            for column in table.columns(within) {
                if table.is_suspect(column, within, tensors) {
                    column.check(tensors, &side, finder, &mut none);
                }
            }
        }
        let kept = self.kept(finder, &side, tensors);
        self.keep(Source::Answer, kept, tensors);
    }

    /// The rows to keep for a look, each with what refuses it.
    fn kept(
        &self,
        finder: &Finder,
        side: &Side,
        tensors: &[Tensor],
    ) -> Vec<(usize, Vec<Violation>)> {
        let rows = finder.rows_to_keep().into_iter();
        rows.map(|row| (row, self.refusing(row, side, tensors))).collect()
    }

    /// Everything in a row that refuses it, as lists of violations have it.
    fn refusing(&self, row: usize, side: &Side, tensors: &[Tensor]) -> Vec<Violation> {
        let of_answer = side.name == ANSWER;
        let columns = if of_answer { &self.outputs } else { &self.columns };
        let columns = columns.columns().filter(|column| column.mode.refuses());
        let of_columns = columns.filter_map(|column| {
            let (code, expected) = column.wrong_at(tensors, row)?;
            Some((column.entry, &column.feature, code, expected))
        });
        let relations = self.relations.iter().filter(|it| it.mode.refuses() && !of_answer);
        let of_rows = relations.filter_map(|check| {
            let feature = check.test.broken(tensors, row)?;
            Some((check.entry, feature, Code::RowRule, check.expected.clone()))
        });
        let all = of_columns.chain(of_rows).take(MOST_LISTED);
        all.map(|(entry, feature, code, expected)| Violation {
            pointer: side.pointer(feature, row),
            feature: self.entries[entry].name.clone(),
            row: Some(row),
            code,
            expected,
            value: None,
        })
        .collect()
    }

    fn keep(&self, source: Source, kept: Vec<(usize, Vec<Violation>)>, tensors: &[Tensor]) {
        let features = self.features.iter().filter(|_| self.values);
        let features = features.filter(|feature| feature.role == source.role());
        for (row, violations) in kept {
            let of = |feature: &Feature| {
                Some((feature.name.clone(), column::shown(feature, tensors, row)?))
            };
            let values = features.clone().filter_map(of).collect();
            self.ring.push(Kept { of: source, row, violations, values });
        }
    }
}

/// Of one row, in looks at a number.
const RELATION_COST: usize = 8;

/// Tensors as they came, of those that were repaired.
struct Originals {
    wanted: bool,
    kept: Vec<(usize, Tensor)>,
}

impl Originals {
    fn new(wanted: bool) -> Self {
        Self { wanted, kept: Vec::new() }
    }

    fn remember(&mut self, at: usize, tensor: &Tensor) {
        // Columns of one tensor follow each other.
        if self.wanted && self.kept.last().is_none_or(|(last, _)| *last != at) {
            self.kept.push((at, tensor.clone()));
        }
    }

    /// Changes them for what is there now; once more, and all is as it was.
    fn swap(&mut self, tensors: &mut [Tensor]) {
        for (at, tensor) in &mut self.kept {
            std::mem::swap(&mut tensors[*at], tensor);
        }
    }
}
