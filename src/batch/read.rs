//! From files to tasks: as many rows as are run and written together, of one file or of several
//! that follow each other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::Mapping;
use super::error::Error;
use super::gather::{Task, Unit};
use super::plan::{Part, Plan};
use crate::engine::Signature;
use crate::store::Stores;
use crate::table::{ColumnType, MAX_BYTES, Piece, Pieces, Position};

/// Rows of a task, and so of a row group: many enough for who reads it.
pub(super) const ROWS: usize = 16 * 1024;

/// Rows that go through all steps together: few enough that they stay in a core's cache.
pub(super) const PIECE_ROWS: usize = 2 * 1024;

/// A place between two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Tasks before it.
    pub(super) tasks: u64,
    /// The part that is read next.
    pub(super) part: usize,
    pub(super) position: Position,
}

/// Which task it is, and where what is made of it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) number: u64,
    pub(super) output: usize,
    /// Where the next one begins.
    pub(super) after: Mark,
    /// Bytes of all files that have been read.
    pub(super) read: u64,
}

/// A part that is being read, as those see it who make tensors of its rows.
pub(super) struct Opened<'a> {
    pub(super) file: String,
    pub(super) mapping: Mapping<'a>,
    /// Rows of the file before the part.
    pub(super) first_row: u64,
}

pub(super) struct Tasks<'a> {
    plan: &'a Plan,
    stores: &'a Stores,
    signature: &'a Signature,
    keep: &'a [String],
    kept: &'a [ColumnType],
    mark: Mark,
    current: Option<(Arc<Opened<'a>>, Pieces)>,
    /// Bytes of the parts before the current one.
    before: u64,
}

/// What is read and how its columns are meant.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stores: &'a Stores,
    pub(super) signature: &'a Signature,
    pub(super) keep: &'a [String],
    /// What kept columns hold, in every file.
    pub(super) kept: &'a [ColumnType],
}

impl<'a> Tasks<'a> {
    /// Those that follow the mark. `opened` is the first part, if it was opened before.
    pub(super) fn new(
        source: Source<'a>,
        mark: Mark,
        opened: Option<Pieces>,
    ) -> Result<Self, Error> {
        let Source { plan, stores, signature, keep, kept } = source;
        let before = plan.parts.iter().take(mark.part).map(|part| part.bytes).sum();
        let mut tasks = Self { plan, stores, signature, keep, kept, mark, current: None, before };
        if let (Some(pieces), Some(part)) = (opened, plan.parts.get(mark.part)) {
            tasks.current = Some(tasks.checked(part, pieces)?);
        }
        Ok(tasks)
    }

    /// The number of the next task, whose pieces are given away; `None` at the end.
    pub(super) fn next(&mut self, give: &mut dyn FnMut(Unit<'a>)) -> Result<Option<u64>, Error> {
        let mut task = Task::new(give);
        let (mut output, mut rows, mut bytes) = (0, 0, 0);
        while let Some(part) = self.plan.parts.get(self.mark.part) {
            let is_other = rows > 0 && output != part.output;
            if rows >= ROWS || bytes >= MAX_BYTES || is_other {
                break;
            }
            output = part.output;
            let (opened, next) = self.piece(part, PIECE_ROWS.min(ROWS - rows))?;
            if let Some(piece) = next {
                rows += piece.rows;
                bytes += piece.bytes;
                task.add(opened, piece);
            } else {
                self.before += part.bytes;
                self.current = None;
                self.mark.part += 1;
                self.mark.position = Position::default();
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let number = self.mark.tasks;
        self.mark.tasks += 1;
        task.end(Goal { number, output, after: self.mark, read: self.read() });
        Ok(Some(number))
    }

    fn piece(
        &mut self,
        part: &'a Part,
        most: usize,
    ) -> Result<(Arc<Opened<'a>>, Option<Piece>), Error> {
        let (opened, mut pieces) = if let Some(current) = self.current.take() {
            current
        } else {
            let pieces = self.plan.open(part, self.stores)?;
            let mut opened = self.checked(part, pieces)?;
            let going = opened.1.go_to(self.mark.position);
            going.map_err(|reason| self.failed(part, reason))?;
            opened
        };
        let piece = pieces.next(most).map_err(|reason| self.failed(part, reason))?;
        self.mark.position = pieces.position();
        self.current = Some((Arc::clone(&opened), pieces));
        Ok((opened, piece))
    }

    /// A part whose columns are those that are wanted.
    fn checked(&self, part: &Part, mut pieces: Pieces) -> Result<(Arc<Opened<'a>>, Pieces), Error> {
        let mapping = Mapping::new(self.signature, &pieces, self.keep);
        let mapping = mapping.map_err(|reason| self.failed(part, reason))?;
        for ((column, place), kind) in mapping.kept.iter().zip(self.kept) {
            let own = pieces.column_type(*place);
            if own != *kind {
                let reason = format!("column '{column}' holds {own}, in files before {kind}");
                return Err(self.failed(part, reason));
            }
        }
        pieces.need(&mapping.places());
        let file = self.plan.files[part.file].name.clone();
        Ok((Arc::new(Opened { file, mapping, first_row: part.first_row }), pieces))
    }

    fn failed(&self, part: &Part, reason: String) -> Error {
        Error::Input { file: self.plan.files[part.file].name.clone(), reason }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bars are coarse"
    )]
    fn read(&self) -> u64 {
        let part = self.plan.parts.get(self.mark.part).map_or(0, |part| part.bytes);
        let fraction = self.current.as_ref().and_then(|(_, pieces)| pieces.progress().fraction());
        self.before + (part as f64 * fraction.unwrap_or(0.0)) as u64
    }
}
