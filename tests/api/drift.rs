//! Drift as operators see it: reports, counts and metrics of a server that is asked for a while.

mod distribution;

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::profile::{ordinary, ordinary_rows};
use crate::support::{Repository, Server, floats, infer_path, onnxd, predict_path, until};

pub const MODEL: &str = "scale_1";
const SETTINGS: &str = "[drift]\nwindow = \"1s\"\n";

/// A model that was profiled on ordinary rows.
pub fn watched() -> Repository {
    let repository = Repository::with(&[MODEL]);
    profile(&repository, MODEL);
    repository.write(&format!("{MODEL}/model.toml"), SETTINGS);
    repository
}

fn profile(repository: &Repository, model: &str) {
    repository.write("data.csv", ordinary_rows(4000));
    let path = |name: &str| repository.path().join(name).display().to_string();
    let run = onnxd(&["profile", &path(model), "--data", &path("data.csv")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    fs::remove_file(repository.path().join("data.csv")).expect("it was written just now");
}

/// Asks about so many rows of data from `first` on, each changed by `change`.
pub fn ask(server: &Server, first: usize, rows: usize, change: impl Fn(&mut [f64; 3])) {
    let mut data = Vec::new();
    for number in first..first + rows {
        let mut row = ordinary(number);
        change(&mut row);
        data.extend(row);
    }
    let answer = server.infer(MODEL, &floats(&[rows, 3], &data));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn report(server: &Server) -> Value {
    server.get(&format!("/api/models/{MODEL}/drift")).json()["versions"]["1"].clone()
}

fn state(report: &Value, feature: &str) -> String {
    let features = report["features"].as_array().expect("features are listed");
    let found = features.iter().find(|f| f["name"] == feature).expect("it is a feature");
    found["state"].as_str().expect("it has a state").to_owned()
}

/// Asks on until the report is as wanted, about other rows each time.
fn ask_until(
    server: &Server,
    what: &str,
    change: impl Fn(&mut [f64; 3]),
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let mut first = 10_000;
    until(what, || {
        ask(server, first, 500, &change);
        first += 500;
        Some(report(server)).filter(&wanted)
    })
}

/// Counts of a feature's bins in the long window.
fn counts(server: &Server, feature: &str) -> Vec<u64> {
    let path = format!("/api/models/{MODEL}/drift/state?window=long");
    let state = server.get(&path).json();
    let features = state["versions"]["1"]["features"].as_array().expect("features").clone();
    let found = features.iter().find(|f| f["name"] == feature).expect("it is a feature");
    let counts = found["counts"].as_array().expect("counts");
    counts.iter().map(|count| count.as_u64().expect("a count")).collect()
}

/// Values of a family on a page, by what `labels` says must be in them.
fn samples(page: &str, family: &str, labels: &str) -> Vec<f64> {
    let lines = page.lines().filter(|line| line.starts_with(&format!("{family}{{")));
    let lines = lines.filter(|line| line.contains(labels));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
}

#[test]
fn the_feature_that_moved_is_reported_and_no_other_and_not_for_ever() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    let same = |_: &mut [f64; 3]| ();
    let seen = ask_until(&server, "there is enough", same, |report| {
        report["features"][0]["state"] != "insufficient"
    });
    assert_eq!(seen["state"], "stable", "{seen}");
    let moved = |row: &mut [f64; 3]| row[1] = 0.5 + row[1] / 2.0;
    let drifted =
        ask_until(&server, "it has drifted", moved, |report| state(report, "x[1]") == "drifted");
    assert_eq!(drifted["features"][0]["state"], "drifted", "what needs attention comes first");
    assert_eq!(
        (state(&drifted, "x[0]"), state(&drifted, "x[2]")),
        ("stable".into(), "stable".into())
    );
    // What comes out is what came in, scaled: each input has about a third of it.
    let (share, importance) = (&drifted["drifted_inputs"], &drifted["features"][0]["importance"]);
    assert_eq!(share, importance, "{drifted}");
    assert!(share.as_f64().is_some_and(|share| (0.30..0.37).contains(&share)), "{drifted}");
    let page = server.get("/metrics").text().to_owned();
    let label = |feature: &str| format!("feature=\"{feature}\",model=\"{MODEL}\"");
    until("the gauge says so, too", || {
        ask(&server, 0, 500, moved);
        let page = server.get("/metrics").text().to_owned();
        (samples(&page, "onnxd_drift_state", &label("x[1]")) == [1.0]).then_some(())
    });
    assert_eq!(samples(&page, "onnxd_drift_state", &label("x[0]")), [0.0]);
    assert_eq!(samples(&page, "onnxd_prediction_drift_state", &label("y[0]")), [0.0]);
    ask_until(&server, "it is over", same, |report| state(report, "x[1]") == "stable");
    server.stop();
}

#[test]
fn of_too_little_data_nothing_is_said() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    ask(&server, 0, 50, |_| ());
    let seen = until("a window has passed", || {
        Some(report(&server)).filter(|report| report["windows"]["short"]["full"] == true)
    });
    assert_eq!(
        (&seen["state"], &seen["features"][0]["scores"]),
        (&json!("insufficient"), &json!({}))
    );
    let page = server.get("/metrics").text().to_owned();
    assert_eq!(samples(&page, "onnxd_drift_state", ""), Vec::<f64>::new(), "absent, not nought");
    assert_eq!(samples(&page, "onnxd_drift_score", ""), Vec::<f64>::new());
    server.stop();
}

#[test]
fn every_value_is_in_one_bin_whatever_it_is() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    let page = server.get("/metrics/drift").text().to_owned();
    let x = "feature=\"x[0]\"";
    let zeros = samples(&page, "onnxd_feature_bin_total", x);
    assert_eq!((zeros.len(), zeros.iter().sum::<f64>()), (13, 0.0), "all bins begin at nought");
    ask(&server, 0, 40, |_| ());
    ask(&server, 0, 3, |row| row[0] = 1e30);
    ask(&server, 0, 2, |row| row[0] = -1e30);
    let special = |value: &str| {
        let mut data = String::new();
        for _ in 0..4 {
            write!(data, "{value},1,1,").expect("a string takes it");
        }
        let data = data.trim_end_matches(',');
        let body = format!(
            r#"{{"inputs":[{{"name":"x","datatype":"FP32","shape":[4,3],"data":[{data}]}}]}}"#
        );
        assert_eq!(server.post(&infer_path(MODEL), body).status, 200, "{value}");
    };
    ["null", "NaN", "Infinity", "-Infinity"].into_iter().for_each(special);
    let counts = counts(&server, "x[0]");
    assert_eq!(counts.iter().sum::<u64>(), 61);
    assert_eq!(counts[10..], [8, 4, 4], "missing, -inf, +inf");
    let page = server.get("/metrics/drift").text().to_owned();
    let sum: f64 = samples(&page, "onnxd_feature_bin_total", x).iter().sum();
    assert!((sum - 61.0).abs() < 1e-9, "{sum}");
    assert_eq!(samples(&page, "onnxd_feature_out_of_range_total", x), [5.0]);
    let rows = |kind: &str| {
        server.metric(&format!(
            r#"onnxd_drift_rows_total{{model="{MODEL}",rows="{kind}",source="request",version="1"}}"#
        ))
    };
    assert_eq!((rows("seen"), rows("counted")), (61, 61));
    server.stop();
}

