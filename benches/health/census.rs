//! A real population over three years, which must not alarm: models stay good on it.

use std::path::Path;
use std::time::Duration;

use onnxd::drift::Order;

use crate::data::Data;
use crate::goal::{Bar, Goal};
use crate::watch::{self, Watch};

/// One row a second.
const WINDOW: Duration = Duration::from_secs(2_000);

pub fn run(directory: &Path) -> Vec<Goal> {
    let before = Data::by_row(&directory.join("employment_reference.parquet"), 1000);
    let later = Data::by_row(&directory.join("employment_later.parquet"), 20);
    // Rows of a year are shuffled: their order means nothing.
    let reference = watch::reference(&before.signature, &before.batches, Order::Any);
    let watch = Watch::new(reference, WINDOW, 0);
    let (mut looks, mut alarms) = (0u32, 0u32);
    for batch in &later.batches {
        watch.add(batch);
        if watch.look(batch.time) {
            looks += 1;
            alarms += u32::from(!watch.drifted().is_empty());
        }
    }
    println!("{looks} looks at the census, {alarms} with an alarm");
    let name = "looks at the census with an alarm";
    vec![Goal::new(name, f64::from(alarms), "", Bar::AtMost(0.0))]
}
