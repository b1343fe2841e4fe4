//! Very many small files, with few open at a time.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Finished, Work, fixture};

const FILES: usize = 100_000;
/// The least that shells of all systems give a program, by far.
const OPEN_FILES: usize = 64;
/// Several times what it takes on two busy cores.
const LONGEST: Duration = Duration::from_mins(2);

fn predict(work: &Work, arguments: &str) -> Finished {
    let limited = format!("ulimit -n {OPEN_FILES}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_onnxd"), "predict"]);
    command.arg(fixture("dtype_fp32.onnx")).args(arguments.split(' ')).current_dir(work);
    let begun = Instant::now();
    let finished = Finished::of(command.output().expect("there is a shell"));
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    finished
}

#[test]
fn a_hundred_thousand_files_become_one_and_as_many() {
    let work = Work::new();
    fs::create_dir(work.path("in")).expect("it can be made");
    for file in 0..FILES {
        let text = format!("id,a,b,c\n{file},{file},1,2\n");
        fs::write(work.path(&format!("in/{file:06}.csv")), text).expect("it can be written");
    }
    predict(&work, "--input in/*.csv --output one.csv --keep id");
    let doubled = |file: usize| format!("{file},{}.0,2.0,4.0", 2 * file);
    let one = work.text("one.csv");
    let mut rows = 0;
    for (file, line) in one.lines().skip(1).enumerate() {
        assert_eq!(line, doubled(file));
        rows += 1;
    }
    assert_eq!(rows, FILES);
    let told = predict(&work, "--input in/*.csv --output many/ --keep id").stderr;
    assert!(told.contains("100000 files: 100000 rows\n"), "{told}");
    assert_eq!(fs::read_dir(work.path("many")).expect("it is there").count(), FILES);
    for file in (0..FILES).step_by(97) {
        let text = work.text(&format!("many/{file:06}.csv"));
        assert_eq!(text, format!("id,y[0],y[1],y[2]\n{}\n", doubled(file)));
    }
}

#[test]
fn two_inputs_that_would_become_one_file_are_told() {
    let work = Work::new();
    work.write("1/a.csv", "a,b,c\n1,2,3\n").write("2/a.csv", "a,b,c\n1,2,3\n");
    assert_eq!(
        work.refused(&fixture("dtype_fp32.onnx"), "--input 1/a.csv --input 2/a.csv --output o/"),
        "1/a.csv and 2/a.csv would both become o/a.csv"
    );
}
