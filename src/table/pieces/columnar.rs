//! Batches, cut into smaller ones; those of Arrow.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{AnyDictionaryArray, Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::origin::Cursor;
use super::{Content, MAX_BYTES, Origin, Pieces, Position, Source};
use crate::table::{Progress, arrow};

/// Bytes of a batch of Arrow in a stream.
const MAX_BATCH: u64 = 256 << 20;

pub(super) struct Batches<B> {
    /// `None` after the end.
    coming: Option<B>,
    /// What is left of the last one.
    left: Option<RecordBatch>,
    progress: Progress,
}

pub(super) fn arrow(origin: Origin) -> Result<Pieces, String> {
    // Who sends a stream does not see what it costs here.
    let most = if matches!(origin, Origin::Stream(_)) { MAX_BATCH } else { u64::MAX };
    match origin {
        Origin::Stream(stream) | Origin::Sequence(stream, _) => {
            let batches = arrow::batches_of(stream, true, most)?;
            Ok(pieces(plain(&batches.schema), batches, Progress::of(0)))
        }
        Origin::File(file) => {
            let has_footer = arrow::has_footer(&mut Cursor::new(Arc::clone(&file), 0));
            let reader = Origin::File(file).read(0);
            let batches = arrow::batches_of(reader, has_footer, most)?;
            Ok(pieces(plain(&batches.schema), batches, Progress::of(0)))
        }
    }
}

/// Columns as they are given: dictionaries by their values.
pub(super) fn plain(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, values) => {
            Arc::new(Field::new(field.name(), values.as_ref().clone(), true))
        }
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Bytes of a batch, were each row for itself.
fn bytes(batch: &RecordBatch) -> usize {
    let column = |array: &ArrayRef| match array.data_type() {
        DataType::Utf8View => lengths(array.as_string_view().lengths()),
        DataType::BinaryView => lengths(array.as_binary_view().lengths()),
        DataType::Dictionary(..) => dictionary(array.as_any_dictionary()),
        _ => array.to_data().get_slice_memory_size().unwrap_or(array.get_array_memory_size()),
    };
    batch.columns().iter().map(column).sum()
}

fn lengths(of: impl Iterator<Item = u32>) -> usize {
    of.map(|length| length as usize + size_of::<u128>()).sum()
}

/// The values that its rows point to.
fn dictionary(array: &dyn AnyDictionaryArray) -> usize {
    let values = array.values();
    let length: &dyn Fn(usize) -> usize = match values.data_type() {
        DataType::Utf8 => &|at| length(values.as_string::<i32>().value_length(at)),
        DataType::LargeUtf8 => &|at| length(values.as_string::<i64>().value_length(at)),
        DataType::Utf8View => &|at| values.as_string_view().value(at).len(),
        _ => &|_| size_of::<u64>(),
    };
    if values.is_empty() {
        return 0;
    }
    array.normalized_keys().into_iter().map(length).sum()
}

fn length(of: impl TryInto<usize>) -> usize {
    of.try_into().unwrap_or(0)
}

fn pieces<B>(schema: SchemaRef, batches: B, progress: Progress) -> Pieces
where
    B: Iterator<Item = Result<RecordBatch, String>> + Send + 'static,
{
    let source = Batches::new(batches, progress.clone());
    Pieces::new(schema, Box::new(source), progress)
}

impl<B: Iterator<Item = Result<RecordBatch, String>> + Send> Batches<B> {
    pub(super) fn new(batches: B, progress: Progress) -> Self {
        Self { coming: Some(batches), left: None, progress }
    }

    /// Rows that are there; `None` at the end.
    fn batch(&mut self) -> Result<Option<RecordBatch>, String> {
        if let Some(left) = self.left.take() {
            return Ok(Some(left));
        }
        let next = self.coming.as_mut().and_then(|batches| batches.find(is_some_row));
        if next.is_none() {
            self.coming = None;
        }
        next.transpose()
    }

    /// At most so many rows and their bytes; what is left comes next.
    fn cut(&mut self, batch: &RecordBatch, most: usize) -> (RecordBatch, usize, usize) {
        let rows = batch.num_rows();
        // Batches may have millions of rows, and each cut looks only at its own.
        let head = batch.slice(0, rows.min(most));
        let whole = bytes(&head);
        let fitting = head.num_rows().saturating_mul(MAX_BYTES) / whole.max(MAX_BYTES);
        let taken = head.num_rows().min(fitting.max(1));
        self.left = (taken < rows).then(|| batch.slice(taken, rows - taken));
        self.progress.add(taken as u64);
        let all = taken == head.num_rows();
        let head = head.slice(0, taken);
        let bytes = if all { whole } else { bytes(&head) };
        (head, taken, bytes)
    }
}

fn is_some_row(batch: &Result<RecordBatch, String>) -> bool {
    batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)
}

impl<B: Iterator<Item = Result<RecordBatch, String>> + Send> Source for Batches<B> {
    fn next(&mut self, most: usize) -> Result<Option<(Content, usize)>, String> {
        let Some(batch) = self.batch()? else { return Ok(None) };
        let (batch, rows, bytes) = self.cut(&batch, most);
        Ok(Some((Content::Batch(batch, bytes), rows)))
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn go_to(&mut self, position: Position) -> Result<(), String> {
        let mut left = usize::try_from(position.rows).unwrap_or(usize::MAX);
        while left > 0 {
            let Some(batch) = self.batch()? else {
                return Err("it has become shorter".to_owned());
            };
            let rows = batch.num_rows();
            let passed = rows.min(left);
            self.left = (passed < rows).then(|| batch.slice(passed, rows - passed));
            self.progress.add(passed as u64);
            left -= passed;
        }
        Ok(())
    }
}
