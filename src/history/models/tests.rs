//! Samples one after the other, of models that come and go.

use super::*;
use crate::history::fake::{Asked, after, sample};

fn taken(name: &str, requests: u64) -> Taken {
    let asked = Asked { version: 1, requests, took: 1, ..Asked::default() };
    Taken { name: name.to_owned(), sample: sample(&[asked]), tails: Vec::new() }
}

fn rates(models: &Models, now: Now, name: &str) -> Option<Vec<f32>> {
    Some(models.series(now, name, Span::Hour, None)?.requests_per_second)
}

#[test]
fn a_look_goes_back_to_the_last_sample_but_one() {
    let mut models = Models::new(MOST);
    for (second, requests) in [(0, 0), (10, 1000), (20, 1100)] {
        models.push(after(second), vec![taken("m", requests)]);
    }
    let glance = models.glance(after(25), "m", &taken("m", 1150).sample);
    let now = glance.now.unwrap();
    assert_eq!((now.seconds, now.requests), (15.0, 150));
    assert_eq!(glance.recent, [100.0, 10.0]);
}

#[test]
fn soon_after_the_start_little_is_known() {
    let mut models = Models::new(MOST);
    models.push(after(0), Vec::new());
    let sample = taken("m", 5).sample;
    let mut now = after(0);
    now.steady += Duration::from_millis(900);
    assert!(models.glance(now, "m", &sample).now.is_none());
    let found = models.glance(after(2), "m", &sample).now.unwrap();
    assert_eq!((found.seconds, found.requests), (2.0, 5));
    let series = models.series(after(2), "m", Span::Hour, Some(&sample)).unwrap();
    assert_eq!(series.requests_per_second, [2.5]);
    assert!(models.series(after(2), "other", Span::Hour, None).is_none());
}

#[test]
fn a_model_that_is_gone_keeps_its_points_for_a_week() {
    let mut models = Models::new(MOST);
    models.push(after(0), vec![taken("m", 0)]);
    models.push(after(10), vec![taken("m", 50)]);
    models.push(after(20), Vec::new());
    assert_eq!(rates(&models, after(20), "m"), Some(vec![5.0]));
    let week = Span::Week.length().as_secs();
    models.push(after(week), Vec::new());
    assert_eq!(rates(&models, after(week), "m"), Some(Vec::new()));
    let later = after(week + 20);
    models.push(later, Vec::new());
    assert_eq!(rates(&models, later, "m"), None);
}

#[test]
fn a_model_that_comes_back_counts_from_its_new_beginning() {
    let mut models = Models::new(MOST);
    models.push(after(0), vec![taken("m", 1000)]);
    models.push(after(10), Vec::new());
    models.push(after(20), vec![taken("m", 30)]);
    assert_eq!(rates(&models, after(20), "m"), Some(vec![3.0]));
}

#[test]
fn there_is_room_for_so_many_models_and_those_that_are_gone_make_room() {
    let mut models = Models::new(2);
    let all = |names: &[&str]| names.iter().map(|name| taken(name, 0)).collect::<Vec<_>>();
    models.push(after(0), all(&["a", "b"]));
    assert!(models.push(after(10), all(&["a", "b", "c"])), "it is said once");
    assert!(!models.push(after(20), all(&["a", "b", "c"])));
    assert!(rates(&models, after(20), "c").is_none());
    // Nothing is said of what has a past that was not seen.
    assert!(models.glance(after(25), "c", &taken("c", 1_000_000).sample).now.is_none());
    models.push(after(30), all(&["b", "c"]));
    models.push(after(40), all(&["b", "c"]));
    assert!(rates(&models, after(40), "a").is_none());
    assert!(rates(&models, after(40), "c").is_some());
}

#[test]
fn a_queue_grows_that_was_longer_at_each_look() {
    let waits = |queue_depth: usize| {
        let sample = Sample { queue_depth, ..Sample::default() };
        Taken { name: "m".to_owned(), sample, tails: Vec::new() }
    };
    let grows = |depths: [usize; 3]| {
        let mut models = Models::new(MOST);
        models.push(after(0), vec![waits(depths[0])]);
        models.push(after(10), vec![waits(depths[1])]);
        models.glance(after(12), "m", &waits(depths[2]).sample).queue_grows
    };
    assert!(grows([0, 5, 9]));
    assert!(!grows([0, 5, 5]) && !grows([7, 5, 9]));
}

#[test]
fn a_sample_of_fifty_models_takes_a_moment() {
    let mut models = Models::new(MOST);
    let names: Vec<String> = (0..50).map(|model| format!("model_{model}")).collect();
    let mut times = Vec::new();
    for second in (0..4000).step_by(10) {
        let all = names.iter().map(|name| taken(name, second / 10)).collect();
        let began = std::time::Instant::now();
        models.push(after(second), all);
        times.push(began.elapsed());
    }
    times.sort();
    assert!(times[200] < Duration::from_secs(1), "{times:?}");
}
