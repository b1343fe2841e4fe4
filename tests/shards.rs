//! Eight shards come to what one run does, killed or not, and whoever merges them is told by name
//! what is not as it should be.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use onnxd::table::{Cell, ColumnType, Encoder, Heading, Kind, Placed, Table, Values};
use onnxd::tensor::DataType;
use serde_json::Value;

const COLUMNS: [&str; 13] = [
    "id",
    "carrier",
    "origin",
    "dest",
    "weekday",
    "hour",
    "distance",
    "temp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
];
const TEXTS: [usize; 4] = [0, 1, 2, 3];

struct Work(tempfile::TempDir);

impl Work {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for files"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `onnxd predict` in the directory.
    fn predict(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onnxd"));
        command.current_dir(self.0.path()).arg("predict").args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.predict(arguments).output().expect("the program runs")
    }

    /// A job, whole or a shard of eight.
    fn score(&self, input: &[&str], output: &str, more: &[&str]) -> Output {
        let model = model();
        let mut arguments = vec![model.as_str(), "--output", output, "--keep", "id"];
        for input in input {
            arguments.extend(["--input", input]);
        }
        arguments.extend(["--on-bad-row", "null"]);
        arguments.extend(more);
        self.run(&arguments)
    }

    fn shards(&self, input: &[&str], output: &str, of: u32) {
        for index in 0..of {
            assert_done(&self.score(input, output, &["--shard", &format!("{index}/{of}")]));
        }
    }

