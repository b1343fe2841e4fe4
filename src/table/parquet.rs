//! Parquet, a thousand rows at a time.

use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use super::batches::{self, AT_ONCE};
use super::source::Source;
use super::{Progress, Table};

pub(super) fn open(source: Source) -> Result<Table, String> {
    let reader = reader(source.file, true)?;
    let rows = reader.metadata().file_metadata().num_rows();
    let schema = reader.schema().clone();
    let batches = reader.with_batch_size(AT_ONCE).build().map_err(|error| broken(&error))?;
    let batches = batches.map(|batch| batch.map_err(|error| error.to_string()));
    let progress = Progress::of(u64::try_from(rows).unwrap_or(0));
    let mut table = batches::table(&schema, batches, progress.clone());
    table.rows = Box::new(table.rows.inspect(move |_| progress.add(1)));
    Ok(table)
}

/// A reader that has seen the footer. What a writer kept of its own types says nothing about
/// values, and something about what a column is.
pub(super) fn reader<R: ChunkReader + 'static>(
    file: R,
    values_only: bool,
) -> Result<ParquetRecordBatchReaderBuilder<R>, String> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(values_only);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options);
    let reader = reader.map_err(|error| broken(&error))?;
    check_compression(reader.metadata())?;
    Ok(reader)
}

pub(super) fn broken(error: &ParquetError) -> String {
    format!("it is no Parquet: {error}")
}

fn check_compression(metadata: &ParquetMetaData) -> Result<(), String> {
    let mut columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let unknown = columns.find_map(|column| match column.compression() {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::ZSTD(_)
        | Compression::LZ4
        | Compression::LZ4_RAW => None,
        other => Some(other),
    });
    unknown.map_or(Ok(()), |unknown| Err(unknown_compression(unknown)))
}

pub(super) fn unknown_compression(compression: Compression) -> String {
    format!(
        "it is compressed as {compression}, expected Snappy, gzip, Zstandard, LZ4 or no compression"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, read_bytes};

    #[test]
    fn a_file_that_was_cut_is_no_parquet() {
        let whole = std::fs::read(fixture("evaluation.parquet")).unwrap();
        for length in [1, 4, 100, whole.len() / 2, whole.len() - 1] {
            let message = read_bytes("a.parquet", &whole[..length]).unwrap_err();
            assert!(message.starts_with("it is no Parquet: "), "{length}: {message}");
        }
        let message = read_bytes("a.parquet", b"a,b\n1,2\n").unwrap_err();
        assert!(message.starts_with("it is no Parquet: "), "{message}");
    }

    #[test]
    fn damage_within_is_an_error_and_names_the_row() {
        let mut bytes = std::fs::read(fixture("evaluation.parquet")).unwrap();
        bytes[4..60].fill(0xff);
        let message = read_bytes("a.parquet", &bytes).unwrap_err();
        assert!(message.starts_with("row 0: "), "{message}");
    }
}
