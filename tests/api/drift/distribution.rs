//! One feature as the reference has it and as it is now.

use serde_json::{Value, json};

use super::{MODEL, ask, ask_until, counts, state, watched};
use crate::support::{Repository, Server, models_that_ship, until};

fn path(query: &str) -> String {
    format!("/api/models/{MODEL}/drift/distribution?{query}")
}

fn distribution(server: &Server, query: &str) -> Value {
    let answer = server.get(&path(query));
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.json()
}

fn numbers(bins: &Value, key: &str) -> Vec<f64> {
    let bins = bins.as_array().expect("bins are listed").iter();
    bins.map(|bin| bin[key].as_f64().unwrap_or(f64::NAN)).collect()
}

#[test]
fn both_stand_in_the_same_bins_and_shares_are_of_all_values() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    let before = distribution(&server, "feature=x[0]&window=long");
    let bins = &before["bins"];
    assert!(numbers(bins, "current").iter().all(|share| share.is_nan()), "nothing was counted");
    assert!((numbers(bins, "reference").iter().sum::<f64>() - 1.0).abs() < 1e-9);
    ask(&server, 0, 300, |_| ());
    ask(&server, 0, 5, |row| row[0] = 1e30);
    let now = distribution(&server, "feature=x[0]&window=long");
    let bins = &now["bins"];
    let counted = bins.as_array().into_iter().flatten().filter_map(|bin| bin["count"].as_u64());
    assert_eq!(counted.collect::<Vec<_>>(), counts(&server, "x[0]"));
    assert!((numbers(bins, "current").iter().sum::<f64>() - 1.0).abs() < 1e-9, "{bins}");
    assert_eq!(now["out_of_range"], 5);
    let kinds: Vec<&str> =
        bins.as_array().into_iter().flatten().filter_map(|bin| bin["kind"].as_str()).collect();
    let (last, intervals) = kinds.split_last_chunk::<3>().map(|(a, b)| (b, a)).expect("bins");
    assert_eq!(*last, ["missing", "infinity", "infinity"]);
    assert!(intervals.iter().all(|kind| *kind == "interval"), "{kinds:?}");
    // Each begins where the one before it ends, and the outer ones are open.
    let edges: Vec<(&Value, &Value)> =
        (0..intervals.len()).map(|at| (&bins[at]["from"], &bins[at]["to"])).collect();
    assert!(edges.windows(2).all(|pair| pair[0].1 == pair[1].0 && pair[0].1.is_number()));
    assert_eq!((edges[0].0, edges[intervals.len() - 1].1), (&Value::Null, &Value::Null));
    for (key, expected) in [
        ("model", json!(MODEL)),
        ("version", json!(1)),
        ("feature", json!("x[0]")),
        ("role", json!("input")),
        ("reading", json!("number")),
        ("reference_rows", json!(4000)),
    ] {
        assert_eq!(now[key], expected, "{key}");
    }
    assert_eq!(distribution(&server, "feature=y[0]")["role"], "prediction");
    server.stop();
}

#[test]
fn a_feature_that_has_drifted_shows_its_score_and_how_it_came_to_it() {
    let repository = watched();
    let server = Server::start(repository.path(), &[]);
    let moved = |row: &mut [f64; 3]| row[1] = 0.5 + row[1] / 2.0;
    ask_until(&server, "it has drifted", moved, |report| state(report, "x[1]") == "drifted");
    let now = until("it has a score", || {
        ask(&server, 0, 500, moved);
        let now = distribution(&server, "feature=x[1]");
        (now["score"].is_object() && now["window"]["full"] == true).then_some(now)
    });
    let score = &now["score"];
    let figure = |name: &str| score[name].as_f64().unwrap_or_else(|| panic!("{name}: {score}"));
    assert!(figure("psi") - figure("psi_expected") > 0.1, "{score}");
    assert!(figure("psi") > figure("psi_critical"), "{score}");
    // Nothing falls into the lower half any more.
    let (reference, current) =
        (numbers(&now["bins"], "reference"), numbers(&now["bins"], "current"));
    assert!(reference[1] > 0.05 && current[1] < 0.01, "{now}");
    let history = &now["history"];
    assert_eq!(history["step_seconds"], 10);
    let lengths =
        ["at", "psi", "expected", "critical"].map(|key| history[key].as_array().map(Vec::len));
    assert!(lengths[0].is_some_and(|length| length > 0), "{history}");
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{history}");
    let last = history["psi"].as_array().and_then(|all| all.last()).and_then(Value::as_f64);
    assert!(last.is_some_and(|psi| (psi - figure("psi")).abs() < 0.5), "{history} {score}");
    assert_eq!(distribution(&server, "feature=x[1]&span=week")["history"]["step_seconds"], 600);
    server.stop();
}

#[test]
fn what_cannot_be_shown_is_said() {
    let repository = watched();
    repository.add("plain", 1, "scale_2");
    let server = Server::start(repository.path(), &[]);
    for (query, status, reason) in [
        ("window=long", 400, "missing field `feature`"),
        ("feature=x[0]&other=1", 400, "unknown field `other`"),
        ("feature=x[0]&window=wide", 400, "window is 'wide', expected short or long"),
        ("feature=x[0]&source=file", 400, "source is 'file', expected request or batch"),
        ("feature=x[0]&span=day", 400, "span is 'day', expected hour or week"),
        ("feature=nothing", 404, "the reference has no feature 'nothing'"),
        ("feature=x[0]&version=2", 404, "model 'scale_1' has no version '2'"),
    ] {
        let (found, detail) = server.get(&path(query)).problem();
        assert_eq!(found, status, "{query}: {detail}");
        assert!(detail.contains(reason), "{query}: {detail}");
    }
    let (status, detail) = server.get("/api/models/plain/drift/distribution?feature=x").problem();
    assert_eq!((status, detail.as_str()), (404, "version 1 of 'plain' has no reference"));
    let (status, _) = server.get("/api/models/none/drift/distribution?feature=x").problem();
    assert_eq!(status, 404);
    // Of files there are neither counts nor a line yet.
    let batch = distribution(&server, "feature=x[0]&source=batch");
    assert_eq!((&batch["score"], &batch["history"]["at"]), (&Value::Null, &json!([])));
    server.stop();
}

#[test]
fn categories_are_called_by_their_number_unless_values_may_be_shown() {
    let shipped = models_that_ship().join("flight-delay");
    let serve = |contract: &str| {
        let repository = Repository::new();
        let version = repository.version("flight-delay", 1);
        std::fs::create_dir_all(&version).expect("there is room");
        for file in ["model.onnx", "profile.json"] {
            std::fs::copy(shipped.join("1").join(file), version.join(file)).expect("it is there");
        }
        repository.write("flight-delay/contract.toml", contract);
        let server = Server::start(repository.path(), &[]);
        let path = "/api/models/flight-delay/drift/distribution?feature=carrier";
        let found = server.get(path).json();
        server.stop();
        found["bins"].as_array().cloned().unwrap_or_else(|| panic!("no bins: {found}"))
    };
    let hidden = serve("mode = \"observe\"\n");
    assert_eq!((&hidden[0]["name"], &hidden[0]["kind"]), (&json!("0"), &json!("value")));
    assert!(hidden.iter().all(|bin| bin.get("value").is_none()), "{hidden:?}");
    let shown = serve("mode = \"observe\"\nvalues = true\n");
    assert!(shown[0]["value"].is_string(), "{shown:?}");
    let others = shown.iter().filter(|bin| bin["kind"] != "value");
    assert!(others.clone().count() >= 2 && others.clone().all(|bin| bin.get("value").is_none()));
}
