//! `onnxd profile --target`: scores beside what came true, and what is made of that.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::profile::uniform;
use crate::support::{Finished, Repository, models_that_ship, onnxd};

/// Flights of which so many are late: the score is what it is, the truth is made up.
fn flights(count: usize, is_late: impl Fn(usize) -> bool) -> String {
    let mut text = "carrier,origin,dest,weekday,hour,distance,temp,humid,wind_speed,precip,pressure,visib,late\n".to_owned();
    for number in 0..count {
        let (hour, wind) = (5 + number % 19, 40.0 * uniform(number));
        let late = if is_late(number) { "late" } else { "on-time" };
        writeln!(text, "UA,EWR,IAH,2,{hour},1400,39,64,{wind},0,1011.9,10,{late}")
            .expect("a string takes it");
    }
    text
}

/// The profile of a model that says how late flights are.
fn profile_of_flights(data: &str, arguments: &[&str]) -> (Finished, Repository) {
    let repository = Repository::new();
    let file = models_that_ship().join("flight-delay/2/model.onnx");
    repository.add_file("flights", 2, &file);
    repository.write("training.csv", data);
    let [model, data] =
        ["flights", "training.csv"].map(|name| repository.path().join(name).display().to_string());
    let run = onnxd(&[&["profile", &model, "--data", &data], arguments].concat());
    (run, repository)
}

#[test]
fn scores_have_the_share_of_their_rows_that_are_positive_in_truth() {
    let arguments = ["--target", "late", "--score", "probabilities.late"];
    let (run, repository) = profile_of_flights(&flights(600, |row| row % 3 == 0), &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("truth of probabilities.late, 600 rows, 33.3 % positive"));
    let profile = repository.path().join("flights/2/profile.json");
    let profile: Value =
        serde_json::from_slice(&fs::read(profile).expect("it is written")).expect("it is JSON");
    let target = &profile["target"];
    assert_eq!(
        (&target["column"], &target["prediction"], &target["positive"], &target["negative"]),
        (&json!("late"), &json!("probabilities.late"), &json!("late"), &json!("on-time"))
    );
    let bins = target["bins"].as_array().expect("bins");
    let sum = |key: &str| bins.iter().filter_map(|bin| bin[key].as_u64()).sum::<u64>();
    assert_eq!((sum("rows"), sum("positives")), (600, 200));
    for bin in bins {
        let mean = bin["sum"].as_f64().expect("a sum") / bin["rows"].as_f64().expect("rows");
        let place = bin["bin"].as_f64().expect("a place");
        assert!((place..place + 1.0).contains(&(mean * 64.0)), "{bin}");
        assert_eq!(bin["decided"], mean >= 0.5, "{bin}");
    }
}

#[test]
fn the_server_takes_a_profile_with_score_bins_and_model_toml_says_which_score() {
    let settings = "[quality]\nscore = \"probabilities.late\"\nthreshold = 0.3\n";
    let (_, repository) = profile_of_flights(&flights(300, |_| false), &[]);
    repository.write("flights/model.toml", settings);
    let [model, data] =
        ["flights", "training.csv"].map(|name| repository.path().join(name).display().to_string());
    let run = onnxd(&["profile", &model, "--data", &data, "--target", "late"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let profile = fs::read(repository.path().join("flights/2/profile.json")).expect("it is there");
    let profile: Value = serde_json::from_slice(&profile).expect("it is JSON");
    assert_eq!(profile["target"]["threshold"], 0.3);
    let run = onnxd(&["check", &model]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn truths_that_are_none_and_scores_that_are_not_clear_are_refused() {
    let refused = |data: &str, arguments: &[&str]| {
        let (run, _) = profile_of_flights(data, arguments);
        assert_eq!(run.code, 1, "{}", run.stdout);
        run.stderr
    };
    let data = flights(300, |row| row % 3 == 0);
    let reason = refused(&data, &["--target", "late"]);
    assert_eq!(
        reason,
        "onnxd: --target: name the probability that it belongs to with --score, one of: \
         probabilities.late, probabilities.on-time\n"
    );
    let reason = refused(&data, &["--target", "late", "--score", "p"]);
    assert!(reason.contains("no prediction 'p', its predictions are: label, prob"), "{reason}");
    let arguments = ["--target", "late", "--score", "probabilities.late"];
    let reason = refused(&data.replacen(",on-time\n", ",maybe\n", 1), &arguments);
    assert!(
        reason.ends_with(
            "training.csv: row 1, column 'late': expected 'on-time' or 'late' as the truth, came 'maybe'\n"
        ),
        "{reason}"
    );
    let reason = refused(&data, &["--target", "delay", "--score", "probabilities.late"]);
    assert!(reason.contains("there is no column 'delay', columns are: carrier"), "{reason}");
}

#[test]
fn what_scores_meant_says_what_is_to_be_expected_and_truths_what_came() {
    let arguments = ["--target", "late", "--score", "probabilities.late"];
    let (_, repository) = profile_of_flights(&flights(600, |row| row % 3 == 0), &arguments);
    repository.write("now.csv", flights(600, |row| row % 2 == 0));
    let [model, now] =
        ["flights", "now.csv"].map(|name| repository.path().join(name).display().to_string());
    let diff = |arguments: &[&str]| -> Value {
        let command = ["profile", "diff", &model, &now, "--model", &model, "--format", "json"];
        let run = onnxd(&[&command, arguments].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_str(&run.stdout).expect("it is JSON")
    };
    let unknown = diff(&["--ignore", "late"]);
    let rate = |diff: &Value, side: &str| {
        let rate = diff["quality"][side]["positive_rate"].as_f64();
        rate.expect("it has one")
    };
    assert!((rate(&unknown, "reference") - 1.0 / 3.0).abs() < 1e-12);
    assert!((rate(&unknown, "expected") - 1.0 / 3.0).abs() < 1e-12, "scores are the same");
    assert_eq!(unknown["quality"]["current"], Value::Null, "nobody knows it");
    let known = diff(&["--target", "late"]);
    assert!((rate(&known, "current") - 0.5).abs() < 1e-12);
    assert_eq!(known["quality"]["expected"], unknown["quality"]["expected"]);
    assert_eq!(known["drifted"], 0, "no feature has changed");
}
