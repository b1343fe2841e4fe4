//! Files of each compression, and files that claim more than they have.

use arrow_array::builder::{FixedSizeBinaryBuilder, Int32Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StringViewArray,
};
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};

use super::*;

const ROWS: usize = 5000;

fn codecs() -> [Compression; 6] {
    [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
        Compression::ZSTD(parquet::basic::ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ]
}

fn codec(compression: Compression) -> Codec {
    Codec::of(compression).unwrap().unwrap()
}

fn array(array: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// Numbers and texts that repeat and that do not, with and without nulls.
fn table() -> RecordBatch {
    let some = |row: usize| !row.is_multiple_of(7);
    let rows = 0..ROWS;
    let number = |row| some(row).then_some(i64::try_from(row % 10).unwrap());
    let fraction = |row: usize| Some(1. / f64::from(u32::try_from(row).unwrap()));
    let text = |row: usize| format!("{row} {}", "long text ".repeat(row % 5));
    let mut lists = ListBuilder::new(Int32Builder::new());
    let mut bytes = FixedSizeBinaryBuilder::new(5);
    for row in rows.clone() {
        let list = (0..i32::try_from(row % 4).unwrap()).map(|it| (it != 2).then_some(it));
        lists.append_option(some(row).then_some(list));
        bytes.append_value([u8::try_from(row % 200).unwrap(); 5]).unwrap();
    }
    let columns = [
        ("repeated", array(rows.clone().map(number).collect::<Int64Array>())),
        ("number", array(rows.clone().map(fraction).collect::<Float64Array>())),
        (
            "class",
            array(rows.clone().map(|row| Some(["a", "b"][row % 2])).collect::<StringArray>()),
        ),
        (
            "text",
            array(rows.clone().map(|row| some(row).then(|| text(row))).collect::<StringArray>()),
        ),
        ("view", array(rows.clone().map(|row| Some(text(row))).collect::<StringViewArray>())),
        ("flag", array(rows.clone().map(|row| Some(row % 3 == 0)).collect::<BooleanArray>())),
        ("nothing", array(rows.clone().map(|_| None::<i64>).collect::<Int64Array>())),
        ("list", array(lists.finish())),
        ("bytes", array(bytes.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, it)| (name, it, true))).unwrap()
}

fn column(values: impl arrow_array::Array + 'static) -> RecordBatch {
    RecordBatch::try_from_iter([("a", array(values))]).unwrap()
}

fn properties(codec: Compression) -> WriterPropertiesBuilder {
    WriterProperties::builder().set_compression(codec)
}

fn written(batch: &RecordBatch, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let mut bytes = Vec::new();
    let properties = Some(properties.build());
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), properties).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn read_within(bytes: &[u8], max_page: usize, max_batch: usize) -> Result<RecordBatch, String> {
    let file = Bytes::copy_from_slice(bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let metadata = Arc::clone(reader.metadata());
    let all = (0..metadata.num_row_groups()).collect();
    let costs = Costs::new(max_page, max_batch);
    let groups = Groups { costs: Arc::clone(&costs), ..Groups::new(file, metadata, all) };
    let (schema, stored) = (reader.schema(), reader.parquet_schema());
    let all = ProjectionMask::all();
    let levels = parquet_to_arrow_field_levels(stored, all, Some(schema.fields())).unwrap();
    let batches = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, 1024, None);
    let batches = batches.unwrap().inspect(|_| costs.clear()).collect::<Result<Vec<_>, _>>();
    let batches = batches.map_err(|error| error.to_string())?;
    concat_batches(schema, &batches).map_err(|error| error.to_string())
}

fn read(bytes: &[u8]) -> Result<RecordBatch, String> {
    read_within(bytes, MAX_PAGE, MAX_BATCH)
}

#[test]
fn what_was_written_is_read_however_it_is_packed() {
    let table = table();
    for codec in codecs() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for has_dictionary in [true, false] {
                let properties = properties(codec)
                    .set_writer_version(version)
                    .set_dictionary_enabled(has_dictionary)
                    .set_data_page_row_count_limit(700)
                    .set_write_batch_size(100)
                    .set_max_row_group_row_count(Some(1500));
                let read = read(&written(&table, properties)).unwrap();
                assert_eq!(read, table, "{codec:?} {version:?} {has_dictionary}");
            }
        }
    }
}

#[test]
fn a_dictionary_of_more_values_than_it_has_bytes_for_is_refused() {
    let mut bytes =
        written(&column(Int64Array::from(vec![1, 2, 1, 2])), WriterProperties::builder());
    // The head of the dictionary, and in it the number of its values: two, then 63.
    let head = bytes.windows(3).position(|it| it == [0x4c, 0x15, 0x04]).unwrap();
    bytes[head + 2] = 0x7e;
    let message = read(&bytes).unwrap_err();
    let expected = "column a: the dictionary has 16 bytes, expected at most 2 values in it, got 63";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn a_page_that_unpacks_to_more_than_the_bound_is_refused() {
    let table = column(Int64Array::from(vec![0; 10_000]));
    for codec in &codecs()[1..] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties = properties(*codec)
                .set_writer_version(version)
                .set_column_encoding("a".into(), Encoding::PLAIN)
                .set_dictionary_enabled(false);
            let bytes = written(&table, properties);
            assert_eq!(read_within(&bytes, 80_000, MAX_BATCH).as_ref(), Ok(&table), "{codec:?}");
            let message = read_within(&bytes, 79_999, MAX_BATCH).unwrap_err();
            let expected = "column a: a page unpacks to more bytes than 79999";
            assert!(message.ends_with(expected), "{codec:?}: {message}");
        }
    }
}