    /// The JSON of merge-manifest, its exit code, and what it says is wrong.
    fn merge(&self, arguments: &[&str]) -> (Value, Option<i32>, String) {
        let output = self.run(&[&["merge-manifest", "--json"], arguments].concat());
        let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (json, output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a directory")).expect("it is made");
        fs::write(path, bytes).expect("it is written");
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn model() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("models/flight-delay").to_string_lossy().into_owned()
}

fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn rows_of(path: &Path) -> (Vec<String>, Vec<Vec<Cell>>) {
    let table = Table::open(path).expect("it can be read");
    let rows = table.rows.collect::<Result<_, _>>().expect("all rows can be read");
    (table.columns, rows)
}

/// One flight; every thousandth has an hour that the contract refuses.
fn row(id: usize) -> [String; 13] {
    let of = |texts: &[&str]| texts[id % texts.len()].to_owned();
    let hour = if id % 1000 == 7 { 31 } else { id % 24 };
    [
        id.to_string(),
        of(&["UA", "AA", "B6", "DL", "EV"]),
        of(&["EWR", "LGA", "JFK"]),
        of(&["IAH", "MIA", "BQN", "ATL", "ORD", "FLL", "IAD"]),
        (id % 7 + 1).to_string(),
        hour.to_string(),
        (200 + id % 2300).to_string(),
        (20 + id % 70).to_string(),
        (20 + id % 80).to_string(),
        (id % 30).to_string(),
        "0".to_owned(),
        (990 + id % 40).to_string(),
        (id % 11).to_string(),
    ]
}

fn csv(ids: std::ops::Range<usize>) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for id in ids {
        writeln!(text, "{}", row(id).join(",")).expect("memory suffices");
    }
    text
}

/// Row groups of these many rows.
fn parquet(groups: &[usize]) -> Vec<u8> {
    let whole = ColumnType::of(DataType::Int64);
    let kind = |at: usize| if TEXTS.contains(&at) { ColumnType::text() } else { whole.clone() };
    let headings: Vec<Heading> = COLUMNS
        .iter()
        .enumerate()
        .map(|(at, name)| Heading { name: (*name).to_owned(), kind: kind(at) })
        .collect();
    let encoder = Encoder::new(Kind::of_name("x.parquet").expect("a format"), &headings);
    let mut bytes = encoder.head().expect("a head");
    let (mut placed, mut first) = (Vec::new(), 0);
    for rows in groups {
        let group: Vec<[String; 13]> = (first..first + rows).map(row).collect();
        first += rows;
        let values = |at: usize| {
            if TEXTS.contains(&at) {
                return Values::texts(group.iter().map(|row| Some(row[at].as_str())));
            }
            Values::wholes(group.iter().map(|row| row[at].parse().expect("a number")))
        };
        let segment = encoder.segment((0..COLUMNS.len()).map(values).collect()).expect("rows");
        placed.push(Placed { at: bytes.len() as u64, index: segment.index });
        bytes.extend(segment.bytes);
    }
    bytes.extend(encoder.tail(&placed).expect("a tail"));
    bytes
}

/// Forty files of different sizes.
fn many_files(work: &Work) {
    let mut first = 0;
    for file in 0..40 {
        let rows = 50 + file * 37 % 400;
        work.write(&format!("in/{file:03}.csv"), csv(first..first + rows));
        first += rows;
    }
}

#[test]
fn shards_of_texts_merge_into_the_bytes_of_one_run() {
    let work = Work::new();
    many_files(&work);
    for kind in ["csv", "ndjson"] {
        let (one, all) = (format!("one.{kind}"), format!("all.{kind}"));
        assert_done(&work.score(&["in/*.csv"], &one, &[]));
        work.shards(&["in/*.csv"], &format!("{kind}/y.{kind}"), 8);
        let (report, code, wrong) = work.merge(&[kind, "--output", &all, "--verify"]);
        assert_eq!((code, wrong.as_str()), (Some(0), ""));
        assert_eq!((&report["complete"], &report["shards"]), (&true.into(), &8.into()));
        assert!(work.bytes(&one) == work.bytes(&all), "{kind} differs");
        let rejects = |name: &str| work.bytes(&format!("{name}.rejects.csv"));
        assert_eq!(rejects(&one), rejects(&all));
        assert!(report["totals"]["bad"].as_u64() > Some(0));
    }
}

#[test]
fn shards_of_one_parquet_file_and_of_a_mixture_merge_into_equal_tables() {
    let work = Work::new();
    let groups: Vec<usize> = (0..60).map(|group| 20 + group * 13 % 90).collect();
    work.write("in.parquet", parquet(&groups));
    work.write("more/a.csv", csv(0..900));
    work.write("more/b.csv", csv(900..1000));
    let mixed = ["more/a.csv", "in.parquet", "more/b.csv"];
    for (name, input) in [("one", &["in.parquet"][..]), ("mixed", &mixed[..])] {
        for kind in ["parquet", "arrow", "csv"] {
            let directory = format!("{name}-{kind}");
            let (one, all) = (format!("{directory}-one.{kind}"), format!("{directory}-all.{kind}"));
            assert_done(&work.score(input, &one, &[]));
            work.shards(input, &format!("{directory}/y.{kind}"), 8);
            let (_, code, wrong) = work.merge(&[&directory, "--output", &all, "--verify"]);
            assert_eq!((code, wrong.as_str()), (Some(0), ""), "{directory}");
            assert_eq!(rows_of(&work.path(&one)), rows_of(&work.path(&all)), "{directory}");
        }
    }
}

#[test]
fn the_rows_of_all_shards_are_held_against_the_profile_together() {
    let work = Work::new();
    many_files(&work);
    work.shards(&["in/*.csv"], "out/y.csv", 3);
    let model = model();
    let (report, code, wrong) = work.merge(&["out", "--model", &model]);
    assert_eq!((code, wrong.as_str()), (Some(0), ""));
    let ran = report["totals"]["tally"]["rows"].as_u64();
    assert_eq!(report["drift"]["rows"].as_u64(), ran, "every row that ran");
    assert!(report["drift"]["drifted"].as_u64() > Some(0), "{}", report["drift"]);
    let (_, code, wrong) = work.merge(&["out", "--model", &model, "--fail-on-drift"]);
    assert_eq!(code, Some(1));
    assert!(wrong.ends_with("features drifted\n"), "{wrong}");
    // Other bins than those that were counted.
    let (_, code, wrong) = work.merge(&["out", "--model", &model, "--version", "1"]);
    assert_eq!(code, Some(1));
    assert!(wrong.contains("shards counted by reference"), "{wrong}");
    let (_, code, wrong) = work.merge(&["out", "--fail-on-drift"]);
    assert_eq!(code, Some(2), "{wrong}");
}

#[test]
fn too_many_bad_rows_of_all_shards_leave_no_output() {
    let work = Work::new();
    many_files(&work);
    work.shards(&["in/*.csv"], "out/y.csv", 3);
    let (_, code, wrong) = work.merge(&["out", "--output", "all.csv", "--max-bad-rows", "0"]);
    assert_eq!(code, Some(1));
    assert!(wrong.contains("rows are bad, at most 0 may be"), "{wrong}");
    assert!(!work.path("all.csv").exists());
}

#[test]
fn merging_leaves_the_work_of_a_run_with_the_same_output_alone() {
    let work = Work::new();
    many_files(&work);
    work.shards(&["in/*.csv"], "out/y.csv", 2);
    let stopped = work.score(&["in/*.csv"], "all.csv", &["--max-bad-rows", "0"]);
    assert!(!stopped.status.success());
    let (_, code, wrong) = work.merge(&["out", "--output", "all.csv"]);
    assert_eq!((code, wrong.as_str()), (Some(0), ""));
    let merged = work.bytes("all.csv");
    let resumed = work.score(&["in/*.csv"], "all.csv", &["--resume"]);
    assert_done(&resumed);
    let said = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(said.contains("rows were done before"), "{said}");
    assert!(work.bytes("all.csv") == merged);
}

#[test]
fn shards_have_about_as_many_bytes_each() {
    let work = Work::new();
    many_files(&work);
    work.shards(&["in/*.csv"], "out/y.csv", 8);
    let bytes: Vec<u64> = (0..8)
        .map(|index| {
            let text = work.bytes(&format!("out/y-{index:05}-of-00008.manifest.json"));
            let manifest: Value = serde_json::from_slice(&text).expect("it is JSON");
            let read = manifest["read"].as_array().expect("a list").iter();
            read.map(|file| file["bytes"].as_u64().expect("a number")).sum()
        })
        .collect();
    let mean = bytes.iter().sum::<u64>() / 8;
    assert!(bytes.iter().all(|own| own.abs_diff(mean) < mean / 4), "{bytes:?}");
}

/// Starts a shard and kills it once it has written something, but not all.
fn kill_midway(work: &Work, shard: &str, journal: &str, manifest: &str) {
    for _ in 0..50 {
        let model = model();
        let arguments = [
            &model,
            "--input",
            "in/*.csv",
            "--output",
            "out/y.csv",
            "--keep",
            "id",
            "--on-bad-row",
            "null",
            "--jobs",
            "1",
            "--shard",
            shard,
        ];
        let mut child =
            work.predict(&arguments).stderr(Stdio::null()).spawn().expect("it can be started");
        let is_midway = || {
            let text = fs::read_to_string(work.path(journal)).unwrap_or_default();
            text.lines().count() >= 2
        };
        while child.try_wait().expect("it can be asked").is_none() {
            if is_midway() {
                child.kill().expect("it can be killed");
            }
            thread::sleep(Duration::from_micros(500));
        }
        if is_midway() && !work.path(manifest).exists() {
            return;
        }
        // It was faster.
        let _ = fs::remove_file(work.path(manifest));
    }
    panic!("shard {shard} was never killed midway");
}

#[test]
fn two_of_eight_shards_may_be_killed_and_go_on() {
    let work = Work::new();
    for file in 0..16 {
        work.write(&format!("in/{file:02}.csv"), csv(file * 25_000..(file + 1) * 25_000));
    }
    assert_done(&work.score(&["in/*.csv"], "one.csv", &[]));
    let name = |index: u32, end: &str| format!("out/y-{index:05}-of-00008.{end}");
    for index in 0..8 {
        let shard = format!("{index}/8");
        if index == 2 || index == 5 {
            let journal = name(index, "csv.part/journal");
            kill_midway(&work, &shard, &journal, &name(index, "manifest.json"));
        } else {
            assert_done(&work.score(&["in/*.csv"], "out/y.csv", &["--shard", &shard]));
        }
    }
    let (report, code, wrong) = work.merge(&["out", "--output", "all.csv"]);
    assert_eq!((code, &report["shards"]), (Some(1), &6.into()));
    assert!(wrong.contains("shard 2/8 is missing") && wrong.contains("shard 5/8 is missing"));
    assert!(!work.path("all.csv").exists(), "an incomplete job has no output");
    for shard in ["2/8", "5/8"] {
        let output = work.score(&["in/*.csv"], "out/y.csv", &["--resume", "--shard", shard]);
        assert_done(&output);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("rows were done before"), "{said}");
    }
    let (_, code, wrong) = work.merge(&["out", "--output", "all.csv", "--verify"]);
    assert_eq!((code, wrong.as_str()), (Some(0), ""));
    assert!(work.bytes("one.csv") == work.bytes("all.csv"), "the merged output differs");
    assert_eq!(work.bytes("one.csv.rejects.csv"), work.bytes("all.csv.rejects.csv"));
}

