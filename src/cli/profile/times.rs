//! How long reference data took, from the times in it.
//!
//! Only the length matters, so zones and leap seconds do not.

use std::time::Duration;

use crate::table::Cell;

/// Seconds since the epoch; `None` for what is no time that is known.
pub(super) fn seconds(time: &Cell) -> Option<f64> {
    match (time, time.number()) {
        (Cell::Missing, _) => None,
        (_, Some(number)) => of_number(number),
        (_, None) => of_text(&time.text()),
    }
}

pub(super) fn between(first: &Cell, last: &Cell) -> Option<Duration> {
    let length = seconds(last)? - seconds(first)?;
    Duration::try_from_secs_f64(length).ok().filter(|length| !length.is_zero())
}

/// Seconds, milliseconds, microseconds or nanoseconds: each unit writes the years from 1985 to
/// 2128 with numbers that no other one does. Smaller ones are counters or years.
fn of_number(number: f64) -> Option<f64> {
    const YEARS: std::ops::Range<f64> = 5e8..5e9;
    [1.0, 1e3, 1e6, 1e9].into_iter().map(|unit| number / unit).find(|time| YEARS.contains(time))
}

/// ISO 8601: a date, and with it a time of the day.
fn of_text(text: &str) -> Option<f64> {
    let (date, time) = match text.trim().split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text.trim(), ""),
    };
    let mut date = date.splitn(3, '-').map(str::parse::<i32>);
    let mut next = || date.next()?.ok();
    let days = days(next()?, next()?, next()?)?;
    let time = time.split(['Z', '+', '-']).next().unwrap_or_default();
    let parts = time.split(':').filter(|part| !part.is_empty()).zip([3600.0, 60.0, 1.0]);
    let parts = parts.map(|(part, unit)| Some(part.parse::<f64>().ok()? * unit));
    Some(f64::from(days) * 86_400.0 + parts.sum::<Option<f64>>()?)
}

/// Days since the epoch, in the Gregorian calendar.
///
/// Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).
fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_tables_write_them() {
        let text = |text: &str| seconds(&Cell::Text(text.into()));
        assert_eq!(text("1970-01-02"), Some(86_400.0));
        assert_eq!(text("2013-01-01T10:30:15Z"), Some(1_357_036_215.0));
        assert_eq!(text("2013-01-01 10:30:15.5+01:00"), Some(1_357_036_215.5));
        assert_eq!(text("2000-03-01"), Some(951_868_800.0));
        let whole = |number| seconds(&Cell::Whole(number));
        let units = [1_357_036_215, 1_357_036_215_000, 1_357_036_215_000_000_000];
        assert_eq!(units.map(whole), [Some(1_357_036_215.0); 3]);
        assert_eq!(text("1357036215"), Some(1_357_036_215.0));
    }

    #[test]
    fn counters_and_words_are_no_times() {
        for text in ["2013", "7", "Monday", "2013-13-01", "2013-01-01T1x", ""] {
            assert_eq!(seconds(&Cell::Text(text.into())), None, "{text}");
        }
        assert_eq!(between(&Cell::Whole(1_357_036_215), &Cell::Whole(7)), None);
    }
}
