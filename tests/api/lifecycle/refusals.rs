//! Each way in which a version can be refused: version 1 goes on, and the reason is in the
//! index, in `/api/models`, in the metrics and in one line of the log.

use std::fs;

use serde_json::{Value, json};

use super::{refusals, swaps, version};
use crate::support::{Repository, Server, fixture, infer_path, models_that_ship, until};

/// Of the key that made `SIGNATURE`.
const PUBLIC_KEY: &str = "RWQBAQEBAQEBAYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

/// Of `scale_1.onnx`, made with `tests/sources/minisign.py`.
const SIGNATURE: &str = "untrusted comment: test
RUQBAQEBAQEBARi33rr5MGjYjVr9UHNtHKXZo3UTEE7yehjMuSsvyGe5FDCokKQTCsL347rttgP5DzQex/lpp0TcvCmChyv0BQY=
trusted comment: timestamp:1700000000
MB2eF5kMWybFnmNlmJs0ehvwcc5XcFgou3yt95SU7DM4Argd7h1TE1k3cLtAyvouT8vjXMYa4qQatlXC7RHrAg==
";

/// The same by another key.
const FOREIGN_SIGNATURE: &str = "untrusted comment: test
RUQCAgICAgICAg1qVdiywJYzSp3NVr2TwF82TbYaZYEDV289nt8JPjgRYhTGKf8AvUmf7yIa2SDGX2Moa8MvFsj8QNuEP8D6dQM=
trusted comment: timestamp:1700000000
d9tOj3jWL84zH+qxRgrhb0azKFcREiw5I2ccP+8qqLhGvbv8XdNGRwQhq6ZEa80hCHLgaApyDkjchweNHZmVDg==
";

const REFUSED: &str = "a model version was refused";

/// Version 1 of model `m` serves. Once `add` has put version 2 beside it, that one is refused
/// for this cause with a reason that begins so.
fn refused(
    repository: &Repository,
    arguments: &[&str],
    add: impl FnOnce(),
    (cause, expected): (&str, &str),
) {
    let server = Server::start(repository.path(), arguments);
    add();
    let reason = server.wait_for_state("m", "2", "UNAVAILABLE");
    assert!(reason.starts_with(expected), "expected '{expected}', came '{reason}'");
    assert_eq!(server.state("m", "1"), Some(("READY".to_owned(), String::new())));
    assert_eq!(server.model("m")["serving"], 1);
    assert_eq!(version(&server, "m", 2)["reason"], reason);
    assert_eq!((refusals(&server, cause), swaps(&server, "failed")), (1, 1));
    let line = server.logged(REFUSED);
    assert_eq!((&line["model.name"], &line["model.version"]), (&json!("m"), &json!(2)));
    assert_eq!((&line["cause"], &line["reason"]), (&json!(cause), &json!(reason)));
    assert_eq!(line["model.still_serving"], 1);
    server.must_be_logged(REFUSED, 1);
    server.stop_after(&[REFUSED]);
}

fn scale_1() -> Repository {
    let repository = Repository::new();
    repository.add("m", 1, "scale_1");
    repository
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).expect("the fixture is there")
}

#[test]
fn a_corrupt_file_is_refused() {
    let repository = scale_1();
    let add = || repository.write("m/2/model.onnx", "this is no model");
    refused(&repository, &[], add, ("model", "model.onnx is not an ONNX model"));
}

#[test]
fn a_copy_that_broke_off_is_refused() {
    let repository = scale_1();
    let whole = bytes("scale_2.onnx");
    let add = || repository.write("m/2/model.onnx", &whole[..whole.len() / 2]);
    refused(&repository, &[], add, ("model", "model.onnx is not an ONNX model"));
}

#[test]
fn no_beginning_of_a_file_ever_serves() {
    let repository = scale_1();
    let server = Server::start(repository.path(), &[]);
    let whole = bytes("scale_2.onnx");
    let lengths = (0..whole.len()).step_by(6);
    let last = lengths.clone().count() + 1;
    for (at, length) in lengths.enumerate() {
        repository.write(&format!("m/{}/model.onnx", at + 2), &whole[..length]);
    }
    for version in 2..=last {
        let reason = server.wait_for_state("m", &version.to_string(), "UNAVAILABLE");
        assert!(!reason.is_empty());
        assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    }
    // None of them is tried again, although nothing above version 1 serves.
    let tried = u64::try_from(last - 1).expect("they are few");
    assert_eq!(refusals(&server, "model"), tried);
    server.stop_after(&[REFUSED]);
}

#[test]
fn an_unsupported_operator_is_named() {
    let repository = scale_1();
    let add = || repository.add("m", 2, "unsupported_operator");
    let expected = "unsupported operator: com.example::FancyAttention (node 'encoder/attention')";
    refused(&repository, &[], add, ("model", expected));
}

