//! Each thing that needs attention, and what does not.

use super::*;

fn fine() -> Condition<'static> {
    Condition {
        serves: true,
        queue: Queue { limit: 512, ..Queue::default() },
        ..Condition::default()
    }
}

/// Level, topic and message of the only thing that needs attention.
fn only(of: &Condition) -> (Level, Topic, String) {
    let mut all = attention(of);
    assert_eq!(all.len(), 1, "{all:?}");
    let Attention { level, about, message } = all.remove(0);
    (level, about, message)
}

fn step(requests: u64, failed: u64) -> Step {
    Step { seconds: 15.0, requests, failed, ..Step::default() }
}

#[test]
fn a_model_that_serves_and_has_nothing_to_say_needs_none() {
    let now = step(1000, 10);
    assert_eq!(attention(&Condition { now: Some(&now), ..fine() }), []);
    assert_eq!(attention(&Condition { rests: true, serves: false, ..fine() }), []);
}

#[test]
fn a_version_that_failed_is_a_warning_while_another_serves_and_bad_if_none_does() {
    let reasons = vec![(2, "golden examples failed: 3 of 10")];
    let failed = Condition { reasons, ..fine() };
    let message = "version 2 failed: golden examples failed: 3 of 10".to_owned();
    assert_eq!(only(&failed), (Level::Warning, Topic::Version, message.clone()));
    assert_eq!(only(&Condition { serves: false, ..failed }), (Level::Bad, Topic::Version, message));
}

#[test]
fn the_newest_failure_comes_first_and_what_was_superseded_is_none() {
    let reasons = vec![(1, "a"), (2, SUPERSEDED), (3, "b"), (4, "")];
    let all = attention(&Condition { reasons, ..fine() });
    let messages: Vec<&str> = all.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages, ["version 3 failed: b", "version 1 failed: a"]);
}

#[test]
fn a_version_that_was_taken_back_is_not_said_to_have_failed() {
    let reasons = vec![(2, "rolled back by request")];
    let message = "version 2 was rolled back by request".to_owned();
    assert_eq!(only(&Condition { reasons, ..fine() }), (Level::Warning, Topic::Version, message));
}

#[test]
fn a_model_without_a_version_that_serves_is_bad_unless_one_is_loading() {
    let none = Condition { serves: false, ..fine() };
    assert_eq!(only(&none), (Level::Bad, Topic::Version, "no version serves".to_owned()));
    let (level, ..) = only(&Condition { loading: true, ..none });
    assert_eq!(level, Level::Warning);
}

#[test]
fn a_source_that_cannot_be_used_is_bad_once_nothing_serves() {
    let problem = Condition { problem: Some("model.toml: line 4: …"), ..fine() };
    let message = "the model cannot be loaded: model.toml: line 4: …".to_owned();
    assert_eq!(only(&problem), (Level::Warning, Topic::Source, message.clone()));
    assert_eq!(only(&Condition { serves: false, ..problem }), (Level::Bad, Topic::Source, message));
}

#[test]
fn more_than_one_failure_in_a_hundred_is_told_and_more_than_five_are_bad() {
    for (failed, level) in [(11, Level::Warning), (50, Level::Warning), (51, Level::Bad)] {
        let now = step(1000, failed);
        let found = only(&Condition { now: Some(&now), ..fine() });
        assert_eq!((found.0, found.1), (level, Topic::Errors));
    }
    let now = step(1000, 32);
    let (.., message) = only(&Condition { now: Some(&now), ..fine() });
    assert_eq!(message, "3.2 % of requests failed in 15 s: 32 of 1000");
}

#[test]
fn a_queue_that_turns_away_is_bad_and_one_that_fills_or_grows_a_warning() {
    let queue = |depth, grows| Queue { depth, limit: 512, grows };
    let now = Step { turned_away: 1, ..step(1000, 1) };
    let turned = Condition { now: Some(&now), queue: queue(512, true), ..fine() };
    let message = "1 request was turned away in 15 s".to_owned();
    assert_eq!(only(&turned), (Level::Bad, Topic::Queue, message));
    for (queue, message) in [
        (queue(256, false), "256 requests wait, 512 may"),
        (queue(8, true), "the queue grows: 8 requests wait"),
    ] {
        let found = only(&Condition { queue, ..fine() });
        assert_eq!(found, (Level::Warning, Topic::Queue, message.to_owned()));
    }
    for queue in [queue(7, true), queue(255, false), Queue::default()] {
        assert_eq!(attention(&Condition { queue, ..fine() }), []);
    }
}

#[test]
fn violations_of_the_contract_are_counted() {
    let now = Step { violations: 12, ..step(100, 0) };
    let message = "12 values broke the contract in 15 s".to_owned();
    let found = only(&Condition { now: Some(&now), ..fine() });
    assert_eq!(found, (Level::Warning, Topic::Contract, message));
}

#[test]
fn drift_names_shares_and_the_worst_features() {
    let drift = |inputs, predictions, features: &[&'static str]| {
        let features = features.to_vec();
        let state = drift::State::Drifted;
        Condition { drift: Some(Drifted { state, inputs, predictions, features }), ..fine() }
    };
    for (of, message) in [
        (drift(0.25, 0.0, &["a"]), "25 % of the inputs have drifted: a"),
        (
            drift(0.5, 1.0, &["a", "b", "c", "d"]),
            "50 % of the inputs and 100 % of the predictions have drifted: a, b and 2 more",
        ),
        (drift(0.0, 0.0, &["a", "b"]), "the data has drifted: a, b"),
    ] {
        assert_eq!(only(&of), (Level::Warning, Topic::Drift, message.to_owned()));
    }
    let mut stable = drift(0.1, 0.0, &["a"]);
    stable.drift.as_mut().unwrap().state = drift::State::Stable;
    assert_eq!(attention(&stable), []);
}

#[test]
fn quality_below_what_is_demanded_is_bad_once_enough_is_known() {
    let quality = Quality {
        truths: 100,
        accuracy: Some(0.81),
        min_accuracy: Some(0.9),
        ..Quality::default()
    };
    let poor = |quality| Condition { quality: vec![quality], ..fine() };
    let message = "accuracy is 0.810, 0.9 is demanded".to_owned();
    assert_eq!(only(&poor(quality)), (Level::Bad, Topic::Quality, message));
    let few = Quality { truths: 99, ..quality };
    let good = Quality { accuracy: Some(0.9), ..quality };
    for fine in [few, good, Quality { min_accuracy: None, ..quality }] {
        assert_eq!(attention(&poor(fine)), []);
    }
    let error = Quality { absolute_error: Some(3.0), max_absolute_error: Some(2.5), ..quality };
    let error = Quality { min_accuracy: None, ..error };
    let message = "the mean error is 3.000, 2.5 is allowed".to_owned();
    assert_eq!(only(&poor(error)), (Level::Bad, Topic::Quality, message));
}

#[test]
fn the_worst_comes_first() {
    let now = step(100, 50);
    let reasons = vec![(2, "slow")];
    let all = attention(&Condition { now: Some(&now), reasons, ..fine() });
    let levels: Vec<Level> = all.iter().map(|it| it.level).collect();
    assert_eq!(levels, [Level::Bad, Level::Warning]);
}
