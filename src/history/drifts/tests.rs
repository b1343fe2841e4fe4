//! Series of scores: what is kept, for how long, and of how many features.

use super::*;
use crate::drift::State;
use crate::features::{Reading, Role};
use crate::history::fake::after;

const MODEL: (&str, Version) = ("m", 1);

fn scores(psi: f64) -> Scores {
    Scores {
        values: 1000,
        psi,
        psi_expected: psi / 2.0,
        psi_critical: psi * 2.0,
        jensen_shannon: 0.0,
        hellinger: 0.0,
        l_infinity: 0.0,
        kolmogorov_smirnov: None,
        wasserstein: None,
        chi_squared_p: None,
        missing: 0.0,
        outside: None,
    }
}

fn report(reference: &str, features: &[(&str, Option<f64>)]) -> Report {
    let features = features.iter().map(|(name, psi)| drift::Feature {
        name: (*name).to_owned(),
        role: Role::Input,
        reading: Reading::Number,
        importance: None,
        state: State::Stable,
        since: Duration::ZERO,
        scores: psi.map(|psi| (drift::Span::Short, scores(psi))).into_iter().collect(),
    });
    Report {
        reference: reference.to_owned(),
        reference_rows: 1000,
        state: State::Stable,
        drifted_inputs: 0.0,
        drifted_predictions: 0.0,
        windows: BTreeMap::new(),
        features: features.collect(),
    }
}

fn psi(drifts: &Drifts, second: u64, feature: &str, span: Span) -> Vec<Option<f32>> {
    drifts.series(after(second).at, MODEL, feature, span, None).psi
}

#[test]
fn a_feature_keeps_its_place_whatever_needs_attention_first() {
    let mut drifts = Drifts::new(MOST);
    drifts.push(after(10).at, MODEL, &report("r", &[("a", Some(0.5)), ("b", Some(0.25))]));
    drifts.push(after(20).at, MODEL, &report("r", &[("b", Some(1.0)), ("a", None)]));
    assert_eq!(psi(&drifts, 20, "a", Span::Hour), [Some(0.5), None]);
    assert_eq!(psi(&drifts, 20, "b", Span::Hour), [Some(0.25), Some(1.0)]);
    assert!(psi(&drifts, 20, "c", Span::Hour).is_empty());
    let series = drifts.series(after(20).at, MODEL, "b", Span::Hour, None);
    assert_eq!(series.expected, [Some(0.125), Some(0.5)]);
    assert_eq!(series.critical, [Some(0.5), Some(2.0)]);
    assert_eq!(series.at.len(), 2);
}

#[test]
fn what_is_known_now_stands_at_the_end() {
    let mut drifts = Drifts::new(MOST);
    drifts.push(after(10).at, MODEL, &report("r", &[("a", Some(0.5))]));
    let now = scores(0.75);
    for span in Span::ALL {
        let series = drifts.series(after(15).at, MODEL, "a", span, Some(&now));
        assert_eq!(series.psi, [Some(0.5), Some(0.75)]);
        // Before the first sample, too.
        assert_eq!(drifts.series(after(15).at, ("n", 1), "a", span, Some(&now)).psi.len(), 1);
    }
}

#[test]
fn a_coarse_point_is_the_mean_of_what_is_known() {
    let mut drifts = Drifts::new(MOST);
    for (second, score) in [(0, None), (10, Some(0.5)), (20, Some(1.0)), (600, Some(4.0))] {
        drifts.push(after(second).at, MODEL, &report("r", &[("a", score)]));
    }
    assert_eq!(psi(&drifts, 600, "a", Span::Week), [Some(0.75), Some(4.0)]);
}

#[test]
fn another_reference_begins_anew() {
    let mut drifts = Drifts::new(MOST);
    drifts.push(after(10).at, MODEL, &report("r", &[("a", Some(0.5))]));
    drifts.push(after(20).at, MODEL, &report("s", &[("a", Some(1.0))]));
    assert_eq!(psi(&drifts, 20, "a", Span::Hour), [Some(1.0)]);
}

#[test]
fn there_is_room_for_so_many_series_and_versions_that_are_gone_make_room() {
    let mut drifts = Drifts::new(3);
    let two = report("r", &[("a", Some(0.5)), ("b", Some(0.5))]);
    assert!(!drifts.push(after(0).at, ("m", 1), &two));
    assert!(drifts.push(after(0).at, ("m", 2), &two), "it is said once");
    assert!(!drifts.push(after(10).at, ("m", 2), &two));
    assert!(drifts.series(after(10).at, ("m", 2), "a", Span::Hour, None).at.is_empty());
    let later = after(2000).at;
    drifts.push(later, ("m", 2), &two);
    assert_eq!(drifts.series(later, ("m", 2), "a", Span::Hour, None).at.len(), 1);
    assert_eq!(drifts.versions.len(), 1);
    drifts.forget(later + Span::Week.length() * 2);
    assert!(drifts.versions.is_empty());
}

#[test]
fn fifty_models_of_two_hundred_features_take_a_moment() {
    let names: Vec<String> = (0..200).map(|feature| format!("feature_{feature}")).collect();
    let features: Vec<(&str, Option<f64>)> =
        names.iter().map(|name| (name.as_str(), Some(0.1))).collect();
    let report = report("r", &features);
    let mut drifts = Drifts::new(MOST);
    let models: Vec<String> = (0..50).map(|model| format!("model_{model}")).collect();
    let mut times = Vec::new();
    for sample in 0..100u64 {
        let began = std::time::Instant::now();
        for model in &models {
            drifts.push(after(10 * sample).at, (model, 1), &report);
        }
        times.push(began.elapsed());
    }
    times.sort();
    let kept: usize = drifts.versions.values().map(|block| block.places.len()).sum();
    assert!(kept <= MOST, "{kept}");
    assert!(times[50] < Duration::from_secs(1), "{times:?}");
}
