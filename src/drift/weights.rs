//! What matters more: which share of the inputs has drifted, and which features have room on a
//! page, is told by their importance.

use super::reference::Watched;
use crate::features::Role;
use crate::stats::float;

/// Series of one version on the page of bins; features beyond that are left out there.
const MAX_SERIES: usize = 5_000;

/// Gives every input its weight. One whose importance is not known matters as much as the others
/// do on average; where all are of no importance, or none is known, all are alike.
pub(super) fn set(watched: &mut [Watched]) {
    let inputs = || watched.iter().filter(|watched| is_input(watched));
    let known: Vec<f64> = inputs().filter_map(|watched| watched.profile.importance).collect();
    let average = known.iter().sum::<f64>() / float(known.len().max(1) as u64);
    let importance = |watched: &Watched| {
        if average > 0.0 { watched.profile.importance.unwrap_or(average) } else { 1.0 }
    };
    let sum: f64 = inputs().map(importance).sum();
    for watched in watched.iter_mut() {
        watched.weight = if is_input(watched) { importance(watched) / sum } else { 0.0 };
    }
}

/// The places of features that have room on the page of bins: predictions, then the inputs that
/// matter most. In the order of the features.
pub(super) fn shown(watched: &[Watched]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..watched.len()).collect();
    let rank = |place: usize| (is_input(&watched[place]), -watched[place].weight);
    // The sort keeps the order otherwise.
    places.sort_by(|a, b| {
        let ((a, x), (b, y)) = (rank(*a), rank(*b));
        a.cmp(&b).then(x.total_cmp(&y))
    });
    let mut series = 0;
    places.retain(|place| {
        // One more for what is out of range.
        let more = watched[*place].binning.bins() + 1;
        let fits = series + more <= MAX_SERIES;
        series += if fits { more } else { 0 };
        fits
    });
    places.sort_unstable();
    places
}

pub(super) fn is_input(watched: &Watched) -> bool {
    watched.feature.role == Role::Input
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::drift::Reference;
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::tensor::DataType;

    /// Of inputs with these importances, of so many bins each, and a prediction.
    fn reference(importances: &[Option<f64>], bins: usize) -> Reference {
        let spec = |name: String| {
            let dims = Some(vec![Dim::Unknown]);
            TensorSpec { name, data_type: DataType::Fp32, dims, columns: None }
        };
        let feature = |name: String, role: &str, importance: &Option<f64>| {
            let numbers: Vec<usize> = (0..bins - 4).collect();
            let mut feature = json!({
                "name": name, "role": role, "reading": "number", "bins": {"numbers": numbers},
                "counts": vec![1; bins], "sums": vec![1.0; bins - 3],
            });
            if let Some(importance) = importance {
                feature["importance"] = json!(importance);
            }
            feature
        };
        let name = |place: usize| format!("x{place}");
        let inputs = (0..importances.len()).map(|place| spec(name(place))).collect();
        let signature = Signature { inputs, outputs: vec![spec("y".to_owned())] };
        let inputs = importances.iter().enumerate();
        let mut features: Vec<Value> =
            inputs.map(|(place, importance)| feature(name(place), "input", importance)).collect();
        features.push(feature("y".to_owned(), "prediction", &None));
        let profile = json!({"format": 1, "sha256": "ab", "rows": 9, "features": features});
        Reference::parse(profile.to_string().as_bytes(), "ab", &signature).unwrap()
    }

    fn weights(importances: &[Option<f64>]) -> Vec<f64> {
        reference(importances, 8).watched.iter().map(|watched| watched.weight).collect()
    }

    #[test]
    fn inputs_weigh_by_importance_and_the_unknown_as_the_others_do_on_average() {
        assert_eq!(weights(&[Some(0.75), Some(0.25), Some(0.0)]), [0.75, 0.25, 0.0, 0.0]);
        assert_eq!(weights(&[Some(0.75), Some(0.25), None, None]), [0.375, 0.125, 0.25, 0.25, 0.0]);
        assert_eq!(weights(&[None; 4]), [0.25, 0.25, 0.25, 0.25, 0.0]);
        assert_eq!(weights(&[Some(0.0), Some(0.0)]), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn the_most_important_inputs_and_the_predictions_have_room_on_the_page() {
        // Two hundred features of twenty-five series.
        let mut importances = vec![Some(0.0); 240];
        importances[3] = Some(0.9);
        importances[239] = Some(0.1);
        let shown = reference(&importances, 24).shown.clone();
        assert_eq!(shown.len(), 200);
        assert_eq!((shown[0], shown[197], shown[198], shown[199]), (0, 197, 239, 240));
        let mut importances = vec![Some(0.004); 240];
        importances[3] = Some(0.0);
        assert!(!reference(&importances, 24).shown.contains(&3));
    }
}
