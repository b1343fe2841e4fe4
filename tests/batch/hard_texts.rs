//! CSV and NDJSON as they really come.

use std::fmt::Write as _;

use crate::support::{Work, fixture, flight_delay, flights, gzipped, zstd_of};

/// Doubles three numbers.
fn model() -> String {
    fixture("dtype_fp32.onnx")
}

/// The output of a file of this name and content.
fn output(name: &str, content: impl AsRef<[u8]>) -> String {
    let work = Work::new();
    work.write(name, content).predicted(&model(), &format!("--input {name} --output o.csv"));
    work.text("o.csv")
}

/// Why a file is no input.
fn refused(name: &str, content: impl AsRef<[u8]>) -> String {
    let work = Work::new();
    work.write(name, content);
    let message = work.refused(&model(), &format!("--input {name} --output o.csv"));
    assert!(!work.has("o.csv"));
    message
}

const DOUBLED: &str = "y[0],y[1],y[2]\n2.0,4.0,6.0\n8.0,10.0,12.0\n";

#[test]
fn line_ends_marks_and_blank_lines_do_not_matter() {
    for text in [
        "a,b,c\n1,2,3\n4,5,6\n",
        "a,b,c\n1,2,3\n4,5,6",
        "\u{feff}a,b,c\r\n1,2,3\r\n4,5,6\r\n",
        "a,b,c\r1,2,3\r4,5,6\r",
        "a,b,c\n\n1,2,3\n\r\n\n4,5,6\n\n",
        "\"a\",\"b\",c\n\"1\",2,\"3\"\n 4 ,\"5\",6.0\n",
    ] {
        assert_eq!(output("in.csv", text), DOUBLED, "{text:?}");
        assert_eq!(output("in.csv.gz", gzipped(text.as_bytes())), DOUBLED, "{text:?}");
        assert_eq!(output("in.csv.zst", zstd_of(text.as_bytes())), DOUBLED, "{text:?}");
    }
    let lines = "\u{feff}{\"a\":1,\"b\":2,\"c\":3}\r\n\n{\"c\":6,\"b\":5.0,\"a\":4}";
    assert_eq!(output("in.ndjson", lines), DOUBLED);
}

#[test]
fn packed_files_may_have_several_members() {
    let both = |pack: fn(&[u8]) -> Vec<u8>| [pack(b"a,b,c\n1,2,3\n4,"), pack(b"5,6\n")].concat();
    assert_eq!(output("in.csv.gz", both(gzipped)), DOUBLED);
    assert_eq!(output("in.csv.zst", both(zstd_of)), DOUBLED);
}

#[test]
fn a_file_with_a_header_only_has_an_output_with_a_header_only() {
    assert_eq!(output("in.csv", "a,b,c\n"), "y[0],y[1],y[2]\n");
    assert_eq!(output("in.csv", "a,b,c"), "y[0],y[1],y[2]\n");
}

#[test]
fn what_is_no_input_is_refused_with_the_reason() {
    assert_eq!(refused("in.csv", ""), "in.csv: it is empty");
    assert_eq!(refused("in.csv", "\n\n"), "in.csv: it is empty");
    assert_eq!(refused("in.csv.gz", gzipped(b"")), "in.csv.gz: it is empty");
    assert_eq!(
        refused("in.ndjson", "\n"),
        "in.ndjson: it is empty, expected one JSON object a line"
    );
    assert_eq!(
        refused("in.csv", "a,b\n1,2\n"),
        "in.csv: it has 2 columns, input 'x' has 3; name them as `features` in model.toml"
    );
    assert_eq!(
        refused("in.csv", "a,b,c,d\n1,2,3,4\n"),
        "in.csv: it has 4 columns, input 'x' has 3; name them as `features` in model.toml"
    );
    assert_eq!(refused("in.csv", "a,b,a\n1,2,3\n"), "in.csv: it has 2 columns 'a', expected one");
    assert_eq!(
        refused("in.csv", gzipped(b"a,b,c\n1,2,3\n")),
        "in.csv: it is compressed with gzip, and its name does not say so"
    );
    assert_eq!(
        refused("in.txt", "a,b,c\n1,2,3\n"),
        "in.txt: expected a file .csv, .ndjson, .parquet or .arrow; texts also with .gz or .zst \
         behind it"
    );
    assert_eq!(
        refused("in.csv", b"a,b\xff,c\n1,2,3\n"),
        "in.csv: it is no CSV: line 1: cell 2 is not UTF-8"
    );
}

