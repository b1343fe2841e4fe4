//! Parquet and Arrow files, written and read by the libraries alone.

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

/// With row groups of so many rows.
pub fn parquet_file(batch: &RecordBatch, group: usize) -> Vec<u8> {
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(group.max(1))).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))
        .expect("the schema can be written");
    writer.write(batch).expect("memory suffices");
    writer.into_inner().expect("memory suffices")
}

pub fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer =
        FileWriter::try_new(Vec::new(), &batch.schema()).expect("the schema can be written");
    writer.write(batch).expect("memory suffices");
    writer.finish().expect("memory suffices");
    writer.into_inner().expect("memory suffices")
}

/// All of a file, by its name.
pub fn batches_of(name: &str, bytes: &[u8]) -> Vec<RecordBatch> {
    let bytes = Bytes::copy_from_slice(bytes);
    if name.ends_with(".parquet") {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("it is Parquet");
        let reader = builder.build().expect("it is Parquet");
        return reader.map(|batch| batch.expect("pages are whole")).collect();
    }
    let reader = FileReader::try_new(std::io::Cursor::new(bytes), None).expect("it is Arrow");
    reader.map(|batch| batch.expect("batches are whole")).collect()
}
