//! Parquet and Arrow that are damaged, empty, or not all alike.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};

use crate::support::{Work, arrow_file, batches_of, fixture, flight_delay, flights, parquet_file};

fn model() -> String {
    fixture("dtype_fp32.onnx")
}

fn column<T>(name: &str, values: T) -> (String, ArrayRef)
where
    T: arrow_array::Array + 'static,
{
    (name.to_owned(), Arc::new(values))
}

/// Rows that pack badly, so that damage hits values.
fn table(rows: i64) -> RecordBatch {
    #[expect(clippy::cast_precision_loss, reason = "any numbers will do")]
    let numbers =
        |by: i64| Float32Array::from_iter_values((0..rows).map(|row| (row * by % 10_007) as f32));
    let columns = [
        column("id", Int64Array::from_iter_values(0..rows)),
        column("a", numbers(7919)),
        column("b", numbers(104_729)),
        column("c", numbers(1_299_709)),
    ];
    RecordBatch::try_from_iter(columns).expect("columns are of one length")
}

fn refused(name: &str, bytes: &[u8]) -> String {
    let work = Work::new();
    work.write(name, bytes);
    let message = work.refused(&model(), &format!("--input {name} --output o.csv --keep id"));
    assert!(!work.has("o.csv"));
    message
}

#[test]
fn a_parquet_file_without_its_end_is_told() {
    let whole = parquet_file(&table(5000), 1000);
    let message =
        "in.parquet: it is no Parquet: Parquet error: Invalid Parquet file. Corrupt footer";
    assert_eq!(refused("in.parquet", &whole[..whole.len() / 2]), message);
    assert_eq!(refused("in.parquet", &whole[..whole.len() - 1]), message);
    assert_eq!(refused("in.parquet", b""), "in.parquet: it is empty");
    for bytes in [&whole[..4], b"PAR1", b"a,b,c\n1,2,3\n"] {
        let message = refused("in.parquet", bytes);
        assert!(message.starts_with("in.parquet: it is no Parquet: "), "{message}");
    }
}

#[test]
fn a_spoiled_footer_ends_no_process() {
    let whole = parquet_file(&table(500), 100);
    let length: [u8; 4] = whole[whole.len() - 8..whole.len() - 4].try_into().unwrap_or_default();
    let footer = whole.len() - 8 - u32::from_le_bytes(length) as usize;
    let work = Work::new();
    let mut failed = 0;
    for at in (footer..whole.len() - 4).step_by(29) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        work.write("in.parquet", bytes);
        let run = work.predict(&model(), "--input in.parquet --output o.csv --keep id");
        assert!(run.code == 0 || run.code == 1, "{at}: {}", run.stderr);
        if run.code == 1 {
            assert!(run.stderr.contains("onnxd: in.parquet: "), "{at}: {}", run.stderr);
            failed += 1;
        }
    }
    assert!(failed > 10, "{failed}");
}

#[test]
fn a_spoiled_page_is_told_with_the_row() {
    let work = Work::new();
    work.write("in.parquet", parquet_file(&table(60_000), 20_000));
    // Packed, as most files are.
    work.predicted(&model(), "--input in.parquet --output packed.parquet --keep id");
    let mut bytes = work.read("packed.parquet");
    // Heads of pages, too: numbers alone would be other numbers, and nothing says so.
    let eighth = bytes.len() / 8;
    bytes[3 * eighth..5 * eighth].fill(0xff);
    let message = refused("in.parquet", &bytes);
    let row = message.strip_prefix("in.parquet: row ").and_then(|rest| rest.split(':').next());
    let row: usize = row.and_then(|row| row.parse().ok()).unwrap_or_else(|| panic!("{message}"));
    assert!((10_000..50_000).contains(&row), "{message}");
}

#[test]
fn an_arrow_file_that_was_cut_is_told() {
    let whole = arrow_file(&table(1000));
    let message = refused("in.arrow", &whole[..20]);
    assert!(message.starts_with("in.arrow: it is no whole Arrow: "), "{message}");
    for cut in [1, 30, whole.len() / 2] {
        assert_eq!(
            refused("in.arrow", &whole[..whole.len() - cut]),
            "in.arrow: it is no whole Arrow: it has no footer"
        );
    }
    assert_eq!(refused("in.arrow", b""), "in.arrow: it is empty");
    assert_eq!(
        refused("in.arrow", b"a,b,c\n1,2,3\n"),
        "in.arrow: it is no Arrow: it begins neither as a file nor as a stream"
    );
}