#[test]
fn a_column_that_is_missing_by_name_is_named() {
    let work = Work::new();
    work.write("in.csv", flights(3, |_| false).replace("pressure", "presure"));
    assert_eq!(
        work.refused(&flight_delay(), "--input in.csv --output o.csv"),
        "in.csv: no column is named as input 'pressure', columns are: id, carrier, origin, dest, \
         weekday, hour, distance, temp, humid, wind_speed, precip, presure, visib"
    );
    let work = Work::new();
    work.write("in.csv", flights(3, |_| false));
    assert_eq!(
        work.refused(&flight_delay(), "--input in.csv --output o.csv --keep id,gate"),
        "in.csv: there is no column 'gate' to keep, columns are: id, carrier, origin, dest, \
         weekday, hour, distance, temp, humid, wind_speed, precip, pressure, visib"
    );
    // More columns than are needed do no harm.
    work.predicted(&flight_delay(), "--input in.csv --output o.csv");
    assert!(!work.has("o.csv.part"), "what was refused has begun nothing");
}

#[test]
fn cells_with_line_ends_stay_whole_across_pieces() {
    let work = Work::new();
    let rows = 40_000;
    // About 8 MiB, so that pieces end by their bytes, too.
    let note = |row: usize| format!("{row}\n\"{}\",\r\n", "x".repeat(row % 400));
    let mut text = "note,a,b,c\n".to_owned();
    for row in 0..rows {
        let quoted = note(row).replace('"', "\"\"");
        writeln!(text, "\"{quoted}\",{row},0,1").expect("memory suffices");
    }
    assert!(text.len() > 8 << 20);
    work.write("in.csv", &text);
    work.predicted(&model(), "--input in.csv --output o.csv.zst --keep note");
    work.predicted(&model(), "--input o.csv.zst --output o.csv --keep note");
    let mut reader = csv::Reader::from_path(work.path("o.csv")).expect("it is there");
    let mut found = 0;
    for (row, record) in reader.records().map(|record| record.expect("it is CSV")).enumerate() {
        assert_eq!(
            (&record[0], record[1].parse()),
            (note(row).as_str(), Ok(f64::from(u32::try_from(row).unwrap_or(0)) * 4.0))
        );
        found += 1;
    }
    assert_eq!(found, rows);
}

#[test]
fn a_row_without_an_end_is_named() {
    let long = [b"a,b,c\n1,2,3\n\"".as_slice(), &vec![b'x'; 65 << 20]].concat();
    let reason = "it is longer than 64 MiB, is a quotation mark or a line end missing?";
    assert_eq!(refused("in.csv", long), format!("in.csv: row 1: {reason}"));
    let long = [b"{\"a\":1,\"b\":2,\"c\":3}\n{\"a\":\"".as_slice(), &vec![b'x'; 65 << 20]].concat();
    assert_eq!(refused("in.ndjson", long), format!("in.ndjson: row 1: {reason}"));
}

#[test]
fn wide_rows_are_rows() {
    let columns = 10_000;
    let names: Vec<String> = (0..columns).map(|column| format!("n{column}")).collect();
    let row: Vec<String> = (0..columns).map(|column| format!("{column}.125")).collect();
    let text =
        format!("a,b,c,{}\n{}", names.join(","), format!("1,2,3,{}\n", row.join(",")).repeat(100));
    let work = Work::new();
    work.write("in.csv", text);
    let keep = names.join(",");
    work.predicted(&model(), &format!("--input in.csv --output o.parquet --keep {keep}"));
    work.predicted(&model(), &format!("--input o.parquet --output o.csv --keep {keep}"));
    let lines = work.text("o.csv");
    let expected = format!("{},4.0,8.0,12.0", row.join(","));
    assert_eq!(lines.lines().skip(1).filter(|line| *line == expected).count(), 100);
}

