//! Parquet: footers, and the columns of row groups that somebody needs.

use std::io::BufReader;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, NullArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowGroups,
};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::columnar::{Batches, plain};
use super::origin::Cursor;
use super::pages::{Costs, Groups, check_width, rows_at_once};
use super::{Content, Origin, Pieces, Position, Source};
use crate::store::ReadAt;
use crate::table::{Progress, parquet as footer};

/// Rows that are decoded at once.
const BATCH: usize = 8192;

/// Bytes that are read for the head of a page: nearly all heads are shorter.
const HEAD: usize = 1024;

/// Bytes at any place, as the crate for Parquet wants them.
#[derive(Clone)]
struct File(Arc<dyn ReadAt>);

impl Length for File {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for File {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::with_capacity(HEAD, Cursor::new(Arc::clone(&self.0), start)))
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
    let reader = footer::reader(File(file), false)?;
    let size = |size: i64| u64::try_from(size).unwrap_or(0);
    let group = |group: &RowGroupMetaData| Group {
        rows: size(group.num_rows()),
        bytes: size(group.compressed_size()),
    };
    Ok(reader.metadata().row_groups().iter().map(group).collect())
}

pub(super) fn open(origin: Origin, groups: Option<Range<usize>>) -> Result<Pieces, String> {
    let file = File(origin.into_file()?);
    let reader = footer::reader(file.clone(), false)?;
    let known = reader.metadata().row_groups();
    let groups = groups.unwrap_or(0..known.len());
    let wanted = known.get(groups.clone()).ok_or("it has become shorter")?;
    let rows: i64 = wanted.iter().map(RowGroupMetaData::num_rows).sum();
    let rows = u64::try_from(rows).unwrap_or(0);
    let schema = plain(reader.schema());
    let read_as = |options| ArrowReaderMetadata::try_new(Arc::clone(reader.metadata()), options);
    let options = ArrowReaderOptions::new().with_schema(views(reader.schema()));
    let columns = read_as(options).or_else(|_| read_as(ArrowReaderOptions::new()));
    let columns = columns.map_err(|error| footer::broken(&error))?;
    let groups = Groups::new(file, Arc::clone(reader.metadata()), groups.collect());
    let progress = Progress::of(rows);
    let needed = (0..schema.fields().len()).collect();
    let source = Rows::Closed { groups, columns, needed, progress: progress.clone() };
    Ok(Pieces::new(schema, Box::new(source), progress))
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

/// Rows of a file whose pages are not read before it is known which columns are needed.
enum Rows {
    Closed {
        groups: Groups<File>,
        columns: ArrowReaderMetadata,
        /// Ascending.
        needed: Vec<usize>,
        progress: Progress,
    },
    Open(Batches<Needed>),
    /// It could not be opened.
    Broken,
}

/// Batches of the columns that are needed, with columns of nothing in place of the others.
struct Needed {
    batches: ParquetRecordBatchReader,
    costs: Arc<Costs>,
    /// With the others.
    schema: SchemaRef,
    /// Their places, ascending.
    places: Vec<usize>,
}

impl Rows {
    fn open(&mut self) -> Result<&mut Batches<Needed>, String> {
        if let Self::Closed { .. } = self
            && let Self::Closed { groups, columns, needed, progress } =
                std::mem::replace(self, Self::Broken)
        {
            needed.iter().try_for_each(|at| check_width(columns.schema().field(*at)))?;
            let batches = Needed::new(&groups, &columns, needed);
            let batches = batches.map_err(|error| footer::broken(&error))?;
            *self = Self::Open(Batches::new(batches, progress));
        }
        match self {
            Self::Open(batches) => Ok(batches),
            _ => Err("it could not be opened".to_owned()),
        }
    }
}

impl Source for Rows {
    fn next(&mut self, most: usize) -> Result<Option<(Content, usize)>, String> {
        self.open()?.next(most)
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn go_to(&mut self, position: Position) -> Result<(), String> {
        self.open()?.go_to(position)
    }

    fn need(&mut self, columns: &[usize]) {
        if let Self::Closed { needed, .. } = self {
            needed.retain(|column| columns.contains(column));
        }
    }
}

impl Needed {
    fn new(
        groups: &Groups<File>,
        columns: &ArrowReaderMetadata,
        needed: Vec<usize>,
    ) -> ParquetResult<Self> {
        let field = |(at, field): (usize, &Arc<Field>)| {
            let is_needed = needed.binary_search(&at).is_ok();
            let nothing = || Arc::new(Field::new(field.name(), DataType::Null, true));
            if is_needed { Arc::clone(field) } else { nothing() }
        };
        let fields = columns.schema().fields();
        let schema = fields.iter().enumerate().map(field).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(schema));
        let stored = columns.parquet_schema();
        let mask = ProjectionMask::roots(stored, needed.iter().copied());
        let levels = parquet_to_arrow_field_levels(stored, mask, Some(fields))?;
        let rows = rows_at_once(fields, BATCH.min(groups.num_rows()));
        let batches =
            ParquetRecordBatchReader::try_new_with_row_groups(&levels, groups, rows, None)?;
        Ok(Self { batches, costs: groups.costs(), schema, places: needed })
    }

    fn widened(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = batch.num_rows();
        let nothing: ArrayRef = Arc::new(NullArray::new(rows));
        let mut columns = vec![nothing; self.schema.fields().len()];
        for (at, column) in self.places.iter().zip(batch.columns()) {
            columns[*at] = Arc::clone(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

impl Iterator for Needed {
    type Item = Result<RecordBatch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.costs.clear();
        let batch = self.batches.next()?.and_then(|batch| self.widened(&batch));
        Some(batch.map_err(|error| error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use parquet::arrow::ArrowWriter;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::*;
    use crate::table::{ColumnType, Format, Kind, Packing};
    use crate::tensor::DataType;

    const ROWS: i64 = 5000;

    /// Two columns, and nothing of use where the second one should be.
    fn half_broken() -> Vec<u8> {
        let column = |by: i64| {
            let values = (0..ROWS).map(|row| row * by);
            Arc::new(Int64Array::from_iter_values(values)) as ArrayRef
        };
        let batch = RecordBatch::try_from_iter([("a", column(1)), ("b", column(7))]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = SerializedFileReader::new(Bytes::from(bytes.clone())).unwrap();
        let (begin, length) = file.metadata().row_group(0).column(1).byte_range();
        let [begin, length] = [begin, length].map(|it| usize::try_from(it).unwrap());
        bytes[begin..begin + length].fill(0xff);
        bytes
    }

    fn pieces() -> Pieces {
        let kind = Kind { format: Format::Parquet, packing: Packing::None };
        Pieces::open(kind, Origin::Stream(Box::new(std::io::Cursor::new(half_broken())))).unwrap()
    }

    #[test]
    fn columns_that_nobody_needs_are_not_read() {
        let mut pieces = pieces();
        pieces.need(&[0]);
        let whole = ColumnType::of(DataType::Int64);
        let mut read = Vec::new();
        while let Some(piece) = pieces.next(2048).unwrap() {
            let (values, wrong) = piece.decode().unwrap().values(0, &whole).unwrap();
            assert!(wrong.is_empty());
            read.extend_from_slice(values.0.as_primitive::<Int64Type>().values());
        }
        assert_eq!(read, (0..ROWS).collect::<Vec<_>>());
    }

    #[test]
    fn columns_that_are_needed_are_read() {
        assert!(pieces().next(2048).is_err());
        let mut needed = pieces();
        needed.need(&[1]);
        assert!(needed.next(2048).is_err());
    }
}
