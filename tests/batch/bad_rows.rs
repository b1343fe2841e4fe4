//! Rows that the model must not see: what is told of them, and what becomes of the job.

use serde_json::{Value, json};

use crate::support::{Work, fixture, flight_delay, flights};

const HEADER: &str =
    "id,carrier,origin,dest,weekday,hour,distance,temp,humid,wind_speed,precip,pressure,visib\n";

/// The model's own contract refuses three of them, the types of the inputs one.
fn work() -> Work {
    let rows = [
        "0,UA,EWR,IAH,1,0,200,30.0,0.0,0.0,0.0,1000,0\n",
        "1,AA,LGA,MIA,2,77,201,30.1,0.1,0.1,0.0,1001,1\n",
        "2,b6x,JFK,,3,2,202,30.2,0.2,0.2,0.0,1002,2\n",
        "3,DL,EWR,ATL,4,3,far,30.3,0.3,0.3,0.0,1003,3\n",
        "4,UA,LGA,BOS,9,4,204,30.4,0.4,0.4,0.0,1004,4\n",
        "5,AA,JFK,IAH,6,5,,,,,,,\n",
        "6,B6,EWR,MIA,7,-1,206,30.6,0.6,0.6,0.0,3,6\n",
        "7,DL,LGA\n",
    ];
    let work = Work::new();
    work.write("in.csv", HEADER.to_owned() + &rows.concat());
    work
}

const REJECTS: &str = "file,row,column,code,expected,value\n\
    in.csv,1,hour,above_max,at most 23,\n\
    in.csv,2,carrier,pattern,all of it to match [A-Z0-9]{2},\n\
    in.csv,3,distance,wrong_dtype,FP32 for input 'distance',\n\
    in.csv,4,weekday,not_in_set,\"one of 1, 2, 3, 4, 5, 6, 7\",\n\
    in.csv,6,hour,below_min,at least 0,\n\
    in.csv,6,pressure,below_min,at least 850,\n\
    in.csv,7,\"\",malformed,\"it has 3 cells, the header has 13\",\n";

/// The columns that do not depend on the model's last digits.
fn ids_labels_errors(text: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().expect("it has a header").clone();
    let place = |name: &str| headers.iter().position(|header| header == name);
    let places: Vec<usize> = ["id", "label", "error"].into_iter().filter_map(place).collect();
    let record = |record: csv::StringRecord| {
        places.iter().map(|place| &record[*place]).collect::<Vec<_>>().join("|")
    };
    reader.records().map(|row| record(row.expect("it is CSV"))).collect()
}

#[test]
fn the_first_bad_row_ends_the_job_and_is_told() {
    let work = work();
    let run = work.predict(&flight_delay(), "--input in.csv --output o.csv");
    let told = "onnxd: in.csv: row 1: column 'hour': above_max, expected at most 23\n\
                onnxd: what is done lies in o.csv.part; --resume goes on with it\n";
    assert_eq!((run.code, run.stderr.ends_with(told)), (1, true), "{}", run.stderr);
    assert!(!work.has("o.csv") && !work.has("o.csv.rejects.csv"));
}

#[test]
fn bad_rows_have_no_predictions_and_say_why() {
    let work = work();
    let asked = "--input in.csv --output o.csv --keep id --on-bad-row null --summary s.json";
    let run = work.predicted(&flight_delay(), asked);
    assert_eq!(
        ids_labels_errors(&work.text("o.csv")),
        [
            "0|on-time|",
            "1||hour: above_max",
            "2||carrier: pattern",
            "3||distance: wrong_dtype",
            "4||weekday: not_in_set",
            "5|on-time|",
            "6||hour: below_min; pressure: below_min",
            "||malformed",
        ]
    );
    assert_eq!(work.text("o.csv.rejects.csv"), REJECTS);
    let told = "6 of 8 rows are bad:\n  above_max: 1\n  below_min: 2\n  malformed: 1\n  \
                not_in_set: 1\n  pattern: 1\n  wrong_dtype: 1\n\
                o.csv.rejects.csv: what is wrong with them\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let mut summary: Value = serde_json::from_slice(&work.read("s.json")).expect("it is JSON");
    let seconds = summary.as_object_mut().and_then(|object| object.remove("seconds"));
    assert!(seconds.and_then(|seconds| seconds.as_f64()).is_some_and(|seconds| seconds > 0.0));
    let codes = json!({"above_max": 1, "below_min": 2, "malformed": 1, "not_in_set": 1,
                       "pattern": 1, "wrong_dtype": 1});
    for (name, value) in [
        ("outputs", json!([{"name": "o.csv", "bytes": work.read("o.csv").len()}])),
        ("rejects", json!("o.csv.rejects.csv")),
        ("rows", json!(8)),
        ("written", json!(8)),
        ("bad", json!(6)),
        ("codes", codes),
    ] {
        assert_eq!(summary[name], value, "{name}");
    }
}