#[test]
fn packed_files_that_were_cut_or_spoiled_are_told_with_the_row() {
    let mut text = "a,b,c\n".to_owned();
    for row in 0..50_000_u64 {
        writeln!(text, "{},{row},1", row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40)
            .expect("memory suffices");
    }
    let (gzip, zstd) = (gzipped(text.as_bytes()), zstd_of(text.as_bytes()));
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let row_and_reason = |name: &str, bytes: Vec<u8>| {
        let message = refused(name, bytes);
        let rest =
            message.strip_prefix(&format!("{name}: row ")).unwrap_or_else(|| panic!("{message}"));
        let (row, reason) = rest.split_once(": ").unwrap_or_default();
        let row: usize = row.parse().unwrap_or_else(|_| panic!("{message}"));
        assert!((15_000..35_000).contains(&row), "{message}");
        reason.to_owned()
    };
    assert_eq!(
        row_and_reason("in.csv.gz", cut(&gzip)),
        "it cannot be read: incomplete deflate stream"
    );
    assert_eq!(row_and_reason("in.csv.zst", cut(&zstd)), "it cannot be read: incomplete frame");
    let mut spoiled = gzip.clone();
    let middle = spoiled.len() / 2;
    spoiled[middle..middle + 64].fill(0xff);
    let message = refused("in.csv.gz", spoiled);
    assert!(message.contains(": it cannot be read: corrupt "), "{message}");
    // Only the end says that bits are others.
    let mut wrong = gzip;
    let end = wrong.len() - 6;
    wrong[end] ^= 1;
    let message = refused("in.csv.gz", wrong);
    assert!(
        message.ends_with("corrupt gzip stream does not have a matching checksum"),
        "{message}"
    );
}

#[test]
fn keys_may_be_missing_and_must_not_come_late() {
    let mut text = "{\"a\":1,\"b\":2,\"c\":3}\n".repeat(1500);
    text += "{\"c\":6,\"a\":4,\"b\":5}\n{\"a\":1,\"b\":2}\n";
    let found = output("in.ndjson", &text);
    assert!(found.ends_with("8.0,10.0,12.0\n2.0,4.0,NaN\n"));
    text += "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}\n";
    assert_eq!(
        refused("in.ndjson", &text),
        "in.ndjson: row 1502: malformed: key 'd' is in none of the first 1000 rows, keys there \
         are: a, b, c"
    );
}

#[test]
fn the_standard_streams_are_files() {
    let work = Work::new();
    work.write("in.csv", "a,b,c\n1,2,3\n4,5,6\n");
    let mut command =
        work.command(&model(), "--input - --input-format csv --output - --output-format csv");
    let input = std::fs::File::open(work.path("in.csv")).expect("it is there");
    let run = command.stdin(input).output().expect("the program starts");
    assert_eq!(
        String::from_utf8_lossy(&run.stdout),
        DOUBLED,
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert_eq!(
        work.refused(&model(), "--input - --output o.csv"),
        "the standard input has no name: say its format"
    );
}

/// Further columns of a header.
fn names(count: usize) -> String {
    (0..count).fold(String::new(), |names, at| names + &format!(",x{at}"))
}

#[test]
fn a_wide_header_costs_no_more_than_its_columns() {
    const KILOBYTES: u32 = 800_000;
    let work = Work::new();
    work.write("m/1/model.onnx", std::fs::read(fixture("dtype_fp32.onnx")).expect("it is there"));
    work.write("m/model.toml", "features = [\"a\", \"b\", \"c\"]\n");
    let more = names(30_000);
    work.write("short.csv", format!("a,b,c{more}\n{}", "1\n".repeat(8192)));
    let keys = (0..30_000).fold(String::new(), |keys, at| keys + &format!(",\"x{at}\":1"));
    let rows = "{\"a\":1,\"b\":2,\"c\":3}\n".repeat(8192);
    work.write("wide.ndjson", format!("{{\"a\":1,\"b\":2,\"c\":3{keys}}}\n{rows}"));
    for (input, written) in [("short.csv", 0), ("wide.ndjson", 8193)] {
        let limited = format!("ulimit -v {KILOBYTES}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_onnxd"), "predict", "m"]);
        command.args(["--input", input, "--output", "o.csv", "--on-bad-row", "drop"]);
        let output = command.current_dir(&work).output().expect("there is a shell");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{input}: {told}");
        assert_eq!(work.text("o.csv").lines().count(), 1 + written, "{input}");
    }
    let more = names(70_000);
    work.write("wider.csv", format!("a,b,c{more}\n1\n"));
    let message = work.refused("m", "--input wider.csv --output w.csv");
    assert_eq!(message, "wider.csv: it has 70003 columns, expected at most 65536");
}

#[test]
fn a_pipe_may_give_its_first_bytes_one_by_one() {
    let work = Work::new();
    let numbers = "\u{feff}{\"a\":1,\"b\":2,\"c\":3}\n";
    let asked = "--input - --input-format ndjson --output o.csv";
    let mut command = work.command(&fixture("dtype_fp32.onnx"), asked);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("it is a pipe");
    for byte in numbers.as_bytes() {
        std::io::Write::write_all(&mut pipe, &[*byte]).expect("it is read");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    drop(pipe);
    assert!(child.wait().expect("it is a child").success());
    assert_eq!(work.text("o.csv"), "y[0],y[1],y[2]\n2.0,4.0,6.0\n");
}
