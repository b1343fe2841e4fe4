//! Files of a job that would be one and the same.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use crate::support::{Work, fixture, flight_delay, flights};

fn refused(work: &Work, arguments: &str) -> String {
    work.refused(&flight_delay(), arguments)
}

#[test]
fn an_input_is_neither_replaced_nor_read_twice() {
    let work = Work::new();
    work.write("d/a.csv", flights(10, |_| false));
    std::os::unix::fs::symlink(work.path("d"), work.path("link")).expect("it can be made");
    let before = work.read("d/a.csv");
    for asked in [
        "--input d/*.csv --output d/",
        "--input d/*.csv --output link/",
        "--input d/a.csv --output link/a.csv",
        "--input link/a.csv --output o.csv --rejects d/a.csv",
    ] {
        let told = refused(&work, asked);
        assert!(told.ends_with("a.csv is an input and would be replaced"), "{asked}: {told}");
        assert!(work.read("d/a.csv") == before, "{asked}");
    }
    let told = refused(&work, "--input d/a.csv --input d/*.csv --output o.csv");
    assert_eq!(told, "d/a.csv is an input twice");
}

#[test]
fn predictions_and_rejects_do_not_replace_each_other() {
    let work = Work::new();
    work.write("in/rejects.csv", flights(10, |_| false));
    work.write("in/bad.csv", flights(10, |row| row == 3));
    let told = refused(&work, "--input in/*.csv --output out/ --on-bad-row drop");
    assert!(told.contains("would both become out/rejects.csv"), "{told}");
    let told = refused(&work, "--input in/bad.csv --output o.csv --rejects o.csv");
    assert!(told.contains("would both become o.csv"), "{told}");
}

#[test]
fn rejects_of_an_earlier_run_do_not_outlive_it() {
    let (work, asked) = (Work::new(), "--input in.csv --output o.csv --on-bad-row drop");
    work.write("in.csv", flights(10, |row| row == 3));
    work.predicted(&flight_delay(), asked);
    assert!(work.has("o.csv.rejects.csv"));
    work.write("in.csv", flights(10, |_| false));
    work.predicted(&flight_delay(), asked);
    assert!(work.has("o.csv") && !work.has("o.csv.rejects.csv"));
}

#[test]
fn two_pipes_at_once_do_not_meet() {
    let work = Work::new();
    let asked = "--input - --input-format csv --output - --output-format csv";
    let begin = || {
        let mut command = work.command(&fixture("dtype_fp32.onnx"), asked);
        command.stdin(Stdio::piped()).spawn().expect("the program starts")
    };
    let mut children = [begin(), begin()];
    let mut pipes = children.each_mut().map(|child| child.stdin.take().expect("it is a pipe"));
    for pipe in &mut pipes {
        pipe.write_all(b"a,b,c\n1,2,3\n").expect("it is read");
    }
    drop(pipes);
    for child in children {
        let waiting = thread::spawn(|| child.wait_with_output().expect("it is a child"));
        let done = waiting.join().expect("it does not panic");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(String::from_utf8_lossy(&done.stdout), "y[0],y[1],y[2]\n2.0,4.0,6.0\n");
    }
    let told = refused(&work, &format!("{asked} --resume"));
    assert!(told.contains("--work-dir"), "{told}");
}
