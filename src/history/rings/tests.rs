//! Points are differences of totals, coarse ones are made of fine ones, and nothing grows without
//! end.

use proptest::prelude::*;

use super::*;
use crate::history::fake::{Asked, after, sample};
use crate::history::sample::Sample;

fn step(before: Option<&Sample>, now: &Sample) -> Step {
    Step::between(before, now, 10.0)
}

fn one(requests: u64) -> Asked {
    Asked { version: 1, requests, took: 2, ..Asked::default() }
}

#[test]
fn a_point_is_the_difference_of_two_totals() {
    let (before, now) = (sample(&[one(100)]), sample(&[Asked { failed: 10, ..one(150) }]));
    let mut rings = Rings::new();
    rings.push(after(10).at, &step(Some(&before), &now));
    let series = rings.series(Span::Hour, after(11).at, None);
    assert_eq!(series.at, [after(10).at.as_secs_f64()]);
    assert_eq!((series.step_seconds, series.requests_per_second), (10, vec![5.0]));
    assert_eq!((series.rows_per_second, series.errors_per_second), (vec![8.0], vec![1.0]));
    assert_eq!(series.versions[&1], [5.0]);
    assert_eq!(series.stages_ms.infer, [Some(2.0)]);
    assert_eq!(series.latencies.iter().sum::<u64>(), 40);
    let p50 = series.p50_ms[0].unwrap();
    assert!((p50 / 2.0 - 1.0).abs() < 0.1, "{p50}");
}

#[test]
fn a_version_that_was_loaded_again_counts_from_zero() {
    let (before, now) = (sample(&[one(1000)]), sample(&[Asked { born: 1, ..one(30) }]));
    let step = step(Some(&before), &now);
    assert_eq!((step.requests, step.latencies.total()), (30, 30));
}

#[test]
fn without_requests_nothing_is_known_of_times() {
    let mut rings = Rings::new();
    rings.push(after(10).at, &step(None, &sample(&[one(0)])));
    let series = rings.series(Span::Hour, after(11).at, None);
    assert_eq!((series.requests_per_second, series.p99_ms), (vec![0.0], vec![None]));
    assert_eq!((series.stages_ms.queue, series.batch_rows), (vec![None], vec![None]));
    assert!(series.versions.is_empty());
}

#[test]
fn what_is_not_over_stands_at_the_end_of_both_spans() {
    let mut rings = Rings::new();
    rings.push(after(10).at, &step(None, &sample(&[one(50)])));
    let rest = Step::between(Some(&sample(&[one(50)])), &sample(&[one(70)]), 4.0);
    let series = rings.series(Span::Hour, after(14).at, Some(&rest));
    assert_eq!(series.requests_per_second, [5.0, 5.0]);
    let series = rings.series(Span::Week, after(14).at, Some(&rest));
    assert_eq!((series.at.len(), series.requests_per_second[0]), (1, 5.0));
    assert_eq!(series.latencies.iter().sum::<u64>(), 70);
}

#[test]
fn an_hour_and_a_week_are_kept_and_no_more() {
    let mut rings = Rings::new();
    let nothing = step(None, &Sample::default());
    // Ten days.
    let end = 10 * 24 * 3600;
    (0..=end).step_by(10).for_each(|second| rings.push(after(second).at, &nothing));
    assert_eq!((rings.fine.len(), rings.coarse.len()), (360, 1008));
    let now = after(end).at;
    for (span, points) in [(Span::Hour, 360), (Span::Week, 1009)] {
        let series = rings.series(span, now, None);
        assert!(series.at.len() <= points, "{}", series.at.len());
        assert!(series.at[0] >= now.saturating_sub(span.length()).as_secs_f64());
        assert!(series.at.is_sorted(), "times rise");
    }
    assert!(rings.forget(now));
    assert!(!rings.forget(now + Span::Week.length() * 2));
}

