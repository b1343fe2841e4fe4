//! What is believed of work that broke off, and what is not gone on with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::support::{Work, fixture, flight_delay, flights};

const ROWS: usize = 100_000;
const ASKED: &str = "--input in.csv --output o.csv --keep id --on-bad-row null";

/// A job with all its rows done that its limit stopped, and what it should become.
fn stopped() -> (Work, Vec<u8>, Vec<u8>) {
    let work = Work::new();
    work.write("in.csv", flights(ROWS, |row| row % 1000 == 999));
    work.predicted(&flight_delay(), ASKED);
    let (output, rejects) = (work.read("o.csv"), work.read("o.csv.rejects.csv"));
    for name in ["o.csv", "o.csv.rejects.csv"] {
        std::fs::remove_file(work.path(name)).expect("it is there");
    }
    let message = work.refused(&flight_delay(), &format!("{ASKED} --max-bad-rows 99"));
    assert_eq!(message, "100 of 100000 rows are bad, at most 99 may be");
    assert!(!work.has("o.csv") && work.has("o.csv.part/journal"));
    (work, output, rejects)
}

fn resumed(work: &Work) -> String {
    work.predicted(&flight_delay(), &format!("{ASKED} --resume")).stderr
}

fn cut(work: &Work, name: &str, bytes: u64) {
    let file = OpenOptions::new().write(true).open(work.path(name)).expect("it is there");
    let length = file.metadata().expect("it is there").len();
    file.set_len(length - bytes).expect("it can be cut");
}

/// What a spoiled file costs: rows that are done again, and nothing else.
fn is_repaired(spoil: impl Fn(&Work), rows_before: &str) {
    let (work, output, rejects) = stopped();
    spoil(&work);
    let told = resumed(&work);
    assert!(told.contains(rows_before), "{told}");
    assert!(work.read("o.csv") == output && work.read("o.csv.rejects.csv") == rejects);
    assert!(!work.has("o.csv.part"));
}

#[test]
fn a_job_that_passed_its_limit_goes_on_with_a_higher_one() {
    let (work, output, _) = stopped();
    let told = work.predicted(&flight_delay(), &format!("{ASKED} --max-bad-rows 1% --resume"));
    assert!(told.stderr.contains("100000 rows were done before\n"), "{}", told.stderr);
    assert!(work.read("o.csv") == output);
}

#[test]
fn a_torn_line_of_the_journal_is_not_believed() {
    is_repaired(|work| cut(work, "o.csv.part/journal", 7), "98304 rows were done before");
}

#[test]
fn whoever_cannot_give_names_to_files_does_so_later_whatever_broke_before() {
    for kind in ["csv", "parquet"] {
        let (work, asked) = (Work::new(), |more: &str| {
            format!("--input in.csv --output o.{kind} --keep id --on-bad-row null {more}")
        });
        work.write("in.csv", flights(ROWS, |row| row % 1000 == 999));
        work.predicted(&flight_delay(), &asked(""));
        let (output, rejects) = (work.read(&format!("o.{kind}")), format!("o.{kind}.rejects.csv"));
        let expected = work.read(&rejects);
        work.refused(&flight_delay(), &asked("--max-bad-rows 1"));
        cut(&work, &format!("o.{kind}.part/journal"), 7);
        // Something is in the way.
        for name in [&format!("o.{kind}"), &rejects] {
            std::fs::remove_file(work.path(name)).expect("it is there");
        }
        work.write(&format!("o.{kind}/x"), "");
        let message = work.refused(&flight_delay(), &asked("--resume"));
        assert!(message.contains(&format!("o.{kind}")), "{message}");
        std::fs::remove_dir_all(work.path(&format!("o.{kind}"))).expect("it was made just now");
        // What is done needs its input no more, but for that it must be the same.
        cut(&work, &format!("o.{kind}.part/journal"), 7);
        let told = work.predicted(&flight_delay(), &asked("--resume --summary s.json")).stderr;
        assert!(told.contains("100000 rows were done before"), "{told}");
        assert!(work.read(&format!("o.{kind}")) == output && work.read(&rejects) == expected);
        let summary: serde_json::Value =
            serde_json::from_str(&work.text("s.json")).expect("it is JSON");
        assert_eq!(summary["outputs"][0]["bytes"], output.len());
        assert!(!work.has(&format!("o.{kind}.part")));
    }
}

#[test]
fn the_standard_input_is_not_gone_on_with() {
    let work = Work::new();
    let asked = "--input - --input-format csv --output o.csv --keep id --on-bad-row null";
    let ran = |more: &str| {
        let mut command = work.command(&flight_delay(), &format!("{asked} {more}"));
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
        let mut rows = child.stdin.take().expect("it is a pipe");
        // Whoever refuses does not read to the end.
        let _ = rows.write_all(flights(ROWS, |row| row % 1000 == 999).as_bytes());
        drop(rows);
        child.wait_with_output().expect("it is a child")
    };
    assert!(!ran("--max-bad-rows 1").status.success());
    let refused = ran("--max-bad-rows 1% --resume");
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.ends_with("the standard input cannot be gone on with: it is read only once\n"));
    assert!(!work.has("o.csv"));
}