#[test]
fn what_is_wrong_with_shards_is_said_by_name() {
    let work = Work::new();
    many_files(&work);
    work.shards(&["in/*.csv"], "out/y.csv", 8);
    let wrong = |from: &[&str]| {
        let (_, code, wrong) = work.merge(from);
        assert_eq!(code, Some(1), "{wrong}");
        wrong
    };
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(work.path("other")).expect("it is made");
        fs::copy(work.path(from), work.path(to)).expect("it is copied");
    };

    // A shard twice.
    copy("out/y-00003-of-00008.manifest.json", "out/again.manifest.json");
    let said = wrong(&["out"]);
    assert!(said.contains("shard 3/8 is there twice: out/again.manifest.json and out/y-00003"));
    fs::remove_file(work.path("out/again.manifest.json")).expect("it is removed");

    // A damaged output: its size does not show it.
    let name = "out/y-00004-of-00008.csv";
    let whole = work.bytes(name);
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("it has bytes") ^= 1;
    work.write(name, &damaged);
    assert_eq!(work.merge(&["out"]).1, Some(0));
    assert!(wrong(&["out", "--verify"]).contains(&format!("{name}: its digest is")));
    work.write(name, &whole[..whole.len() - 1]);
    assert!(wrong(&["out"]).contains(&format!("{name}: it has")));
    fs::remove_file(work.path(name)).expect("it is removed");
    assert!(wrong(&["out"]).contains(&format!("{name} is missing")));
    work.write(name, &whole);

    // A manifest that is none.
    work.write("out/broken.manifest.json", "{}");
    assert!(wrong(&["out"]).contains("out/broken.manifest.json: it is no manifest"));
    fs::remove_file(work.path("out/broken.manifest.json")).expect("it is removed");

    // A shard of another job, and one of other inputs.
    let manifest = "out/y-00006-of-00008.manifest.json";
    let same = work.bytes(manifest);
    assert_done(&work.score(&["in/*.csv"], "out/y.csv", &["--keep", "dest", "--shard", "6/8"]));
    let said = wrong(&["out"]);
    assert!(said.contains(&format!("{manifest}: it is no shard of the others' job: the job")));
    assert!(said.contains("shard 6/8 is missing"), "{said}");
    work.write("in/000.csv", csv(0..10));
    assert_done(&work.score(&["in/*.csv"], "out/y.csv", &["--shard", "6/8"]));
    assert!(wrong(&["out"]).contains("the inputs have changed"));
    work.write(manifest, same);
}

