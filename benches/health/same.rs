//! Data that knows no time, and has not changed: every alarm is a false one.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use onnxd::drift::Order;

use crate::data::Data;
use crate::goal::{Bar, Goal};
use crate::watch::{self, Watch};

/// One row a second. Few rows make most noise: of fewer nothing is said about most features.
const WINDOW: u64 = 300;

pub fn run(directory: &Path) -> Vec<Goal> {
    let before = Data::by_row(&directory.join("same_reference.parquet"), 1000);
    let later = Data::by_row(&directory.join("same_later.parquet"), 5);
    let reference = watch::reference(&before.signature, &before.batches, Order::Any);
    let watch = Watch::new(reference, Duration::from_secs(WINDOW), 0);
    // Windows that do not overlap, in which a feature had drifted at any look.
    let mut alarms: HashSet<(u64, String)> = HashSet::new();
    for batch in &later.batches {
        watch.add(batch);
        if watch.look(batch.time) {
            alarms.extend(watch.drifted().into_iter().map(|name| (batch.time / WINDOW, name)));
        }
    }
    let features = watch.states().len() as u64;
    let windows = later.batches.last().map_or(0, |last| last.time / WINDOW) * features;
    println!("{} of {windows} feature-windows of {WINDOW} rows had an alarm", alarms.len());
    let share = alarms.len() as f64 / windows as f64 * 100.0;
    vec![Goal::new("false alarms where nothing changes", share, " %", Bar::AtMost(0.1))]
}
