//! Flights and their weather over a year, in order of time, judged by the day.
//!
//! What of a year is a false alarm? Whatever follows right upon the reference: six weeks are the
//! reference, the next two are judged, and that from every second week on. Some of those alarms
//! are true, since two weeks of spring are not six of winter; they all count as false.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use onnxd::drift::{Order, Reference};

use crate::data::Data;
use crate::goal::{Bar, Goal};
use crate::watch::{self, Watch};

const DAY: u64 = 86_400;
const WINDOW: Duration = Duration::from_secs(DAY);

/// Looks of a simulated day; a server looks every ten seconds.
const PAUSE: u64 = 900;

/// New York's midnight before the first flight.
const NEW_YEAR: u64 = 1_357_016_400;

/// The first days of March, May and October, counted from New Year.
const MARCH: u64 = 59;
const MONTHS: [u64; 6] = [120, 151, 181, 212, 243, 273];

pub fn run(directory: &Path) -> Vec<Goal> {
    let data = Data::by_time(&directory.join("flights.parquet"));
    vec![warming(&data), regimes(&data)]
}

fn reference(data: &Data, from: u64, to: u64) -> Reference {
    let span = Duration::from_secs((to - from) * DAY);
    let batches = data.between(second(from), second(to));
    watch::reference(&data.signature, batches, Order::Time(Some(span)))
}

fn second(day: u64) -> u64 {
    NEW_YEAR + day * DAY
}

/// What had drifted at the end of each day from one to another, the first left out: its window
/// is not full.
fn days(data: &Data, reference: &Reference, from: u64, to: u64) -> Vec<Vec<String>> {
    let watch = Watch::new(reference.clone(), WINDOW, second(from));
    let day = |day: u64| {
        let mut at = second(day);
        for batch in data.between(second(day), second(day + 1)) {
            while at < batch.time {
                watch.look(at);
                at += PAUSE;
            }
            watch.add(batch);
        }
        while at <= second(day + 1) {
            watch.look(at);
            at += PAUSE;
        }
        watch.drifted()
    };
    (from..to).map(day).skip(1).collect()
}

/// January and February against the summer. A monitor for each month, begun the day before:
/// then only the window of a day speaks.
fn warming(data: &Data) -> Goal {
    let winter = reference(data, 0, MARCH);
    let months = MONTHS.windows(2).flat_map(|month| days(data, &winter, month[0] - 1, month[1]));
    let months: Vec<Vec<String>> = months.collect();
    println!("days from May to September, of {}: {:?}", months.len(), counts(&months));
    let long = days(data, &winter, MARCH, MONTHS[5]);
    println!("at the end of September, with the window of 48 days: {:?}", long.last());
    let found = months.iter().filter(|day| day.iter().any(|name| name == "temp")).count();
    let share = found as f64 / months.len() as f64 * 100.0;
    let name = "days from May to September on which the temperature has drifted from January's and February's";
    Goal::new(name, share, " %", Bar::AtLeast(90.0))
}

fn regimes(data: &Data) -> Goal {
    const BEFORE: u64 = 42;
    const JUDGED: u64 = 14;
    let starts = (0..=365 - BEFORE - JUDGED).step_by(14);
    let judged = starts.flat_map(|start| {
        let reference = reference(data, start, start + BEFORE);
        // The last day of the reference fills the window.
        days(data, &reference, start + BEFORE - 1, start + BEFORE + JUDGED)
    });
    let judged: Vec<Vec<String>> = judged.collect();
    let windows = judged.len() * data.signature.inputs.len();
    let alarms: usize = judged.iter().map(Vec::len).sum();
    println!("{alarms} of {windows} feature-days had an alarm: {:?}", counts(&judged));
    let share = alarms as f64 / windows as f64 * 100.0;
    let name = "alarms in the two weeks after the six of the reference, all year, by feature and day";
    Goal::new(name, share, " %", Bar::AtMost(4.0))
}

fn counts(days: &[Vec<String>]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for name in days.iter().flatten() {
        *counts.entry(name.as_str()).or_default() += 1;
    }
    counts
}
