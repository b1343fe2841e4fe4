//! Kill -9 at any moment: who resumes gets the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Work, flight_delay, flights};

/// Kills of each kind of output; with five kinds these are fifty.
const KILLS: usize = 10;
const ROWS: usize = 120_000;

/// The same moments in each run of the tests.
struct Moments(u64);

impl Moments {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap_or(0)) / f64::from(1u32 << 31)
    }
}

/// Names and contents of all files below.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("it is there").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let below = contents(&entry.path()).into_iter();
            all.extend(below.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            all.insert(name, fs::read(entry.path()).expect("it can be read"));
        }
    }
    all
}

/// Says which files differ, not what is in them.
fn are_alike(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, when: &str) {
    let names = found.keys().chain(expected.keys());
    let differ: BTreeSet<_> =
        names.filter(|name| found.get(*name) != expected.get(*name)).collect();
    assert!(differ.is_empty(), "{when}: {differ:?}");
}

/// Whether it was still running.
fn kill(mut child: Child) -> bool {
    let ran = child.try_wait().expect("it is a child").is_none();
    child.kill().expect("it is a child");
    let status = child.wait().expect("it is a child");
    if !ran {
        assert!(status.success(), "it failed by itself");
    }
    ran
}

/// Waits until it gives names to files.
fn until_finished(child: &mut Child, mark: &Path) {
    while !mark.exists() && child.try_wait().expect("it is a child").is_none() {
        thread::sleep(Duration::from_micros(200));
    }
}

/// `out` is made again and again, and killed in between; `work` is where it lies on its way.
fn survives(work: &Work, input: &str, output: &str, mark: &str, seed: u64) {
    let model = flight_delay();
    let options = "--keep id --on-bad-row null";
    let begun = Instant::now();
    work.predicted(
        &model,
        &format!("--input {input} --output whole/{output} --rejects whole/r.csv {options}"),
    );
    let took = begun.elapsed();
    let expected = contents(&work.path("whole"));
    assert!(expected["r.csv"].len() > 1000 && expected.len() > 1);
    let asked =
        format!("--input {input} --output out/{output} --rejects out/r.csv {options} --resume");
    let mut moments = Moments(seed);
    let (mut killed, mut finished) = (0, 0);
    while killed < KILLS {
        let mut command = work.command(&model, &asked);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        if killed % 3 == 2 {
            until_finished(&mut child, &work.path(mark));
            thread::sleep(took.mul_f64(0.05 * moments.next()));
        } else {
            thread::sleep(took.mul_f64(moments.next()));
        }
        if kill(child) {
            killed += 1;
            continue;
        }
        are_alike(&contents(&work.path("out")), &expected, &format!("after {killed} kills"));
        finished += 1;
        fs::remove_dir_all(work.path("out")).expect("it is there");
    }
    let end = work.predicted(&model, &asked);
    let last = format!("{finished} times it was: {}", end.stderr);
    are_alike(&contents(&work.path("out")), &expected, &last);
}

/// Into one file.
fn one_file_survives(output: &str, seed: u64) {
    let work = Work::new();
    work.write("in.csv", flights(ROWS, |row| row % 997 == 0));
    survives(&work, "in.csv", output, &format!("out/{output}.part/finished"), seed);
}

#[test]
fn ten_kills_change_no_byte_of_csv() {
    one_file_survives("o.csv", 1);
}

#[test]
fn ten_kills_change_no_byte_of_packed_ndjson() {
    one_file_survives("o.ndjson.zst", 2);
}

#[test]
fn ten_kills_change_no_byte_of_parquet() {
    one_file_survives("o.parquet", 3);
}

#[test]
fn ten_kills_change_no_byte_of_arrow() {
    one_file_survives("o.arrow", 4);
}

#[test]
fn ten_kills_change_no_byte_of_many_files() {
    let work = Work::new();
    for file in 0..600 {
        // Some have no rows.
        let rows = if file % 50 == 7 { 0 } else { 40 + file % 100 };
        work.write(&format!("in/{file:04}.csv"), flights(rows, |row| row == 17));
    }
    survives(&work, "in/*.csv", "many/", "out/many/.onnxd.part/finished", 5);
}