#[test]
fn half_a_note_that_all_is_finished_is_neither_believed_nor_left() {
    let half = |work: &Work| {
        work.write("o.csv.part/finished.part", r#"{"identity":{"fo"#);
    };
    is_repaired(half, "100000 rows were done before");
}

#[test]
fn what_follows_a_broken_line_of_the_journal_is_not_believed() {
    let spoil = |work: &Work| {
        let text = work.text("o.csv.part/journal");
        let mut lines: Vec<&str> = text.lines().collect();
        lines[3] = "{\"after\":";
        work.write("o.csv.part/journal", lines.join("\n") + "\n");
    };
    is_repaired(spoil, "32768 rows were done before");
}

#[test]
fn rows_that_the_journal_knows_and_the_file_has_not_are_done_again() {
    is_repaired(|work| cut(work, "o.csv.part/0.part", 1), "98304 rows were done before");
    is_repaired(|work| cut(work, "o.csv.part/rejects.part", 1), "98304 rows were done before");
}

#[test]
fn rows_that_the_file_has_and_the_journal_does_not_know_are_not_there_twice() {
    let spoil = |work: &Work| {
        let path = work.path("o.csv.part/0.part");
        let mut file = OpenOptions::new().append(true).open(path).expect("it is there");
        file.write_all(b"100000,late,0.5,0.5,\n").expect("it can be written");
    };
    is_repaired(spoil, "100000 rows were done before");
}

#[test]
fn a_flipped_bit_is_found() {
    let spoil = |work: &Work| {
        let mut bytes = work.read("o.csv.part/0.part");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        work.write("o.csv.part/0.part", bytes);
    };
    is_repaired(spoil, "49152 rows were done before");
}

#[test]
fn work_that_is_lost_altogether_is_done_again() {
    let lose = |name: &'static str| {
        move |work: &Work| std::fs::remove_file(work.path(name)).expect("it is there")
    };
    let told = "o.csv: 100000 rows";
    is_repaired(lose("o.csv.part/0.part"), told);
    is_repaired(lose("o.csv.part/journal"), told);
    is_repaired(lose("o.csv.part/rejects.part"), told);
}

#[test]
fn another_job_does_not_go_on_with_the_work_and_says_what_differs() {
    let (work, output, _) = stopped();
    let refused = |arguments: &str, what: &str| {
        let run = work.predict(&flight_delay(), arguments);
        let expected =
            format!("onnxd: o.csv.part cannot be gone on with: {what}; remove it to begin anew\n");
        assert_eq!(run.code, 2);
        assert!(run.stderr.ends_with(&expected), "{}", run.stderr);
    };
    refused(&format!("{ASKED} --resume --version 1"), "the model is another one");
    refused(
        &format!("{ASKED},temp --resume").replace(" null,temp", " null --keep temp"),
        "the job is another one",
    );
    let rows = work.text("in.csv");
    work.write("in.csv", rows.replace("UA", "US"));
    refused(&format!("{ASKED} --resume"), "the inputs have changed");
    work.write("in.csv", &rows);
    // Whoever does not ask for it begins anew.
    work.predicted(&flight_delay(), ASKED);
    assert!(work.read("o.csv") == output);
}

#[test]
fn two_at_once_do_not_write_to_the_same_file() {
    let work = Work::new();
    let asked = "--input - --input-format csv --output o.csv";
    let mut command = work.command(&fixture("dtype_fp32.onnx"), asked);
    let mut first = command.stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut rows = first.stdin.take().expect("it is a pipe");
    // More than is read before the first task.
    rows.write_all(b"a,b,c\n").expect("it is read");
    rows.write_all("1,2,3\n".repeat(100_000).as_bytes()).expect("it is read");
    while !work.has("o.csv.part/journal") {
        thread::sleep(Duration::from_millis(5));
    }
    work.write("in.csv", "a,b,c\n1,2,3\n");
    let second = work.predict(&fixture("dtype_fp32.onnx"), "--input in.csv --output o.csv");
    assert_eq!(second.code, 1, "it may be free soon");
    assert!(second.stderr.ends_with("onnxd: o.csv.part is being written by another process\n"));
    drop(rows);
    assert!(first.wait().expect("it is a child").success());
    assert_eq!(work.text("o.csv").lines().count(), 100_001);
}

#[test]
fn other_files_of_a_working_directory_stay() {
    let work = Work::new();
    work.write("in.csv", "a,b,c\n1,2,3\n").write("here/mine.part", "x").write("here/x.csv", "y");
    work.predicted(&fixture("dtype_fp32.onnx"), "--input in.csv --output o.csv --work-dir here");
    assert_eq!(work.names("here"), ["mine.part", "x.csv"]);
}
