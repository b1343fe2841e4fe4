//! A row group a segment. Each is made as a file of its own, whose footer is taken off and put
//! together with the others at the end.

use std::collections::HashSet;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataBuilder,
    ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::{Placed, Segment};

pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// The length of the footer, and the magic.
const END: usize = 8;

/// Before the first row group of a file.
const MAGIC_BYTES: i64 = 4;

pub(super) fn segment(batch: &RecordBatch) -> Result<Segment, String> {
    let mut bytes = file(batch).map_err(|error| error.to_string())?;
    let end = bytes.len() - END;
    let length: [u8; 4] = bytes[end..end + 4].try_into().unwrap_or_default();
    let index = bytes[end - u32::from_le_bytes(length) as usize..].to_vec();
    bytes.truncate(bytes.len() - index.len());
    bytes.drain(..MAGIC.len());
    Ok(Segment { bytes, index })
}

/// A whole file of one row group.
fn file(batch: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("onnxd {}", env!("CARGO_PKG_VERSION")))
        .set_offset_index_disabled(true)
        // Of pages there would be a column index, whose place nobody moves with its group.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(usize::MAX));
    for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
        if !repeats(values) {
            let column = ColumnPath::new(vec![field.name().clone()]);
            properties = properties.set_column_dictionary_enabled(column.clone(), false);
            if *values.data_type() == DataType::Float32 {
                // Scores, of which no two have four bytes in common that Snappy could refer to.
                properties = properties.set_column_compression(column, Compression::UNCOMPRESSED);
            }
        }
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build()))?;
    writer.write(batch)?;
    writer.into_inner()
}

/// Whether values come again, so that a dictionary of them is not built in vain.
fn repeats(values: &ArrayRef) -> bool {
    match values.data_type() {
        DataType::Float32 => few(values.as_primitive::<Float32Type>().iter().map(bits)),
        DataType::Float64 => few(values.as_primitive::<Float64Type>().iter().map(bits)),
        DataType::Utf8 => few(values.as_string::<i32>().iter()),
        _ => true,
    }
}

/// So that NaN equals itself.
fn bits<T: Into<f64>>(value: Option<T>) -> Option<u64> {
    value.map(|value| value.into().to_bits())
}

/// Whether there are few different values among the first ones.
fn few<T: Eq + Hash>(values: impl ExactSizeIterator<Item = T>) -> bool {
    /// Values that are looked at.
    const SAMPLE: usize = 256;
    let count = values.len().min(SAMPLE);
    let seen: HashSet<T, ahash::RandomState> = values.take(SAMPLE).collect();
    seen.len() * 2 <= count
}

pub(super) fn tail(schema: &SchemaRef, segments: &[Placed]) -> Result<Vec<u8>, String> {
    put_together(schema, segments).map_err(|error| error.to_string())
}

fn put_together(schema: &SchemaRef, segments: &[Placed]) -> Result<Vec<u8>, ParquetError> {
    // A file without rows says what its columns are, too.
    let empty = file(&RecordBatch::new_empty(schema.clone()))?;
    let about = ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(empty))?;
    written(about.file_metadata(), segments)
}

/// The end of a file of whole files, each of them a segment without its magic.
pub(super) fn joined(segments: &[Placed]) -> Result<Vec<u8>, String> {
    let first = segments.first().ok_or("there is no file")?;
    let about = footer(&first.index).map_err(|error| error.to_string())?;
    written(about.file_metadata(), segments).map_err(|error| error.to_string())
}

/// Whether two files have the same columns.
pub(super) fn is_alike(one: &[u8], other: &[u8]) -> Result<bool, String> {
    let columns = |index: &[u8]| {
        let metadata = footer(index).map_err(|error| format!("its footer is damaged: {error}"))?;
        Ok::<_, String>(metadata.file_metadata().schema_descr_ptr())
    };
    Ok(columns(one)?.root_schema() == columns(other)?.root_schema())
}

fn written(about: &FileMetaData, segments: &[Placed]) -> Result<Vec<u8>, ParquetError> {
    let mut groups = Vec::with_capacity(segments.len());
    for segment in segments {
        let by = i64::try_from(segment.at).unwrap_or(i64::MAX) - MAGIC_BYTES;
        for group in footer(&segment.index)?.row_groups() {
            groups.push(moved(group, by, groups.len())?);
        }
    }
    let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
    let about = FileMetaData::new(
        about.version(),
        rows,
        about.created_by().map(str::to_owned),
        about.key_value_metadata().cloned(),
        about.schema_descr_ptr(),
        about.column_orders().cloned(),
    );
    let metadata = ParquetMetaDataBuilder::new(about).set_row_groups(groups).build();
    let mut bytes = Vec::new();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
    Ok(bytes)
}

fn footer(index: &[u8]) -> Result<ParquetMetaData, ParquetError> {
    let thrift = index.get(..index.len().saturating_sub(END)).unwrap_or_default();
    ParquetMetaDataReader::decode_metadata(thrift)
}

/// The row group where it now stands.
fn moved(
    group: &RowGroupMetaData,
    by: i64,
    ordinal: usize,
) -> Result<RowGroupMetaData, ParquetError> {
    let column = |column: &ColumnChunkMetaData| {
        let dictionary = column.dictionary_page_offset().map(|at| at + by);
        column
            .clone()
            .into_builder()
            .set_data_page_offset(column.data_page_offset() + by)
            .set_dictionary_page_offset(dictionary)
            .build()
    };
    let columns = group.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let mut builder = group.clone().into_builder().set_column_metadata(columns);
    if let Some(offset) = group.file_offset() {
        builder = builder.set_file_offset(offset + by);
    }
    if let Ok(ordinal) = i32::try_from(ordinal) {
        builder = builder.set_ordinal(ordinal);
    }
    builder.build()
}