#[test]
fn pages_of_one_batch_have_a_bound_together() {
    let table = column(Int64Array::from(vec![0; 10_000]));
    let properties = properties(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100);
    let bytes = written(&table, properties);
    assert_eq!(read_within(&bytes, 800, 8800).as_ref(), Ok(&table));
    let message = read_within(&bytes, 800, 2000).unwrap_err();
    assert!(message.ends_with("take more memory than 2000 bytes"), "{message}");
}

#[test]
fn rows_of_long_lists_count_by_their_values() {
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value(vec![None; 100_000]);
    let table = column(list.finish());
    let bytes = written(&table, WriterProperties::builder());
    assert!(bytes.len() < 2000);
    assert_eq!(read_within(&bytes, MAX_PAGE, 1_600_000).as_ref(), Ok(&table));
    assert!(read_within(&bytes, MAX_PAGE, 1_500_000).is_err());
}

#[test]
fn texts_that_repeat_the_one_before_count_whole() {
    let text = "0123456789".repeat(1000);
    let table = column(StringArray::from(vec![text; 1000]));
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_dictionary_enabled(false)
            .set_column_encoding("a".into(), Encoding::DELTA_BYTE_ARRAY);
        let bytes = written(&table, properties);
        assert!(bytes.len() < 100_000);
        assert_eq!(read_within(&bytes, MAX_PAGE, 10_000_000).as_ref(), Ok(&table));
        assert!(read_within(&bytes, MAX_PAGE, 9_000_000).is_err());
    }
}

#[test]
fn more_lengths_than_a_page_has_values_are_refused() {
    // Blocks of 128 in four parts, then 2^28 numbers that begin with 0.
    let values = Bytes::from_static(&[0x80, 1, 4, 0x80, 0x80, 0x80, 0x80, 1, 0]);
    for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
        let message = delta::cost(&values, encoding, 10).unwrap_err();
        assert_eq!(message, "expected at most 10 lengths of values, got 268435456");
        assert!(delta::cost(&values.slice(..3), encoding, 10).is_err());
    }
}

#[test]
fn lz4_may_be_a_frame_or_a_block_or_nothing() {
    use std::io::Write as _;

    let text = b"some text that repeats ".repeat(1000);
    let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
    frame.write_all(&text).unwrap();
    let block = lz4_flex::block::compress(&text);
    for packed in [frame.finish().unwrap(), block] {
        let mut codec = codec(Compression::LZ4);
        assert_eq!(codec.unpack(&packed, 0, text.len()), Ok(text.clone()));
        assert!(codec.unpack(&packed, 0, text.len() - 1).is_err());
    }
    let nothing = codec(Compression::LZ4).unpack(&[1, 0, 0, 0, 0], 1, 100);
    assert_eq!(nothing, Ok(vec![1]));
}

#[test]
fn damage_is_an_error() {
    let text = b"some text that repeats ".repeat(100);
    let table = column(StringArray::from_iter_values(["some text that repeats "; 100]));
    for compression in &codecs()[1..] {
        let mut codec = codec(*compression);
        assert!(codec.unpack(&text, 0, MAX_PAGE).is_err(), "{compression:?}");
        assert!(codec.unpack(&text, text.len() + 1, MAX_PAGE).is_err(), "{compression:?}");
        let properties = properties(*compression).set_dictionary_enabled(false);
        let mut bytes = written(&table, properties);
        let file = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.clone())).unwrap();
        let (_, length) = file.metadata().row_group(0).column(0).byte_range();
        let end = 4 + usize::try_from(length).unwrap();
        bytes[end - 30..end].fill(0xff);
        let message = read(&bytes).unwrap_err();
        assert!(message.contains("column a: a page cannot be unpacked: "), "{message}");
    }
}

#[test]
fn rows_that_are_wide_are_decoded_in_smaller_batches() {
    let rows = |kind| rows_at_once(&Fields::from(vec![Field::new("a", kind, true)]), 8192);
    assert_eq!(rows(DataType::Int64), 8192);
    assert_eq!(rows(DataType::FixedSizeBinary(1 << 20)), 256);
    assert_eq!(rows(DataType::FixedSizeBinary(1_000_000_000)), 1);
}

#[test]
fn values_that_take_their_room_although_they_are_missing_are_refused_where_it_is_large() {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let fixed = |length| DataType::FixedSizeList(Arc::clone(&item), length);
    let check = |kind| check_width(&Field::new("a", kind, true));
    assert_eq!(check(fixed(768)), Ok(()));
    assert_eq!(check(DataType::List(Arc::clone(&item))), Ok(()));
    let message = check(fixed(1_000_000_000)).unwrap_err();
    let expected = "column a: a value may have 16000000000 bytes, expected at most 268435456";
    assert_eq!(message, expected);
    let within = Arc::new(Field::new("within", fixed(4), true));
    assert!(check(DataType::List(within)).is_err());
    assert!(check(DataType::FixedSizeBinary(1_000_000_000)).is_err());
}

#[test]
fn pages_that_columns_stand_in_count_for_the_next_batch() {
    let costs = Costs::new(1000, 100);
    costs.add(60).unwrap();
    costs.moved(0, 60);
    costs.clear();
    assert!(costs.add(41).is_err());
    costs.moved(60, 10);
    costs.clear();
    assert_eq!(costs.add(90), Ok(()));
    costs.moved(10, 0);
    costs.clear();
    assert_eq!(costs.add(100), Ok(()));
}
