//! Loans that change at one row: how soon it is noticed, and whether anything was before.

use std::path::Path;
use std::time::Duration;

use onnxd::drift::Order;

use crate::data::Data;
use crate::goal::{Bar, Goal};
use crate::watch::{self, Watch};

/// One row a second.
const WINDOW: Duration = Duration::from_secs(500);
const CHANGE: u64 = 25_000;

pub fn run(directory: &Path) -> Vec<Goal> {
    let before = Data::by_row(&directory.join("car_loan_reference.parquet"), 1000);
    let later = Data::by_row(&directory.join("car_loan_later.parquet"), 5);
    let span = before.batches.iter().map(|batch| batch.rows as u64).sum();
    let order = Order::Time(Some(Duration::from_secs(span)));
    let reference = watch::reference(&before.signature, &before.batches, order);
    let watch = Watch::new(reference, WINDOW, 0);
    let (mut false_alarms, mut found) = (0u32, None);
    let mut rows = 0;
    for batch in &later.batches {
        rows += batch.rows as u64;
        watch.add(batch);
        if !watch.look(rows) {
            continue;
        }
        let drifted = watch.drifted();
        if rows <= CHANGE {
            false_alarms += u32::from(!drifted.is_empty());
        } else if found.is_none() && !drifted.is_empty() {
            println!("the loans' change was found in {drifted:?} after {} rows", rows - CHANGE);
            found = Some(rows - CHANGE);
        }
    }
    println!("at the end: {:?}", watch.drifted());
    let found = found.map_or(f64::INFINITY, |rows| rows as f64);
    vec![
        Goal::new("the change of the car loans is found after", found, " rows", Bar::AtMost(400.0)),
        Goal::new("looks with an alarm before it", f64::from(false_alarms), "", Bar::AtMost(0.0)),
    ]
}
