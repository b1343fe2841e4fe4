//! The life of a contract: training data suggests it, requests are counted against it, and what
//! they kept is enforced.

use std::fs;

use serde_json::{Value, json};

use crate::profile::{ordinary, ordinary_rows};
use crate::support::{Finished, Repository, Server, onnxd, until};

const REPORT: &str = "/api/models/scale_1/contract";

/// `scale_1` with what `onnxd profile` makes of ordinary data.
fn profiled() -> Repository {
    let repository = Repository::with(&["scale_1"]);
    repository.write("train.csv", ordinary_rows(1000));
    let data = repository.path().join("train.csv").display().to_string();
    let run = onnxd(&["profile", &model(&repository), "--data", &data]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    repository
}

fn model(repository: &Repository) -> String {
    repository.path().join("scale_1").display().to_string()
}

fn contract_of(repository: &Repository, name: &str) -> String {
    fs::read_to_string(repository.path().join("scale_1/1").join(name)).expect("it is written")
}

fn infer(rows: &[[f64; 3]]) -> Value {
    json!({"inputs": [{
        "name": "x", "datatype": "FP32", "shape": [rows.len(), 3], "data": rows.as_flattened(),
    }]})
}

fn status(server: &Server, row: [f64; 3]) -> u16 {
    server.infer("scale_1", &infer(&[row])).status
}

/// Asks for so many rows that nothing is wrong with.
fn ask(server: &Server, rows: usize) {
    let rows: Vec<[f64; 3]> = (0..rows).map(ordinary).collect();
    assert_eq!(server.infer("scale_1", &infer(&rows)).status, 200);
}

fn promote(repository: &Repository, arguments: &[&str]) -> Finished {
    onnxd(&[&["contract", "promote", &model(repository)], arguments].concat())
}

#[test]
fn a_suggested_contract_observes_until_what_was_kept_is_enforced() {
    let repository = profiled();
    let suggested = contract_of(&repository, "contract.suggested.toml");
    assert!(suggested.contains("mode = \"observe\""), "{suggested}");
    let server = Server::start(repository.path(), &[]);
    ask(&server, 1_500);
    assert_eq!(status(&server, [0.5, 50.0, 0.5]), 200, "it only observes");
    let report = server.get(REPORT).json();
    assert_eq!(report["versions"]["1"]["rows"], 1_501, "{report}");

    let url = format!("http://{}/", server.address());
    let run = promote(&repository, &["--observed", &url]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(
        run.stdout.contains("x[0]  observe -> reject     kept by 1501 rows\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("x[1]  stays observe         1 above_max of 1501 rows\n"),
        "{}",
        run.stdout
    );
    assert_eq!(contract_of(&repository, "contract.suggested.toml"), suggested);

    until("the promoted contract is in force", || {
        (server.get(REPORT).json()["versions"]["1"]["mode"] == "reject").then_some(())
    });
    assert_eq!(status(&server, [50.0, 0.5, 0.5]), 400);
    assert_eq!(status(&server, [0.5, 50.0, 0.5]), 200);
    let again = promote(&repository, &["--observed", &url, "--min-rows", "1"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stdout.contains("x[0]  stays reject"), "{}", again.stdout);
}

#[test]
fn counts_of_several_servers_are_promoted_together() {
    let repository = profiled();
    let reports = [700, 700].map(|rows| {
        let server = Server::start(repository.path(), &[]);
        ask(&server, rows);
        server.get(REPORT).text().to_owned()
    });
    let files = ["a.json", "b.json"].map(|name| repository.path().join(name).display().to_string());
    repository.write("a.json", &reports[0]);
    repository.write("b.json", &reports[1]);
    let one = promote(&repository, &["--observed", &files[0]]);
    assert_eq!(one.code, 1);
    assert!(one.stderr.ends_with("700 rows were checked, expected at least 1000\n"), "{one:?}");
    let two = ["--observed", &files[0], "--observed", &files[1]];
    let dry = promote(&repository, &[&two[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(!repository.path().join("scale_1/1/contract.toml").exists());
    let run =
        promote(&repository, &[&two[..], &["--mode", "quarantine", "--output", "-"]].concat());
    assert!(run.stdout.contains("\nmode = \"quarantine\"\n"), "{}", run.stdout);
    assert!(run.stderr.contains("1400 rows were checked"), "{}", run.stderr);
}

#[test]
fn what_says_nothing_about_the_contract_promotes_nothing() {
    let repository = profiled();
    let server = Server::start(repository.path(), &[]);
    ask(&server, 1_000);
    let report = server.get(REPORT).json();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut report = report.clone();
        change(&mut report);
        repository.write("report.json", report.to_string());
        let file = repository.path().join("report.json").display().to_string();
        let run = promote(&repository, &["--observed", &file]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(!repository.path().join("scale_1/1/contract.toml").exists());
        run.stderr
    };
    let other = refused(&|report| report["versions"]["1"]["id"] = json!("00000000"));
    assert!(other.contains("observes contract 00000000, this one is"), "{other}");
    let model = refused(&|report| report["model"] = json!("other"));
    assert!(model.contains("it is about 'other', expected 'scale_1'"), "{model}");
    let version = refused(&|report| report["versions"] = json!({}));
    assert!(version.contains("no contract of version 1 is in force, but of none"), "{version}");
    let text = refused(&|report| *report = json!("text"));
    assert!(text.contains("it is no report of a contract"), "{text}");
    let nobody = promote(&repository, &["--observed", "http://127.0.0.1:1"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("http://127.0.0.1:1"), "{}", nobody.stderr);
    let share = promote(&repository, &["--observed", "-", "--max-violations", "2"]);
    assert_eq!((share.code, share.stderr.contains("2 is no share of 1")), (2, true), "{share:?}");
}

#[test]
fn a_contract_of_the_owner_goes_before_a_suggested_one() {
    let repository = profiled();
    repository.write("scale_1/model.toml", "[contract]\nmode = \"off\"\n");
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.get(REPORT).json()["versions"]["1"]["mode"], "off");
    drop(server);
    repository.write("scale_1/model.toml", "");
    let suggested = contract_of(&repository, "contract.suggested.toml");
    repository.write("scale_1/1/contract.suggested.toml", suggested.replace("observe", "reject"));
    let server = Server::start(repository.path(), &[]);
    assert_eq!(status(&server, [0.5, 50.0, 0.5]), 200, "a suggestion refuses nothing");
}

#[test]
fn a_model_without_a_contract_says_how_to_get_one() {
    let repository = Repository::with(&["scale_1"]);
    let run = promote(&repository, &["--observed", "-"]);
    assert_eq!(run.code, 1);
    let expected = "scale_1 version 1: it has no contract; onnxd profile suggests one\n";
    assert!(run.stderr.ends_with(expected), "{}", run.stderr);
}
