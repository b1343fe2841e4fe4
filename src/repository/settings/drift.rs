//! `[drift]` of `model.toml`.

use std::path::PathBuf;

use super::reader::{Reader, Table};
use super::values;
use crate::drift::{LEAST_WINDOW, LONGEST_WINDOW, Mode, Settings};

const KEYS: [&str; 4] = ["mode", "reference", "window", "false_alarms_per_30_days"];

pub(super) fn read(reader: &mut Reader, root: &Table) -> Settings {
    let default = Settings::default();
    let Some(table) = reader.table(root, "drift", &KEYS) else { return default };
    let mode = values::one_of(&[("on", Mode::On), ("off", Mode::Off)]);
    let budget = reader.get(&table, "false_alarms_per_30_days", values::positive);
    let window = reader.find(&table, "window", values::duration);
    if let Some(window) = &window
        && !(LEAST_WINDOW..=LONGEST_WINDOW).contains(&window.value)
    {
        let message = format!("drift.window: expected from {LEAST_WINDOW:?} to 30d");
        reader.mistake(&window.at, message);
    }
    Settings {
        mode: reader.get(&table, "mode", mode).unwrap_or_default(),
        reference: reader.get(&table, "reference", values::text).map(PathBuf::from),
        window: window.map_or(default.window, |window| window.value),
        false_alarms_per_30_days: budget.unwrap_or(default.false_alarms_per_30_days),
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;

    #[test]
    fn a_window_of_drift_has_room_for_its_panes() {
        assert_eq!(
            document::read("[drift]\nwindow = \"1ms\"\nfalse_alarms_per_30_days = 0"),
            Err(
                "line 2: drift.window: expected from 1s to 30d; line 3: drift.false_alarms_per_30_days: 0 is no number above 0, expected for example 1"
                    .to_owned()
            )
        );
    }
}
