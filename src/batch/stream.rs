//! A file that comes while its predictions go: nothing is kept, and nothing can be gone on with.

use std::sync::Arc;

use super::columns::{Columns, Mapping};
use super::error::Error;
use super::gather::{Task, Unit};
use super::job::OnBadRow;
use super::model::Model;
use super::pipeline;
use super::read::{Goal, Mark, Opened, PIECE_ROWS, ROWS};
use super::score::{Scored, Scoring};
use super::totals::Totals;
use crate::table::{Encoder, Format, Kind, MAX_BYTES, Origin, Packing, Pieces, Placed};

/// Rows that are written together: the first ones should not wait long for the others.
const ROWS_OF_TEXT: usize = 4 * 1024;

/// The name of the file in messages.
const NAME: &str = "body";

/// What becomes of a file.
pub struct Stream<'a> {
    pub model: &'a dyn Model,
    pub input: Kind,
    pub output: Written,
    /// Columns that are carried through.
    pub keep: &'a [String],
    pub on_bad_row: OnBadRow,
    /// Threads that score.
    pub threads: usize,
}

/// How predictions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    File(Format),
    /// Arrow without what makes a file of it.
    ArrowStream,
}

/// Where the predictions go.
pub trait Sink {
    /// Takes bytes that follow those before; waits while there is no room.
    ///
    /// # Errors
    /// Nobody wants them.
    fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error>;

    /// There will be nothing more. Whoever reads the file must end now.
    fn failed(&mut self, error: &Error);
}

impl Stream<'_> {
    /// Reads the file to its end.
    ///
    /// # Errors
    /// Why not all of it was written. The sink knows of it.
    pub fn run(&self, origin: Origin, sink: &mut dyn Sink) -> Result<Totals, Error> {
        let done = self.score(origin, sink);
        if let Err(error) = &done {
            sink.failed(error);
        }
        done
    }

    fn score(&self, origin: Origin, sink: &mut dyn Sink) -> Result<Totals, Error> {
        let mut pieces = Pieces::open(self.input, origin).map_err(input)?;
        let signature = self.model.signature();
        let mapping = Mapping::new(signature, &pieces, self.keep).map_err(input)?;
        pieces.need(&mapping.places());
        let columns = Columns::new(signature, mapping.headings(&pieces), self.on_bad_row)
            .map_err(Error::Asked)?;
        let encoder = Encoder::new(self.output.kind(), &columns.headings);
        let scoring = Scoring {
            model: self.model,
            rows_at_once: self.model.rows_at_once(),
            columns: &columns,
            on_bad_row: self.on_bad_row,
            encoder: &encoder,
            rejects: None,
        };
        let opened = Arc::new(Opened { file: NAME.to_owned(), mapping, first_row: 0 });
        let mut tasks = Tasks { pieces, opened, rows: self.output.rows(), number: 0 };
        let mut writing = Writing::new(&encoder, self.output, sink)?;
        let take = |scored: Result<Scored, Error>| match scored {
            Ok(scored) => writing.add(scored),
            Err(error) => {
                writing.sink.failed(&error);
                Err(error)
            }
        };
        pipeline::run(&scoring, self.threads, 0, move |give| tasks.next(give), take)?;
        let totals = writing.finish()?;
        self.model.done(&totals);
        Ok(totals)
    }
}

impl Written {
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::File(format) => format,
            Self::ArrowStream => Format::Arrow,
        }
    }

    fn kind(self) -> Kind {
        Kind { format: self.format(), packing: Packing::None }
    }

    /// Small row groups are slow to read.
    fn rows(self) -> usize {
        if self.format() == Format::Parquet { ROWS } else { ROWS_OF_TEXT }
    }
}

fn input(reason: String) -> Error {
    Error::Input { file: NAME.to_owned(), reason }
}

/// The file, cut.
struct Tasks<'a> {
    pieces: Pieces,
    opened: Arc<Opened<'a>>,
    /// Of a task.
    rows: usize,
    number: u64,
}

impl<'a> Tasks<'a> {
    /// The number of the next task, whose pieces are given away; `None` at the end.
    fn next(&mut self, give: &mut dyn FnMut(Unit<'a>)) -> Result<Option<u64>, Error> {
        let mut task = Task::new(give);
        let (mut rows, mut bytes) = (0, 0);
        while rows < self.rows && bytes < MAX_BYTES {
            let most = PIECE_ROWS.min(self.rows - rows);
            let Some(piece) = self.pieces.next(most).map_err(input)? else { break };
            rows += piece.rows;
            bytes += piece.bytes;
            task.add(Arc::clone(&self.opened), piece);
        }
        if rows == 0 {
            return Ok(None);
        }
        let number = self.number;
        self.number += 1;
        task.end(Goal { number, output: 0, after: Mark::default(), read: 0 });
        Ok(Some(number))
    }
}

/// The file that is written.
struct Writing<'a> {
    encoder: &'a Encoder,
    output: Written,
    sink: &'a mut dyn Sink,
    /// Goes with the first rows: what fails before them can still be said otherwise.
    head: Vec<u8>,
    length: u64,
    placed: Vec<Placed>,
    totals: Totals,
}

impl<'a> Writing<'a> {
    fn new(encoder: &'a Encoder, output: Written, sink: &'a mut dyn Sink) -> Result<Self, Error> {
        let head = match output {
            Written::File(_) => encoder.head(),
            Written::ArrowStream => encoder.stream_head(),
        };
        let head = head.map_err(Error::Internal)?;
        let (length, placed) = (head.len() as u64, Vec::new());
        Ok(Self { encoder, output, sink, head, length, placed, totals: Totals::default() })
    }

    fn add(&mut self, scored: Scored) -> Result<(), Error> {
        self.totals.add(&scored.totals);
        let segment = scored.segment;
        if matches!(self.output, Written::File(_)) {
            self.placed.push(Placed { at: self.length, index: segment.index });
        }
        self.length += segment.bytes.len() as u64;
        let mut bytes = std::mem::take(&mut self.head);
        if bytes.is_empty() {
            bytes = segment.bytes;
        } else {
            bytes.extend_from_slice(&segment.bytes);
        }
        self.write(bytes)
    }

    fn finish(mut self) -> Result<Totals, Error> {
        let tail = match self.output {
            Written::File(_) => self.encoder.tail(&self.placed),
            Written::ArrowStream => Ok(self.encoder.stream_tail()),
        };
        let mut bytes = std::mem::take(&mut self.head);
        bytes.extend(tail.map_err(Error::Internal)?);
        self.write(bytes)?;
        Ok(self.totals)
    }

    fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let written = if bytes.is_empty() { Ok(()) } else { self.sink.write(bytes) };
        // Whoever reads may wait for what nobody needs.
        written.inspect_err(|error| self.sink.failed(error))
    }
}
