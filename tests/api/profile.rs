//! `onnxd profile`: what it writes, and what it says of data and profiles that are no good.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::support::{Finished, Repository, Server, onnxd};

/// Rows of three columns, of which the first comes out of the model as it went in, scaled.
pub fn table(rows: usize, row: impl Fn(usize) -> String) -> String {
    let mut text = "a,b,c\n".to_owned();
    for number in 0..rows {
        writeln!(text, "{}", row(number)).expect("a string takes it");
    }
    text
}

/// Numbers from 0 to 1 without an order, the same in every run.
pub fn uniform(number: usize) -> f64 {
    let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = u32::try_from(mixed >> 32).expect("half of its bits");
    f64::from(mixed) / f64::from(u32::MAX)
}

/// Three numbers that have nothing to do with each other.
pub fn ordinary(number: usize) -> [f64; 3] {
    [0, 1, 2].map(|column| uniform(number * 3 + column))
}

pub fn ordinary_rows(rows: usize) -> String {
    table(rows, |number| ordinary(number).map(|value| value.to_string()).join(","))
}

/// Profiles `scale_1` on these data, in a file of this name.
fn profile_on(name: &str, data: impl AsRef<[u8]>, arguments: &[&str]) -> (Finished, Repository) {
    let repository = Repository::with(&["scale_1"]);
    repository.write(name, data);
    let model = repository.path().join("scale_1").display().to_string();
    let data = repository.path().join(name).display().to_string();
    let command = [&["profile", &model, "--data", &data], arguments].concat();
    (onnxd(&command), repository)
}

