//! Ctrl-C and the polite signal: what is done stays, and it is said how to go on.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Finished, Work, fixture};

fn interrupted_by(signal: Signal) {
    let work = Work::new();
    let asked = "--input - --input-format csv --output o.csv";
    let mut command = work.command(&fixture("dtype_fp32.onnx"), asked);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut rows = child.stdin.take().expect("it is a pipe");
    let block = "1,2,3\n".repeat(20_000);
    rows.write_all(b"a,b,c\n").expect("it is read");
    while !work.has("o.csv.part/journal") || work.text("o.csv.part/journal").lines().count() < 3 {
        rows.write_all(block.as_bytes()).expect("it is read");
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it is a process");
    kill_process(pid, signal).expect("it runs");
    // It ends between two tasks, and reads until then.
    while child.try_wait().expect("it is a child").is_none() {
        let _ = rows.write_all(block.as_bytes());
        thread::sleep(Duration::from_millis(1));
    }
    let finished = Finished::of(child.wait_with_output().expect("it is a child"));
    let told = "onnxd: the job was cancelled\n\
                onnxd: what is done lies in o.csv.part; --resume goes on with it\n";
    assert_eq!((finished.code, finished.stderr.ends_with(told)), (1, true), "{}", finished.stderr);
    assert!(!work.has("o.csv"));
}

#[test]
fn an_interrupt_leaves_work_to_go_on_with_and_says_so() {
    interrupted_by(Signal::INT);
}

#[test]
fn a_request_to_end_does_the_same() {
    interrupted_by(Signal::TERM);
}
