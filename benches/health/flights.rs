//! Flights and their weather over a year, in order of time.
//!
//! What of a year is a false alarm? Whatever follows right upon the reference: six weeks are the
//! reference, the next two are judged, and that from every second week on. Some of those alarms
//! are true, since two weeks of spring are not six of winter; they all count as false.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use onnxd::drift::{FeatureProfile, Order, Profile, Reference};

use crate::data::Data;
use crate::goal::{Bar, Goal};
use crate::watch::{self, Watch};

const DAY: u64 = 86_400;
/// Looks in a simulated window; a server takes one every ten seconds.
const LOOKS: u64 = 96;

/// New York's midnight before the first flight.
const NEW_YEAR: u64 = 1_357_016_400;

/// The first days of March, and of May to October, counted from New Year.
const MARCH: u64 = 59;
const MONTHS: [u64; 6] = [120, 151, 181, 212, 243, 273];

pub fn run(directory: &Path) -> Vec<Goal> {
    let data = Data::by_time(&directory.join("flights.parquet"));
    let by_day = regimes(&data, DAY, whole);
    let by_half = regimes(&data, DAY / 2, whole);
    let without = regimes(&data, DAY / 2, |reference| Profile {
        features: reference.features.into_iter().map(only_days).collect(),
        ..reference
    });
    println!("half a day against blocks of no less than a day: {without:.1} %");
    let name = "alarms in the two weeks after the six of the reference, all year, by feature and";
    vec![
        warming(&data),
        Goal::new(format!("{name} day"), by_day, " %", Bar::AtMost(4.0)),
        Goal::new(format!("{name} half a day"), by_half, " %", Bar::AtMost(4.0)),
    ]
}

fn whole(profile: Profile) -> Profile {
    profile
}

/// As if windows of all lengths were compared with the same blocks.
fn only_days(mut feature: FeatureProfile) -> FeatureProfile {
    feature.blocks.retain(|blocks| blocks.seconds.is_some_and(|length| length > 0.6 * DAY as f64));
    feature
}

fn reference(data: &Data, from: u64, to: u64, change: impl Fn(Profile) -> Profile) -> Reference {
    let span = Duration::from_secs((to - from) * DAY);
    let batches = data.between(second(from), second(to));
    let profile = watch::profile(&data.signature, batches, Order::Time(Some(span)));
    watch::against(&data.signature, &change(profile))
}

fn second(day: u64) -> u64 {
    NEW_YEAR + day * DAY
}

/// What had drifted at the end of each window from one day to another, the first day left out:
/// its windows are not full.
fn windows(
    data: &Data,
    reference: &Reference,
    window: u64,
    from: u64,
    to: u64,
) -> Vec<Vec<String>> {
    let watch = Watch::new(reference.clone(), Duration::from_secs(window), second(from));
    let mut at = second(from);
    let one = |end: u64| {
        for batch in data.between(end - window, end) {
            look_until(&watch, &mut at, batch.time, window / LOOKS);
            watch.add(batch);
        }
        look_until(&watch, &mut at, end, window / LOOKS);
        watch.look(end);
        watch.drifted()
    };
    let ends = (second(from) + window..=second(to)).step_by(as_size(window));
    ends.map(one).skip(as_size(DAY / window)).collect()
}

fn look_until(watch: &Watch, at: &mut u64, until: u64, pause: u64) {
    while *at < until {
        watch.look(*at);
        *at += pause;
    }
}

fn as_size(number: u64) -> usize {
    usize::try_from(number).expect("a small number")
}

/// January and February against the summer. A monitor for each month, begun the day before:
/// then only the window of a day speaks.
fn warming(data: &Data) -> Goal {
    let winter = reference(data, 0, MARCH, whole);
    let months = MONTHS.windows(2);
    let months = months.flat_map(|month| windows(data, &winter, DAY, month[0] - 1, month[1]));
    let months: Vec<Vec<String>> = months.collect();
    println!("days from May to September, of {}: {:?}", months.len(), counts(&months));
    let long = windows(data, &winter, DAY, MARCH, MONTHS[5]);
    println!("at the end of September, with the window of 48 days: {:?}", long.last());
    let found = months.iter().filter(|day| day.iter().any(|name| name == "temp")).count();
    let share = found as f64 / months.len() as f64 * 100.0;
    let name = "days from May to September on which the temperature has drifted from January's and February's";
    Goal::new(name, share, " %", Bar::AtLeast(90.0))
}

/// The share of alarms, in percent.
fn regimes(data: &Data, window: u64, change: impl Fn(Profile) -> Profile) -> f64 {
    const BEFORE: u64 = 42;
    const JUDGED: u64 = 14;
    let mut judged = Vec::new();
    for start in (0..=365 - BEFORE - JUDGED).step_by(14) {
        let reference = reference(data, start, start + BEFORE, &change);
        // The last day of the reference fills the window.
        let (from, to) = (start + BEFORE - 1, start + BEFORE + JUDGED);
        judged.extend(windows(data, &reference, window, from, to));
    }
    let all = judged.len() * data.signature.inputs.len();
    let alarms: usize = judged.iter().map(Vec::len).sum();
    println!("{alarms} of {all} feature-windows of {window} s: {:?}", counts(&judged));
    alarms as f64 / all as f64 * 100.0
}

fn counts(windows: &[Vec<String>]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for name in windows.iter().flatten() {
        *counts.entry(name.as_str()).or_default() += 1;
    }
    counts
}