fn written(repository: &Repository) -> Value {
    let bytes = fs::read(repository.path().join("scale_1/1/profile.json")).expect("it is written");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

fn refused(name: &str, data: impl AsRef<[u8]>, arguments: &[&str]) -> String {
    let (run, repository) = profile_on(name, data, arguments);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let profile = repository.path().join("scale_1/1/profile.json");
    assert!(!profile.exists(), "a profile was written all the same");
    let path = repository.path().display().to_string();
    run.stderr.replace(&path, "").trim_start_matches("onnxd: ").trim_end().to_owned()
}

#[test]
fn every_input_and_every_prediction_is_described() {
    let (run, repository) = profile_on("data.csv", ordinary_rows(1000), &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(run.stdout.contains("profile.json: scale_1 version 1, 1000 rows\n"), "{}", run.stdout);
    let profile = written(&repository);
    let features = profile["features"].as_array().expect("features");
    let names: Vec<&str> = features.iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!(names, ["x[0]", "x[1]", "x[2]", "y[0]", "y[1]", "y[2]"]);
    assert_eq!(
        (&features[0]["role"], &features[5]["role"]),
        (&json!("input"), &json!("prediction"))
    );
    for feature in features {
        let counts = feature["counts"].as_array().expect("counts");
        assert_eq!(counts.iter().filter_map(Value::as_u64).sum::<u64>(), 1000, "{feature}");
        assert_eq!(feature["bins"]["edges"].as_array().map(Vec::len), Some(9), "{feature}");
        assert_eq!(feature["quantiles"].as_array().map(Vec::len), Some(129), "{feature}");
    }
    assert_eq!(profile["rows"], 1000);
}

#[test]
fn the_same_data_gives_the_same_profile_in_every_format() {
    let csv = profile_on("data.csv", ordinary_rows(500), &[]).1;
    let lines: Vec<String> = (0..500)
        .map(|number| {
            let [a, b, c] = ordinary(number);
            json!({"a": a, "b": b, "c": c}).to_string()
        })
        .collect();
    let ndjson = profile_on("data.ndjson", lines.join("\n"), &[]).1;
    assert_eq!(written(&csv), written(&ndjson));
}

#[test]
fn blocks_of_time_say_what_the_data_does_anyway() {
    let rising = |number: usize| format!("{number},{},1", uniform(number));
    let blocks_of = |time: fn(usize) -> String| {
        let with_time = |number: usize| format!("{},{}", rising(number), time(number));
        let text = table(3000, with_time).replace("a,b,c\n", "a,b,c,at\n");
        let (run, repository) = profile_on("data.csv", text, &["--time", "at"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let features = written(&repository)["features"].take();
        [0, 1].map(|feature| features[feature]["blocks"].as_array().expect("a list").clone())
    };
    let [rising, same] = blocks_of(|number| number.to_string());
    let counts: Vec<&Value> = rising.iter().map(|blocks| &blocks["count"]).collect();
    assert_eq!(counts, [30, 15, 7], "the shortest first");
    assert_eq!((&rising[0]["rows"], &rising[0]["seconds"]), (&json!(100), &Value::Null));
    let distance = |of: &Value| of["wasserstein"]["mean"].as_f64().expect("numbers have one");
    assert!(distance(&rising[2]) > 0.5, "what rises differs from itself");
    assert!(distance(&same[2]) < 0.1, "what is the same does not");
    assert!(distance(&same[0]) > distance(&same[2]), "a short block is less like the whole");
    let [timed, _] = blocks_of(|number| {
        let (day, minute) = (1 + number / 1440, number % 1440);
        format!("2013-01-{day:02}T{:02}:{:02}:00Z", minute / 60, minute % 60)
    });
    let seconds = timed[1]["seconds"].as_f64().expect("the times are known");
    assert!((seconds - 2999.0 * 60.0 / 15.0).abs() < 1e-6, "{seconds}");
}

#[test]
fn what_never_changes_and_what_is_never_there_have_profiles_too() {
    let text = table(300, |number| format!("5,,{}", uniform(number)));
    let (run, repository) = profile_on("data.csv", text, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let features = &written(&repository)["features"];
    assert_eq!(features[0]["bins"], json!({"numbers": [5.0]}));
    assert_eq!(features[1]["bins"], json!({"numbers": []}));
    assert_eq!(features[1]["counts"], json!([0, 300, 0, 0]));
}

#[test]
fn data_that_is_no_reference_is_refused_with_the_reason() {
    assert_eq!(refused("data.csv", "", &[]), "/data.csv: it is empty");
    assert_eq!(
        refused("data.csv", "a,b,c\n", &[]),
        "/data.csv: 0 rows are too few for a reference, expected at least 200"
    );
    assert_eq!(
        refused("data.csv", "a,b,c\n1,2,3\n", &[]),
        "/data.csv: 1 rows are too few for a reference, expected at least 200"
    );
    assert_eq!(
        refused("data.csv", "a,b\n1,2\n", &[]),
        "/data.csv: it has 2 columns, input 'x' has 3; name them as `features` in model.toml"
    );
    assert_eq!(
        refused("data.csv", "a,b,c\n1,2,3\n1,many,3\n", &[]),
        "/data.csv: row 1, column 'b': expected FP32 for input 'x', came 'many'"
    );
    assert_eq!(
        refused("data.txt", "a,b,c\n", &[]),
        "/data.txt: expected a file .csv, .ndjson, .parquet or .arrow"
    );
    assert_eq!(
        refused("data.csv", ordinary_rows(300), &["--ignore", "id"]),
        "/data.csv: there is no column 'id', columns are: a, b, c"
    );
    let backwards = table(300, |number| format!("1,2,3,{}", 300 - number));
    assert_eq!(
        refused("data.csv", backwards.replace("a,b,c\n", "a,b,c,at\n"), &["--time", "at"]),
        "/data.csv: row 1: the time is '299' after '300'; sort the rows by it"
    );
}

/// The path of a model of 10,000 columns, that of data for it, and one for its profile.
fn wide(names: &[String]) -> (Repository, [String; 3]) {
    let repository = Repository::with(&["wide"]);
    let row = |number: usize| format!("{},{}\n", uniform(number), vec!["0"; 9_999].join(","));
    let rows: String = (0..200).map(row).collect();
    repository.write("data.csv", format!("{}\n{rows}", names.join(",")));
    let paths = ["wide", "data.csv", "profile.json"]
        .map(|name| repository.path().join(name).display().to_string());
    (repository, paths)
}

#[test]
fn of_ten_thousand_features_a_thousand_are_watched_and_it_is_said() {
    let names: Vec<String> = (0..10_000).map(|column| format!("c{column}")).collect();
    let (repository, [model, data, output]) = wide(&names);
    repository.write("wide/model.toml", format!("features = {names:?}\n"));
    let run = onnxd(&["profile", &model, "--data", &data, "--output", &output]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr, "onnxd: 1000 features are watched, 9002 are left out\n");
    let diff = onnxd(&["profile", "diff", &output, &data, "--model", &model]);
    assert_eq!(diff.code, 0, "{}", diff.stderr);
    assert!(diff.stdout.contains("\n0 of 1000 features have drifted.\n"));
}

#[test]
fn a_tensor_that_is_watched_as_a_whole_is_compared_with_its_model_alone() {
    let names: Vec<String> = (0..10_000).map(|column| format!("c{column}")).collect();
    let (_repository, [model, data, output]) = wide(&names);
    let run = onnxd(&["profile", &model, "--data", &data, "--output", &output]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let diff = onnxd(&["profile", "diff", &output, &data, "--model", &model]);
    assert!(diff.stdout.contains("\n0 of 4 features have drifted.\n"), "{}", diff.stderr);
    let diff = onnxd(&["profile", "diff", &output, &data]);
    assert_eq!(diff.code, 1);
    let reason = "no feature can be compared: x.mean (it is of a whole tensor, which is no column";
    assert!(diff.stderr.contains(reason), "{}", diff.stderr);
}

#[test]
fn the_command_says_which_model_or_version_is_meant() {
    let repository = Repository::with(&["scale_1", "scale_2"]);
    repository.write("data.csv", ordinary_rows(300));
    let data = repository.path().join("data.csv").display().to_string();
    let path = repository.path().display().to_string();
    let run = onnxd(&["profile", &path, "--data", &data]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("holds several models, name one: scale_1, scale_2"));
    let run = onnxd(&["profile", &format!("{path}/scale_1"), "--data", &data, "--version", "7"]);
    assert_eq!(run.stderr, "onnxd: there is no version 7, versions are: 1\n");
}

/// Why the server refuses a profile.
fn refused_by_the_server(change: impl FnOnce(&mut Value)) -> String {
    let (_, repository) = profile_on("data.csv", ordinary_rows(500), &[]);
    let mut profile = written(&repository);
    change(&mut profile);
    repository.write("scale_1/1/profile.json", profile.to_string());
    let server = Server::launch(repository.path(), &[]);
    let reason = server.wait_for_state("scale_1", "1", "UNAVAILABLE");
    server.stop_after(&["a model version was refused"]);
    reason.trim_start_matches("profile: profile.json: ").to_owned()
}

#[test]
fn a_profile_that_does_not_fit_keeps_the_version_from_serving() {
    let reason = refused_by_the_server(|profile| profile["sha256"] = json!("00ff"));
    assert!(reason.starts_with("it was made with another model file (sha256 00ff, "), "{reason}");
    let edges = |edges: Value| {
        refused_by_the_server(move |profile| profile["features"][0]["bins"]["edges"] = edges)
    };
    assert_eq!(
        edges(json!([0.1, 0.3, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])),
        "feature 'x[0]': edge 2 is 0.2, expected more than the 0.3 before it"
    );
    assert_eq!(edges(json!([0.5])), "feature 'x[0]': counts has 13 entries, expected 5");
    let reason = edges(json!([0.1, null]));
    assert!(reason.starts_with("it is no profile: invalid type: null, expected f64"), "{reason}");
    assert_eq!(
        refused_by_the_server(|profile| profile["features"][1]["name"] = json!("z")),
        "the model has no feature 'z', its features are: x[0], x[1], x[2], y[0], y[1], y[2]"
    );
    assert_eq!(
        refused_by_the_server(|profile| profile["features"][1]["name"] = json!("x[0]")),
        "feature 'x[0]' is there twice"
    );
    assert_eq!(
        refused_by_the_server(|profile| profile["format"] = json!(9)),
        "its format is 9, expected 1"
    );
}
