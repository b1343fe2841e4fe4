//! `onnxd check`: each way in which a version can fail to go live.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Finished, Repository, fixture, models_that_ship, onnxd};

fn check(repository: &Repository) -> Finished {
    onnxd(&["check", &repository.path().display().to_string()])
}

/// The outcome and the detail of one check.
fn row(run: &Finished, version: u64, check: &str) -> (String, String) {
    let line = run.stdout.lines().find(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(&version.to_string()) && words.next() == Some(check)
    });
    let line = line.unwrap_or_else(|| panic!("no {check} of version {version} in {}", run.stdout));
    let mut words = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).skip(3);
    let outcome = words.next().expect("it has an outcome").to_owned();
    words.next();
    (outcome, words.collect::<Vec<_>>().join("  "))
}

fn failed(run: &Finished, version: u64, check: &str) -> String {
    let (outcome, detail) = row(run, version, check);
    assert_eq!((run.code, outcome.as_str()), (1, "failed"), "{}{}", run.stdout, run.stderr);
    detail
}

/// Both versions of flight-delay, and rows with made-up arrivals: version 1 is better there.
fn flights(settings: &str) -> Repository {
    let repository = Repository::new();
    for version in [1, 2] {
        let file = models_that_ship().join(format!("flight-delay/{version}/model.onnx"));
        repository.add_file("delay", version, &file);
    }
    let rows = fs::read(fixture("flights.csv")).expect("the fixture is there");
    repository.write("delay/eval.csv", rows);
    repository.write("delay/model.toml", settings);
    repository
}

fn evaluation(rest: &str) -> String {
    format!(
        "versions = \"all\"\n[gate]\nevaluation = {{ data = \"eval.csv\", target = \"arrived\", metric = \"auc\", positive = \"late\", {rest} }}\n"
    )
}