#[test]
fn of_a_very_large_request_a_part_is_counted() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    ask(&server, 0, 9_000, |_| ());
    let counted = counts(&server, "x[0]").iter().sum::<u64>();
    assert_eq!(counted, 1_800, "every fifth row");
    assert_eq!(counts(&server, "y[0]").iter().sum::<u64>(), counted);
    server.stop();
}

#[test]
fn requests_that_are_refused_are_not_counted() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.infer(MODEL, &floats(&[1, 2], &[1.0, 2.0])).status, 400);
    assert_eq!(counts(&server, "x[0]").iter().sum::<u64>(), 0);
    server.stop();
}

#[test]
fn what_was_counted_outlives_a_restart_and_a_swap() {
    let repository = watched();
    repository.write(&format!("{MODEL}/model.toml"), "[drift]\nwindow = \"1h\"\n");
    let directory = tempfile::tempdir().expect("there is room");
    let arguments = ["--state-dir", directory.path().to_str().expect("a plain path")];
    let server = Server::start(repository.path(), &arguments);
    ask(&server, 0, 300, |_| ());
    let before = counts(&server, "x[0]");
    server.stop();
    let server = Server::start(repository.path(), &arguments);
    assert_eq!(counts(&server, "x[0]"), before);
    let page = server.get("/metrics/drift").text().to_owned();
    let counters = samples(&page, "onnxd_feature_bin_total", "feature=\"x[0]\"");
    assert!(counters.iter().all(|count| *count == 0.0), "a counter that begins anew begins at 0");
    // A second version comes and goes again.
    repository.add(MODEL, 2, "scale_2");
    until("version 2 has taken over", || {
        let only = server.state(MODEL, "1").is_none();
        (only && server.state(MODEL, "2").is_some_and(|(state, _)| state == "READY")).then_some(())
    });
    repository.remove(&format!("{MODEL}/2"));
    server.wait_for_state(MODEL, "1", "READY");
    assert_eq!(counts(&server, "x[0]"), before);
    server.stop();
}