#[test]
fn a_table_without_rows_has_an_output_without_rows() {
    let work = Work::new();
    let none = table(0);
    work.write("in.parquet", parquet_file(&none, 10)).write("in.arrow", arrow_file(&none));
    for from in ["parquet", "arrow"] {
        for to in ["csv", "ndjson", "parquet", "arrow"] {
            let name = format!("{from}.{to}");
            work.predicted(&model(), &format!("--input in.{from} --output {name} --keep id"));
            match to {
                "csv" => assert_eq!(work.text(&name), "id,y[0],y[1],y[2]\n"),
                "ndjson" => assert_eq!(work.text(&name), ""),
                _ => {
                    let batches = batches_of(&name, &work.read(&name));
                    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
                }
            }
        }
    }
}

#[test]
fn files_may_have_more_columns_and_others_orders() {
    let work = Work::new();
    let text = flights(60, |_| false);
    work.predicted_of(&text, "whole.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().expect("it has one").iter().map(str::to_owned).collect();
    let records: Vec<csv::StringRecord> =
        reader.records().map(|row| row.expect("it is CSV")).collect();
    for (file, records) in records.chunks(20).enumerate() {
        // Turned by some columns, and with one more.
        let turn = |mut cells: Vec<String>, more: &str| {
            cells.rotate_left(file * 5);
            cells.insert(file, more.to_owned());
            cells.join(",") + "\n"
        };
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let rows: Vec<String> = records.iter().map(|row| turn(cells(row), "x")).collect();
        work.write(&format!("in/{file}.csv"), turn(names.clone(), "more") + &rows.concat());
    }
    work.predicted(&flight_delay(), "--input in/*.csv --output all.csv --keep id");
    assert_eq!(work.text("all.csv"), work.text("whole.csv"));
}

#[test]
fn a_kept_column_that_changes_its_type_between_files_is_told() {
    let work = Work::new();
    let rows = table(3);
    let mut columns = rows.columns().to_vec();
    columns[0] = Arc::new(StringArray::from(vec!["x", "y", "z"]));
    let names = ["id", "a", "b", "c"];
    let texts = RecordBatch::try_from_iter(names.into_iter().zip(columns)).expect("it is a table");
    work.write("1.parquet", parquet_file(&rows, 10)).write("2.parquet", parquet_file(&texts, 10));
    assert_eq!(
        work.refused(&model(), "--input ?.parquet --output o.csv --keep id"),
        "2.parquet: column 'id' holds Utf8, in files before Int64"
    );
    work.write("2.csv", "id,a,b\n1,2,3\n");
    assert_eq!(
        work.refused(&model(), "--input 1.parquet --input 2.csv --output o.csv --keep id"),
        "2.csv: it has 2 columns besides 'id', input 'x' has 3; name them as `features` in model.toml"
    );
}

#[test]
fn an_input_column_of_no_values_is_told() {
    let work = Work::new();
    let columns = [
        column("a", StringArray::from(vec!["1", "2.5", "x"])),
        column("b", Int64Array::from(vec![Some(1), None, Some(3)])),
        column("c", Float32Array::from(vec![1.0, 2.0, f32::NAN])),
    ];
    let table = RecordBatch::try_from_iter(columns).expect("it is a table");
    work.write("in.parquet", parquet_file(&table, 10));
    work.predicted(&model(), "--input in.parquet --output o.csv --on-bad-row null");
    assert_eq!(
        work.text("o.csv"),
        "y[0],y[1],y[2],error\n2.0,2.0,2.0,\n5.0,NaN,4.0,\n,,,a: wrong_dtype\n"
    );
}

impl Work {
    fn predicted_of(&self, text: &str, output: &str) {
        self.write("in.csv", text);
        self.predicted(&flight_delay(), &format!("--input in.csv --output {output} --keep id"));
    }
}

/// With the model `m`, whose features have names.
fn named() -> Work {
    let work = Work::new();
    work.write("m/1/model.onnx", std::fs::read(model()).expect("it is there"));
    work.write("m/model.toml", "features = [\"a\", \"b\", \"c\"]\n");
    work
}

#[test]
fn one_text_that_thousands_of_rows_share_takes_memory_once() {
    const ROWS: i64 = 8192;
    const KILOBYTES: u32 = 800_000;
    let text = "x".repeat(100_000);
    let texts = StringArray::from_iter_values((0..ROWS).map(|_| text.as_str()));
    let whole = table(ROWS);
    let mut columns: Vec<(String, ArrayRef)> = ["id", "a", "b", "c"]
        .iter()
        .map(|name| ((*name).to_owned(), Arc::clone(whole.column_by_name(name).expect("it is"))))
        .collect();
    columns.push(column("note", texts));
    let batch = RecordBatch::try_from_iter(columns).expect("columns are of one length");
    let file = parquet_file(&batch, 8192);
    assert!(file.len() < 1 << 20, "{} bytes", file.len());
    let work = named();
    work.write("in.parquet", file);
    for keep in ["id", "id,note"] {
        let limited = format!("ulimit -v {KILOBYTES}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_onnxd"), "predict", "m"]);
        command.args(["--input", "in.parquet", "--output", "o.csv.zst", "--keep", keep]);
        let output = command.current_dir(&work).output().expect("there is a shell");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert!(told.contains("8192 rows"), "{told}");
    }
}

