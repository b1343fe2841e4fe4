//! Parquet and Arrow: batches, cut into smaller ones.

use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{AnyDictionaryArray, Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::origin::Cursor;
use super::{Content, MAX_BYTES, Origin, Pieces, Position, Source};
use crate::store::ReadAt;
use crate::table::{Progress, arrow, parquet as parquet_file};

/// Rows that are decoded at once.
const BATCH: usize = 8192;

/// Bytes of a batch of Arrow in a stream.
const MAX_BATCH: u64 = 256 << 20;

struct Batches<B> {
    /// `None` after the end.
    coming: Option<B>,
    /// What is left of the last one.
    left: Option<RecordBatch>,
    progress: Progress,
}

/// Bytes at any place, as the crate for Parquet wants them.
#[derive(Clone)]
struct File(Arc<dyn ReadAt>);

impl Length for File {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for File {
    type T = BufReader<Box<dyn Read + Send>>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let rest = Origin::File(Arc::clone(&self.0)).read(start);
        Ok(BufReader::new(rest))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // The length stands in the file, and may be wrong in a damaged one.
        let there = self.0.len().saturating_sub(start);
        if length as u64 > there {
            let text = format!("{length} bytes at {start} are not there");
            return Err(ParquetError::EOF(text));
        }
        let mut bytes = vec![0; length];
        self.0.read_at(start, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// A row group of a Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub rows: u64,
    /// As it lies in the file.
    pub bytes: u64,
}

/// The row groups of a Parquet file.
///
/// # Errors
/// Why the file cannot be read.
pub fn groups(file: Arc<dyn ReadAt>) -> Result<Vec<Group>, String> {
    let reader = parquet_file::reader(File(file), false)?;
    let size = |size: i64| u64::try_from(size).unwrap_or(0);
    let group = |group: &RowGroupMetaData| Group {
        rows: size(group.num_rows()),
        bytes: size(group.compressed_size()),
    };
    Ok(reader.metadata().row_groups().iter().map(group).collect())
}

pub(super) fn parquet(origin: Origin, groups: Option<Range<usize>>) -> Result<Pieces, String> {
    let file = File(origin.into_file()?);
    let mut reader = parquet_file::reader(file.clone(), false)?;
    let known = reader.metadata().row_groups();
    let groups = groups.unwrap_or(0..known.len());
    let wanted = known.get(groups.clone()).ok_or("it has become shorter")?;
    let rows: i64 = wanted.iter().map(RowGroupMetaData::num_rows).sum();
    let rows = u64::try_from(rows).unwrap_or(0);
    let schema = plain(reader.schema());
    let options = ArrowReaderOptions::new().with_schema(views(reader.schema()));
    if let Ok(metadata) = ArrowReaderMetadata::try_new(Arc::clone(reader.metadata()), options) {
        reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    }
    reader = reader.with_row_groups(groups.collect());
    let batches = reader.with_batch_size(BATCH).build();
    let batches = batches.map_err(|error| parquet_file::broken(&error))?;
    let batches = batches.map(|batch| batch.map_err(|error| error.to_string()));
    Ok(pieces(schema, batches, Progress::of(rows)))
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
            let has_footer = arrow::has_footer(&mut Cursor::new(Arc::clone(&file)));
            let reader = Origin::File(file).read(0);
            let batches = arrow::batches_of(reader, has_footer, most)?;
            Ok(pieces(plain(&batches.schema), batches, Progress::of(0)))
        }
    }
}

/// Columns as they are given: dictionaries by their values.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, values) => {
            Arc::new(Field::new(field.name(), values.as_ref().clone(), true))
        }
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Texts that point to where they lie: of one that stands in a dictionary, thousands of rows would
/// else each have a copy, and a small file take gigabytes.
fn views(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => viewed(field, DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => viewed(field, DataType::BinaryView),
        _ => Arc::clone(field),
    };
    let fields = schema.fields().iter().map(field).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn viewed(field: &Field, kind: DataType) -> Arc<Field> {
    Arc::new(field.clone().with_data_type(kind))
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
    let source = Batches { coming: Some(batches), left: None, progress: progress.clone() };
    Pieces::new(schema, Box::new(source), progress)
}

impl<B: Iterator<Item = Result<RecordBatch, String>> + Send> Batches<B> {
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
