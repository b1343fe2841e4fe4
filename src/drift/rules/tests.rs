//! What the rules of a small reference with names made to break them look like. Prometheus
//! itself reads them in tests/prometheus.

use std::time::Duration;

use super::*;
use crate::engine::{Dim, Signature, TensorSpec};
use crate::tensor::DataType;

const HOSTILE: &str = "a\"} or vector(1) #\\\n{{ $labels.model }}: é\u{2028}'";

fn spec(name: &str) -> TensorSpec {
    let dims = Some(vec![Dim::Unknown, Dim::Fixed(1)]);
    TensorSpec { name: name.to_owned(), data_type: DataType::Fp32, dims, columns: None }
}

fn feature(name: &str, role: &str, counts: &[u64], blocks: &str) -> String {
    let name = serde_json::to_string(name).unwrap();
    let edges: Vec<usize> = (1..counts.len() - 3).collect();
    let sums = vec![0.0; counts.len() - 3];
    format!(
        r#"{{"name":{name},"role":"{role}","reading":"number","bins":{{"edges":{edges:?}}},
            "counts":{counts:?},"sums":{sums:?}{blocks}}}"#
    )
}

fn reference(features: &[String], inputs: &[&str]) -> Reference {
    let inputs = inputs.iter().map(|name| spec(name)).collect();
    let signature = Signature { inputs, outputs: vec![spec("y")] };
    let features = features.join(",");
    let profile = format!(r#"{{"format":1,"sha256":"ab","rows":1000,"features":[{features}]}}"#);
    Reference::parse(profile.as_bytes(), "ab", &signature).unwrap()
}

/// Of three features, of which one has blocks and one is a prediction.
fn hostile() -> Reference {
    let blocks = r#","blocks":[{"count":9,"rows":100,"psi":{"mean":0.25,"sigma":0.25}}]"#;
    let features = [
        feature(HOSTILE, "input", &[100, 800, 99, 1, 0, 0], ""),
        feature("b", "input", &[500, 500, 0, 0, 0], blocks),
        feature("y", "prediction", &[250, 750, 0, 0, 0], ""),
    ];
    reference(&features, &[HOSTILE, "b"])
}

fn files(model: &str, reference: &Reference, window: Duration) -> RuleFiles {
    let settings = Settings { window, ..Settings::default() };
    let quality = Some(Awaited::Scores { least_accuracy: Some(0.8) });
    Rules { model, reference, settings: &settings, stale_after: window, quality }.files()
}

#[test]
fn the_rules_are_these() {
    let files = files("m/1 \"n\"", &hostile(), Duration::from_hours(1));
    assert_eq!(files.rules_name, "m_1__n_-drift.rules.yml");
    insta::assert_snapshot!("rules", files.rules);
    insta::assert_snapshot!("test", files.test);
}

#[test]
fn hostile_names_stay_in_their_lines() {
    let files = files(HOSTILE, &hostile(), Duration::from_secs(90));
    for text in [&files.rules, &files.test] {
        assert!(text.lines().all(|line| line.chars().all(yaml::is_plain)), "{text}");
    }
    // A template in a name would be run in an annotation.
    let annotations = files.rules.lines().filter(|line| line.contains("summary:"));
    assert!(annotations.clone().count() > 0);
    assert!(annotations.clone().all(|line| !line.contains("vector(1)")), "{}", files.rules);
    assert!(files.rules_name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
}

#[test]
fn weights_of_the_inputs_add_up_to_one() {
    let (reference, settings) = (hostile(), Settings::default());
    let rules = Rules {
        model: "m",
        reference: &reference,
        settings: &settings,
        stale_after: settings.window,
        quality: None,
    };
    let weights: Vec<f64> = rules.features().iter().map(|feature| feature.weight).collect();
    assert_eq!(weights, [0.5, 0.5, 0.0]);
}

#[test]
fn the_rules_cover_just_the_features_that_are_on_the_page() {
    let names: Vec<String> = (0..1000).map(|number| format!("f{number}")).collect();
    let of = |name: &String| feature(name, "input", &[1; 13], "");
    let features: Vec<String> = names.iter().map(of).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let reference = reference(&features, &names);
    let rules = files("m", &reference, Duration::from_hours(1)).rules;
    // Thirteen bins and what is out of range, of five thousand series.
    assert!(rules.contains("feature: \"f356\"") && !rules.contains("feature: \"f357\""));
}

#[test]
fn where_nothing_can_drift_the_test_expects_no_alarm() {
    let blocks = r#","blocks":[{"count":9,"rows":100,"psi":{"mean":20,"sigma":0}}]"#;
    let features = [feature("b", "input", &[500, 500, 0, 0, 0], blocks)];
    let test = files("m", &reference(&features, &["b"]), Duration::from_hours(1)).test;
    assert_eq!(test.matches("exp_samples: []").count(), 4);
}
