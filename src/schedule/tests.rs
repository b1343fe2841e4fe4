//! Promises of schedules as a whole.

mod clocks;
mod documents;
mod runner;

use jiff::{Timestamp, Zoned};

use super::*;

const JOB_KEYS: [&str; 2] = ["keep", "notes"];

fn schedules(text: &str) -> Result<Vec<Schedule>, Mistakes> {
    let table: toml::Table = toml::from_str(text).unwrap();
    read(&table["schedule"], &JOB_KEYS)
}

/// A schedule with these further lines.
fn schedule(cron: &str, zone: &str, more: &str) -> Schedule {
    let text = format!(
        "[[schedule]]\nname = \"nightly\"\nmodel = \"delay\"\ninput = \"in/{{date}}\"\n\
         output = \"out/{{date}}\"\ncron = \"{cron}\"\ntime_zone = \"{zone}\"\n{more}"
    );
    schedules(&text).unwrap().remove(0)
}

fn instant(text: &str) -> Timestamp {
    match text.parse::<Zoned>() {
        Ok(zoned) => zoned.timestamp(),
        Err(_) => text.parse().unwrap(),
    }
}