#[test]
fn of_very_many_versions_those_that_were_asked_most_are_told_apart() {
    let asked = |version: u64| Asked { version, requests: version, ..Asked::default() };
    let all: Vec<Asked> = (1..=40).map(asked).collect();
    let mut rings = Rings::new();
    for (at, some) in (1..).zip(all.chunks(4)) {
        rings.push(after(10 * at).at, &step(None, &sample(some)));
    }
    rings.push(after(200).at, &step(None, &sample(&all)));
    let series = rings.series(Span::Hour, after(201).at, None);
    let told: Vec<Version> = series.versions.into_keys().collect();
    assert_eq!((told.len(), told.last()), (VERSIONS, Some(&40)));
}

/// What happens to one version before a sample.
#[derive(Debug, Clone, Copy)]
struct Change {
    is_there: bool,
    is_new: bool,
    requests: u8,
    failed: u8,
}

fn change() -> impl Strategy<Value = Change> {
    (any::<bool>(), any::<bool>(), 0..8u8, 0..8u8).prop_map(
        |(is_there, is_new, requests, failed)| Change {
            is_there,
            is_new,
            requests,
            failed: failed.min(requests),
        },
    )
}

proptest! {
    #[test]
    fn every_request_is_in_one_point_whatever_comes_and_goes(
        changes in prop::collection::vec([change(), change()], 1..150),
    ) {
        let (mut asked, mut before) = ([Asked::default(), Asked::default()], None);
        let (mut rings, mut steps) = (Rings::new(), Vec::new());
        let (mut was_there, mut expected) = ([false; 2], 0);
        for (index, both) in (1..).zip(&changes) {
            let mut there = Vec::new();
            for (place, change) in both.iter().enumerate() {
                let asked = &mut asked[place];
                asked.version = place as u64;
                // What has left does not come back with the same counts.
                if change.is_new || !was_there[place] {
                    *asked = Asked { version: asked.version, born: index, took: 1, ..Asked::default() };
                }
                asked.requests += u64::from(change.requests);
                asked.failed += u64::from(change.failed);
                was_there[place] = change.is_there;
                if change.is_there {
                    there.push(*asked);
                    expected += u64::from(change.requests);
                }
            }
            let now = sample(&there);
            let step = step(before.as_ref(), &now);
            prop_assert!(step.failed <= step.requests);
            prop_assert_eq!(step.latencies.total(), step.requests - step.failed);
            rings.push(after(10 * index).at, &step);
            steps.push(step);
            before = Some(now);
        }
        let series = rings.series(Span::Hour, after(10 * changes.len() as u64).at, None);
        let requests: f64 = series.requests_per_second.iter().map(|it| 10.0 * f64::from(*it)).sum();
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let difference = (requests - expected as f64).abs();
        prop_assert!(difference < 0.01, "{requests} for {expected}");
        prop_assert!(series.requests_per_second.iter().all(|rate| *rate >= 0.0));
        // Coarse points are what their fine ones are together.
        let mut merged: Vec<(u64, Step)> = Vec::new();
        for (index, step) in (1..).zip(&steps) {
            let slot = slot(after(10 * index).at);
            match merged.last_mut() {
                Some((of, all)) if *of == slot => all.merge(step),
                _ => merged.push((slot, step.clone())),
            }
        }
        let points: Vec<Point> = merged.iter().map(|(_, step)| Point::of(step)).collect();
        let now = after(10 * changes.len() as u64).at;
        let coarse = rings.series(Span::Week, now, None);
        let expected = Series::of(Span::Week, points.iter().map(|point| (now, point)).collect());
        prop_assert_eq!(coarse.requests_per_second, expected.requests_per_second);
        prop_assert_eq!(coarse.p99_ms, expected.p99_ms);
        prop_assert_eq!(coarse.stages_ms, expected.stages_ms);
        prop_assert_eq!(coarse.versions, expected.versions);
        prop_assert_eq!(coarse.latencies, expected.latencies);
    }
}