#[test]
fn a_model_that_left_takes_its_counts_along() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    let seen = |server: &Server| {
        let pages = ["/metrics", "/metrics/drift"].map(|page| server.get(page).text().to_owned());
        pages.concat().lines().filter(|line| line.contains(MODEL) && is_of_drift(line)).count()
    };
    assert!(seen(&server) > 0);
    repository.remove(MODEL);
    until("they are gone", || (seen(&server) == 0).then_some(()));
    server.stop();
}

fn is_of_drift(line: &str) -> bool {
    line.starts_with("onnxd_drift") || line.starts_with("onnxd_feature")
}

#[test]
fn a_version_that_is_served_without_its_reference_shows_no_drift() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    assert!(server.get("/metrics").text().contains("onnxd_drift_rows_total{"));
    repository.write(&format!("{MODEL}/model.toml"), "[drift]\nmode = \"off\"\n");
    until("its series are gone", || {
        let page = server.get("/metrics").text().to_owned();
        (!page.contains("onnxd_drift_rows_total{")).then_some(())
    });
    server.stop();
}

#[test]
fn settings_that_are_refused_leave_what_is_counted_alone() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    ask(&server, 0, 300, |_| ());
    let settings = "[drift]\nwindow = \"1h\"\n[gate]\ngolden = \"required\"\n";
    repository.write(&format!("{MODEL}/model.toml"), settings);
    server.logged("a model version was refused");
    ask(&server, 300, 40, |_| ());
    assert_eq!(counts(&server, "x[0]").iter().sum::<u64>(), 340);
    let seen = format!(
        r#"onnxd_drift_rows_total{{model="{MODEL}",rows="seen",source="request",version="1"}}"#
    );
    assert_eq!(server.metric(&seen), 340, "the page shows the one that counts");
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn answers_and_metrics_name_the_file_the_contract_and_the_reference() {
    let repository = watched();
    repository.write(&format!("{MODEL}/contract.toml"), "mode = \"observe\"\n");
    repository.add("plain", 1, "scale_2");
    let server = Server::start(repository.path(), &[]);
    let digest = |model: &str| {
        let version = server.model(model)["versions"][0].clone();
        version["sha256"].as_str().expect("a digest").to_owned()
    };
    let contract = server.get(&format!("/api/models/{MODEL}/contract")).json();
    let contract = contract["versions"]["1"]["id"].as_str().expect("an id").to_owned();
    let reference = report(&server)["reference"].as_str().expect("an id").to_owned();
    assert_eq!((contract.len(), reference.len()), (8, 8));
    for (model, contract, reference) in [(MODEL, &*contract, &*reference), ("plain", "", "")] {
        let sha256 = digest(model);
        let request = floats(&[1, 3], &[1.0; 3]).to_string();
        let v1 = json!({"instances": [[1.0, 1.0, 1.0]]}).to_string();
        for (path, request) in [(infer_path(model), request), (predict_path(model), v1)] {
            let answer = server.post(&path, request);
            let file = format!("model=\"{}\"", &sha256[..16]);
            let lineage = match contract {
                "" => file,
                _ => format!("{file}, contract=\"{contract}\", reference=\"{reference}\""),
            };
            assert_eq!(answer.header("onnxd-lineage"), Some(lineage.as_str()));
        }
        let info = format!(
            r#"onnxd_model_info{{contract="{contract}",model="{model}",reference="{reference}",sha256="{sha256}",version="1"}}"#
        );
        assert_eq!(server.metric(&info), 1);
    }
    repository.write(&format!("{MODEL}/contract.toml"), "mode = \"warn\"\n");
    let infos = || {
        let page = server.get("/metrics").text().to_owned();
        let info = format!("model=\"{MODEL}\"");
        let lines = page.lines().filter(|line| line.starts_with("onnxd_model_info{"));
        lines.filter(|line| line.contains(&info)).map(str::to_owned).collect::<Vec<_>>()
    };
    let after = until("another contract is in force", || {
        Some(infos()).filter(|infos| !infos[0].contains(&contract))
    });
    assert_eq!(after.len(), 1, "{after:?}");
    server.stop();
}

