//! Which tokens a board knows, and for how long.

use super::*;
use crate::engine::{Dim, Signature, TensorSpec};
use crate::quality::{About, Truth};
use crate::tensor::{DataType, Shape, Tensor};

const NOW: Duration = Duration::from_secs(1_000);

/// A model with two columns of probabilities.
fn target(feature: &str, threshold: f64) -> Target {
    let spec = TensorSpec {
        name: "p".to_owned(),
        data_type: DataType::Fp32,
        dims: Some(vec![Dim::Unknown, Dim::Fixed(2)]),
        columns: None,
    };
    let signature = Signature { inputs: Vec::new(), outputs: vec![spec] };
    let about =
        About::Score { feature: feature.to_owned(), positive: None, negative: None, threshold };
    Target::new(&about, &signature).unwrap()
}

fn settings(remember: usize) -> Settings {
    let about = About::Value { feature: "p[1]".to_owned() };
    Settings {
        about,
        expires: Duration::from_hours(1),
        remember,
        min_accuracy: None,
        max_absolute_error: None,
    }
}

struct Rig {
    registry: Registry,
    board: Board,
}

impl Rig {
    fn new() -> Self {
        let registry = Registry::without_process();
        let board = Board::new(Key::new(b"secret"), &registry, &Registry::without_process());
        Self { registry, board }
    }

    fn serve(&self, version: u64, sha256: &str, target: &Target) -> Arc<Watcher> {
        let settings = settings(0);
        self.board.open(("m", version), &Watched { sha256, target, settings: &settings })
    }

    /// A token of one row.
    fn token(&self, watcher: &Watcher) -> String {
        let shape = Shape::new(vec![1, 2]).unwrap();
        let outputs = [Tensor::new(shape, vec![0.25f32, 0.75].into()).unwrap()];
        self.board.token(&watcher.prediction(&outputs, NOW)).unwrap()
    }

    fn fate(&self, token: &str) -> Fate {
        let of = Named::Token(token.to_owned());
        self.board.feedback("m", &Feedback { of, row: 0, truth: Truth::Bool(true) }, NOW)
    }

    fn versions_on_the_page(&self) -> usize {
        let page = String::from_utf8(self.registry.text()).unwrap();
        page.lines().filter(|line| line.starts_with("onnxd_quality_predictions_total{")).count()
    }
}

#[test]
fn a_token_of_another_file_or_another_target_is_unknown() {
    let rig = Rig::new();
    let target = target("p[1]", 0.5);
    let token = rig.token(&rig.serve(1, "aa", &target));
    for (version, sha256, other) in [
        (1, "bb", target.clone()),
        (1, "aa", self::target("p[0]", 0.5)),
        (1, "aa", self::target("p[1]", 0.6)),
    ] {
        rig.serve(version, sha256, &other);
        assert_eq!(rig.fate(&token), Fate::Unknown, "{sha256} {other:?}");
    }
    rig.serve(2, "aa", &target);
    assert_eq!(rig.fate(&token), Fate::Unknown, "another version");
    rig.serve(1, "aa", &target);
    assert_eq!(rig.fate(&token), Fate::Accepted);
    assert_eq!(rig.fate(&token), Fate::Duplicate);
    assert!(token.len() <= 75, "{}", token.len());
}

#[test]
fn other_settings_of_the_same_prediction_keep_its_tokens() {
    let rig = Rig::new();
    let target = target("p[1]", 0.5);
    let token = rig.token(&rig.serve(1, "aa", &target));
    let settings = settings(10);
    let of = Watched { sha256: "aa", target: &target, settings: &settings };
    let _serving = rig.board.open(("m", 1), &of);
    assert_eq!(rig.fate(&token), Fate::Accepted);
}

#[test]
fn truths_reach_versions_that_left_until_three_others_did_or_the_model_is_gone() {
    let rig = Rig::new();
    let target = target("p[1]", 0.5);
    let token = rig.token(&rig.serve(1, "aa", &target));
    for version in 2..=3 {
        rig.serve(version, "aa", &target);
        rig.board.sweep(|_| true);
    }
    assert_eq!(rig.fate(&token), Fate::Accepted);
    rig.serve(4, "aa", &target);
    rig.board.sweep(|_| true);
    assert_eq!((rig.fate(&token), rig.versions_on_the_page()), (Fate::Unknown, 3));
    let serving = rig.serve(4, "aa", &target);
    rig.board.sweep(|_| false);
    assert_eq!(rig.versions_on_the_page(), 1, "only the one that serves");
    rig.board.close("m", 4);
    drop(serving);
    assert_eq!(rig.versions_on_the_page(), 0);
}