#[test]
fn a_signature_that_callers_do_not_know_is_refused() {
    let repository = scale_1();
    let add = || repository.add("m", 2, "softmax_rows");
    let expected =
        "signature: compared with live version 1: input 'x': expected shape [N, 3], came [N, 4]";
    refused(&repository, &[], add, ("signature", expected));
}

fn golden(factor: f64) -> String {
    let tensor = |name: &str, data: [f64; 3]| json!({"name": name, "datatype": "FP32", "shape": [1, 3], "data": data});
    let request = json!({"inputs": [tensor("x", [1.0, 2.0, 3.0])]});
    let response = json!({"outputs": [tensor("y", [factor, 2.0 * factor, 3.0 * factor])]});
    json!({"examples": [{"request": request, "response": response}]}).to_string()
}

/// Puts scale 2 in place as version 2 with other files beside it, whole and at once.
fn add_with(repository: &Repository, files: &[(&str, &str)]) {
    for (name, text) in files {
        repository.write(&format!(".incoming/{name}"), text);
    }
    repository.copy("scale_2.onnx", ".incoming/model.onnx");
    let incoming = repository.path().join(".incoming");
    fs::rename(incoming, repository.version("m", 2)).expect("the version is new");
}

#[test]
fn a_golden_example_off_by_more_than_the_tolerance_is_refused_with_both_numbers() {
    let repository = scale_1();
    repository.write("m/1/golden.json", golden(1.0));
    let add = || add_with(&repository, &[("golden.json", &golden(2.5))]);
    let expected =
        "golden: example 0: output 'y', element 0: expected 2.5, came 2, tolerance 0.0025";
    refused(&repository, &[], add, ("golden", expected));
}

#[test]
fn golden_examples_that_are_required_and_missing_are_refused() {
    let repository = scale_1();
    repository.write("m/model.toml", "[gate]\ngolden = \"required\"\n");
    repository.write("m/1/golden.json", golden(1.0));
    let add = || repository.add("m", 2, "scale_2");
    let expected = "golden: golden.json is not there, and golden is \"required\"";
    refused(&repository, &[], add, ("golden", expected));
}

/// Version 1 of flight-delay as model `m`, with rows on which it is better than version 2.
fn flights(bars: &str) -> Repository {
    let repository = Repository::new();
    repository.write("m/eval.csv", bytes("flights.csv"));
    let settings = format!(
        "[gate]\nevaluation = {{ data = \"eval.csv\", target = \"arrived\", metric = \"auc\", positive = \"late\", {bars} }}\n"
    );
    repository.write("m/model.toml", settings);
    add_flights(&repository, 1);
    repository
}

fn add_flights(repository: &Repository, version: usize) {
    let file = models_that_ship().join(format!("flight-delay/{version}/model.onnx"));
    repository.add_file("m", version, &file);
}

#[test]
fn a_score_below_the_bar_is_refused_with_both() {
    let repository = flights("min = 0.9");
    let expected = "evaluation: auc 0.8333 (bar 0.9000), 5 rows";
    refused(&repository, &[], || add_flights(&repository, 2), ("evaluation", expected));
}

#[test]
fn a_score_worse_than_that_of_the_live_version_is_refused_with_both() {
    let repository = flights("not_worse_than_live_by = 0.01");
    let expected = "evaluation: auc 0.8333, live version 1: 1.0000, worse by more than 0.0100";
    refused(&repository, &[], || add_flights(&repository, 2), ("evaluation", expected));
}

#[test]
fn what_a_refused_version_was_measured_at_stays_until_it_is_loaded_again() {
    let repository = flights("min = 0.9, not_worse_than_live_by = 0.01");
    let server = Server::start(repository.path(), &[]);
    add_flights(&repository, 2);
    server.wait_for_state("m", "2", "UNAVAILABLE");
    let refused = version(&server, "m", 2);
    let checks = refused["refused"].as_array().expect("it has checks");
    let evaluation = checks.last().expect("it has some");
    assert_eq!(
        (&evaluation["kind"], &evaluation["outcome"]),
        (&json!("evaluation"), &json!("failed"))
    );
    let figures = evaluation["figures"].as_array().expect("it was measured");
    let auc = 5.0 / 6.0;
    for figure in figures {
        assert_eq!(figure["name"], "auc");
        assert!((figure["measured"].as_f64().expect("a number") - auc).abs() < 1e-9, "{figure}");
    }
    assert_eq!((figures.len(), &figures[0]["at_least"]), (2, &json!(0.9)));
    assert_eq!((&figures[1]["at_least"], &figures[1]["live_version"]), (&json!(0.99), &json!(1)));
    assert!(refused.get("gate").is_none(), "{refused}");
    assert!(version(&server, "m", 1).get("refused").is_none());
    repository.write("m/model.toml", "");
    server.wait_for_state("m", "2", "READY");
    assert!(version(&server, "m", 2).get("refused").is_none());
    server.stop_after(&[REFUSED]);
}