#[test]
fn the_models_that_ship_would_go_live() {
    let run = onnxd(&["check", &models_that_ship().display().to_string()]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let (outcome, detail) = row(&run, 2, "signature");
    assert_eq!((outcome.as_str(), detail.as_str()), ("passed", "compatible with live version 1"));
    let (outcome, detail) = row(&run, 2, "golden");
    assert_eq!(outcome, "passed");
    assert!(detail.contains("examples hold"), "{detail}");
}

#[test]
fn it_says_the_same_in_json() {
    let repository = Repository::with(&["scale_1", "corrupt"]);
    let run = onnxd(&["check", "--json", &repository.path().display().to_string()]);
    assert_eq!((run.code, run.stderr.as_str()), (1, "onnxd: 1 of 2 would not go live\n"));
    let rows: Value = serde_json::from_str(&run.stdout).expect("it prints JSON");
    assert_eq!(rows[0]["model"], "corrupt");
    assert_eq!((&rows[0]["check"], &rows[0]["outcome"]), (&json!("load"), &json!("failed")));
    assert_eq!((&rows[1]["model"], &rows[1]["version"]), (&json!("scale_1"), &json!(1)));
    assert!(rows[1]["seconds"].is_f64(), "{rows}");
}

#[test]
fn a_corrupt_file_fails_to_load_with_its_reason() {
    let detail = failed(&check(&Repository::with(&["corrupt"])), 1, "load");
    assert!(detail.starts_with("model.onnx is not an ONNX model: "), "{detail}");
}

#[test]
fn a_signature_that_refuses_requests_of_the_version_before_is_named() {
    let repository = Repository::with(&["scale_1"]);
    repository.add("scale_1", 2, "softmax_rows");
    let run = check(&repository);
    assert_eq!(
        failed(&run, 2, "signature"),
        "compared with live version 1: input 'x': expected shape [N, 3], came [N, 4]"
    );
    assert_eq!(row(&run, 2, "golden").1, "the check 'signature' has failed");
    repository.write("scale_1/model.toml", "[gate]\nsignature = \"any\"\n");
    assert_eq!(check(&repository).code, 0);
}

fn golden(expected: f64) -> String {
    let tensor = |name: &str, data: Value| json!({"name": name, "datatype": "FP32", "shape": [1, 3], "data": data});
    json!({
        "tolerance": {"relative": 0.01, "absolute": 0.0},
        "examples": [{
            "request": {"inputs": [tensor("x", json!([1, 2, 3]))]},
            "response": {"outputs": [tensor("y", json!([[2, expected, 6]]))]}
        }]
    })
    .to_string()
}

#[test]
fn a_golden_example_that_is_off_names_the_element_and_both_numbers() {
    let repository = Repository::with(&["scale_2"]);
    repository.write("scale_2/1/golden.json", golden(4.01));
    let run = check(&repository);
    assert_eq!(run.code, 0, "{}", run.stdout);
    repository.write("scale_2/1/golden.json", golden(5.0));
    assert_eq!(
        failed(&check(&repository), 1, "golden"),
        "example 0: output 'y', element 1: expected 5, came 4, tolerance 0.05"
    );
    repository.write("scale_2/model.toml", "[gate]\ngolden = \"off\"\n");
    assert_eq!(check(&repository).code, 0);
}

#[test]
fn golden_examples_that_are_required_must_be_there_and_whole() {
    let repository = Repository::with(&["scale_2"]);
    repository.write("scale_2/model.toml", "[gate]\ngolden = \"required\"\n");
    let detail = failed(&check(&repository), 1, "golden");
    assert_eq!(detail, "golden.json is not there, and golden is \"required\"");
    repository.write("scale_2/1/golden.json", &golden(4.0)[..100]);
    let detail = failed(&check(&repository), 1, "golden");
    assert!(detail.starts_with("golden.json: "), "{detail}");
}

#[test]
fn a_latency_over_the_bar_is_told_with_its_percentiles() {
    let repository = Repository::with(&["slow", "scale_1"]);
    repository.write("slow/model.toml", "[gate]\nmax_latency_p99 = \"1ms\"\n");
    repository.write("scale_1/model.toml", "[gate]\nmax_latency_p99 = \"20s\"\n");
    let run = check(&repository);
    assert_eq!(run.stderr, "onnxd: 1 of 2 would not go live\n");
    let line = run.stdout.lines().find(|line| line.contains("latency") && line.contains("failed"));
    let line = line.unwrap_or_else(|| panic!("no latency failed: {}", run.stdout));
    assert!(line.starts_with("slow") && line.contains("(bar 1.00 ms), p50 "), "{line}");
}

#[test]
fn a_score_under_the_bar_is_told_with_the_bar() {
    let run = check(&flights(&evaluation("min = 0.9")));
    assert_eq!(row(&run, 1, "evaluation").1, "auc 1.0000 (bar 0.9000), 5 rows");
    assert_eq!(failed(&run, 2, "evaluation"), "auc 0.8333 (bar 0.9000), 5 rows");
}

#[test]
fn a_score_worse_than_that_of_the_live_version_is_told_with_both() {
    let run = check(&flights(&evaluation("min = 0.7, not_worse_than_live_by = 0.01")));
    let first = row(&run, 1, "evaluation").1;
    assert_eq!(first, "auc 1.0000 (bar 0.7000), no live version to compare with, 5 rows");
    assert_eq!(
        failed(&run, 2, "evaluation"),
        "auc 0.8333 (bar 0.7000), live version 1: 1.0000, worse by more than 0.0100, 5 rows"
    );
    let run = check(&flights(&evaluation("not_worse_than_live_by = 0.2")));
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn evaluation_data_that_cannot_be_used_fails_with_the_reason() {
    let settings = evaluation("min = 0.7").replace("arrived", "late");
    let detail = failed(&check(&flights(&settings)), 1, "evaluation");
    assert!(detail.starts_with("eval.csv: there is no column 'late', columns are:"), "{detail}");
    let settings = evaluation("min = 0.7").replace("eval.csv", "nowhere.csv");
    let detail = failed(&check(&flights(&settings)), 1, "evaluation");
    assert!(detail.starts_with("nowhere.csv: it cannot be read: No such file"), "{detail}");
}

#[test]
fn data_lies_beside_the_settings_of_a_single_model_too() {
    let repository = Repository::new();
    repository.copy("scale_1.onnx", "1/model.onnx");
    repository.write("1/rows.csv", "a,b,c,y\n1,2,3,4\n");
    let settings =
        "[gate]\nevaluation = { data = \"rows.csv\", target = \"y\", metric = \"mae\", max = 1 }";
    repository.write("1/model.toml", settings);
    let run = onnxd(&["check", &repository.path().join("1").display().to_string()]);
    let detail = failed(&run, 1, "evaluation");
    assert_eq!(detail, "rows.csv: row 0: the model gives 3 numbers, expected one");
}

#[test]
fn all_mistakes_in_the_settings_are_listed_with_their_lines() {
    let repository = Repository::with(&["scale_1"]);
    let text = "trafic = 1\nshadow = \"canary\"\n[gate]\nmax_latency_p99 = \"20\"\n";
    repository.write("scale_1/model.toml", text);
    let run = check(&repository);
    assert_eq!((run.code, run.stderr.as_str()), (1, "onnxd: 1 of 1 would not go live\n"));
    for mistake in [
        "line 1: unknown key 'trafic', keys are: versions, labels, traffic,",
        "line 2: shadow: 'canary' is not among the labels: there are none",
        "line 4: gate.max_latency_p99: '20' is no duration, expected for example 20ms",
    ] {
        assert!(run.stdout.contains(mistake), "no {mistake} in {}", run.stdout);
    }
}

#[test]
fn what_cannot_be_checked_fails_and_mistaken_usage_has_a_code_of_its_own() {
    assert_eq!(onnxd(&["check", "/nowhere"]).code, 1);
    assert_eq!(onnxd(&["check"]).code, 2);
}
