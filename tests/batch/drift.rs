//! The data of a whole job beside the reference of its model.

use crate::support::{Work, fixture, flight_delay, flights};

#[test]
fn drift_is_told_of_whole_files_and_fails_only_those_who_ask_with_a_complete_output() {
    let work = Work::new();
    work.write("in.csv", flights(5_000, |_| false));
    let told = work.predicted(&flight_delay(), "--input in.csv --output a.csv --summary a.json");
    assert!(told.stderr.contains("features drifted"), "{}", told.stderr);
    let summary: serde_json::Value =
        serde_json::from_str(&work.text("a.json")).expect("the summary is JSON");
    assert_eq!(summary["drift"]["rows"], 5_000);
    assert!(summary["drift"]["drifted"].as_u64() > Some(0), "{summary}");
    let asked = "--input in.csv --output b.csv --fail-on-drift";
    let failed = work.predict(&flight_delay(), asked);
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("the output is complete"), "{}", failed.stderr);
    assert_eq!(work.read("a.csv"), work.read("b.csv"));
}

#[test]
fn a_profile_that_is_named_and_missing_is_told_before_anything_is_read() {
    let work = Work::new();
    work.write("in.csv", "a,b,c\n1,2,3\n");
    std::fs::create_dir_all(work.path("m/1")).expect("it can be made");
    std::fs::copy(fixture("dtype_fp32.onnx"), work.path("m/1/model.onnx")).expect("it is copied");
    work.write("m/model.toml", "[drift]\nreference = \"lost.json\"\n");
    let finished = work.predict("m", "--input in.csv --output o.csv");
    assert_eq!(finished.code, 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("there is no lost.json"), "{}", finished.stderr);
    assert!(!work.has("o.csv"));
}

#[test]
fn who_asks_for_drift_of_a_model_without_a_profile_is_told_so() {
    let work = Work::new();
    work.write("in.csv", "x\n1\n");
    let asked = "--input in.csv --output o.csv --fail-on-drift";
    let finished = work.predict(&fixture("dtype_fp32.onnx"), asked);
    assert_eq!(finished.code, 2, "{}", finished.stderr);
    assert!(finished.stderr.contains("reference profile"), "{}", finished.stderr);
    assert!(!work.has("o.csv"));
}
