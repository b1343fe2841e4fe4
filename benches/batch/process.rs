//! Programs from their start to their end: time, and the most memory that they had.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::median;

const ROUNDS: usize = 5;

/// Another build of the program than the one that was built with this.
const OTHER_PROGRAM: &str = "ONNXD_BENCH_PROGRAM";

struct Cost {
    seconds: f64,
    mebibytes: f64,
}

pub(crate) fn compare(directory: &Path, python: &Path) {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/flight-delay");
    let file = model.join("2/model.onnx");
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_onnxd"));
    let program = env::var_os(OTHER_PROGRAM).map_or_else(built, PathBuf::from);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/batch/script.py");
    for (source, format) in [("flights.csv", "parquet"), ("flights.parquet", "csv")] {
        let source = directory.join(source);
        let [ours, theirs] =
            ["ours", "theirs"].map(|who| directory.join(format!("{who}.{format}")));
        let mut own = Command::new(&program);
        own.arg("predict").arg(&model).arg("--input").arg(&source).arg("--output").arg(&ours);
        own.args(["--keep", "id"]);
        let mut other = Command::new(python);
        other.arg(&script).arg(&file).arg(&source).arg(&theirs).arg("id");
        let (mut costs, mut others) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            costs.push(cost(&mut own));
            others.push(cost(&mut other));
        }
        let seconds =
            |costs: &[Cost]| median(&mut costs.iter().map(|c| c.seconds).collect::<Vec<_>>());
        let most =
            |costs: &[Cost]| median(&mut costs.iter().map(|c| c.mebibytes).collect::<Vec<_>>());
        println!(
            "{} to {format}: {:.2} s and {:.0} MiB; pandas and onnxruntime {:.2} s and {:.0} MiB: \
             {:.1} times as fast, {:.3} of the memory",
            source.display(),
            seconds(&costs),
            most(&costs),
            seconds(&others),
            most(&others),
            seconds(&others) / seconds(&costs),
            most(&costs) / most(&others),
        );
    }
    let large = directory.join("large.parquet");
    let mut own = Command::new(&program);
    own.arg("predict").arg(&model).arg("--input").arg(&large);
    own.arg("--output").arg(directory.join("large-out.parquet")).args(["--keep", "id"]);
    let Cost { seconds, mebibytes } = cost(&mut own);
    println!("20 million rows of Parquet: {seconds:.1} s, {mebibytes:.0} MiB");
}

/// `/usr/bin/time` says what the system counted.
fn cost(command: &mut Command) -> Cost {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["--format", "%M"]).arg(command.get_program()).args(command.get_args());
    let started = Instant::now();
    let output = timed.output().expect("/usr/bin/time runs");
    let seconds = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let kibibytes: f64 = text.trim().lines().last().and_then(|l| l.parse().ok()).expect("a number");
    Cost { seconds, mebibytes: kibibytes / 1024.0 }
}