#[test]
fn row_groups_say_nothing_of_indexes_that_are_not_there() {
    let work = Work::new();
    work.write("in.csv", flights(40_000, |_| false));
    work.predicted(&flight_delay(), "--input in.csv --output o.parquet --keep id,carrier");
    let bytes = bytes::Bytes::from(work.read("o.parquet"));
    let reader = parquet::file::reader::SerializedFileReader::new(bytes).expect("it is Parquet");
    let groups = parquet::file::reader::FileReader::metadata(&reader).row_groups().to_vec();
    assert!(groups.len() > 1);
    let columns = groups.iter().flat_map(parquet::file::metadata::RowGroupMetaData::columns);
    let indexes = columns.map(|it| (it.column_index_offset(), it.offset_index_offset()));
    assert!(indexes.clone().all(|index| index == (None, None)), "{indexes:?}");
}

#[test]
fn a_column_of_no_type_is_kept_as_nothing() {
    let whole = table(3);
    let mut columns: Vec<(String, ArrayRef)> = ["id", "a", "b", "c"]
        .iter()
        .map(|name| ((*name).to_owned(), Arc::clone(whole.column_by_name(name).expect("it is"))))
        .collect();
    columns.push(column("none", arrow_array::NullArray::new(3)));
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns);
    let batch = batch.expect("columns are of one length");
    let work = named();
    work.write("in.arrow", arrow_file(&batch)).write("in.parquet", parquet_file(&batch, 10));
    for from in ["arrow", "parquet"] {
        work.predicted("m", &format!("--input in.{from} --output o.ndjson --keep none"));
        let text = work.text("o.ndjson");
        assert!(text.lines().all(|line| line.starts_with("{\"none\":null,")), "{from}: {text}");
        work.predicted("m", &format!("--input in.{from} --output o.csv --keep none"));
        assert!(work.text("o.csv").lines().skip(1).all(|line| line.starts_with(',')), "{from}");
    }
}

#[test]
fn dictionaries_within_lists_cannot_be_kept_and_it_is_said_before_anything_is_done() {
    use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};
    let mut lists =
        ListBuilder::new(StringDictionaryBuilder::<arrow_array::types::Int32Type>::new());
    for _ in 0..3 {
        lists.values().append_value("x");
        lists.append(true);
    }
    let whole = table(3);
    let mut columns: Vec<(String, ArrayRef)> = ["id", "a", "b", "c"]
        .iter()
        .map(|name| ((*name).to_owned(), Arc::clone(whole.column_by_name(name).expect("it is"))))
        .collect();
    columns.push(column("tags", lists.finish()));
    let batch = RecordBatch::try_from_iter(columns).expect("columns are of one length");
    let work = named();
    work.write("in.arrow", arrow_file(&batch));
    let message = work.refused("m", "--input in.arrow --output o.arrow --keep tags");
    assert!(message.contains("column 'tags' holds List"), "{message}");
    assert!(message.ends_with("which cannot be kept"), "{message}");
}