#[test]
fn bad_rows_are_left_out() {
    let work = work();
    let asked =
        "--input in.csv --output o.parquet --on-bad-row drop --keep id --rejects r.ndjson.gz";
    work.predicted(&flight_delay(), asked);
    work.predicted(
        &flight_delay(),
        &asked.replace("o.parquet", "o.csv").replace("r.ndjson.gz", "r.csv"),
    );
    assert_eq!(ids_labels_errors(&work.text("o.csv")), ["0|on-time", "5|on-time"]);
    assert_eq!(work.text("r.csv"), REJECTS);
    let lines = crate::support::unzipped("r.ndjson.gz", &work.read("r.ndjson.gz"));
    let lines = String::from_utf8(lines).expect("it is UTF-8");
    let first = r#"{"file":"in.csv","row":1,"column":"hour","code":"above_max","expected":"at most 23","value":null}"#;
    assert_eq!((lines.lines().next(), lines.lines().count()), (Some(first), 7));
    let batches = crate::support::batches_of("o.parquet", &work.read("o.parquet"));
    assert_eq!(batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 2);
}

#[test]
fn no_bad_rows_make_no_rejects_and_an_empty_column() {
    let work = Work::new();
    work.write("in.csv", flights(3, |_| false));
    work.predicted(&flight_delay(), "--input in.csv --output o.csv --on-bad-row null --keep id");
    assert!(!work.has("o.csv.rejects.csv"));
    assert!(ids_labels_errors(&work.text("o.csv")).iter().all(|row| row.ends_with('|')));
}

#[test]
fn limits_count_rows_or_shares_and_nothing_is_published_beyond_them() {
    let work = work();
    let asked = "--input in.csv --output o.csv --on-bad-row null";
    for (limit, passes) in
        [("6", true), ("5", false), ("75%", true), ("74.9%", false), ("0", false)]
    {
        let run = work.predict(&flight_delay(), &format!("{asked} --max-bad-rows {limit}"));
        assert_eq!(
            (run.code, work.has("o.csv")),
            (i32::from(!passes), passes),
            "{limit}: {}",
            run.stderr
        );
        let told = format!("onnxd: 6 of 8 rows are bad, at most {limit} may be\n");
        assert_eq!(run.stderr.contains(&told), !passes, "{}", run.stderr);
        let _ = std::fs::remove_file(work.path("o.csv"));
    }
    for limit in ["few", "-1", "101%", "NaN%"] {
        let run = work.predict(&flight_delay(), &format!("{asked} --max-bad-rows={limit}"));
        let told = format!("onnxd: '{limit}' is no limit, expected rows as 100 or a share as 1%\n");
        assert_eq!((run.code, run.stderr), (2, told));
    }
}

#[test]
fn exit_codes_tell_usage_from_work() {
    let work = work();
    let code = |arguments: &str| work.predict(&flight_delay(), arguments).code;
    assert_eq!(code("--input in.csv --output o.csv --on-bad-row drop"), 0);
    assert_eq!(code("--input in.csv --output o.csv"), 1);
    for usage in [
        "--input in.csv",
        "--input in.csv --output o.xlsx",
        "--input none*.csv --output o.csv",
        "--input in.csv --output o.csv --on-bad-row maybe",
        "--input in.csv --output o.csv --shard 3/3",
        "--input in.csv --output o.csv --rejects r.txt",
    ] {
        assert_eq!(code(usage), 2, "{usage}");
    }
}