#[test]
fn more_shards_than_files_leave_empty_outputs_that_merge() {
    let work = Work::new();
    work.write("in/a.csv", csv(0..50));
    work.write("in/b.csv", csv(50..90));
    for kind in ["csv", "parquet"] {
        assert_done(&work.score(&["in/*.csv"], &format!("one.{kind}"), &[]));
        work.shards(&["in/*.csv"], &format!("{kind}/y.{kind}"), 8);
        let all = format!("all.{kind}");
        let (report, code, _) = work.merge(&[kind, "--output", &all]);
        assert_eq!((code, &report["totals"]["rows"]), (Some(0), &90.into()));
        assert_eq!(rows_of(&work.path(&format!("one.{kind}"))), rows_of(&work.path(&all)));
    }
    let empty = String::from_utf8(work.bytes("csv/y-00000-of-00008.csv")).expect("it is text");
    assert_eq!(empty.lines().count(), 1, "a header: {empty}");
}

#[test]
fn shards_of_directories_write_each_file_once() {
    let work = Work::new();
    many_files(&work);
    assert_done(&work.score(&["in/*.csv"], "one/", &[]));
    work.shards(&["in/*.csv"], "out/", 8);
    let (report, code, wrong) = work.merge(&["out"]);
    assert_eq!((code, wrong.as_str()), (Some(0), ""));
    assert!(report["files"].as_u64() >= Some(40), "{report}");
    for file in 0..40 {
        let name = format!("{file:03}.csv");
        let bytes = |directory: &str| work.bytes(&format!("{directory}/{name}"));
        assert!(bytes("one") == bytes("out"), "{name} differs");
    }
}