#[test]
fn another_reference_begins_anew_and_has_another_name() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    ask(&server, 0, 300, |_| ());
    let first = report(&server)["reference"].clone();
    let path = repository.path().join(format!("{MODEL}/1/profile.json"));
    let text = fs::read_to_string(&path).expect("it is there");
    let mut profile: Value = serde_json::from_str(&text).expect("it is JSON");
    profile["features"].as_array_mut().expect("features").pop();
    repository.write(&format!("{MODEL}/1/profile.json"), profile.to_string());
    until("the new profile is in force", || (report(&server)["reference"] != first).then_some(()));
    assert_eq!(counts(&server, "x[0]").iter().sum::<u64>(), 0);
    server.stop();
}

#[test]
fn a_reference_can_be_required_and_drift_can_be_off() {
    let repository = watched();
    repository.write(&format!("{MODEL}/model.toml"), "[drift]\nmode = \"off\"\n");
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.get(&format!("/api/models/{MODEL}/drift")).json()["versions"], json!({}));
    repository.write(&format!("{MODEL}/model.toml"), "[drift]\nreference = \"other.json\"\n");
    let reason = server.logged("a model version was refused");
    assert!(reason.to_string().contains("profile: there is no other.json"), "{reason}");
    server.stop_after(&["a model version was refused"]);
}

#[test]
fn questions_about_what_is_not_there_are_answered_with_the_reason() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    assert_eq!(server.get("/api/models/other/drift").status, 404);
    assert_eq!(server.get("/api/models/other/drift/state").status, 404);
    let answer = server.get(&format!("/api/models/{MODEL}/drift/state?window=week"));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["detail"], "window is 'week', expected short or long");
    server.stop();
}

#[test]
fn a_damaged_state_costs_what_was_counted_and_nothing_else() {
    let repository = watched();
    let directory = tempfile::tempdir().expect("there is room");
    let arguments = ["--state-dir", directory.path().to_str().expect("a plain path")];
    let server = Server::start(repository.path(), &arguments);
    ask(&server, 0, 300, |_| ());
    server.stop();
    let drift = directory.path().join("drift");
    for entry in fs::read_dir(&drift).expect("it was written") {
        fs::write(entry.expect("it can be read").path(), "{\"history\": 1").expect("it is ours");
    }
    let server = Server::start(repository.path(), &arguments);
    ask(&server, 0, 10, |_| ());
    assert_eq!(counts(&server, "x[0]").iter().sum::<u64>(), 10);
    server.stop_after(&["what was counted of drift before is lost"]);
}