#[test]
fn the_mapping_is_told_before_the_work() {
    let work = Work::new();
    let text = flights(1, |_| false).replacen("id,", "extra,id,", 1).replace("\n0,", "\nx,0,");
    work.write("in.csv", text);
    let run = work.predicted(&flight_delay(), "--input in.csv --output o.csv --keep id");
    let inputs = HEADER.trim_end().split(',').skip(1);
    let mut told =
        inputs.map(|name| format!("input {name}: {name}\n")).collect::<Vec<_>>().concat();
    told += "kept: id\nnot used: extra\n";
    assert!(run.stderr.starts_with(&told), "{}", run.stderr);
}

#[test]
fn row_one_million_is_named_exactly() {
    let work = Work::new();
    let million = 1_000_000;
    let mut text = "a,b,c\n".to_owned() + &"1,2,3\n".repeat(million);
    text += "1,two,3\n1,2,3\n";
    work.write("in.csv", text);
    let model = fixture("dtype_fp32.onnx");
    assert_eq!(
        work.refused(&model, "--input in.csv --output o.csv"),
        "in.csv: row 1000000: column 'b': wrong_dtype, expected FP32 for input 'x'"
    );
    let rejects = "file,row,column,code,expected,value\n\
                   in.csv,1000000,b,wrong_dtype,FP32 for input 'x',\n";
    for (what, rows, last) in
        [("null", million + 2, ",,,b: wrong_dtype"), ("drop", million + 1, "2.0,4.0,6.0")]
    {
        work.predicted(&model, &format!("--input in.csv --output {what}.csv --on-bad-row {what}"));
        let found = work.text(&format!("{what}.csv"));
        assert_eq!(found.lines().count(), rows + 1);
        assert_eq!(found.lines().nth(million + 1), Some(last));
        assert_eq!(work.text(&format!("{what}.csv.rejects.csv")), rejects);
    }
}

#[test]
fn the_first_of_several_bad_rows_is_told_however_many_threads_there_are() {
    let work = Work::new();
    work.write("in.csv", flights(100_000, |row| row == 20_001 || row % 40_000 == 33_000));
    for _ in 0..5 {
        assert_eq!(
            work.refused(&flight_delay(), "--input in.csv --output o.csv --jobs 8"),
            "in.csv: row 20001: column 'hour': above_max, expected at most 23"
        );
    }
}

#[test]
fn whole_numbers_must_be_there_and_fit() {
    for (model, good, bad) in [
        ("int8", ["-128", "127"], ["128", "1.5"]),
        ("uint8", ["0", "255"], ["256", "-1"]),
        ("int16", ["-32768", "32767"], ["32768", "x"]),
        ("uint16", ["0", "65535"], ["65536", "-1"]),
        ("int32", ["-1073741824", "1073741823"], ["2147483648", "0x10"]),
        ("uint32", ["0", "4294967295"], ["4294967296", "-1"]),
        ("int64", ["-4611686018427387904", "4611686018427387903"], ["9223372036854775808", "1e30"]),
        ("uint64", ["0", "18446744073709551615"], ["18446744073709551616", "-1"]),
        ("bool", ["true", "0"], ["2", "yes"]),
    ] {
        let work = Work::new();
        let [low, high] = good;
        let [over, other] = bad;
        work.write("in.csv", format!("a,b,c\n{low},{high},1\n{over},1,1\n1,{other},1\n1,1,\n"));
        let asked = "--input in.csv --output o.csv --on-bad-row null";
        work.predicted(&fixture(&format!("dtype_{model}.onnx")), asked);
        let kind = model.to_uppercase();
        let rejects = format!(
            "file,row,column,code,expected,value\n\
             in.csv,1,a,wrong_dtype,{kind} for input 'x',\n\
             in.csv,2,b,wrong_dtype,{kind} for input 'x',\n\
             in.csv,3,c,null_not_allowed,{kind} for input 'x',\n"
        );
        assert_eq!(work.text("o.csv.rejects.csv"), rejects, "{model}");
    }
}