#[test]
fn a_version_that_is_too_slow_is_refused_with_its_latency() {
    let repository = Repository::new();
    repository.add("m", 1, "unknown_rank");
    let settings = "[gate]\nsignature = \"any\"\nmax_latency_p99 = \"20ms\"\n";
    repository.write("m/model.toml", settings);
    let add = || repository.add("m", 2, "slow");
    refused(&repository, &[], add, ("latency", "latency: p99 "));
}

#[test]
fn settings_that_no_version_meets_leave_the_live_one_in_service() {
    let repository = scale_1();
    let server = Server::start(repository.path(), &[]);
    repository.write("m/model.toml", "[gate]\ngolden = \"required\"\n");
    repository.add("m", 2, "scale_2");
    // They hold for version 1, too; what serves was loaded before.
    for version in ["2", "1"] {
        until(&format!("version {version} says why"), || {
            let (_, reason) = server.state("m", version)?;
            reason.starts_with("golden: golden.json is not there").then_some(())
        });
    }
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    assert_eq!((refusals(&server, "golden"), swaps(&server, "failed")), (2, 2));
    server.stop_after(&[REFUSED]);
}

#[test]
fn a_digest_that_does_not_match_is_refused_with_both() {
    let repository = scale_1();
    let sums = format!("{}  model.onnx\n", "0".repeat(64));
    let add = || add_with(&repository, &[("SHA256SUMS", &sums)]);
    let expected = format!("SHA256SUMS says {} for model.onnx, the file has ", "0".repeat(64));
    refused(&repository, &[], add, ("verification", &expected));
}

const SIGNED: [&str; 3] = ["--public-key", PUBLIC_KEY, "--require-signatures"];

fn signed() -> Repository {
    let repository = scale_1();
    repository.write("m/1/model.onnx.minisig", SIGNATURE);
    repository
}

#[test]
fn a_missing_signature_is_refused_where_signatures_are_required() {
    let repository = signed();
    let add = || repository.add("m", 2, "scale_2");
    let expected = "model.onnx.minisig is missing, and signatures are required";
    refused(&repository, &SIGNED, add, ("verification", expected));
}

#[test]
fn the_signature_of_another_file_is_refused() {
    let repository = signed();
    let add = || add_with(&repository, &[("model.onnx.minisig", SIGNATURE)]);
    let expected = "model.onnx.minisig: the signature does not match";
    refused(&repository, &SIGNED, add, ("verification", expected));
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let repository = signed();
    let add = || add_with(&repository, &[("model.onnx.minisig", FOREIGN_SIGNATURE)]);
    let expected = "model.onnx.minisig: made with another key";
    refused(&repository, &SIGNED, add, ("verification", expected));
}

#[test]
fn a_version_that_does_not_fit_into_memory_is_refused_with_what_is_left() {
    let repository = Repository::new();
    add_flights(&repository, 1);
    let arguments = ["--max-model-memory", "300kB"];
    let expected = "it needs about 0.4 MB, and of the 0.3 MB of max-model-memory 0.2 MB are left";
    refused(&repository, &arguments, || add_flights(&repository, 2), ("memory", expected));
}

#[test]
fn settings_with_mistakes_keep_what_serves_and_name_every_line() {
    let repository = scale_1();
    let server = Server::start(repository.path(), &[]);
    let text = "trafic = 1\nshadow = \"canary\"\n[gate]\nmax_latency_p99 = \"20\"\n";
    repository.write("m/model.toml", text);
    repository.add("m", 2, "scale_2");
    let problem =
        until("the problem is told", || server.model("m")["problem"].as_str().map(str::to_owned));
    for mistake in ["line 1: unknown key 'trafic'", "line 2: shadow: ", "line 4: gate.max_latency"]
    {
        assert!(problem.contains(mistake), "no '{mistake}' in {problem}");
    }
    assert_eq!(server.state("m", "1"), Some(("READY".to_owned(), problem.clone())));
    assert_eq!(server.scaled("m"), ("1".to_owned(), 1));
    assert_eq!((refusals(&server, "settings"), swaps(&server, "failed")), (1, 1));
    assert_eq!(server.logged("a model cannot be loaded")["reason"], problem);
    repository.write("m/model.toml", "");
    server.wait_for_state("m", "2", "READY");
    assert_eq!(server.model("m")["problem"], Value::Null);
    let request =
        json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]});
    assert_eq!(server.post(&infer_path("m"), request.to_string()).json()["model_version"], "2");
    server.must_be_logged("a model cannot be loaded", 1);
    server.stop_after(&["a model cannot be loaded"]);
}
